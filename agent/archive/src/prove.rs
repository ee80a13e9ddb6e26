//! Proofs about single records.

use std::fs;
use std::path::PathBuf;

use proof::{Checkpoint, Evidence, Hash, Nodes as _, Note};

use crate::archive::sessions_at_head;
use crate::growing::row_of;
use crate::log::Log;
use crate::manifest::{self, Line};
use crate::{ArchiveError, Trail, layout, leaf, trail};

/// A proof, and where its record is.
#[derive(Clone, Debug)]
pub struct Proven {
    /// The proof.
    pub evidence: Evidence,
    /// The Parquet file that has the record. None: it is in the journal.
    pub file: Option<PathBuf>,
}

impl Trail {
    /// Proves that a record is in the host's log, by the newest signed head.
    ///
    /// # Errors
    /// Also where the record is not signed yet, and where the log is not what was signed.
    pub fn prove(&self, record: u64) -> Result<Proven, ArchiveError> {
        layout::check_host(&self.host)?;
        let path = layout::checkpoint(&self.directory, &self.host);
        let note = fs::read_to_string(&path).map_err(ArchiveError::io("read", &path))?;
        let note: Note = note.parse()?;
        let checkpoint: Checkpoint = note.text().parse()?;
        if record == 0 || record > checkpoint.size {
            return Err(ArchiveError::NoRecord {
                host: self.host.clone(),
                sequence: record,
            });
        }
        let index = record - 1;
        let (segments, lines) = self.open_all()?;
        let tail = self.tail(segments, &lines)?;
        let log = Log {
            directory: &self.directory,
            host: &self.host,
            lines: &lines,
            tail: &tail,
        };
        let path = proof::inclusion(&log, index, checkpoint.size)?;
        let leaf = log.node(0, index)?;
        proof::verify_inclusion(leaf, index, checkpoint.size, &path, checkpoint.root)?;
        let line = lines
            .iter()
            .find(|line| (line.first..=line.last).contains(&record));
        Ok(Proven {
            evidence: Evidence {
                index,
                path,
                checkpoint: note,
            },
            file: line.map(|line| self.directory.join(&line.file)),
        })
    }

    /// Leaf hashes of the records that only the journal has.
    fn tail(
        &self,
        segments: Vec<journal::Records>,
        lines: &[Line],
    ) -> Result<Vec<Hash>, ArchiveError> {
        let head = lines.last().map_or(0, |line| line.last);
        let mut sessions = sessions_at_head(&self.directory, &self.host, lines)?;
        let mut tail = Vec::new();
        for entry in segments.into_iter().flatten() {
            let entry = entry?;
            if entry.sequence > head {
                tail.push(leaf::of(&row_of(&entry, &mut sessions)));
            }
        }
        Ok(tail)
    }

    /// The journal's segments and the manifest's lines, in that order, so that nothing is missed that is archived meanwhile.
    fn open_all(&self) -> Result<(Vec<journal::Records>, Vec<Line>), ArchiveError> {
        let segments = self
            .journal
            .as_deref()
            .map_or(Ok(Vec::new()), trail::open)?;
        let lines = manifest::read(&layout::manifest(&self.directory, &self.host))?;
        Ok((segments, lines))
    }
}
