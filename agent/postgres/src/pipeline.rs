//! What the server still owes an answer, in order.
//!
//! The server answers in the order of asking. After an error in the extended protocol it skips everything up to the
//! next Sync, and so does this queue. CopyDone and CopyFail stand in it too: they end a COPY, and a Sync before them is
//! swallowed by it.
//! <https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY>

use std::collections::VecDeque;
use std::sync::Arc;

use model::{Masks, Outcome, Refusal, Status};
use protocol::Ticket;

use crate::rows::Plan;
use crate::statements::Portal;

/// One message whose answer is awaited.
#[derive(Debug)]
pub enum Awaited {
    Query(Run),
    Call(Run),
    Execute(Run, Arc<Portal>),
    Parse(Ticket),
    Bind,
    /// `portal`: what is described, unless it is a statement. `hidden`: asked by the engine, not by the client.
    Describe {
        portal: Option<Arc<Portal>>,
        hidden: bool,
    },
    CloseStatement,
    ClosePortal,
    /// A Parse that must fail, in place of a message of the extended protocol.
    Refused(Refusal),
    /// `doubtful`: a COPY may have swallowed it.
    Sync {
        doubtful: bool,
    },
    /// CopyDone or CopyFail.
    CopyEnd,
}

/// A request that runs.
#[derive(Debug)]
pub struct Run {
    pub ticket: Ticket,
    pub masks: Masks,
    /// Set for a Query or FunctionCall that was replaced by one that must fail.
    pub refused: Option<Refusal>,
    /// How rows of the current result are masked, once its columns are known.
    pub plan: Option<Plan>,
    /// Whether it takes COPY data from the client.
    pub copying: bool,
    pub outcome: Outcome,
}

impl Run {
    pub fn new(ticket: Ticket, masks: Masks) -> Self {
        Self {
            ticket,
            masks,
            refused: None,
            plan: None,
            copying: false,
            outcome: outcome(Status::Completed),
        }
    }

    pub fn refused(ticket: Ticket, refusal: Refusal) -> Self {
        Self {
            refused: Some(refusal),
            ..Self::new(ticket, Masks::none())
        }
    }
}

/// An outcome without rows.
pub fn outcome(status: Status) -> Outcome {
    Outcome {
        status,
        tags: Vec::new(),
        rows: 0,
        bytes: 0,
        masked: 0,
    }
}

/// The queue.
#[derive(Debug, Default)]
pub struct Pipeline {
    awaited: VecDeque<Awaited>,
    /// Set between an error and the Sync that ends its effect, while that Sync was not sent yet.
    skipping: bool,
}

impl Pipeline {
    /// A message was sent. Comes back if the server will skip it.
    pub fn sent(&mut self, message: Awaited) -> Option<Awaited> {
        if self.skipping {
            match message {
                Awaited::Sync { .. } => self.skipping = false,
                skipped => return Some(skipped),
            }
        }
        self.awaited.push_back(message);
        None
    }

    /// What the next answer of the server is about. A Sync that turns out to have been swallowed is dropped.
    pub fn front(&mut self, is_ready: bool) -> Option<&mut Awaited> {
        loop {
            let drop = match self.awaited.front()? {
                // Outside of a COPY the server ignores its end.
                Awaited::CopyEnd => true,
                Awaited::Sync { doubtful } => *doubtful && !is_ready,
                _ => false,
            };
            if !drop {
                return self.awaited.front_mut();
            }
            self.awaited.pop_front();
        }
    }

    /// The front was answered completely.
    pub fn answered(&mut self) -> Option<Awaited> {
        self.awaited.pop_front()
    }

    /// The front's COPY from the client succeeded: the server has read its end, and ignored every Sync before that.
    pub fn copied(&mut self) {
        if let Some(end) = self.copy_end() {
            self.awaited.drain(1..=end);
        }
    }

    /// The front's COPY from the client failed. Whether the server read a Sync as part of the COPY depends on when.
    pub fn copy_failed(&mut self) {
        let after_end = self.copy_end().map_or(self.awaited.len(), |end| {
            self.awaited
                .iter()
                .skip(end)
                .position(|message| matches!(message, Awaited::Sync { .. }))
                .map_or(self.awaited.len(), |sync| end + sync + 1)
        });
        for message in self.awaited.iter_mut().take(after_end) {
            if let Awaited::Sync { doubtful } = message {
                *doubtful = true;
            }
        }
    }

    fn copy_end(&self) -> Option<usize> {
        self.awaited
            .iter()
            .position(|message| matches!(message, Awaited::CopyEnd))
            .filter(|&end| end > 0)
    }

    /// The front failed in the extended protocol: takes out it and everything that the server skips with it.
    pub fn failed(&mut self) -> Vec<Awaited> {
        let sync = self
            .awaited
            .iter()
            .position(|message| matches!(message, Awaited::Sync { .. }));
        self.skipping = sync.is_none();
        let end = sync.unwrap_or(self.awaited.len());
        self.awaited.drain(..end).collect()
    }

    /// Number of messages that await an answer.
    pub fn len(&self) -> usize {
        self.awaited.len()
    }
}
