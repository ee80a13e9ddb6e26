//! The proof that a record is in a log, as a file (`tlog-proof`): with the record and a key, all that somebody needs.
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! index <of the record, from 0>
//! <hashes of siblings, base64, from the leaf to the root>
//!
//! <signed checkpoint>
//! ```

use std::fmt;
use std::str::FromStr;

use crate::ProofError;
use crate::checkpoint::Checkpoint;
use crate::hash::Hash;
use crate::key::VerifierKey;
use crate::note::Note;
use crate::path::verify_inclusion;

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// A proof about one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Index of its leaf, from 0.
    pub index: u64,
    /// Hashes of siblings, from the leaf to the root.
    pub path: Vec<Hash>,
    /// The checkpoint whose root they lead to, signed.
    pub checkpoint: Note,
}

impl Evidence {
    /// Checks that the log of this key has this leaf, and says of which checkpoint.
    pub fn verify(&self, leaf: Hash, key: &VerifierKey) -> Result<Checkpoint, ProofError> {
        self.checkpoint.verify(key)?;
        let checkpoint: Checkpoint = self.checkpoint.text().parse()?;
        let (size, root) = (checkpoint.size, checkpoint.root);
        verify_inclusion(leaf, self.index, size, &self.path, root)?;
        Ok(checkpoint)
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}\nindex {}", self.index)?;
        self.path
            .iter()
            .try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for Evidence {
    type Err = ProofError;

    fn from_str(text: &str) -> Result<Self, ProofError> {
        let malformed = |why| ProofError::Malformed { what: "proof", why };
        let (proof, checkpoint) = text
            .split_once("\n\n")
            .ok_or(malformed("it has no checkpoint"))?;
        let mut lines = proof.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(malformed("it does not begin with c2sp.org/tlog-proof@v1"));
        }
        // What else its maker had to say, which nobody has signed.
        lines.next_if(|line| line.starts_with("extra "));
        let index = lines.next().and_then(|line| line.strip_prefix("index "));
        Ok(Self {
            index: index
                .and_then(|index| index.parse().ok())
                .ok_or(malformed("it has no index"))?,
            path: lines.map(Hash::from_base64).collect::<Result<_, _>>()?,
            checkpoint: checkpoint.parse()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SigningKey, leaf, node};

    #[test]
    fn a_proof_is_text_and_holds_for_its_record_alone() {
        let key = SigningKey::from_seed("weir/db-1", &[1; 32]).unwrap();
        let [a, b, c] = [b"a", b"b", b"c"].map(|data| leaf(data));
        let checkpoint = Checkpoint {
            origin: "weir/db-1".to_owned(),
            size: 3,
            root: node(node(a, b), c),
        };
        let evidence = Evidence {
            index: 1,
            path: vec![a, c],
            checkpoint: checkpoint.sign(&key).unwrap(),
        };
        let text = evidence.to_string();
        assert!(text.starts_with(&format!("{HEADER}\nindex 1\n{a}\n{c}\n\nweir/db-1\n3\n")));
        let read: Evidence = text.parse().unwrap();
        assert_eq!(read, evidence);
        assert_eq!(read.verify(b, &key.verifier()), Ok(checkpoint));
        assert_eq!(read.verify(a, &key.verifier()), Err(ProofError::Mismatch));
        let other = SigningKey::from_seed("weir/db-1", &[2; 32]).unwrap();
        assert!(read.verify(b, &other.verifier()).is_err());
        let extra = text.replace("\nindex", "\nextra eA==\nindex");
        assert_eq!(extra.parse(), Ok(evidence));
        assert!(text.replace("v1", "v2").parse::<Evidence>().is_err());
    }
}
