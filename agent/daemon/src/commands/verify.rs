//! `weir audit verify`: whether a trail is what was written.

use std::fs;
use std::io::{IsTerminal as _, Write as _, stderr};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use archive::{Report, Trail, Trust};

use crate::cli::AuditVerify;
use crate::config::Config;

/// That the trail is not as it was written.
const CHANGED: u8 = 1;
/// That nothing can be said about it.
const UNKNOWN: u8 = 2;

/// Verifies, and says so by the exit code.
pub fn verify(config: &Path, wanted: &AuditVerify) -> ExitCode {
    match verify_all(config, wanted) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(CHANGED),
        Err(error) => {
            eprintln!("weir: {error:#}");
            ExitCode::from(UNKNOWN)
        }
    }
}

fn verify_all(config: &Path, wanted: &AuditVerify) -> anyhow::Result<bool> {
    let trust = Trust {
        key: wanted.key.as_deref().map(read_key).transpose()?,
        since: wanted.since.clone(),
    };
    let mut is_clean = true;
    for trail in trails(config, wanted)? {
        let report = trail.verify(&trust, progress)?;
        print(&trail, &trust, &report);
        is_clean &= report.is_clean();
    }
    Ok(is_clean)
}

fn trails(config: &Path, wanted: &AuditVerify) -> anyhow::Result<Vec<Trail>> {
    let Some(directory) = &wanted.directory else {
        return Ok(vec![Config::load(config)?.trail()]);
    };
    let mut hosts = archive::hosts(directory)?;
    if let Some(host) = &wanted.host {
        hosts.retain(|found| found == host);
    }
    if hosts.is_empty() {
        bail!(
            "{} has no archive of that host: it has manifest/<host>.jsonl",
            directory.display()
        );
    }
    if hosts.len() > 1 && (wanted.key.is_some() || wanted.since.is_some()) {
        bail!(
            "--key and --since are one host's: choose it with --host ({})",
            hosts.join(", ")
        );
    }
    let trail = |host| Trail {
        directory: directory.clone(),
        host,
        journal: None,
    };
    Ok(hosts.into_iter().map(trail).collect())
}

/// A key, or the first line of the file that this names.
fn read_key(text: &str) -> anyhow::Result<proof::VerifierKey> {
    if let Ok(key) = text.parse() {
        return Ok(key);
    }
    let read = fs::read_to_string(text)
        .with_context(|| format!("--key {text} is neither a verifier key nor a file"))?;
    let line = read.lines().next().unwrap_or_default();
    line.parse().with_context(|| format!("--key {text}"))
}

/// Shows how far it is, to people only.
fn progress(rows: u64, all: u64) {
    let mut screen = stderr();
    if screen.is_terminal() && all > 0 {
        let percent = rows * 100 / all;
        let bar = "#".repeat(usize::try_from(percent / 4).unwrap_or_default());
        // Nothing hangs on it.
        let _ = write!(
            screen,
            "\r[{bar:25}] {percent:3} %, {rows} of {all} records"
        );
        if rows == all {
            let _ = write!(screen, "\r\x1b[K");
        }
    }
}

fn print(trail: &Trail, trust: &Trust, report: &Report) {
    println!(
        "{} records in {} files up to number {}, {} more in the journal",
        report.rows, report.files, report.head, report.pending
    );
    match &report.signed {
        Some(signed) => {
            let known = match trust.key {
                Some(_) => "",
                None => {
                    ", by the archive's own word (give a key that was kept elsewhere with --key)"
                }
            };
            println!(
                "signed up to record {} by {}{known}",
                signed.size, signed.key
            );
            let all = report.head + report.pending;
            if all > signed.size {
                println!("records {} to {all} are not signed yet", signed.size + 1);
            }
        }
        None => println!("nothing is signed"),
    }
    if report.unseen > 0 {
        println!(
            "{} more are signed, which the journal had that is not here",
            report.unseen
        );
    }
    if let Some(since) = report.since {
        println!("records up to {since} are those of the checkpoint that was kept");
    }
    report
        .findings
        .iter()
        .for_each(|finding| println!("{finding}"));
    match report.is_clean() {
        true => println!("nothing was edited, added, moved or removed"),
        false => println!(
            "the trail of {} is not as it was written: {} findings",
            trail.host,
            report.findings.len()
        ),
    }
}
