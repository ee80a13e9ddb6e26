//! A Bind that is too long to be held whole: it passes as it comes, and is read on its way.
//!
//! A Bind runs nothing, so it needs no verdict; the Execute does, and by then the values are known. Of those that are too
//! long for evidence the digest is kept. Knows no names: what the portal is a portal of is settled before the first byte.
//!
//! ```text
//! header  portal\0  statement\0 │ count format... │ count (length value)... │ count format... │
//!        begun with             Formats           Values   Value            Results           end of the frame
//! ```
//!
//! A message that turns out wrong has passed in part. The server waits for the rest of it, and the session ends.

use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use model::{Hashing, Parameter};

use crate::frame::{self, Header};
use crate::messages::bind::{format_of, parameter};
use crate::reader::{Malformed, Reader};
use crate::session::{Limits, pass};
use crate::statements::Prepared;

/// Bytes of portal's and statement's name together.
const NAMES: usize = 10_000;

const ENDS_EARLY: Malformed = Malformed("a frame that ends early");

/// The names that a Bind begins with.
pub(crate) struct Names {
    pub portal: Bytes,
    pub statement: Bytes,
}

impl Names {
    /// At the front of `input`, once they are all there.
    pub fn read(header: Header, input: &[u8]) -> Result<Option<Self>, Malformed> {
        let body = input.get(frame::HEADER..).unwrap_or_default();
        let most = NAMES.min(header.body);
        let body = body.get(..most).unwrap_or(body);
        let ends = body.iter().enumerate().filter(|(_, byte)| **byte == 0);
        match ends.map(|(place, _)| place).nth(1) {
            Some(end) => {
                let names = body.get(..=end).unwrap_or_default();
                let mut reader = Reader::new(Bytes::copy_from_slice(names));
                let portal = reader.string()?;
                let statement = reader.string()?;
                Ok(Some(Self { portal, statement }))
            }
            None if body.len() >= most => Err(Malformed("a Bind with names of impossible length")),
            None => Ok(None),
        }
    }

    /// Bytes of header and names.
    fn length(&self) -> usize {
        frame::HEADER + self.portal.len() + self.statement.len() + 2
    }
}

/// What is read next.
#[derive(Debug)]
enum Field {
    Formats,
    Values,
    /// The length of a value, and the value, of which so many are left.
    Value(u16),
    /// The rest of a value whose digest is kept.
    Large {
        rest: usize,
        length: usize,
        hashing: Hashing,
        left: u16,
    },
    Results,
    End,
}

/// A Bind on its way.
#[derive(Debug)]
pub(crate) struct Binding {
    pub portal: Bytes,
    pub statement: Option<Arc<Prepared>>,
    pub parameters: Vec<Parameter>,
    field: Field,
    formats: Vec<i16>,
    /// Bytes of the message that have not passed.
    left: usize,
    /// Bytes of values that evidence keeps whole.
    kept: usize,
}

impl Binding {
    /// Lets header and names pass, which are all there.
    pub fn begin(
        header: Header,
        names: Names,
        statement: Option<Arc<Prepared>>,
        input: &mut BytesMut,
        out: &mut BytesMut,
    ) -> Result<Self, Malformed> {
        let begun = names.length();
        let mut binding = Self {
            portal: names.portal,
            statement,
            parameters: Vec::new(),
            field: Field::Formats,
            formats: Vec::new(),
            left: header.frame(),
            kept: 0,
        };
        binding.take(begun, input, out)?;
        Ok(binding)
    }

