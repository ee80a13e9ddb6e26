//! What was understood of a text and decided about it, kept while neither can have changed.
//!
//! Knows when an answer may be used again, and nothing of how it is found. A text is the exact text: statements that
//! look alike are read each for themselves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use model::{Decision, Parameter, Statement};
use policy::PolicySet;
use protocol::Source;
use sql::{Facts, Meaning, Snapshot};

/// Texts remembered per session; when there are more, all are forgotten.
const TEXTS: usize = 64;
/// Bytes of the longest text that is remembered.
const LONGEST: usize = 16 << 10;

/// A text with its facts.
pub struct Reading {
    /// Without bind values.
    statement: Statement,
    /// What it would do.
    pub facts: Facts,
    /// What was decided about it.
    pub memory: Memory,
}

impl Reading {
    /// A text that is read for the first time.
    pub fn new(source: &Source, facts: Facts) -> Self {
        let statement = match source {
            Source::Text(text) => facts.statement(text, Arc::default()),
            Source::Function(oid) => {
                facts.statement(format!("FunctionCall {oid}").as_bytes(), Arc::default())
            }
        };
        Self {
            statement,
            facts,
            memory: Memory::default(),
        }
    }

    /// The statement with these values.
    pub fn statement(&self, parameters: Vec<Parameter>) -> Statement {
        Statement {
            parameters: parameters.into(),
            ..self.statement.clone()
        }
    }
}

/// The readings of one session.
#[derive(Default)]
pub struct Readings(HashMap<Bytes, Known>);

/// A reading, and what it holds for.
struct Known {
    reading: Arc<Reading>,
    snapshot: u64,
    meaning: Meaning,
}

impl Readings {
    /// The reading of this text, made again where the catalog or the session's state is another.
    pub fn get(
        &mut self,
        text: &Bytes,
        session: &sql::Session,
        snapshot: &Snapshot,
        read: impl FnOnce() -> Reading,
    ) -> Arc<Reading> {
        if let Some(known) = self.0.get(text)
            && known.snapshot == snapshot.version()
            && session.still_means(&known.meaning)
        {
            return known.reading.clone();
        }
        let reading = Arc::new(read());
        if text.len() <= LONGEST {
            if self.0.len() >= TEXTS {
                self.0.clear();
            }
            let known = Known {
                reading: reading.clone(),
                snapshot: snapshot.version(),
                meaning: session.meaning(),
            };
            // A slice would keep the whole message that it was cut from.
            self.0.insert(Bytes::copy_from_slice(text), known);
        }
        reading
    }
}

/// The last decision about one reading, without approval.
#[derive(Default)]
pub struct Memory(Mutex<Option<Remembered>>);

struct Remembered {
    policies: Arc<PolicySet>,
    in_transaction: bool,
    decision: Decision,
}

impl Memory {
    /// The decision, where these policies would decide the same again: bind values are not asked about.
    pub fn recall(&self, policies: &Arc<PolicySet>, in_transaction: bool) -> Option<Decision> {
        let remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let remembered = remembered.as_ref()?;
        let holds = Arc::ptr_eq(&remembered.policies, policies)
            && remembered.in_transaction == in_transaction
            && !policies.depends_on_time();
        holds.then(|| remembered.decision.clone())
    }

