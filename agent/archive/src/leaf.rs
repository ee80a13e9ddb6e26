//! The leaf of a row in the host's Merkle log: recomputable from the row's columns alone.
//!
//! ```text
//! leaf   = SHA-256(0x00; text(schema); every column of the schema, in order)
//! column = 0x00 for NULL, else 0x01 value
//! value  = text: u32 length in bytes, UTF-8 | INTEGER: i32 | BIGINT, TIMESTAMPTZ: i64    all little-endian
//! ```

use proof::Hash;

use crate::column::Schema;
use crate::row::{Row, Value};

/// The leaf of a row.
pub(crate) fn of(row: &Row) -> Hash {
    let mut buffer = Vec::new();
    let values = row.iter().map(|(_, value)| value);
    encode(row.schema(), values, &mut buffer);
    proof::leaf(&buffer)
}

/// Puts what a leaf is the hash of in place of what the buffer holds: the values of all columns, in their order.
pub(crate) fn encode<'a>(
    schema: Schema,
    values: impl Iterator<Item = Value<'a>>,
    buffer: &mut Vec<u8>,
) {
    buffer.clear();
    push_text(buffer, schema.name);
    values.for_each(|value| push(buffer, value));
}

pub(crate) fn push(buffer: &mut Vec<u8>, value: Value<'_>) {
    buffer.push(u8::from(value != Value::Null));
    match value {
        Value::Null => {}
        Value::Text(text) => push_text(buffer, text),
        Value::Int(number) => buffer.extend_from_slice(&number.to_le_bytes()),
        Value::Long(number) => buffer.extend_from_slice(&number.to_le_bytes()),
    }
}

pub(crate) fn push_text(buffer: &mut Vec<u8>, text: &str) {
    // A record is shorter than 4 GiB by far: the journal's frames are.
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    buffer.extend_from_slice(&length.to_le_bytes());
    buffer.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::Column;

    fn encoded(row: &Row) -> Vec<u8> {
        let mut buffer = b"what was there before".to_vec();
        encode(
            row.schema(),
            row.iter().map(|(_, value)| value),
            &mut buffer,
        );
        buffer
    }

    #[test]
    fn the_encoding_is_what_the_dictionary_says() {
        let mut row = Row::empty();
        row.put(Column::Sequence, 1_u64);
        row.put(Column::Event, "\u{e4}");
        row.put(Column::ClassUid, 6005);
        let mut expected = Vec::new();
        push_text(&mut expected, Schema::NEWEST.name);
        expected.extend(b"\x01\x01\0\0\0\0\0\0\0");
        expected.extend(b"\0\0");
        expected.extend(b"\x01\x02\0\0\0\xc3\xa4");
        expected.extend(b"\0");
        expected.extend(b"\x01\x75\x17\0\0");
        expected.extend(vec![0; Column::ALL.len() - 6]);
        assert_eq!(encoded(&row), expected);
    }

    #[test]
    fn columns_that_came_later_leave_the_leaves_of_older_rows_as_they_are() {
        let first = Schema::ALL[0];
        let mut row = Row::empty_of(first);
        row.put(Column::ClientTls, "is not part of it");
        let mut expected = b"\x0c\0\0\0weir.audit.1".to_vec();
        expected.extend(vec![0; Column::Chain as usize + 1]);
        assert_eq!(encoded(&row), expected);
    }
}
