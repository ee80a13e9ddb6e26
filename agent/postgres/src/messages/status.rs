//! The small messages of the server that change what the engine knows: ParameterStatus, NegotiateProtocolVersion,
//! BackendKeyData, ParameterDescription, CommandComplete, ReadyForQuery.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use protocol::{CancelKey, Transaction};

use crate::frame;
use crate::reader::{Malformed, Reader};

/// ParameterStatus: a setting's name and value.
pub fn read_setting(body: Bytes) -> Result<(String, String), Malformed> {
    let mut reader = Reader::new(body);
    let name = reader.string()?;
    let value = reader.string()?;
    reader.finish()?;
    Ok((text(&name), text(&value)))
}

/// BackendKeyData. The secret is 4 bytes long in protocol 3.0 and up to 256 in 3.2.
pub fn read_key(body: Bytes) -> Result<CancelKey, Malformed> {
    let mut reader = Reader::new(body);
    let process = reader.u32()?;
    let secret = reader.rest();
    if !(4..=256).contains(&secret.len()) {
        return Err(Malformed("a cancel key of impossible length"));
    }
    Ok(CancelKey { process, secret })
}

/// Appends a BackendKeyData.
pub fn put_key(out: &mut BytesMut, key: &CancelKey) {
    let mut body = BytesMut::new();
    body.put_u32(key.process);
    body.put_slice(&key.secret);
    frame::put(out, frame::server::BACKEND_KEY_DATA, &body);
}

/// NegotiateProtocolVersion: the newest minor version that the server speaks. Servers send it with the major one in the
/// upper half, which the manual does not say.
pub fn read_version(body: Bytes) -> Result<u16, Malformed> {
    let mut reader = Reader::new(body);
    let _major = reader.count()?;
    let minor = reader.count()?;
    for _ in 0..reader.u32()? {
        reader.string()?;
    }
    reader.finish()?;
    Ok(minor)
}

/// ParameterDescription: the types of a prepared statement's parameters.
pub fn read_types(body: Bytes) -> Result<Option<Arc<[u32]>>, Malformed> {
    let mut reader = Reader::new(body);
    let types = reader.types()?;
    reader.finish()?;
    Ok(types)
}

/// CommandComplete: the tag.
pub fn read_tag(body: Bytes) -> Result<String, Malformed> {
    let mut reader = Reader::new(body);
    let tag = reader.string()?;
    reader.finish()?;
    Ok(text(&tag))
}

/// ReadyForQuery: the transaction's state.
pub fn read_ready(body: Bytes) -> Result<Transaction, Malformed> {
    let mut reader = Reader::new(body);
    let state = reader.u8()?;
    reader.finish()?;
    match state {
        b'I' => Ok(Transaction::Idle),
        b'T' => Ok(Transaction::Open),
        b'E' => Ok(Transaction::Failed),
        _ => Err(Malformed("a transaction state that does not exist")),
    }
}

/// For people and evidence: bytes that are not UTF-8 are replaced.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// CopyOutResponse: the format of the stream (0 text, 1 binary), and the number of its columns.
pub fn read_copy(body: Bytes) -> Result<(i16, usize), Malformed> {
    let mut reader = Reader::new(body);
    let format = reader.u8()?;
    let columns = reader.count()?;
    for _ in 0..columns {
        reader.i16()?;
    }
    reader.finish()?;
    Ok((i16::from(format), usize::from(columns)))
}
