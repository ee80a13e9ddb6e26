//! What can go wrong in an archive.

use std::io;
use std::path::{Path, PathBuf};

use journal::JournalError;
use parquet::errors::ParquetError;
use proof::ProofError;

/// Why the archive did not do what it was asked for. A segment stays in the journal until it is archived.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The host id cannot be part of a path.
    #[error("host id {host:?} cannot name a directory; use letters, digits, `.`, `_` and `-`")]
    HostId {
        /// The id.
        host: String,
    },
    /// Another agent writes this host's trail.
    #[error("the trail of {host} in {} is in use by another agent; give each agent its own host id", directory.display())]
    InUse {
        /// The archive.
        directory: PathBuf,
        /// The host id.
        host: String,
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
    /// A Parquet file could not be written or read.
    #[error("{}: {source}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the library said.
        source: ParquetError,
    },
    /// A file is not one of the archive's.
    #[error("{}: {what}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The manifest has a line that nobody wrote like this.
    #[error("line {line} of {} is not readable: {what}; restore the manifest from a copy", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// The segment does not go on where the archive ends.
    #[error("the archive of {host} goes on with record {expected}, but {} starts with {found}: records are missing", segment.display())]
    Missing {
        /// The host id.
        host: String,
        /// The segment.
        segment: PathBuf,
        /// The record that should come next.
        expected: u64,
        /// The record that came.
        found: u64,
    },
    /// The archive holds another record under the same number.
    #[error("record {sequence} of {} is not the one that the archive of {host} has: the journal was replaced or has started again from 1; give the agent a new host id", segment.display())]
    Conflict {
        /// The host id.
        host: String,
        /// The segment.
        segment: PathBuf,
        /// Which record.
        sequence: u64,
    },
    /// A file that was just written does not read back as it should. It is not part of the trail.
    #[error("{} does not read back as it was written, at row {row}; the disk or memory may be bad", path.display())]
    ReadBack {
        /// The file.
        path: PathBuf,
        /// Which row, from 0.
        row: u64,
    },
    /// A record that there is not.
    #[error("the log of {host} has no record {sequence}")]
    NoRecord {
        /// The host id.
        host: String,
        /// Which record.
        sequence: u64,
    },
    /// The archive has not come again to where it was signed.
    #[error("{signed} records are signed, and the archive has {size} of them so far")]
    Behind {
        /// What is signed.
        signed: u64,
        /// What there is.
        size: u64,
    },
    /// A note that nobody whom we know has signed.
    #[error("it is not signed by a key that is known ({keys}); give the log's key with --key")]
    Stranger {
        /// Keys that are known.
        keys: String,
    },
    /// Another key would sign a log than the one that did.
    #[error(
        "the log of {host} is signed by {key}, which has not endorsed the new key: put the old key back and run `weir audit rotate-key`, or give the agent a new host id"
    )]
    Unendorsed {
        /// The host id.
        host: String,
        /// The verifier key that was the log's last.
        key: String,
    },
    /// A signature, a key or a proof is not what it should be.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The journal's segments could not be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl ArchiveError {
    /// For `map_err`: an I/O error with what was tried on which path.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    /// For `map_err`: a Parquet error with its file.
    pub(crate) fn parquet<E: Into<ParquetError>>(path: &Path) -> impl FnOnce(E) -> Self {
        let path = path.to_owned();
        move |source| Self::Parquet {
            path,
            source: source.into(),
        }
    }
}
