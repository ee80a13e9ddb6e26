//! What is known to be in the store: a line per object, synced before the next object is sent.
//!
//! Only saves work. Without it everything is sent again, found to be there, and compared.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::ShipError;

/// One object that the store has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    /// Where: the destination as it was written then.
    pub to: String,
    /// The object's name below it.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of them, hex.
    pub sha256: String,
}

/// The file and what it says about one destination.
#[derive(Debug)]
pub(crate) struct Ledger {
    path: PathBuf,
    file: File,
    lines: HashMap<String, Line>,
}

impl Ledger {
    /// Reads what is there about this destination. A line that was not finished, or is not one, says nothing.
    pub(crate) fn open(path: &Path, to: &str) -> Result<Self, ShipError> {
        let text = match std::fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text.map_err(ShipError::io("read", path))?,
        };
        let lines = text
            .lines()
            .filter_map(|line| serde_json::from_str::<Line>(line).ok())
            .filter(|line| line.to == to)
            .map(|line| (line.name.clone(), line))
            .collect();
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(path)
            .map_err(ShipError::io("open", path))?;
        if !text.is_empty() && !text.ends_with('\n') {
            file.write_all(b"\n")
                .map_err(ShipError::io("write to", path))?;
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            lines,
        })
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Line> {
        self.lines.get(name)
    }

    pub(crate) fn append(&mut self, line: Line) -> Result<(), ShipError> {
        let mut text = serde_json::to_vec(&line)
            .map_err(|error| ShipError::io("write to", &self.path)(error.into()))?;
        text.push(b'\n');
        self.file
            .write_all(&text)
            .and_then(|()| self.file.sync_data())
            .map_err(ShipError::io("write to", &self.path))?;
        self.lines.insert(line.name.clone(), line);
        Ok(())
    }
}
