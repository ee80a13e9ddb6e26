//! Frames: one byte of tag, four bytes of length (which count themselves), body.
//!
//! A frame is cut by its length before anything inside it is looked at.
//! <https://www.postgresql.org/docs/current/protocol-overview.html#PROTOCOL-MESSAGE-CONCEPTS>

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::reader::Malformed;

/// Bytes of tag and length.
pub const HEADER: usize = 5;

/// Messages of the client.
pub mod client {
    pub const BIND: u8 = b'B';
    pub const CLOSE: u8 = b'C';
    pub const COPY_DATA: u8 = b'd';
    pub const COPY_DONE: u8 = b'c';
    pub const COPY_FAIL: u8 = b'f';
    pub const DESCRIBE: u8 = b'D';
    pub const EXECUTE: u8 = b'E';
    pub const FLUSH: u8 = b'H';
    pub const FUNCTION_CALL: u8 = b'F';
    pub const PARSE: u8 = b'P';
    /// PasswordMessage, SASLInitialResponse, SASLResponse and GSSResponse share one tag.
    pub const AUTHENTICATION: u8 = b'p';
    pub const QUERY: u8 = b'Q';
    pub const SYNC: u8 = b'S';
    pub const TERMINATE: u8 = b'X';
}

/// Messages of the server.
pub mod server {
    pub const AUTHENTICATION: u8 = b'R';
    pub const BACKEND_KEY_DATA: u8 = b'K';
    pub const BIND_COMPLETE: u8 = b'2';
    pub const CLOSE_COMPLETE: u8 = b'3';
    pub const COMMAND_COMPLETE: u8 = b'C';
    pub const COPY_BOTH_RESPONSE: u8 = b'W';
    pub const COPY_DATA: u8 = b'd';
    pub const COPY_DONE: u8 = b'c';
    pub const COPY_IN_RESPONSE: u8 = b'G';
    pub const COPY_OUT_RESPONSE: u8 = b'H';
    pub const DATA_ROW: u8 = b'D';
    pub const EMPTY_QUERY_RESPONSE: u8 = b'I';
    pub const ERROR_RESPONSE: u8 = b'E';
    pub const FUNCTION_CALL_RESPONSE: u8 = b'V';
    pub const NEGOTIATE_PROTOCOL_VERSION: u8 = b'v';
    pub const NO_DATA: u8 = b'n';
    pub const NOTICE_RESPONSE: u8 = b'N';
    pub const NOTIFICATION_RESPONSE: u8 = b'A';
    pub const PARAMETER_DESCRIPTION: u8 = b't';
    pub const PARAMETER_STATUS: u8 = b'S';
    pub const PARSE_COMPLETE: u8 = b'1';
    pub const PORTAL_SUSPENDED: u8 = b's';
    pub const READY_FOR_QUERY: u8 = b'Z';
    pub const ROW_DESCRIPTION: u8 = b'T';
}

/// The start of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The message's tag.
    pub tag: u8,
    /// Length of the body in bytes.
    pub body: usize,
}

impl Header {
    /// Length of the whole frame in bytes.
    pub fn frame(self) -> usize {
        self.body.saturating_add(HEADER)
    }
}

/// The header at the front of `input`, once it is all there.
pub fn header(input: &[u8]) -> Result<Option<Header>, Malformed> {
    let Some((&tag, rest)) = input.split_first() else {
        return Ok(None);
    };
    let Some(length) = rest.first_chunk::<4>() else {
        return Ok(None);
    };
    let body = usize::try_from(i32::from_be_bytes(*length))
        .ok()
        .and_then(|length| length.checked_sub(4))
        .ok_or(Malformed("a frame of impossible length"))?;
    Ok(Some(Header { tag, body }))
}

/// Takes the frame off the front of `input`, once it is all there.
pub fn cut(input: &mut BytesMut, header: Header) -> Option<Bytes> {
    (input.len() >= header.frame()).then(|| input.split_to(header.frame()).freeze())
}

/// The body of a frame that was cut.
pub fn body(frame: &Bytes) -> Bytes {
    let mut body = frame.clone();
    body.advance(HEADER.min(frame.len()));
    body
}

/// Appends a message of the agent's own.
pub fn put(out: &mut BytesMut, tag: u8, body: &[u8]) {
    let length = i32::try_from(body.len() + 4).unwrap_or(i32::MAX);
    out.reserve(body.len() + HEADER);
    out.put_u8(tag);
    out.put_i32(length);
    out.put_slice(body);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_once_its_five_bytes_are_there() {
        let frame = b"Q\0\0\0\x06ab";
        for cut in 0..HEADER {
            assert_eq!(header(&frame[..cut]), Ok(None));
        }
        assert_eq!(header(frame), Ok(Some(Header { tag: b'Q', body: 2 })));
    }

    #[test]
    fn a_length_that_does_not_count_itself_is_refused() {
        for length in [0i32, 3, -1, i32::MIN] {
            let mut frame = vec![b'Q'];
            frame.extend(length.to_be_bytes());
            assert!(header(&frame).is_err());
        }
    }
}
