//! `weir doctor`: what this host can do, and what is therefore missing.

use std::path::Path;
use std::process::ExitCode;

use intercept::host::{State, counters, report};

use crate::anchors;
use crate::config::{Config, Encryption, Entrance};
use crate::screen::clock;

/// Looks at the host, with the configuration where there is one.
pub fn doctor(file: &Path) -> ExitCode {
    let config = Config::load(file);
    let effective = match &config {
        Ok(Config {
            entrance: Entrance::Intercept(effective),
            ..
        }) => Some(effective),
        Ok(_) => {
            println!(
                "ok       configuration: {} names a gateway, which needs nothing below",
                file.display()
            );
            None
        }
        Err(error) => {
            println!("missing  configuration: {error}");
            None
        }
    };
    let mut code = ExitCode::SUCCESS;
    if let Ok(config) = &config {
        match config.tls.read() {
            Ok(encryption) => println!("{}", tls(&encryption)),
            Err(error) => {
                code = ExitCode::FAILURE;
                println!("missing  tls: {error}");
            }
        }
        println!("{}", room(config));
        println!("{}", anchoring(config));
    }
    for finding in report(effective) {
        let state = match finding.state {
            State::Good => "ok",
            State::Lacking => "lacking",
            State::Missing => {
                code = ExitCode::FAILURE;
                "missing"
            }
        };
        println!("{state:8} {}: {}", finding.name, finding.meaning);
    }
    if let Some(Ok(Some(counters))) = effective.map(counters) {
        println!("\nsince the probes were attached:");
        for (count, times) in counters {
            println!("{times:8} {count:?}");
        }
    }
    code
}

/// What room the journal's disk has: what it needs ahead is one segment and the reserve, and each segment stays until it is
/// archived.
fn room(config: &Config) -> String {
    const ENOUGH: u64 = 8;
    let directory = config.journal_directory();
    // Before its first start the agent has no directory.
    let there = directory.ancestors().find(|path| path.exists());
    let free = match there.map(rustix::fs::statvfs) {
        Some(Ok(disk)) => disk.f_bavail.saturating_mul(disk.f_frsize),
        Some(Err(error)) => {
            return format!("missing  journal: {}: {error}", directory.display());
        }
        None => 0,
    };
    let segments = free / config.journal.segment_bytes.max(1);
    let (state, meaning) = match segments {
        0..2 => (
            "missing",
            "when it is full, every request is refused: free some",
        ),
        2..ENOUGH => ("lacking", "when it is full, every request is refused"),
        _ => (
            "ok",
            "the agent keeps a reserve for the last words beside that",
        ),
    };
    format!(
        "{state:8} journal: room for {segments} segments of {} MiB below {}; {meaning}",
        config.journal.segment_bytes >> 20,
        directory.display()
    )
}

/// What clients get that ask for TLS.
fn tls(encryption: &Encryption) -> &'static str {
    match &encryption.acceptor {
        Some(acceptor) if acceptor.is_required() => {
            "ok       tls: clients are shown a certificate, and refused without TLS"
        }
        Some(_) => "ok       tls: clients that ask for TLS are shown a certificate",
        None => {
            "lacking  tls: there is no [tls], so clients with sslmode=require or stricter do not connect"
        }
    }
}

/// Who else has seen the head of the log, and of how much nobody has.
fn anchoring(config: &Config) -> String {
    if config.anchor.is_none() {
        return "lacking  anchors: there is no [audit.anchor], so root on this host can make the log again".into();
    }
    let places = anchors::status(&config.state);
    if places.is_empty() {
        return "lacking  anchors: no agent has anchored a head yet".into();
    }
    let told = places.iter().map(|place| {
        let (size, since) = (place.size, clock(place.time));
        format!("{} has seen {size} records, at {since}", place.anchor)
    });
    format!("ok       anchors: {}", told.collect::<Vec<_>>().join("; "))
}
