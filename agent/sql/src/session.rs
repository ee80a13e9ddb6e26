//! The SQL state of one session: what the next statement's names and strings mean.
//!
//! Knows nothing of the wire. Three pictures are kept, because a change counts at three moments:
//!
//! ```text
//!             forwarded           finished, completed      settled (no transaction is open)
//!   current   not known           the new value            = next
//!   next      -                   the new value            -
//!   committed -                   -                        = next
//! ```
//!
//! A failure puts `current` and `next` back to `committed`: the server rolls settings back too.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{Login, Opacity, Outcome, Status};

use crate::facts::{Assignment, Change, Facts};
use crate::opacity;
use crate::prepared::{self, Prepared};
use crate::snapshot::{Relation, Snapshot};

/// A search path as written, `$user` unexpanded.
pub type Path = Arc<[Arc<str>]>;

/// The settings that decide what a text means. None: not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// `search_path`
    pub path: Option<Path>,
    /// `current_user`, which is what `$user` stands for.
    pub role: Option<Arc<str>>,
    /// `standard_conforming_strings`
    pub standard_strings: Option<bool>,
    /// Whether `client_encoding` is UTF8.
    pub utf8: Option<bool>,
}

/// Temporary objects remembered per session. A session that makes more has no unqualified names that are known.
const MAX_TEMPORARY: usize = 1_000;

/// What texts meant in a session at some moment.
#[derive(Clone, Debug)]
pub struct Meaning {
    settings: Settings,
    changed: bool,
    redefined: bool,
    temporary: BTreeSet<Arc<str>>,
    prepared: u64,
}

/// Whether statements after it are understood differently.
fn leaves_traces(facts: &Facts) -> bool {
    facts.defines || !facts.changes.is_empty()
}

/// Whether names and strings in statements after it are read differently.
fn changes_meaning(facts: &Facts) -> bool {
    let is_of_prepared =
        |change: &Change| matches!(change, Change::Prepared(_) | Change::Deallocated(_));
    facts.defines || !facts.changes.iter().all(is_of_prepared)
}

/// The SQL state of one session.
#[derive(Clone, Debug)]
pub struct Session {
    initial: Settings,
    committed: Settings,
    current: Settings,
    next: Settings,
    /// Whether anything changed since the last moment without a transaction.
    dirty: bool,
    /// Whether settings may have changed since then, so that a savepoint may hold other values.
    changed: bool,
    /// Whether the catalog may have changed since then: the snapshot does not show it.
    redefined: bool,
    in_flight: u32,
    temporary: BTreeSet<Arc<str>>,
    prepared: prepared::Names,
}

impl Session {
    /// The state right after this login.
    pub fn new(login: &Login, snapshot: &Snapshot) -> Self {
        let initial = initial(login, snapshot);
        Self {
            committed: initial.clone(),
            current: initial.clone(),
            next: initial.clone(),
            initial,
            dirty: false,
            changed: false,
            redefined: false,
            in_flight: 0,
            temporary: BTreeSet::new(),
            prepared: prepared::Names::default(),
        }
    }

    /// What the next statement is judged with.
    pub fn settings(&self) -> &Settings {
        &self.current
    }

    /// Whether all of these are known.
    pub fn is_known(&self) -> bool {
        let Settings {
            path,
            role,
            standard_strings,
            utf8,
        } = &self.current;
        path.is_some() && role.is_some() && standard_strings.is_some() && utf8.is_some()
    }

    /// Everything that decides what a text means in this session now: while it is the same, so are the facts.
    pub fn meaning(&self) -> Meaning {
        Meaning {
            settings: self.current.clone(),
            changed: self.changed,
            redefined: self.redefined,
            temporary: self.temporary.clone(),
            prepared: self.prepared.version(),
        }
    }

    /// Whether texts mean what they did then.
    pub fn still_means(&self, then: &Meaning) -> bool {
        self.current == then.settings
            && self.changed == then.changed
            && self.redefined == then.redefined
            && self.temporary == then.temporary
            && self.prepared.version() == then.prepared
    }

    /// What `RESET` returns to.
    pub(crate) fn initial(&self) -> &Settings {
        &self.initial
    }

    /// The statement went to the server, which has not answered: what it may change is not known until then.
    pub fn forwarded(&mut self, facts: &Facts) {
        self.redefined |= facts.defines;
        if !leaves_traces(facts) {
            return;
        }
        self.in_flight = self.in_flight.saturating_add(1);
        self.dirty = true;
        for change in &facts.changes {
            self.expect(change);
        }
    }

