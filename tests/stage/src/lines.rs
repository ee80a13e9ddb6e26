//! A child's output, kept in a file and waited for by line.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail};

/// What a child says.
#[derive(Debug)]
pub struct Lines {
    file: PathBuf,
    lines: Receiver<String>,
}

impl Lines {
    /// Reads until the child closes it, into this file.
    pub fn read(output: impl Read + Send + 'static, file: &Path) -> anyhow::Result<Self> {
        let (sender, lines) = mpsc::channel();
        let mut log = File::options().create(true).append(true).open(file)?;
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // The test that reads the file will notice if it is not all there.
                let _ = writeln!(log, "{line}");
                let _ = sender.send(line);
            }
        });
        Ok(Self {
            file: file.to_owned(),
            lines,
        })
    }

    /// Waits for a line that contains this, and returns it.
    pub fn wait_for(&self, part: &str, patience: Duration) -> anyhow::Result<String> {
        loop {
            match self.lines.recv_timeout(patience) {
                Ok(line) if line.contains(part) => return Ok(line),
                Ok(_) => {}
                Err(_) => {
                    let said = std::fs::read_to_string(&self.file)
                        .with_context(|| format!("{}", self.file.display()))?;
                    bail!(
                        "no line with {part:?} came; what was said ({}):\n{said}",
                        self.file.display()
                    );
                }
            }
        }
    }
}
