//! `weir audit export` and `weir audit tail`: records for other programs.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use archive::{Column, Filter, Row, TableWriter, Trail, Value};

use crate::cli::{AuditExport, AuditTail, Format};
use crate::when;

/// How often the trail is looked at for what is new.
const LOOK: Duration = Duration::from_millis(500);

/// Writes what is wanted.
pub fn export(trail: &Trail, wanted: AuditExport) -> anyhow::Result<ExitCode> {
    let filter = Filter {
        conditions: wanted.conditions,
        ..when::filter(&wanted.period)?
    };
    match (wanted.format, wanted.output) {
        (Format::Parquet, None) => {
            anyhow::bail!(
                "Parquet cannot be written to the standard output: name a file with --output"
            )
        }
        (Format::Parquet, Some(path)) => parquet(trail, &filter, &path)?,
        (format, Some(path)) => {
            let file = File::create(&path);
            let file = file.with_context(|| format!("{} cannot be written", path.display()))?;
            text(trail, &filter, format, file)?;
        }
        (format, None) => text(trail, &filter, format, io::stdout().lock())?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The records and their hashes, with today's columns. It is no trail: the records between them are missing.
fn parquet(trail: &Trail, filter: &Filter, path: &Path) -> anyhow::Result<()> {
    let mut writer = TableWriter::create(path)?;
    let mut failed = None;
    trail.each(filter, |row| {
        if failed.is_none() {
            failed = writer.push(row.clone()).err();
        }
    })?;
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(writer.finish()?),
    }
}

fn text(trail: &Trail, filter: &Filter, format: Format, out: impl Write) -> anyhow::Result<()> {
    let mut out = BufWriter::new(out);
    let mut written = match format {
        Format::Csv => writeln!(out, "{}", heading()),
        _ => Ok(()),
    };
    trail.each(filter, |row| {
        if written.is_ok() {
            written = match format {
                Format::Csv => writeln!(out, "{}", record(row)),
                Format::Ocsf => writeln!(out, "{}", archive::event(row)),
                _ => writeln!(out, "{}", json(row)),
            };
        }
    })?;
    unless_gone(written.and_then(|()| out.flush()))
}

/// Prints the newest records, and those that come, if wanted, until whoever reads them is gone.
pub fn tail(trail: &Trail, wanted: AuditTail) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    let filter = Filter {
        conditions: wanted.conditions,
        ..Filter::default()
    };
    // What came before this and is not among the newest is not looked at again.
    let mut last = newest(trail)?;
    let before = Filter {
        newest: Some(wanted.limit),
        ..filter.clone()
    };
    let mut written = Ok(());
    for row in trail.rows(&before)? {
        last = last.max(row.sequence());
        written = written.and_then(|()| writeln!(out, "{}", json(&row)));
    }
    if wanted.follow && written.is_ok() {
        return follow(trail, &filter, last, &mut out);
    }
    unless_gone(written)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the records behind this one as they come.
fn follow(
    trail: &Trail,
    filter: &Filter,
    mut last: u64,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    loop {
        thread::sleep(LOOK);
        let mut written = Ok(());
        let fresh = Filter {
            after: Some(last),
            ..filter.clone()
        };
        trail.each(&fresh, |row| {
            last = last.max(row.sequence());
            if written.is_ok() {
                written = writeln!(out, "{}", json(row));
            }
        })?;
        if let Err(error) = written.and_then(|()| out.flush()) {
            unless_gone(Err(error))?;
            return Ok(ExitCode::SUCCESS);
        }
    }
}

/// Number of the newest record; 0 where there is none.
fn newest(trail: &Trail) -> anyhow::Result<u64> {
    let newest = Filter {
        newest: Some(1),
        ..Filter::default()
    };
    Ok(trail.rows(&newest)?.first().map_or(0, Row::sequence))
}

/// That whoever reads the output has seen enough is no error.
fn unless_gone(written: io::Result<()>) -> anyhow::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("the records cannot be written"),
    }
}

/// A record with the columns that are not NULL.
pub fn json(row: &Row) -> serde_json::Value {
    let columns = row.iter().filter_map(|(column, value)| {
        let value = match value {
            Value::Null => return None,
            Value::Text(text) => text.into(),
            Value::Int(number) => number.into(),
            Value::Long(number) => number.into(),
        };
        Some((column.name().to_owned(), value))
    });
    serde_json::Value::Object(columns.collect())
}

fn heading() -> String {
    let names: Vec<_> = Column::ALL.iter().map(|column| column.name()).collect();
    names.join(",")
}

/// A line of CSV (RFC 4180). NULL is empty, and an empty text is quoted.
fn record(row: &Row) -> String {
    let value = |column: &Column| match row.get(*column) {
        Value::Null => String::new(),
        Value::Int(number) => number.to_string(),
        Value::Long(number) => number.to_string(),
        Value::Text(text) if text.is_empty() || text.contains(['"', ',', '\n', '\r']) => {
            format!("\"{}\"", text.replace('"', "\"\""))
        }
        Value::Text(text) => text.to_owned(),
    };
    Column::ALL.iter().map(value).collect::<Vec<_>>().join(",")
}
