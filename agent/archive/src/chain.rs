//! The chain: each row's hash covers the row and the hash before it. Recomputable from the columns alone.
//!
//! ```text
//! chain 0 = SHA-256("weir.chain" text(host))
//! chain n = SHA-256(chain n-1, 32 bytes; text(schema); every column of the schema but weir_chain, in order)
//! column  = 0x00 for NULL, else 0x01 value
//! value   = text: u32 length in bytes, UTF-8 | INTEGER: i32 | BIGINT, TIMESTAMPTZ: i64    all little-endian
//! ```

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::column::{Column, Schema};
use crate::row::{Row, Value};

/// A hash of the chain.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Chain([u8; 32]);

impl Chain {
    /// The hash before a host's first row.
    pub fn genesis(host: &str) -> Self {
        let mut preimage = b"weir.chain".to_vec();
        push_text(&mut preimage, host);
        Self(Sha256::digest(preimage).into())
    }

    /// The hash of the row that follows.
    pub fn next(self, row: &Row) -> Self {
        self.next_of(row.schema(), row.iter().map(|(_, value)| value))
    }

    /// The hash of the row that follows, of these values of all columns in their order.
    pub(crate) fn next_of<'a>(
        self,
        schema: Schema,
        values: impl Iterator<Item = Value<'a>>,
    ) -> Self {
        let mut preimage = Vec::with_capacity(PREIMAGE_BYTES);
        preimage.extend_from_slice(&self.0);
        push_text(&mut preimage, schema.name);
        for (column, value) in schema.columns().iter().zip(values) {
            if *column != Column::Chain {
                push(&mut preimage, value);
            }
        }
        Self(Sha256::digest(preimage).into())
    }

    /// Whether this is how it is written.
    pub(crate) fn is_written(self, text: &str) -> bool {
        text.as_bytes() == model::Digest(self.0).hex()
    }
}

/// What most rows take.
const PREIMAGE_BYTES: usize = 4096;

fn push(preimage: &mut Vec<u8>, value: Value<'_>) {
    preimage.push(u8::from(value != Value::Null));
    match value {
        Value::Null => {}
        Value::Text(text) => push_text(preimage, text),
        Value::Int(number) => preimage.extend_from_slice(&number.to_le_bytes()),
        Value::Long(number) => preimage.extend_from_slice(&number.to_le_bytes()),
    }
}

fn push_text(preimage: &mut Vec<u8>, text: &str) {
    // A record is shorter than 4 GiB by far: the journal's frames are.
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    preimage.extend_from_slice(&length.to_le_bytes());
    preimage.extend_from_slice(text.as_bytes());
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        model::Digest(self.0).fmt(f)
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text that is no hash of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not 64 hex digits in lower case")]
pub struct NoChain;

impl FromStr for Chain {
    type Err = NoChain;

    fn from_str(text: &str) -> Result<Self, NoChain> {
        let mut bytes = [0; 32];
        if text.len() != 64 {
            return Err(NoChain);
        }
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digits = str::from_utf8(digits).map_err(|_| NoChain)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| NoChain)?;
        }
        let chain = Self(bytes);
        // One way to write each hash: `+1` and capitals are others.
        chain.is_written(text).then_some(chain).ok_or(NoChain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_what_the_dictionary_says() {
        let mut row = Row::empty();
        row.put(Column::Sequence, 1_u64);
        row.put(Column::Event, "\u{e4}");
        row.put(Column::ClassUid, 6005);
        row.put(Column::Chain, "not covered");
        let mut preimage = Chain::genesis("db-1").0.to_vec();
        preimage.extend(b"\x0c\0\0\0weir.audit.4");
        preimage.extend(b"\x01\x01\0\0\0\0\0\0\0");
        preimage.extend(b"\0\0");
        preimage.extend(b"\x01\x02\0\0\0\xc3\xa4");
        preimage.extend(b"\0");
        preimage.extend(b"\x01\x75\x17\0\0");
        preimage.extend(vec![0; Column::ALL.len() - 1 - 6]);
        let expected: [u8; 32] = Sha256::digest(preimage).into();
        assert_eq!(Chain::genesis("db-1").next(&row), Chain(expected));
    }

    #[test]
    fn columns_that_came_later_leave_the_hashes_of_older_rows_as_they_are() {
        let first = Schema::ALL[0];
        let mut row = Row::empty_of(first);
        row.put(Column::ClientTls, "is not part of it");
        let mut preimage = Chain::genesis("db-1").0.to_vec();
        preimage.extend(b"\x0c\0\0\0weir.audit.1");
        preimage.extend(vec![0; Column::Chain as usize]);
        let expected: [u8; 32] = Sha256::digest(preimage).into();
        assert_eq!(Chain::genesis("db-1").next(&row), Chain(expected));
    }

    #[test]
    fn each_host_has_a_chain_of_its_own_and_each_hash_one_spelling() {
        let chain = Chain::genesis("db-1");
        assert_ne!(chain, Chain::genesis("db-2"));
        assert_eq!(chain.to_string().parse(), Ok(chain));
        let shouted = chain.to_string().to_uppercase();
        assert_eq!(shouted.parse::<Chain>(), Err(NoChain));
        assert_eq!("+1".repeat(32).parse::<Chain>(), Err(NoChain));
    }
}
