//! A request as policy sees it: a login or a statement with its facts.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{Column, Object, Outputs, Relation, Values};

/// What passes the gate.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// A client wants to log in.
    Connect(Login),
    /// A client wants to run (or prepare) a statement.
    Run(Statement),
}

/// What a client claims when it logs in. The user is a claim until the server has authenticated it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// Database user.
    pub user: String,
    /// Database.
    pub database: String,
    /// What the client calls itself; freely chosen by it.
    pub application: Option<String>,
    /// Session settings sent with the login (`search_path`, `options`, ...), lower-case names, as sent.
    pub settings: Vec<(String, String)>,
}

impl Login {
    /// What is to be replicated over the session, if it is one for replication. A value that the server would not know
    /// counts as one that asks for it.
    ///
    /// As `ProcessStartupPacket` and `parse_bool` of PostgreSQL read the setting `replication`:
    /// <https://www.postgresql.org/docs/current/protocol-replication.html>.
    pub fn replication(&self) -> Option<Replication> {
        let mut settings = self.settings.iter();
        let (_, value) = settings.find(|(name, _)| name == "replication")?;
        if value == "database" {
            return Some(Replication::Logical);
        }
        let value = value.to_ascii_lowercase();
        let is_part_of = |word: &str| !value.is_empty() && word.starts_with(&value);
        match value.as_str() {
            "0" | "of" | "off" => None,
            _ if is_part_of("false") || is_part_of("no") => None,
            _ => Some(Replication::Physical),
        }
    }
}

/// What a session for replication copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replication {
    /// The server's log and files, as they are. Such a session takes no SQL.
    Physical,
    /// The changes of one database. Such a session takes SQL, too.
    Logical,
}

/// SHA-256 of a statement's exact text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of these exact bytes.
    pub fn of(text: &[u8]) -> Self {
        Self(Sha256::digest(text).into())
    }

    /// In hex, lower case.
    pub fn hex(&self) -> [u8; 64] {
        let nibbles = self.0.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let mut hex = [0; 64];
        for (place, nibble) in hex.iter_mut().zip(nibbles) {
            *place = match nibble {
                0..10 => b'0' + nibble,
                _ => b'a' - 10 + nibble,
            };
        }
        hex
    }
}

/// Makes the digest of bytes that come in pieces.
#[derive(Clone, Debug, Default)]
pub struct Hashing(Sha256);

impl Hashing {
    /// The bytes that come next.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of what came so far; it begins anew.
    pub fn digest(&mut self) -> Digest {
        Digest(self.0.finalize_reset().into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = self.hex();
        f.write_str(str::from_utf8(&hex).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A statement text (possibly of several statements) with what it would do.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// The exact text. Bytes that are not UTF-8 are shown replaced, and the statement is then opaque.
    pub text: Arc<str>,
    /// SHA-256 of the exact bytes: what approvals and caches are bound to.
    pub fingerprint: Digest,
    /// The verbs in order of appearance, without repetition; empty where opaque.
    pub verbs: Vec<Verb>,
    /// What it touches, or that this is not known.
    pub touches: Touches,
    /// What its output is made of, for each statement of the text; empty where opaque.
    pub outputs: Arc<[Outputs]>,
    /// Its form.
    pub shape: Shape,
    /// Bind values, in order; empty for a statement that is only prepared.
    pub parameters: Arc<[Parameter]>,
    /// Their types.
    pub types: ParameterTypes,
    /// What policies can ask about its values; none where they were not read, because no policy asks.
    pub values: Option<Values>,
}

/// The types of bind values, in order. None where a type is not known, also behind the end.
pub type ParameterTypes = Arc<[Option<ParameterType>]>;

/// The type of a bind value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterType {
    /// Its name: `int4`, `text[]`, and with the schema where it is not built in, `public.mood`.
    pub name: Arc<str>,
    /// `pg_type.oid` of the built-in type that has the same formats: its own, or of a domain its base type's, of an enum
    /// `text`'s. 0 where there is none that is known.
    pub like: u32,
}

/// A bind value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Parameter {
    /// NULL.
    Null,
    /// Sent in the type's text format.
    Text(String),
    /// Sent in the type's binary format: the bytes of the wire, in hex.
    Binary(String),
    /// Sent in the type's text format, in another encoding than UTF-8: the bytes of the wire, in hex.
    Encoded(String),
    /// Too large to be kept whole.
    Large {
        /// Length in bytes.
        length: u64,
        /// SHA-256 of the bytes of the wire, hex.
        sha256: String,
    },
}

/// What a statement does to an object. Each is an action of the policy schema with the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// Read rows.
    Select,
    /// Add rows.
    Insert,
    /// Change rows.
    Update,
    /// Remove rows.
    Delete,
    /// Remove all rows.
    Truncate,
    /// MERGE, beside the verbs of its branches.
    Merge,
    /// `COPY ... FROM`.
    CopyIn,
    /// `COPY ... TO`.
    CopyOut,
    /// Create an object.
    Create,
    /// Change an object's definition.
    Alter,
    /// Drop an object.
    Drop,
    /// GRANT, REVOKE, role membership, ownership.
    Grant,
    /// Change a session setting.
    Set,
    /// Call a function or procedure that is not known to be harmless.
    Call,
    /// Lock a relation explicitly, also by `FOR UPDATE`; prepare a transaction for two-phase commit, or end one.
    Lock,
    /// VACUUM, ANALYZE, CLUSTER, REINDEX, REFRESH, CHECKPOINT.
    Maintain,
    /// LISTEN, UNLISTEN, NOTIFY.
    Notify,
    /// A command of the replication protocol.
    Replicate,
}

