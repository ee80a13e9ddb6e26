//! The one segment that grows.
//!
//! A segment gets its name only when its header is on disk, so a file with a segment's name always has one.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::JournalError;
use crate::disk::{Disk, SegmentFile};
use crate::frame::{self, HEADER_BYTES, Header};
use crate::segment;

/// The segment that grows.
pub(crate) struct Live {
    pub path: Arc<Path>,
    pub file: Arc<dyn SegmentFile>,
    pub header: Header,
    /// Bytes in it.
    pub size: u64,
    /// Sequence number of the next record.
    pub next: u64,
    /// When its first record came, if one came.
    pub since: Option<Instant>,
}

impl Live {
    /// Makes a new, empty segment that starts with this record. Takes the place of an empty one of the same name.
    pub(crate) fn create(
        disk: &dyn Disk,
        directory: &Path,
        first: u64,
    ) -> Result<Self, JournalError> {
        let header = Header {
            segment: random().map_err(JournalError::io("draw a random id for", directory))?,
            first,
            created: now(),
        };
        let path = segment::path(directory, first);
        let unnamed = segment::new_path(directory, first);
        let file = disk
            .create(&unnamed)
            .and_then(|file| file.append(&header.encode()).map(|()| file))
            .and_then(|file| file.sync().map(|()| file))
            .map_err(JournalError::io("write", &unnamed))?;
        disk.publish(&unnamed, &path)
            .map_err(JournalError::io("name", &path))?;
        Ok(Self {
            path: path.into(),
            file,
            header,
            size: HEADER_BYTES as u64,
            next: first,
            since: None,
        })
    }

    /// Whether it holds no record yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.next == self.header.first
    }

    /// Writes these payloads with one write(2) and returns the sequence number of the first.
    pub(crate) fn append<'a>(
        &mut self,
        payloads: impl Iterator<Item = &'a [u8]>,
    ) -> Result<u64, JournalError> {
        let first = self.next;
        let mut next = first;
        let mut frames = Vec::new();
        for payload in payloads {
            frame::encode(&mut frames, self.header.segment, next, payload);
            next += 1;
        }
        self.file
            .append(&frames)
            .map_err(JournalError::io("write", &self.path))?;
        self.size += frames.len() as u64;
        self.next = next;
        self.since.get_or_insert_with(Instant::now);
        Ok(first)
    }

    /// Waits until all of it is on the disk.
    pub(crate) fn sync(&self) -> Result<(), JournalError> {
        self.file
            .sync()
            .map_err(JournalError::io("sync", &self.path))
    }
}

fn random() -> io::Result<u64> {
    let mut bytes = [0; 8];
    // Up to 256 bytes are never cut short: getrandom(2).
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    Ok(u64::from_le_bytes(bytes))
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    })
}
