//! What the server still owes an answer, in order.
//!
//! The server answers in the order of asking. After an error in the extended protocol it skips everything up to the
//! next Sync, and so does this queue. A message behind an error, or behind a refusal, which is one to come, is not sent
//! at all.
//!
//! A COPY from the client is the one thing that makes the server read messages differently: it swallows a Sync, and
//! when it fails nobody can tell from outside how far it had read. So nothing is sent behind a run that may become one
//! ([`Behind`]), until the server has said what it is.
//! <https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY>,
//! `CopyGetData` in PostgreSQL's `commands/copyfromparse.c`

use std::collections::VecDeque;
use std::sync::Arc;

use model::{MaskedColumn, Outcome, Outputs, Refusal, Status, Terms};
use protocol::Ticket;

use crate::copying::Copying;
use crate::limit::Allowance;
use crate::recording::Recording;
use crate::rows::Plan;
use crate::statements::{Portal, Prepared};

/// One message whose answer is awaited.
#[derive(Debug)]
pub enum Awaited {
    Query(Run),
    Call(Run),
    Execute(Run, Arc<Portal>),
    Parse(Ticket),
    Bind,
    /// `hidden`: asked by the engine, not by the client.
    Describe {
        of: Described,
        hidden: bool,
    },
    CloseStatement,
    ClosePortal,
    /// A Parse that must fail, in place of a message of the extended protocol.
    Refused(Refusal),
    Sync,
}

/// What is described, as far as the engine knows it.
#[derive(Debug)]
pub enum Described {
    Statement(Arc<Prepared>),
    Portal(Arc<Portal>),
    Unknown,
}

/// A request that runs.
#[derive(Debug)]
pub struct Run {
    pub ticket: Ticket,
    /// Columns of its results that are masked.
    pub masks: Arc<[MaskedColumn]>,
    /// Whether an error or a notice of it may tell what this session must not see.
    pub withholds: bool,
    /// Whether one at the end of its transaction may, too.
    pub withholds_later: bool,
    /// Set for a Query or FunctionCall that was replaced by one that must fail.
    pub refused: Option<Refusal>,
    /// How rows of the current result are masked, once its columns are known.
    pub plan: Option<Plan>,
    /// The current result, where it is a stream that is masked.
    pub copying: Option<Copying>,
    /// What its output was understood to be, for each statement of its text.
    pub outputs: Arc<[Outputs]>,
    /// How many rows it may still show, where they are limited.
    pub allowance: Option<Allowance>,
    /// What is kept of its results, where that is wanted.
    pub recording: Option<Box<Recording>>,
    pub behind: Behind,
    pub outcome: Outcome,
}

/// What may be sent behind a run before it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    /// Any message.
    Anything,
    /// None: the server has to say first what the run is, or how its COPY ended.
    Nothing,
    /// Data of the COPY that it is, and the data's end.
    CopyData,
    /// The same, of a stream in both directions: a walsender does not read past it what a COPY would.
    CopyBoth,
}

impl Run {
    /// `shown`: rows of the same result that were shown before.
    pub fn new(ticket: Ticket, terms: Terms, holds_up: bool, shown: u64) -> Self {
        let Terms {
            masks,
            limit,
            kept,
            outputs,
        } = terms;
        let holds_up = holds_up || limit.is_some();
        Self {
            ticket,
            withholds: masks.hides(),
            withholds_later: !masks.told.is_empty(),
            outcome: Outcome {
                masked_values: vec![0; masks.shown.len()],
                ..outcome(Status::Completed)
            },
            masks: masks.shown,
            refused: None,
            plan: None,
            copying: None,
            outputs,
            recording: kept.then(Box::default),
            allowance: limit.map(|limit| Allowance::new(limit, shown)),
            behind: if holds_up {
                Behind::Nothing
            } else {
                Behind::Anything
            },
        }
    }

    /// The statement of its text whose result is under way, from 0.
    pub fn statement(&self) -> usize {
        self.outcome.tags.len()
    }

    /// Whether a column of the current result is masked. A mask without a place may be anywhere.
    pub fn is_masked(&self) -> bool {
        let statement = self.statement();
        let is_here =
            |mask: &MaskedColumn| mask.place.is_none_or(|place| place.statement == statement);
        self.masks.iter().any(is_here)
    }

