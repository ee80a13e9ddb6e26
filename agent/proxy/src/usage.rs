//! Counts what subjects run and read, for policies on rates and volumes.
//!
//! A subject is counted by its most telling workload (its unit, container, user or address), across its sessions and for
//! as long as the agent runs: reconnecting forgets nothing. By the host's monotonic clock, in coarse buckets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use model::{Count, Subject, Usage};

/// Subjects that are counted apart. All beyond that share one count, which is strict and not lax.
const SUBJECTS: usize = 100_000;
/// One more than make up a window, so that nothing is forgotten too early.
const BUCKETS: usize = 13;
/// Seconds of a bucket: 12 are a minute.
const OF_A_MINUTE: u64 = 5;
/// Seconds of a bucket: 12 are an hour.
const OF_AN_HOUR: u64 = 300;

/// The counts of all subjects.
#[derive(Clone)]
pub struct Usages {
    by_subject: Arc<Mutex<BySubject>>,
    since: Instant,
}

/// By the name that a subject is counted under.
type BySubject = HashMap<Arc<str>, Arc<Mutex<Recent>>>;

/// Counts for one session.
pub struct Meter {
    session: Mutex<Count>,
    subject: Arc<Mutex<Recent>>,
    since: Instant,
}

/// What one subject did of late.
struct Recent {
    minute: Window,
    hour: Window,
}

/// Counts of the last buckets of time.
struct Window {
    /// Seconds of a bucket.
    width: u64,
    /// Number of the newest bucket since the agent's start.
    newest: u64,
    buckets: [Count; BUCKETS],
}

impl Default for Usages {
    fn default() -> Self {
        Self {
            by_subject: Arc::default(),
            since: Instant::now(),
        }
    }
}

impl Usages {
    /// The meter of a new session.
    pub fn meter(&self, subject: &Subject) -> Meter {
        let name = subject.workloads.first();
        let name = name.map_or("", |workload| &workload.0);
        let mut by_subject = lock(&self.by_subject);
        if by_subject.len() >= SUBJECTS && !by_subject.contains_key(name) {
            let now = self.since.elapsed().as_secs();
            by_subject.retain(|_, recent| lock(recent).hour.total(now) != Count::default());
        }
        let name = if by_subject.len() < SUBJECTS {
            name
        } else {
            ""
        };
        let recent = match by_subject.get(name) {
            Some(recent) => recent.clone(),
            None => {
                let recent = Arc::new(Mutex::new(Recent::new()));
                by_subject.insert(name.into(), recent.clone());
                recent
            }
        };
        Meter {
            session: Mutex::default(),
            subject: recent,
            since: self.since,
        }
    }
}

impl Meter {
    /// Counts.
    pub fn add(&self, count: Count) {
        lock(&self.session).add(count);
        let now = self.since.elapsed().as_secs();
        let mut subject = lock(&self.subject);
        subject.minute.add(now, count);
        subject.hour.add(now, count);
    }

    /// Everything so far.
    pub fn usage(&self) -> Usage {
        let now = self.since.elapsed().as_secs();
        let session = *lock(&self.session);
        let mut subject = lock(&self.subject);
        Usage {
            session,
            minute: subject.minute.total(now),
            hour: subject.hour.total(now),
        }
    }
}

impl Recent {
    fn new() -> Self {
        Self {
            minute: Window::new(OF_A_MINUTE),
            hour: Window::new(OF_AN_HOUR),
        }
    }
}

impl Window {
    fn new(width: u64) -> Self {
        Self {
            width,
            newest: 0,
            buckets: Default::default(),
        }
    }

    fn add(&mut self, now: u64, count: Count) {
        self.advance(now);
        if let Some(bucket) = self.buckets.first_mut() {
            bucket.add(count);
        }
    }

    fn total(&mut self, now: u64) -> Count {
        self.advance(now);
        let mut total = Count::default();
        self.buckets.iter().for_each(|bucket| total.add(*bucket));
        total
    }

    /// The newest bucket is the first.
    fn advance(&mut self, now: u64) {
        let number = now / self.width;
        let passed = number.saturating_sub(self.newest);
        let passed = usize::try_from(passed).unwrap_or(BUCKETS).min(BUCKETS);
        self.buckets.rotate_right(passed);
        self.buckets
            .iter_mut()
            .take(passed)
            .for_each(|bucket| *bucket = Count::default());
        self.newest = self.newest.max(number);
    }
}

/// Counts are whole whatever happened to who held the lock.
fn lock<T>(counts: &Mutex<T>) -> MutexGuard<'_, T> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use model::{SessionId, Workload};

    use super::*;

    fn rows(rows: u64) -> Count {
        Count {
            rows,
            ..Count::default()
        }
    }

    fn subject(workloads: &[&str]) -> Subject {
        let workloads = workloads.iter().map(|name| Workload((*name).to_owned()));
        Subject {
            session: SessionId::now(),
            workloads: workloads.collect(),
            os_user: None,
            executable: None,
            process: None,
            address: "10.0.0.7:4000".parse().unwrap(),
        }
    }

    #[test]
    fn nothing_is_forgotten_within_a_window_and_nothing_kept_long_after_it() {
        for start in 0..70 {
            let mut minute = Window::new(OF_A_MINUTE);
            minute.add(start, rows(7));
            assert_eq!(minute.total(start + 59), rows(7), "from {start}");
            assert_eq!(minute.total(start + 65), rows(0), "from {start}");
        }
    }

    #[test]
    fn counts_of_one_window_add_up() {
        let mut minute = Window::new(OF_A_MINUTE);
        for second in 0..60 {
            minute.add(second, rows(1));
        }
        assert_eq!(minute.total(59), rows(60));
        assert_eq!(minute.total(1_000_000), rows(0));
    }

    #[test]
    fn sessions_of_one_subject_are_counted_together_and_after_their_end() {
        let usages = Usages::default();
        let billing = subject(&["systemd:billing.service", "user:billing"]);
        usages.meter(&billing).add(rows(3));
        let meter = usages.meter(&billing);
        meter.add(rows(4));
        let usage = meter.usage();
        assert_eq!(
            (usage.session.rows, usage.minute.rows, usage.hour.rows),
            (4, 7, 7)
        );
        let other = usages.meter(&subject(&["user:alice"]));
        assert_eq!(other.usage(), Usage::default());
    }
}
