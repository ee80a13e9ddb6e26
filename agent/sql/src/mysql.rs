//! MySQL and MariaDB: the same facts, by sqlparser's grammar.
//!
//! ```text
//!   text --lexer--> tokens --parse, forms--> statements --analysis--> touches, columns, changes
//!                                                    |  query, output, from, expression, restriction  (SELECT)
//!                                                    |  write, define, state            (everything else)
//! ```
//!
//! A database of MySQL's is a schema here, and the session's default database is where names without one are looked for.
//! sqlparser's grammar is near to MySQL's and not the same, so less is believed than with PostgreSQL: the text is cut into
//! tokens here, only forms of the tree that are named in this module have a meaning, and what sqlparser does not parse is
//! opaque and may run all the same.

mod analysis;
mod catalog;
mod define;
mod expression;
mod forms;
mod from;
mod function;
mod lexer;
mod output;
mod parse;
mod piece;
mod query;
mod restriction;
mod session;
mod state;
mod write;

pub use analysis::analyse;
pub use catalog::{Catalog, Table};
pub use session::{Modes, Session, Settings};

#[cfg(test)]
mod tests;
