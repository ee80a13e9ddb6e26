//! A child's log file, waited for by line.
//!
//! The child writes to the file itself, so it goes on logging when this process is gone.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;

/// What a child says.
#[derive(Debug)]
pub struct Lines {
    file: PathBuf,
    /// Tells when the file has grown.
    growth: OwnedFd,
    read: Mutex<Reading>,
}

#[derive(Debug)]
struct Reading {
    reader: BufReader<File>,
    /// The line that has no end yet.
    line: String,
}

impl Lines {
    /// The file, to be followed from its present end, and what a child is given to write to it.
    pub fn open(file: &Path) -> Result<(Self, Stdio)> {
        let output = File::options().create(true).append(true).open(file)?;
        let mut reader = File::open(file)?;
        std::io::Seek::seek(&mut reader, std::io::SeekFrom::End(0))?;
        let growth = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
        inotify::add_watch(&growth, file, inotify::WatchFlags::MODIFY)?;
        let lines = Self {
            file: file.to_owned(),
            growth,
            read: Mutex::new(Reading {
                reader: BufReader::new(reader),
                line: String::new(),
            }),
        };
        Ok((lines, output.into()))
    }

    /// Waits for a line that contains this, and returns it. Lines before it are passed over for good.
    pub fn wait_for(&self, part: &str, patience: Duration) -> Result<String> {
        self.wait_until(part, |line| line.contains(part), patience)
    }

    /// Waits for a line that is `wanted`, and returns it. Lines before it are passed over for good.
    pub fn wait_until(
        &self,
        wanted: &str,
        is_wanted: impl Fn(&str) -> bool,
        patience: Duration,
    ) -> Result<String> {
        let deadline = Instant::now() + patience;
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            while let Some(line) = read.next()? {
                if is_wanted(&line) {
                    return Ok(line);
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let said = std::fs::read_to_string(&self.file)
                    .with_context(|| format!("{}", self.file.display()))?;
                bail!(
                    "no line with {wanted:?} came; what was said ({}):\n{said}",
                    self.file.display()
                );
            }
            self.wait_for_growth(left)?;
        }
    }

    fn wait_for_growth(&self, patience: Duration) -> Result<()> {
        let patience = Timespec::try_from(patience)?;
        poll(
            &mut [PollFd::new(&self.growth, PollFlags::IN)],
            Some(&patience),
        )?;
        // The events themselves say nothing more.
        let mut events = [0; 4096];
        while rustix::io::read(&self.growth, &mut events).is_ok_and(|length| length > 0) {}
        Ok(())
    }
}

impl Reading {
    /// The next line, once it has ended.
    fn next(&mut self) -> Result<Option<String>> {
        self.reader.read_line(&mut self.line)?;
        Ok(self
            .line
            .ends_with('\n')
            .then(|| std::mem::take(&mut self.line).trim_end().to_owned()))
    }
}
