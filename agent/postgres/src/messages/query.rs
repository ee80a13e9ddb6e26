//! Query: a text that the server runs as it is, statement by statement.

use bytes::Bytes;

use crate::reader::{Malformed, Reader};

/// The text.
pub fn read(body: Bytes) -> Result<Bytes, Malformed> {
    let mut reader = Reader::new(body);
    let text = reader.string()?;
    reader.finish()?;
    Ok(text)
}
