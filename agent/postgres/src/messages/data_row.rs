//! DataRow: the values of one row. Only rows under a mask are looked into.

use bytes::{BufMut, Bytes, BytesMut};

use crate::frame;
use crate::reader::{Malformed, Reader};

/// The values, in order; `None` is NULL.
pub fn read(body: Bytes) -> Result<Vec<Option<Bytes>>, Malformed> {
    let mut reader = Reader::new(body);
    let values = (0..reader.count()?)
        .map(|_| reader.value())
        .collect::<Result<_, _>>()?;
    reader.finish()?;
    Ok(values)
}

/// Collects the values of a row, and appends it as a message.
#[derive(Default)]
pub struct Builder {
    count: u16,
    values: BytesMut,
}

impl Builder {
    /// Adds a value in one or more parts, or NULL.
    pub fn push(&mut self, parts: Option<&[&[u8]]>) {
        self.count = self.count.saturating_add(1);
        let Some(parts) = parts else {
            self.values.put_i32(-1);
            return;
        };
        let length: usize = parts.iter().map(|part| part.len()).sum();
        self.values
            .put_i32(i32::try_from(length).unwrap_or(i32::MAX));
        parts.iter().for_each(|part| self.values.put_slice(part));
    }

    /// Appends the row.
    pub fn put(self, out: &mut BytesMut) {
        let mut body = BytesMut::with_capacity(self.values.len() + 2);
        body.put_u16(self.count);
        body.put_slice(&self.values);
        frame::put(out, frame::server::DATA_ROW, &body);
    }
}
