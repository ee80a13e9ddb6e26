//! Claims about disks that fail: an append that was not kept is never acknowledged, and nothing is after it.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};

use rustix::io::Errno;

use super::*;
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

    fn open(&self, directory: &Path) -> Journal {
        let settings = Settings {
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

/// What a full disk makes of this record.
fn full(result: Result<u64, JournalError>) -> String {
    match result {
        Err(error @ JournalError::Full { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

/// A record of something that may go on.
fn opening(number: u64) -> AuditRecord {
    AuditRecord {
        event: AuditEvent::PolicyRejected {
            error: format!("record {number}"),
        },
        ..record(number)
    }
}

/// Fills the journal until the disk has no room for another segment. Gives the last record that it took, and what it said.
fn fill(journal: &Journal) -> (u64, String) {
    fill_from(journal, 1)
}

fn fill_from(journal: &Journal, first: u64) -> (u64, String) {
    for number in first.. {
        match journal.put(&opening(number)) {
            Ok(sequence) => assert_eq!(sequence, number),
            failure => return (number - 1, full(failure)),
        }
    }
    panic!("numbers do not end")
}

#[tokio::test]
async fn on_a_full_disk_only_what_ends_is_recorded_for_as_long_as_the_reserve_lasts() {
    let directory = tempfile::tempdir().unwrap();
    let journal = FaultyDisk::new(3, MANY, MANY).open(directory.path());
    let (taken, message) = fill(&journal);
    assert!(taken > 40, "all that there was room for: {taken}");
    assert!(message.contains("No space left on device"), "{message}");
    let mut ends = 0;
    while let Ok(sequence) = journal.append(record(taken + ends + 1)).await {
        ends += 1;
        assert_eq!(sequence, taken + ends);
        full(journal.put(&opening(0)));
    }
    assert!(ends > 15, "a segment's worth of ends: {ends}");
    assert!(journal.seal().await.is_err());
    journal.close().await.unwrap();

    let (_reopened, recovery) = open(directory.path());
    assert_eq!((recovery.next, recovery.torn), (taken + ends + 1, None));
    let entries = read_all(directory.path());
    for entry in &entries[..taken as usize] {
        assert_eq!(entry.record, opening(entry.sequence));
    }
    for entry in &entries[taken as usize..] {
        assert_eq!(entry.record, record(entry.sequence));
    }
}

#[tokio::test]
async fn once_there_is_room_again_a_full_journal_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new(3, MANY, MANY);
    let journal = disk.open(directory.path());
    let (taken, _) = fill(&journal);
    // Room for a segment, and none for a reserve: that would be full again without a last word.
    disk.0.room.store(SEGMENT, SeqCst);
    full(journal.put(&opening(0)));
    disk.0.room.store(4 * SEGMENT, SeqCst);
    while let Err(error) = journal.put(&opening(taken + 1)) {
        full(Err(error));
        tokio::task::yield_now().await;
    }
    let (more, _) = fill_from(&journal, taken + 2);
    assert!(more > taken + 40, "{more}");
    assert!(journal.append(record(0)).await.is_ok(), "the new reserve");
}

#[tokio::test]
async fn a_disk_that_stands_still_is_told_of_and_bounds_what_waits_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new(MANY, MANY, MANY);
    let settings = Settings {
        segment_bytes: SEGMENT,
        backlog_bytes: 4 * SEGMENT - 500,
        ..Settings::default()
    };
    let journal = disk.open_with(directory.path(), settings);
    disk.stall(true);
    let mut taken = 0;
    let message = loop {
        match journal.put(&opening(taken + 1)) {
            Ok(sequence) => taken = sequence,
            Err(error @ JournalError::Behind { .. }) => break error.to_string(),
            Err(other) => panic!("{other}"),
        }
    };
    assert!(message.contains("bytes wait to be synced"), "{message}");
    let files = segments(directory.path()).unwrap().len();
    assert!(files <= 10, "{files} segments of a disk that took none");
    disk.stall(false);
    while let Err(error) = journal.put(&opening(taken + 1)) {
        assert!(matches!(error, JournalError::Behind { .. }), "{error}");
        tokio::task::yield_now().await;
    }
    journal.close().await.unwrap();
    let recovery = crate::recovery::recover(directory.path()).unwrap();
    assert_eq!((recovery.next, recovery.torn), (taken + 2, None));
}

#[tokio::test]
async fn a_failed_sync_fails_who_waited_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let journal = FaultyDisk::new(2, MANY, 2).open(directory.path());
    for number in 1..=2 {
        assert_eq!(journal.append(record(number)).await.unwrap(), number);
    }
    let message = failed(journal.append(record(3)).await);
    assert!(message.contains("cannot sync"), "{message}");
    assert_eq!(failed(journal.append(record(4)).await), message);
}

#[tokio::test]
async fn a_failed_sync_in_the_background_fails_later_appends() {
    let directory = tempfile::tempdir().unwrap();
    let journal = FaultyDisk::new(1 << 20, MANY, 0).open(directory.path());
    let message = loop {
        match journal.put(&record(1)) {
            Ok(_) => tokio::task::yield_now().await,
            failure => break failed(failure),
        }
    };
    assert!(message.contains("cannot sync"), "{message}");
}

#[tokio::test]
async fn nothing_is_on_the_disk_before_its_sync() {
    let directory = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new(2, MANY, MANY);
    let journal = disk.open(directory.path());
    disk.stall(true);
    let mut waiting = Box::pin(journal.append(record(1)));
    // Put, but not on the disk: the thread hangs in the sync.
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
    let journal = disk.open_with(directory.path(), Settings::default());
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
    let disk = FaultyDisk::new(1 << 20, 3, MANY);
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
