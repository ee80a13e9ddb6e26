//! Which result columns are masked, and how.

mod function;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use function::{Detect, Floor, MaskFunction, Spread};

/// The masks of one statement. Empty: the result passes as it comes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<MaskedColumn>", into = "Vec<MaskedColumn>")]
pub struct Masks {
    /// Columns of the result, by their place in it.
    pub shown: Arc<[MaskedColumn]>,
    /// Columns that are in no result, but that an error of the statement may tell: of rows that are written, or that the
    /// statement reads for something else.
    pub told: Arc<[MaskedColumn]>,
}

impl Masks {
    /// No column is masked.
    pub fn none() -> Self {
        Self::default()
    }

    /// Whether there is a column that the subject may not see, other than what is detected in one.
    pub fn hides(&self) -> bool {
        let is_hidden = |mask: &MaskedColumn| !matches!(mask.function, MaskFunction::Detect(_));
        !self.told.is_empty() || self.shown.iter().any(is_hidden)
    }

    /// Whether no column is masked.
    pub fn is_empty(&self) -> bool {
        self.shown.is_empty() && self.told.is_empty()
    }
}

/// One base column that the subject may not see in clear, at one place of the result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskedColumn {
    /// Which output column it flows into. None where only errors can tell it, and in records of older agents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// `pg_class.oid` of the table.
    pub table: u32,
    /// `pg_attribute.attnum` of the column; 0 where only errors can tell it.
    pub column: i16,
    /// `schema.table.column`, for the evidence.
    pub name: Arc<str>,
    /// The class that made it masked, for the evidence.
    pub class: Arc<str>,
    /// What is shown instead.
    pub function: MaskFunction,
}

/// An output column of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The statement in the text, from 0.
    pub statement: usize,
    /// The column in the statement's result, from 0.
    pub output: usize,
}

/// The number that no column has marks those that are told, as records have always said it.
const TOLD: i16 = 0;

impl From<Vec<MaskedColumn>> for Masks {
    fn from(columns: Vec<MaskedColumn>) -> Self {
        let is_told = |mask: &MaskedColumn| mask.column == TOLD;
        let (told, shown): (Vec<_>, Vec<_>) = columns.into_iter().partition(is_told);
        Self {
            shown: shown.into(),
            told: told.into(),
        }
    }
}

impl From<Masks> for Vec<MaskedColumn> {
    fn from(masks: Masks) -> Self {
        let told = masks.told.iter().map(|mask| MaskedColumn {
            column: TOLD,
            ..mask.clone()
        });
        masks.shown.iter().cloned().chain(told).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_masks_reads_back_as_it_was() {
        let mask = MaskedColumn {
            place: Some(Place {
                statement: 0,
                output: 3,
            }),
            table: 7,
            column: 2,
            name: "public.t.ssn".into(),
            class: "pii".into(),
            function: MaskFunction::Redact,
        };
        let told = MaskedColumn {
            place: None,
            column: 0,
            ..mask.clone()
        };
        let masks = Masks {
            shown: [mask].into(),
            told: [told].into(),
        };
        let columns: Vec<MaskedColumn> = masks.clone().into();
        assert_eq!(columns.len(), 2);
        assert_eq!(Masks::from(columns), masks);
    }
}
