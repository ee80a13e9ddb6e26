//! What the figures were measured on, and with which versions.

use std::fs;
use std::process::Command;

use crate::command;

/// One line per fact.
pub fn text() -> String {
    let facts = [
        ("processor", processor()),
        ("memory", memory()),
        ("kernel", said("uname", &["-sr"])),
        ("PostgreSQL, pgbench", said("pgbench", &["--version"])),
        ("PgBouncer", said("pgbouncer", &["--version"])),
        ("HAProxy", said("/usr/sbin/haproxy", &["-v"])),
        ("perf", said("perf", &["--version"])),
        ("Rust", said("rustc", &["--version"])),
        ("Weir", commit()),
    ];
    facts
        .map(|(name, fact)| format!("* {name}: {fact}\n"))
        .concat()
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cores = text.matches("processor\t").count();
    format!("{}, {cores} cores", field(&text, "model name"))
}

fn memory() -> String {
    field(
        &fs::read_to_string("/proc/meminfo").unwrap_or_default(),
        "MemTotal",
    )
}

fn field(text: &str, name: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let value = line.and_then(|line| line.split_once(':'));
    value.map_or_else(unknown, |(_, value)| value.trim().to_owned())
}

fn commit() -> String {
    let commit = said(
        "git",
        &[
            "-C",
            &command::root().to_string_lossy(),
            "rev-parse",
            "--short",
            "HEAD",
        ],
    );
    format!("commit {commit}")
}

/// The first line that a program says about itself.
fn said(program: &str, arguments: &[&str]) -> String {
    let said = command::capture(Command::new(program).args(arguments));
    let line = said
        .ok()
        .and_then(|text| text.lines().next().map(str::to_owned));
    line.unwrap_or_else(unknown)
}

fn unknown() -> String {
    "unknown".to_owned()
}
