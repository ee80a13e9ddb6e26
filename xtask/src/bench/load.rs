//! pgbench: how it is called, and what it says.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::command;

use super::stand::DATABASE;

/// How pgbench sends its statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One Query message.
    Simple,
    /// Parse, Bind, Execute each time.
    Extended,
    /// Bind, Execute of what was prepared once.
    Prepared,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Simple, Self::Extended, Self::Prepared];

    /// pgbench's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Extended => "extended",
            Self::Prepared => "prepared",
        }
    }
}

/// One run: a SELECT by primary key, over and over.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Sessions at the same time.
    pub clients: u32,
    /// How the statement is sent.
    pub mode: Mode,
    /// For how long.
    pub seconds: u32,
}

/// What pgbench counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Count {
    /// Statements that were answered.
    pub queries: f64,
    /// Statements per second.
    pub rate: f64,
}

impl Load {
    /// pgbench against this port of 127.0.0.1.
    pub fn command(self, port: u16) -> Command {
        let mut pgbench = Command::new("pgbench");
        pgbench
            .args(["--select-only", "--no-vacuum", "--host=127.0.0.1"])
            .args(["--username=postgres", &format!("--port={port}")])
            .arg(format!("--protocol={}", self.mode.name()))
            .arg(format!("--client={}", self.clients))
            .arg(format!("--jobs={}", self.clients.min(2)))
            .arg(format!("--time={}", self.seconds));
        pgbench
    }

    /// Runs it.
    pub fn run(self, port: u16) -> Result<Count> {
        read(&command::capture(self.command(port).arg(DATABASE))?)
    }

    /// Runs it with a new connection for every statement.
    pub fn run_reconnecting(self, port: u16) -> Result<Count> {
        read(&command::capture(
            self.command(port).arg("--connect").arg(DATABASE),
        )?)
    }

    /// Runs it, and gives the time of every statement in microseconds, in ascending order.
    pub fn run_timed(self, port: u16, directory: &Path) -> Result<(Count, Vec<u32>)> {
        let prefix = directory.join("pgbench");
        let mut pgbench = self.command(port);
        pgbench.arg("--log").arg("--log-prefix").arg(&prefix);
        let count = read(&command::capture(pgbench.arg(DATABASE))?)?;
        let mut times = Vec::new();
        for entry in fs::read_dir(directory)? {
            let file = entry?.path();
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with("pgbench.") {
                times.extend(fs::read_to_string(&file)?.lines().filter_map(time));
                fs::remove_file(&file)?;
            }
        }
        times.sort_unstable();
        Ok((count, times))
    }
}

/// What pgbench printed at its end.
pub fn read(said: &str) -> Result<Count> {
    let value = |name: &str| -> Result<f64> {
        let line = said.lines().find_map(|line| line.strip_prefix(name));
        let word = line.and_then(|line| line.trim_start_matches([':', '=', ' ']).split(' ').next());
        let word = word.and_then(|word| word.split('/').next());
        let word = word.with_context(|| format!("pgbench said no {name:?}:\n{said}"))?;
        Ok(word.parse()?)
    };
    Ok(Count {
        queries: value("number of transactions actually processed")?,
        rate: value("tps")?,
    })
}

/// A line of the log: client, number, microseconds, ... (pgbench, "Per-Transaction Logging").
fn time(line: &str) -> Option<u32> {
    line.split(' ').nth(2)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_read_with_and_without_reconnecting() {
        let said = "number of transactions actually processed: 4242\n\
                    number of failed transactions: 0 (0.000%)\n\
                    latency average = 0.070 ms\n\
                    average connection time = 0.9 ms\n\
                    tps = 1414.000700 (including reconnection times)\n";
        let count = read(said).unwrap();
        assert_eq!((count.queries, count.rate), (4242.0, 1414.0007));
        assert!(
            read("tps = 1")
                .unwrap_err()
                .to_string()
                .contains("processed")
        );
    }

    #[test]
    fn a_line_of_the_log_tells_the_time() {
        assert_eq!(time("0 199 2241 0 1175850568 995598"), Some(2241));
        assert_eq!(time("nonsense"), None);
    }
}
