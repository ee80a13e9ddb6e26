//! Memory that a session costs: while it is idle, in crowds, and at most while it is busy.

use anyhow::{Context as _, Result};

use super::figures::header;
use super::report::{Claim, Section, table};
use super::stand::SUPERUSER;
use super::target::{IDLE, Kind, POLICIES, Server, Target};
use super::usage::{most_resident, resident};
use super::wire::Client;
use super::{Bench, CROWD};

const QUERY: &str = "SELECT abalance FROM pgbench_accounts WHERE aid = 1";
/// The real server holds this many sessions, a stub as many as one likes.
const SESSIONS: usize = 1_000;
/// Of an idle session.
const MOST: f64 = 24.0 * 1024.0;
/// Bytes that a client of a crowd reads at once.
const ROOM: usize = 512;
const WEIR: Kind = Kind::Weir(POLICIES);

/// The section.
pub fn measure(bench: &Bench) -> Result<Section> {
    let mut kinds = Kind::ALL.to_vec();
    kinds.retain(|kind| !matches!(kind, Kind::Direct | Kind::WeirUnix));
    let server = bench.server();
    let crowd = Target::start(Kind::Crowd, &bench.programs, &server)?;
    let stub = Server {
        port: crowd.port,
        socket: None,
    };
    let used = of_each(bench, &kinds, &server, |target| {
        sessions(target, SESSIONS, SUPERUSER, Some(QUERY))
    })?;
    let waiting = of_each(bench, &kinds, &stub, |target| {
        sessions(target, bench.crowd, IDLE, None)
    })?;
    let busy = of_each(bench, &kinds, &server, busy)?;
    let claims = [(SESSIONS, &used), (bench.crowd, &waiting)].map(|(number, figures)| {
        let own = kinds.iter().zip(figures).find(|(kind, _)| **kind == WEIR);
        let bytes = own.map_or(f64::NAN, |(_, bytes)| *bytes);
        let target =
            format!("memory of Weir per idle session at {number} sessions, at most 24 KiB");
        Claim::at_most(target, MOST, bytes, kibibytes(bytes))
    });
    let row = |name: &str, figures: &[f64]| -> Vec<String> {
        let cells = figures.iter().map(|bytes| kibibytes(*bytes));
        std::iter::once(name.to_owned()).chain(cells).collect()
    };
    let rows = [
        row(&format!("idle, {SESSIONS} sessions"), &used),
        row(&format!("idle, {} sessions", bench.crowd), &waiting),
        row("one busy session", &busy),
    ];
    Ok(Section {
        title: "Memory",
        text: format!(
            "Resident memory for each session more. Of the {SESSIONS} each has run one statement on the server; the larger crowd\n\
             is logged in at a stub and has asked nothing; it is {CROWD} sessions where the limit of open files allows it.\n\
             *Busy* is by how much the most memory ever resident grows while one session reads a result of 150 MB.\n\n{}",
            table(&header("", &kinds), &rows)
        ),
        claims: claims.to_vec(),
    })
}

/// One after the other, each alone and new.
fn of_each(
    bench: &Bench,
    kinds: &[Kind],
    server: &Server,
    measure: impl Fn(&Target) -> Result<f64>,
) -> Result<Vec<f64>> {
    let one = |kind: &Kind| {
        let target = Target::start(*kind, &bench.programs, server)?;
        measure(&target).with_context(|| target.last_words())
    };
    kinds.iter().map(one).collect()
}

/// Opens this many sessions, which stay open as long as what is returned lives.
pub fn open(port: u16, number: usize, user: &str, query: Option<&str>) -> Result<Vec<Client>> {
    let session = |index| {
        let client = Client::login(port, user, ROOM);
        let mut client = client.with_context(|| format!("session {index} of {number}"))?;
        if let Some(query) = query {
            client.query(query)?;
        }
        Ok(client)
    };
    (0..number).map(session).collect()
}

/// Bytes per session. What the first one brings for all is not counted.
fn sessions(target: &Target, number: usize, user: &str, query: Option<&str>) -> Result<f64> {
    let process = target
        .process()
        .context("nothing stands before the server")?;
    let _first = open(target.port, 1, user, query)?;
    let before = resident(process)?;
    let _others = open(target.port, number, user, query)?;
    Ok((resident(process)? - before) / number as f64)
}

/// Bytes by which a large result lets the most memory grow.
fn busy(target: &Target) -> Result<f64> {
    let process = target
        .process()
        .context("nothing stands before the server")?;
    let mut client = Client::login(target.port, SUPERUSER, ROOM)?;
    client.query(QUERY)?;
    let before = most_resident(process)?;
    client.query("SELECT * FROM bulk")?;
    Ok(most_resident(process)? - before)
}

fn kibibytes(bytes: f64) -> String {
    format!("{:.1} KiB", bytes / 1024.0)
}
