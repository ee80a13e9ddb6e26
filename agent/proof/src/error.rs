//! What can be wrong with what others hand in.

/// Why something is no proof, no note or no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// Text is not in the format that it should be in.
    #[error("this is no {what}: {why}")]
    Malformed {
        /// What it should be.
        what: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// No signature is by this key.
    #[error("nothing here is signed by {name}+{id:08x}")]
    Unsigned {
        /// The key's name.
        name: String,
        /// Its id.
        id: u32,
    },
    /// A signature names this key and is not by it.
    #[error("the signature of {name}+{id:08x} is forged, or the text was changed")]
    Forged {
        /// The key's name.
        name: String,
        /// Its id.
        id: u32,
    },
    /// A proof does not lead to the root.
    #[error("the proof does not lead to the root")]
    Mismatch,
    /// A record or a size that a tree does not have.
    #[error("a tree of {size} has no {index}")]
    OutOfRange {
        /// What was asked for.
        index: u64,
        /// What there is.
        size: u64,
    },
}
