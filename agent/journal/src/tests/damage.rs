//! Claims about files that are not as they were written: never a wrong record, never one that nobody wrote.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::{Torn, read_sealed};

/// A sample of twelve records as a file's bytes, and where each frame ends.
fn sample() -> (Vec<u8>, Vec<usize>) {
    let directory = tempfile::tempdir().unwrap();
    let bytes = fs::read(block_on(written(directory.path(), 12))).unwrap();
    let mut ends = vec![crate::frame::HEADER_BYTES];
    while let Some(prefix) = bytes
        .get(ends[ends.len() - 1]..)
        .and_then(|b| b.first_chunk::<4>())
    {
        ends.push(ends[ends.len() - 1] + 8 + u32::from_le_bytes(*prefix) as usize);
    }
    (bytes, ends)
}

/// Opens a journal whose only segment has these bytes.
fn open_damaged(directory: &Path, bytes: &[u8]) -> Result<Recovery, JournalError> {
    fs::write(directory.join("00000000000000000001.wj"), bytes).unwrap();
    recover(directory)
}

#[test]
fn a_torn_tail_is_cut_off_and_kept_wherever_it_begins() {
    let (bytes, ends) = sample();
    for length in (ends[0]..ends[2]).chain(ends[10]..bytes.len()).step_by(5) {
        let directory = tempfile::tempdir().unwrap();
        let recovery = open_damaged(directory.path(), &bytes[..length]).unwrap();
        let whole = ends.iter().filter(|end| **end <= length).count() - 1;
        assert_eq!(recovery.next, whole as u64 + 1, "cut at {length}");
        let entries = read_all(directory.path());
        assert_eq!(entries.len(), whole);
        assert_genuine(&entries);
        match recovery.torn {
            None => assert!(ends.contains(&length), "cut at {length}"),
            Some(Torn { offset, kept, .. }) => {
                assert_eq!(offset, ends[whole] as u64);
                assert_eq!(fs::read(kept).unwrap(), bytes[ends[whole]..length]);
            }
        }
    }
}

#[test]
fn a_cut_off_tail_is_not_found_again_and_the_sequence_goes_on() {
    let (bytes, _) = sample();
    let directory = tempfile::tempdir().unwrap();
    open_damaged(directory.path(), &bytes[..bytes.len() - 1]).unwrap();
    let (journal, recovery) = open(directory.path());
    assert_eq!((recovery.next, recovery.torn), (12, None));
    block_on(append(&journal, 12..=13));
    assert_genuine(&read_all(directory.path()));
}

#[test]
fn damage_before_whole_frames_is_refused_with_file_and_offset() {
    let (bytes, ends) = sample();
    let mut damaged = bytes.clone();
    damaged[ends[4] + 20] ^= 1;
    let directory = tempfile::tempdir().unwrap();
    let error = open_damaged(directory.path(), &damaged).unwrap_err();
    let text = error.to_string();
    let expected = format!("is damaged at byte {}, where record 5 should be", ends[4]);
    assert!(text.contains(&expected), "{text}");
    assert!(text.contains("00000000000000000001.wj"), "{text}");
}

#[test]
fn a_frame_taken_out_of_the_middle_is_refused() {
    let (bytes, ends) = sample();
    let without = [&bytes[..ends[4]], &bytes[ends[5]..]].concat();
    let directory = tempfile::tempdir().unwrap();
    let error = open_damaged(directory.path(), &without).unwrap_err();
    assert!(matches!(error, JournalError::Damaged { .. }), "{error}");
}

#[test]
fn a_tail_of_zeroes_holds_no_phantoms() {
    let (mut bytes, _) = sample();
    bytes.extend([0; 800]);
    let directory = tempfile::tempdir().unwrap();
    let recovery = open_damaged(directory.path(), &bytes).unwrap();
    assert_eq!(recovery.next, 13);
    assert_eq!(recovery.torn.unwrap().bytes, 800);
    assert_genuine(&read_all(directory.path()));
}

#[test]
fn frames_of_another_segment_are_not_taken_for_this_one_s() {
    let ((ours, ends), (theirs, _)) = (sample(), sample());
    let mixed = [&ours[..ends[11]], &theirs[ends[11]..]].concat();
    let directory = tempfile::tempdir().unwrap();
    let recovery = open_damaged(directory.path(), &mixed).unwrap();
    assert_eq!(recovery.next, 12);
}

#[test]
fn damage_in_a_sealed_segment_is_refused_even_at_its_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = block_on(async {
        let (journal, _) = open(directory.path());
        append(&journal, 1..=3).await;
        journal.seal().await.unwrap();
        append(&journal, 4..=4).await;
        journal.close().await.unwrap();
        segments(directory.path()).unwrap().remove(0)
    });
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    let last = read_sealed(&path).unwrap().last().unwrap();
    assert!(matches!(last, Err(JournalError::Damaged { .. })));
    let opened = Journal::open(directory.path(), Settings::default()).err();
    assert!(matches!(opened, Some(JournalError::Damaged { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Up to four flipped bits anywhere, then a cut anywhere.
    #[test]
    fn no_damage_makes_a_wrong_record(
        flips in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
        cut in any::<prop::sample::Index>(),
    ) {
        static SAMPLE: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| sample().0);
        let mut bytes = SAMPLE.clone();
        for flip in flips {
            let bit = flip.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        bytes.truncate(cut.index(bytes.len() + 1));
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("00000000000000000001.wj");
        fs::write(&path, &bytes).unwrap();
        if let Ok(records) = read_segment(&path) {
            assert_genuine(&records.map_while(Result::ok).collect::<Vec<_>>());
        }
        if open_damaged(directory.path(), &bytes).is_ok() {
            assert_genuine(&read_all(directory.path()));
        }
    }
}
