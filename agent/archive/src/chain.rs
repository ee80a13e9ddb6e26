//! The chain of rows that were written before there was a tree: each one's hash covers the row and the hash before it.
//!
//! ```text
//! chain 0 = SHA-256("weir.chain" text(host))
//! chain n = SHA-256(chain n-1, 32 bytes; text(schema); every column of the schema but weir_chain, in order)
//! ```
//!
//! Texts and columns are encoded as for a [`leaf`]. No row is added to a chain any more.

use sha2::{Digest, Sha256};

use crate::column::{Column, Schema};
use crate::leaf;
use crate::row::Value;

/// A hash of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chain([u8; 32]);

impl Chain {
    /// The hash before a host's first row.
    pub(crate) fn genesis(host: &str) -> Self {
        let mut preimage = b"weir.chain".to_vec();
        leaf::push_text(&mut preimage, host);
        Self(Sha256::digest(preimage).into())
    }

    /// The hash of the row that follows, of these values of all columns in their order.
    pub(crate) fn next<'a>(self, schema: Schema, values: impl Iterator<Item = Value<'a>>) -> Self {
        let mut preimage = self.0.to_vec();
        leaf::push_text(&mut preimage, schema.name);
        for (column, value) in schema.columns().iter().zip(values) {
            if *column != Column::Chain {
                leaf::push(&mut preimage, value);
            }
        }
        Self(Sha256::digest(preimage).into())
    }

    /// Reads what is written. None: it is no hash.
    pub(crate) fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
        }
        // One way to write each hash: `+1` and capitals are others.
        Some(Self(bytes)).filter(|chain| chain.hex() == text)
    }

    /// How it is written.
    pub(crate) fn hex(self) -> String {
        model::Digest(self.0).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Row;

    #[test]
    fn a_chain_is_what_it_was() {
        let mut row = Row::empty_of(Schema::ALL[0]);
        row.put(Column::Sequence, 1_u64);
        row.put(Column::Chain, "not covered");
        let mut preimage = Chain::genesis("db-1").0.to_vec();
        preimage.extend(b"\x0c\0\0\0weir.audit.1");
        preimage.extend(b"\x01\x01\0\0\0\0\0\0\0");
        preimage.extend(vec![0; Column::Chain as usize - 1]);
        let expected: [u8; 32] = Sha256::digest(preimage).into();
        let values = row.iter().map(|(_, value)| value);
        assert_eq!(
            Chain::genesis("db-1").next(row.schema(), values),
            Chain(expected)
        );
        assert_ne!(Chain::genesis("db-1"), Chain::genesis("db-2"));
    }
}
