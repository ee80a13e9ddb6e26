//! Keys of masks. What is made with one says nothing to whom does not have it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use aes::Aes256;
use fpe::ff1::FF1;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Bytes of a key.
const LENGTH: usize = 32;

/// A secret of 32 random bytes.
pub struct Key(Zeroizing<[u8; LENGTH]>);

/// A text is no key.
#[derive(Debug, thiserror::Error)]
#[error("a key is 64 hexadecimal digits, as `openssl rand -hex 32` makes them")]
pub struct KeyMalformed;

impl Key {
    /// From hexadecimal digits. Space around them does not count.
    pub fn parse(text: &str) -> Result<Self, KeyMalformed> {
        let digits = text.trim().as_bytes();
        let mut bytes = Zeroizing::new([0; LENGTH]);
        if digits.len() != 2 * LENGTH {
            return Err(KeyMalformed);
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            for digit in pair {
                let digit = char::from(*digit).to_digit(16).ok_or(KeyMalformed)?;
                let digit = u8::try_from(digit).map_err(|_| KeyMalformed)?;
                *byte = (*byte << 4) | digit;
            }
        }
        Ok(Self(bytes))
    }

    /// HMAC-SHA-256 with the key itself, so that others who have it can make the same: `hmac(value, key, 'sha256')` of
    /// pgcrypto. Apart from other columns where one is named.
    pub(crate) fn hash(&self, column: Option<&str>) -> Mac {
        match column {
            None => Mac::new(self.0.as_ref()),
            Some(column) => self.derived("hash", column),
        }
    }

    pub(crate) fn noise(&self, column: &str) -> Mac {
        self.derived("noise", column)
    }

    /// None only for a radix that FF1 does not have.
    pub(crate) fn cipher(&self, radix: u32) -> Option<FF1<Aes256>> {
        let key = Zeroizing::new(Mac::new(self.0.as_ref()).of(b"weir tokenize"));
        FF1::new(key.as_ref(), radix).ok()
    }

    /// With a key that is made for one purpose and one column (as RFC 5869 expands one).
    fn derived(&self, purpose: &str, column: &str) -> Mac {
        let info = format!("weir {purpose} {column}");
        let key = Zeroizing::new(Mac::new(self.0.as_ref()).of(info.as_bytes()));
        Mac::new(key.as_ref())
    }
}

// Keys do not get into logs.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

/// HMAC-SHA-256 under one key, of which half the work is done.
#[derive(Clone)]
pub(crate) struct Mac(Hmac<Sha256>);

impl Mac {
    fn new(key: &[u8]) -> Self {
        // A key that is shorter than a block is filled up with zeros (RFC 2104).
        let mut block = Zeroizing::new([0; 64]);
        for (to, from) in block.iter_mut().zip(key) {
            *to = *from;
        }
        Self(Hmac::new((&*block).into()))
    }

    pub(crate) fn of(&self, value: &[u8]) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(value);
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mac")
    }
}

/// Keys by name, shared: what is put into one of its clones is in all of them.
#[derive(Clone, Debug, Default)]
pub struct Keyring(Arc<RwLock<HashMap<Arc<str>, Arc<Key>>>>);

impl Keyring {
    /// These keys in place of all before. Results whose rows have begun keep theirs.
    pub fn replace(&self, keys: HashMap<Arc<str>, Arc<Key>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    pub(crate) fn get(&self, name: &str) -> Option<Arc<Key>> {
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        keys.get(name).cloned()
    }
}
