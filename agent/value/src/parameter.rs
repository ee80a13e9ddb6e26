//! Bind values as people and policies read them.

use std::borrow::Cow;

use model::{Parameter, ParameterType};

use crate::{Undecodable, text};

/// A bind value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown<'a> {
    /// NULL.
    Null,
    /// What the client sent as text, or what the server prints for what it sent as binary.
    Text(Cow<'a, str>),
    /// Bytes in hex, of which no text can be made.
    Bytes(&'a str, Undecodable),
    /// Too large to be kept whole.
    Large {
        /// Length in bytes.
        length: u64,
        /// SHA-256 of the bytes, hex.
        sha256: &'a str,
    },
}

/// The value of this type, where the type is known.
pub fn show<'a>(parameter: &'a Parameter, kind: Option<&ParameterType>) -> Shown<'a> {
    match parameter {
        Parameter::Null => Shown::Null,
        Parameter::Text(text) => Shown::Text(Cow::Borrowed(text)),
        Parameter::Encoded(hex) => Shown::Bytes(hex, Undecodable::Encoded),
        Parameter::Binary(hex) => match decode(hex, kind) {
            Ok(text) => Shown::Text(Cow::Owned(text)),
            Err(why) => Shown::Bytes(hex, why),
        },
        Parameter::Large { length, sha256 } => Shown::Large {
            length: *length,
            sha256,
        },
    }
}

fn decode(hex: &str, kind: Option<&ParameterType>) -> Result<String, Undecodable> {
    let kind = kind.ok_or(Undecodable::Unknown)?;
    text(kind.like, &bytes(hex).ok_or(Undecodable::Malformed)?)
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let byte = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(high)? << 4 | digit(low)?).ok(),
        _ => None,
    };
    hex.as_bytes().chunks(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(like: u32) -> ParameterType {
        ParameterType {
            name: "any".into(),
            like,
        }
    }

    #[test]
    fn a_binary_value_is_shown_where_its_type_is_known() {
        let value = Parameter::Binary("0000002a".into());
        assert_eq!(show(&value, Some(&kind(23))), Shown::Text("42".into()));
        for kind in [None, Some(kind(0))] {
            let shown = show(&value, kind.as_ref());
            assert_eq!(shown, Shown::Bytes("0000002a", Undecodable::Unknown));
        }
    }

    #[test]
    fn text_in_an_unknown_encoding_is_not_taken_for_a_binary_value() {
        let value = Parameter::Encoded("e9e9e9e9".into());
        let shown = show(&value, Some(&kind(23)));
        assert_eq!(shown, Shown::Bytes("e9e9e9e9", Undecodable::Encoded));
    }
}
