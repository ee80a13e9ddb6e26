//! The right edge of a tree: all that is needed to add leaves and to know the root.

use crate::hash::{Hash, node};

/// A tree that grows. Holds one hash for every bit that is set in its size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    /// Roots of the complete subtrees that it falls into, largest first.
    edge: Vec<Hash>,
}

impl Tree {
    /// The tree of this size with these roots of complete subtrees, largest first. None: there are too many or too few.
    pub fn from_edge(size: u64, edge: Vec<Hash>) -> Option<Self> {
        (edge.len() == size.count_ones() as usize).then_some(Self { size, edge })
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Roots of the complete subtrees that it falls into, largest first.
    pub fn edge(&self) -> &[Hash] {
        &self.edge
    }

    /// Adds the hash of a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        // As many subtrees are completed by it as the size ends in ones.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.edge.pop() {
                hash = node(left, hash);
            }
        }
        self.edge.push(hash);
        self.size += 1;
    }

    /// The hash of the whole tree.
    pub fn root(&self) -> Hash {
        let smaller = self.edge.iter().rev().copied();
        smaller
            .reduce(|right, left| node(left, right))
            .unwrap_or_else(Hash::of_nothing)
    }
}

impl Extend<Hash> for Tree {
    fn extend<T: IntoIterator<Item = Hash>>(&mut self, leaves: T) {
        leaves.into_iter().for_each(|leaf| self.push(leaf));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::leaf;

    /// RFC 6962 as it is written, over the data of all leaves.
    fn by_the_book(leaves: &[&[u8]]) -> Hash {
        match leaves {
            [] => Hash::of_nothing(),
            [one] => leaf(one),
            many => {
                let split = many.len().next_power_of_two() / 2;
                let (left, right) = many.split_at(split);
                node(by_the_book(left), by_the_book(right))
            }
        }
    }

    fn hex(hash: Hash) -> String {
        hash.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn roots_are_those_of_other_implementations() {
        // The data and roots with which certificate-transparency's tests begin.
        let data: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let mut tree = Tree::default();
        assert_eq!(
            hex(tree.root()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        tree.extend(data.map(leaf));
        assert_eq!(
            hex(tree.root()),
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
        );
    }

    #[test]
    fn a_tree_that_grew_is_the_one_that_was_built_at_once() {
        let data: Vec<[u8; 2]> = (0..300_u16).map(u16::to_be_bytes).collect();
        let leaves: Vec<&[u8]> = data.iter().map(<[u8; 2]>::as_slice).collect();
        let mut tree = Tree::default();
        for (size, data) in leaves.iter().enumerate() {
            assert_eq!(tree.root(), by_the_book(&leaves[..size]), "size {size}");
            let again = Tree::from_edge(tree.size(), tree.edge().to_vec());
            assert_eq!(again.as_ref(), Some(&tree));
            tree.push(leaf(data));
        }
        assert_eq!(Tree::from_edge(3, vec![leaf(b"")]), None);
    }
}
