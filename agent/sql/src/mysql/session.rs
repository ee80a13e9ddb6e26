//! The SQL state of one MySQL session: its database, its `sql_mode` and the encoding of its texts.
//!
//! Unlike PostgreSQL's, it does not follow transactions: what was set stays set.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{Login, Opacity, Outcome, Status};

use crate::facts::{Assignment, Change, Facts};
use crate::opacity;

/// The settings that decide what a text means. None: not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The default database; none also where none is chosen.
    pub database: Option<Arc<str>>,
    /// `sql_mode`
    pub modes: Option<Modes>,
    /// Whether `character_set_client` is UTF-8.
    pub utf8: Option<bool>,
}

/// The parts of `sql_mode` that decide how a text is read.
/// <https://dev.mysql.com/doc/refman/8.4/en/sql-mode.html>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Modes {
    /// `ANSI_QUOTES`: `"` encloses a name.
    pub ansi_quotes: bool,
    /// `NO_BACKSLASH_ESCAPES`
    pub no_backslash_escapes: bool,
    /// `PIPES_AS_CONCAT`: `||` is not OR.
    pub pipes_as_concat: bool,
}

/// Modes that do not change how a text is read.
const HARMLESS: [&str; 18] = [
    "ALLOW_INVALID_DATES",
    "ERROR_FOR_DIVISION_BY_ZERO",
    "HIGH_NOT_PRECEDENCE",
    "IGNORE_SPACE",
    "NO_AUTO_CREATE_USER",
    "NO_AUTO_VALUE_ON_ZERO",
    "NO_DIR_IN_CREATE",
    "NO_ENGINE_SUBSTITUTION",
    "NO_FIELD_OPTIONS",
    "NO_KEY_OPTIONS",
    "NO_TABLE_OPTIONS",
    "NO_UNSIGNED_SUBTRACTION",
    "NO_ZERO_DATE",
    "NO_ZERO_IN_DATE",
    "ONLY_FULL_GROUP_BY",
    "PAD_CHAR_TO_FULL_LENGTH",
    "STRICT_ALL_TABLES",
    "STRICT_TRANS_TABLES",
];

impl Modes {
    /// The modes of a value as the server writes it. None where a mode is in it that is not known here, such as MariaDB's
    /// `ORACLE`, which is another grammar.
    pub fn parse(value: &str) -> Option<Self> {
        let mut modes = Self::default();
        for name in value
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
        {
            match name.to_ascii_uppercase().as_str() {
                "ANSI_QUOTES" => modes.ansi_quotes = true,
                "NO_BACKSLASH_ESCAPES" => modes.no_backslash_escapes = true,
                "PIPES_AS_CONCAT" => modes.pipes_as_concat = true,
                "ANSI" => {
                    modes.ansi_quotes = true;
                    modes.pipes_as_concat = true;
                }
                "TRADITIONAL" | "REAL_AS_FLOAT" | "TIME_TRUNCATE_FRACTIONAL" => {}
                name if HARMLESS.contains(&name) => {}
                _ => return None,
            }
        }
        Some(modes)
    }
}

/// The SQL state of one session.
#[derive(Clone, Debug)]
pub struct Session {
    settings: Settings,
    /// What a statement that is under way found, to return to if it fails.
    before: Option<Settings>,
    /// Temporary tables, which hide others of the same name.
    temporary: BTreeSet<Arc<str>>,
    redefined: bool,
    /// Statements without an answer, and whether any of them sets something.
    in_flight: u32,
    sets: bool,
    /// Whether several are under way of which one sets something: in which state the others run is not followed.
    overlaps: bool,
}

/// Temporary tables remembered per session. A session that makes more has no names that are known.
const MAX_TEMPORARY: usize = 1_000;

impl Session {
    /// The state right after this login, on a server whose global `sql_mode` and `character_set_client` are these, as far
    /// as they are known.
    pub fn new(login: &Login, modes: Option<Modes>, utf8: Option<bool>) -> Self {
        let database = login.database.as_str();
        Self {
            settings: Settings {
                database: (!database.is_empty()).then(|| Arc::from(database)),
                modes,
                utf8,
            },
            before: None,
            temporary: BTreeSet::new(),
            redefined: false,
            in_flight: 0,
            sets: false,
            overlaps: false,
        }
    }

