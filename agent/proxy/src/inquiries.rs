//! Reading the catalog through the session itself, where no role is configured for it.
//!
//! That is only possible while the server is quiet, so it happens before the client's next bytes are looked at: once a
//! Bind or a BEGIN was sent, it is too late for what follows.

use std::sync::Arc;
use std::time::{Duration, Instant};

use catalog::{Answered, CatalogError, Inquiry};
use protocol::{Inquired, Quiet};
use sql::Snapshot;

use crate::error::SessionError;
use crate::pump::Waiting;
use crate::relay::Answer;
use crate::scene::Scene;
use crate::session::Session;

/// How long what was told is good enough for the next statement: where definitions never stop, nobody would ever have the
/// newest.
const A_MOMENT: Duration = Duration::from_secs(1);

/// What a session was told of its catalog.
pub(crate) struct Told {
    catalog: Result<Arc<Snapshot>, CatalogError>,
    at: Instant,
}

impl Session {
    /// Whether the client's next bytes wait for the catalog. Asks the server for it as soon as that is quiet.
    pub(crate) fn waits_for_catalog(&mut self, scene: &Scene) -> Result<bool, SessionError> {
        if self.inquiry.is_some() {
            return Ok(true);
        }
        if self.pump.client.input.is_empty() || !scene.is_read_in_session() {
            return Ok(false);
        }
        let is_told = self.told.as_deref().is_some_and(Told::is_of_now);
        if is_told || !scene.lacks_catalog(Instant::now()) {
            return Ok(false);
        }
        match self.pump.engine.quiet() {
            Quiet::Now => {
                self.put(scene.inquiry())?;
                Ok(true)
            }
            Quiet::Later => Ok(true),
            Quiet::Never => Ok(false),
        }
    }

    /// The server has answered.
    pub(crate) fn inquired(&mut self, answers: Inquired) -> Result<(), SessionError> {
        let Some(inquiry) = self.inquiry.take() else {
            return Ok(());
        };
        let catalog = match inquiry.answered(answers) {
            Ok(Answered::More(more)) => return self.put(*more),
            Ok(Answered::Read(snapshot)) => Ok(snapshot),
            Err(error) => Err(error),
        };
        let at = Instant::now();
        self.told = Some(Box::new(Told { catalog, at }));
        Ok(())
    }

    /// Ends the session where the server takes longer than it may.
    pub(crate) fn patience(&self) -> Option<Waiting<Answer>> {
        let limit = self.inquiry.as_ref()?.limit();
        Some(Box::pin(async move {
            tokio::time::sleep(limit).await;
            Answer::Overdue(limit)
        }))
    }

    fn put(&mut self, inquiry: Inquiry) -> Result<(), SessionError> {
        let out = &mut self.pump.out;
        self.pump.engine.inquire(inquiry.statements(), out)?;
        self.inquiry = Some(Box::new(inquiry));
        Ok(())
    }
}

impl Told {
    /// What is good enough for a statement that comes now.
    pub(crate) fn now(self) -> Option<Result<Arc<Snapshot>, CatalogError>> {
        self.is_of_now().then_some(self.catalog)
    }

    fn is_of_now(&self) -> bool {
        self.at.elapsed() < A_MOMENT
    }
}
