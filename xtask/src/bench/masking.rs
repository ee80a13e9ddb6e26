//! What a mask costs: a result of five texts with one of them masked, beside the same result in clear.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use super::Bench;
use super::report::{Claim, Section, table};
use super::rounds::{Series, interleave};
use super::stand::{NOTES_BYTES, NOTES_ROWS, SUPERUSER};
use super::target::{Kind, POLICIES, Target};
use super::usage::most_resident;
use super::wire::Client;

/// Results in clear first. The others are views of the same table, with a class for the last column.
const RESULTS: [(&str, &str); 6] = [
    ("notes", "in clear"),
    ("notes_null", "`null`"),
    ("notes_redact", "`redact`"),
    ("notes_partial", "`partial`"),
    ("notes_hash", "`hash`"),
    ("notes_tokenize", "`tokenize`"),
];
/// Masks that may cost half as much again as nothing.
const CHEAP: [&str; 3] = ["`null`", "`redact`", "`partial`"];
const MOST: f64 = 1.5;
/// How often the table is read to have 2 GB of it.
const TIMES: u32 = 14;
/// By how much memory may grow meanwhile.
const MOST_GROWN: f64 = 64.0 * 1024.0 * 1024.0;
/// Bytes that the client reads at once.
const ROOM: usize = 256 << 10;

/// The section.
pub fn measure(bench: &Bench) -> Result<Section> {
    let weir = Target::start(Kind::Weir(POLICIES), &bench.programs, &bench.server())?;
    let times = interleave(bench.rounds, &RESULTS, |(table, _)| seconds(&weir, table))?;
    let series: Vec<Series> = times.into_iter().map(Series::new).collect();
    let clear = series.first().context("nothing was measured")?;
    let mut rows = Vec::new();
    let mut claims = Vec::new();
    for ((_, name), seconds) in RESULTS.iter().zip(&series) {
        let ratio = seconds.over(clear);
        rows.push(vec![
            (*name).to_owned(),
            format!("{:.0}", megabytes() / seconds.median()),
            ratio.text(2),
        ]);
        if CHEAP.contains(name) {
            let target = format!(
                "time of a result with one of five texts under {name} over in clear, at most 1.5"
            );
            claims.push(Claim::at_most(target, MOST, ratio.median(), ratio.text(2)));
        }
    }
    let (read, grown) = grown(&weir)?;
    let told = format!("{:.1} MiB", grown / 1024.0 / 1024.0);
    let target = "memory of Weir while 2 GB pass a mask, at most 64 MiB more".to_owned();
    claims.push(Claim::at_most(target, MOST_GROWN, grown, told.clone()));
    Ok(Section {
        title: "Masking",
        text: format!(
            "{NOTES_ROWS} rows of five texts of {NOTES_BYTES} bytes, by SELECT with a bare reader, through Weir. The second column\n\
             is in MB/s of the result in clear, the third is the time over that in clear.\n\n{}\n\
             While {read:.1} GB passed `partial`, the most memory ever resident grew by {told}.\n",
            table(&["", "MB/s", "time"], &rows)
        ),
        claims,
    })
}

fn megabytes() -> f64 {
    f64::from(NOTES_ROWS) * f64::from(5 * NOTES_BYTES) / 1e6
}

fn seconds(weir: &Target, table: &str) -> Result<f64> {
    let mut client = Client::login(weir.port, SUPERUSER, ROOM)?;
    let start = Instant::now();
    let bytes = client.query(&format!("SELECT a, b, c, d, e FROM {table}"))?;
    let least = u64::from(NOTES_ROWS) * u64::from(4 * NOTES_BYTES);
    ensure!(bytes > least, "only {bytes} bytes came of {table}");
    Ok(start.elapsed().as_secs_f64())
}

/// Gigabytes that passed a mask, and bytes by which the most memory grew.
fn grown(weir: &Target) -> Result<(f64, f64)> {
    let process = weir.process().context("the agent runs")?;
    let mut client = Client::login(weir.port, SUPERUSER, ROOM)?;
    client.query("SELECT a FROM notes LIMIT 1")?;
    let before = most_resident(process)?;
    let mut bytes = 0;
    for _ in 0..TIMES {
        bytes += client.query("SELECT a, b, c, d, e FROM notes_partial")?;
    }
    Ok((bytes as f64 / 1e9, most_resident(process)? - before))
}
