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
    match std::str::from_utf8(&value) {
        Ok(text) if format == 0 => Parameter::Text(text.to_owned()),
        _ => Parameter::Binary(value.iter().map(|byte| format!("{byte:02x}")).collect()),
    }
}
