//! Statement facts: what a text does, by PostgreSQL's own grammar and a catalog snapshot.
//!
//! Pure: no I/O, no clock, no policy. [`analyse`] takes a text, the session's SQL state and a snapshot, and gives
//! [`Facts`]; what cannot be known is opaque with a reason, and never an empty list.
//!
//! ```text
//!   text --parse--> tree --analysis--> touches, columns, changes
//!                            |  query, from, expression, scope   (SELECT and names)
//!                            |  write, utility, define, named    (everything else)
//!                            +--record                           (what was found so far)
//! ```
//!
//! The grammar is that of PostgreSQL 18. An older server refuses what it does not know yet; where a word became a
//! keyword in between, the newer reading is taken.
//!
//! All of this crate is PostgreSQL's but for [`mysql`], which gives the same facts for MySQL; [`Dialect`] is the seam.

mod aggregate;
mod alike;
mod analysis;
mod copy;
mod credentials;
mod define;
mod derivation;
mod dialect;
mod equality;
mod expression;
mod facts;
mod from;
mod function;
pub mod mysql;
mod named;
mod opacity;
mod output;
mod parse;
mod path;
mod pattern;
mod prepared;
mod query;
mod record;
mod replication;
mod restriction;
mod rows;
mod schema;
mod scope;
mod session;
mod set_config;
mod snapshot;
mod targets;
mod tree;
mod types;
mod utility;
mod values;
mod view;
mod write;

pub use analysis::{analyse, analyse_alike, analyse_call};
pub use credentials::hide_values;
pub use dialect::{Dialect, MySql, Postgres};
pub use equality::{Equality, Written};
pub use facts::{Assignment, Change, Facts};
pub use pattern::Pattern;
pub use prepared::Prepared;
pub use replication::analyse_replication;
pub use rows::{
    BuiltIn, ColumnRow, Form, FunctionRow, Kind, ReadRow, RelationRow, Rows, SettingRow, TypeRow,
    ViewColumnRow, Volatility,
};
pub use schema::{SchemaError, schema};
pub use session::{Meaning, Path, Session, Settings};
pub use snapshot::{Column, FIRST_NORMAL_OID, Function, MadeOf, Relation, Snapshot, Sources};
pub use types::Types;
pub use view::view_columns;

#[cfg(test)]
mod tests;