    fn expect(&mut self, change: &Change) {
        self.changed |= matches!(
            change,
            Change::Set { .. } | Change::Tainted | Change::Anything
        );
        match change {
            Change::Set { to, .. } => to.forget(&mut self.current),
            Change::Tainted => {
                self.current.path = None;
                self.next.path = None;
                // It may have prepared something, too.
                self.prepared.forget_all();
            }
            Change::Temporary(name) => {
                if self.temporary.len() <= MAX_TEMPORARY {
                    self.temporary.insert(name.clone());
                }
            }
            Change::Prepared(prepared) => self.prepared.sent(&prepared.name),
            Change::Deallocated(Some(name)) => self.prepared.forget(name),
            Change::Deallocated(None) => self.prepared.forget_all(),
            Change::Discarded | Change::Committed => {}
            Change::Anything => {
                self.prepared.forget_all();
                self.current = Settings::default();
                self.next = Settings::default();
            }
            Change::RolledBack | Change::RolledBackTo if !self.changed => {}
            Change::RolledBack => self.current = Settings::default(),
            Change::RolledBackTo => {
                self.current = Settings::default();
                self.next = Settings::default();
            }
        }
    }

    /// The server answered a statement that was told by [`Session::forwarded`]. Call it for every forwarded statement,
    /// in order, also for those without changes: a failure undoes what others changed.
    pub fn finished(&mut self, facts: &Facts, outcome: &Outcome) {
        if leaves_traces(facts) {
            self.in_flight = self.in_flight.saturating_sub(1);
        }
        let worked = matches!(
            outcome.status,
            Status::Completed | Status::Suspended | Status::Limited
        );
        for change in &facts.changes {
            if let Change::Prepared(prepared) = change {
                self.prepared.ended(prepared, worked);
            }
        }
        match outcome.status {
            Status::Completed | Status::Suspended | Status::Limited => {
                for change in &facts.changes {
                    self.learn(change);
                }
            }
            // How far a text of several statements came is not told, and a COMMIT in it may have counted.
            Status::Failed { .. } if facts.shape.statements > 1 && changes_meaning(facts) => {
                self.lose();
            }
            Status::Failed { .. } | Status::Skipped => self.undo(),
            Status::Unknown => self.lose(),
        }
        // COMMIT of a failed transaction is answered by ROLLBACK.
        if outcome.tags.iter().any(|tag| tag == "ROLLBACK") && !facts.rolls_back_to() {
            self.undo();
        }
    }

    fn learn(&mut self, change: &Change) {
        match change {
            Change::Set { local, to } => {
                if self.in_flight == 0 {
                    to.apply(&mut self.current);
                }
                if !local {
                    to.apply(&mut self.next);
                }
            }
            Change::Discarded => self.temporary.clear(),
            Change::RolledBack => self.undo(),
            Change::Tainted
            | Change::Temporary(_)
            | Change::Prepared(_)
            | Change::Deallocated(_)
            | Change::Anything
            | Change::Committed
            | Change::RolledBackTo => {}
        }
    }

    fn lose(&mut self) {
        self.prepared.forget_all();
        self.committed = Settings::default();
        self.current = Settings::default();
        self.next = Settings::default();
    }

    fn undo(&mut self) {
        self.next = self.committed.clone();
        if self.in_flight == 0 {
            self.current = self.committed.clone();
        }
    }

    /// The protocol's Parse makes a statement of this name, as it was sent: EXECUTE of it runs what was not told here.
    pub fn parsed(&mut self, name: &[u8]) {
        self.prepared.parsed(name);
    }

    /// What EXECUTE of this name runs next.
    pub(crate) fn prepared(&self, name: &str) -> Result<&Arc<Prepared>, Opacity> {
        match self.in_flight {
            0 => self
                .prepared
                .find(name)
                .ok_or_else(|| prepared::unknown(name)),
            _ => Err(opacity::of(
                "session",
                format!(
                    "what EXECUTE {name} runs is not known before the statements before it have ended"
                ),
            )),
        }
    }

    /// Something that is no statement failed (a Bind, a Sync), or a statement that was never told of: what others changed
    /// in the same transaction is undone.
    pub fn failed(&mut self) {
        self.undo();
    }

    /// The server said that no transaction is open (ReadyForQuery with status `I`), after everything that was told as
    /// finished. Before that, nothing that changed is certain to stay, and what was defined is not in any snapshot: the
    /// next statement needs one from after this moment. What is still in flight began after that moment.
    ///
    /// Whether anything may have changed since the last such moment, so that what the server reports has to be told again.
    pub fn settled(&mut self) -> bool {
        if !self.dirty {
            return false;
        }
        self.committed = self.next.clone();
        if self.in_flight == 0 {
            self.current = self.next.clone();
            self.dirty = false;
            self.changed = false;
            self.redefined = false;
        }
        true
    }

    /// The server reported a setting by itself (ParameterStatus) while nothing was in flight and no transaction open.
    pub fn reported(&mut self, name: &str, value: &str) {
        if self.in_flight > 0 {
            return;
        }
        if let Some(assignment) = Assignment::parse(name, value) {
            assignment.apply(&mut self.current);
            assignment.apply(&mut self.next);
            assignment.apply(&mut self.committed);
        }
    }

    /// Takes over what an earlier statement of the same text does: the server runs them one after the other, and a
    /// failure ends the text.
    pub(crate) fn assume(&mut self, changes: &[Change], defines: bool) {
        self.redefined |= defines;
        for change in changes {
            self.expect(change);
            match change {
                Change::Set { to, .. } => to.apply(&mut self.current),
                Change::Prepared(prepared) => self.prepared.learn(prepared),
                _ => {}
            }
        }
    }