    /// Remembers it.
    pub fn keep(&self, policies: &Arc<PolicySet>, in_transaction: bool, decision: &Decision) {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *remembered = Some(Remembered {
            policies: policies.clone(),
            in_transaction,
            decision: decision.clone(),
        });
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use model::{Effect, Login, Masks, Outcome, Reason, Status};
    use sql::Rows;

    use super::*;

    fn login() -> Login {
        Login {
            user: "ann".into(),
            database: "shop".into(),
            application: None,
            settings: Vec::new(),
        }
    }

    fn snapshot(version: u64) -> Snapshot {
        Snapshot::new(version, Rows::default())
    }

    /// Whether `text` is read again, or known from before.
    fn is_read(readings: &mut Readings, session: &sql::Session, snapshot: &Snapshot) -> bool {
        let text = Bytes::from_static(b"SELECT 1");
        let mut is_read = false;
        readings.get(&text, session, snapshot, || {
            is_read = true;
            let facts = sql::analyse(&text, session, snapshot);
            Reading::new(&Source::Text(text.clone()), facts)
        });
        is_read
    }

    #[test]
    fn a_text_is_read_once_while_nothing_changes() {
        let (session, snapshot) = (sql::Session::new(&login(), &snapshot(1)), snapshot(1));
        let mut readings = Readings::default();
        assert!(is_read(&mut readings, &session, &snapshot));
        assert!(!is_read(&mut readings, &session, &snapshot));
    }

    #[test]
    fn a_text_is_read_again_by_another_catalog() {
        let session = sql::Session::new(&login(), &snapshot(1));
        let mut readings = Readings::default();
        assert!(is_read(&mut readings, &session, &snapshot(1)));
        assert!(is_read(&mut readings, &session, &snapshot(2)));
    }

    #[test]
    fn a_text_is_read_again_when_the_session_changes_what_it_means() {
        let snapshot = snapshot(1);
        let mut session = sql::Session::new(&login(), &snapshot);
        let mut readings = Readings::default();
        assert!(is_read(&mut readings, &session, &snapshot));
        let change = sql::analyse(b"SET search_path = secret", &session, &snapshot);
        session.forwarded(&change);
        assert!(is_read(&mut readings, &session, &snapshot));
        let completed = Outcome {
            status: Status::Completed,
            tags: vec!["SET".into()],
            rows: 0,
            bytes: 0,
            masked: 0,
        };
        session.finished(&change, &completed);
        session.settled();
        assert!(is_read(&mut readings, &session, &snapshot));
        assert!(!is_read(&mut readings, &session, &snapshot));
    }

    #[test]
    fn readings_are_bounded() {
        let snapshot = snapshot(1);
        let session = sql::Session::new(&login(), &snapshot);
        let mut readings = Readings::default();
        for number in 0..10 * TEXTS {
            let text = Bytes::from(format!("SELECT {number}"));
            let facts = sql::analyse(&text, &session, &snapshot);
            readings.get(&text, &session, &snapshot, || {
                Reading::new(&Source::Text(text.clone()), facts)
            });
            assert!(readings.0.len() <= TEXTS);
        }
    }

    fn policies(condition: &str) -> Arc<PolicySet> {
        let directory = tempfile::tempdir().unwrap();
        let policy = format!(
            "@id(\"all\")\npermit (principal, action == Action::\"select\", resource) when {{ {condition} }};\n"
        );
        fs::write(directory.path().join("all.cedar"), policy).unwrap();
        fs::write(directory.path().join("classes.toml"), "").unwrap();
        Arc::new(PolicySet::load(directory.path()).unwrap())
    }

    fn decision() -> Decision {
        Decision {
            effect: Effect::Allow,
            masks: Masks::none(),
            because: Reason::default(),
        }
    }

    #[test]
    fn a_decision_is_recalled_for_the_same_policies_and_transaction_state_only() {
        let (these, others) = (policies("context.has_where"), policies("context.has_where"));
        let memory = Memory::default();
        memory.keep(&these, false, &decision());
        assert_eq!(memory.recall(&these, false), Some(decision()));
        assert_eq!(memory.recall(&these, true), None);
        assert_eq!(memory.recall(&others, false), None);
    }

    #[test]
    fn a_decision_that_depends_on_the_time_is_not_recalled() {
        let office_hours = policies("context.hour < 18");
        let memory = Memory::default();
        memory.keep(&office_hours, false, &decision());
        assert_eq!(memory.recall(&office_hours, false), None);
    }
}
