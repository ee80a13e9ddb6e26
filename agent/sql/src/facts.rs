//! What a text does, as far as its grammar and the catalog tell.

use std::sync::Arc;

use model::{Digest, Function, Opacity, Outputs, Parameter, Shape, Statement, Touches, Verb};

use crate::credentials;
use crate::equality::Equality;
use crate::mysql::Modes;
use crate::path;
use crate::prepared::Prepared;
use crate::session::{Path, Settings};

/// What a text does.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// The verbs in order of appearance, without repetition; empty where opaque.
    pub verbs: Vec<Verb>,
    /// What it touches, or that this is not known.
    pub touches: Touches,
    /// What its output is made of, for each statement of the text; empty where opaque.
    pub outputs: Arc<[Outputs]>,
    /// Every function that is called by a name in the text, harmless ones too: what the name may mean. Those that are not
    /// harmless are touches as well. Empty where opaque.
    pub functions: Arc<[Function]>,
    /// Its form.
    pub shape: Shape,
    /// `pg_type.oid` that it gives its parameters `$1`, `$2` and so on: 0 where that is not known from here.
    pub placeholders: Vec<u32>,
    /// Columns that have one value in every row: of this very text. Texts of its pattern have the same ones with values of
    /// their own.
    pub equals: Vec<Equality>,
    /// Whether the session's encoding is known to be UTF8, so that values beyond ASCII can be read.
    pub utf8: bool,
    /// What it changes of the session's SQL state.
    pub changes: Vec<Change>,
    /// Whether it may change the catalog: a snapshot from before it is stale once it has run.
    pub defines: bool,
    /// Whether it carries credentials in its literals and values. Not told of what is opaque.
    pub credentials: bool,
    /// Whether it reads a cursor by name, whose query stands elsewhere (FETCH, MOVE).
    pub fetches: bool,
}

impl Facts {
    /// The statement with these facts, as the gate and the evidence take it; without the types of its values, and
    /// without the literals and values of one that carries credentials.
    pub fn statement(&self, text: &[u8], parameters: Arc<[Parameter]>) -> Statement {
        let readable = String::from_utf8_lossy(text);
        let (text, fingerprint, parameters) = match self.carries_credentials(&readable) {
            false => (Arc::from(readable), Digest::of(text), parameters),
            true => {
                let hidden = credentials::hide(&readable);
                // A digest of the exact text would let who has it try passwords.
                let fingerprint = Digest::of(hidden.as_bytes());
                let parameters = credentials::hide_values(&parameters);
                (Arc::from(hidden), fingerprint, parameters)
            }
        };
        Statement {
            text,
            fingerprint,
            verbs: self.verbs.clone(),
            touches: self.touches.clone(),
            outputs: self.outputs.clone(),
            shape: self.shape,
            parameters,
            types: Arc::default(),
            values: None,
        }
    }

    /// Whether the text with these facts carries credentials, as far as that can be told.
    pub fn carries_credentials(&self, text: &str) -> bool {
        match self.touches {
            Touches::Known(_) => self.credentials,
            Touches::Opaque(_) => credentials::may_carry(text),
        }
    }

    pub(crate) fn opaque(opacity: Opacity, shape: Shape) -> Self {
        let never_runs = &*opacity.kind == "syntax";
        Self {
            verbs: Vec::new(),
            touches: Touches::Opaque(opacity),
            outputs: Arc::default(),
            shape,
            placeholders: Vec::new(),
            equals: Vec::new(),
            utf8: false,
            changes: vec![Change::Anything],
            defines: !never_runs,
            fetches: false,
            credentials: false,
            functions: Arc::default(),
        }
    }

    pub(crate) fn rolls_back_to(&self) -> bool {
        self.changes.contains(&Change::RolledBackTo)
    }
}

