//! `weir audit report`: a period on one page, for auditors.

mod criteria;
mod findings;
mod html;
mod markdown;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use archive::Trail;

use crate::cli::{AuditReport, Framework};
use crate::when;

use findings::Findings;

/// Writes the report, in the form that the file's name ends with.
pub fn report(trail: &Trail, wanted: &AuditReport) -> anyhow::Result<ExitCode> {
    let Framework::Soc2 = wanted.framework;
    let render = match wanted.output.extension().and_then(|end| end.to_str()) {
        Some("html") => html::page,
        Some("md") => markdown::page,
        Some("json") => as_json,
        _ => anyhow::bail!(
            "{} is no kind of report: let its name end with .html, .md or .json",
            wanted.output.display()
        ),
    };
    let findings = Findings::of(trail, &when::filter(&wanted.period)?)?;
    write(&wanted.output, &render(&findings))?;
    println!("{}", wanted.output.display());
    Ok(ExitCode::SUCCESS)
}

fn as_json(findings: &Findings) -> String {
    // Counts and texts: nothing that JSON could not hold.
    serde_json::to_string_pretty(findings).unwrap_or_default() + "\n"
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
}
