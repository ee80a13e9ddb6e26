//! Claims about disks that fail: an append that was not kept is never acknowledged, and nothing is after it.

use std::io::{self, Error};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use super::*;
use crate::Durability;
use crate::disk::{Disk, RealDisk, SegmentFile};

/// A real disk with limits.
#[derive(Clone, Default)]
struct FaultyDisk(Arc<Limits>);

#[derive(Default)]
struct Limits {
    /// Bytes that still fit; what does not is cut short.
    room: AtomicU64,
    /// Syncs that still succeed.
    syncs: AtomicU64,
    /// Whether syncs have to wait, and for whom.
    stalled: Mutex<bool>,
    resumed: Condvar,
}

impl FaultyDisk {
    fn new(room: u64, syncs: u64) -> Self {
        let disk = Self::default();
        disk.0.room.store(room, Ordering::SeqCst);
        disk.0.syncs.store(syncs, Ordering::SeqCst);
        disk
    }

    fn stall(&self, stalled: bool) {
        *self.0.stalled.lock().unwrap() = stalled;
        self.0.resumed.notify_all();
    }

    fn open(&self, directory: &Path, durability: Durability) -> Journal {
        let settings = Settings {
            durability,
            queue_bytes: 4096,
            ..Settings::default()
        };
        Journal::open_on(Box::new(self.clone()), directory.to_owned(), settings)
            .unwrap()
            .0
    }
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn SegmentFile>> {
        let file = RealDisk.create(path)?;
        Ok(Arc::new(FaultyFile {
            file,
            limits: Arc::clone(&self.0),
        }))
    }

    fn publish(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.publish(from, to)
    }
}

struct FaultyFile {
    file: Arc<dyn SegmentFile>,
    limits: Arc<Limits>,
}

impl SegmentFile for FaultyFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let room = self.limits.room.load(Ordering::SeqCst);
        let fits = bytes.len().min(room as usize);
        self.limits.room.store(room - fits as u64, Ordering::SeqCst);
        self.file.append(&bytes[..fits])?;
        match fits == bytes.len() {
            true => Ok(()),
            false => Err(Error::from(rustix::io::Errno::NOSPC)),
        }
    }

    fn sync(&self) -> io::Result<()> {
        let stalled = self.limits.stalled.lock().unwrap();
        drop(self.limits.resumed.wait_while(stalled, |stalled| *stalled));
        let one_less = |left: u64| left.checked_sub(1);
        let syncs = &self.limits.syncs;
        match syncs.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less) {
            Ok(_) => self.file.sync(),
            Err(_) => Err(Error::from(rustix::io::Errno::IO)),
        }
    }
}

fn failed(result: Result<u64, JournalError>) -> String {
    match result {
        Err(error @ JournalError::Failed { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_full_disk_fails_the_append_and_every_later_one() {
    let directory = tempfile::tempdir().unwrap();
    let journal = FaultyDisk::new(1000, u64::MAX).open(directory.path(), Durability::Process);
    let mut acknowledged = 0;
    let message = loop {
        match journal.append(record(acknowledged + 1)).await {
            Ok(sequence) => acknowledged = sequence,
            failure => break failed(failure),
        }
    };
    assert!(acknowledged > 2);
    assert!(message.contains("No space left on device"), "{message}");
    assert!(message.contains("00000000000000000001.wj"), "{message}");
    assert_eq!(failed(journal.append(record(99)).await), message);
    assert_eq!(failed(journal.seal().await), message);
    assert!(journal.close().await.is_err());

    let (_reopened, recovery) = open(directory.path());
    assert_eq!(recovery.next, acknowledged + 1);
    assert!(recovery.torn.is_some());
    assert_genuine(&read_all(directory.path()));
}

#[tokio::test]
async fn a_failed_sync_in_strict_mode_fails_the_append_that_waited_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let journal = FaultyDisk::new(u64::MAX, 3).open(directory.path(), Durability::Strict);
    // The first sync was the header's.
    append(&journal, 1..=2).await;
    let message = failed(journal.append(record(3)).await);
    assert!(message.contains("cannot sync"), "{message}");
    assert_eq!(failed(journal.append(record(4)).await), message);
}

#[tokio::test]
async fn a_failed_sync_in_the_background_fails_later_appends() {
    let directory = tempfile::tempdir().unwrap();
    let journal = FaultyDisk::new(u64::MAX, 1).open(directory.path(), Durability::Process);
    let mut number = 1;
    while journal.append(record(number)).await.is_ok() {
        number += 1;
    }
    let message = failed(journal.append(record(0)).await);
    assert!(message.contains("cannot sync"), "{message}");
}

#[tokio::test]
async fn in_strict_mode_nothing_is_acknowledged_before_its_sync() {
    let directory = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new(u64::MAX, u64::MAX);
    let journal = disk.open(directory.path(), Durability::Strict);
    disk.stall(true);
    let mut waiting = Box::pin(journal.append(record(1)));
    // Written, but not acknowledged: the writer hangs in the sync.
    while read_all(directory.path()).is_empty() {
        let early = tokio::time::timeout(std::time::Duration::from_millis(1), &mut waiting).await;
        assert!(early.is_err());
    }
    disk.stall(false);
    assert_eq!(waiting.await.unwrap(), 1);
}

#[tokio::test]
async fn a_full_queue_makes_appends_wait_and_loses_none() {
    let directory = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new(u64::MAX, u64::MAX);
    let journal = disk.open(directory.path(), Durability::Strict);
    disk.stall(true);
    let append = |number| {
        let journal = journal.clone();
        tokio::spawn(async move { journal.append(record(number)).await })
    };
    let tasks: Vec<_> = (1..=200).map(append).collect();
    while journal.room.available_permits() > 400 {
        tokio::task::yield_now().await;
    }
    assert!(tasks.iter().all(|task| !task.is_finished()));
    disk.stall(false);
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(read_all(directory.path()).len(), 200);
}
