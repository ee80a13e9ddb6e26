//! Says whether a trail is what was written, and if not, where.
//!
//! Three things are set against each other: the rows (each one's chain covers it and all before it), the manifest
//! (which files there should be, with their hashes), and the journal (which goes on where the manifest ends).
//! What this cannot see: a host that rewrites rows, manifest and journal together. That takes a copy of the head elsewhere.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use journal::JournalError;

use crate::archive::Head;
use crate::chain::Chain;
use crate::column::Column;
use crate::manifest::{self, Line};
use crate::row::Row;
use crate::table::TableReader;
use crate::{ArchiveError, Trail, layout};

/// Findings that one file is worth. More of them say nothing new.
const MOST_PER_FILE: usize = 20;

/// What a verification saw.
#[derive(Clone, Debug)]
pub struct Report {
    /// Files that the manifest names.
    pub files: u64,
    /// Rows that were read.
    pub rows: u64,
    /// Where the trail should end, by the manifest.
    pub head: Head,
    /// Records in the journal that are not archived yet.
    pub pending: u64,
    /// What is wrong; empty for a trail that is as it was written.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

/// One thing that is wrong. Files are named by their path inside the archive, rows count from 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Finding {
    /// A row's values are not those that its hash covers.
    #[error("{} row {row}, record {sequence}: edited (its chain does not match its values)", file.display())]
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
    /// Each row follows from the one before, but the file does not end as the manifest says.
    #[error("{}: rewritten (its rows are consistent, but end in another chain than the manifest's)", file.display())]
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

impl Trail {
    /// Reads everything and reports what is wrong. Changes nothing; the agent may be running.
    pub fn verify(&self) -> Result<Report, ArchiveError> {
        layout::check_host(&self.host)?;
        // Before the manifest is read, so that what is archived meanwhile is not missed.
        let oldest = self.oldest_in_journal();
        let mut check = Check::new(self);
        let lines = check.read_manifest();
        lines
            .iter()
            .enumerate()
            .for_each(|(index, line)| check.file(index, line));
        check.unlisted(&oldest)?;
        check.journal(oldest);
        Ok(check.report)
    }

    /// Number of the first record in the journal, or of the next, where it is empty. None: no journal is at hand.
    fn oldest_in_journal(&self) -> Option<Result<u64, JournalError>> {
        let directory = self.journal.as_deref()?;
        let oldest = journal::segments(directory).map(|segments| {
            let first = segments.first();
            first
                .and_then(|path| journal::first_sequence(path))
                .unwrap_or(1)
        });
        Some(oldest)
    }
}

struct Check<'a> {
    trail: &'a Trail,
    report: Report,
}

impl<'a> Check<'a> {
    fn new(trail: &'a Trail) -> Self {
        let head = Head {
            sequence: 0,
            chain: Chain::genesis(&trail.host),
        };
        Self {
            trail,
            report: Report {
                files: 0,
                rows: 0,
                head,
                pending: 0,
                findings: Vec::new(),
            },
        }
    }

    fn find(&mut self, finding: Finding) {
        self.report.findings.push(finding);
    }

    fn read_manifest(&mut self) -> Vec<Line> {
        let path = layout::manifest(&self.trail.directory, &self.trail.host);
        manifest::read(&path).unwrap_or_else(|error| {
            let error = error.to_string();
            self.find(Finding::ManifestUnreadable { error });
            Vec::new()
        })
    }

    /// Checks one file against its line, and moves the head to its end.
    fn file(&mut self, index: usize, line: &Line) {
        let before = self.report.head;
        let expected = before.sequence + 1;
        if line.first != expected {
            self.find(Finding::ManifestBroken {
                line: index + 1,
                expected,
                found: line.first,
            });
        }
        let Ok(chain) = line.chain.parse() else {
            return self.find(Finding::ManifestUnreadable {
                error: format!("line {} has no chain", index + 1),
            });
        };
        self.report.files += 1;
        self.report.head = Head {
            sequence: line.last,
            chain,
        };
        let found = self.compare(before.chain, line);
        self.report.findings.extend(found);
    }

    fn compare(&mut self, before: Chain, line: &Line) -> Vec<Finding> {
        let path = self.trail.directory.join(&line.file);
        let file = line.file.clone();
        let hash = match manifest::hash_file(&path) {
            Err(ArchiveError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return vec![Finding::FileMissing {
                    file,
                    first: line.first,
                    last: line.last,
                }];
            }
            Err(error) => return vec![unreadable(file, &error)],
            Ok(hash) => hash,
        };
        let mut walk = Walk::new(before, line);
        let mut found = match walk.run(&path) {
            Ok(()) => walk.finish(),
            Err(error) => vec![unreadable(file.clone(), &error)],
        };
        self.report.rows += walk.row;
        if found.is_empty() && hash != line.sha256 {
            found.push(Finding::Altered { file });
        }
        found
    }

