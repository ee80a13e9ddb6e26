//! A session that runs statements, and what is known of it meanwhile.

use model::{Outcome, Status};

use super::{login, snapshot};
use crate::{Facts, Session, Snapshot, analyse};

pub(super) struct Run {
    pub(super) snapshot: Snapshot,
    pub(super) session: Session,
}

impl Run {
    pub(super) fn new(settings: &[(&str, &str)]) -> Self {
        let snapshot = snapshot();
        let session = Session::new(&login(settings), &snapshot);
        Self { snapshot, session }
    }

    /// What the text would do now.
    pub(super) fn facts(&self, text: &str) -> Facts {
        analyse(text.as_bytes(), &self.session, &self.snapshot)
    }

    pub(super) fn forward(&mut self, text: &str) -> Facts {
        let facts = self.facts(text);
        self.session.forwarded(&facts);
        facts
    }

    pub(super) fn finish(&mut self, facts: &Facts, worked: bool, tag: &str) {
        let status = match worked {
            true => Status::Completed,
            false => Status::Failed {
                code: "42000".into(),
                message: "no".into(),
            },
        };
        let outcome = Outcome {
            status,
            tags: vec![tag.into()],
            rows: 0,
            bytes: 0,
            masked: 0,
            masked_values: Vec::new(),
        };
        self.session.finished(facts, &outcome);
    }

    /// Runs a statement to its end, outside a transaction.
    pub(super) fn run(&mut self, text: &str) {
        self.step(text, true);
        self.session.settled();
    }

    /// Runs a statement inside a transaction.
    pub(super) fn step(&mut self, text: &str, worked: bool) {
        let facts = self.forward(text);
        self.finish(&facts, worked, text);
    }
}
