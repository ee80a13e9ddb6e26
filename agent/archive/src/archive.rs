//! The archiver: turns sealed segments into rows, file by file, so that a crash at any moment loses and doubles nothing.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use journal::{Entry, JournalError, Records};
use model::AuditRecord;

use crate::chain::Chain;
use crate::column::Column;
use crate::facts::Sessions;
use crate::flatten::flatten;
use crate::manifest::{self, Extent, Line};
use crate::row::{Row, Value};
use crate::table::{TableReader, TableWriter};
use crate::{ArchiveError, layout};

/// One host's part of an archive, open for writing.
pub struct Archive {
    directory: PathBuf,
    host: String,
    lines: Vec<Line>,
    head: Head,
    sessions: Sessions,
    /// Keeps other agents out for as long as this is open.
    _lock: File,
}

/// The end of a trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Number of the last record; 0 before the first.
    pub sequence: u64,
    /// `weir_chain` of its row.
    pub chain: Chain,
}

/// What became of a segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Absorbed {
    /// Rows that were added.
    pub rows: u64,
    /// Rows that were there already, from before a crash.
    pub known: u64,
    /// Files that were added, one per day.
    pub files: Vec<PathBuf>,
}

type Entries = std::iter::Peekable<Records>;

impl Archive {
    /// Opens (or makes) the part of the archive that belongs to this host id.
    pub fn open(directory: impl Into<PathBuf>, host: &str) -> Result<Self, ArchiveError> {
        let directory = directory.into();
        layout::check_host(host)?;
        for part in ["manifest", "state"] {
            layout::make_directory(&directory.join(part))?;
        }
        let lock = lock(&directory, host)?;
        remove_unfinished(&directory, host)?;
        manifest::repair(&layout::manifest(&directory, host))?;
        let lines = manifest::read(&layout::manifest(&directory, host))?;
        Ok(Self {
            head: head(host, &lines)?,
            sessions: sessions_at_head(&directory, host, &lines)?,
            directory,
            host: host.to_owned(),
            lines,
            _lock: lock,
        })
    }

    /// Where the trail ends.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Turns a sealed segment into rows, and removes it once they are on disk and read back.
    ///
    /// Segments come in order. One that came before, as after a crash, is recognised and only removed.
    pub fn absorb(&mut self, segment: &Path) -> Result<Absorbed, ArchiveError> {
        let mut entries = journal::read_sealed(segment)?.peekable();
        let mut absorbed = Absorbed {
            known: self.skip_known(segment, &mut entries)?,
            ..Absorbed::default()
        };
        while let Some(first) = peek(&mut entries)? {
            self.expect(segment, first.sequence)?;
            let day = layout::Day::of(first.record.time);
            let line = self.write_day(day, &mut entries)?;
            absorbed.rows += line.last - line.first + 1;
            absorbed.files.push(self.directory.join(&line.file));
        }
        self.save_sessions()?;
        remove(segment)?;
        Ok(absorbed)
    }

    /// Skips the records that the archive has, if it has the same ones.
    fn skip_known(&self, segment: &Path, entries: &mut Entries) -> Result<u64, ArchiveError> {
        let Some(first) = peek(entries)?.map(|entry| entry.sequence) else {
            return Ok(0);
        };
        let mut known = 0;
        for row in rows_from(&self.directory, &self.lines, first) {
            let row = row?;
            match entries.next_if(|entry| entry.as_ref().is_ok_and(|entry| is_row(entry, &row))) {
                Some(_) => known += 1,
                None if peek(entries)?.is_none() => break,
                None => {
                    return Err(ArchiveError::Conflict {
                        host: self.host.clone(),
                        segment: segment.to_owned(),
                        sequence: row.sequence(),
                    });
                }
            }
        }
        Ok(known)
    }

    fn expect(&self, segment: &Path, found: u64) -> Result<(), ArchiveError> {
        let expected = self.head.sequence + 1;
        match found == expected {
            true => Ok(()),
            false => Err(ArchiveError::Missing {
                host: self.host.clone(),
                segment: segment.to_owned(),
                expected,
                found,
            }),
        }
    }

