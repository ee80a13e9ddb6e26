//! The archiver: turns records into rows, file by file, so that a crash at any moment loses and doubles nothing.
//!
//! A file grows with the segment that its records are in, so the host's Merkle tree covers a record soon after it is on
//! the disk, and each row is made and hashed once.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use journal::{Entry, JournalError, Place, Records};
use model::AuditRecord;
use proof::{Hash, Tree};

use crate::column::Column;
use crate::facts::Sessions;
use crate::growing::{Growing, Grown};
use crate::log::{self, Log};
use crate::manifest::{self, Line};
use crate::row::Row;
use crate::table::TableReader;
use crate::{ArchiveError, checkpoints, layout, leaf};

/// One host's part of an archive, open for writing.
pub struct Archive {
    directory: PathBuf,
    host: String,
    lines: Vec<Line>,
    /// Over the records of all files that are part of the trail.
    tree: Tree,
    sessions: Sessions,
    /// The file that comes next, where it has begun.
    growing: Option<Growing>,
    /// Records that the newest signed head covers.
    pub(crate) signed: u64,
    /// The segment that is being read, and how far.
    reading: Option<(PathBuf, Place)>,
    /// Keeps other agents out for as long as this is open.
    _lock: File,
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
        let lines = upgrade(&directory, host, lines)?;
        let archive = Self {
            tree: lines.last().and_then(Line::tree).unwrap_or_default(),
            sessions: sessions_at_head(&directory, host, &lines)?,
            signed: checkpoints::signed(&directory, host),
            directory,
            host: host.to_owned(),
            lines,
            growing: None,
            reading: None,
            _lock: lock,
        };
        archive.log().fill_tiles()?;
        Ok(archive)
    }

    /// Number of the last record that is part of the trail; 0 before the first.
    pub fn head(&self) -> u64 {
        self.tree.size()
    }

    /// The host's tree: over every record of the trail, and over those of the file that grows.
    pub fn tree(&self) -> &Tree {
        self.growing.as_ref().map_or(&self.tree, Growing::tree)
    }

    /// The proof that the tree begins with the one of this size.
    pub fn consistency(&self, size: u64) -> Result<Vec<Hash>, ArchiveError> {
        proof::consistency(&self.log(), size, self.tree().size())
    }

    /// Turns what is on the disk of a segment that still grows into rows, of which the file is made when it is absorbed.
    ///
    /// A failure loses nothing: the file begins again.
    pub fn follow(&mut self, segment: &Path) -> Result<(), ArchiveError> {
        let from = self.place_in(segment);
        // One before it waits to be absorbed.
        if from.is_none() && journal::first_sequence(segment) != Some(self.tree().size() + 1) {
            return Ok(());
        }
        let read = journal::read_synced(segment)
            .and_then(|entries| go_on(entries, from))
            .map_err(ArchiveError::from)
            .and_then(|entries| self.read(segment, entries));
        self.or_begin_again(read)
    }

    /// Turns a sealed segment into rows, and removes it once they are on disk and read back.
    ///
    /// Segments come in order. One that came before, as after a crash, is recognised and only removed.
    pub fn absorb(&mut self, segment: &Path) -> Result<Absorbed, ArchiveError> {
        let (head, files) = (self.head(), self.lines.len());
        let known = self.absorb_rows(segment);
        let known = self.or_begin_again(known)?;
        self.log().fill_tiles()?;
        self.save_sessions()?;
        remove(segment)?;
        let added = self.lines.iter().skip(files);
        Ok(Absorbed {
            rows: self.head() - head,
            known,
            files: added.map(|line| self.directory.join(&line.file)).collect(),
        })
    }

    fn absorb_rows(&mut self, segment: &Path) -> Result<u64, ArchiveError> {
        let from = self.place_in(segment);
        let mut entries = go_on(journal::read_sealed(segment)?, from)?;
        let known = match from {
            Some(_) => 0,
            None => self.skip_known(segment, &mut entries)?,
        };
        self.read(segment, entries)?;
        self.finish_file()?;
        self.reading = None;
        Ok(known)
    }

    /// Forgets the file that grows where something failed.
    fn or_begin_again<T>(&mut self, done: Result<T, ArchiveError>) -> Result<T, ArchiveError> {
        if done.is_err() {
            self.growing = None;
            self.reading = None;
        }
        done
    }

    /// How far the segment was read.
    fn place_in(&self, segment: &Path) -> Option<Place> {
        let reading = self.reading.as_ref().filter(|(path, _)| path == segment);
        reading.map(|(_, place)| *place)
    }

    fn read(&mut self, segment: &Path, mut entries: Records) -> Result<(), ArchiveError> {
        for entry in entries.by_ref() {
            let entry = entry?;
            self.expect(segment, entry.sequence)?;
            self.push(&entry)?;
        }
        self.reading = Some((segment.to_owned(), entries.place()));
        Ok(())
    }

    fn push(&mut self, entry: &Entry) -> Result<(), ArchiveError> {
        let day = layout::Day::of(entry.record.time);
        if self
            .growing
            .as_ref()
            .is_some_and(|growing| growing.day != day)
        {
            self.finish_file()?;
        }
        let growing = match &mut self.growing {
            Some(growing) => growing,
            none => {
                let path = unfinished(&self.directory, &self.host, day, self.tree.size() + 1)?;
                none.insert(Growing::begin(&path, day, &self.tree, &self.sessions)?)
            }
        };
        growing.push(entry)
    }

    /// Skips the records that the archive has, if it has the same ones.
    fn skip_known(&self, segment: &Path, entries: &mut Records) -> Result<u64, ArchiveError> {
        let first = journal::first_sequence(segment).unwrap_or_default();
        let mut known = 0;
        for row in rows_from(&self.directory, &self.lines, first) {
            let row = row?;
            match entries.next().transpose()? {
                None => break,
                Some(entry) if is_row(&entry, &row) => known += 1,
                Some(_) => {
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
        let expected = self.tree().size() + 1;
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

    /// Makes the file that grows, if there is one, part of the trail.
    fn finish_file(&mut self) -> Result<(), ArchiveError> {
        let Some(growing) = self.growing.take() else {
            return Ok(());
        };
        let day = growing.day;
        let grown = growing.finish()?;
        let line = self.publish(day, &grown)?;
        self.lines.push(line);
        self.tree = grown.tree;
        self.sessions = grown.sessions;
        Ok(())
    }

    fn publish(&self, day: layout::Day, grown: &Grown) -> Result<Line, ArchiveError> {
        let (first, last) = (grown.extent.first, grown.extent.last);
        let file = layout::file(&self.host, day, first, last);
        let path = self.directory.join(&file);
        layout::publish(&grown.path, &path)?;
        grown.read_back(&path)?;
        let leaves = layout::leaves(&self.directory, &self.host, first, last);
        log::write_leaves(&leaves, &grown.leaves)?;
        let line = Line::new(
            file,
            &grown.extent,
            manifest::hash_file(&path)?,
            &grown.tree,
        );
        manifest::append(&layout::manifest(&self.directory, &self.host), &line)?;
        Ok(line)
    }

    /// The archive, and whose part of it this is.
    pub(crate) fn place(&self) -> (&Path, &str) {
        (&self.directory, &self.host)
    }

    fn log(&self) -> Log<'_> {
        Log {
            directory: &self.directory,
            host: &self.host,
            lines: &self.lines,
            tail: self.growing.as_ref().map_or(&[], Growing::leaves),
        }
    }

    fn save_sessions(&self) -> Result<(), ArchiveError> {
        let path = layout::sessions(&self.directory, &self.host);
        let text = serde_json::to_vec(&self.sessions)
            .map_err(|error| ArchiveError::io("write", &path)(error.into()))?;
        layout::replace(&path, &text)
    }
}

/// The name of the next file while it is being written.
fn unfinished(
    directory: &Path,
    host: &str,
    day: layout::Day,
    first: u64,
) -> Result<PathBuf, ArchiveError> {
    let path = directory.join(layout::file(host, day, first, first));
    if let Some(directory) = path.parent() {
        layout::make_directory(directory)?;
    }
    Ok(path.with_file_name(format!("{first:020}{}", layout::UNFINISHED)))
}

/// Gives lines that are older than the tree theirs.
fn upgrade(directory: &Path, host: &str, lines: Vec<Line>) -> Result<Vec<Line>, ArchiveError> {
    if lines.iter().all(|line| line.tree().is_some()) {
        return Ok(lines);
    }
    let mut tree = Tree::default();
    let mut upgraded = Vec::new();
    for line in lines {
        let leaves = leaves_of(&directory.join(&line.file))?;
        log::write_leaves(
            &layout::leaves(directory, host, line.first, line.last),
            &leaves,
        )?;
        tree.extend(leaves);
        upgraded.push(line.with_tree(&tree));
    }
    manifest::replace(&layout::manifest(directory, host), &upgraded)?;
    Ok(upgraded)
}

/// Leaf hashes of a file's rows, of the rows themselves.
fn leaves_of(path: &Path) -> Result<Vec<Hash>, ArchiveError> {
    let (mut leaves, mut buffer) = (Vec::new(), Vec::new());
    let mut reader = TableReader::open(path)?;
    while let Some(table) = reader.next_table()? {
        for row in 0..table.length {
            leaf::encode(table.schema, table.values(row), &mut buffer);
            leaves.push(proof::leaf(&buffer));
        }
    }
    Ok(leaves)
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

fn go_on(entries: Records, from: Option<Place>) -> Result<Records, JournalError> {
    match from {
        Some(place) => entries.from(place),
        None => Ok(entries),
    }
}

fn is_row(entry: &Entry, row: &Row) -> bool {
    row.sequence() == entry.sequence && row.text(Column::Record) == Some(entry.text.as_str())
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

fn remove(segment: &Path) -> Result<(), ArchiveError> {
    fs::remove_file(segment).map_err(ArchiveError::io("remove", segment))?;
    segment.parent().map_or(Ok(()), layout::sync_directory)
}