    /// What the next statement is judged with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The statement went to the server, which has not answered: what it may change is not known until then.
    pub fn forwarded(&mut self, facts: &Facts) {
        self.before = Some(self.settings.clone());
        self.sets |= !facts.changes.is_empty();
        self.overlaps |= self.in_flight > 0 && self.sets;
        self.in_flight = self.in_flight.saturating_add(1);
        self.redefined |= facts.defines;
        for change in &facts.changes {
            self.expect(change);
        }
    }

    /// The server answered the statement that was told by [`Session::forwarded`]. Call it for every one, in order.
    pub fn finished(&mut self, facts: &Facts, outcome: &Outcome) {
        let before = self.before.take();
        match outcome.status {
            Status::Completed | Status::Suspended | Status::Limited => {
                facts.changes.iter().for_each(|change| self.learn(change));
            }
            // How far a text of several statements came is not told.
            Status::Failed { .. } if facts.shape.statements > 1 => {}
            Status::Failed { .. } | Status::Skipped => {
                self.settings = before.unwrap_or_default();
            }
            Status::Unknown => self.settings = Settings::default(),
        }
        if self.overlaps {
            self.settings = Settings::default();
        }
        self.in_flight = self.in_flight.saturating_sub(1);
        if self.in_flight == 0 {
            self.sets = false;
            self.overlaps = false;
        }
    }

    /// A catalog from after the last definition is used from now on.
    pub fn settled(&mut self) {
        self.redefined = false;
    }

    /// Takes over what an earlier statement of the same text does.
    pub(super) fn assume(&mut self, changes: &[Change], defines: bool) {
        self.redefined |= defines;
        for change in changes {
            self.expect(change);
            self.learn(change);
        }
    }

    fn expect(&mut self, change: &Change) {
        match change {
            Change::Set { to, .. } => self.set(to, false),
            Change::Anything => self.settings = Settings::default(),
            Change::Tainted => {
                self.settings.modes = None;
                self.settings.utf8 = None;
            }
            Change::Temporary(name) => {
                if self.temporary.len() <= MAX_TEMPORARY {
                    self.temporary.insert(Arc::from(name.to_lowercase()));
                }
            }
            // PREPARE and EXECUTE are opaque there.
            Change::Prepared(_) | Change::Deallocated(_) => {}
            Change::Discarded | Change::Committed | Change::RolledBack | Change::RolledBackTo => {}
        }
    }

    fn learn(&mut self, change: &Change) {
        if let Change::Set { to, .. } = change {
            self.set(to, true);
        }
    }

    fn set(&mut self, to: &Assignment, known: bool) {
        match to {
            Assignment::Path(path) => {
                let database = path.as_ref().and_then(|path| path.first().cloned());
                self.settings.database = database.filter(|_| known);
            }
            Assignment::SqlMode(modes) => self.settings.modes = modes.filter(|_| known),
            Assignment::Utf8(utf8) => self.settings.utf8 = utf8.filter(|_| known),
            Assignment::Role(_) | Assignment::StandardStrings(_) => {}
        }
    }

    /// The default database.
    pub(super) fn database(&self) -> Result<Arc<str>, Opacity> {
        self.settings.database.clone().ok_or_else(|| {
            opacity::of(
                "session",
                "the default database is not known: write the table's database before its name"
                    .into(),
            )
        })
    }

    /// Refuses to resolve names after a definition that no catalog shows yet.
    pub(super) fn resolvable(&self) -> Result<(), Opacity> {
        match self.redefined {
            false => Ok(()),
            true => Err(opacity::of(
                "catalog",
                "names cannot be resolved after a definition until the catalog is read again"
                    .into(),
            )),
        }
    }

    /// Whether a temporary table may hide this one.
    pub(super) fn may_be_temporary(&self, name: &str) -> bool {
        self.temporary.len() > MAX_TEMPORARY || self.temporary.contains(&*name.to_lowercase())
    }
}
