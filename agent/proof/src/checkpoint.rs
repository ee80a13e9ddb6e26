//! The head of a log (`tlog-checkpoint`): which log, how many records, and the root over all of them.

use std::fmt;
use std::str::FromStr;

use crate::ProofError;
use crate::hash::Hash;
use crate::key::SigningKey;
use crate::note::Note;

/// What is signed about a log at a moment.
///
/// ```text
/// <origin>
/// <size, decimal>
/// <root, base64>
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// Its size in records.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

impl Checkpoint {
    /// The note that says so, signed.
    pub fn sign(&self, key: &SigningKey) -> Result<Note, ProofError> {
        let mut note = Note::new(self.to_string())?;
        note.sign(key);
        Ok(note)
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root)
    }
}

impl FromStr for Checkpoint {
    type Err = ProofError;

    /// Extension lines, which Weir writes none of, are passed over as the specification asks.
    fn from_str(text: &str) -> Result<Self, ProofError> {
        let malformed = |why| ProofError::Malformed {
            what: "checkpoint",
            why,
        };
        let mut lines = text.split('\n');
        let mut next = || lines.next().filter(|line| !line.is_empty());
        let origin = next().ok_or(malformed("it has no origin"))?;
        let size = next().ok_or(malformed("it has no size"))?;
        let root = next().ok_or(malformed("it has no root"))?;
        let number: u64 = size
            .parse()
            .map_err(|_| malformed("its size is no number"))?;
        if number.to_string() != size {
            return Err(malformed("its size is not written as it should be"));
        }
        Ok(Self {
            origin: origin.to_owned(),
            size: number,
            root: Hash::from_base64(root)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use tlog_tiles as oracle;

    use super::*;

    fn checkpoint() -> Checkpoint {
        Checkpoint {
            origin: "weir/db-1".to_owned(),
            size: 4711,
            root: crate::leaf(b"root"),
        }
    }

    #[test]
    fn another_implementation_reads_it() {
        let text = checkpoint().to_string();
        assert_eq!(text.parse(), Ok(checkpoint()));
        let theirs = oracle::Checkpoint::from_bytes(text.as_bytes()).unwrap();
        assert_eq!((theirs.origin(), theirs.size()), ("weir/db-1", 4711));
        assert_eq!(theirs.hash().0, checkpoint().root.0);
    }

    #[test]
    fn each_size_has_one_spelling() {
        let text = checkpoint().to_string();
        for wrong in ["+4711", "04711", "4711 ", "-1", ""] {
            let changed = text.replace("4711", wrong);
            assert!(changed.parse::<Checkpoint>().is_err(), "{changed:?}");
        }
    }

    #[test]
    fn a_signed_one_says_who_signed() {
        let key = SigningKey::from_seed("weir/db-1", &[1; 32]).unwrap();
        let note = checkpoint().sign(&key).unwrap();
        assert!(note.verify(&key.verifier()).is_ok());
        assert_eq!(note.text().parse(), Ok(checkpoint()));
    }
}