    /// Refuses to resolve names after a definition that no snapshot shows yet.
    pub(crate) fn resolvable(&self) -> Result<(), Opacity> {
        match self.redefined {
            false => Ok(()),
            true => Err(opacity::of(
                "catalog",
                "names cannot be resolved after a definition in the same text or transaction"
                    .into(),
            )),
        }
    }

    /// Whether this may be a temporary relation of the session.
    pub(crate) fn may_be_temporary(&self, name: &QualifiedName<'_>) -> bool {
        is_temporary_schema(name.schema)
            || name.schema.is_empty() && self.temporary.contains(name.name)
    }

    /// The relation that the server would find under this name.
    pub(crate) fn relation(
        &self,
        snapshot: &Snapshot,
        name: &QualifiedName<'_>,
    ) -> Result<Arc<Relation>, Opacity> {
        self.resolvable()?;
        if !name.catalog.is_empty() && name.catalog != snapshot.database() {
            return Err(opacity::unresolved(&format!(
                "{name} is in another database"
            )));
        }
        if is_temporary_schema(name.schema) {
            return Err(opacity::unresolved(&format!(
                "{name} is a temporary relation"
            )));
        }
        if !name.schema.is_empty() {
            let found = snapshot.relation(name.schema, name.name);
            return found.cloned().ok_or_else(|| missing(name));
        }
        self.unqualified(snapshot, name)
    }

    fn unqualified(
        &self,
        snapshot: &Snapshot,
        name: &QualifiedName<'_>,
    ) -> Result<Arc<Relation>, Opacity> {
        if self.temporary.contains(name.name) || self.temporary.len() > MAX_TEMPORARY {
            return Err(opacity::unresolved(&format!(
                "{name} may be a temporary relation of this session"
            )));
        }
        let schemas = self.schemas(snapshot).ok_or_else(|| {
            opacity::of(
                "search_path",
                format!("the search_path is not known, so {name} needs its schema"),
            )
        })?;
        let mut found = schemas
            .iter()
            .filter_map(|schema| snapshot.relation(schema, name.name));
        let first = found.next().ok_or_else(|| missing(name))?;
        // The server passes over a schema that the role may not use, and the snapshot does not know which these are.
        if &*first.name.schema != "pg_catalog" && found.next().is_some() {
            return Err(opacity::of(
                "search_path",
                format!("several schemas of the search_path have {name}: write which one"),
            ));
        }
        Ok(first.clone())
    }

    /// The schemas that are searched, in order, with `pg_catalog` where the server puts it.
    pub(crate) fn schemas(&self, snapshot: &Snapshot) -> Option<Vec<Arc<str>>> {
        let mut schemas: Vec<Arc<str>> = Vec::new();
        for element in self.current.path.as_ref()?.iter() {
            let name = match &**element {
                "$user" => self.current.role.clone()?,
                _ => element.clone(),
            };
            if snapshot.has_schema(&name) && !schemas.contains(&name) {
                schemas.push(name);
            }
        }
        if !schemas.iter().any(|schema| &**schema == "pg_catalog") {
            schemas.insert(0, Arc::from("pg_catalog"));
        }
        Some(schemas)
    }

    /// The schema in which an unqualified new object would be made.
    pub(crate) fn creation_schema(&self, snapshot: &Snapshot) -> Option<Arc<str>> {
        let path = self.current.path.as_ref()?;
        let explicit = path.iter().any(|element| &**element == "pg_catalog");
        let mut schemas = self.schemas(snapshot)?.into_iter();
        schemas.find(|schema| explicit || &**schema != "pg_catalog")
    }
}

fn initial(login: &Login, snapshot: &Snapshot) -> Settings {
    let mut settings = Settings {
        role: Some(Arc::from(login.user.as_str())),
        ..Settings::default()
    };
    let names = [
        "search_path",
        "standard_conforming_strings",
        "client_encoding",
        "role",
    ];
    for name in names {
        let value = snapshot.initial_setting(login, name);
        if let Some(assignment) = value.and_then(|value| Assignment::parse(name, &value)) {
            assignment.apply(&mut settings);
        }
    }
    settings
}

fn is_temporary_schema(schema: &str) -> bool {
    schema == "pg_temp" || schema.starts_with("pg_temp_")
}

fn missing(name: &QualifiedName<'_>) -> Opacity {
    opacity::unresolved(&format!("there is no relation {name} in the catalog"))
}

/// A name as written; an absent part is empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QualifiedName<'a> {
    pub(crate) catalog: &'a str,
    pub(crate) schema: &'a str,
    pub(crate) name: &'a str,
}

impl std::fmt::Display for QualifiedName<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for part in [self.catalog, self.schema] {
            if !part.is_empty() {
                write!(f, "{part}.")?;
            }
        }
        f.write_str(self.name)
    }
}
