//! One file of a trail against what should be in it: its line in the manifest, and its leaf hashes.

use std::io;
use std::path::{Path, PathBuf};

use proof::Hash;

use crate::chain::Chain;
use crate::column::Column;
use crate::finding::Finding;
use crate::manifest::{self, Line};
use crate::row::Value;
use crate::table::{Table, TableReader};
use crate::{ArchiveError, layout, leaf, log};

/// Findings that one file is worth. More of them say nothing new.
const MOST: usize = 20;

/// What was found in a file.
pub(crate) struct Compared {
    /// Rows that were read.
    pub rows: u64,
    /// Leaf hashes of the records that the line is about: of the rows where they can be believed, otherwise as they were
    /// written down beside them. None: there are none that lead to the line's tree.
    pub leaves: Option<Vec<Hash>>,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// Compares a file with its line, and with the line before.
pub(crate) fn compare(
    directory: &Path,
    host: &str,
    before: Option<&Line>,
    line: &Line,
) -> Compared {
    let path = directory.join(&line.file);
    let mut walk = Walk::new(host, before, line);
    let read = manifest::hash_file(&path).and_then(|hash| walk.run(&path).map(|()| hash));
    let mut findings = walk.places();
    let hash = match read {
        Ok(hash) => hash,
        Err(error) => {
            findings = vec![unreadable(line, error)];
            String::new()
        }
    };
    let path = layout::leaves(directory, host, line.first, line.last);
    let written = log::read_leaves(&path, line).ok();
    let leads = |leaves: &[Hash]| leads(before, line, leaves, written.as_deref());
    let leaves = match (walk.leaves, &written) {
        // The line is older than the tree.
        (found, _) if line.edge.is_empty() => Some(found),
        (found, written) if findings.is_empty() && leads(&found) => {
            if written.as_ref() != Some(&found) {
                let file = path.strip_prefix(directory).unwrap_or(&path).to_owned();
                findings.push(Finding::Leaves { file });
            }
            Some(found)
        }
        (found, Some(written)) => {
            if findings.is_empty() {
                findings = edits(line, &found, written);
            }
            leads(written).then(|| written.clone())
        }
        (_, None) => {
            if findings.is_empty() {
                findings.push(Finding::Rewritten {
                    file: line.file.clone(),
                });
            }
            None
        }
    };
    if findings.is_empty() && hash != line.sha256 {
        findings.push(Finding::Altered {
            file: line.file.clone(),
        });
    }
    Compared {
        rows: walk.row,
        leaves,
        findings,
    }
}

/// Whether these leaves lead from the tree of the line before to the tree of this one. Where that line is missing: whether
/// they are those that were written down.
fn leads(before: Option<&Line>, line: &Line, leaves: &[Hash], written: Option<&[Hash]>) -> bool {
    if before.map_or(0, |before| before.last) + 1 != line.first {
        return written == Some(leaves);
    }
    let mut tree = before.and_then(Line::tree).unwrap_or_default();
    tree.extend(leaves.iter().copied());
    line.tree() == Some(tree)
}

/// Rows whose hashes are not those that were written down.
fn edits(line: &Line, found: &[Hash], written: &[Hash]) -> Vec<Finding> {
    let differs = |(_, (found, written)): &(u64, (&Hash, &Hash))| found != written;
    let rows = (0..).zip(found.iter().zip(written)).filter(differs);
    let edited = rows.map(|(row, _)| Finding::Edited {
        file: line.file.clone(),
        row,
        sequence: line.first + row,
    });
    let findings: Vec<Finding> = edited.take(MOST).collect();
    match findings.is_empty() {
        true => vec![Finding::Rewritten {
            file: line.file.clone(),
        }],
        false => findings,
    }
}

fn unreadable(line: &Line, error: ArchiveError) -> Finding {
    let file = line.file.clone();
    match error {
        ArchiveError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
            Finding::FileMissing {
                file,
                first: line.first,
                last: line.last,
            }
        }
        error => {
            let error = error.to_string();
            Finding::FileUnreadable { file, error }
        }
    }
}

/// A walk over the rows of one file.
struct Walk<'a> {
    line: &'a Line,
    /// Which row comes.
    row: u64,
    /// Which record should come.
    expected: u64,
    /// The chain before it, as it is written: so one edit is one finding.
    chain: String,
    host: &'a str,
    leaves: Vec<Hash>,
    buffer: Vec<u8>,
    found: Vec<Finding>,
}

impl<'a> Walk<'a> {
    fn new(host: &'a str, before: Option<&Line>, line: &'a Line) -> Self {
        let chain = before.and_then(|line| line.chain.clone());
        Self {
            line,
            row: 0,
            expected: line.first,
            chain: chain.unwrap_or_else(|| Chain::genesis(host).hex()),
            host,
            leaves: Vec::new(),
            buffer: Vec::new(),
            found: Vec::new(),
        }
    }

    fn run(&mut self, path: &Path) -> Result<(), ArchiveError> {
        let mut reader = TableReader::open(path)?;
        while let Some(table) = reader.next_table()? {
            for row in 0..table.length {
                self.step(&table, row);
            }
        }
        Ok(())
    }

    fn step(&mut self, table: &Table, row: usize) {
        leaf::encode(table.schema, table.values(row), &mut self.buffer);
        self.leaves.push(proof::leaf(&self.buffer));
        let sequence = match table.value(row, Column::Sequence) {
            Value::Long(number) => u64::try_from(number).unwrap_or_default(),
            _ => 0,
        };
        // Where a row is not in its place, the chain has to break: the place says why.
        let misplaced = self.place(sequence);
        let broken = match table.schema.is_chained() {
            true => self.chain(table, row, sequence),
            false => None,
        };
        if self.found.len() < MOST {
            self.found.extend(misplaced.or(broken));
        }
        self.row += 1;
    }

    fn place(&mut self, found: u64) -> Option<Finding> {
        let (file, row) = (self.file(), self.row);
        let expected = std::mem::replace(&mut self.expected, found.saturating_add(1));
        match found {
            found if found == expected => None,
            found if found > expected => Some(Finding::Gap {
                file,
                row,
                first: expected,
                last: found - 1,
            }),
            found => Some(Finding::Misplaced {
                file,
                row,
                expected,
                found,
            }),
        }
    }

    fn chain(&mut self, table: &Table, row: usize, sequence: u64) -> Option<Finding> {
        let before = Chain::from_hex(&self.chain).unwrap_or_else(|| Chain::genesis(self.host));
        let computed = before.next(table.schema, table.values(row)).hex();
        let written = match table.value(row, Column::Chain) {
            Value::Text(text) => text.to_owned(),
            _ => String::new(),
        };
        let broken = written != computed;
        self.chain = written;
        broken.then(|| Finding::Edited {
            file: self.file(),
            row: self.row,
            sequence,
        })
    }

    fn file(&self) -> PathBuf {
        self.line.file.clone()
    }

    /// What is wrong with the order of rows, and with their chain, where they have one.
    fn places(&mut self) -> Vec<Finding> {
        if self.expected <= self.line.last {
            self.found.push(Finding::Gap {
                file: self.file(),
                row: self.row,
                first: self.expected,
                last: self.line.last,
            });
        } else if self.found.is_empty()
            && self
                .line
                .chain
                .as_ref()
                .is_some_and(|chain| *chain != self.chain)
        {
            self.found.push(Finding::Rewritten { file: self.file() });
        }
        std::mem::take(&mut self.found)
    }
}
