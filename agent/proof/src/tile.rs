//! Where hashes of a tree lie in files (`tlog-tiles`): 256 neighbours of one level, of every eighth level, are a tile.

use std::fmt;

/// Levels of the tree that a tile stands for.
pub const TILE_HEIGHT: u32 = 8;
/// Hashes of a full tile.
pub const TILE_WIDTH: u64 = 1 << TILE_HEIGHT;

/// A full tile. Shown as its path, below the log's own directory: `tile/1/x001/234`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tile {
    /// Its hashes are of the tree's level `8 * level`.
    pub level: u32,
    /// Which of its level, from 0.
    pub index: u64,
}

impl Tile {
    /// The tile that a node is in, and where in it. None: the node's level is in no tile.
    pub fn of(level: u32, index: u64) -> Option<(Self, usize)> {
        let tile = Self {
            level: level / TILE_HEIGHT,
            index: index / TILE_WIDTH,
        };
        let place = usize::try_from(index % TILE_WIDTH).ok()?;
        level.is_multiple_of(TILE_HEIGHT).then_some((tile, place))
    }

    /// The tree's level of its hashes.
    pub fn tree_level(self) -> u32 {
        self.level * TILE_HEIGHT
    }

    /// Whether a tree of this size fills it.
    pub fn is_full_at(self, size: u64) -> bool {
        let nodes = size.checked_shr(self.tree_level()).unwrap_or_default();
        nodes / TILE_WIDTH > self.index
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tile/{}", self.level)?;
        let digits = format!("{:03}", self.index);
        // Three digits to a directory, all but the last marked as going on.
        let padded = format!("{:0>1$}", digits, digits.len().div_ceil(3) * 3);
        let groups: Vec<&str> = (0..padded.len())
            .step_by(3)
            .filter_map(|at| padded.get(at..at + 3))
            .collect();
        match groups.split_last() {
            Some((last, before)) => {
                before.iter().try_for_each(|group| write!(f, "/x{group}"))?;
                write!(f, "/{last}")
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use tlog_tiles as oracle;

    use super::*;

    #[test]
    fn paths_are_those_of_another_implementation() {
        for (level, index) in [
            (0, 0),
            (1, 7),
            (1, 999),
            (2, 1000),
            (1, 1_234_067),
            (0, 999_999_999),
        ] {
            let theirs = oracle::Tile::new(8, level, index, 256, false).path();
            let ours = Tile {
                level: level.into(),
                index,
            };
            assert_eq!(ours.to_string(), theirs.replace("tile/8/", "tile/"));
        }
    }

    #[test]
    fn a_node_is_in_one_place_of_one_tile_which_fills_up() {
        let (tile, place) = Tile::of(8, 300).unwrap();
        assert_eq!((tile, place), (Tile { level: 1, index: 1 }, 44));
        assert_eq!(Tile::of(9, 1), None);
        assert!(!tile.is_full_at(2 * 65_536 - 1));
        assert!(tile.is_full_at(2 * 65_536));
        assert!(!Tile { level: 9, index: 0 }.is_full_at(u64::MAX));
    }
}
