//! What statements touch, by the names that the server would resolve.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Something in a database (or around it) that a statement touches.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Object {
    /// The server as a whole, with all of its databases.
    Server,
    /// The session's database as a whole.
    Database,
    /// A schema of the session's database.
    Schema(Arc<str>),
    /// A table, view, materialized view, foreign table or sequence.
    Relation(Relation),
    /// A function, procedure or aggregate.
    Function(Function),
    /// A configuration parameter (`SET`).
    Setting(Arc<str>),
    /// A role.
    Role(Arc<str>),
    /// Anything else that has a kind and a name: a type, an extension, a server-side file, a channel.
    Other {
        /// The kind in lower case, as SQL calls it: `extension`, `file`, `program`, `channel`.
        kind: Arc<str>,
        /// Its name.
        name: Arc<str>,
    },
}

/// A relation, resolved.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Relation {
    /// Schema name.
    pub schema: Arc<str>,
    /// Relation name.
    pub name: Arc<str>,
    /// `pg_class.oid`, where the relation exists already; what RowDescription calls the table.
    pub oid: Option<u32>,
}

/// A column of a relation, resolved.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Column {
    /// Column name.
    pub name: Arc<str>,
    /// `pg_attribute.attnum`, where the column exists already.
    pub number: Option<i16>,
}

/// A function by schema and name; overloads share one name, and so one permission.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Function {
    /// Schema name.
    pub schema: Arc<str>,
    /// Function name.
    pub name: Arc<str>,
}
