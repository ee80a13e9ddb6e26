//! Rows on their way to the client: which are masked, and how.

use bytes::BytesMut;
use mask::{Column, Format, Keyring, Mask, Shown};
use model::MaskedColumn;

use crate::messages::data_row;
use crate::messages::row_description::Field;
use crate::reader::Malformed;

/// What happens to each column of a result.
#[derive(Clone, Debug)]
pub struct Plan(Vec<Option<Mask>>);

/// Why a result cannot be masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmaskable(pub String);

impl Plan {
    /// Finds every masked column among the fields. That one is missing means that the server understood the
    /// statement differently from us, so nothing about its result is certain.
    pub fn new(
        masks: &[MaskedColumn],
        fields: &[Field],
        keys: &Keyring,
    ) -> Result<Self, Unmaskable> {
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
            let masked = masks.iter().find(is_of)?;
            let column = Column {
                name: &masked.name,
                type_oid: field.kind,
                format: match field.format {
                    0 => Format::Text,
                    _ => Format::Binary,
                },
            };
            Some(Mask::new(&masked.function, &column, keys))
        });
        Ok(Self(columns.collect()))
    }

    /// Appends the row as the client may see it, and counts the masked values. Of a row that is torn nothing
    /// is appended.
    pub fn apply(&self, row: &[u8], out: &mut BytesMut) -> Result<u64, Malformed> {
        let before = out.len();
        self.put(row, out).inspect_err(|_| out.truncate(before))
    }

    fn put(&self, row: &[u8], out: &mut BytesMut) -> Result<u64, Malformed> {
        let (count, mut values) = data_row::read(row)?;
        if usize::from(count) != self.0.len() {
            return Err(Malformed("a row with other columns than described"));
        }
        let mut writer = data_row::Writer::begin(out, count, row.len());
        let mut masked = 0;
        for mask in &self.0 {
            let value = values.cut()?;
            let Some(mask) = mask else {
                writer.put_whole(value.whole);
                continue;
            };
            writer.put_with(|out| {
                let shown = mask.apply(value.bytes, out);
                masked += u64::from(value.bytes.is_some() && shown != Shown::Unchanged);
                shown != Shown::Null
            });
        }
        values.finish()?;
        writer.finish();
        Ok(masked)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use model::MaskFunction;

    use super::*;

    const TEXT: u32 = 25;
    const JSONB: u32 = 3802;

    fn plan(fields: &[Field]) -> Result<Plan, Unmaskable> {
        Plan::new(&masks(), fields, &Keyring::default())
    }

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
            name: Bytes::new(),
            table,
            column,
            kind,
            format,
        }
    }

    fn row(values: &[Option<&[u8]>]) -> Vec<u8> {
        let mut row = u16::try_from(values.len()).unwrap().to_be_bytes().to_vec();
        for value in values {
            let length = value.map_or(-1, |value| i32::try_from(value.len()).unwrap());
            row.extend(length.to_be_bytes());
            row.extend(value.unwrap_or_default());
        }
        row
    }

    fn applied(plan: &Plan, values: &[Option<&[u8]>]) -> Vec<Option<Bytes>> {
        let mut out = BytesMut::new();
        plan.apply(&row(values), &mut out).unwrap();
        let body = crate::frame::body(&out.freeze());
        let (count, mut values) = data_row::read(&body).unwrap();
        let shown = (0..count).map(|_| values.cut().unwrap().bytes.map(Bytes::copy_from_slice));
        let shown = shown.collect();
        values.finish().unwrap();
        shown
    }

    #[test]
    fn only_the_masked_column_changes() {
        let plan = plan(&[field(16400, 1, 23, 0), field(16400, 2, TEXT, 0)]).unwrap();
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
        let jsonb = plan(&[field(16400, 2, JSONB, 1)]).unwrap();
        assert_eq!(
            applied(&jsonb, &[Some(b"\x01{}")]),
            [Some(Bytes::from_static(b"\x01null"))]
        );
        let number = plan(&[field(16400, 2, 23, 1)]).unwrap();
        assert_eq!(applied(&number, &[Some(&[0, 0, 0, 7])]), [None]);
    }

    #[test]
    fn a_result_without_the_masked_column_is_unmaskable() {
        assert!(plan(&[field(0, 0, TEXT, 0)]).is_err());
        assert!(plan(&[field(16400, 2, TEXT, 0), field(16400, 0, 2249, 0)]).is_err());
    }

    #[test]
    fn a_row_of_other_width_is_malformed() {
        let plan = plan(&[field(16400, 2, TEXT, 0)]).unwrap();
        assert!(
            plan.apply(&row(&[None, None]), &mut BytesMut::new())
                .is_err()
        );
    }
}
