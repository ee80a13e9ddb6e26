//! Values of PostgreSQL's built-in types: from the wire's binary format to the text that the server prints for them.
//!
//! Pure and total: no bytes make it panic, and what it makes of them is bounded. What is printed is what the type's
//! output function prints (the wire's text format) with the server's own defaults: `DateStyle` ISO, `IntervalStyle`
//! postgres, `bytea_output` hex and `TimeZone` UTC. Of `jsonb` it is the text as it was sent, before the server
//! rearranges it. Must not know catalogs: what a domain or an enum is made of is told by the caller.
//!
//! Source of the formats: the send, receive and output functions in PostgreSQL's `src/backend/utils/adt`.

mod array;
mod normal;
mod number;
mod parameter;
mod printed;
mod reader;
mod scalar;
mod times;
mod types;

pub use normal::normal;
pub use parameter::{Shown, show};
pub use types::{array_of, element_of, is_built_in, name};

use printed::Printed;
use reader::Reader;
use types::Type;

/// Bytes of the longest text that is made of a value. A few bytes of `numeric` can stand for 130,000 digits.
pub const LONGEST: usize = 1 << 20;

/// Why there is no text for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undecodable {
    /// The type is not one of those that are read here.
    #[error("its type, or that type's binary format, is not known")]
    Unknown,
    /// It is text in another encoding than UTF-8.
    #[error("its text is not UTF-8")]
    Encoded,
    /// The server would not take the bytes for a value of this type.
    #[error("the bytes are no value of its type")]
    Malformed,
    /// The text would be longer than [`LONGEST`].
    #[error("its text would be too long")]
    TooLong,
}

/// The text of a value in the binary format of the built-in type with this `pg_type.oid`.
pub fn text(oid: u32, bytes: &[u8]) -> Result<String, Undecodable> {
    let mut printed = Printed::default();
    let mut reader = Reader::new(bytes);
    match Type::of(oid).ok_or(Undecodable::Unknown)? {
        Type::Scalar(scalar) => scalar::print(scalar, &mut reader, &mut printed)?,
        Type::Array(element) => array::print(element, &mut reader, &mut printed)?,
    }
    reader.finish()?;
    Ok(printed.into())
}
