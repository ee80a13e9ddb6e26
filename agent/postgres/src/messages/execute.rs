//! Execute: runs a portal, up to a number of rows.

use bytes::Bytes;

use crate::reader::{Malformed, Reader};

/// The portal's name.
pub fn read(body: Bytes) -> Result<Bytes, Malformed> {
    let mut reader = Reader::new(body);
    let portal = reader.string()?;
    reader.i32()?;
    reader.finish()?;
    Ok(portal)
}
