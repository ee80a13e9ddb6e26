//! The signed heads of a host's log, and whose they are.
//!
//! The newest replaces the one before it; those that are made when files are finished are kept, each under its size.

use std::fs;
use std::path::{Path, PathBuf};

use proof::{Checkpoint, Note, SigningKey, VerifierKey};

use crate::{Archive, ArchiveError, layout};

impl Archive {
    /// Signs the head of the host's tree, and writes it down. `keep`: also under its size, for good.
    ///
    /// # Errors
    /// Also where the tree is smaller than one that was signed: what is signed is never taken back.
    pub fn sign(&mut self, key: &SigningKey, keep: bool) -> Result<Note, ArchiveError> {
        let size = self.tree().size();
        if size < self.signed {
            return Err(ArchiveError::Behind {
                signed: self.signed,
                size,
            });
        }
        self.signed = size;
        let (directory, host) = self.place();
        let checkpoint = Checkpoint {
            origin: key.verifier().name().to_owned(),
            size,
            root: self.tree().root(),
        };
        let note = checkpoint.sign(key)?;
        let text = note.to_string();
        layout::replace(&layout::checkpoint(directory, host), text.as_bytes())?;
        let kept = layout::checkpoints(directory, host).join(format!("{size:020}"));
        if keep && !kept.exists() {
            layout::make_directory(&layout::checkpoints(directory, host))?;
            layout::replace(&kept, text.as_bytes())?;
        }
        Ok(note)
    }

    /// Writes down whose signatures are the host's from here on. Whether it is another key than before.
    ///
    /// # Errors
    /// The key before has not endorsed it.
    pub fn introduce(
        &self,
        key: &VerifierKey,
        endorsement: Option<&Note>,
    ) -> Result<bool, ArchiveError> {
        let (directory, host) = self.place();
        let keys = read_keys(directory, host, None)?;
        let text = match (keys.last(), endorsement) {
            (Some(last), _) if last == key => return Ok(false),
            (None, _) => format!("{key}\n"),
            (Some(last), Some(note)) if endorsed(note, last).as_ref() == Some(key) => {
                note.to_string()
            }
            (Some(last), _) => {
                return Err(ArchiveError::Unendorsed {
                    host: host.to_owned(),
                    key: last.to_string(),
                });
            }
        };
        let files = layout::keys(directory, host);
        layout::make_directory(&files)?;
        let path = files.join(format!("{:06}", keys.len() + 1));
        layout::replace(&path, text.as_bytes())?;
        Ok(true)
    }
}

/// The note by which a key endorses the one that comes after it.
///
/// ```text
/// <name>
/// next key <verifier key>
///
/// — <name> <signature of the key before>
/// ```
pub fn endorse(key: &SigningKey, next: &VerifierKey) -> Result<Note, ArchiveError> {
    let mut note = Note::new(format!("{}\n{NEXT_KEY}{next}\n", key.verifier().name()))?;
    note.sign(key);
    Ok(note)
}

const NEXT_KEY: &str = "next key ";

/// The key that a note endorses, if it is this key's.
fn endorsed(note: &Note, by: &VerifierKey) -> Option<VerifierKey> {
    note.verify(by).ok()?;
    let (name, next) = note.text().trim_end().split_once('\n')?;
    let next = next.strip_prefix(NEXT_KEY).filter(|_| name == by.name());
    next?.parse().ok()
}

/// The keys of a host, oldest first: from the first on, each is endorsed by the one before. Which is the first is only
/// the archive's own word where nobody says it.
pub(crate) fn read_keys(
    directory: &Path,
    host: &str,
    first: Option<&VerifierKey>,
) -> Result<Vec<VerifierKey>, ArchiveError> {
    let mut keys: Vec<VerifierKey> = first.cloned().into_iter().collect();
    for file in layout::finished(&layout::keys(directory, host))? {
        let text = fs::read_to_string(&file).map_err(ArchiveError::io("read", &file))?;
        match keys.last() {
            None => keys.push(text.parse()?),
            Some(last) => keys.extend(text.parse().ok().and_then(|note| endorsed(&note, last))),
        }
    }
    Ok(keys)
}

/// How many records the newest head covers; 0 where there is none that can be read.
pub(crate) fn signed(directory: &Path, host: &str) -> u64 {
    let note = fs::read_to_string(layout::checkpoint(directory, host)).ok();
    let note = note.and_then(|text| text.parse::<Note>().ok());
    let checkpoint = note.and_then(|note| note.text().parse::<Checkpoint>().ok());
    checkpoint.map_or(0, |checkpoint| checkpoint.size)
}

/// The files of a host's checkpoints; the newest of them comes last.
pub(crate) fn files(directory: &Path, host: &str) -> Result<Vec<PathBuf>, ArchiveError> {
    let mut files = layout::finished(&layout::checkpoints(directory, host))?;
    let newest = layout::checkpoint(directory, host);
    files.extend(newest.exists().then_some(newest));
    Ok(files)
}
