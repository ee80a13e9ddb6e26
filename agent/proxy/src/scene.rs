//! From what a client worded to what policy judges: the parse step, with the session's SQL state.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use catalog::{Catalog, CatalogError, Database, Inquiry};
use model::{Login, Opacity, Outcome, ParameterTypes, Shape, Subject, Target, Touches};
use protocol::{Command, Session, Source, Ticket, Transaction};
use sql::{Change, Facts, Snapshot};

use crate::reading::{Reading, Readings};

/// Everything about a session that does not change after its login.
pub struct Scene {
    pub subject: Subject,
    pub target: Target,
    pub login: Login,
    /// Whether the login asked for the replication protocol.
    replicates: bool,
    database: Database,
    state: Mutex<State>,
}

struct State {
    names: Names,
    readings: Readings,
    /// The last forwarded statement that changed what names mean, or may have done so.
    changed: Ticket,
    /// How often the server had reported a setting when that was last taken over.
    reports: u64,
    /// A statement of the open transaction made, changed or dropped objects: other sessions will see that at its end.
    defined: bool,
}

/// What is known about the session's SQL state, which names are resolved by.
enum Names {
    /// No statement was forwarded yet.
    Fresh,
    /// Everything that was forwarded is accounted for.
    Known(Box<sql::Session>),
    /// A statement was forwarded while the catalog could not be read: names cannot be resolved any more.
    Lost,
}

/// Settings that the server reports by itself.
pub struct Reported {
    pub name: &'static str,
    pub value: String,
}

/// The settings that change what a text means.
pub const REPORTED: [&str; 2] = ["client_encoding", "standard_conforming_strings"];

impl Scene {
    pub fn new(subject: Subject, target: Target, login: Login, catalog: &Catalog) -> Self {
        Self {
            database: catalog.database(&target, &login.database),
            replicates: login.replication().is_some(),
            subject,
            target,
            login,
            state: Mutex::new(State {
                names: Names::Fresh,
                changed: Ticket(0),
                readings: Readings::default(),
                reports: 0,
                defined: false,
            }),
        }
    }

    /// What the command would do, where that is known already.
    pub fn known(&self, command: &Command, now: Instant) -> Option<(Arc<Reading>, Arc<Snapshot>)> {
        let Source::Text(text) = &command.source else {
            return None;
        };
        if self.replicates {
            return None;
        }
        let snapshot = self.database.at_hand(now)?;
        let state = self.state();
        let known = match &state.names {
            Names::Known(session) if !state.is_bound_to_the_past(command) => {
                let reading = state.readings.find(text, session, &snapshot)?;
                drop(state);
                Some((reading, snapshot))
            }
            _ => None,
        };
        known.filter(|(reading, _)| !may_fetch_what_was_bound(command, &reading.facts))
    }

    /// Whether the catalog is read through the session itself.
    pub fn is_read_in_session(&self) -> bool {
        !self.replicates && self.database.is_read_in_session()
    }

    /// Whether the catalog has to be read before the session's next statement can be understood.
    pub fn lacks_catalog(&self, now: Instant) -> bool {
        let Some(snapshot) = self.database.at_hand(now) else {
            return true;
        };
        // Who told of it may have started with settings of its own.
        let is_fresh = matches!(self.state().names, Names::Fresh);
        is_fresh && !sql::Session::new(&self.login, &snapshot).is_known()
    }

    /// What the server is to be asked for that.
    pub fn inquiry(&self) -> Inquiry {
        self.database.inquiry()
    }

    /// What the command would do, as of everything that was forwarded before it, and the types of its values. `exactly`:
    /// as this very text is read, and not only one of its pattern. `told`: what the session was told of the catalog for it.
    pub async fn read(
        &self,
        command: &Command,
        exactly: bool,
        reported: &[Reported],
        told: Option<Result<Arc<Snapshot>, CatalogError>>,
    ) -> (Arc<Reading>, ParameterTypes) {
        if let Some(facts) = self.replication(&command.source) {
            let reading = Reading::new(&command.source, facts);
            return (Arc::new(reading), ParameterTypes::default());
        }
        let snapshot = match (self.database.snapshot().await, told) {
            (Ok(snapshot), _) => Ok(snapshot),
            (Err(_), Some(told)) => told,
            (Err(error), None) => Err(error),
        };
        match snapshot {
            Ok(snapshot) => {
                let reading = self.understand(command, exactly, &snapshot, reported);
                let types = types(command, &reading.facts, &snapshot);
                (reading, types)
            }
            Err(error) => {
                if let Some(facts) = self.end_of_transaction(&command.source) {
                    let reading = Reading::new(&command.source, facts);
                    return (Arc::new(reading), ParameterTypes::default());
                }
                let why = format!("the database's catalog cannot be read: {error}");
                let reading = Reading::new(&command.source, opaque("catalog", why));
                (Arc::new(reading), ParameterTypes::default())
            }
        }
    }

    /// Of a command of replication, which names nothing that the catalog knows.
    fn replication(&self, source: &Source) -> Option<Facts> {
        match source {
            Source::Text(text) => sql::analyse_replication(text, self.login.replication()?),
            Source::Function(_) => None,
        }
    }

