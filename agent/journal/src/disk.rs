//! The few things that the journal asks of a disk, so that tests can give it one that fails.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{FallocateFlags, fallocate};

use crate::frame::SYNCED_AT;
use crate::map::{Span, Window};

/// A disk that segments are made on.
pub(crate) trait Disk: Send + Sync {
    /// Makes a new file that only its owner can read, which begins with these bytes, durably, and has room for `bytes`
    /// in all.
    fn create(&self, path: &Path, header: &[u8], bytes: u64) -> io::Result<Arc<dyn SegmentFile>>;
    /// Gives a file its name. Durable after a sync of the directory.
    fn name(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }
    /// Makes names in a directory durable.
    fn sync_names(&self, directory: &Path) -> io::Result<()> {
        sync_directory(directory)
    }
}

/// A segment that is being written.
pub(crate) trait SegmentFile: Send + Sync {
    /// A part of it to write to, from `start` on.
    fn window(&self, start: u64, length: usize) -> io::Result<Window>;
    /// Returns when its first `length` bytes are on the disk.
    fn sync(&self, length: u64) -> io::Result<()>;
    /// Notes in its header that so many bytes are on the disk.
    fn note_synced(&self, length: u64) -> io::Result<()>;
    /// Cuts off what lies behind its last record, durably. No window may be open.
    fn cut(&self, length: u64) -> io::Result<()>;
}

/// The host's file system.
pub(crate) struct RealDisk;

impl Disk for RealDisk {
    fn create(&self, path: &Path, header: &[u8], bytes: u64) -> io::Result<Arc<dyn SegmentFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(0o600);
        let file = options.open(path)?;
        // The room is taken now, so that a full disk is found now.
        fallocate(&file, FallocateFlags::empty(), 0, bytes)?;
        file.write_all_at(header, 0)?;
        file.sync_all()?;
        let span = Span::open(&file)?;
        Ok(Arc::new(RealFile { file, span }))
    }
}

struct RealFile {
    file: File,
    span: Span,
}

impl SegmentFile for RealFile {
    fn window(&self, start: u64, length: usize) -> io::Result<Window> {
        Window::open(&self.file, start, length)
    }

    fn sync(&self, length: u64) -> io::Result<()> {
        self.span.sync(length)
    }

    fn note_synced(&self, length: u64) -> io::Result<()> {
        note_synced(&self.file, length)
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        self.file.sync_all()
    }
}

/// Notes in a segment's header that so many bytes are on the disk.
pub(crate) fn note_synced(file: &File, length: u64) -> io::Result<()> {
    file.write_all_at(&length.to_le_bytes(), SYNCED_AT)
}

/// Makes names in a directory durable.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
