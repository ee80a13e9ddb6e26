//! Proofs about a tree: that a leaf is in it, and that a smaller tree is its beginning.
//!
//! Made as RFC 6962 sections 2.1.1 and 2.1.2 say, verified as RFC 9162 sections 2.1.3.2 and 2.1.4.2 say: two ways that
//! have nothing in common.

use crate::ProofError;
use crate::hash::{Hash, node};

/// The hashes of the complete subtrees of a tree.
pub trait Nodes {
    /// Why a hash cannot be had.
    type Error: From<ProofError>;

    /// The root of the subtree over the leaves `index << level` up to `(index + 1) << level`.
    fn node(&self, level: u32, index: u64) -> Result<Hash, Self::Error>;
}

/// The proof that a tree of this size has this leaf at this index: hashes of siblings, from the leaf to the root.
pub fn inclusion<N: Nodes>(nodes: &N, index: u64, size: u64) -> Result<Vec<Hash>, N::Error> {
    if index >= size {
        return Err(ProofError::OutOfRange { index, size }.into());
    }
    let mut path = Vec::new();
    let (mut start, mut end) = (0, size);
    // From the root down; the proof goes up.
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            path.push(range(nodes, middle, end)?);
            end = middle;
        } else {
            path.push(range(nodes, start, middle)?);
            start = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The proof that the tree of size `new` begins with the tree of size `old`.
pub fn consistency<N: Nodes>(nodes: &N, old: u64, new: u64) -> Result<Vec<Hash>, N::Error> {
    if old > new {
        return Err(ProofError::OutOfRange {
            index: old,
            size: new,
        }
        .into());
    }
    let mut path = Vec::new();
    if old == 0 || old == new {
        return Ok(path);
    }
    let (mut start, mut end) = (0, new);
    while old != end {
        let middle = start + split(end - start);
        if old <= middle {
            path.push(range(nodes, middle, end)?);
            end = middle;
        } else {
            path.push(range(nodes, start, middle)?);
            start = middle;
        }
    }
    // The verifier has the old root, which this is where nothing was split off to its left.
    if start > 0 {
        path.push(range(nodes, start, end)?);
    }
    path.reverse();
    Ok(path)
}

/// The largest power of two that is smaller. Of a width of 2 at least.
fn split(width: u64) -> u64 {
    1 << (width - 1).ilog2()
}

/// The hash over some leaves. They begin where the recursion of RFC 6962 begins a subtree, so a complete one is a node.
fn range<N: Nodes>(nodes: &N, start: u64, end: u64) -> Result<Hash, N::Error> {
    let width = end - start;
    if width.is_power_of_two() {
        let level = width.ilog2();
        return nodes.node(level, start >> level);
    }
    let middle = start + split(width);
    Ok(node(
        range(nodes, start, middle)?,
        range(nodes, middle, end)?,
    ))
}

/// Checks a proof of [`inclusion`].
pub fn verify_inclusion(
    leaf: Hash,
    index: u64,
    size: u64,
    path: &[Hash],
    root: Hash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::OutOfRange { index, size });
    }
    let (mut index, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in path {
        if last == 0 {
            return Err(ProofError::Mismatch);
        }
        if index & 1 == 1 || index == last {
            hash = node(*sibling, hash);
            while index & 1 == 0 && index != 0 {
                index >>= 1;
                last >>= 1;
            }
        } else {
            hash = node(hash, *sibling);
        }
        index >>= 1;
        last >>= 1;
    }
    (last == 0 && hash == root)
        .then_some(())
        .ok_or(ProofError::Mismatch)
}

/// Checks a proof of [`consistency`].
pub fn verify_consistency(
    (old, old_root): (u64, Hash),
    (new, new_root): (u64, Hash),
    path: &[Hash],
) -> Result<(), ProofError> {
    if old > new {
        return Err(ProofError::OutOfRange {
            index: old,
            size: new,
        });
    }
    if old == 0 || old == new {
        let is_same =
            old == 0 && old_root == Hash::of_nothing() || old == new && old_root == new_root;
        return (is_same && path.is_empty())
            .then_some(())
            .ok_or(ProofError::Mismatch);
    }
    // A complete old tree is a node of the new one, and the proof begins with it.
    let known = old.is_power_of_two().then_some(old_root);
    let mut path = known.into_iter().chain(path.iter().copied());
    let first = path.next().ok_or(ProofError::Mismatch)?;
    let (mut index, mut last) = (old - 1, new - 1);
    while index & 1 == 1 {
        index >>= 1;
        last >>= 1;
    }
    let (mut was, mut is) = (first, first);
    for sibling in path {
        if last == 0 {
            return Err(ProofError::Mismatch);
        }
        if index & 1 == 1 || index == last {
            was = node(sibling, was);
            is = node(sibling, is);
            while index & 1 == 0 && index != 0 {
                index >>= 1;
                last >>= 1;
            }
        } else {
            is = node(is, sibling);
        }
        index >>= 1;
        last >>= 1;
    }
    let leads = last == 0 && was == old_root && is == new_root;
    leads.then_some(()).ok_or(ProofError::Mismatch)
}

