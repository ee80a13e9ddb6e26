//! Claims about when a segment is sealed.

use std::fs;
use std::time::Duration;

use super::*;
use crate::{first_sequence, read_sealed, sealed};

#[tokio::test]
async fn a_full_segment_is_sealed_and_announced() {
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings {
        segment_bytes: 1000,
        ..Settings::default()
    };
    let (journal, _) = Journal::open(directory.path(), settings).unwrap();
    append(&journal, 1..=40).await;
    let paths = sealed(directory.path()).unwrap();
    assert!(paths.len() > 3, "{paths:?}");
    for path in &paths {
        assert!(fs::metadata(path).unwrap().len() <= 1000 + 8 * 40);
        assert!(read_sealed(path).unwrap().all(|entry| entry.is_ok()));
    }
    let live = segments(directory.path()).unwrap().pop().unwrap();
    assert_eq!(
        Some(*journal.watch_sealed().borrow()),
        first_sequence(&live)
    );
    assert_genuine(&read_all(directory.path()));
}

#[tokio::test]
async fn an_old_segment_is_sealed_without_another_append() {
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings {
        segment_age: Duration::from_millis(1),
        ..Settings::default()
    };
    let (journal, _) = Journal::open(directory.path(), settings).unwrap();
    let mut sealed = journal.watch_sealed();
    append(&journal, 1..=1).await;
    sealed.wait_for(|below| *below == 2).await.unwrap();
}

#[tokio::test]
async fn an_empty_segment_is_never_sealed() {
    let directory = tempfile::tempdir().unwrap();
    let (journal, _) = open(directory.path());
    assert_eq!(journal.seal().await.unwrap(), 1);
    append(&journal, 1..=2).await;
    assert_eq!(journal.seal().await.unwrap(), 3);
    assert_eq!(journal.seal().await.unwrap(), 3);
    assert_eq!(segments(directory.path()).unwrap().len(), 2);
}

#[tokio::test]
async fn the_sequence_goes_on_when_all_sealed_segments_are_gone() {
    let directory = tempfile::tempdir().unwrap();
    let (journal, _) = open(directory.path());
    append(&journal, 1..=7).await;
    journal.seal().await.unwrap();
    journal.close().await.unwrap();
    for path in sealed(directory.path()).unwrap() {
        fs::remove_file(path).unwrap();
    }
    let (journal, recovery) = open(directory.path());
    assert_eq!((recovery.oldest, recovery.next), (8, 8));
    append(&journal, 8..=8).await;
}

#[tokio::test]
async fn a_missing_segment_in_the_middle_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (journal, _) = open(directory.path());
    for number in 1..=3 {
        append(&journal, number..=number).await;
        journal.seal().await.unwrap();
    }
    journal.close().await.unwrap();
    let paths = segments(directory.path()).unwrap();
    fs::remove_file(&paths[1]).unwrap();
    match Journal::open(directory.path(), Settings::default()).err() {
        Some(JournalError::Missing {
            expected: 2,
            found: 3,
            path,
        }) => {
            assert_eq!(path, paths[2]);
        }
        other => panic!("{other:?}"),
    }
}
