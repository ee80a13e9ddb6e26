//! Keys that sign notes, in the text form of `signed-note` that `golang.org/x/mod/sumdb/note` introduced.
//!
//! ```text
//! verifier key   <name>+<id, 8 hex digits>+<base64 of: algorithm, 1 byte; public key, 32 bytes>
//! signing key    PRIVATE+KEY+<name>+<id>+<base64 of: algorithm, 1 byte; seed, 32 bytes>
//! id             the first 4 bytes of SHA-256(name, "\n", algorithm, public key)
//! ```

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, Verifier as _};
use sha2::{Digest as _, Sha256};

use crate::ProofError;

/// Ed25519 over the text.
const ED25519: u8 = 1;
/// Ed25519 of a witness, over the text and the time (`tlog-cosignature`).
const COSIGNATURE: u8 = 4;

const PRIVATE: &str = "PRIVATE+KEY+";

/// A key that signs. Not shown by `Debug`; its memory is overwritten when it goes.
pub struct SigningKey {
    name: String,
    key: ed25519_dalek::SigningKey,
}

impl SigningKey {
    /// The key that 32 random bytes make.
    ///
    /// # Errors
    /// The name is empty, or has a space or a plus in it.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, ProofError> {
        check_name(name)?;
        Ok(Self {
            name: name.to_owned(),
            key: ed25519_dalek::SigningKey::from_bytes(seed),
        })
    }

    /// What others need to check what it signs.
    pub fn verifier(&self) -> VerifierKey {
        VerifierKey {
            name: self.name.clone(),
            algorithm: ED25519,
            key: self.key.verifying_key(),
        }
    }

    /// Its text, which is as secret as it is.
    pub fn reveal(&self) -> String {
        let verifier = self.verifier();
        let bytes = [&[ED25519], self.key.as_bytes().as_slice()].concat();
        let (name, id) = (&self.name, verifier.id());
        format!("{PRIVATE}{name}+{id:08x}+{}", STANDARD.encode(bytes))
    }

    pub(crate) fn sign(&self, text: &str) -> Vec<u8> {
        self.key.sign(text.as_bytes()).to_bytes().into()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}+{:08x})", self.name, self.verifier().id())
    }
}

impl FromStr for SigningKey {
    type Err = ProofError;

    fn from_str(text: &str) -> Result<Self, ProofError> {
        let malformed = |why| ProofError::Malformed {
            what: "signing key",
            why,
        };
        let text = text.trim_end().strip_prefix(PRIVATE);
        let text = text.ok_or(malformed("it does not begin with PRIVATE+KEY+"))?;
        let (name, id, algorithm, seed) =
            split(text).ok_or(malformed("it is not name+id+base64 of 33 bytes"))?;
        if algorithm != ED25519 {
            return Err(malformed("its algorithm is not Ed25519"));
        }
        let key = Self::from_seed(name, &seed)?;
        match key.verifier().id() == id {
            true => Ok(key),
            false => Err(malformed("its id is not that of its name and key")),
        }
    }
}

/// The public half of a key: a log's, or a witness's.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    algorithm: u8,
    key: ed25519_dalek::VerifyingKey,
}

impl VerifierKey {
    /// Whose it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which of the keys of that name.
    pub fn id(&self) -> u32 {
        let hash = Sha256::new()
            .chain_update(self.name.as_bytes())
            .chain_update([b'\n', self.algorithm])
            .chain_update(self.key.as_bytes())
            .finalize();
        let [a, b, c, d, ..]: [u8; 32] = hash.into();
        u32::from_be_bytes([a, b, c, d])
    }

    /// Whether it is a witness's.
    fn is_cosigner(&self) -> bool {
        self.algorithm == COSIGNATURE
    }

    /// Whether it has signed the text so.
    pub(crate) fn has_signed(&self, text: &str, signature: &[u8]) -> bool {
        let verify = |message: &[u8], signature: &[u8]| {
            let signature = ed25519_dalek::Signature::from_slice(signature);
            signature.is_ok_and(|signature| self.key.verify(message, &signature).is_ok())
        };
        if !self.is_cosigner() {
            return verify(text.as_bytes(), signature);
        }
        let (Some(time), Some(signature)) = (cosignature_time(signature), signature.get(8..))
        else {
            return false;
        };
        verify(cosigned(time, text).as_bytes(), signature)
    }
}