    /// Of the end of a transaction, for which no catalog is needed: otherwise nobody could leave one in which it cannot be
    /// read.
    fn end_of_transaction(&self, source: &Source) -> Option<Facts> {
        let (Source::Text(text), Names::Known(session)) = (source, &self.state().names) else {
            return None;
        };
        let nothing = Snapshot::new(0, sql::Rows::default());
        let facts = sql::analyse(text, session, &nothing);
        let is_end = |change: &Change| {
            matches!(
                change,
                Change::RolledBack | Change::RolledBackTo | Change::Committed
            )
        };
        let touches_nothing =
            matches!(&facts.touches, Touches::Known(touches) if touches.is_empty());
        let ends = facts.shape.statements == 1 && facts.changes.len() == 1;
        (ends && touches_nothing && facts.changes.iter().all(is_end)).then_some(facts)
    }

    fn understand(
        &self,
        command: &Command,
        exactly: bool,
        snapshot: &Snapshot,
        reported: &[Reported],
    ) -> Arc<Reading> {
        let mut state = self.state();
        if matches!(state.names, Names::Fresh) {
            let mut session = sql::Session::new(&self.login, snapshot);
            for setting in reported {
                session.reported(setting.name, &setting.value);
            }
            state.names = Names::Known(Box::new(session));
        }
        let source = &command.source;
        if state.is_bound_to_the_past(command) {
            let why = "the session's state changed between the statement's Bind and its Execute";
            return Arc::new(Reading::new(source, opaque("session", why.into())));
        }
        let State {
            names, readings, ..
        } = &mut *state;
        let facts = match (names, source) {
            (Names::Known(session), Source::Text(text)) => {
                let known = readings.find(text, session, snapshot);
                let known = known.filter(|known| !exactly || known.is_of(source));
                let reading = known.unwrap_or_else(|| readings.read(text, session, snapshot));
                if !may_fetch_what_was_bound(command, &reading.facts) {
                    return reading;
                }
                let why = "FETCH may run a portal that was bound under a name, which is only judged where Execute runs it";
                Facts {
                    touches: opaque("session", why.into()).touches,
                    ..reading.facts.clone()
                }
            }
            (Names::Known(session), Source::Function(oid)) => {
                sql::analyse_call(*oid, session, snapshot)
            }
            (Names::Fresh | Names::Lost, _) => opaque(
                "catalog",
                "statements ran in this session while the database's catalog could not be read"
                    .into(),
            ),
        };
        Arc::new(Reading::new(source, facts))
    }

    /// The protocol prepares something under this name, which SQL can run by EXECUTE.
    pub fn prepares(&self, name: &[u8]) {
        if let Names::Known(session) = &mut self.state().names {
            session.parsed(name);
        }
    }

    /// A statement was forwarded.
    pub fn forwarded(&self, ticket: Ticket, facts: &Facts) {
        let mut state = self.state();
        let changes = facts.defines || !facts.changes.is_empty();
        if changes {
            state.changed = ticket;
        }
        match &mut state.names {
            Names::Known(session) => session.forwarded(facts),
            // A command of replication, for which no catalog was read.
            Names::Fresh if !changes => {}
            names => *names = Names::Lost,
        }
    }

    /// A forwarded statement ended.
    pub fn finished(&self, facts: &Facts, outcome: &Outcome) {
        let mut state = self.state();
        if let Names::Known(session) = &mut state.names {
            session.finished(facts, outcome);
        }
        state.defined |= facts.defines;
    }

    /// Something other than a statement failed, and undid what came before it in its transaction.
    pub fn failed(&self) {
        if let Names::Known(session) = &mut self.state().names {
            session.failed();
        }
    }

    /// The server said where its transaction stands, after everything that finished before.
    pub fn ready(&self, transaction: Transaction, engine: &dyn Session) {
        if transaction != Transaction::Idle {
            return;
        }
        let mut state = self.state();
        if std::mem::take(&mut state.defined) {
            self.database.invalidate();
        }
        let State { names, reports, .. } = &mut *state;
        if let Names::Known(session) = names {
            let has_reported = std::mem::replace(reports, engine.reports()) != engine.reports();
            if session.settled() || has_reported {
                for name in REPORTED {
                    if let Some(value) = engine.setting(name) {
                        session.reported(name, value);
                    }
                }
            }
        }
    }

    /// The server said what cannot be, as far as it was understood: the catalog may be another by now.
    pub fn misunderstood(&self) {
        self.database.invalidate();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether its names were bound before something changed what they mean.
    fn is_bound_to_the_past(&self, command: &Command) -> bool {
        command
            .bound_after
            .is_some_and(|bound| bound < self.changed)
    }
}

/// The types of the values that come with a command.
pub fn types(command: &Command, facts: &Facts, snapshot: &Snapshot) -> ParameterTypes {
    let named = command.types.as_deref().unwrap_or_default();
    snapshot.types().of_parameters(named, &facts.placeholders)
}

/// Whether this may run by FETCH what the protocol bound: the values, masks and approvals of its Execute would not count.
fn may_fetch_what_was_bound(command: &Command, facts: &Facts) -> bool {
    facts.fetches && command.beside_bound
}

fn opaque(kind: &str, explanation: String) -> Facts {
    Facts {
        verbs: Vec::new(),
        touches: Touches::Opaque(Opacity {
            kind: kind.into(),
            explanation,
        }),
        outputs: Arc::default(),
        shape: Shape::default(),
        placeholders: Vec::new(),
        equals: Vec::new(),
        utf8: false,
        changes: vec![Change::Anything],
        defines: true,
        fetches: false,
        credentials: false,
        functions: Arc::default(),
    }
}
