//! What a verification of a trail saw.

use std::path::PathBuf;

use proof::VerifierKey;

/// What a verification saw.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Files that the manifest names.
    pub files: u64,
    /// Rows that were read.
    pub rows: u64,
    /// Number of the last record that is archived, by the manifest.
    pub head: u64,
    /// Records in the journal that are not archived yet.
    pub pending: u64,
    /// Up to where the log is signed, and by whom. None: no signature was found.
    pub signed: Option<Signed>,
    /// Records that the newest signature speaks of, and that only a journal can have which was not at hand.
    pub unseen: u64,
    /// Number of the last record of the checkpoint that was kept elsewhere, if the log goes on from there.
    pub since: Option<u64>,
    /// What is wrong; empty for a trail that is as it was written.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

/// A signature that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Records that it covers, from the first on.
    pub size: u64,
    /// Whose it is.
    pub key: VerifierKey,
}

/// One thing that is wrong. Files are named by their path inside the archive, rows count from 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Finding {
    /// A row's values are not those that its hash is of.
    #[error("{} row {row}, record {sequence}: edited (its values have another hash)", file.display())]
    Edited {
        /// The file.
        file: PathBuf,
        /// Which row.
        row: u64,
        /// The record's number.
        sequence: u64,
    },
    /// Rows are not there.
    #[error("{} row {row}: records {first} to {last} are missing", file.display())]
    Gap {
        /// The file.
        file: PathBuf,
        /// The row before which they should be.
        row: u64,
        /// The first missing record.
        first: u64,
        /// The last missing record.
        last: u64,
    },
    /// A row is there twice, or in the wrong place.
    #[error("{} row {row}: record {found} stands where {expected} should be (duplicated, or out of order)", file.display())]
    Misplaced {
        /// The file.
        file: PathBuf,
        /// Which row.
        row: u64,
        /// The record that should be here.
        expected: u64,
        /// The record that is here.
        found: u64,
    },
    /// The rows go with their hashes, but not with the tree.
    #[error("{}: rewritten (its rows are not those of the manifest's tree)", file.display())]
    Rewritten {
        /// The file.
        file: PathBuf,
    },
    /// The rows are as they were, but the file around them is not.
    #[error("{}: altered (its bytes have another SHA-256 than the manifest's)", file.display())]
    Altered {
        /// The file.
        file: PathBuf,
    },
    /// A file is not there.
    #[error("{}: missing, with records {first} to {last}", file.display())]
    FileMissing {
        /// The file.
        file: PathBuf,
        /// Its first record.
        first: u64,
        /// Its last record.
        last: u64,
    },
    /// A file cannot be read.
    #[error("{}: not readable: {error}", file.display())]
    FileUnreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        error: String,
    },
    /// A file that the manifest does not name.
    #[error("{}: not in the manifest (added, or the manifest was cut short)", file.display())]
    Unlisted {
        /// The file.
        file: PathBuf,
    },
    /// The rows are as they were, and their leaf hashes are not.
    #[error("{}: the leaf hashes are not those of the rows, which are as they were written", file.display())]
    Leaves {
        /// The file of hashes.
        file: PathBuf,
    },
    /// Some records are not those that were signed for.
    #[error("{}: records {first} to {last} are not all those that this was signed for (edited, added or removed, and hashed again)", file.display())]
    Forked {
        /// The checkpoint.
        file: PathBuf,
        /// The first record that may be another.
        first: u64,
        /// The last record that it covers.
        last: u64,
    },
    /// The log ends before what was signed.
    #[error("{}: signed for {size} records, of which {has} are left: the newest were removed, or all was rolled back", file.display())]
    Cut {
        /// The checkpoint.
        file: PathBuf,
        /// What it speaks of.
        size: u64,
        /// What there is.
        has: u64,
    },
    /// A signed head is not what it should be.
    #[error("{}: {error}", file.display())]
    CheckpointUnreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        error: String,
    },
    /// There is a key and nothing that it signed.
    #[error("no checkpoint is there, so nothing is signed with the key")]
    Unsigned,
    /// The manifest itself cannot be read.
    #[error("the manifest: {error}")]
    ManifestUnreadable {
        /// Why, with the line.
        error: String,
    },
    /// The manifest's lines do not follow each other.
    #[error("line {line} of the manifest starts with record {found} where {expected} should be")]
    ManifestBroken {
        /// Which line, from 1.
        line: usize,
        /// The record that should come.
        expected: u64,
        /// The record that comes.
        found: u64,
    },
    /// The journal does not go on where the archive ends.
    #[error("records {first} to {last} are neither in the archive nor in the journal")]
    Lost {
        /// The first one.
        first: u64,
        /// The last one.
        last: u64,
    },
    /// The journal ends before the archive does.
    #[error(
        "the journal would write record {next} next, but the archive has {head} already: the journal was rolled back or replaced"
    )]
    RolledBack {
        /// The next record's number, by the journal.
        next: u64,
        /// The last record's number, by the archive.
        head: u64,
    },
    /// The journal cannot be read.
    #[error("the journal: {error}")]
    JournalUnreadable {
        /// Why.
        error: String,
    },
}
