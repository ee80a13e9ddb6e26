//! Describe and Close: both name a statement or a portal.

use bytes::{BufMut, Bytes, BytesMut};

use crate::frame;
use crate::reader::{Malformed, Reader};

/// What a Describe or Close is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Statement(Bytes),
    Portal(Bytes),
}

impl Target {
    pub fn read(body: Bytes) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let kind = reader.u8()?;
        let name = reader.string()?;
        reader.finish()?;
        match kind {
            b'S' => Ok(Self::Statement(name)),
            b'P' => Ok(Self::Portal(name)),
            _ => Err(Malformed("a target that is neither statement nor portal")),
        }
    }
}

/// Appends a Describe of a portal.
pub fn put_describe_portal(out: &mut BytesMut, name: &[u8]) {
    let mut body = BytesMut::new();
    body.put_u8(b'P');
    body.put_slice(name);
    body.put_u8(0);
    frame::put(out, frame::client::DESCRIBE, &body);
}
