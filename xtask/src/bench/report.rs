//! What comes out: sections with their claims, as the text of `BENCHMARKS.md`.
//!
//! ```text
//! title, targets, one section per measurement, machine, method     from the run
//! MARK                                                             from here on by hand, and kept
//! ```

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context as _, Result};

use crate::command;

use super::machine;

/// What stands below it is kept.
const MARK: &str =
    "<!-- Written by `cargo xtask bench` down to here; what follows is by hand, and kept. -->";

/// One measurement.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its heading.
    pub title: &'static str,
    /// What was done, and the figures.
    pub text: String,
    /// What was to be reached.
    pub claims: Vec<Claim>,
}

/// A target, and what became of it.
#[derive(Clone, Debug)]
pub struct Claim {
    /// What was measured, with the figure that it should come to.
    pub target: String,
    /// What it came to.
    pub figure: String,
    /// Whether that is enough.
    pub is_met: bool,
}

impl Claim {
    /// This figure is to be at least that.
    pub fn at_least(target: impl Into<String>, least: f64, figure: f64, text: String) -> Self {
        Self {
            target: target.into(),
            figure: text,
            is_met: figure >= least,
        }
    }

    /// This figure is to be at most that.
    pub fn at_most(target: impl Into<String>, most: f64, figure: f64, text: String) -> Self {
        Self {
            target: target.into(),
            figure: text,
            is_met: figure <= most,
        }
    }
}

/// The whole text.
pub fn text(sections: &[Section], about: &str) -> String {
    let mut text = String::from("# Benchmarks\n\n");
    text.push_str(INTRODUCTION);
    text.push_str(&targets(sections));
    for section in sections {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n## {}\n\n{}", section.title, section.text);
    }
    let _ = write!(text, "\n## Machine and versions\n\n{}", machine::text());
    let _ = write!(text, "\n## Method\n\n{METHOD}{about}");
    text
}

/// Writes the text into `BENCHMARKS.md`, above what was written there by hand.
pub fn keep(text: &str) -> Result<()> {
    let file = command::root().join("BENCHMARKS.md");
    let old = fs::read_to_string(&file).unwrap_or_default();
    fs::write(&file, joined(text, &old)).with_context(|| format!("cannot write {}", file.display()))
}

fn joined(new: &str, old: &str) -> String {
    let kept = old.split_once(MARK).map_or("\n", |(_, kept)| kept);
    format!("{}\n\n{MARK}{kept}", new.trim_end())
}

/// A table: the first column is text, the others are figures.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = format!("| {} |\n| ---", header.join(" | "));
    text.push_str(&" | ---:".repeat(header.len().saturating_sub(1)));
    text.push_str(" |\n");
    for row in rows {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}

fn targets(sections: &[Section]) -> String {
    let claims: Vec<&Claim> = sections
        .iter()
        .flat_map(|section| &section.claims)
        .collect();
    let met = claims.iter().filter(|claim| claim.is_met).count();
    let rows: Vec<Vec<String>> = claims
        .iter()
        .map(|claim| {
            let verdict = if claim.is_met { "met" } else { "**not met**" };
            vec![
                claim.target.clone(),
                claim.figure.clone(),
                verdict.to_owned(),
            ]
        })
        .collect();
    format!(
        "## Targets\n\n{met} of {} are met.\n\n{}",
        claims.len(),
        table(&["target", "measured", ""], &rows)
    )
}

const INTRODUCTION: &str = "\
Weir beside proxies that enforce nothing, on one machine, everything over loopback. Weir judges every statement by policy
and has it in the journal before it is forwarded (durability `process`), with its outcome before the client reads its last
byte; no column is masked. The others pass bytes, or pool connections. `cargo xtask bench` repeats all of it.

";

const METHOD: &str = "\
Rounds are interleaved: each measures every column once, every second one in the opposite order, and while one proxy is
measured the others are stopped (SIGSTOP), so that what one puts off is done in its own turn. A figure is the median over
the rounds with the smallest and the largest; a ratio is formed within its round first. Client, proxy and server share the
machine's processors, so a proxy's processor time is also throughput.

* The server is a throwaway PostgreSQL with `fsync=off`, its defaults but for `shared_buffers=512MB`, `max_wal_size=8GB`,
  `max_connections=1200` and `autovacuum=off`; pgbench's tables at scale 1.
* Load is `pgbench --select-only`: one SELECT by primary key in each transaction.
* *L4 relay*: tokio's `copy_bidirectional` on one thread, `xtask/examples/relay.rs`. The yardstick: what any user-space
  proxy costs.
* *PgBouncer*: session mode, defaults, limits raised. *HAProxy*: TCP mode, defaults (a thread per core).
* *Weir*: a gateway in front of the server with ten policies and the shipped classes, everything else as shipped, archive
  included. *Weir, unix upstream*: the same, reaching the server by its unix socket.
* Processor time is `utime` and `stime` of `/proc/PID/stat` before and after a run, for the whole process; system calls are
  counted by `perf stat` on `raw_syscalls:sys_enter`; memory is `VmRSS` and `VmHWM` of `/proc/PID/status`.

";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_by_hand_stays() {
        let old = format!("old figures\n\n{MARK}\n\n## What was removed\n\nA copy.\n");
        let new = joined("new figures\n", &old);
        assert_eq!(
            new,
            format!("new figures\n\n{MARK}\n\n## What was removed\n\nA copy.\n")
        );
        assert_eq!(joined("newer\n", &new), new.replace("new figures", "newer"));
    }

    #[test]
    fn a_target_that_is_missed_is_said_to_be() {
        let claim = Claim::at_least("at least 0.9", 0.9, 0.89, "0.89".into());
        let section = Section {
            title: "Bulk",
            text: String::new(),
            claims: vec![claim, Claim::at_most("at most 3", 3.0, 3.0, "3.0".into())],
        };
        let text = targets(&[section]);
        assert!(text.contains("1 of 2 are met"), "{text}");
        assert!(
            text.contains("| at least 0.9 | 0.89 | **not met** |"),
            "{text}"
        );
    }
}
