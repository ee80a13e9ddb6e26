//! A Merkle log as RFC 6962 has it: its tree, proofs about it, and heads that are signed.
//!
//! Pure: no file, no clock, no record. Who uses it knows what a leaf is made of and where hashes lie.
//!
//! ```text
//! leaf hashes -> Tree (grows at its right edge) -> root -> Checkpoint -> signed note
//! leaf hashes -> Nodes (complete subtrees)      -> inclusion proof, consistency proof
//! ```
//!
//! * Tree and proofs: RFC 6962 section 2.1; how they are verified: RFC 9162 section 2.1.
//! * Checkpoints, notes, keys, proofs as files and tiles: <https://c2sp.org> (`tlog-checkpoint`, `signed-note`,
//!   `tlog-proof`, `tlog-tiles`), so that tools which are not Weir's read them.

mod checkpoint;
mod error;
mod evidence;
mod hash;
mod key;
mod note;
mod path;
mod tile;
mod tree;

pub use checkpoint::Checkpoint;
pub use error::ProofError;
pub use evidence::Evidence;
pub use hash::{Hash, leaf, node};
pub use key::{SigningKey, VerifierKey};
pub use note::{Note, Signature};
pub use path::{Nodes, consistency, inclusion, verify_consistency, verify_inclusion};
pub use tile::{TILE_HEIGHT, TILE_WIDTH, Tile};
pub use tree::Tree;
