//! What of a trail leaves the host: objects that are created once, each with what it rests on in front of it.
//!
//! The manifest grows here, and is one object per line there; [`gather`] makes one file of them again.

use std::fs;
use std::path::{Path, PathBuf};

use crate::manifest::{self, Line};
use crate::{ArchiveError, layout};

/// Something that leaves the host under this name, which never means anything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// A file that is never written again.
    File {
        /// The object's name, with `/` between its parts.
        name: String,
        /// Where it lies.
        path: PathBuf,
    },
    /// A line of the manifest.
    Line {
        /// The object's name.
        name: String,
        /// What it holds.
        text: Vec<u8>,
    },
}

/// Everything of this host's trail that may leave, in the order in which it has to arrive: rows with their hashes, the
/// tiles over them, then what says that they belong to the trail, and behind all of it the heads that were signed for it.
pub fn outgoing(directory: &Path, host: &str) -> Result<Vec<Outgoing>, ArchiveError> {
    let file = |path: PathBuf| Outgoing::File {
        name: path
            .strip_prefix(directory)
            .unwrap_or(&path)
            .to_string_lossy()
            .into_owned(),
        path,
    };
    // Before what they speak of, so that all of it is there.
    let heads = layout::finished(&layout::checkpoints(directory, host))?;
    let path = layout::manifest(directory, host);
    let lines = manifest::read(&path)?;
    let mut outgoing = Vec::with_capacity(lines.len() * 3 + heads.len());
    for line in &lines {
        outgoing.push(file(directory.join(&line.file)));
        outgoing.push(file(layout::leaves(directory, host, line.first, line.last)));
    }
    outgoing.extend(layout::tiles(directory, host)?.into_iter().map(file));
    for line in &lines {
        outgoing.push(Outgoing::Line {
            name: name(host, line),
            text: manifest::text(&path, line)?,
        });
    }
    outgoing.extend(
        layout::finished(&layout::keys(directory, host))?
            .into_iter()
            .map(file),
    );
    outgoing.extend(heads.into_iter().map(file));
    Ok(outgoing)
}

/// Makes the manifests of what came back from where it was shipped to, host by host.
pub fn gather(directory: &Path) -> Result<Vec<String>, ArchiveError> {
    let parts = directory.join("manifest");
    let mut hosts = Vec::new();
    for lines in layout::list(&parts)?
        .into_iter()
        .filter(|path| path.is_dir())
    {
        let Some(host) = lines.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        let mut files = layout::list(&lines)?;
        files.sort();
        let texts = files.iter().map(|path| {
            let text = fs::read(path);
            text.map_err(ArchiveError::io("read", path))
        });
        let texts: Vec<Vec<u8>> = texts.collect::<Result<_, _>>()?;
        layout::replace(&layout::manifest(directory, host), &texts.concat())?;
        hosts.push(host.to_owned());
    }
    hosts.sort();
    Ok(hosts)
}

fn name(host: &str, line: &Line) -> String {
    format!("manifest/{host}/{:020}-{:020}.json", line.first, line.last)
}
