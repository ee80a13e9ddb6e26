//! What the output columns of a statement are made of.

use std::sync::Arc;

use crate::{Column, Relation};

/// The output of one statement of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outputs {
    /// Its columns cannot be known: of a function's result, for instance.
    Unknown,
    /// Rows of these columns, in order; none where the statement returns no rows.
    Known(Vec<Output>),
    /// The same columns as a stream, `COPY ... TO STDOUT`.
    Copied(Vec<Output>, CopyForm),
}

impl Outputs {
    /// The columns; none where they are not known.
    pub fn columns(&self) -> &[Output] {
        match self {
            Self::Unknown => &[],
            Self::Known(columns) | Self::Copied(columns, _) => columns,
        }
    }
}

/// One output column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its name, as the server says it.
    pub name: Arc<str>,
    /// Every base column that can flow into it, and the columns of views and of parents that it comes through.
    pub from: Vec<BaseColumn>,
    /// What became of them.
    pub how: Derivation,
    /// `pg_type.oid` of the built-in type that its values have the formats of, where that is known from the text.
    pub like: Option<u32>,
}

/// What an output column is of its base columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Derivation {
    /// A value of one of them, as it is.
    Plain,
    /// Computed from them.
    Computed,
    /// A statistic (`avg`, `sum`, ...) of one of them over at least so many values that are not NULL, each from a row of its
    /// own.
    Aggregated(u64),
}

/// A column of a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseColumn {
    /// The relation.
    pub relation: Relation,
    /// The column.
    pub column: Column,
}

/// How the rows of a COPY are written, in UTF-8 (manual, COPY, "File Formats").
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopyForm {
    /// `FORMAT text`.
    Text {
        /// Between two columns.
        delimiter: u8,
        /// What stands for NULL.
        null: Arc<str>,
        /// Whether a line of names comes first.
        header: bool,
    },
    /// `FORMAT csv`.
    Csv {
        /// Between two columns.
        delimiter: u8,
        /// What stands for NULL where it is not quoted.
        null: Arc<str>,
        /// Whether a line of names comes first.
        header: bool,
        /// Around a value.
        quote: u8,
        /// In front of a quote, or of itself, inside a quoted value.
        escape: u8,
    },
    /// `FORMAT binary`.
    Binary,
}
