//! A session as its client saw it, moment by moment: in the terminal, or as an asciicast that players show.

use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use archive::{Column, Row};
use model::{Content, Heading, Parameter, ParameterType};
use serde_json::json;
use value::Shown;

use crate::cli::SessionsReplay;
use crate::commands::audit::{list, values};
use crate::screen::safe;

/// Widest column of a result.
const WIDTH: usize = 40;

/// What appears at a moment.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame {
    /// Microseconds since the session began.
    pub at: i64,
    /// Whole lines.
    pub text: String,
}

/// The moments of a session's records.
pub fn frames(rows: &[Row]) -> Vec<Frame> {
    let since = rows.first().map_or(0, Row::time);
    let mut scene = Scene::default();
    let frame = |row: &Row| {
        let text = scene.text(row)?;
        let at = row.time().saturating_sub(since).max(0);
        Some(Frame { at, text })
    };
    rows.iter().filter_map(frame).collect()
}

/// What is carried from one record to the next.
#[derive(Default)]
struct Scene {
    columns: Vec<Heading>,
    is_headed: bool,
}

impl Scene {
    fn text(&mut self, row: &Row) -> Option<String> {
        let text = |column| row.text(column).unwrap_or_default();
        let said = match text(Column::Event) {
            "opened" => format!(
                "-- {} connects from {} to {}",
                list(text(Column::Workloads)).join(", "),
                text(Column::SrcEndpointIp),
                text(Column::Server)
            ),
            "encrypted" => return None,
            "decided" => return decided(row),
            "settled" => {
                let by = row.text(Column::ApprovalBy).map(|by| format!(" by {by}"));
                let why = row
                    .text(Column::ApprovalReason)
                    .map(|why| format!(": {why}"));
                let (by, why) = (by.unwrap_or_default(), why.unwrap_or_default());
                format!("-- {}{by}{why}", text(Column::Approval))
            }
            "shown" => return self.shown(serde_json::from_str(text(Column::Shown)).ok()?),
            "finished" => return finished(row),
            _ => format!("-- {}", text(Column::Reason)),
        };
        Some(safe(&said) + "\n")
    }

    fn shown(&mut self, content: Content) -> Option<String> {
        match content {
            Content::Columns(columns) => {
                self.columns = columns;
                self.is_headed = false;
                None
            }
            Content::Rows(rows) => {
                let has_headings = std::mem::replace(&mut self.is_headed, true);
                Some(table(&self.columns, !has_headings, &rows))
            }
            Content::Copied(data) => {
                let lines = data.iter().map(|data| cell(data, None));
                Some(safe(&lines.collect::<String>()))
            }
            Content::Truncated { rows, bytes } => Some(format!(
                "-- {rows} more, of {bytes} bytes, were shown and are not kept\n"
            )),
        }
    }
}

/// A question, and what the policies said where that was no yes.
fn decided(row: &Row) -> Option<String> {
    let text = |column| row.text(column).unwrap_or_default();
    let (stage, effect) = (text(Column::Stage), text(Column::Effect));
    if stage == "prepare" && effect != "deny" {
        return None;
    }
    let database = text(Column::DatabaseName);
    let mut said = match (stage, row.text(Column::QueryString)) {
        ("connect", _) => format!(
            "-- logs in to {database} as {}\n",
            text(Column::ActorUserName)
        ),
        (_, Some(statement)) => format!("{database}=> {statement}\n"),
        (_, None) => format!("{database}=> -- a statement whose text is not kept\n"),
    };
    match values(text(Column::Values)) {
        none if none.is_empty() => {}
        values => said += &format!("-- {values}\n"),
    }
    let because = text(Column::Reason);
    match (effect, row.number(Column::Monitored)) {
        ("allow", _) => {}
        (_, Some(1)) => said += &format!("-- forwarded because only monitored: {because}\n"),
        ("hold", _) => said += &format!("-- waits for approval: {because}\n"),
        _ => said += &format!("-- refused: {because}\n"),
    }
    Some(safe(&said))
}

