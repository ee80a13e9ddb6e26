//! From what a client worded to what policy judges: the parse step, with the session's SQL state.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use catalog::Catalog;
use model::{Login, Opacity, Outcome, Shape, Statement, Subject, Target, Touches};
use protocol::{Command, Source, Transaction};
use sql::{Change, Facts, Snapshot};

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
                defined: false,
            }),
        }
    }

    /// What the command would do, as of everything that was forwarded before it.
    pub async fn read(&self, command: &Command, reported: &[Reported]) -> (Statement, Facts) {
        let facts = match self
            .catalog
            .snapshot(&self.target, &self.login.database)
            .await
        {
            Ok(snapshot) => self.facts(command, &snapshot, reported),
            Err(error) => opaque(format!("the database's catalog cannot be read: {error}")),
        };
        let parameters: Arc<[_]> = command.parameters.clone().into();
        let statement = match &command.source {
            Source::Text(text) => facts.statement(text, parameters),
            Source::Function(oid) => {
                let text = format!("FunctionCall {oid}");
                facts.statement(text.as_bytes(), parameters)
            }
        };
        (statement, facts)
    }

    fn facts(&self, command: &Command, snapshot: &Snapshot, reported: &[Reported]) -> Facts {
        let mut state = self.state();
        if matches!(state.names, Names::Fresh) {
            let mut session = sql::Session::new(&self.login, snapshot);
            for setting in reported {
                session.reported(setting.name, &setting.value);
            }
            state.names = Names::Known(Box::new(session));
        }
        match (&state.names, &command.source) {
            (Names::Known(session), Source::Text(text)) => sql::analyse(text, session, snapshot),
            (Names::Known(_), Source::Function(oid)) => sql::analyse_call(*oid, snapshot),
            (Names::Fresh | Names::Lost, _) => opaque(
                "statements ran in this session while the database's catalog could not be read"
                    .into(),
            ),
        }
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
