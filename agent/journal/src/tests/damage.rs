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

/// The same segment, if the host had died before its first sync.
fn unsynced(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[32..40].copy_from_slice(&40u64.to_le_bytes());
    bytes
}

/// Opens a journal whose only segment has these bytes.
fn open_damaged(directory: &Path, bytes: &[u8]) -> Result<Recovery, JournalError> {
    fs::write(directory.join("00000000000000000001.wj"), bytes).unwrap();
    recover(directory)
}

#[test]
fn a_torn_tail_is_cut_off_and_kept_wherever_it_begins() {
    let (bytes, ends) = sample();
    let bytes = unsynced(&bytes);
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
                let tail = &bytes[ends[whole]..length];
                let end = tail.iter().rposition(|byte| *byte != 0).unwrap();
                assert_eq!(fs::read(kept).unwrap(), tail[..=end]);
            }
        }
    }
}

#[test]
fn a_cut_off_tail_is_not_found_again_and_the_sequence_goes_on() {
    let (bytes, _) = sample();
    let directory = tempfile::tempdir().unwrap();
    open_damaged(directory.path(), &unsynced(&bytes)[..bytes.len() - 1]).unwrap();
    let (journal, recovery) = open(directory.path());
    assert_eq!((recovery.next, recovery.torn), (12, None));
    block_on(append(&journal, 12..=13));
    assert_genuine(&read_all(directory.path()));
}

#[test]
fn damage_of_what_was_synced_is_refused_with_file_and_offset() {
    let (bytes, ends) = sample();
    for at in [ends[4] + 20, ends[11] + 20] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        let directory = tempfile::tempdir().unwrap();
        let error = open_damaged(directory.path(), &damaged).unwrap_err();
        let text = error.to_string();
        let end = ends.iter().rposition(|end| *end < at).unwrap();
        let expected = format!(
            "is damaged at byte {}, where record {} should be",
            ends[end],
            end + 1
        );
        assert!(text.contains(&expected), "{text}");
        assert!(text.contains("00000000000000000001.wj"), "{text}");
    }
}

#[test]
fn what_was_synced_and_cut_off_is_refused_also_between_two_frames() {
    let (bytes, ends) = sample();
    for length in [ends[0], ends[4], ends[11], bytes.len() - 1] {
        let directory = tempfile::tempdir().unwrap();
        let error = open_damaged(directory.path(), &bytes[..length]).unwrap_err();
        assert!(matches!(error, JournalError::Damaged { .. }), "{error}");
        let path = directory.path().join("00000000000000000001.wj");
        let last = read_segment(&path).unwrap().last().unwrap();
        assert!(
            matches!(last, Err(JournalError::Damaged { .. })),
            "{last:?}"
        );
    }
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
fn unused_room_is_given_back_and_no_torn_tail() {
    let (bytes, ends) = sample();
    let mut bytes = unsynced(&bytes);
    bytes.extend([0; 80_000]);
    let directory = tempfile::tempdir().unwrap();
    let recovery = open_damaged(directory.path(), &bytes).unwrap();
    assert_eq!((recovery.next, recovery.torn), (13, None));
    let path = directory.path().join("00000000000000000001.wj");
    assert_eq!(fs::metadata(path).unwrap().len(), ends[12] as u64);
    assert_genuine(&read_all(directory.path()));
}

#[test]
fn whole_frames_behind_a_hole_that_was_never_synced_are_of_the_torn_tail() {
    let (bytes, ends) = sample();
    let mut holed = unsynced(&bytes);
    holed[ends[4]..ends[6]].fill(0);
    holed[32..40].copy_from_slice(&(ends[3] as u64).to_le_bytes());
    let tail = holed[ends[4]..].to_vec();
    holed.extend([0; 8000]);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("00000000000000000001.wj");
    fs::write(&path, &holed).unwrap();
    assert_eq!(read_segment(&path).unwrap().map(Result::unwrap).count(), 4);
    let recovery = recover(directory.path()).unwrap();
    assert_eq!(recovery.next, 5);
    let torn = recovery.torn.unwrap();
    assert_eq!(
        (torn.offset, torn.bytes),
        (ends[4] as u64, tail.len() as u64)
    );
    assert_eq!(fs::read(torn.kept).unwrap(), tail);
    assert_genuine(&read_all(directory.path()));
}

/// Two segments of two records each, with the first and second as after a power cut in the middle of a rotation.
fn cut_in_a_rotation(directory: &Path, second_is_synced: bool) {
    block_on(async {
        let (journal, _) = open(directory);
        append(&journal, 1..=2).await;
        journal.seal().await.unwrap();
        append(&journal, 3..=4).await;
        journal.close().await.unwrap();
    });
    let paths = segments(directory).unwrap();
    let mut first = unsynced(&fs::read(&paths[0]).unwrap());
    let length = first.len();
    first[length - 9..].fill(0);
    fs::write(&paths[0], first).unwrap();
    let second = fs::read(&paths[1]).unwrap();
    if !second_is_synced {
        fs::write(&paths[1], unsynced(&second)).unwrap();
    }
}

#[test]
fn a_segment_behind_the_torn_tail_of_another_is_set_aside() {
    let directory = tempfile::tempdir().unwrap();
    cut_in_a_rotation(directory.path(), false);
    let recovery = recover(directory.path()).unwrap();
    assert_eq!(recovery.next, 2);
    assert!(
        directory
            .path()
            .join("00000000000000000003.0.torn")
            .exists()
    );
    let (journal, recovery) = open(directory.path());
    assert_eq!((recovery.next, recovery.torn), (2, None));
    block_on(append(&journal, 2..=5));
    assert_genuine(&read_all(directory.path()));
}

#[test]
fn a_synced_segment_behind_a_torn_one_means_that_records_are_missing() {
    let directory = tempfile::tempdir().unwrap();
    cut_in_a_rotation(directory.path(), true);
    let error = recover(directory.path()).unwrap_err();
    let missing = matches!(
        error,
        JournalError::Missing {
            expected: 2,
            found: 3,
            ..
        }
    );
    assert!(missing, "{error}");
}

#[test]
fn a_full_segment_that_nobody_sealed_any_more_is_no_damage() {
    let directory = tempfile::tempdir().unwrap();
    block_on(async {
        let (journal, _) = open(directory.path());
        append(&journal, 1..=3).await;
        journal.seal().await.unwrap();
        append(&journal, 4..=6).await;
        journal.close().await.unwrap();
    });
    let path = segments(directory.path()).unwrap().remove(0);
    let mut bytes = unsynced(&fs::read(&path).unwrap());
    bytes.extend([0; 80_000]);
    fs::write(&path, bytes).unwrap();
    assert!(crate::sealed(directory.path()).unwrap().is_empty());
    let recovery = recover(directory.path()).unwrap();
    assert_eq!((recovery.next, recovery.torn), (7, None));
    assert!(read_sealed(&path).unwrap().all(|entry| entry.is_ok()));
    assert_genuine(&read_all(directory.path()));
}

#[test]
fn frames_of_another_segment_are_not_taken_for_this_one_s() {
    let ((ours, ends), (theirs, _)) = (sample(), sample());
    let mixed = unsynced(&[&ours[..ends[11]], &theirs[ends[11]..]].concat());
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
        synced: bool,
        flips in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
        cut in any::<prop::sample::Index>(),
    ) {
        static SAMPLE: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| sample().0);
        let mut bytes = if synced { SAMPLE.clone() } else { unsynced(&SAMPLE) };
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
