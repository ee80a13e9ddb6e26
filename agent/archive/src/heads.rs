//! Signed heads of a log against the records that it has.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};

use proof::{Checkpoint, Hash, Note, Tree, VerifierKey};

use crate::finding::{Finding, Signed};
use crate::{ArchiveError, checkpoints, layout};

/// What somebody knows from elsewhere about a host's log. The default: nothing, and the archive is taken at its word.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// The key that the log was signed with first. Others have to be endorsed by it, or by one that is.
    pub key: Option<VerifierKey>,
    /// A checkpoint that was kept elsewhere: the log has to go on from there.
    pub since: Option<PathBuf>,
}

/// A signed head that the tree has not come to yet.
struct Head {
    file: PathBuf,
    checkpoint: Checkpoint,
    key: VerifierKey,
    /// Whether it is the archive's newest.
    is_newest: bool,
    /// Whether somebody kept it elsewhere.
    is_kept: bool,
}

/// The heads of a log, held against its tree while that is built again.
pub(crate) struct Heads {
    heads: VecDeque<Head>,
    tree: Tree,
    /// Number of the last record that is known to be the one that was signed for.
    agreed: u64,
    is_forked: bool,
    /// The newest head that the tree has come to.
    pub signed: Option<Signed>,
    /// Records of the newest head that the tree has not come to, for want of a journal.
    pub unseen: u64,
    /// The one that was kept elsewhere, once the tree has come to it.
    pub since: Option<u64>,
    pub findings: Vec<Finding>,
}

impl Heads {
    /// Reads all heads of a host's log.
    pub(crate) fn read(directory: &Path, host: &str, trust: &Trust) -> Result<Self, ArchiveError> {
        let mut heads = Self {
            heads: VecDeque::new(),
            tree: Tree::default(),
            agreed: 0,
            is_forked: false,
            signed: None,
            unseen: 0,
            since: None,
            findings: Vec::new(),
        };
        let newest = layout::checkpoint(directory, host);
        let files = checkpoints::files(directory, host)?;
        let keys = checkpoints::read_keys(directory, host, trust.key.as_ref());
        let keys = keys.unwrap_or_else(|error| {
            heads.unreadable(&layout::keys(directory, host), error.to_string());
            Vec::new()
        });
        for file in files.iter().chain(&trust.since) {
            let is_kept = Some(file) == trust.since.as_ref();
            match read(file, &keys) {
                Ok((checkpoint, key)) => heads.heads.push_back(Head {
                    file: file.clone(),
                    checkpoint,
                    key,
                    is_newest: *file == newest,
                    is_kept,
                }),
                Err(error) => heads.unreadable(file, error.to_string()),
            }
        }
        if heads.heads.is_empty() && heads.findings.is_empty() && trust.key.is_some() {
            heads.findings.push(Finding::Unsigned);
        }
        heads
            .heads
            .make_contiguous()
            .sort_by_key(|head| head.checkpoint.size);
        heads.compare();
        Ok(heads)
    }

    fn unreadable(&mut self, file: &Path, error: String) {
        let file = file.to_owned();
        self.findings
            .push(Finding::CheckpointUnreadable { file, error });
    }

    /// How many records the tree has.
    pub(crate) fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The record with this leaf comes next.
    pub(crate) fn push(&mut self, leaf: Hash) {
        self.tree.push(leaf);
        self.compare();
    }

    /// Goes on behind records whose hashes nobody has any more.
    pub(crate) fn skip_to(&mut self, tree: Tree) {
        self.heads
            .retain(|head| head.checkpoint.size >= tree.size());
        self.tree = tree;
        self.compare();
    }

    fn compare(&mut self) {
        let size = self.tree.size();
        let is_due = |head: &mut Head| head.checkpoint.size == size;
        while let Some(head) = self.heads.pop_front_if(is_due) {
            if head.checkpoint.root == self.tree.root() {
                self.agreed = size;
                self.signed = Some(Signed {
                    size,
                    key: head.key,
                });
                if head.is_kept {
                    self.since = Some(size);
                }
            } else if !std::mem::replace(&mut self.is_forked, true) {
                self.findings.push(Finding::Forked {
                    file: head.file,
                    first: self.agreed + 1,
                    last: size,
                });
            }
        }
    }

    /// Says which heads the tree has not come to. With the journal it has to come to all of them; without, the newest may
    /// speak of records that only the journal has.
    pub(crate) fn finish(&mut self, has_journal: bool) {
        let has = self.tree.size();
        for head in std::mem::take(&mut self.heads) {
            if has_journal || !head.is_newest {
                self.findings.push(Finding::Cut {
                    file: head.file,
                    size: head.checkpoint.size,
                    has,
                });
                // More of them say nothing new.
                return;
            }
            self.unseen = head.checkpoint.size - has;
        }
    }
}

/// A checkpoint, and the key that signed it.
fn read(file: &Path, keys: &[VerifierKey]) -> Result<(Checkpoint, VerifierKey), ArchiveError> {
    let text = fs::read_to_string(file).map_err(ArchiveError::io("read", file))?;
    let note: Note = text.parse()?;
    let signed_by = |key: &&VerifierKey| note.verify(key).is_ok();
    let Some(key) = keys.iter().find(signed_by) else {
        return Err(ArchiveError::Stranger {
            keys: keys
                .iter()
                .map(VerifierKey::to_string)
                .collect::<Vec<_>>()
                .join(", "),
        });
    };
    let checkpoint: Checkpoint = note.text().parse()?;
    match checkpoint.origin == key.name() {
        true => Ok((checkpoint, key.clone())),
        false => Err(ArchiveError::Stranger {
            keys: key.to_string(),
        }),
    }
}