#[cfg(test)]
mod tests {
    use tlog_tiles as oracle;

    use super::*;
    use crate::hash::leaf;
    use crate::tree::Tree;

    const MOST: u64 = 70;

    /// A tree that knows all its leaves.
    struct Leaves(Vec<Hash>);

    impl Nodes for Leaves {
        type Error = ProofError;

        fn node(&self, level: u32, index: u64) -> Result<Hash, ProofError> {
            match level {
                0 => Ok(self.0[index as usize]),
                level => Ok(node(
                    self.node(level - 1, 2 * index)?,
                    self.node(level - 1, 2 * index + 1)?,
                )),
            }
        }
    }

    fn leaves() -> Leaves {
        Leaves((0..MOST).map(|index| leaf(&index.to_be_bytes())).collect())
    }

    fn root_of(leaves: &Leaves, size: u64) -> Hash {
        let mut tree = Tree::default();
        tree.extend(leaves.0[..size as usize].iter().copied());
        tree.root()
    }

    #[test]
    fn every_leaf_of_every_tree_has_a_proof_that_holds_for_it_alone() {
        let leaves = leaves();
        for size in 1..MOST {
            let root = root_of(&leaves, size);
            assert_eq!(range(&leaves, 0, size), Ok(root));
            for index in 0..size {
                let path = inclusion(&leaves, index, size).unwrap();
                let at =
                    |index| verify_inclusion(leaves.0[index as usize], index, size, &path, root);
                assert_eq!(at(index), Ok(()));
                let other = (index + 1) % size;
                assert!(
                    size == 1 || at(other).is_err(),
                    "{index} of {size} proves {other}"
                );
                let longer = [path.as_slice(), &[root]].concat();
                let leaf = leaves.0[index as usize];
                assert!(verify_inclusion(leaf, index, size, &longer, root).is_err());
                for wrong in 0..path.len() {
                    let mut forged = path.clone();
                    forged[wrong].0[7] ^= 1;
                    assert!(verify_inclusion(leaf, index, size, &forged, root).is_err());
                }
            }
            assert!(inclusion(&leaves, size, size).is_err());
        }
    }

    #[test]
    fn every_tree_is_the_beginning_of_every_larger_one_and_of_no_other() {
        let leaves = leaves();
        for new in 0..MOST {
            let new_root = root_of(&leaves, new);
            for old in 0..=new {
                let old_root = root_of(&leaves, old);
                let path = consistency(&leaves, old, new).unwrap();
                let verify =
                    |was, is, path: &[Hash]| verify_consistency((old, was), (new, is), path);
                assert_eq!(verify(old_root, new_root, &path), Ok(()), "{old} of {new}");
                let other = leaf(b"another");
                assert!(verify(other, new_root, &path).is_err(), "{old} of {new}");
                assert!(
                    old == 0 || verify(old_root, other, &path).is_err(),
                    "{old} of {new}"
                );
                for wrong in 0..path.len() {
                    let mut forged = path.clone();
                    forged[wrong].0[7] ^= 1;
                    assert!(verify(old_root, new_root, &forged).is_err());
                    assert!(verify(old_root, new_root, &path[..wrong]).is_err());
                }
            }
        }
        assert!(consistency(&leaves, 2, 1).is_err());
    }

    #[test]
    fn proofs_are_those_of_another_implementation() {
        let leaves = leaves();
        let mut stored: Vec<oracle::Hash> = Vec::new();
        for index in 0..MOST {
            let reader = Stored(stored.clone());
            let added = oracle::stored_hashes(index, &index.to_be_bytes(), &reader).unwrap();
            stored.extend(added);
        }
        let reader = Stored(stored);
        let same = |ours: Vec<Hash>, theirs: Vec<oracle::Hash>| {
            let ours: Vec<[u8; 32]> = ours.into_iter().map(|hash| hash.0).collect();
            let theirs: Vec<[u8; 32]> = theirs.into_iter().map(|hash| hash.0).collect();
            assert_eq!(ours, theirs);
        };
        for size in 1..MOST {
            for index in 0..size {
                let theirs = oracle::prove_record(size, index, &reader).unwrap();
                same(inclusion(&leaves, index, size).unwrap(), theirs);
                let theirs = oracle::prove_tree(size, index + 1, &reader).unwrap();
                same(consistency(&leaves, index + 1, size).unwrap(), theirs);
            }
        }
    }

    struct Stored(Vec<oracle::Hash>);

    impl oracle::HashReader for Stored {
        fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<oracle::Hash>, oracle::tlog::Error> {
            Ok(indexes
                .iter()
                .map(|index| self.0[*index as usize])
                .collect())
        }
    }
}
