//! RowDescription: where each column of a result comes from, and how it is written.

use bytes::Bytes;

use crate::reader::{Malformed, Reader};

/// One column of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name, in the client's encoding.
    pub name: Bytes,
    /// `pg_class.oid` of the table that the column is of; 0 for an expression.
    pub table: u32,
    /// `pg_attribute.attnum` of the column; 0 for an expression or a whole row.
    pub column: i16,
    /// `pg_type.oid`; of the base type for a domain.
    pub kind: u32,
    /// 0 text, 1 binary.
    pub format: i16,
}

/// The columns, in order.
pub fn read(body: Bytes) -> Result<Vec<Field>, Malformed> {
    let mut reader = Reader::new(body);
    let fields = (0..reader.count()?)
        .map(|_| {
            let name = reader.string()?;
            let table = reader.u32()?;
            let column = reader.i16()?;
            let kind = reader.u32()?;
            let _size = reader.i16()?;
            let _modifier = reader.i32()?;
            let format = reader.i16()?;
            Ok(Field {
                name,
                table,
                column,
                kind,
                format,
            })
        })
        .collect::<Result<_, _>>()?;
    reader.finish()?;
    Ok(fields)
}
