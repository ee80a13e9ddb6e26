//! What is known about the sessions that are open, so that every row of a session can say who it was.
//!
//! Kept over segments and restarts. What is written down is only a short cut: the records in the archive
//! say the same, and are asked where the short cut is behind.

use std::collections::BTreeMap;

use model::{AuditEvent, AuditRecord, Login, Opened, SessionId, Side};
use serde::{Deserialize, Serialize};

/// Sessions that are remembered. Beyond it the oldest is forgotten: its rows then say less, its records never do.
const MOST: usize = 65_536;

/// What is known about one session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct SessionFacts {
    pub opened: Option<Opened>,
    pub login: Option<Login>,
    #[serde(default)]
    pub client_tls: Option<String>,
    #[serde(default)]
    pub server_tls: Option<String>,
}

/// The open sessions after a record.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sessions {
    /// The record after which this is what is known.
    pub sequence: u64,
    open: BTreeMap<SessionId, SessionFacts>,
}

impl Sessions {
    /// Learns from a record, before its row is made.
    pub(crate) fn learn(&mut self, sequence: u64, record: &AuditRecord) {
        self.sequence = sequence;
        match (&record.event, record.session) {
            // The sessions of an agent that is gone are gone.
            (AuditEvent::Started { .. }, _) => self.open.clear(),
            (AuditEvent::Opened(opened), Some(session)) => {
                self.of_mut(session).opened = Some(opened.clone());
            }
            (AuditEvent::Encrypted { side, version }, Some(session)) => {
                let facts = self.of_mut(session);
                *match side {
                    Side::Client => &mut facts.client_tls,
                    Side::Server => &mut facts.server_tls,
                } = Some(version.clone());
            }
            (AuditEvent::Decided(decided), Some(session)) => {
                if let Some(login) = &decided.login {
                    self.of_mut(session).login = Some(login.clone());
                }
            }
            _ => {}
        }
    }

    /// Forgets what a record ended, after its row is made.
    pub(crate) fn forget(&mut self, record: &AuditRecord) {
        if let (AuditEvent::Closed { .. }, Some(session)) = (&record.event, record.session) {
            self.open.remove(&session);
        }
    }

    /// What is known about the record's session.
    pub(crate) fn of(&self, record: &AuditRecord) -> Option<&SessionFacts> {
        self.open.get(&record.session?)
    }

    fn of_mut(&mut self, session: SessionId) -> &mut SessionFacts {
        // Ids sort by time, so the first is the oldest.
        while self.open.len() >= MOST && !self.open.contains_key(&session) {
            self.open.pop_first();
        }
        self.open.entry(session).or_default()
    }
}
