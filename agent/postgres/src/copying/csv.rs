//! `FORMAT csv`: values between delimiters, in quotes where they would mislead.

use bytes::{BufMut, BytesMut};
use model::Outcome;

use super::OTHER_WIDTH;
use crate::reader::Malformed;
use crate::rows::Plan;

/// What has a meaning of its own in the stream.
pub struct Marks<'a> {
    pub delimiter: u8,
    pub quote: u8,
    pub escape: u8,
    pub null: &'a [u8],
}

/// Follows the bytes of a stream in and out of quotes.
struct Quoting {
    quote: u8,
    escape: u8,
    is_inside: bool,
    is_escaped: bool,
}

impl Quoting {
    fn new(quote: u8, escape: u8) -> Self {
        Self {
            quote,
            escape,
            is_inside: false,
            is_escaped: false,
        }
    }

    /// Takes a byte, and says whether it stands outside of quotes. A doubled quote leaves them and enters them again.
    fn is_outside(&mut self, byte: u8) -> bool {
        if self.is_escaped {
            self.is_escaped = false;
            return false;
        }
        if self.is_inside && byte == self.escape && self.escape != self.quote {
            self.is_escaped = true;
        } else if byte == self.quote {
            self.is_inside = !self.is_inside;
            return false;
        }
        !self.is_inside
    }
}

/// Behind the next line that ends outside of quotes.
pub fn row_end(data: &[u8], quote: u8, escape: u8) -> Option<usize> {
    let mut quoting = Quoting::new(quote, escape);
    let end = data
        .iter()
        .position(|&byte| quoting.is_outside(byte) && byte == b'\n')?;
    Some(end + 1)
}

/// Appends the row with masked values.
pub fn mask(
    row: &[u8],
    marks: &Marks<'_>,
    plan: &Plan,
    out: &mut BytesMut,
    outcome: &mut Outcome,
) -> Result<(), Malformed> {
    let line = row.strip_suffix(b"\n").unwrap_or(row);
    let mut quoting = Quoting::new(marks.quote, marks.escape);
    let values = line.split(|&byte| quoting.is_outside(byte) && byte == marks.delimiter);
    let mut columns = plan.columns();
    for (place, raw) in values.enumerate() {
        if place > 0 {
            out.put_u8(marks.delimiter);
        }
        match columns.next().ok_or(OTHER_WIDTH)? {
            None => out.put_slice(raw),
            Some(mask) => {
                let value = (raw != marks.null).then(|| marks.unquoted(raw));
                let mut shown = BytesMut::new();
                match mask.apply(value.as_deref(), &mut shown, outcome) {
                    true => marks.write(&shown, raw.first() == Some(&marks.quote), out),
                    false => out.put_slice(marks.null),
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

impl Marks<'_> {
    fn unquoted(&self, raw: &[u8]) -> Vec<u8> {
        let inside = raw
            .strip_prefix(&[self.quote])
            .and_then(|raw| raw.strip_suffix(&[self.quote]));
        let Some(inside) = inside else {
            return raw.to_vec();
        };
        let mut value = Vec::with_capacity(inside.len());
        let mut bytes = inside.iter().copied();
        while let Some(byte) = bytes.next() {
            value.push(match byte == self.escape {
                true => bytes.next().unwrap_or(byte),
                false => byte,
            });
        }
        value
    }

    /// In quotes where the value itself was, or where it needs them.
    fn write(&self, value: &[u8], was_quoted: bool, out: &mut BytesMut) {
        let misleads = |&byte: &u8| {
            byte == self.delimiter || byte == self.quote || byte == b'\n' || byte == b'\r'
        };
        let needs_quotes = value == self.null || value == br"\." || value.iter().any(misleads);
        if !was_quoted && !needs_quotes {
            return out.put_slice(value);
        }
        out.put_u8(self.quote);
        for &byte in value {
            if byte == self.quote || byte == self.escape {
                out.put_u8(self.escape);
            }
            out.put_u8(byte);
        }
        out.put_u8(self.quote);
    }
}
