//! The few things that a writer asks of a disk, so that tests can give it one that fails.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

/// A disk that segments are made on.
pub(crate) trait Disk: Send {
    /// Makes a new file that only its owner can read.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn SegmentFile>>;
    /// Gives a file its name, durably.
    fn publish(&self, from: &Path, to: &Path) -> io::Result<()>;
}

/// A segment that is being written.
pub(crate) trait SegmentFile: Send + Sync {
    /// Hands all of these bytes to the kernel.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;
    /// Returns when everything that was appended is on the disk.
    fn sync(&self) -> io::Result<()>;
}

/// The host's file system.
pub(crate) struct RealDisk;

impl Disk for RealDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn SegmentFile>> {
        let mut options = OpenOptions::new();
        let file = options
            .append(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        Ok(Arc::new(file))
    }

    fn publish(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)?;
        to.parent().map_or(Ok(()), sync_directory)
    }
}

impl SegmentFile for File {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file = self;
        file.write_all(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

/// Makes names in a directory durable.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
