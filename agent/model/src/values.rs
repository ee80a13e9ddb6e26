//! What policies can ask about the values of a statement.

use std::sync::Arc;

use crate::Verb;

/// The values of a statement, as far as they are known for certain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// Whether parameters are still to come: the statement is only prepared, and is judged again with them.
    pub awaited: bool,
    /// Whether every parameter is NULL or among `parameters`.
    pub are_known: bool,
    /// Bind values by their number, from 1, as the server prints them; numbers without zeros that change nothing. NULL is
    /// not among them.
    pub parameters: Vec<(u32, String)>,
    /// Columns that have one value in every row that the statement is about.
    pub equals: Vec<Equal>,
}

/// A column that has one value in every row that one verb on one relation is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Equal {
    /// What is done with the rows.
    pub verb: Verb,
    /// `pg_class.oid`.
    pub relation: u32,
    /// Name of the column.
    pub column: Arc<str>,
    /// The value, as the server prints it; numbers without zeros that change nothing.
    pub value: String,
}
