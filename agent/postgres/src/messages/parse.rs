//! Parse: prepares one statement under a name.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};

use crate::frame;
use crate::reader::{Malformed, Reader};

/// A Parse message.
#[derive(Debug)]
pub struct Parse {
    /// The statement's name; empty for the unnamed one.
    pub name: Bytes,
    /// The text.
    pub text: Bytes,
    /// `pg_type.oid` of the first parameters; 0 where the server is to find out.
    pub types: Option<Arc<[u32]>>,
}

impl Parse {
    pub fn read(body: Bytes) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let name = reader.string()?;
        let text = reader.string()?;
        let types = reader.types()?;
        reader.finish()?;
        Ok(Self { name, text, types })
    }
}

/// Appends a Parse without parameter types.
pub fn put(out: &mut BytesMut, name: &str, text: &str) {
    let mut body = BytesMut::new();
    body.put_slice(name.as_bytes());
    body.put_u8(0);
    body.put_slice(text.as_bytes());
    body.put_u8(0);
    body.put_u16(0);
    frame::put(out, frame::client::PARSE, &body);
}