    /// Files that no line names. One that goes on at the head while the journal still has its records is being made.
    fn unlisted(&mut self, oldest: &Option<Result<u64, JournalError>>) -> Result<(), ArchiveError> {
        let trail = self.trail;
        let files = layout::files(&trail.directory, &trail.host)?;
        // Read again, after the files were listed: the agent may have gone on.
        let manifest = layout::manifest(&trail.directory, &trail.host);
        let lines = manifest::read(&manifest).unwrap_or_default();
        let named: HashSet<&Path> = lines.iter().map(|line| line.file.as_path()).collect();
        let next = lines.last().map_or(0, |line| line.last) + 1;
        let in_journal = matches!(oldest, Some(Ok(oldest)) if *oldest <= next);
        for path in files {
            let file = path.strip_prefix(&trail.directory).unwrap_or(&path);
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let begun = in_journal && name.starts_with(&format!("{next:020}-"));
            if !begun && !name.ends_with(layout::UNFINISHED) && !named.contains(file) {
                let file = file.to_owned();
                self.find(Finding::Unlisted { file });
            }
        }
        Ok(())
    }

    fn journal(&mut self, oldest: Option<Result<u64, JournalError>>) {
        let Some(directory) = self.trail.journal.as_deref() else {
            return;
        };
        let next = match oldest {
            Some(Ok(oldest)) => {
                self.lost(oldest);
                newest_in_journal(directory)
            }
            Some(Err(error)) => Err(error),
            None => return,
        };
        let head = self.report.head.sequence;
        match next {
            Ok(next) if next <= head => self.find(Finding::RolledBack { next, head }),
            Ok(next) => self.report.pending = next - head - 1,
            Err(JournalError::Missing {
                expected, found, ..
            }) => self.find(Finding::Lost {
                first: expected,
                last: found.saturating_sub(1),
            }),
            Err(error) => {
                let error = error.to_string();
                self.find(Finding::JournalUnreadable { error });
            }
        }
    }

    fn lost(&mut self, oldest: u64) {
        let expected = self.report.head.sequence + 1;
        if oldest > expected {
            self.find(Finding::Lost {
                first: expected,
                last: oldest - 1,
            });
        }
    }
}

fn unreadable(file: PathBuf, error: &ArchiveError) -> Finding {
    let error = error.to_string();
    Finding::FileUnreadable { file, error }
}

/// Number of the record that the journal would write next; every record before it is read.
fn newest_in_journal(directory: &Path) -> Result<u64, JournalError> {
    let mut next = None;
    for segment in journal::segments(directory)? {
        let first = journal::first_sequence(&segment).unwrap_or_default();
        let records = match journal::read_segment(&segment) {
            // Archived since the directory was listed.
            Err(JournalError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                next = None;
                continue;
            }
            records => records?,
        };
        match next {
            Some(expected) if expected != first => {
                return Err(JournalError::Missing {
                    expected,
                    found: first,
                    path: segment,
                });
            }
            _ => next = Some(first),
        }
        for entry in records {
            next = Some(entry?.sequence + 1);
        }
    }
    Ok(next.unwrap_or(1))
}

/// A walk over the rows of one file.
struct Walk<'a> {
    line: &'a Line,
    /// Which row comes.
    row: u64,
    /// Which record should come.
    expected: u64,
    /// The chain before it, as it is written: so one edit is one finding.
    chain: Chain,
    found: Vec<Finding>,
}

impl<'a> Walk<'a> {
    fn new(before: Chain, line: &'a Line) -> Self {
        Self {
            line,
            row: 0,
            expected: line.first,
            chain: before,
            found: Vec::new(),
        }
    }

    fn run(&mut self, path: &Path) -> Result<(), ArchiveError> {
        for row in TableReader::open(path)? {
            let row = row?;
            // Where a row is not in its place, the chain has to break: the place says why.
            let (misplaced, edited) = (self.place(&row), self.hash(&row));
            self.found.extend(misplaced.or(edited));
            self.found.truncate(MOST_PER_FILE);
            self.row += 1;
        }
        Ok(())
    }

    fn place(&mut self, row: &Row) -> Option<Finding> {
        let (file, row, found) = (self.line.file.clone(), self.row, row.sequence());
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

    fn hash(&mut self, row: &Row) -> Option<Finding> {
        let computed = self.chain.next(row);
        let written = row.text(Column::Chain).and_then(|chain| chain.parse().ok());
        self.chain = written.unwrap_or(computed);
        let broken = written != Some(computed);
        broken.then(|| Finding::Edited {
            file: self.line.file.clone(),
            row: self.row,
            sequence: row.sequence(),
        })
    }

    fn finish(&mut self) -> Vec<Finding> {
        let file = self.line.file.clone();
        if self.expected <= self.line.last {
            self.found.push(Finding::Gap {
                file,
                row: self.row,
                first: self.expected,
                last: self.line.last,
            });
        } else if self.found.is_empty() && self.chain.to_string() != self.line.chain {
            self.found.push(Finding::Rewritten { file });
        }
        std::mem::take(&mut self.found)
    }
}
