//! A file of the archive while it grows: rows go into it as their records come, and its leaves are known at once.

use std::path::{Path, PathBuf};

use crc32c::crc32c;
use journal::Entry;
use proof::{Hash, Tree};

use crate::facts::Sessions;
use crate::flatten::flatten;
use crate::layout::Day;
use crate::manifest::Extent;
use crate::row::Row;
use crate::table::{TableReader, TableWriter};
use crate::{ArchiveError, leaf};

/// A file that is not part of the trail yet.
pub(crate) struct Growing {
    /// The day of its records.
    pub day: Day,
    path: PathBuf,
    writer: TableWriter,
    extent: Extent,
    tree: Tree,
    leaves: Vec<Hash>,
    sums: Vec<u32>,
    sessions: Sessions,
    buffer: Vec<u8>,
}

/// A file that is on the disk as a whole, under the name that it has while it grows.
pub(crate) struct Grown {
    /// Where it is.
    pub path: PathBuf,
    /// Which records it has.
    pub extent: Extent,
    /// Leaf hashes of its rows.
    pub leaves: Vec<Hash>,
    /// The host's tree behind it.
    pub tree: Tree,
    /// What is known about sessions behind it.
    pub sessions: Sessions,
    /// A checksum of each row's encoding.
    sums: Vec<u32>,
}

impl Growing {
    /// Begins a file behind this tree.
    pub(crate) fn begin(
        path: &Path,
        day: Day,
        tree: &Tree,
        sessions: &Sessions,
    ) -> Result<Self, ArchiveError> {
        Ok(Self {
            day,
            path: path.to_owned(),
            writer: TableWriter::create(path)?,
            extent: Extent {
                first: tree.size() + 1,
                last: tree.size(),
                since: i64::MAX,
                until: i64::MIN,
            },
            tree: tree.clone(),
            leaves: Vec::new(),
            sums: Vec::new(),
            sessions: sessions.clone(),
            buffer: Vec::new(),
        })
    }

    /// The host's tree with what was added.
    pub(crate) fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Leaf hashes of what was added.
    pub(crate) fn leaves(&self) -> &[Hash] {
        &self.leaves
    }

    /// Adds the record that comes next.
    pub(crate) fn push(&mut self, entry: &Entry) -> Result<(), ArchiveError> {
        let row = row_of(entry, &mut self.sessions);
        let values = row.iter().map(|(_, value)| value);
        leaf::encode(row.schema(), values, &mut self.buffer);
        let leaf = proof::leaf(&self.buffer);
        self.tree.push(leaf);
        self.leaves.push(leaf);
        self.sums.push(crc32c(&self.buffer));
        self.extent.last = entry.sequence;
        self.extent.since = self.extent.since.min(entry.record.time);
        self.extent.until = self.extent.until.max(entry.record.time);
        self.writer.push(row)
    }

    /// Writes what is left, and returns when the disk has it.
    pub(crate) fn finish(self) -> Result<Grown, ArchiveError> {
        self.writer.finish()?;
        Ok(Grown {
            path: self.path,
            extent: self.extent,
            leaves: self.leaves,
            tree: self.tree,
            sessions: self.sessions,
            sums: self.sums,
        })
    }
}

impl Grown {
    /// Reads the file again, as anybody would, and compares each row with what was written. By a checksum: what this
    /// looks for is a bad disk, and the leaves, which cost much more, are of the very same bytes.
    pub(crate) fn read_back(&self, path: &Path) -> Result<(), ArchiveError> {
        let fault = |row| ArchiveError::ReadBack {
            path: path.to_owned(),
            row,
        };
        let mut sums = (0_u64..).zip(&self.sums);
        let mut reader = TableReader::open(path)?;
        let mut buffer = Vec::new();
        while let Some(table) = reader.next_table()? {
            for row in 0..table.length {
                leaf::encode(table.schema, table.values(row), &mut buffer);
                match sums.next() {
                    Some((_, sum)) if *sum == crc32c(&buffer) => {}
                    Some((row, _)) => return Err(fault(row)),
                    None => return Err(fault(self.sums.len() as u64)),
                }
            }
        }
        sums.next().map_or(Ok(()), |(row, _)| Err(fault(row)))
    }
}

/// The row of the record that comes next.
pub(crate) fn row_of(entry: &Entry, sessions: &mut Sessions) -> Row {
    sessions.learn(entry.sequence, &entry.record);
    let row = flatten(entry, sessions.of(&entry.record));
    sessions.forget(&entry.record);
    row
}
