//! A text with signatures (`signed-note`).
//!
//! ```text
//! text, lines
//!
//! — <name of the key> <base64 of: id of the key, 4 bytes; signature>
//! ```

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::ProofError;
use crate::key::{SigningKey, VerifierKey, check_name};

/// Signatures that are read of a note. More of them are nobody's.
const MOST: usize = 64;

/// A text with signatures, which may be anybody's: only [`Note::verify`] says whose they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

/// A line of a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Name of the key.
    pub name: String,
    /// Its id.
    pub id: u32,
    /// What the key made of the text.
    pub bytes: Vec<u8>,
}

impl Note {
    /// A text that nobody has signed. It ends with a newline.
    pub fn new(text: impl Into<String>) -> Result<Self, ProofError> {
        let text = text.into();
        match text.ends_with('\n') && !text.contains(|c: char| c.is_control() && c != '\n') {
            true => Ok(Self {
                text,
                signatures: Vec::new(),
            }),
            false => Err(malformed(
                "its text does not end with a newline, or has control characters",
            )),
        }
    }

    /// What is signed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Who claims to have signed it.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// Signs it.
    pub fn sign(&mut self, key: &SigningKey) {
        let verifier = key.verifier();
        self.add(Signature {
            name: verifier.name().to_owned(),
            id: verifier.id(),
            bytes: key.sign(&self.text),
        });
    }

    /// Adds a signature that somebody else made.
    pub fn add(&mut self, signature: Signature) {
        self.signatures.push(signature);
    }

    /// The signature of this key, checked.
    ///
    /// # Errors
    /// There is none, or it is forged.
    pub fn verify(&self, key: &VerifierKey) -> Result<&Signature, ProofError> {
        let (name, id) = (key.name(), key.id());
        let mut named = self
            .signatures
            .iter()
            .filter(|signature| signature.name == name && signature.id == id);
        let Some(signature) = named.next() else {
            let name = name.to_owned();
            return Err(ProofError::Unsigned { name, id });
        };
        match key.has_signed(&self.text, &signature.bytes) && named.next().is_none() {
            true => Ok(signature),
            false => Err(ProofError::Forged {
                name: name.to_owned(),
                id,
            }),
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures
            .iter()
            .try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

impl FromStr for Note {
    type Err = ProofError;

    fn from_str(text: &str) -> Result<Self, ProofError> {
        // Signatures are what stands behind the last empty line.
        let end = text
            .rfind("\n\n")
            .ok_or(malformed("it has no empty line before signatures"))?;
        let (text, signatures) = text.split_at(end + 1);
        let signatures: Vec<&str> = signatures.split_terminator('\n').skip(1).collect();
        if signatures.len() > MOST || signatures.is_empty() {
            return Err(malformed("it has no signature, or too many"));
        }
        Ok(Self {
            signatures: signatures
                .into_iter()
                .map(str::parse)
                .collect::<Result<_, _>>()?,
            ..Self::new(text)?
        })
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [self.id.to_be_bytes().as_slice(), &self.bytes].concat();
        write!(f, "— {} {}", self.name, STANDARD.encode(bytes))
    }
}

impl FromStr for Signature {
    type Err = ProofError;

    fn from_str(line: &str) -> Result<Self, ProofError> {
        let read = || {
            let (name, bytes) = line.strip_prefix("— ")?.split_once(' ')?;
            let bytes = STANDARD.decode(bytes).ok()?;
            let (id, bytes) = bytes.split_first_chunk()?;
            Some((name.to_owned(), u32::from_be_bytes(*id), bytes.to_vec()))
        };
        let (name, id, bytes) = read().ok_or(malformed("a line of a signature is none"))?;
        check_name(&name)?;
        Ok(Self { name, id, bytes })
    }
}

fn malformed(why: &'static str) -> ProofError {
    ProofError::Malformed {
        what: "signed note",
        why,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use signed_note as oracle;

    use super::*;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&format!("weir/db-{seed}"), &[seed; 32]).unwrap()
    }

    fn signed() -> Note {
        let mut note = Note::new("first\nsecond\n").unwrap();
        note.sign(&key(1));
        note.sign(&key(2));
        note
    }

    #[test]
    fn another_implementation_opens_what_is_signed() {
        let text = signed().to_string();
        assert_eq!(text.parse(), Ok(signed()));
        let verifier = |key: SigningKey| {
            let verifier = oracle::StandardVerifier::new(&key.verifier().to_string());
            Box::new(verifier.unwrap()) as Box<dyn oracle::Verifier>
        };
        let theirs = oracle::Note::from_bytes(text.as_bytes()).unwrap();
        let known = oracle::VerifierList::new(vec![verifier(key(1)), verifier(key(2))]);
        let (verified, unknown) = theirs.verify(&known).unwrap();
        assert_eq!((verified.len(), unknown.len()), (2, 0));
    }

    #[test]
    fn a_text_ends_with_a_newline_and_has_no_control_characters() {
        assert!(Note::new("no newline").is_err());
        assert!(Note::new("a bell \u{7}\n").is_err());
    }

    #[test]
    fn only_a_key_that_signed_is_believed() {
        let note = signed();
        assert!(note.verify(&key(1).verifier()).is_ok());
        let stranger = key(3).verifier();
        assert!(matches!(
            note.verify(&stranger),
            Err(ProofError::Unsigned { .. })
        ));
        let mut twice = note.clone();
        twice.sign(&key(1));
        assert!(matches!(
            twice.verify(&key(1).verifier()),
            Err(ProofError::Forged { .. })
        ));
    }

    #[test]
    fn every_changed_byte_of_a_note_is_noticed() {
        let text = signed().to_string();
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] ^= 1;
            let note = String::from_utf8(changed)
                .ok()
                .and_then(|text| text.parse::<Note>().ok());
            let holds = |note: &Note| {
                [1, 2]
                    .iter()
                    .all(|seed| note.verify(&key(*seed).verifier()).is_ok())
            };
            assert!(!note.is_some_and(|note| holds(&note)), "byte {at}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in "(— |[a-z]{0,3}|[ +=A-Z]|\n){0,12}") {
            if let Ok(note) = text.parse::<Note>() {
                prop_assert_eq!(note.to_string().parse(), Ok(note));
            }
        }
    }
}
