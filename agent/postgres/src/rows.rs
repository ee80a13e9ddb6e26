//! Rows on their way to the client: which are masked, and how.

use std::ops::Range;

use bytes::BytesMut;
use mask::{Column, Format, Keyring, Mask, Shown};
use model::{MaskedColumn, Outcome, Place};

use crate::messages::data_row;
use crate::messages::row_description::Field;
use crate::reader::Malformed;

/// What happens to each column of a result.
#[derive(Clone, Debug)]
pub struct Plan(Vec<Option<ColumnMask>>);

/// What happens to the values of one column.
#[derive(Clone, Debug)]
pub struct ColumnMask {
    mask: Mask,
    /// Which of the run's masks these are.
    masks: Range<usize>,
}

/// Why a result cannot be masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmaskable(pub String);

impl Plan {
    /// The masks of one statement's result. That one has no place among the fields, or that a field is of a masked column
    /// and has no mask, means that the server understood the statement differently from us, so nothing about its result is
    /// certain.
    pub fn new(
        masks: &[MaskedColumn],
        statement: usize,
        fields: &[Field],
        keys: &Keyring,
    ) -> Result<Self, Unmaskable> {
        let is_missing = |mask: &&MaskedColumn| match mask.place {
            Some(place) => place.statement == statement && place.output >= fields.len(),
            None => true,
        };
        if let Some(mask) = masks.iter().find(is_missing) {
            return Err(Unmaskable(format!(
                "the result does not show {} where it was expected",
                mask.name
            )));
        }
        let columns = fields.iter().enumerate().map(|(output, field)| {
            let here = Some(Place { statement, output });
            let unexpected = masks.iter().find(|mask| is_of(field, mask));
            match (ColumnMask::new(masks, here, field, keys), unexpected) {
                (Some(mask), _) => Ok(Some(mask)),
                (None, None) => Ok(None),
                (None, Some(mask)) => Err(Unmaskable(format!(
                    "the result shows {} where it was not expected",
                    mask.name
                ))),
            }
        });
        Ok(Self(columns.collect::<Result<_, _>>()?))
    }

    /// What happens to each column; nothing to one that passes as it is.
    pub fn columns(&self) -> impl Iterator<Item = Option<&ColumnMask>> {
        self.0.iter().map(Option::as_ref)
    }

    /// Appends the row as the client may see it, and counts the masked values. Of a row that is torn nothing
    /// is appended.
    pub fn apply(
        &self,
        row: &[u8],
        out: &mut BytesMut,
        outcome: &mut Outcome,
    ) -> Result<(), Malformed> {
        let before = out.len();
        self.put(row, out, outcome)
            .inspect_err(|_| out.truncate(before))
    }

    fn put(&self, row: &[u8], out: &mut BytesMut, outcome: &mut Outcome) -> Result<(), Malformed> {
        let (count, mut values) = data_row::read(row)?;
        if usize::from(count) != self.0.len() {
            return Err(Malformed("a row with other columns than described"));
        }
        let mut writer = data_row::Writer::begin(out, count, row.len());
        for mask in &self.0 {
            let value = values.cut()?;
            match mask {
                None => writer.put_whole(value.whole),
                Some(mask) => writer.put_with(|out| mask.apply(value.bytes, out, outcome)),
            }
        }
        values.finish()?;
        writer.finish();
        Ok(())
    }
}

impl ColumnMask {
    /// The masks of this place, which are all by one function.
    fn new(
        masks: &[MaskedColumn],
        here: Option<Place>,
        field: &Field,
        keys: &Keyring,
    ) -> Option<Self> {
        let first = masks.iter().position(|mask| mask.place == here)?;
        let masked = masks.get(first)?;
        let several = masks.iter().filter(|mask| mask.place == here).count();
        let column = Column {
            name: &masked.name,
            type_oid: field.kind,
            format: match field.format {
                0 => Format::Text,
                _ => Format::Binary,
            },
        };
        Some(Self {
            mask: Mask::new(&masked.function, &column, keys),
            masks: first..first.saturating_add(several),
        })
    }