    /// Writes the records of one day to one file, and names it in the manifest.
    fn write_day(&mut self, day: layout::Day, entries: &mut Entries) -> Result<Line, ArchiveError> {
        let unfinished = self.unfinished(day)?;
        let mut sessions = self.sessions.clone();
        let (extent, chain) = self.write_rows(&unfinished, day, entries, &mut sessions)?;
        let file = layout::file(&self.host, day, extent.first, extent.last);
        let path = self.directory.join(&file);
        layout::publish(&unfinished, &path)?;
        read_back(&path, self.head.chain, chain)?;
        let line = Line::new(
            file,
            &extent,
            manifest::hash_file(&path)?,
            chain.to_string(),
        );
        manifest::append(&layout::manifest(&self.directory, &self.host), &line)?;
        self.head = Head {
            sequence: extent.last,
            chain,
        };
        self.sessions = sessions;
        self.lines.push(line.clone());
        Ok(line)
    }

    /// The name of the next file while it is being written.
    fn unfinished(&self, day: layout::Day) -> Result<PathBuf, ArchiveError> {
        let first = self.head.sequence + 1;
        let file = layout::file(&self.host, day, first, first);
        let path = self.directory.join(file);
        if let Some(directory) = path.parent() {
            layout::make_directory(directory)?;
        }
        Ok(path.with_file_name(format!("{first:020}{}", layout::UNFINISHED)))
    }

    fn write_rows(
        &self,
        path: &Path,
        day: layout::Day,
        entries: &mut Entries,
        sessions: &mut Sessions,
    ) -> Result<(Extent, Chain), ArchiveError> {
        let mut writer = TableWriter::create(path)?;
        let mut chain = self.head.chain;
        let mut extent = Extent {
            first: self.head.sequence + 1,
            last: self.head.sequence,
            since: i64::MAX,
            until: i64::MIN,
        };
        while let Some(entry) = next_of_day(entries, day)? {
            let mut row = row_of(&entry, sessions);
            chain = chain.next(&row);
            row.put(Column::Chain, &chain.to_string());
            writer.push(row)?;
            extent.last = entry.sequence;
            extent.since = extent.since.min(entry.record.time);
            extent.until = extent.until.max(entry.record.time);
        }
        writer.finish()?;
        Ok((extent, chain))
    }

    fn save_sessions(&self) -> Result<(), ArchiveError> {
        let path = layout::sessions(&self.directory, &self.host);
        let text = serde_json::to_vec(&self.sessions)
            .map_err(|error| ArchiveError::io("write", &path)(error.into()))?;
        layout::replace(&path, &text)
    }
}

/// The row of the record that comes next, but for its chain.
pub(crate) fn row_of(entry: &Entry, sessions: &mut Sessions) -> Row {
    sessions.learn(entry.sequence, &entry.record);
    let row = flatten(entry, sessions.of(&entry.record));
    sessions.forget(&entry.record);
    row
}

/// What was known about the open sessions after the last line: what was written down, or, where that is behind (or
/// ahead, or gone), what the archive's own records say.
pub(crate) fn sessions_at_head(
    directory: &Path,
    host: &str,
    lines: &[Line],
) -> Result<Sessions, ArchiveError> {
    let head = lines.last().map_or(0, |line| line.last);
    let mut sessions = fs::read(layout::sessions(directory, host))
        .ok()
        .and_then(|text| serde_json::from_slice::<Sessions>(&text).ok())
        .filter(|sessions| sessions.sequence <= head)
        .unwrap_or_default();
    for row in rows_from(directory, lines, sessions.sequence + 1) {
        let row = row?;
        let text = row.text(Column::Record).unwrap_or_default();
        let record: AuditRecord =
            serde_json::from_str(text).map_err(|error| ArchiveError::Unreadable {
                path: layout::trail(directory, host),
                what: format!("record {} is not readable: {error}", row.sequence()),
            })?;
        sessions.learn(row.sequence(), &record);
        sessions.forget(&record);
    }
    Ok(sessions)
}

