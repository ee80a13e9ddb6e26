//! What must hold for the journal's reader on every file, however damaged.
//!
//! Knows the format of a segment by its documentation alone, and writes one with code of its own: checksums that a
//! fuzzer cannot guess would otherwise keep it out of everything behind them. The claims:
//!
//! * nothing panics, and a length that is garbage allocates nothing;
//! * what the reader gives was written: these records, in this order, by these numbers, without a gap;
//! * a file that is cut off in the middle of a frame gives all records before it, and none after.
//!
//! ```text
//! input    0, then the file as it is
//!          else: cut u16, then records of length u16, text; the file is made of them and `cut` bytes shortened
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use journal::Entry;

/// Sequence number of the first record: what the file's name says.
const FIRST: u64 = 7;
const SEGMENT: u64 = 0x5eed;

/// Checks all claims for this input.
pub fn check(input: &[u8]) {
    match input.split_first() {
        Some((0, file)) => {
            read(file);
        }
        Some((_, rest)) => check_written(rest),
        None => {}
    }
}

fn check_written(input: &[u8]) {
    let (cut, mut rest) = number(input);
    let mut texts = vec![];
    while !rest.is_empty() {
        let (length, after) = number(rest);
        let (text, left) = after.split_at(length.min(after.len()));
        // A frame of length 0 is not valid, and nobody writes one.
        if !text.is_empty() {
            texts.push(text);
        }
        rest = left;
    }
    let (file, ends) = write(&texts);
    let kept = file.len() - cut.min(file.len());
    let whole = ends.iter().filter(|end| **end <= kept).count();
    let entries = read(&file[..kept]);
    let given = entries.len();
    for (place, (entry, text)) in entries.iter().zip(&texts).enumerate() {
        assert_eq!(
            entry.sequence,
            FIRST + place as u64,
            "records are numbered without a gap"
        );
        assert_eq!(
            entry.text.as_bytes(),
            *text,
            "a record is given as it was written"
        );
    }
    assert!(given <= whole, "a record that is not whole was given");
    let stopped = texts.get(given).filter(|_| given < whole);
    assert!(
        stopped.is_none_or(|text| !is_record(text)),
        "a whole record was not given"
    );
}

/// A segment of these records, and where each of them ends.
fn write(texts: &[&[u8]]) -> (Vec<u8>, Vec<usize>) {
    let mut file = b"weirjrnl".to_vec();
    file.extend_from_slice(&2u32.to_le_bytes());
    file.extend_from_slice(&SEGMENT.to_le_bytes());
    file.extend_from_slice(&0i64.to_le_bytes());
    file.extend_from_slice(&crc32c::crc32c(&file).to_le_bytes());
    // Nothing of it was ever synced: it may end anywhere.
    file.extend_from_slice(&40u64.to_le_bytes());
    let mut ends = vec![];
    for (sequence, text) in (FIRST..).zip(texts) {
        let length = (text.len() as u32).to_le_bytes();
        let mut salted = SEGMENT.to_le_bytes().to_vec();
        salted.extend_from_slice(&sequence.to_le_bytes());
        salted.extend_from_slice(&length);
        salted.extend_from_slice(text);
        file.extend_from_slice(&length);
        file.extend_from_slice(&crc32c::crc32c(&salted).to_le_bytes());
        file.extend_from_slice(text);
        ends.push(file.len());
    }
    (file, ends)
}

/// What the reader gives before its end or its first error, live and sealed alike.
fn read(file: &[u8]) -> Vec<Entry> {
    let scratch = Scratch::with(file);
    let live = records(journal::read_segment(&scratch.0));
    let sealed = records(journal::read_sealed(&scratch.0));
    assert_eq!(live, sealed, "the same records, sealed or not");
    live
}

fn records(opened: Result<journal::Records, journal::JournalError>) -> Vec<Entry> {
    let records = opened.into_iter().flatten();
    records.map_while(Result::ok).collect()
}

fn is_record(text: &[u8]) -> bool {
    // Text first: serde_json would skip over bytes that are no text in fields that it does not know.
    std::str::from_utf8(text)
        .is_ok_and(|text| serde_json::from_str::<model::AuditRecord>(text).is_ok())
}

fn number(input: &[u8]) -> (usize, &[u8]) {
    match input.split_first_chunk::<2>() {
        Some((number, rest)) => (usize::from(u16::from_le_bytes(*number)), rest),
        None => (input.len(), &[]),
    }
}

/// A file in memory, named as a segment is.
struct Scratch(PathBuf);

impl Scratch {
    fn with(bytes: &[u8]) -> Self {
        let directory = Path::new("/dev/shm").join(format!("weir-fuzz-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("memory is a file system");
        let path = directory.join(format!("{FIRST:020}.wj"));
        fs::write(&path, bytes).expect("memory can be written");
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let directory = self.0.parent().expect("it was made in one");
        fs::remove_dir_all(directory).expect("it is there");
    }
}