impl Verb {
    /// The name of the policy action, such as `copy_in`.
    pub fn name(self) -> &'static str {
        match self {
            Verb::Select => "select",
            Verb::Insert => "insert",
            Verb::Update => "update",
            Verb::Delete => "delete",
            Verb::Truncate => "truncate",
            Verb::Merge => "merge",
            Verb::CopyIn => "copy_in",
            Verb::CopyOut => "copy_out",
            Verb::Create => "create",
            Verb::Alter => "alter",
            Verb::Drop => "drop",
            Verb::Grant => "grant",
            Verb::Set => "set",
            Verb::Call => "call",
            Verb::Lock => "lock",
            Verb::Maintain => "maintain",
            Verb::Notify => "notify",
            Verb::Replicate => "replicate",
        }
    }
}

/// An empty list means "touches nothing". Not knowing is `Opaque`, and never an empty list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Touches {
    /// Everything that it touches.
    Known(Vec<Touch>),
    /// What it touches cannot be known.
    Opaque(Opacity),
}

/// One verb on one object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Touch {
    /// What is done.
    pub verb: Verb,
    /// To what.
    pub object: Object,
    /// The object's columns that are involved, every one of them (`*` is expanded); empty where columns do not apply.
    pub columns: Vec<ColumnUse>,
    /// Whether a WHERE clause that is not trivially true restricts the rows. `true` where rows do not apply.
    pub restricted: bool,
    /// The view through which the object is reached. The verb is then permitted on the view, and only the
    /// columns are asked about.
    pub through: Option<Relation>,
}

/// How a statement uses one column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnUse {
    /// Which.
    pub column: Column,
    /// How.
    pub how: Use,
}

/// What becomes of a column's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Use {
    /// It can flow into the result, where it can be masked by its place: [`Outputs`] says into which columns. Nothing else
    /// of the statement depends on it.
    Shown,
    /// It can flow somewhere else than into the result, or into it in a form that cannot be masked.
    Derived,
    /// It decides which rows come, in which order or grouping, or whether the statement fails.
    Filtered,
    /// It is compared as a whole with values that the statement brings along (`ssn = $1`), and decides nothing else by that.
    Matched,
    /// It is written to.
    Written,
    /// It belongs to a row that is written, and the server's error about that row may tell it.
    Told,
}

/// Why a statement's facts are not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opacity {
    /// A stable word for reports: `syntax`, `encoding`, `unresolved`, `dynamic`, `unsupported`, `catalog`, `search_path`,
    /// `session`.
    pub kind: Arc<str>,
    /// One sentence in lower case that names what could not be known.
    pub explanation: String,
}

/// The form of a statement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Number of statements in the text.
    pub statements: u32,
    /// The constant LIMIT (or FETCH FIRST) of the outermost query, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// The number of rows that an INSERT lists, where it is the whole text and lists them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inserted: Option<u64>,
    /// Whether it declares a cursor, so that its rows are those of later statements.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub declares: bool,
}

/// How a forwarded request ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Success, failure, or neither.
    pub status: Status,
    /// Command tags in order (`UPDATE 3`).
    pub tags: Vec<String>,
    /// Rows sent to the client.
    pub rows: u64,
    /// Bytes of rows and COPY data sent to the client, after masking.
    pub bytes: u64,
    /// Values that were masked.
    pub masked: u64,
    /// The same per masked column, in the order of the decision's masks. Not in records of older agents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub masked_values: Vec<u64>,
}

/// Whether it worked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The server completed it.
    Completed,
    /// The server suspended it at the row limit that the client asked for.
    Suspended,
    /// The server did it, but the result had more rows than the policies permit: the client got an error for the rest.
    Limited,
    /// The server answered with an error.
    Failed {
        /// SQLSTATE.
        code: String,
        /// The server's message.
        message: String,
    },
    /// The server skipped it because of an earlier error in the pipeline.
    Skipped,
    /// The session ended before the server's answer was seen: it may or may not have run.
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replication(value: &str) -> Option<Replication> {
        let login = Login {
            user: "u".into(),
            database: "d".into(),
            application: None,
            settings: vec![("replication".into(), value.into())],
        };
        login.replication()
    }

    #[test]
    fn only_what_the_server_reads_as_false_is_no_replication() {
        for value in ["false", "F", "fAl", "no", "n", "off", "OF", "0"] {
            assert_eq!(replication(value), None, "{value}");
        }
        for value in [
            "true",
            "t",
            "on",
            "yes",
            "1",
            "",
            "o",
            "00",
            "falsey",
            "database1",
        ] {
            assert_eq!(replication(value), Some(Replication::Physical), "{value}");
        }
        assert_eq!(replication("database"), Some(Replication::Logical));
        assert_eq!(replication("Database"), Some(Replication::Physical));
    }
}