    /// Appends what is shown in place of a value; none is NULL. Whether it is a value.
    pub fn apply(&self, value: Option<&[u8]>, out: &mut BytesMut, outcome: &mut Outcome) -> bool {
        let shown = self.mask.apply(value, out);
        if value.is_some() && shown != Shown::Unchanged {
            outcome.masked += 1;
            let counts = outcome.masked_values.get_mut(self.masks.clone());
            counts
                .into_iter()
                .flatten()
                .for_each(|count| *count = count.saturating_add(1));
        }
        shown != Shown::Null
    }
}

/// Whether a field is of this column, or of a whole row with it.
fn is_of(field: &Field, mask: &MaskedColumn) -> bool {
    field.table == mask.table && (field.column == mask.column || field.column == 0)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use model::{MaskFunction, Status};

    use super::*;
    use crate::pipeline::outcome;

    const TEXT: u32 = 25;
    const JSONB: u32 = 3802;

    fn plan(fields: &[Field]) -> Result<Plan, Unmaskable> {
        Plan::new(&masks(), 0, fields, &Keyring::default())
    }

    fn masks() -> [MaskedColumn; 1] {
        [MaskedColumn {
            place: Some(Place {
                statement: 0,
                output: 1,
            }),
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

    fn id() -> Field {
        field(16400, 1, 23, 0)
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
        let mut outcome = outcome(Status::Completed);
        plan.apply(&row(values), &mut out, &mut outcome).unwrap();
        let body = crate::frame::body(&out.freeze());
        let (count, mut values) = data_row::read(&body).unwrap();
        let shown = (0..count).map(|_| values.cut().unwrap().bytes.map(Bytes::copy_from_slice));
        let shown = shown.collect();
        values.finish().unwrap();
        shown
    }

    #[test]
    fn only_the_masked_column_changes() {
        let plan = plan(&[id(), field(16400, 2, TEXT, 0)]).unwrap();
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
        let jsonb = plan(&[id(), field(16400, 2, JSONB, 1)]).unwrap();
        assert_eq!(
            applied(&jsonb, &[None, Some(b"\x01{}")]),
            [None, Some(Bytes::from_static(b"\x01null"))]
        );
        let number = plan(&[id(), field(16400, 2, 23, 1)]).unwrap();
        let shown = applied(&number, &[None, Some(&[0, 0, 0, 7])]);
        assert_ne!(shown, [None, Some(Bytes::from_static(&[0, 0, 0, 7]))]);
    }

    #[test]
    fn values_are_counted_for_every_mask_of_their_column() {
        let [mask] = masks();
        let masks = [mask.clone(), mask];
        let fields = [id(), field(0, 0, TEXT, 0)];
        let plan = Plan::new(&masks, 0, &fields, &Keyring::default()).unwrap();
        let mut outcome = outcome(Status::Completed);
        outcome.masked_values = vec![0; 2];
        for value in [Some(&b"x"[..]), None, Some(b"y")] {
            let row = row(&[None, value]);
            plan.apply(&row, &mut BytesMut::new(), &mut outcome)
                .unwrap();
        }
        assert_eq!((outcome.masked, outcome.masked_values), (2, vec![2, 2]));
    }

    #[test]
    fn a_result_that_differs_from_what_was_understood_is_unmaskable() {
        assert!(plan(&[id()]).is_err());
        for other in [field(16400, 2, TEXT, 0), field(16400, 0, 2249, 0)] {
            let fields = [id(), field(0, 0, TEXT, 0), other];
            assert!(plan(&fields).is_err());
        }
        let [mask] = masks();
        let nowhere = [MaskedColumn {
            place: None,
            ..mask
        }];
        let fields = [id(), field(16400, 2, TEXT, 0)];
        assert!(Plan::new(&nowhere, 0, &fields, &Keyring::default()).is_err());
    }

    #[test]
    fn another_statement_of_the_text_has_masks_of_its_own() {
        let plan = Plan::new(&masks(), 1, &[id()], &Keyring::default()).unwrap();
        assert_eq!(plan.columns().flatten().count(), 0);
    }

    #[test]
    fn a_row_of_other_width_is_malformed() {
        let plan = plan(&[id(), field(16400, 2, TEXT, 0)]).unwrap();
        let mut outcome = outcome(Status::Completed);
        let result = plan.apply(&row(&[None]), &mut BytesMut::new(), &mut outcome);
        assert!(result.is_err());
    }
}
