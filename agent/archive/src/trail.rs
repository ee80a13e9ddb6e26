//! Reading one host's trail: archive first, then what is still in the journal.
//!
//! The order of reading makes it whole while the agent works: the journal first, then the manifest. Whatever left
//! the journal in between is in the manifest by then, and what is in both is taken from the archive.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};

use journal::{Entry, JournalError, Records};

use crate::archive::sessions_at_head;
use crate::column::Column;
use crate::condition::Condition;
use crate::growing::row_of;
use crate::manifest::{self, Line};
use crate::row::Row;
use crate::table::TableReader;
use crate::{ArchiveError, layout};

/// Where one host's evidence lies.
#[derive(Clone, Debug)]
pub struct Trail {
    /// The archive.
    pub directory: PathBuf,
    /// The host id in it.
    pub host: String,
    /// The host's journal, where it is at hand.
    pub journal: Option<PathBuf>,
}

/// Which rows are wanted. The default: all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only of this session.
    pub session: Option<String>,
    /// Only from this time on, microseconds since the Unix epoch.
    pub since: Option<i64>,
    /// Only before this time, microseconds since the Unix epoch.
    pub until: Option<i64>,
    /// Only behind this record.
    pub after: Option<u64>,
    /// Only those that fulfil all of these.
    pub conditions: Vec<Condition>,
    /// Only this many, the newest.
    pub newest: Option<usize>,
}

impl Trail {
    /// The rows that pass the filter, oldest first.
    pub fn rows(&self, filter: &Filter) -> Result<Vec<Row>, ArchiveError> {
        let entries = self.journal.as_deref().map_or(Ok(Vec::new()), entries)?;
        let lines = manifest::read(&layout::manifest(&self.directory, &self.host))?;
        let mut found = Found::new(filter);
        for row in self.live_rows(entries, &lines)?.into_iter().rev() {
            found.add_older(row);
        }
        for line in lines.iter().rev().filter(|line| filter.reaches(line)) {
            if found.is_full() {
                break;
            }
            found.add_older_file(&self.directory.join(&line.file))?;
        }
        Ok(found.rows.into())
    }

    /// Calls `visit` with each row between the filter's times and of its session, oldest first: all of them, of which
    /// never more are held than are read at once.
    pub fn each(&self, filter: &Filter, mut visit: impl FnMut(&Row)) -> Result<(), ArchiveError> {
        // Held open before the manifest is read: what is archived meanwhile is there twice, and never missing.
        let segments = self.journal.as_deref().map_or(Ok(Vec::new()), open)?;
        let lines = manifest::read(&layout::manifest(&self.directory, &self.host))?;
        let mut visit = |row: &Row| {
            if filter.takes(row) {
                visit(row);
            }
        };
        for line in lines.iter().filter(|line| filter.reaches(line)) {
            for row in TableReader::open(&self.directory.join(&line.file))? {
                visit(&row?);
            }
        }
        let head = lines.last().map_or(0, |line| line.last);
        let mut sessions = None;
        for entry in segments.into_iter().flatten() {
            let entry = entry?;
            if entry.sequence > head {
                let sessions = match &mut sessions {
                    Some(sessions) => sessions,
                    none => none.insert(sessions_at_head(&self.directory, &self.host, &lines)?),
                };
                visit(&row_of(&entry, sessions));
            }
        }
        Ok(())
    }

    /// The rows of the records that are not archived.
    fn live_rows(&self, entries: Vec<Entry>, lines: &[Line]) -> Result<Vec<Row>, ArchiveError> {
        let head = lines.last().map_or(0, |line| line.last);
        let fresh: Vec<Entry> = entries
            .into_iter()
            .filter(|entry| entry.sequence > head)
            .collect();
        if fresh.is_empty() {
            return Ok(Vec::new());
        }
        let mut sessions = sessions_at_head(&self.directory, &self.host, lines)?;
        Ok(fresh
            .iter()
            .map(|entry| row_of(entry, &mut sessions))
            .collect())
    }
}

/// The records of a journal, of a running agent or not.
fn entries(directory: &Path) -> Result<Vec<Entry>, ArchiveError> {
    let entries = open(directory)?.into_iter().flatten();
    Ok(entries.collect::<Result<_, _>>()?)
}

/// The segments of a journal, oldest first.
pub(crate) fn open(directory: &Path) -> Result<Vec<Records>, ArchiveError> {
    let mut segments = Vec::new();
    for segment in journal::segments(directory)? {
        match journal::read_segment(&segment) {
            // Archived since the directory was listed.
            Err(JournalError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            records => segments.push(records?),
        }
    }
    Ok(segments)
}

impl Filter {
    fn takes(&self, row: &Row) -> bool {
        let session = self.session.as_deref();
        session.is_none_or(|session| row.text(Column::ActorSessionUid) == Some(session))
            && self.since.is_none_or(|since| row.time() >= since)
            && self.until.is_none_or(|until| row.time() < until)
            && self.after.is_none_or(|after| row.sequence() > after)
            && self.conditions.iter().all(|condition| condition.holds(row))
    }

    /// Whether a file can hold rows that it takes.
    fn reaches(&self, line: &Line) -> bool {
        self.since.is_none_or(|since| line.until >= since)
            && self.until.is_none_or(|until| line.since < until)
            && self.after.is_none_or(|after| line.last > after)
    }
}

/// Rows, collected from the newest to the oldest.
struct Found<'a> {
    filter: &'a Filter,
    rows: VecDeque<Row>,
}

impl<'a> Found<'a> {
    fn new(filter: &'a Filter) -> Self {
        Self {
            filter,
            rows: VecDeque::new(),
        }
    }

    fn is_full(&self) -> bool {
        self.filter
            .newest
            .is_some_and(|most| self.rows.len() >= most)
    }

    fn add_older(&mut self, row: Row) {
        if !self.is_full() && self.filter.takes(&row) {
            self.rows.push_front(row);
        }
    }

    /// Adds a file's rows; never holds more of them than can still be wanted.
    fn add_older_file(&mut self, path: &Path) -> Result<(), ArchiveError> {
        let wanted = self
            .filter
            .newest
            .map_or(usize::MAX, |most| most - self.rows.len());
        let mut newest = VecDeque::new();
        for row in TableReader::open(path)? {
            let row = row?;
            if self.filter.takes(&row) {
                newest.push_back(row);
            }
            if newest.len() > wanted {
                newest.pop_front();
            }
        }
        newest.into_iter().rev().for_each(|row| self.add_older(row));
        Ok(())
    }
}
