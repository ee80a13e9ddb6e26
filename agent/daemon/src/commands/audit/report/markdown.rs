//! The report as Markdown.

use std::fmt::Write as _;

use super::findings::{Counts, Events, Findings, Share};

/// The whole report.
pub fn page(found: &Findings) -> String {
    let mut page = String::new();
    // A string takes everything.
    _ = write!(
        page,
        "# Database access on {}\n\n{} to {}, records {} to {}. This is evidence, not a certification.\n\n\
         Integrity: {}. Archived up to record {}; `{}` repeats it.\n\n",
        found.host,
        found.since,
        found.until,
        found.first,
        found.last,
        match found.integrity.is_clean {
            true => "nothing was edited, added, moved or removed",
            false => "THE TRAIL IS NOT AS IT WAS WRITTEN",
        },
        found.integrity.head,
        found.integrity.command
    );
    if let Some(checkpoint) = &found.integrity.checkpoint {
        _ = write!(
            page,
            "The signed head of the log:\n\n```\n{checkpoint}```\n\n"
        );
    }
    for finding in &found.integrity.findings {
        _ = writeln!(page, "* {}", cell(finding));
    }
    page += &counts(
        "By day",
        found
            .days
            .iter()
            .map(|(day, counts)| (day.as_str(), counts)),
    );
    page += &counts("Who", found.people.iter().map(named));
    page += &counts("What", found.objects.iter().map(named));
    for (title, events) in found.lists() {
        page += &list(title, events);
    }
    page += "\n## Criteria\n\n| criterion | about | found | query |\n| --- | --- | --- | --- |\n";
    for line in &found.criteria {
        let (about, query) = (cell(line.about), cell(line.query));
        _ = writeln!(
            page,
            "| {} | {about} | {} | `{query}` |",
            line.criterion,
            cell(&line.found)
        );
    }
    page
}

fn named(share: &Share) -> (&str, &Counts) {
    (&share.name, &share.counts)
}

fn counts<'a>(title: &str, of: impl Iterator<Item = (&'a str, &'a Counts)>) -> String {
    let mut table = format!(
        "\n## {title}\n\n|  | requests | refused | held | masked | rows | bytes |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n"
    );
    for (name, of) in of {
        let Counts {
            requests,
            denied,
            held,
            masked,
            rows,
            bytes,
            ..
        } = of;
        _ = writeln!(
            table,
            "| {} | {requests} | {denied} | {held} | {masked} | {rows} | {bytes} |",
            cell(name)
        );
    }
    table
}

fn list(title: &str, events: &Events) -> String {
    let mut table = format!(
        "\n## {title}: {}\n\n| record | time | who | what | why |\n| --- | --- | --- | --- | --- |\n",
        events.count
    );
    for event in &events.shown {
        let (who, what, why) = (cell(&event.who), cell(&event.what), cell(&event.why));
        _ = writeln!(
            table,
            "| {} | {} | {who} | {what} | {why} |",
            event.sequence, event.time
        );
    }
    table
}

/// Text that stays in its cell.
fn cell(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('|', "\\|")
        .replace(['\n', '\r'], " ")
        .replace('<', "&lt;")
}
