//! Which result columns are masked, and how.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The masks of one statement. Empty: the result passes as it comes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Masks(pub Arc<[MaskedColumn]>);

impl Masks {
    /// No column is masked.
    pub fn none() -> Self {
        Self::default()
    }

    /// Whether no column is masked.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an error about a row may tell a masked value, so that its details are withheld.
    pub fn withhold(&self) -> bool {
        self.0.iter().any(|mask| mask.column == MaskedColumn::TOLD)
    }

    /// Those of result columns.
    pub fn shown(&self) -> Self {
        if !self.withhold() {
            return self.clone();
        }
        let shown = |mask: &&MaskedColumn| mask.column != MaskedColumn::TOLD;
        Self(self.0.iter().filter(shown).cloned().collect())
    }

    /// The mask of the base column that RowDescription names, if it has one.
    pub fn of(&self, table: u32, column: i16) -> Option<&MaskedColumn> {
        self.0
            .iter()
            .find(|mask| mask.table == table && mask.column == column)
    }
}

/// One base column that the subject may not see in clear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskedColumn {
    /// `pg_class.oid` of the table.
    pub table: u32,
    /// `pg_attribute.attnum` of the column, or [`MaskedColumn::TOLD`].
    pub column: i16,
    /// `schema.table.column`, for the evidence.
    pub name: Arc<str>,
    /// The class that made it masked, for the evidence.
    pub class: Arc<str>,
    /// What is shown instead.
    pub function: MaskFunction,
}

impl MaskedColumn {
    /// The number of a whole row. The column is in no result, but an error about its row may tell it.
    pub const TOLD: i16 = 0;
}

/// What is shown in place of a masked value. NULL stays NULL under every function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MaskFunction {
    /// NULL, for every type.
    Null,
    /// `***` for text types, `null` for JSON, NULL for every other type.
    Redact,
    /// A fixed text for text types, NULL for every other type.
    Fixed(Arc<str>),
    /// Keeps characters at both ends of a text: `partial(prefix, pad, suffix)` as in SQL Server and PostgreSQL Anonymizer.
    /// A value not longer than prefix plus suffix becomes the padding alone. NULL for types that are not text.
    Partial {
        /// Characters kept at the start.
        prefix: usize,
        /// What stands between.
        pad: Arc<str>,
        /// Characters kept at the end.
        suffix: usize,
    },
    /// First character and top-level domain of an address: `a***@***.com`; `***` where the text is no address.
    Email,
}
