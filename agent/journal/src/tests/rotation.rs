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
    let live = segments(directory.path()).unwrap().pop().unwrap();
    let is_live = |below: &u64| Some(*below) == first_sequence(&live);
    journal.watch_sealed().wait_for(is_live).await.unwrap();
    let paths = sealed(directory.path()).unwrap();
    assert!(paths.len() > 3, "{paths:?}");
    assert_eq!(paths.len() + 1, segments(directory.path()).unwrap().len());
    for path in &paths {
        assert!(fs::metadata(path).unwrap().len() <= 1000);
        assert!(read_sealed(path).unwrap().all(|entry| entry.is_ok()));
    }
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

#[tokio::test]
async fn room_is_taken_when_a_segment_is_made_and_given_back_when_it_is_sealed() {
    use std::os::unix::fs::MetadataExt;
    let directory = tempfile::tempdir().unwrap();
    let (journal, _) = open(directory.path());
    append(&journal, 1..=1).await;
    let live = segments(directory.path()).unwrap().remove(0);
    let room = |path: &Path| fs::metadata(path).unwrap().blocks() * 512;
    assert!(room(&live) >= 64 << 20);
    journal.seal().await.unwrap();
    assert!(room(&live) <= 8192);
}

#[tokio::test]
async fn nothing_is_left_over_when_a_journal_is_closed() {
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings {
        segment_bytes: 4000,
        ..Settings::default()
    };
    let (journal, _) = Journal::open(directory.path(), settings).unwrap();
    // More than half of a segment: the next one is made ahead.
    append(&journal, 1..=20).await;
    journal.seal().await.unwrap();
    append(&journal, 21..=40).await;
    journal.close().await.unwrap();
    for entry in fs::read_dir(directory.path()).unwrap() {
        let path = entry.unwrap().path();
        let is_segment = first_sequence(&path).is_some();
        assert!(is_segment || path.ends_with("lock"), "{path:?}");
        assert!(!is_segment || read_sealed(&path).unwrap().all(|entry| entry.is_ok()));
    }
}
