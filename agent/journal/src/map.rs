//! Everything unsafe of this crate: a piece of a file as memory.
//!
//! Knows a file and where in it, nothing of records.
//!
//! ```text
//!  file   |  full, let go of  |     window, written to     |   window, made ready   |  only reserved  |
//!                             start         ^ cursor        end = start of the next
//! ```

#![allow(unsafe_code)]

use std::fs::File;
use std::io;

use memmap2::{Advice, MmapMut, MmapOptions, MmapRaw};

/// Bytes of a file that are written to as memory. What is written is in the kernel's hands at once, whatever becomes of
/// the process.
pub(crate) struct Window {
    memory: MmapMut,
    start: u64,
}

impl Window {
    /// Maps `length` bytes of a file from `start` on, a multiple of the page size, and makes their pages ready to be
    /// written: with [`Advice::PopulateWrite`], so that a disk that cannot take them is an error here and no signal
    /// later, and so that writing waits for no page fault. Linux 5.14 or newer, see madvise(2).
    pub(crate) fn open(file: &File, start: u64, length: usize) -> io::Result<Self> {
        let mut options = MmapOptions::new();
        options.offset(start).len(length);
        // SAFETY: memory must not change beneath a reference to it, nor go away. The file is the agent's own, readable
        // by nobody else, in a directory that the agent holds the lock of; each of its bytes is in one window at most,
        // which one thread owns at a time. The file is never cut shorter than the end of a window that is open:
        // sealing drops the windows first, by their type. Other processes map nothing: they read(2).
        let memory = unsafe { options.map_mut(file) }?;
        // Without reading ahead, and so with pages that are clean one by one: a larger folio that a sync has written would
        // fault again wherever it goes on behind what was synced.
        memory.advise(Advice::Random)?;
        memory.advise(Advice::PopulateWrite)?;
        Ok(Self { memory, start })
    }

    /// Where it ends in its file, bytes.
    pub(crate) fn end(&self) -> u64 {
        self.start + self.memory.len() as u64
    }

    /// Writes the part of `bytes` that falls into the window, if they begin at `at` in the file.
    pub(crate) fn write(&mut self, at: u64, bytes: &[u8]) {
        let skipped = self.start.saturating_sub(at);
        let offset = at.saturating_sub(self.start);
        let (Ok(skipped), Ok(offset)) = (usize::try_from(skipped), usize::try_from(offset)) else {
            return;
        };
        let from = bytes.get(skipped..).unwrap_or_default();
        let to = self.memory.get_mut(offset..).unwrap_or_default();
        let length = from.len().min(to.len());
        if let (Some(from), Some(to)) = (from.get(..length), to.get_mut(..length)) {
            to.copy_from_slice(from);
        }
    }
}

/// A whole file as a range of addresses: what msync(2) takes to sync a part of a file, which no call by descriptor
/// does. No byte is read or written through it, so it costs no memory.
pub(crate) struct Span(MmapRaw);

impl Span {
    pub(crate) fn open(file: &File) -> io::Result<Self> {
        MmapOptions::new().map_raw(file).map(Self)
    }

    /// Returns when the first `length` bytes are on the disk, and what is needed to read them back. Leaves the pages
    /// behind them alone: syncing those would write them in vain, and make each of them fault again.
    pub(crate) fn sync(&self, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        self.0.flush_range(0, length.min(self.0.len()))
    }
}
