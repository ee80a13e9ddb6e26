//! The manifest: one line per Parquet file, in order, each synced before the next file is begun.
//!
//! What the lines say is what the trail should be, so a file that is gone shows. A last line without its newline
//! was never finished, and does not count.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use proof::{Hash, Tree};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{ArchiveError, layout};

/// Version of a line's shape. Lines of version 1 have a chain and no tree.
const VERSION: u32 = 2;

/// What the manifest says about one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    pub version: u32,
    /// Path inside the archive.
    pub file: PathBuf,
    /// Sequence number of the first row.
    pub first: u64,
    /// Sequence number of the last row.
    pub last: u64,
    /// Earliest time in it, microseconds since the Unix epoch.
    pub since: i64,
    /// Latest time in it.
    pub until: i64,
    /// SHA-256 of the file's bytes, hex.
    pub sha256: String,
    /// `weir_chain` of the last row, where rows have a chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<String>,
    /// The host's tree up to the last row: the roots of the complete subtrees that it falls into, largest first, base64.
    #[serde(default)]
    pub edge: Vec<String>,
}

/// What is known about a file before it has been written.
pub(crate) struct Extent {
    pub first: u64,
    pub last: u64,
    pub since: i64,
    pub until: i64,
}

impl Line {
    pub(crate) fn new(file: PathBuf, extent: &Extent, sha256: String, tree: &Tree) -> Self {
        Self {
            version: VERSION,
            file,
            first: extent.first,
            last: extent.last,
            since: extent.since,
            until: extent.until,
            sha256,
            chain: None,
            edge: Vec::new(),
        }
        .with_tree(tree)
    }

    /// The same line with this tree.
    pub(crate) fn with_tree(self, tree: &Tree) -> Self {
        Self {
            version: VERSION,
            edge: tree.edge().iter().map(Hash::to_string).collect(),
            ..self
        }
    }

    /// The host's tree up to the last row. None: the line is older than the tree, or has none that could be.
    pub(crate) fn tree(&self) -> Option<Tree> {
        let edge = self.edge.iter().map(|hash| Hash::from_base64(hash).ok());
        Tree::from_edge(self.last, edge.collect::<Option<_>>()?)
    }
}

/// The lines of a manifest; none where there is no manifest.
pub(crate) fn read(path: &Path) -> Result<Vec<Line>, ArchiveError> {
    let text = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        text => text.map_err(ArchiveError::io("read", path))?,
    };
    finished(&text)
        .split_inclusive(|byte| *byte == b'\n')
        .enumerate()
        .map(|(index, line)| parse(path, index + 1, line))
        .collect()
}

/// Cuts a last line off that was never finished. Before anything is appended.
pub(crate) fn repair(path: &Path) -> Result<(), ArchiveError> {
    let Ok(text) = fs::read(path) else {
        return Ok(());
    };
    let length = finished(&text).len();
    if length == text.len() {
        return Ok(());
    }
    OpenOptions::new()
        .write(true)
        .open(path)
        .and_then(|file| file.set_len(length as u64).and_then(|()| file.sync_all()))
        .map_err(ArchiveError::io("cut an unfinished line off", path))
}

/// Writes all lines again, durably.
pub(crate) fn replace(path: &Path, lines: &[Line]) -> Result<(), ArchiveError> {
    let texts: Result<Vec<_>, _> = lines.iter().map(|line| text(path, line)).collect();
    layout::replace(path, &texts?.concat())
}

/// Appends a line, durably, or leaves the manifest as it was.
pub(crate) fn append(path: &Path, line: &Line) -> Result<(), ArchiveError> {
    let text = text(path, line)?;
    let created = !path.exists();
    append_bytes(path, &text).map_err(ArchiveError::io("append to", path))?;
    match path.parent() {
        Some(directory) if created => layout::sync_directory(directory),
        _ => Ok(()),
    }
}

/// The line as it stands in the manifest.
pub(crate) fn text(path: &Path, line: &Line) -> Result<Vec<u8>, ArchiveError> {
    let mut text =
        serde_json::to_vec(line).map_err(|error| ArchiveError::io("write", path)(error.into()))?;
    text.push(b'\n');
    Ok(text)
}

fn append_bytes(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)?;
    let before = file.metadata()?.len();
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        file.set_len(before)?;
    }
    written
}

/// SHA-256 of a file's bytes, hex.
pub(crate) fn hash_file(path: &Path) -> Result<String, ArchiveError> {
    let hash = || {
        let mut file = File::open(path)?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = file.read(&mut buffer)?;
            match buffer.get(..read) {
                Some(bytes) if !bytes.is_empty() => hasher.update(bytes),
                _ => return Ok(hasher.finalize()),
            }
        }
    };
    let digest = hash().map_err(ArchiveError::io("read", path))?;
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn finished(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| *byte == b'\n');
    end.and_then(|end| text.get(..=end)).unwrap_or_default()
}

fn parse(path: &Path, number: usize, line: &[u8]) -> Result<Line, ArchiveError> {
    let fault = |what: String| ArchiveError::Manifest {
        path: path.to_owned(),
        line: number,
        what,
    };
    let line: Line = serde_json::from_slice(line).map_err(|error| fault(error.to_string()))?;
    // A path that leads out of the archive was not written by an archiver.
    let inside = line
        .file
        .components()
        .all(|part| matches!(part, std::path::Component::Normal(_)));
    let proven = match line.version {
        1 => line.chain.is_some(),
        VERSION => line.tree().is_some(),
        _ => false,
    };
    match proven && inside && line.first <= line.last {
        true => Ok(line),
        false => Err(fault(
            "it has another version, path, range or tree than Weir writes".to_owned(),
        )),
    }
}
