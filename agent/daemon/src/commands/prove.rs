//! `weir audit prove`, `key` and `rotate-key`: what others need to believe a record.

use std::fs;
use std::process::ExitCode;

use anyhow::Context as _;
use archive::Trail;

use crate::cli::AuditProve;
use crate::config::Config;
use crate::signing::Signing;

/// Writes the proof about a record.
pub fn prove(trail: &Trail, wanted: &AuditProve) -> anyhow::Result<ExitCode> {
    let proven = trail.prove(wanted.record)?;
    match &wanted.output {
        None => print!("{}", proven.evidence),
        Some(path) => fs::write(path, proven.evidence.to_string())
            .with_context(|| format!("cannot write {}", path.display()))?,
    }
    match proven.file {
        Some(file) => eprintln!("the record is in {}", file.display()),
        None => eprintln!("the record is in the journal, and not in a Parquet file yet"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the verifier key.
pub fn key(config: &Config) -> anyhow::Result<ExitCode> {
    println!("{}", Signing::load(config)?.key.verifier());
    Ok(ExitCode::SUCCESS)
}

/// Puts another key in its place.
pub fn rotate(config: &Config) -> anyhow::Result<ExitCode> {
    let (path, signing) = Signing::rotate(config)?;
    println!("{}", signing.key.verifier());
    eprintln!(
        "{} has the new key: start the agent again, and it signs. The old one is gone, and what it signed stays valid.",
        path.display()
    );
    Ok(ExitCode::SUCCESS)
}
