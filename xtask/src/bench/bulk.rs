//! Large results and large loads: a million rows in one statement.

use std::fs::File;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Result, ensure};

use super::Bench;
use super::figures::{Figures, header};
use super::report::{Claim, Section, table};
use super::stand::{BULK_ROW, BULK_ROWS, DATABASE, SUPERUSER};
use super::target::{Kind, POLICIES, Target};
use super::wire::Client;

/// One way of moving the rows.
#[derive(Clone, Copy, Debug)]
enum Way {
    CopyOut,
    Select,
    /// SELECT, read by a client that only counts: psql keeps a whole result first, and hides what is slow before it.
    SelectCounted,
    CopyIn,
}

const WAYS: [Way; 4] = [Way::CopyOut, Way::Select, Way::SelectCounted, Way::CopyIn];

/// The section.
pub fn measure(bench: &Bench) -> Result<Section> {
    let targets = bench.line_up(&Kind::ALL)?;
    let (mut rows, mut claims) = (Vec::new(), Vec::new());
    for way in WAYS {
        let rates = Figures::measure(bench.rounds, &targets, |target| way.rate(bench, target))?;
        rows.push(row(way, &rates)?);
        let ratio = rates.ratio(Kind::Weir(POLICIES), Kind::Relay)?;
        let target = format!(
            "bulk rate of Weir over the L4 relay's, {}, at least 0.9",
            way.name()
        );
        claims.push(Claim::at_least(target, 0.9, ratio.median(), ratio.text(2)));
    }
    Ok(Section {
        title: "Bulk",
        text: format!(
            "{BULK_ROWS} rows of {BULK_ROW} bytes, unmasked. The first column is in MB/s, the others are ratios to it.\n\n{}",
            table(&header("", &Kind::ALL), &rows)
        ),
        claims,
    })
}

fn row(way: Way, rates: &Figures) -> Result<Vec<String>> {
    let cells = rates.cells(|kind, rate| match kind {
        Kind::Direct => Ok(format!("{:.0}", rate.median())),
        _ => Ok(rates.ratio(kind, Kind::Direct)?.text(2)),
    })?;
    Ok(std::iter::once(way.name().to_owned())
        .chain(cells)
        .collect())
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::CopyOut => "COPY out, psql",
            Self::Select => "SELECT, psql",
            Self::SelectCounted => "SELECT, bare reader",
            Self::CopyIn => "COPY in, psql",
        }
    }

    /// Megabytes per second.
    fn rate(self, bench: &Bench, target: &Target) -> Result<f64> {
        if matches!(self, Self::CopyIn) {
            bench.stand.run("TRUNCATE arrivals")?;
        }
        let start = Instant::now();
        match self {
            Self::CopyOut => psql(target, "COPY bulk TO STDOUT", Stdio::null())?,
            Self::Select => psql(target, "SELECT * FROM bulk", Stdio::null())?,
            Self::SelectCounted => count(target)?,
            Self::CopyIn => {
                let rows = File::open(bench.stand.bulk_file())?;
                psql(target, "COPY arrivals FROM STDIN", rows.into())?;
            }
        }
        let bytes = f64::from(BULK_ROWS) * f64::from(BULK_ROW);
        Ok(bytes / 1e6 / start.elapsed().as_secs_f64())
    }
}

fn psql(target: &Target, statement: &str, input: Stdio) -> Result<()> {
    let server = format!("postgresql://postgres@127.0.0.1:{}/{DATABASE}", target.port);
    let status = Command::new("psql")
        .args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only"])
        .args(["--set=ON_ERROR_STOP=1", &server, "--command", statement])
        .stdin(input)
        .stdout(Stdio::null())
        .status()?;
    ensure!(status.success(), "psql ended with {status}");
    Ok(())
}

fn count(target: &Target) -> Result<()> {
    let bytes = Client::login(target.port, SUPERUSER, 256 << 10)?.query("SELECT * FROM bulk")?;
    let least = u64::from(BULK_ROWS) * u64::from(BULK_ROW);
    ensure!(bytes > least, "only {bytes} bytes came");
    Ok(())
}
