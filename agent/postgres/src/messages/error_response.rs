//! ErrorResponse and NoticeResponse: fields of one letter and a string.
//! <https://www.postgresql.org/docs/current/protocol-error-fields.html>

use bytes::{BufMut, Bytes, BytesMut};

use crate::frame;
use crate::messages::status::text;
use crate::reader::{Malformed, Reader};

/// What the engine looks at in the server's error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerError {
    /// ERROR, FATAL or PANIC. Field `V`, which is never translated; `S` where a server or pooler sends no other.
    pub severity: String,
    /// SQLSTATE.
    pub code: String,
    /// The primary message.
    pub message: String,
}

impl ServerError {
    pub fn read(body: Bytes) -> Result<Self, Malformed> {
        let mut error = Self::default();
        let mut reader = Reader::new(body);
        loop {
            match reader.u8()? {
                0 => break,
                // `S` comes first.
                b'S' | b'V' => error.severity = text(&reader.string()?),
                b'C' => error.code = text(&reader.string()?),
                b'M' => error.message = text(&reader.string()?),
                _ => {
                    reader.string()?;
                }
            }
        }
        reader.finish()?;
        Ok(error)
    }
}

/// The same ErrorResponse, saying instead of its detail that there was one.
pub fn without_detail(message: &Bytes) -> Bytes {
    const WITHHELD: &[u8] = b"Withheld by weir: it may tell masked values.";
    let mut body = BytesMut::new();
    for field in frame::body(message).split(|&byte| byte == 0) {
        match field.split_first() {
            Some((b'D', _)) => {
                body.put_u8(b'D');
                body.put_slice(WITHHELD);
            }
            Some(_) => body.put_slice(field),
            None => continue,
        }
        body.put_u8(0);
    }
    body.put_u8(0);
    let mut out = BytesMut::new();
    frame::put(&mut out, frame::server::ERROR_RESPONSE, &body);
    out.freeze()
}

/// What the agent says to a client.
pub struct Words<'a> {
    pub severity: &'a str,
    pub code: &'a str,
    pub message: &'a str,
    pub detail: Option<&'a str>,
    pub hint: Option<&'a str>,
}

/// Appends an ErrorResponse or NoticeResponse.
pub fn put(out: &mut BytesMut, tag: u8, words: &Words<'_>) {
    let mut body = BytesMut::new();
    let mut field = |letter: u8, value: &str| {
        body.put_u8(letter);
        // A zero byte would end the field early.
        body.extend(value.bytes().filter(|&byte| byte != 0));
        body.put_u8(0);
    };
    field(b'S', words.severity);
    field(b'V', words.severity);
    field(b'C', words.code);
    field(b'M', words.message);
    if let Some(detail) = words.detail {
        field(b'D', detail);
    }
    if let Some(hint) = words.hint {
        field(b'H', hint);
    }
    body.put_u8(0);
    frame::put(out, tag, &body);
}
