//! `FORMAT text`: values between delimiters, with backslashes in front of what would mislead.

use bytes::{BufMut, BytesMut};
use model::Outcome;

use super::OTHER_WIDTH;
use crate::reader::Malformed;
use crate::rows::Plan;

/// Behind the next line. A line feed in a value is written as `\n`.
pub fn row_end(data: &[u8]) -> Option<usize> {
    let end = data.iter().position(|&byte| byte == b'\n')?;
    Some(end + 1)
}

/// Appends the row with masked values.
pub fn mask(
    row: &[u8],
    delimiter: u8,
    null: &str,
    plan: &Plan,
    out: &mut BytesMut,
    outcome: &mut Outcome,
) -> Result<(), Malformed> {
    let line = row.strip_suffix(b"\n").unwrap_or(row);
    let mut columns = plan.columns();
    for (place, raw) in values(line, delimiter).enumerate() {
        if place > 0 {
            out.put_u8(delimiter);
        }
        match columns.next().ok_or(OTHER_WIDTH)? {
            None => out.put_slice(raw),
            Some(mask) => {
                let value = (raw != null.as_bytes()).then(|| unescaped(raw));
                let mut shown = BytesMut::new();
                match mask.apply(value.as_deref(), &mut shown, outcome) {
                    true => escaped(&shown, delimiter, out),
                    false => out.put_slice(null.as_bytes()),
                }
            }
        }
    }
    if columns.next().is_some() {
        return Err(OTHER_WIDTH);
    }
    out.put_u8(b'\n');
    Ok(())
}

/// What stands between delimiters that have no backslash in front.
fn values(line: &[u8], delimiter: u8) -> impl Iterator<Item = &[u8]> {
    let mut is_escaped = false;
    line.split(move |&byte| {
        if is_escaped {
            is_escaped = false;
            return false;
        }
        is_escaped = byte == b'\\';
        byte == delimiter
    })
}

const LETTERS: [(u8, u8); 6] = [
    (8, b'b'),
    (12, b'f'),
    (b'\n', b'n'),
    (b'\r', b'r'),
    (b'\t', b't'),
    (11, b'v'),
];

fn unescaped(raw: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter().copied();
    while let Some(byte) = bytes.next() {
        value.push(match byte {
            b'\\' => {
                let next = bytes.next().unwrap_or(b'\\');
                let mut letters = LETTERS.iter();
                let control = letters.find(|(_, letter)| *letter == next);
                control.map_or(next, |(control, _)| *control)
            }
            byte => byte,
        });
    }
    value
}

fn escaped(value: &[u8], delimiter: u8, out: &mut BytesMut) {
    for &byte in value {
        let mut letters = LETTERS.iter();
        match letters.find(|(control, _)| *control == byte) {
            Some((_, letter)) => out.put_slice(&[b'\\', *letter]),
            None if byte == b'\\' || byte == delimiter => out.put_slice(&[b'\\', byte]),
            None => out.put_u8(byte),
        }
    }
}
