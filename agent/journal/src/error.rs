//! What can go wrong, and the one mistake that cannot be taken back.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::MAX_RECORD;

/// Why the journal did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another journal has the directory open.
    #[error("journal {} is in use by another agent; stop that one, or give this one its own directory", directory.display())]
    InUse {
        /// The directory.
        directory: PathBuf,
    },
    /// A file or directory could not be used.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, a verb.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The bytes are not what was written.
    #[error("{} is damaged at byte {offset}, where record {sequence} should be: {what}; keep a copy, restore the file from one or move it away", path.display())]
    Damaged {
        /// The segment.
        path: PathBuf,
        /// Where in it, in bytes from its start.
        offset: u64,
        /// Which record should be there.
        sequence: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// Records between two segments are not there.
    #[error("records {expected} to {} are missing: they should be before {}", found.saturating_sub(1), path.display())]
    Missing {
        /// The first one that is missing.
        expected: u64,
        /// The one that was found in its place.
        found: u64,
        /// The segment that it was found in.
        path: PathBuf,
    },
    /// The frame is whole, but this version of Weir does not understand its record.
    #[error("record {sequence} in {} is not readable by this version: {source}", path.display())]
    Unreadable {
        /// The segment.
        path: PathBuf,
        /// Which record.
        sequence: u64,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// A record could not be turned into bytes.
    #[error("a record could not be encoded: {0}")]
    Encode(serde_json::Error),
    /// A record is larger than a frame may be.
    #[error("a record of {bytes} bytes is larger than the {MAX_RECORD} that the journal takes")]
    TooLarge {
        /// Its size as JSON.
        bytes: usize,
    },
    /// There is no room for another segment. It goes on by itself once there is.
    #[error("journal {} takes no more requests until there is room on its disk: {cause}; free at least two segments' worth", directory.display())]
    Full {
        /// The directory.
        directory: PathBuf,
        /// What could not be made.
        cause: Arc<str>,
    },
    /// The disk has stopped, or is far too slow. It goes on by itself once the disk does.
    #[error("journal {} takes no more records until its disk has taken those that it has: {bytes} bytes wait to be synced", directory.display())]
    Behind {
        /// The directory.
        directory: PathBuf,
        /// How much waits, but for the segment that is live.
        bytes: u64,
    },
    /// An earlier write or sync failed, so nothing more can be promised.
    #[error("journal {} takes no more records since: {cause}; make the disk good again and restart the agent", directory.display())]
    Failed {
        /// The directory.
        directory: PathBuf,
        /// The first failure.
        cause: Arc<str>,
    },
    /// The journal's thread could not be started, or has ended early.
    #[error("the journal has no thread that syncs it: {0}")]
    Thread(io::Error),
    /// The journal was closed.
    #[error("the journal is closed")]
    Closed,
}

impl JournalError {
    /// Whether it is over by itself once the disk is as it should be: nothing is lost that was taken before.
    pub(crate) fn passes(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::Behind { .. }) || self.says_full()
    }

    /// Whether it says that there is no room.
    pub(crate) fn says_full(&self) -> bool {
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
        matches!(self, Self::Io { source, .. } if full.contains(&source.kind()))
    }

    /// For `map_err`: an I/O error with what was tried on which path.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}

/// Whether the journal has failed. A failure is final: after a failed sync the kernel may have dropped the
/// pages and would report success the next time.
#[derive(Clone)]
pub(crate) struct Fate {
    directory: Arc<Path>,
    cause: Arc<OnceLock<Arc<str>>>,
}

impl Fate {
    pub(crate) fn new(directory: &Path) -> Self {
        Self {
            directory: directory.into(),
            cause: Arc::default(),
        }
    }

    /// Fails, if anything has failed before.
    pub(crate) fn check(&self) -> Result<(), JournalError> {
        self.cause
            .get()
            .map_or(Ok(()), |cause| Err(self.failed(cause)))
    }

    /// Fails from now on, with what to tell everybody. The first cause stays.
    pub(crate) fn fail(&self, error: &JournalError) -> JournalError {
        let cause = self.cause.get_or_init(|| {
            tracing::error!(%error, "the journal has failed and takes no more records");
            error.to_string().into()
        });
        self.failed(cause)
    }

    fn failed(&self, cause: &Arc<str>) -> JournalError {
        JournalError::Failed {
            directory: self.directory.to_path_buf(),
            cause: Arc::clone(cause),
        }
    }
}
