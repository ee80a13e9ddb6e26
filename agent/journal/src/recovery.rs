//! What is done with the segments that an earlier run left behind, before anything new is written.
//!
//! ```text
//! header | whole frames ..... | synced | whole frames | no frame: zeroes, torn ...
//!          damage: refused             ^                ^ cut off; kept beside, unless it is all zeroes
//! ```
//!
//! What a segment notes as synced was on the disk once, so damage there is bit rot or a rewritten file, and a human has
//! to look. Behind it, whatever is no whole frame was never finished: an agent died while it wrote there, or a host
//! died before its sync. Pages reach a disk in any order, so there may even be whole frames behind a hole, up
//! to segments that follow; they are of the tail too.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::JournalError;
use crate::disk::{note_synced, sync_directory};
use crate::read::{self, CUT_SHORT, Cut};
use crate::segment;

/// What was found when a journal was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// Sequence number of the oldest record that is still in the journal; equal to `next` if there is none.
    pub oldest: u64,
    /// Sequence number of the record that will be appended first.
    pub next: u64,
    /// The tail that was cut off, if any was torn.
    pub torn: Option<Torn>,
}

/// A torn tail that was cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// The segment.
    pub segment: PathBuf,
    /// Where in it the tail began, bytes.
    pub offset: u64,
    /// How long the tail was, bytes, without the zeroes at its end.
    pub bytes: u64,
    /// Where the tail is kept for the auditor. Segments behind it are kept in the same way.
    pub kept: PathBuf,
}

/// Repairs the directory and says where the sequence goes on.
pub(crate) fn recover(directory: &Path) -> Result<Recovery, JournalError> {
    segment::remove_unfinished(directory)?;
    let paths = segment::segments(directory)?;
    let first = |path: &PathBuf| segment::first_sequence(path).unwrap_or(1);
    let oldest = paths.first().map_or(1, first);
    let mut recovery = Recovery {
        oldest,
        next: oldest,
        torn: None,
    };
    let mut may_be_torn = false;
    for path in &paths {
        if may_be_torn && first(path) > recovery.next && is_unsynced(path)? {
            set_aside(path)?;
            continue;
        }
        expect(path, recovery.next)?;
        may_be_torn = !read::is_sealed(path);
        let scan = scan(path)?;
        recovery.next = scan.next;
        if may_be_torn {
            let torn = end(path, &scan).map_err(JournalError::io("repair the end of", path))?;
            recovery.torn = recovery.torn.or(torn);
        }
    }
    Ok(recovery)
}

fn expect(path: &Path, expected: u64) -> Result<(), JournalError> {
    match segment::first_sequence(path) {
        Some(found) if found > expected => Err(JournalError::Missing {
            expected,
            found,
            path: path.to_owned(),
        }),
        Some(found) if found < expected => Err(JournalError::Damaged {
            path: path.to_owned(),
            offset: 0,
            sequence: found,
            what: "the segment before it holds the same record",
        }),
        _ => Ok(()),
    }
}

struct Scan {
    /// The record after the last whole one.
    next: u64,
    /// Where the last whole one ends.
    offset: u64,
}

/// Reads a segment up to its last whole frame. Damage in what was synced is an error.
fn scan(path: &Path) -> Result<Scan, JournalError> {
    let mut frames = read::open(path)?;
    let what = loop {
        match frames.cut().map_err(JournalError::io("read", path))? {
            Cut::Frame(_) => {}
            Cut::End => break CUT_SHORT,
            Cut::Bad(what) => break what,
        }
    };
    match frames.is_unsynced() {
        true => Ok(Scan {
            next: frames.next,
            offset: frames.offset,
        }),
        false => Err(JournalError::Damaged {
            path: path.to_owned(),
            offset: frames.offset,
            sequence: frames.next,
            what,
        }),
    }
}

/// Whether nothing of a segment's records was ever synced.
fn is_unsynced(path: &Path) -> Result<bool, JournalError> {
    read::open(path).map(|frames| frames.is_unsynced())
}

/// Ends a segment behind its last whole frame, durably, and gives what was torn.
fn end(path: &Path, scan: &Scan) -> io::Result<Option<Torn>> {
    let offset = scan.offset;
    let tail = read_from(path, offset)?;
    let torn = match tail.is_empty() {
        true => None,
        false => Some(Torn {
            segment: path.to_owned(),
            offset,
            bytes: tail.len() as u64,
            kept: keep(path, offset, &tail)?,
        }),
    };
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(offset)?;
    file.sync_all()?;
    note_synced(&file, offset)?;
    file.sync_all()?;
    Ok(torn)
}

/// What a file holds from here on, without the zeroes at its end.
fn read_from(path: &Path, offset: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let end = tail.iter().rposition(|byte| *byte != 0);
    tail.truncate(end.map_or(0, |last| last + 1));
    Ok(tail)
}

/// Keeps the tail beside the segment, durably, before it is cut off. A second try writes the same file again.
fn keep(path: &Path, offset: u64, tail: &[u8]) -> io::Result<PathBuf> {
    let kept = kept(path, offset);
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(&kept)?;
    file.write_all(tail)?;
    file.sync_all()?;
    path.parent().map_or(Ok(()), sync_directory)?;
    Ok(kept)
}

/// Keeps a whole segment as part of a torn tail.
fn set_aside(path: &Path) -> Result<(), JournalError> {
    let kept = kept(path, 0);
    tracing::warn!(segment = %path.display(), kept = %kept.display(), "a segment behind the journal's torn tail is set aside");
    fs::rename(path, &kept)
        .and_then(|()| path.parent().map_or(Ok(()), sync_directory))
        .map_err(JournalError::io("set aside", path))
}

fn kept(path: &Path, offset: u64) -> PathBuf {
    path.with_extension(format!("{offset}.torn"))
}
