//! DataRow: the values of one row. Only rows under a mask are looked into.

use bytes::{BufMut as _, BytesMut};

use crate::frame;
use crate::reader::Malformed;

/// The length of a value that is NULL.
const NULL: i32 = -1;
const ENDS_EARLY: Malformed = Malformed("a frame that ends early");

/// The values that are left of a row.
pub struct Values<'r>(&'r [u8]);

/// One value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value<'r> {
    /// With its length in front, as it came.
    pub whole: &'r [u8],
    /// None is NULL.
    pub bytes: Option<&'r [u8]>,
}

/// How many values a row has, and these.
pub fn read(body: &[u8]) -> Result<(u16, Values<'_>), Malformed> {
    let (count, rest) = body.split_first_chunk().ok_or(ENDS_EARLY)?;
    Ok((u16::from_be_bytes(*count), Values(rest)))
}

impl<'r> Values<'r> {
    /// The next one.
    pub fn cut(&mut self) -> Result<Value<'r>, Malformed> {
        let (length, rest) = self.0.split_first_chunk::<4>().ok_or(ENDS_EARLY)?;
        let length = match i32::from_be_bytes(*length) {
            NULL => None,
            length => {
                Some(usize::try_from(length).map_err(|_| Malformed("a value of negative length"))?)
            }
        };
        let (bytes, behind) = rest
            .split_at_checked(length.unwrap_or(0))
            .ok_or(Malformed("a value longer than its frame"))?;
        let whole = self.0.get(..size_of::<i32>() + bytes.len());
        self.0 = behind;
        Ok(Value {
            whole: whole.ok_or(ENDS_EARLY)?,
            bytes: length.map(|_| bytes),
        })
    }

    /// The row must be used up.
    pub fn finish(self) -> Result<(), Malformed> {
        match self.0 {
            [] => Ok(()),
            _ => Err(Malformed("a frame with bytes left over at its end")),
        }
    }
}

/// A row that is being written.
pub struct Writer<'o> {
    out: &'o mut BytesMut,
    /// Where the frame's length is written at the end.
    length: usize,
}

impl<'o> Writer<'o> {
    /// Begins a row of so many values, of about so many bytes.
    pub fn begin(out: &'o mut BytesMut, count: u16, bytes: usize) -> Self {
        out.reserve(bytes + frame::HEADER);
        out.put_u8(frame::server::DATA_ROW);
        let length = out.len();
        out.put_i32(0);
        out.put_u16(count);
        Self { out, length }
    }

    /// Adds a value with its length in front.
    pub fn put_whole(&mut self, whole: &[u8]) {
        self.out.put_slice(whole);
    }

    /// Adds what `put` appends, or NULL where it says that there is nothing.
    pub fn put_with(&mut self, put: impl FnOnce(&mut BytesMut) -> bool) {
        let at = self.out.len();
        self.out.put_i32(NULL);
        if put(self.out) {
            let begin = at + size_of::<i32>();
            write_length(self.out, at, self.out.len() - begin);
        }
    }

    /// Writes how long it became.
    pub fn finish(self) {
        write_length(self.out, self.length, self.out.len() - self.length);
    }
}

fn write_length(out: &mut BytesMut, at: usize, length: usize) {
    let length = i32::try_from(length).unwrap_or(i32::MAX);
    if let Some(place) = out.get_mut(at..at + size_of::<i32>()) {
        place.copy_from_slice(&length.to_be_bytes());
    }
}