    /// Lets pass what is there, and says whether that was all of it.
    pub fn advance(
        &mut self,
        limits: &Limits,
        input: &mut BytesMut,
        out: &mut BytesMut,
    ) -> Result<bool, Malformed> {
        while !matches!(self.field, Field::End) {
            let next = match &mut self.field {
                Field::Large {
                    rest,
                    length,
                    hashing,
                    left,
                } => {
                    let piece = (*rest).min(input.len());
                    hashing.update(input.get(..piece).unwrap_or_default());
                    let mut passing = piece;
                    pass(&mut passing, input, out);
                    self.left -= piece;
                    *rest -= piece;
                    if *rest > 0 {
                        return Ok(false);
                    }
                    self.parameters.push(Parameter::Large {
                        length: *length as u64,
                        sha256: hashing.digest().to_string(),
                    });
                    Some(Field::Value(left.saturating_sub(1)))
                }
                Field::Formats => self.formats(input, out)?,
                Field::Values => {
                    let count = self.take(2, input, out)?;
                    count.map(|mut count| Field::Value(count.get_u16()))
                }
                Field::Value(0) => Some(Field::Results),
                Field::Value(left) => {
                    let left = *left;
                    self.value(left, limits, input, out)?
                }
                Field::Results => self.counted(input, out)?.map(|_| Field::End),
                Field::End => None,
            };
            match next {
                Some(field) => self.field = field,
                None => return Ok(false),
            }
        }
        match self.left {
            0 => Ok(true),
            _ => Err(Malformed("a frame with bytes left over at its end")),
        }
    }

    fn formats(
        &mut self,
        input: &mut BytesMut,
        out: &mut BytesMut,
    ) -> Result<Option<Field>, Malformed> {
        let Some(mut formats) = self.counted(input, out)? else {
            return Ok(None);
        };
        while let Ok(format) = formats.try_get_i16() {
            self.formats.push(format);
        }
        Ok(Some(Field::Values))
    }

    /// A count and so many formats.
    fn counted(
        &mut self,
        input: &mut BytesMut,
        out: &mut BytesMut,
    ) -> Result<Option<Bytes>, Malformed> {
        let Some(count) = self.peek(input)? else {
            return Ok(None);
        };
        let length = 2 + 2 * usize::from(u16::from_be_bytes(count));
        let mut formats = self.take(length, input, out)?;
        if let Some(formats) = &mut formats {
            formats.advance(2);
        }
        Ok(formats)
    }

    fn value(
        &mut self,
        left: u16,
        limits: &Limits,
        input: &mut BytesMut,
        out: &mut BytesMut,
    ) -> Result<Option<Field>, Malformed> {
        let Some(head) = self.peek(input)? else {
            return Ok(None);
        };
        let length = i32::from_be_bytes(head);
        let after = Field::Value(left.saturating_sub(1));
        if length == -1 {
            let taken = self.take(4, input, out)?;
            self.parameters.push(Parameter::Null);
            return Ok(taken.map(|_| after));
        }
        let length =
            usize::try_from(length).map_err(|_| Malformed("a value of negative length"))?;
        if length + 4 > self.left {
            return Err(Malformed("a value longer than its frame"));
        }
        if length > limits.value || self.kept + length > limits.whole {
            self.take(4, input, out)?;
            return Ok(Some(Field::Large {
                rest: length,
                length,
                hashing: Hashing::default(),
                left,
            }));
        }
        let Some(mut value) = self.take(4 + length, input, out)? else {
            return Ok(None);
        };
        value.advance(4);
        self.kept += length;
        let format = format_of(&self.formats, self.parameters.len())?;
        self.parameters
            .push(parameter(Some(value), format, limits.value));
        Ok(Some(after))
    }

    /// The next bytes of the message, once they are all there, without letting them pass.
    fn peek<const N: usize>(&self, input: &[u8]) -> Result<Option<[u8; N]>, Malformed> {
        if N > self.left {
            return Err(ENDS_EARLY);
        }
        Ok(input.first_chunk::<N>().copied())
    }

    /// The next bytes, once they are all there.
    fn take(
        &mut self,
        length: usize,
        input: &mut BytesMut,
        out: &mut BytesMut,
    ) -> Result<Option<Bytes>, Malformed> {
        if length > self.left {
            return Err(ENDS_EARLY);
        }
        if input.len() < length {
            return Ok(None);
        }
        let taken = input.split_to(length).freeze();
        out.extend_from_slice(&taken);
        self.left -= length;
        Ok(Some(taken))
    }
}
