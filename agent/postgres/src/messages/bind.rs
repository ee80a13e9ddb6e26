//! Bind: makes a portal of a prepared statement and its values.

use bytes::Bytes;
use model::{Digest, Parameter};

use crate::reader::{Malformed, Reader};

/// A Bind message.
#[derive(Debug)]
pub struct Bind {
    /// The portal's name; empty for the unnamed one.
    pub portal: Bytes,
    /// The statement's name; empty for the unnamed one.
    pub statement: Bytes,
    /// The values, in order.
    pub parameters: Vec<Parameter>,
}

impl Bind {
    /// Values longer than `whole` bytes are kept by their length and digest only.
    pub fn read(body: Bytes, whole: usize) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let portal = reader.string()?;
        let statement = reader.string()?;
        let formats = (0..reader.count()?)
            .map(|_| reader.i16())
            .collect::<Result<Vec<_>, _>>()?;
        let mut parameters = Vec::new();
        for index in 0..usize::from(reader.count()?) {
            let value = reader.value()?;
            parameters.push(parameter(value, format_of(&formats, index)?, whole));
        }
        for _ in 0..reader.count()? {
            reader.i16()?;
        }
        reader.finish()?;
        Ok(Self {
            portal,
            statement,
            parameters,
        })
    }
}

/// The format of the value at this place: one stands for all values, none for text.
pub fn format_of(formats: &[i16], index: usize) -> Result<i16, Malformed> {
    match formats {
        [] => Ok(0),
        [all] => Ok(*all),
        each => each
            .get(index)
            .copied()
            .ok_or(Malformed("a message with fewer formats than values")),
    }
}

/// A value as evidence keeps it. Text that is not UTF-8 is kept as bytes.
pub fn parameter(value: Option<Bytes>, format: i16, whole: usize) -> Parameter {
    let Some(value) = value else {
        return Parameter::Null;
    };
    if value.len() > whole {
        return Parameter::Large {
            length: value.len() as u64,
            sha256: Digest::of(&value).to_string(),
        };
    }
    match (format, std::str::from_utf8(&value)) {
        (0, Ok(text)) => Parameter::Text(text.to_owned()),
        (0, Err(_)) => Parameter::Encoded(hex(&value)),
        _ => Parameter::Binary(hex(&value)),
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble| char::from_digit(u32::from(nibble), 16);
    let digits = bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
    let mut hex = String::with_capacity(2 * bytes.len());
    hex.extend(digits.flatten());
    hex
}
