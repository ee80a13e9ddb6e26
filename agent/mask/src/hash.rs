//! `hash`: HMAC-SHA-256, as much of it as the type holds.
//!
//! What is hashed is the same in both formats: the bytes of a text or bytea, and of other types their text.

use bytes::{BufMut as _, BytesMut};

use crate::Format;
use crate::constant::JSONB_VERSION;
use crate::key::{Key, Mac};
use crate::kind::Kind;
use crate::number::{self, Number};
use crate::step::Typed;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Shows a keyed digest.
#[derive(Clone, Debug)]
pub(crate) struct Hash {
    mac: Mac,
    kind: Kind,
    format: Format,
}

impl Hash {
    pub(crate) fn new(key: &Key, joinable: bool, typed: &Typed<'_>) -> Self {
        Self {
            mac: key.hash((!joinable).then_some(typed.column)),
            kind: typed.kind,
            format: typed.format,
        }
    }

    pub(crate) fn put(&self, value: &[u8], out: &mut BytesMut) -> Option<()> {
        let digest = self.digest(value)?;
        let (half, _) = digest.split_first_chunk::<16>()?;
        let (quarter, _) = digest.split_first_chunk::<8>()?;
        match (self.kind, self.format) {
            (Kind::Text, _) => put_hex(&digest, out),
            (Kind::Json | Kind::Jsonb, format) => {
                if (self.kind, format) == (Kind::Jsonb, Format::Binary) {
                    out.put_u8(JSONB_VERSION);
                }
                out.put_u8(b'"');
                put_hex(&digest, out);
                out.put_u8(b'"');
            }
            (Kind::Bytea, Format::Binary) => out.put_slice(&digest),
            (Kind::Bytea, Format::Text) => {
                out.put_slice(b"\\x");
                put_hex(&digest, out);
            }
            (Kind::Uuid, format) => {
                let uuid = version_8(*half);
                match format {
                    Format::Text => number::put_uuid(&uuid, out),
                    Format::Binary => out.put_slice(&uuid),
                }
            }
            (kind, format) => {
                let most = if kind == Kind::Int4 {
                    i32::MAX.into()
                } else {
                    i64::MAX
                };
                let digits = i64::from_be_bytes(*quarter) & most;
                let number = Number::Exact {
                    digits: digits.into(),
                    scale: 0,
                };
                number.put(kind, format, out)?;
            }
        }
        Some(())
    }

    fn digest(&self, value: &[u8]) -> Option<[u8; 32]> {
        Some(match (self.kind, self.format) {
            (Kind::Text | Kind::Json, _) | (Kind::Jsonb, Format::Text) => self.mac.of(value),
            (Kind::Jsonb, Format::Binary) => self.mac.of(value.strip_prefix(&[JSONB_VERSION])?),
            (Kind::Bytea, Format::Binary) | (Kind::Uuid, Format::Text) => self.mac.of(value),
            (Kind::Bytea, Format::Text) => self.mac.of(&unhex(value.strip_prefix(b"\\x")?)?),
            (kind, format) => {
                let mut text = BytesMut::new();
                match kind {
                    Kind::Uuid => number::put_uuid(value.try_into().ok()?, &mut text),
                    _ => match Number::read(kind, format, value)?.normal() {
                        Number::Exact { digits, scale } => {
                            number::put_text(digits, scale, &mut text)?;
                        }
                        Number::Float(_) => return None,
                    },
                }
                self.mac.of(&text)
            }
        })
    }
}

/// RFC 9562, section 5.8: of nobody's making but its own.
fn version_8(bytes: [u8; 16]) -> [u8; 16] {
    let bits = u128::from_be_bytes(bytes);
    let version = !(0xf << 76) & bits | 8 << 76;
    (version & !(3 << 62) | 2 << 62).to_be_bytes()
}

fn put_hex(bytes: &[u8; 32], out: &mut BytesMut) {
    let mut text = [0; 64];
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        let digits = [byte >> 4, byte & 15].map(|nibble| HEX.get(usize::from(nibble)));
        if let ([high, low], [Some(first), Some(second)]) = (pair, digits) {
            (*high, *low) = (*first, *second);
        }
    }
    out.put_slice(&text);
}

fn unhex(digits: &[u8]) -> Option<Vec<u8>> {
    let digit = |digit: &u8| char::from(*digit).to_digit(16);
    let byte = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(high)? << 4 | digit(low)?).ok(),
        _ => None,
    };
    digits.chunks(2).map(byte).collect()
}