/// How a request ended.
fn finished(row: &Row) -> Option<String> {
    let text = |column| row.text(column).unwrap_or_default();
    let number = |column| row.number(column).unwrap_or_default();
    let ended = match row.text(Column::StatusCode) {
        Some(code) => format!("ERROR {code}: {}", text(Column::StatusDetail)),
        None => list(text(Column::Tags)).join(", "),
    };
    // What was only prepared ends with nothing to say.
    if ended.is_empty() {
        return None;
    }
    let (rows, bytes) = (number(Column::Rows), number(Column::Bytes));
    let (masked, micros) = (number(Column::MaskedValues), number(Column::DurationUs));
    let said =
        format!("{ended}\n-- {rows} rows, {bytes} bytes, {masked} values masked, {micros} us\n");
    Some(safe(&said))
}

/// Rows below each other, each part of a result by its own widths.
fn table(columns: &[Heading], is_headed: bool, rows: &[Vec<Parameter>]) -> String {
    let line = |row: &Vec<Parameter>| {
        let cells = row.iter().enumerate();
        let cells = cells.map(|(place, value)| {
            let text = safe(&cell(value, columns.get(place))).replace(['\n', '\t'], " ");
            match text.char_indices().nth(WIDTH) {
                Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
                None => text,
            }
        });
        cells.collect::<Vec<_>>()
    };
    let headings: Vec<_> = columns.iter().map(|column| safe(&column.name)).collect();
    let mut lines: Vec<_> = rows.iter().map(line).collect();
    if is_headed {
        lines.insert(0, headings);
    }
    let width = |place: usize| {
        let cells = lines.iter().filter_map(|line| line.get(place));
        cells
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let most = lines.iter().map(Vec::len).max().unwrap_or_default();
    let widths: Vec<usize> = (0..most).map(width).collect();
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        let cells = line.iter().zip(&widths);
        let cells: Vec<_> = cells
            .map(|(cell, width)| format!(" {cell:width$} "))
            .collect();
        text += cells.join("|").trim_end();
        text += "\n";
        if is_headed && number == 0 {
            let rules: Vec<_> = widths.iter().map(|width| "-".repeat(width + 2)).collect();
            text += &rules.join("+");
            text += "\n";
        }
    }
    text
}

fn cell(value: &Parameter, column: Option<&Heading>) -> String {
    let kind = column.map(|column| ParameterType {
        name: column.name.as_str().into(),
        like: column.kind,
    });
    match value::show(value, kind.as_ref()) {
        Shown::Null => String::new(),
        Shown::Text(text) => text.into_owned(),
        Shown::Bytes(hex, _) => format!("\\x{hex}"),
        Shown::Large { length, .. } => format!("{length} bytes"),
    }
}

/// Shows the moments one after the other, or writes them as an asciicast.
/// <https://docs.asciinema.org/manual/asciicast/v2/>
pub fn play(frames: &[Frame], wanted: &SessionsReplay) -> anyhow::Result<()> {
    let played = match wanted.asciicast {
        true => cast(frames, &wanted.id),
        false => show(frames, wanted.fast),
    };
    match played {
        // Who watches has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        played => played.context("the replay cannot be written"),
    }
}

fn show(frames: &[Frame], fast: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let mut now = 0;
    for frame in frames {
        let pause = u64::try_from(frame.at - now).unwrap_or_default();
        now = frame.at;
        if !fast {
            thread::sleep(Duration::from_micros(pause));
        }
        out.write_all(frame.text.as_bytes())?;
        out.flush()?;
    }
    Ok(())
}

fn cast(frames: &[Frame], title: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let header =
        json!({"version": 2, "width": 120, "height": 40, "title": format!("weir session {title}")});
    writeln!(out, "{header}")?;
    for frame in frames {
        // A terminal goes to the start of a line only where it is told to.
        let text = frame.text.replace('\n', "\r\n");
        let seconds = Duration::from_micros(frame.at.unsigned_abs()).as_secs_f64();
        writeln!(out, "{}", json!([seconds, "o", text]))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Parameter {
        Parameter::Text(text.to_owned())
    }

    #[test]
    fn rows_stand_below_their_columns() {
        let columns = ["id", "name"].map(|name| Heading {
            name: name.to_owned(),
            kind: 25,
        });
        let rows = [
            vec![text("1"), text("Ada\nLovelace")],
            vec![text("2"), Parameter::Null],
        ];
        assert_eq!(
            table(&columns, true, &rows),
            " id | name\n----+--------------\n 1  | Ada Lovelace\n 2  |\n"
        );
    }

    #[test]
    fn a_value_cannot_move_the_cursor() {
        let shown = table(&[], false, &[vec![text("\x1b[2J")]]);
        assert!(!shown.contains('\x1b'), "{shown}");
    }
}
