//! The one segment that grows, and the one that is ready to take its place.
//!
//! A segment gets its name only when its header is on disk, so a file with a segment's name always has one.
//!
//! ```text
//!  Spare (unnamed, room taken, first window ready) --begin(first)--> Live --full, old, asked for--> sealed
//! ```

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::JournalError;
use crate::disk::{Disk, SegmentFile};
use crate::frame::{HEADER_BYTES, Header, PREFIX_BYTES, encode_prefix};
use crate::map::Window;
use crate::segment;

/// Bytes of a window that is made ahead: what is written in many milliseconds, so that the next one is there in time.
const AHEAD_BYTES: u64 = 1 << 20;

/// Bytes of a window that somebody waits for.
const AT_ONCE_BYTES: u64 = 128 << 10;

/// An empty segment that has no name yet.
pub(crate) struct Spare {
    unnamed: PathBuf,
    file: Arc<dyn SegmentFile>,
    segment: u64,
    capacity: u64,
    window: Window,
}

impl Spare {
    /// Makes one with room for this many bytes, header included.
    pub(crate) fn create(
        disk: &dyn Disk,
        directory: &Path,
        capacity: u64,
    ) -> Result<Self, JournalError> {
        let header = Header {
            segment: random().map_err(JournalError::io("draw a random id for", directory))?,
            created: now(),
            synced: HEADER_BYTES as u64,
        };
        let unnamed = segment::unnamed(directory, header.segment);
        let file = disk
            .create(&unnamed, &header.encode(), capacity)
            .map_err(JournalError::io("take room for", &unnamed))?;
        let window = open_window(&*file, 0, capacity, AHEAD_BYTES)
            .map_err(JournalError::io("map", &unnamed))?;
        Ok(Self {
            unnamed,
            file,
            segment: header.segment,
            capacity,
            window,
        })
    }

    /// Whether a segment of this many bytes fits.
    pub(crate) fn fits(&self, bytes: u64) -> bool {
        bytes <= self.capacity
    }

    /// Names it after its first record. Takes the place of an empty segment of the same name.
    pub(crate) fn begin(
        self,
        disk: &dyn Disk,
        directory: &Path,
        first: u64,
    ) -> Result<Live, JournalError> {
        let path = segment::path(directory, first);
        disk.name(&self.unnamed, &path)
            .map_err(JournalError::io("name", &path))?;
        Ok(Live {
            path: path.into(),
            file: self.file,
            segment: self.segment,
            first,
            next: first,
            end: HEADER_BYTES as u64,
            capacity: self.capacity,
            mapped: self.window.end(),
            windows: VecDeque::from([self.window]),
        })
    }

    /// Removes it. What is left over after a failure goes when the journal is opened.
    pub(crate) fn discard(self) {
        let _ = fs::remove_file(&self.unnamed);
    }
}

/// The segment that grows.
pub(crate) struct Live {
    pub path: Arc<Path>,
    pub file: Arc<dyn SegmentFile>,
    segment: u64,
    /// Sequence number of its first record.
    pub first: u64,
    /// Sequence number of the next record.
    pub next: u64,
    /// Bytes in it.
    pub end: u64,
    /// Bytes that it has room for.
    capacity: u64,
    /// Where the last window ends.
    mapped: u64,
    /// What is written to, in order and without gaps; `end` is in the first one or where it begins.
    windows: VecDeque<Window>,
}

impl Live {
    /// Whether it holds no record yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.next == self.first
    }

    /// Whether a record of this many bytes has room in it.
    pub(crate) fn fits(&self, payload: usize) -> bool {
        self.end + frame_bytes(payload) <= self.capacity
    }

    /// Whether it is time to make the next one.
    pub(crate) fn is_half_full(&self) -> bool {
        self.end > self.capacity / 2
    }

    /// Writes a record that fits, and returns its sequence number.
    pub(crate) fn append(&mut self, payload: &[u8]) -> Result<u64, JournalError> {
        let end = self.end + frame_bytes(payload.len());
        self.map_up_to(end)
            .map_err(JournalError::io("write", &self.path))?;
        let prefix = encode_prefix(self.segment, self.next, payload);
        self.write(self.end + PREFIX_BYTES as u64, payload);
        // What has a length is whole, for whoever reads meanwhile and after a kill in between. Where processors reorder
        // what others see, the checksum tells.
        fence(Ordering::Release);
        self.write(self.end, &prefix);
        let sequence = self.next;
        self.next += 1;
        self.end = end;
        while self.windows.front().is_some_and(|front| front.end() <= end) {
            self.windows.pop_front();
        }
        Ok(sequence)
    }

    fn write(&mut self, at: u64, bytes: &[u8]) {
        for window in &mut self.windows {
            window.write(at, bytes);
        }
    }

    /// Makes windows up to this byte, if nobody has made them ahead.
    fn map_up_to(&mut self, end: u64) -> io::Result<()> {
        while self.mapped < end {
            let window = open_window(&*self.file, self.mapped, self.capacity, AT_ONCE_BYTES)?;
            self.offer(window, self.mapped);
        }
        Ok(())
    }

    /// Where the next window should begin, if there should be one.
    pub(crate) fn wants(&self) -> Option<Wanted> {
        let is_short = self.windows.len() < 2 && self.mapped < self.capacity;
        is_short.then(|| Wanted {
            path: Arc::clone(&self.path),
            file: Arc::clone(&self.file),
            start: self.mapped,
            capacity: self.capacity,
        })
    }

    /// Takes a window that begins at `start`, unless there is one already.
    fn offer(&mut self, window: Window, start: u64) {
        if start == self.mapped {
            self.mapped = window.end();
            self.windows.push_back(window);
        }
    }

    /// Takes a window that was made ahead, if it is still wanted.
    pub(crate) fn take(&mut self, made: Made) {
        if Arc::ptr_eq(&self.file, &made.file) {
            self.offer(made.window, made.start);
        }
    }

    /// Lets go of its memory: nothing is written to it any more.
    pub(crate) fn unmap(&mut self) {
        self.windows.clear();
    }
}

/// A window that is to be made ahead.
pub(crate) struct Wanted {
    path: Arc<Path>,
    file: Arc<dyn SegmentFile>,
    start: u64,
    capacity: u64,
}

impl Wanted {
    pub(crate) fn make(self) -> Result<Made, JournalError> {
        let window = open_window(&*self.file, self.start, self.capacity, AHEAD_BYTES)
            .map_err(JournalError::io("write", &self.path))?;
        Ok(Made {
            window,
            file: self.file,
            start: self.start,
        })
    }
}

/// A window that was made ahead.
pub(crate) struct Made {
    window: Window,
    file: Arc<dyn SegmentFile>,
    start: u64,
}

/// Bytes of a record's frame.
pub(crate) fn frame_bytes(payload: usize) -> u64 {
    (PREFIX_BYTES + payload) as u64
}

fn open_window(
    file: &dyn SegmentFile,
    start: u64,
    capacity: u64,
    bytes: u64,
) -> io::Result<Window> {
    let length = bytes.min(capacity.saturating_sub(start));
    file.window(start, usize::try_from(length).unwrap_or(usize::MAX))
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
