//! Execute: runs a portal, up to a number of rows.

use bytes::{BufMut, Bytes, BytesMut};

use crate::frame;
use crate::reader::{Malformed, Reader};

/// The portal's name and the number of rows; 0 or less are all.
pub fn read(body: Bytes) -> Result<(Bytes, i32), Malformed> {
    let mut reader = Reader::new(body);
    let portal = reader.string()?;
    let rows = reader.i32()?;
    reader.finish()?;
    Ok((portal, rows))
}

/// Appends an Execute.
pub fn put(out: &mut BytesMut, portal: &[u8], rows: i32) {
    let mut body = BytesMut::new();
    body.put_slice(portal);
    body.put_u8(0);
    body.put_i32(rows);
    frame::put(out, frame::client::EXECUTE, &body);
}
