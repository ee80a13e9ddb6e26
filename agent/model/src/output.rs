//! What the output columns of a statement are made of.

use std::sync::Arc;

use crate::{Column, Relation};

/// The output columns of one statement of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outputs {
    /// They cannot be known: of a function's result, for instance.
    Unknown,
    /// These, in order; none where the statement returns no rows.
    Known(Vec<Output>),
}

/// One output column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its name, as the server says it.
    pub name: Arc<str>,
    /// Every base column that can flow into it, and the columns of views that it comes through.
    pub from: Vec<BaseColumn>,
}

/// A column of a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseColumn {
    /// The relation.
    pub relation: Relation,
    /// The column.
    pub column: Column,
}