/// What a statement changes of the session's SQL state.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A setting gets a value.
    Set {
        /// Whether it ends with the transaction.
        local: bool,
        /// Which, and which value.
        to: Assignment,
    },
    /// A function runs that may have set the search_path.
    Tainted,
    /// A temporary relation of this name may exist from now on, and hide others.
    Temporary(Arc<str>),
    /// Temporary objects are gone.
    Discarded,
    /// EXECUTE of this name runs this from now on.
    Prepared(Arc<Prepared>),
    /// A prepared statement is gone, or all of them.
    Deallocated(Option<Arc<str>>),
    /// The transaction is committed, and what changed in it stays.
    Committed,
    /// The transaction is rolled back, and settings with it.
    RolledBack,
    /// A part of the transaction is rolled back.
    RolledBackTo,
    /// Nothing is known about it.
    Anything,
}

/// A setting that decides what later texts mean, with its value; none where that is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assignment {
    /// `search_path`
    Path(Option<Path>),
    /// `role` or `session_authorization`: the new current user.
    Role(Option<Arc<str>>),
    /// `standard_conforming_strings`
    StandardStrings(Option<bool>),
    /// `client_encoding`: whether it is UTF8.
    Utf8(Option<bool>),
    /// `sql_mode` of MySQL.
    SqlMode(Option<Modes>),
}

impl Assignment {
    /// The assignment of a value in the text form that `set_config` and ParameterStatus use, for a setting that matters.
    pub fn parse(name: &str, value: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "search_path" => {
                let names = path::identifiers(value);
                let shared = |names: Vec<String>| names.into_iter().map(Arc::from).collect();
                Assignment::Path(names.map(shared))
            }
            "role" | "session_authorization" => Assignment::Role(match value {
                "none" | "default" => None,
                name => Some(Arc::from(name)),
            }),
            "standard_conforming_strings" => Assignment::StandardStrings(boolean(value)),
            "client_encoding" => Assignment::Utf8(Some(is_utf8(value))),
            _ => return None,
        })
    }

    /// The same assignment without its value.
    pub(crate) fn unknown(name: &str) -> Option<Self> {
        let known = Self::parse(name, "")?;
        Some(match known {
            Assignment::Path(_) => Assignment::Path(None),
            Assignment::Role(_) => Assignment::Role(None),
            Assignment::StandardStrings(_) => Assignment::StandardStrings(None),
            Assignment::Utf8(_) => Assignment::Utf8(None),
            Assignment::SqlMode(_) => Assignment::SqlMode(None),
        })
    }

    /// The assignment of the value in these settings.
    pub(crate) fn from(name: &str, settings: &Settings) -> Option<Self> {
        Some(match Self::unknown(name)? {
            Assignment::Path(_) => Assignment::Path(settings.path.clone()),
            Assignment::Role(_) => Assignment::Role(settings.role.clone()),
            Assignment::StandardStrings(_) => {
                Assignment::StandardStrings(settings.standard_strings)
            }
            Assignment::Utf8(_) => Assignment::Utf8(settings.utf8),
            Assignment::SqlMode(_) => return None,
        })
    }

    pub(crate) fn apply(&self, settings: &mut Settings) {
        match self {
            Assignment::Path(path) => settings.path.clone_from(path),
            Assignment::Role(role) => settings.role.clone_from(role),
            Assignment::StandardStrings(on) => settings.standard_strings = *on,
            Assignment::Utf8(utf8) => settings.utf8 = *utf8,
            Assignment::SqlMode(_) => {}
        }
    }

    pub(crate) fn forget(&self, settings: &mut Settings) {
        match self {
            Assignment::Path(_) => settings.path = None,
            Assignment::Role(_) => settings.role = None,
            Assignment::StandardStrings(_) => settings.standard_strings = None,
            Assignment::Utf8(_) => settings.utf8 = None,
            Assignment::SqlMode(_) => {}
        }
    }
}

/// Unique prefixes count too (`parse_bool` in `src/backend/utils/adt/bool.c`); those are left as not known.
fn boolean(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" => Some(true),
        "off" | "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// Encoding names are compared without case and punctuation (`clean_encoding_name` in `src/common/encnames.c`).
pub(crate) fn is_utf8(value: &str) -> bool {
    let clean: String = value
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    matches!(clean.as_str(), "utf8" | "unicode")
}
