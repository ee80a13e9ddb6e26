//! What is done with the segments that an earlier run left behind, before anything new is written.
//!
//! ```text
//! every segment but the last:  whole, and the next one goes on where it ends   else: refused
//! the last one:                whole                                           as it is
//!                              damaged, and no frame after the damage          the tail is cut off, a copy kept
//!                              damaged, and frames after the damage            refused
//! ```
//!
//! A tail is torn by an agent that died inside write(2), or by a host that died before its sync; both only ever
//! hit the end. Damage before whole frames is something else (bit rot, a rewritten file, a disk that
//! synced in another order), and a human has to look.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::JournalError;
use crate::disk::sync_directory;
use crate::frame;
use crate::read::{self, Cut};
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
    /// How long the tail was, bytes.
    pub bytes: u64,
    /// Where the tail is kept for the auditor.
    pub kept: PathBuf,
}

/// Repairs the directory and says where the sequence goes on.
pub(crate) fn recover(directory: &Path) -> Result<Recovery, JournalError> {
    segment::remove_unfinished(directory)?;
    let paths = segment::segments(directory)?;
    let first = |path: &PathBuf| segment::first_sequence(path).unwrap_or(1);
    let oldest = paths.first().map_or(1, first);
    let mut next = oldest;
    let mut torn = None;
    for (position, path) in paths.iter().enumerate() {
        expect(path, next)?;
        let last = position + 1 == paths.len();
        let scan = scan(path)?;
        next = scan.next;
        if let Some(damage) = scan.damage {
            torn = Some(cut(path, scan.next, scan.offset, damage, last)?);
        }
    }
    Ok(Recovery { oldest, next, torn })
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
    damage: Option<&'static str>,
}

fn scan(path: &Path) -> Result<Scan, JournalError> {
    let mut frames = read::open(path)?;
    let damage = loop {
        match frames.cut().map_err(JournalError::io("read", path))? {
            Cut::Frame(_) => {}
            Cut::End => break None,
            Cut::Torn => break Some("the file ends inside of it"),
            Cut::Bad(what) => break Some(what),
        }
    };
    Ok(Scan {
        next: frames.next,
        offset: frames.offset,
        damage,
    })
}

/// Cuts a torn tail off, or refuses to.
fn cut(
    path: &Path,
    sequence: u64,
    offset: u64,
    damage: &'static str,
    last: bool,
) -> Result<Torn, JournalError> {
    let tail = read_from(path, offset).map_err(JournalError::io("read", path))?;
    if !last || frame::holds_frame(tail.get(1..).unwrap_or_default()) {
        return Err(JournalError::Damaged {
            path: path.to_owned(),
            offset,
            sequence,
            what: damage,
        });
    }
    let kept = keep(path, offset, &tail)?;
    truncate(path, offset).map_err(JournalError::io("cut the torn tail off", path))?;
    Ok(Torn {
        segment: path.to_owned(),
        offset,
        bytes: tail.len() as u64,
        kept,
    })
}

fn read_from(path: &Path, offset: u64) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    Ok(tail)
}

/// Keeps the tail beside the segment, durably, before it is cut off. A second try writes the same file again.
fn keep(path: &Path, offset: u64, tail: &[u8]) -> Result<PathBuf, JournalError> {
    let kept = path.with_extension(format!("{offset}.torn"));
    OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(&kept)
        .and_then(|mut file| file.write_all(tail).and_then(|()| file.sync_all()))
        .and_then(|()| path.parent().map_or(Ok(()), sync_directory))
        .map_err(JournalError::io("keep the torn tail in", &kept))?;
    Ok(kept)
}

fn truncate(path: &Path, offset: u64) -> std::io::Result<()> {
    let file = fs::OpenOptions::new().write(true).open(path)?;
    file.set_len(offset)?;
    file.sync_all()
}
