//! The hashes of a tree.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::ProofError;

/// A SHA-256 of a tree: of a leaf, of an inner node, or a root. Shown as base64.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The root of a tree without leaves.
    pub fn of_nothing() -> Self {
        Self(Sha256::digest([]).into())
    }

    /// Reads base64 as RFC 4648 has it, with padding.
    pub fn from_base64(text: &str) -> Result<Self, ProofError> {
        let bytes = STANDARD.decode(text).ok();
        let hash = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        hash.map(Self).ok_or(ProofError::Malformed {
            what: "hash",
            why: "it is not base64 of 32 bytes",
        })
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The hash of a leaf: of 0x00 and its data. The two prefixes keep a node from passing for a leaf.
pub fn leaf(data: &[u8]) -> Hash {
    Hash(
        Sha256::new()
            .chain_update([0])
            .chain_update(data)
            .finalize()
            .into(),
    )
}

/// The hash of an inner node: of 0x01 and its children.
pub fn node(left: Hash, right: Hash) -> Hash {
    let mut preimage = [1; 65];
    for (to, byte) in preimage
        .iter_mut()
        .skip(1)
        .zip(left.0.iter().chain(&right.0))
    {
        *to = *byte;
    }
    Hash(Sha256::digest(preimage).into())
}
