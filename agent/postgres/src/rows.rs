//! Rows on their way to the client: which are masked, and how.

use bytes::{Bytes, BytesMut};
use mask::Kind;
use model::{MaskFunction, MaskedColumn};

use crate::messages::data_row;
use crate::messages::row_description::Field;
use crate::reader::Malformed;

/// Type ids that PostgreSQL has built in (`pg_type.dat`).
mod oid {
    pub const NAME: u32 = 19;
    pub const TEXT: u32 = 25;
    pub const JSON: u32 = 114;
    pub const UNKNOWN: u32 = 705;
    pub const BPCHAR: u32 = 1042;
    pub const VARCHAR: u32 = 1043;
    pub const JSONB: u32 = 3802;
}

/// The version byte in front of a jsonb value in binary format.
const JSONB_VERSION: &[u8] = &[1];

/// What happens to each column of a result.
#[derive(Clone, Debug)]
pub struct Plan(Vec<Option<ColumnMask>>);

#[derive(Clone, Debug)]
struct ColumnMask {
    function: MaskFunction,
    kind: Kind,
    /// Stands in front of the masked value.
    version: &'static [u8],
}

/// Why a result cannot be masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmaskable(pub String);

impl Plan {
    /// Finds every masked column among the fields. That one is missing means that the server understood the
    /// statement differently from us, so nothing about its result is certain.
    pub fn new(masks: &[MaskedColumn], fields: &[Field]) -> Result<Self, Unmaskable> {
        let missing = masks.iter().find(|mask| {
            !fields
                .iter()
                .any(|field| (field.table, field.column) == (mask.table, mask.column))
        });
        if let Some(mask) = missing {
            return Err(Unmaskable(format!(
                "the result does not show {} where it was expected",
                mask.name
            )));
        }
        let whole_row = fields
            .iter()
            .find(|field| field.column == 0 && masks.iter().any(|mask| mask.table == field.table));
        if whole_row.is_some() {
            return Err(Unmaskable(
                "the result shows a whole row with a masked column".into(),
            ));
        }
        let columns = fields.iter().map(|field| {
            let is_of =
                |mask: &&MaskedColumn| (mask.table, mask.column) == (field.table, field.column);
            masks.iter().find(is_of).map(|mask| ColumnMask {
                function: mask.function.clone(),
                kind: kind(field.kind),
                version: if field.kind == oid::JSONB && field.format == 1 {
                    JSONB_VERSION
                } else {
                    &[]
                },
            })
        });
        Ok(Self(columns.collect()))
    }

    /// Appends the row as the client may see it, and counts the masked values.
    pub fn apply(&self, row: Bytes, out: &mut BytesMut) -> Result<u64, Malformed> {
        let values = data_row::read(row)?;
        if values.len() != self.0.len() {
            return Err(Malformed("a row with other columns than described"));
        }
        let mut masked = 0;
        let mut builder = data_row::Builder::default();
        for (value, mask) in values.iter().zip(&self.0) {
            match (value, mask) {
                (None, _) => builder.push(None),
                (Some(value), None) => builder.push(Some(&[value.as_ref()])),
                (Some(value), Some(mask)) => {
                    masked += 1;
                    match mask::apply(&mask.function, mask.kind, value) {
                        None => builder.push(None),
                        Some(shown) => builder.push(Some(&[mask.version, shown.as_ref()])),
                    }
                }
            }
        }
        builder.put(out);
        Ok(masked)
    }
}

fn kind(type_id: u32) -> Kind {
    match type_id {
        oid::NAME | oid::TEXT | oid::UNKNOWN | oid::BPCHAR | oid::VARCHAR => Kind::Text,
        oid::JSON | oid::JSONB => Kind::Json,
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masks() -> [MaskedColumn; 1] {
        [MaskedColumn {
            table: 16400,
            column: 2,
            name: "public.customers.ssn".into(),
            class: "pii".into(),
            function: MaskFunction::Redact,
        }]
    }

    fn field(table: u32, column: i16, kind: u32, format: i16) -> Field {
        Field {
            table,
            column,
            kind,
            format,
        }
    }

    fn row(values: &[Option<&[u8]>]) -> Bytes {
        let mut builder = data_row::Builder::default();
        for value in values {
            match value {
                Some(value) => builder.push(Some(&[value])),
                None => builder.push(None),
            }
        }
        let mut out = BytesMut::new();
        builder.put(&mut out);
        crate::frame::body(&out.freeze())
    }

    fn applied(plan: &Plan, values: &[Option<&[u8]>]) -> Vec<Option<Bytes>> {
        let mut out = BytesMut::new();
        plan.apply(row(values), &mut out).unwrap();
        data_row::read(crate::frame::body(&out.freeze())).unwrap()
    }

    #[test]
    fn only_the_masked_column_changes() {
        let plan = Plan::new(
            &masks(),
            &[field(16400, 1, 23, 0), field(16400, 2, oid::TEXT, 0)],
        )
        .unwrap();
        assert_eq!(
            applied(&plan, &[Some(b"7"), Some(b"123-45-6789")]),
            [
                Some(Bytes::from_static(b"7")),
                Some(Bytes::from_static(b"***"))
            ]
        );
        assert_eq!(applied(&plan, &[None, None]), [None, None]);
    }

    #[test]
    fn a_binary_value_stays_valid_in_its_type() {
        let jsonb = Plan::new(&masks(), &[field(16400, 2, oid::JSONB, 1)]).unwrap();
        assert_eq!(
            applied(&jsonb, &[Some(b"\x01{}")]),
            [Some(Bytes::from_static(b"\x01null"))]
        );
        let number = Plan::new(&masks(), &[field(16400, 2, 23, 1)]).unwrap();
        assert_eq!(applied(&number, &[Some(&[0, 0, 0, 7])]), [None]);
    }

    #[test]
    fn a_result_without_the_masked_column_is_unmaskable() {
        assert!(Plan::new(&masks(), &[field(0, 0, oid::TEXT, 0)]).is_err());
        assert!(
            Plan::new(
                &masks(),
                &[field(16400, 2, oid::TEXT, 0), field(16400, 0, 2249, 0)]
            )
            .is_err()
        );
    }

    #[test]
    fn a_row_of_other_width_is_malformed() {
        let plan = Plan::new(&masks(), &[field(16400, 2, oid::TEXT, 0)]).unwrap();
        assert!(
            plan.apply(row(&[None, None]), &mut BytesMut::new())
                .is_err()
        );
    }
}
