//! The report as one page of HTML that needs nothing else: no script, no font, no image from elsewhere.

use std::fmt::Write as _;

use super::criteria::Evidence;
use super::findings::{Counts, Events, Findings, Share};

const STYLE: &str = include_str!("report.css");

/// The whole page.
pub fn page(found: &Findings) -> String {
    let host = escape(&found.host);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <title>Database access on {host}</title>\n<style>\n{STYLE}</style></head><body>\n\
         <h1>Database access on {host}</h1>\n"
    );
    page += &summary(found);
    page += &chart(found);
    page += &counts("Who", "workload, database user and database", &found.people);
    page += &counts("What", "object", &found.objects);
    for (title, events) in found.lists() {
        page += &list(title, events);
    }
    page += &criteria(&found.criteria);
    page += "</body></html>\n";
    page
}

fn summary(found: &Findings) -> String {
    let integrity = &found.integrity;
    let verdict = match integrity.is_clean {
        true => "<span class=\"good\">nothing was edited, added, moved or removed</span>",
        false => "<span class=\"bad\">the trail is not as it was written</span>",
    };
    let mut text = format!(
        "<p>{} to {}, records {} to {}. This is evidence, not a certification.</p>\n\
         <p>Integrity: {verdict}. Archived up to record {}; <code>{}</code> repeats it.</p>\n",
        found.since,
        found.until,
        found.first,
        found.last,
        integrity.head,
        escape(&integrity.command)
    );
    if let Some(checkpoint) = &integrity.checkpoint {
        _ = writeln!(
            text,
            "<p>The signed head of the log:</p><pre>{}</pre>",
            escape(checkpoint)
        );
    }
    for finding in &integrity.findings {
        _ = writeln!(text, "<p class=\"bad\">{}</p>", escape(finding));
    }
    let totals = &found.totals;
    text += "<dl class=\"tiles\">";
    for (name, number) in [
        ("requests", totals.requests),
        ("refused", found.denied.count),
        ("held", totals.held),
        ("masked", totals.masked),
        ("opaque", totals.opaque),
        ("sessions", found.sessions),
        ("unproven clients", found.unproven),
        ("without TLS", found.plain),
        ("rows read", totals.rows),
        ("records missing", found.missing),
    ] {
        _ = write!(text, "<div><dt>{name}</dt><dd>{number}</dd></div>");
    }
    text + "</dl>\n"
}

/// Requests by day, stacked: refused, held, masked, and the others.
fn chart(found: &Findings) -> String {
    const HEIGHT: u64 = 160;
    const BAR: usize = 24;
    let most = found.days.values().map(|day| day.requests).max();
    let most = most.unwrap_or_default().max(1);
    let width = found.days.len().max(1) * BAR;
    let mut chart = format!(
        "<h2>By day</h2>\n<svg viewBox=\"0 0 {width} {HEIGHT}\" width=\"{width}\" height=\"{HEIGHT}\" role=\"img\" \
         aria-label=\"Requests by day\">"
    );
    for (place, (day, counts)) in found.days.iter().enumerate() {
        let mut below = HEIGHT;
        let open = counts
            .requests
            .saturating_sub(counts.denied + counts.held + counts.masked);
        for (class, number) in [
            ("open", open),
            ("masked", counts.masked),
            ("held", counts.held),
            ("denied", counts.denied),
        ] {
            let height = number * HEIGHT / most;
            below = below.saturating_sub(height);
            let left = place * BAR + 2;
            _ = write!(
                chart,
                "<rect class=\"{class}\" x=\"{left}\" y=\"{below}\" width=\"{}\" height=\"{height}\">\
                 <title>{day}: {number} {class}</title></rect>",
                BAR - 4
            );
        }
    }
    chart += "</svg>\n<p class=\"legend\"><span class=\"open\">allowed</span> <span class=\"masked\">masked</span> \
              <span class=\"held\">held</span> <span class=\"denied\">refused</span></p>\n";
    chart
}

fn counts(title: &str, what: &str, shares: &[Share]) -> String {
    let most = shares.iter().map(|share| share.counts.requests).max();
    let most = most.unwrap_or_default().max(1);
    let mut table = format!(
        "<h2>{title}</h2>\n<table><tr><th>{what}</th><th></th><th>requests</th><th>refused</th><th>held</th>\
         <th>masked</th><th>rows</th><th>bytes</th></tr>\n"
    );
    for Share { name, counts } in shares {
        let Counts {
            requests,
            denied,
            held,
            masked,
            rows,
            bytes,
            ..
        } = counts;
        let width = requests * 120 / most;
        _ = writeln!(
            table,
            "<tr><td>{}</td><td><svg width=\"120\" height=\"10\"><rect class=\"open\" width=\"{width}\" height=\"10\"/>\
             </svg></td><td>{requests}</td><td>{denied}</td><td>{held}</td><td>{masked}</td><td>{rows}</td>\
             <td>{bytes}</td></tr>",
            escape(name)
        );
    }
    table + "</table>\n"
}

fn list(title: &str, events: &Events) -> String {
    let mut table = format!("<h2>{title}: {}</h2>\n", events.count);
    if events.shown.is_empty() {
        return table + "<p>None.</p>\n";
    }
    table += "<table><tr><th>record</th><th>time</th><th>who</th><th>what</th><th>why</th></tr>\n";
    for event in &events.shown {
        _ = writeln!(
            table,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td><code>{}</code></td><td>{}</td></tr>",
            event.sequence,
            event.time,
            escape(&event.who),
            escape(&event.what),
            escape(&event.why)
        );
    }
    table += "</table>\n";
    match events.count.saturating_sub(events.shown.len() as u64) {
        0 => table,
        more => format!("{table}<p>And {more} more.</p>\n"),
    }
}

/// From each criterion to what was found, and on to the query that finds it again.
fn criteria(lines: &[Evidence]) -> String {
    let mut table = "<h2>Criteria</h2>\n<p>SOC 2, Trust Services Criteria of 2017, in short.</p>\n\
                     <table><tr><th>criterion</th><th>about</th><th>found</th></tr>\n"
        .to_owned();
    let mut queries =
        "<h2>Queries</h2>\n<p>Over the views of <code>weir audit sql</code>.</p>\n<dl>\n"
            .to_owned();
    for line in lines {
        let (criterion, found) = (line.criterion, escape(&line.found));
        _ = writeln!(
            table,
            "<tr><td><a href=\"#{criterion}\">{criterion}</a></td><td>{}</td><td>{found}</td></tr>",
            line.about
        );
        _ = writeln!(
            queries,
            "<dt id=\"{criterion}\">{criterion}</dt><dd><code>{}</code></dd>",
            escape(line.query)
        );
    }
    table + "</table>\n" + &queries + "</dl>\n"
}

/// Text that clients chose, as text.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_cannot_become_part_of_the_page() {
        assert_eq!(escape("<script>\"&"), "&lt;script&gt;&quot;&amp;");
    }
}
