//! From what a client worded to what policy judges: the parse step, with the session's SQL state.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use catalog::Catalog;
use model::{Login, Opacity, Outcome, Shape, Subject, Target, Touches};
use protocol::{Command, Source, Transaction};
use sql::{Change, Facts, Snapshot};

use crate::reading::{Reading, Readings};

/// Everything about a session that does not change after its login.
pub struct Scene {
    pub subject: Subject,
    pub target: Target,
    pub login: Login,
    catalog: Catalog,
    state: Mutex<State>,
}

struct State {
    names: Names,
    readings: Readings,
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
    pub fn new(subject: Subject, target: Target, login: Login, catalog: Catalog) -> Self {
        Self {
            subject,
            target,
            login,
            catalog,
            state: Mutex::new(State {
                names: Names::Fresh,
                readings: Readings::default(),
                defined: false,
            }),
        }
    }

    /// What the command would do, as of everything that was forwarded before it.
    pub async fn read(&self, command: &Command, reported: &[Reported]) -> Arc<Reading> {
        match self
            .catalog
            .snapshot(&self.target, &self.login.database)
            .await
        {
            Ok(snapshot) => self.understand(command, &snapshot, reported),
            Err(error) => {
                let why = format!("the database's catalog cannot be read: {error}");
                Arc::new(Reading::new(&command.source, opaque(why)))
            }
        }
    }

    fn understand(
        &self,
        command: &Command,
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
        let State {
            names, readings, ..
        } = &mut *state;
        let source = &command.source;
        let facts = match (names, source) {
            (Names::Known(session), Source::Text(text)) => {
                return readings.get(text, session, snapshot, || {
                    Reading::new(source, sql::analyse(text, session, snapshot))
                });
            }
            (Names::Known(_), Source::Function(oid)) => sql::analyse_call(*oid, snapshot),
            (Names::Fresh | Names::Lost, _) => opaque(
                "statements ran in this session while the database's catalog could not be read"
                    .into(),
            ),
        };
        Arc::new(Reading::new(source, facts))
    }

    /// A statement was forwarded.
    pub fn forwarded(&self, facts: &Facts) {
        let mut state = self.state();
        match &mut state.names {
            Names::Known(session) => session.forwarded(facts),
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
    pub fn ready(&self, transaction: Transaction, reported: &[Reported]) {
        if transaction != Transaction::Idle {
            return;
        }
        let mut state = self.state();
        if std::mem::take(&mut state.defined) {
            self.catalog
                .invalidate(&self.target.server, &self.login.database);
        }
        if let Names::Known(session) = &mut state.names {
            session.settled();
            for setting in reported {
                session.reported(setting.name, &setting.value);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn opaque(explanation: String) -> Facts {
    Facts {
        verbs: Vec::new(),
        touches: Touches::Opaque(Opacity {
            kind: "catalog".into(),
            explanation,
        }),
        shape: Shape::default(),
        changes: vec![Change::Anything],
        defines: true,
    }
}
