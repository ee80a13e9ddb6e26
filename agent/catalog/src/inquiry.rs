//! Reading a catalog through somebody's session, where no role is configured for it.
//!
//! Every role may read `pg_catalog`, and all see the same there, so what one session was told is good for all of them.
//! The server's defaults are the exception: a session that started with its own does not see them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sql::Snapshot;

use crate::reading::{Answer, Reading, Step};
use crate::{AtHand, CatalogError, Database, Entry, lock};

/// A reading whose statements somebody else puts to the server: in one transaction that writes nothing.
pub struct Inquiry {
    database: Database,
    reading: Reading,
    /// How often the catalog had been invalidated when the reading began.
    generation: u64,
    turn: Turn,
}

/// What answers lead to.
pub enum Answered {
    /// More is to be asked, in another transaction.
    More(Box<Inquiry>),
    /// The catalog was read.
    Read(Arc<Snapshot>),
}

/// Who reads while others are served what is old.
struct Turn(Arc<Entry>);

impl Drop for Turn {
    fn drop(&mut self) {
        lock(&self.0.state).refreshing = false;
    }
}

impl Database {
    /// Whether nobody else reads this catalog, so that sessions have to.
    pub fn is_read_in_session(&self) -> bool {
        !self.shared.access.contains_key(&self.entry.target.server)
    }

    /// Begins to read through a session.
    pub fn inquiry(&self) -> Inquiry {
        let mut state = lock(&self.entry.state);
        state.refreshing = true;
        Inquiry {
            database: self.clone(),
            reading: Reading::new(
                &self.entry.database,
                state.built_in.clone(),
                self.shared.limits.timeout,
            ),
            generation: state.generation,
            turn: Turn(self.entry.clone()),
        }
    }

    /// What is good enough without asking the session. What is old is so while another session reads.
    pub(crate) fn at_hand_in_session(&self, now: Instant) -> Option<Arc<Snapshot>> {
        match self.entry.at_hand(&self.shared.limits, now) {
            AtHand::Fresh(snapshot) => Some(snapshot),
            AtHand::Old(snapshot) => lock(&self.entry.state).refreshing.then_some(snapshot),
            AtHand::Nothing => None,
        }
    }

    /// What may be served where the session cannot be asked.
    pub(crate) fn unasked(&self) -> Result<Arc<Snapshot>, CatalogError> {
        match self.entry.at_hand(&self.shared.limits, Instant::now()) {
            AtHand::Fresh(snapshot) | AtHand::Old(snapshot) => Ok(snapshot),
            AtHand::Nothing => Err(CatalogError::NotQuiet {
                server: self.entry.target.server.clone(),
                database: self.entry.database.clone(),
            }),
        }
    }
}

impl Inquiry {
    /// What is to be run, in order.
    pub fn statements(&self) -> &[String] {
        self.reading.statements()
    }

    /// How long the answers may take.
    pub fn limit(&self) -> Duration {
        self.database.shared.limits.timeout
    }

    /// Takes an answer to each of the statements, or why there are none.
    pub fn answered(self, answers: Result<Vec<Answer>, String>) -> Result<Answered, CatalogError> {
        let Self {
            database,
            reading,
            generation,
            turn,
        } = self;
        let entry = &database.entry;
        let answers = answers.map_err(|why| CatalogError::Unanswered {
            database: entry.database.clone(),
            why,
        })?;
        let step = reading.answered(answers);
        match step.map_err(CatalogError::misread(&entry.database))? {
            Step::More(reading) => Ok(Answered::More(Box::new(Self {
                database,
                reading: *reading,
                generation,
                turn,
            }))),
            Step::Done(rows, known) => {
                lock(&entry.state).built_in = Some(known);
                let snapshot = database.shared.keep(entry, *rows, generation);
                Ok(Answered::Read(snapshot))
            }
        }
    }
}
