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

/// In place of a detail, and of a message that may quote a value.
const WITHHELD: &[u8] = b"Withheld by weir: it may tell masked values.";

/// The same ErrorResponse or NoticeResponse without what can tell values of rows: SQLSTATE, names and the place in the
/// statement's text stay.
pub fn withheld(message: &Bytes) -> Bytes {
    let content = frame::body(message);
    let fields = || {
        let fields = content.split(|&byte| byte == 0);
        fields.filter_map(|field| field.split_first())
    };
    let is_quiet = is_quiet(fields());
    let mut body = BytesMut::new();
    for (letter, value) in fields() {
        let value = match letter {
            b'M' if !is_quiet => WITHHELD,
            b'D' => WITHHELD,
            // Hint, context, and a query inside of a function.
            b'H' | b'W' | b'q' | b'p' => continue,
            _ => value,
        };
        body.put_u8(*letter);
        body.put_slice(value);
        body.put_u8(0);
    }
    body.put_u8(0);
    let tag = message.first().copied();
    let mut out = BytesMut::new();
    frame::put(
        &mut out,
        tag.unwrap_or(frame::server::ERROR_RESPONSE),
        &body,
    );
    out.freeze()
}

/// Whether the message itself quotes no value: it is about a place in the statement's text, or of a kind that names only
/// objects. With a context it comes from a function, which may say anything.
fn is_quiet<'a>(fields: impl Iterator<Item = (&'a u8, &'a [u8])>) -> bool {
    /// Constraints; division by zero; transactions; missing rights; resources; limits; locks; cancels.
    const QUIET: [&[u8]; 10] = [
        b"23", b"22012", b"25", b"40", b"42501", b"53", b"54", b"55P03", b"57", b"58",
    ];
    let (mut is_of_text, mut is_of_function, mut is_of_kind) = (false, false, false);
    for (letter, value) in fields {
        match letter {
            b'P' => is_of_text = true,
            b'W' | b'q' => is_of_function = true,
            b'C' => is_of_kind = QUIET.iter().any(|code| value.starts_with(code)),
            _ => {}
        }
    }
    (is_of_text || is_of_kind) && !is_of_function
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