/// The rows from this record on.
fn rows_from<'a>(
    directory: &'a Path,
    lines: &'a [Line],
    first: u64,
) -> impl Iterator<Item = Result<Row, ArchiveError>> + 'a {
    let early =
        move |row: &Result<Row, ArchiveError>| row.as_ref().is_ok_and(|row| row.sequence() < first);
    lines
        .iter()
        .filter(move |line| line.last >= first)
        .flat_map(
            |line| match TableReader::open(&directory.join(&line.file)) {
                Ok(rows) => Rows::Read(Box::new(rows)),
                Err(error) => Rows::Failed(Some(error)),
            },
        )
        .skip_while(early)
}

/// The rows of a file, or why there are none.
enum Rows {
    Read(Box<TableReader>),
    Failed(Option<ArchiveError>),
}

impl Iterator for Rows {
    type Item = Result<Row, ArchiveError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Rows::Read(rows) => rows.next(),
            Rows::Failed(error) => error.take().map(Err),
        }
    }
}

fn is_row(entry: &Entry, row: &Row) -> bool {
    row.sequence() == entry.sequence && row.text(Column::Record) == Some(entry.text.as_str())
}

fn peek(entries: &mut Entries) -> Result<Option<&Entry>, JournalError> {
    if let Some(Err(error)) = entries.next_if(Result::is_err) {
        return Err(error);
    }
    Ok(entries.peek().and_then(|entry| entry.as_ref().ok()))
}

fn next_of_day(entries: &mut Entries, day: layout::Day) -> Result<Option<Entry>, JournalError> {
    entries
        .next_if(|entry| {
            let other_day = |entry: &Entry| layout::Day::of(entry.record.time) != day;
            !entry.as_ref().is_ok_and(other_day)
        })
        .transpose()
}

fn head(host: &str, lines: &[Line]) -> Result<Head, ArchiveError> {
    let Some(line) = lines.last() else {
        return Ok(Head {
            sequence: 0,
            chain: Chain::genesis(host),
        });
    };
    let chain = line.chain.parse().map_err(|_| ArchiveError::Unreadable {
        path: line.file.clone(),
        what: "the manifest has no chain for it".to_owned(),
    })?;
    Ok(Head {
        sequence: line.last,
        chain,
    })
}

fn lock(directory: &Path, host: &str) -> Result<File, ArchiveError> {
    let path = layout::lock(directory, host);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(ArchiveError::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ArchiveError::InUse {
            directory: directory.to_owned(),
            host: host.to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(ArchiveError::io("lock", &path)(error)),
    }
}

fn remove_unfinished(directory: &Path, host: &str) -> Result<(), ArchiveError> {
    for path in layout::files(directory, host)? {
        if path.to_string_lossy().ends_with(layout::UNFINISHED) {
            fs::remove_file(&path).map_err(ArchiveError::io("remove", &path))?;
        }
    }
    Ok(())
}

/// Reads a file again, as anybody would, and recomputes its chain.
fn read_back(path: &Path, before: Chain, after: Chain) -> Result<(), ArchiveError> {
    let fault = |row| ArchiveError::ReadBack {
        path: path.to_owned(),
        row,
    };
    let mut chain = before;
    let mut read = 0;
    let mut reader = TableReader::open(path)?;
    while let Some(table) = reader.next_table()? {
        for row in 0..table.length {
            chain = chain.next_of(table.schema, table.values(row));
            match table.value(row, Column::Chain) {
                Value::Text(text) if chain.is_written(text) => read += 1,
                _ => return Err(fault(read)),
            }
        }
    }
    (chain == after).then_some(()).ok_or_else(|| fault(read))
}

fn remove(segment: &Path) -> Result<(), ArchiveError> {
    fs::remove_file(segment).map_err(ArchiveError::io("remove", segment))?;
    segment.parent().map_or(Ok(()), layout::sync_directory)
}