/// What a witness signs.
fn cosigned(time: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

/// When a witness signed: seconds since the Unix epoch. None: this is no signature of a witness.
fn cosignature_time(signature: &[u8]) -> Option<u64> {
    signature
        .first_chunk()
        .map(|time| u64::from_be_bytes(*time))
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&[self.algorithm], self.key.as_bytes().as_slice()].concat();
        let (name, id) = (&self.name, self.id());
        write!(f, "{name}+{id:08x}+{}", STANDARD.encode(bytes))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for VerifierKey {
    type Err = ProofError;

    fn from_str(text: &str) -> Result<Self, ProofError> {
        let malformed = |why| ProofError::Malformed {
            what: "verifier key",
            why,
        };
        let (name, id, algorithm, key) =
            split(text.trim_end()).ok_or(malformed("it is not name+id+base64 of 33 bytes"))?;
        check_name(name)?;
        if algorithm != ED25519 && algorithm != COSIGNATURE {
            return Err(malformed(
                "its algorithm is neither Ed25519 nor cosignature/v1",
            ));
        }
        let key = ed25519_dalek::VerifyingKey::from_bytes(&key)
            .map_err(|_| malformed("it is no point of the curve"))?;
        let key = Self {
            name: name.to_owned(),
            algorithm,
            key,
        };
        match key.id() == id {
            true => Ok(key),
            false => Err(malformed("its id is not that of its name and key")),
        }
    }
}

/// Name, id, algorithm and key.
fn split(text: &str) -> Option<(&str, u32, u8, [u8; 32])> {
    let (name, rest) = text.split_once('+')?;
    let (id, key) = rest.split_once('+')?;
    let hex = id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = u32::from_str_radix(id, 16).ok().filter(|_| hex)?;
    let bytes = STANDARD.decode(key).ok()?;
    let (algorithm, key) = bytes.split_first()?;
    Some((name, id, *algorithm, key.try_into().ok()?))
}

/// Names are on a line of a note before a space, and in keys before a plus.
pub(crate) fn check_name(name: &str) -> Result<(), ProofError> {
    let wrong = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    match name.is_empty() || name.contains(wrong) {
        true => Err(ProofError::Malformed {
            what: "name of a key",
            why: "it is empty, or has a space or a plus in it",
        }),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use signed_note as oracle;
    use signed_note::Verifier as _;

    use super::*;

    fn key() -> SigningKey {
        SigningKey::from_seed("weir/db-1", &[7; 32]).unwrap()
    }

    #[test]
    fn keys_have_one_text_which_another_implementation_reads() {
        let (key, verifier) = (key(), key().verifier());
        let again: SigningKey = key.reveal().parse().unwrap();
        assert_eq!(again.verifier(), verifier);
        assert_eq!(verifier.to_string().parse(), Ok(verifier.clone()));
        let theirs = oracle::StandardVerifier::new(&verifier.to_string()).unwrap();
        assert_eq!(theirs.key_id(), verifier.id());
        assert!(oracle::StandardSigner::new(&key.reveal()).is_ok());
    }

    #[test]
    fn a_key_with_a_character_changed_is_none() {
        for text in [key().reveal(), key().verifier().to_string()] {
            for (at, _) in text.char_indices() {
                let mut changed = text.clone().into_bytes();
                changed[at] = if changed[at] == b'b' { b'c' } else { b'b' };
                let changed = String::from_utf8(changed).unwrap();
                let signs = changed.parse::<SigningKey>().map(|key| key.verifier());
                let is_known = |key: VerifierKey| key == super::tests::key().verifier();
                assert!(!signs.is_ok_and(is_known) || changed == text, "{changed}");
                let verifies = changed.parse::<VerifierKey>();
                assert!(
                    !verifies.is_ok_and(is_known) || changed == text,
                    "{changed}"
                );
            }
        }
    }

    #[test]
    fn a_signing_key_is_not_shown() {
        let secret = STANDARD.encode([&[1], [7; 32].as_slice()].concat());
        assert!(key().reveal().contains(&secret));
        assert!(!format!("{:?}", key()).contains(&secret[4..20]));
    }

    #[test]
    fn a_witness_signs_the_time_as_well() {
        let witness = VerifierKey {
            name: "witness".into(),
            algorithm: COSIGNATURE,
            ..key().verifier()
        };
        let text = "weir/db-1\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
        let signature = |time: u64, signed: u64| {
            let signature = key().sign(&cosigned(signed, text));
            [time.to_be_bytes().as_slice(), &signature].concat()
        };
        assert!(witness.has_signed(text, &signature(99, 99)));
        assert!(!witness.has_signed(text, &signature(98, 99)));
        assert_eq!(cosignature_time(&signature(99, 99)), Some(99));
        assert_ne!(witness.id(), key().verifier().id());
        assert_eq!(witness.to_string().parse(), Ok(witness));
    }
}
