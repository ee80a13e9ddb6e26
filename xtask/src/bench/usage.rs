//! What a process used, as the kernel counts it (proc_pid_stat(5), proc_pid_status(5)).
//!
//! Reads `/proc` only. The clock ticks a hundred times per second on every Linux (`USER_HZ`), so a figure needs some
//! seconds of work to mean something.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result};

const TICKS_PER_SECOND: f64 = 100.0;

/// Processor time in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Time {
    /// In the process's own code.
    pub user: f64,
    /// In the kernel on its behalf.
    pub system: f64,
}

impl Time {
    fn less(self, earlier: Self) -> Self {
        Self {
            user: (self.user - earlier.user).max(0.0),
            system: (self.system - earlier.system).max(0.0),
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            user: self.user + other.user,
            system: self.system + other.system,
        }
    }
}

/// Processor time of a process so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    /// Of all threads, also those that have ended.
    pub whole: Time,
    /// Of the threads that live, by their name without its number.
    pub threads: BTreeMap<String, Time>,
}

impl Usage {
    /// Of this process until now.
    pub fn of(process: u32) -> Result<Self> {
        let (_, whole) = times(&read(&format!("/proc/{process}/stat"))?)?;
        let mut threads: BTreeMap<String, Time> = BTreeMap::new();
        for task in fs::read_dir(format!("/proc/{process}/task"))? {
            // A thread may end while we look.
            let Ok(stat) = fs::read_to_string(task?.path().join("stat")) else {
                continue;
            };
            let (name, time) = times(&stat)?;
            let sum = threads.entry(name).or_default();
            *sum = sum.plus(time);
        }
        Ok(Self { whole, threads })
    }

    /// What came since then.
    pub fn since(&self, earlier: &Self) -> Self {
        let before = |name| earlier.threads.get(name).copied().unwrap_or_default();
        let threads = self.threads.iter();
        Self {
            whole: self.whole.less(earlier.whole),
            threads: threads
                .map(|(name, time)| (name.clone(), time.less(before(name))))
                .collect(),
        }
    }
}

/// Memory in bytes that is resident now.
pub fn resident(process: u32) -> Result<f64> {
    memory(process, "VmRSS:")
}

/// The most memory in bytes that ever was resident.
pub fn most_resident(process: u32) -> Result<f64> {
    memory(process, "VmHWM:")
}

fn memory(process: u32, field: &str) -> Result<f64> {
    let status = read(&format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kilobytes: f64 = line
        .and_then(|line| line.trim().strip_suffix("kB"))
        .with_context(|| format!("/proc/{process}/status has no {field}"))?
        .trim()
        .parse()?;
    Ok(kilobytes * 1024.0)
}

fn read(file: &str) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read {file}: the process ended"))
}

/// A thread's name, which may contain anything, stands in brackets; utime and stime are fields 14 and 15.
fn times(stat: &str) -> Result<(String, Time)> {
    let malformed = || format!("not the form of proc_pid_stat(5): {stat}");
    let (front, fields) = stat.rsplit_once(") ").with_context(malformed)?;
    let (_, name) = front.split_once('(').with_context(malformed)?;
    let mut fields = fields.split(' ').skip(11);
    let mut seconds = || -> Result<f64> {
        let ticks: f64 = fields.next().with_context(malformed)?.parse()?;
        Ok(ticks / TICKS_PER_SECOND)
    };
    let time = Time {
        user: seconds()?,
        system: seconds()?,
    };
    let plain = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-');
    Ok((plain.to_owned(), time))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "7 (session-1) S 1 7 7 0 -1 4194560 1 0 0 0 250 75 0 0 20 0 3 0 99 1 2";

    #[test]
    fn threads_of_one_name_are_one_group() {
        let (name, time) = times(STAT).unwrap();
        assert_eq!(name, "session");
        assert_eq!((time.user, time.system), (2.5, 0.75));
    }

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let (name, time) = times(&STAT.replace("session-1", "a) S (b")).unwrap();
        assert_eq!((&*name, time.user), ("a) S (b", 2.5));
    }

    #[test]
    fn a_process_that_works_uses_time_and_memory() {
        let process = std::process::id();
        assert!(most_resident(process).unwrap() >= resident(process).unwrap());
        let usage = Usage::of(process).unwrap();
        assert_eq!(usage.since(&usage).whole, Time::default());
    }
}