    pub fn refused(ticket: Ticket, refusal: Refusal) -> Self {
        Self {
            refused: Some(refusal),
            ..Self::new(ticket, Terms::default(), false, 0)
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
        masked_values: Vec::new(),
    }
}

/// The queue.
#[derive(Debug, Default)]
pub struct Pipeline {
    awaited: VecDeque<Awaited>,
    /// Set from an error, or from what must become one, to the Sync that ends its effect.
    skipping: bool,
    /// Set from a message of the extended protocol to the Sync that ends its segment.
    in_segment: bool,
}

impl Pipeline {
    /// A message was sent.
    pub fn sent(&mut self, message: Awaited) {
        match message {
            Awaited::Sync => {
                self.skipping = false;
                self.in_segment = false;
            }
            Awaited::Refused(_) => {
                self.skipping = true;
                self.in_segment = true;
            }
            Awaited::Query(_) | Awaited::Call(_) => {}
            _ => self.in_segment = true,
        }
        self.awaited.push_back(message);
    }

    /// Whether the server skips what would be sent next, unless it is a Sync.
    pub fn is_skipping(&self) -> bool {
        self.skipping
    }

    /// Whether the server waits for a Sync.
    pub fn is_in_segment(&self) -> bool {
        self.in_segment
    }

    /// What was sent last, if its answer is awaited.
    pub fn last(&self) -> Option<&Awaited> {
        self.awaited.back()
    }

    /// What the next answer of the server is about.
    pub fn front(&mut self) -> Option<&mut Awaited> {
        self.awaited.front_mut()
    }

    /// The front was answered completely.
    pub fn answered(&mut self) -> Option<Awaited> {
        self.awaited.pop_front()
    }

    /// The front failed in the extended protocol: takes out it and everything that the server skips with it.
    pub fn failed(&mut self) -> Vec<Awaited> {
        let sync = self
            .awaited
            .iter()
            .position(|message| matches!(message, Awaited::Sync));
        self.skipping |= sync.is_none();
        let end = sync.unwrap_or(self.awaited.len());
        self.awaited.drain(..end).collect()
    }

    /// What may be sent next.
    pub fn behind(&self) -> Behind {
        match self.awaited.back() {
            Some(Awaited::Query(run) | Awaited::Execute(run, _)) => run.behind,
            _ => Behind::Anything,
        }
    }

    /// The end of the COPY's data was sent. Whether that was within an Execute, whose answer the server may keep back.
    pub fn copy_ended(&mut self) -> bool {
        let last = self.awaited.back_mut();
        let is_execute = matches!(last, Some(Awaited::Execute(..)));
        if let Some(Awaited::Query(run) | Awaited::Execute(run, _)) = last {
            run.behind = Behind::Nothing;
        }
        is_execute
    }

    /// Whether a run that came after this ticket is under way.
    pub fn runs_after(&self, ticket: Ticket) -> bool {
        let last = self.awaited.iter().rev().find_map(|message| match message {
            Awaited::Query(run) | Awaited::Call(run) | Awaited::Execute(run, _) => Some(run.ticket),
            _ => None,
        });
        last.is_some_and(|last| last > ticket)
    }

    /// What the output of this portal was understood to be, where it is run already.
    pub fn outputs_of(&self, portal: &Arc<Portal>) -> Option<&Outputs> {
        self.awaited.iter().find_map(|message| match message {
            Awaited::Execute(run, of) if Arc::ptr_eq(of, portal) => run.outputs.first(),
            _ => None,
        })
    }

    /// The run of this ticket, if it is under way.
    pub fn run(&self, ticket: Ticket) -> Option<&Run> {
        self.awaited.iter().find_map(|message| match message {
            Awaited::Query(run) | Awaited::Call(run) | Awaited::Execute(run, _) => {
                (run.ticket == ticket).then_some(run)
            }
            _ => None,
        })
    }

    /// The same, to change it.
    pub fn run_mut(&mut self, ticket: Ticket) -> Option<&mut Run> {
        self.awaited.iter_mut().find_map(|message| match message {
            Awaited::Query(run) | Awaited::Call(run) | Awaited::Execute(run, _) => {
                (run.ticket == ticket).then_some(run)
            }
            _ => None,
        })
    }

    /// Number of messages that await an answer.
    pub fn len(&self) -> usize {
        self.awaited.len()
    }
}
