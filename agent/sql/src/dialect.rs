//! The seam between SQL's dialects: each reads a text with a session and a catalog of its own, and all give the same
//! [`Facts`], so that what stands behind them (policy, evidence, approval) sees no dialect.

use crate::{Facts, Session, Snapshot, mysql};

/// A language that texts are written in.
pub trait Dialect {
    /// What a session of it knows: what the next text's names and strings mean.
    type Session;
    /// What a server of it has.
    type Catalog;

    /// What this text does when the session runs it next. Total: what cannot be known is opaque.
    fn analyse(text: &[u8], session: &Self::Session, catalog: &Self::Catalog) -> Facts;
}

/// PostgreSQL, by its own grammar.
#[derive(Clone, Copy, Debug)]
pub struct Postgres;

impl Dialect for Postgres {
    type Session = Session;
    type Catalog = Snapshot;

    fn analyse(text: &[u8], session: &Session, snapshot: &Snapshot) -> Facts {
        crate::analyse(text, session, snapshot)
    }
}

/// MySQL and MariaDB, by sqlparser's grammar.
#[derive(Clone, Copy, Debug)]
pub struct MySql;

impl Dialect for MySql {
    type Session = mysql::Session;
    type Catalog = mysql::Catalog;

    fn analyse(text: &[u8], session: &mysql::Session, catalog: &mysql::Catalog) -> Facts {
        mysql::analyse(text, session, catalog)
    }
}
