//! The files of a host's Merkle log, and proofs made of them.
//!
//! The leaf of record `n` has index `n - 1`. What lies here can be made again from the rows, but for the signatures; it
//! is kept because it says which row was changed, and because proofs then need no rows.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use proof::{Hash, Nodes, TILE_HEIGHT, TILE_WIDTH, Tile, Tree};

use crate::manifest::Line;
use crate::{ArchiveError, layout};

/// Bytes of a hash.
const HASH: u64 = 32;

/// Writes the leaf hashes of a file's rows, durably.
pub(crate) fn write_leaves(path: &Path, leaves: &[Hash]) -> Result<(), ArchiveError> {
    write(path, leaves)
}

/// The leaf hashes of the rows that a line is about.
pub(crate) fn read_leaves(path: &Path, line: &Line) -> Result<Vec<Hash>, ArchiveError> {
    let bytes = fs::read(path).map_err(ArchiveError::io("read", path))?;
    let hashes = hashes(&bytes);
    match bytes.len() as u64 == (line.last - line.first + 1) * HASH {
        true => Ok(hashes),
        false => Err(ArchiveError::Unreadable {
            path: path.to_owned(),
            what: "it has not one hash of 32 bytes for each record".to_owned(),
        }),
    }
}

fn write(path: &Path, hashes: &[Hash]) -> Result<(), ArchiveError> {
    if let Some(directory) = path.parent() {
        layout::make_directory(directory)?;
    }
    let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
    layout::replace(path, &bytes)
}

fn hashes(bytes: &[u8]) -> Vec<Hash> {
    let (hashes, _) = bytes.as_chunks();
    hashes.iter().copied().map(Hash).collect()
}

/// The hashes of a log, where they lie.
pub(crate) struct Log<'a> {
    /// The archive.
    pub directory: &'a Path,
    /// Whose log.
    pub host: &'a str,
    /// Which files it is about, in order.
    pub lines: &'a [Line],
    /// Leaf hashes of the records behind the files.
    pub tail: &'a [Hash],
}

impl Log<'_> {
    /// Writes the tiles that are full and not there yet. Tiles of level 0 are what leaf files have.
    pub(crate) fn fill_tiles(&self) -> Result<(), ArchiveError> {
        let size = self.lines.last().map_or(0, |line| line.last);
        for level in 1.. {
            let mut full = (0..)
                .map(|index| Tile { level, index })
                .take_while(|tile| tile.is_full_at(size));
            let Some(first) = full.next() else {
                return Ok(());
            };
            for tile in std::iter::once(first).chain(full) {
                let path = self.tile(tile);
                if !path.exists() {
                    write(&path, &self.hashes_of(tile)?)?;
                }
            }
        }
        Ok(())
    }

    fn hashes_of(&self, tile: Tile) -> Result<Vec<Hash>, ArchiveError> {
        let first = tile.index * TILE_WIDTH;
        (first..first + TILE_WIDTH)
            .map(|index| self.node(tile.tree_level(), index))
            .collect()
    }

    fn tile(&self, tile: Tile) -> PathBuf {
        layout::log(self.directory, self.host).join(tile.to_string())
    }

    /// A hash of a tile. None: the tile is not there, as it is not full.
    fn node_of_tile(&self, tile: Tile, place: usize) -> Result<Option<Hash>, ArchiveError> {
        let path = self.tile(tile);
        match read_at(&path, place as u64, 1) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read
                .map(|hashes| hashes.first().copied())
                .map_err(ArchiveError::io("read", &path)),
        }
    }

    /// Leaf hashes, from an index on.
    fn leaves(&self, first: u64, count: u64) -> Result<Vec<Hash>, ArchiveError> {
        let (mut index, end) = (first, first + count);
        let mut leaves = Vec::new();
        let from = self.lines.partition_point(|line| line.last <= first);
        for line in self.lines.iter().skip(from) {
            if index >= end {
                break;
            }
            let path = layout::leaves(self.directory, self.host, line.first, line.last);
            let count = end.min(line.last) - index;
            let read = read_at(&path, index + 1 - line.first, count);
            leaves.extend(read.map_err(ArchiveError::io("read", &path))?);
            index += count;
        }
        let head = self.lines.last().map_or(0, |line| line.last);
        let tail = self
            .tail
            .iter()
            .skip(usize::try_from(index - head.min(index)).unwrap_or(usize::MAX));
        leaves.extend(tail.take(usize::try_from(end - index).unwrap_or(usize::MAX)));
        match leaves.len() as u64 == count {
            true => Ok(leaves),
            false => Err(ArchiveError::NoRecord {
                host: self.host.to_owned(),
                sequence: first + leaves.len() as u64 + 1,
            }),
        }
    }
}

impl Nodes for Log<'_> {
    type Error = ArchiveError;

    fn node(&self, level: u32, index: u64) -> Result<Hash, ArchiveError> {
        if let Some((tile, place)) = Tile::of(level, index).filter(|(tile, _)| tile.level > 0)
            && let Some(hash) = self.node_of_tile(tile, place)?
        {
            return Ok(hash);
        }
        if level > TILE_HEIGHT {
            let child = |index| self.node(level - 1, index);
            return Ok(proof::node(child(2 * index)?, child(2 * index + 1)?));
        }
        let mut tree = Tree::default();
        tree.extend(self.leaves(index << level, 1 << level)?);
        Ok(tree.root())
    }
}

/// Reads some hashes of a file.
fn read_at(path: &Path, first: u64, count: u64) -> io::Result<Vec<Hash>> {
    let bytes = usize::try_from(count * HASH).map_err(io::Error::other)?;
    let mut bytes = vec![0; bytes];
    File::open(path)?.read_exact_at(&mut bytes, first * HASH)?;
    Ok(hashes(&bytes))
}
