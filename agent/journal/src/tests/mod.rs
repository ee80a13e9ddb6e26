//! Claims about the journal as a whole.

mod damage;
mod drafts;
mod faults;
mod killed;
mod power;
mod rotation;

use std::fs;
use std::path::{Path, PathBuf};

use model::{AuditEvent, AuditRecord, SCHEMA_VERSION};

use crate::{Entry, Journal, JournalError, Recovery, Settings, read_segment, segments};

/// A record that says which one it is.
fn record(number: u64) -> AuditRecord {
    AuditRecord {
        version: SCHEMA_VERSION,
        time: 1_700_000_000_000_000 + number as i64,
        session: None,
        event: AuditEvent::Closed {
            reason: format!("record {number}: a \"quoted\" \u{1} and not quite short reason"),
        },
    }
}

fn open(directory: &Path) -> (Journal, Recovery) {
    Journal::open(directory, Settings::default()).unwrap()
}

/// Opens and closes a journal, and so frees its directory before it returns.
fn recover(directory: &Path) -> Result<Recovery, JournalError> {
    let (journal, recovery) = Journal::open(directory, Settings::default())?;
    block_on(journal.close())?;
    Ok(recovery)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(future)
}

/// Puts the records `numbers`, one after the other.
async fn append(journal: &Journal, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        assert_eq!(journal.put(&record(number)).unwrap(), number);
    }
}

/// A journal of one run with these many records, closed in order; its only segment that holds any.
async fn written(directory: &Path, records: u64) -> PathBuf {
    let (journal, _) = open(directory);
    append(&journal, 1..=records).await;
    journal.close().await.unwrap();
    segments(directory).unwrap().remove(0)
}

/// Every record that a journal holds.
fn read_all(directory: &Path) -> Vec<Entry> {
    let read = |path: PathBuf| read_segment(&path).unwrap().map(Result::unwrap);
    segments(directory)
        .unwrap()
        .into_iter()
        .flat_map(read)
        .collect()
}

/// That these are the records from 1 on, as they were written.
fn assert_genuine(entries: &[Entry]) {
    for (number, entry) in (1..).zip(entries) {
        assert_eq!(entry.sequence, number);
        assert_eq!(entry.record, record(number));
        assert_eq!(entry.text, serde_json::to_string(&entry.record).unwrap());
    }
}

#[tokio::test]
async fn what_was_appended_is_read_back_and_goes_on_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    written(directory.path(), 5).await;
    let (journal, recovery) = open(directory.path());
    let whole = Recovery {
        oldest: 1,
        next: 6,
        torn: None,
    };
    assert_eq!(recovery, whole);
    append(&journal, 6..=9).await;
    assert_genuine(&read_all(directory.path()));
    assert_eq!(read_all(directory.path()).len(), 9);
}

#[tokio::test]
async fn the_live_segment_is_readable_while_it_grows() {
    let directory = tempfile::tempdir().unwrap();
    let (journal, _) = open(directory.path());
    for number in 1..=50 {
        append(&journal, number..=number).await;
        assert_eq!(read_all(directory.path()).len() as u64, number);
    }
}

#[tokio::test]
async fn concurrent_appends_get_different_numbers_without_gaps() {
    let directory = tempfile::tempdir().unwrap();
    let (journal, _) = open(directory.path());
    let append = |number| {
        let journal = journal.clone();
        tokio::spawn(async move { (journal.append(record(number)).await.unwrap(), number) })
    };
    let mut written = Vec::new();
    for task in (1..=500).map(append).collect::<Vec<_>>() {
        written.push(task.await.unwrap());
    }
    written.sort_unstable();
    let entries = read_all(directory.path());
    assert_eq!(entries.len(), 500);
    for (entry, (sequence, number)) in entries.iter().zip(written) {
        assert_eq!(entry.sequence, sequence);
        assert_eq!(entry.record, record(number));
    }
}

/// A record of at least this many bytes.
fn large(number: u64, bytes: usize) -> AuditRecord {
    AuditRecord {
        event: AuditEvent::Closed {
            reason: "x".repeat(bytes),
        },
        ..record(number)
    }
}

#[tokio::test]
async fn a_record_larger_than_a_segment_is_still_written() {
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings {
        segment_bytes: 10_000,
        ..Settings::default()
    };
    let (journal, _) = Journal::open(directory.path(), settings).unwrap();
    let written = [large(1, 3 << 20), record(2), large(3, 3 << 20), record(4)];
    for (sequence, record) in (1..).zip(&written) {
        assert_eq!(journal.append(record.clone()).await.unwrap(), sequence);
    }
    let read = read_all(directory.path()).into_iter();
    assert!(read.map(|entry| entry.record).eq(written));
}

#[tokio::test]
async fn records_of_every_size_go_over_the_borders_of_windows_whole() {
    let directory = tempfile::tempdir().unwrap();
    let (journal, _) = open(directory.path());
    // 13 MiB, in steps that fall on ever other bytes of a page.
    let sizes = || (0..200).map(|step: usize| step * 659 + 1);
    for (sequence, bytes) in (1..).zip(sizes()) {
        assert_eq!(journal.put(&large(sequence, bytes)).unwrap(), sequence);
    }
    let entries = read_all(directory.path());
    assert_eq!(entries.len(), 200);
    for (entry, bytes) in entries.iter().zip(sizes()) {
        assert_eq!(entry.record, large(entry.sequence, bytes));
    }
}

#[tokio::test]
async fn what_was_put_is_there_without_a_wait() {
    let directory = tempfile::tempdir().unwrap();
    let (journal, _) = open(directory.path());
    for number in 1..=50 {
        assert_eq!(journal.put(&record(number)).unwrap(), number);
        assert_eq!(read_all(directory.path()).len() as u64, number);
    }
}

#[tokio::test]
async fn two_agents_cannot_share_a_directory() {
    let directory = tempfile::tempdir().unwrap();
    let (journal, _) = open(directory.path());
    let second = Journal::open(directory.path(), Settings::default()).err();
    assert!(
        matches!(second, Some(JournalError::InUse { .. })),
        "{second:?}"
    );
    journal.close().await.unwrap();
    open(directory.path());
}

#[tokio::test]
async fn a_closed_journal_takes_nothing_from_its_clones() {
    let directory = tempfile::tempdir().unwrap();
    let (journal, _) = open(directory.path());
    journal.clone().close().await.unwrap();
    let late = journal.append(record(1)).await;
    assert!(matches!(late, Err(JournalError::Closed)), "{late:?}");
}

#[tokio::test]
async fn only_the_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let inner = directory.path().join("a/journal");
    let segment = written(&inner, 1).await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&inner), 0o700);
    assert_eq!(mode(&segment), 0o600);
}
