//! Claims about disks that fail: an append that was not kept is never acknowledged, and nothing is after it.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};

use rustix::io::Errno;

use super::*;
use crate::Durability;
use crate::disk::{Disk, RealDisk, SegmentFile};
use crate::map::Window;

/// A real disk with limits.
#[derive(Clone, Default)]
struct FaultyDisk(Arc<Limits>);

#[derive(Default)]
struct Limits {
    /// Bytes that segments can still be made of.
    room: AtomicU64,
    /// Windows that still get their pages.
    windows: AtomicU64,
    /// Syncs that still succeed.
    syncs: AtomicU64,
    /// Whether syncs have to wait, and for whom.
    stalled: Mutex<bool>,
    resumed: Condvar,
}

/// Room of a segment, bytes.
const SEGMENT: u64 = 4096;

const MANY: u64 = 1 << 40;

impl FaultyDisk {
    fn new(segments: u64, windows: u64, syncs: u64) -> Self {
        let disk = Self::default();
        disk.0.room.store(segments * SEGMENT, SeqCst);
        disk.0.windows.store(windows, SeqCst);
        disk.0.syncs.store(syncs, SeqCst);
        disk
    }

    fn stall(&self, stalled: bool) {
        *self.0.stalled.lock().unwrap() = stalled;
        self.0.resumed.notify_all();
    }

    fn open(&self, directory: &Path, durability: Durability) -> Journal {
        let settings = Settings {
            durability,
            segment_bytes: SEGMENT,
            ..Settings::default()
        };
        self.open_with(directory, settings)
    }

    fn open_with(&self, directory: &Path, settings: Settings) -> Journal {
        Journal::open_on(Box::new(self.clone()), directory.to_owned(), settings)
            .unwrap()
            .0
    }
}

fn take(from: &AtomicU64, amount: u64, or: Errno) -> io::Result<()> {
    let less = |left: u64| left.checked_sub(amount);
    let taken = from.fetch_update(SeqCst, SeqCst, less);
    taken.map(drop).map_err(|_| or.into())
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path, header: &[u8], bytes: u64) -> io::Result<Arc<dyn SegmentFile>> {
        take(&self.0.room, bytes, Errno::NOSPC)?;
        Ok(Arc::new(FaultyFile {
            file: RealDisk.create(path, header, bytes)?,
            limits: Arc::clone(&self.0),
        }))
    }
}

struct FaultyFile {
    file: Arc<dyn SegmentFile>,
    limits: Arc<Limits>,
}

impl SegmentFile for FaultyFile {
    fn window(&self, start: u64, length: usize) -> io::Result<Window> {
        take(&self.limits.windows, 1, Errno::FAULT)?;
        self.file.window(start, length)
    }

    fn sync(&self, length: u64) -> io::Result<()> {
        let stalled = self.limits.stalled.lock().unwrap();
        drop(self.limits.resumed.wait_while(stalled, |stalled| *stalled));
        take(&self.limits.syncs, 1, Errno::IO)?;
        self.file.sync(length)
    }

    fn note_synced(&self, length: u64) -> io::Result<()> {
        self.file.note_synced(length)
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        self.file.cut(length)
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
    let journal = FaultyDisk::new(2, MANY, MANY).open(directory.path(), Durability::Process);
    let mut acknowledged = 0;
    let message = loop {
        match journal.append(record(acknowledged + 1)).await {
            Ok(sequence) => acknowledged = sequence,
            failure => break failed(failure),
        }
    };
    assert!(
        acknowledged > 40,
        "all that there was room for: {acknowledged}"
    );
    assert!(message.contains("No space left on device"), "{message}");
    assert_eq!(failed(journal.append(record(99)).await), message);
    assert_eq!(failed(journal.seal().await), message);
    assert!(journal.close().await.is_err());

    let (_reopened, recovery) = open(directory.path());
    assert_eq!(recovery.next, acknowledged + 1);
    assert_eq!(recovery.torn, None);
    assert_genuine(&read_all(directory.path()));
}

#[tokio::test]
async fn a_failed_sync_in_strict_mode_fails_the_append_that_waited_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let journal = FaultyDisk::new(2, MANY, 2).open(directory.path(), Durability::Strict);
    append(&journal, 1..=2).await;
    let message = failed(journal.append(record(3)).await);
    assert!(message.contains("cannot sync"), "{message}");
    assert_eq!(failed(journal.append(record(4)).await), message);
}

#[tokio::test]
async fn a_failed_sync_in_the_background_fails_later_appends() {
    let directory = tempfile::tempdir().unwrap();
    let journal = FaultyDisk::new(1 << 20, MANY, 0).open(directory.path(), Durability::Process);
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
    let disk = FaultyDisk::new(2, MANY, MANY);
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
async fn what_waits_for_one_sync_is_acknowledged_by_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new(1 << 20, MANY, 3);
    let journal = disk.open_with(
        directory.path(),
        Settings {
            durability: Durability::Strict,
            ..Settings::default()
        },
    );
    disk.stall(true);
    let append = |number| {
        let journal = journal.clone();
        tokio::spawn(async move { journal.append(record(number)).await })
    };
    let tasks: Vec<_> = (1..=200).map(append).collect();
    while read_all(directory.path()).len() < 200 {
        tokio::task::yield_now().await;
    }
    assert!(tasks.iter().all(|task| !task.is_finished()));
    disk.stall(false);
    for task in tasks {
        task.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn pages_that_the_disk_cannot_take_are_an_error_and_no_signal() {
    let directory = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new(1 << 20, 2, MANY);
    let journal = disk.open_with(directory.path(), Settings::default());
    let mut acknowledged = 0;
    let message = loop {
        match journal.put(&large(acknowledged + 1, 1 << 18)) {
            Ok(sequence) => acknowledged = sequence,
            failure => break failed(failure),
        }
    };
    assert!(acknowledged > 2, "{acknowledged}");
    assert!(message.contains("cannot write"), "{message}");
    assert!(message.contains("00000000000000000001.wj"), "{message}");
    assert_eq!(read_all(directory.path()).len() as u64, acknowledged);
}
