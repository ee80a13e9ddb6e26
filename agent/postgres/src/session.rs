//! One session: where it stands, and the contract towards its caller.

use std::collections::{HashMap, VecDeque};

use bytes::{Buf, Bytes, BytesMut};
use mask::Keyring;
use model::{Content, Outcome, Refusal, Status, Verdict};
use protocol::{
    CancelKey, Outbox, Progress, ProtocolError, Quiet, Session, Side, Ticket, Transaction, Upstream,
};

use crate::binding::Binding;
use crate::encryption::{Encryption, Tls};
use crate::frame;
use crate::inquiry::Inquiry;
use crate::messages::error_response::{self, Words};
use crate::messages::{startup, status};
use crate::pipeline::{Behind, Pipeline, outcome};
use crate::recording;
use crate::refusal;
use crate::statements::{Names, Portal, Prepared};
use crate::verdicts::Question;

/// Bounds of one session.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a Query or Parse message.
    pub statement: usize,
    /// Bytes of any other message that is held whole: a FunctionCall with its values, a row under a mask.
    pub message: usize,
    /// Bytes of a Bind with its values.
    pub bind: usize,
    /// Bytes of the longest Bind that is held whole, and of the values that evidence keeps of a longer one, which passes
    /// in pieces.
    pub whole: usize,
    /// Bytes of a bind value that evidence keeps whole; longer ones are kept by length and digest.
    pub value: usize,
    /// Prepared statements, and portals, that are remembered. The oldest beyond that are refused when they are used.
    pub names: usize,
    /// Bytes of prepared statements, and of portals, that are remembered.
    pub remembered: usize,
    /// Messages that await the server's answer. The client is not read while there are more.
    pub awaited: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            statement: 16 << 20,
            message: 256 << 20,
            // `PQ_LARGE_MESSAGE_LIMIT` in PostgreSQL's `libpq/libpq.h`, a little more.
            bind: 1 << 30,
            whole: 1 << 20,
            value: 64 << 10,
            names: 20_000,
            remembered: 64 << 20,
            // A server flushes its answers before so many small ones fit into its buffer (8 KiB).
            awaited: 65_536,
        }
    }
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Before StartupMessage.
    Startup,
    /// From StartupMessage to the first ReadyForQuery.
    Authentication,
    /// Requests and answers.
    Running,
    /// The client said goodbye. What it asked for before that is still answered.
    Terminated,
    /// A cancel was sent, or the session was closed: nothing is looked at any more.
    Done,
}

/// A session of PostgreSQL's protocol.
pub struct Engine {
    pub(crate) limits: Limits,
    /// Of masks.
    pub(crate) keys: Keyring,
    pub(crate) phase: Phase,
    pub(crate) encryption: Encryption,
    /// Whether the server has to ask the client for a proof, and has not yet.
    pub(crate) demands_proof: bool,
    /// The minor version of the protocol: what the client asked for, or what the server made of it.
    pub(crate) minor: u16,
    /// Whether the session is one for replication, whose commands have a grammar of their own.
    pub(crate) replicates: bool,
    /// Whether a request came during authentication, and waits for its end.
    pub(crate) is_early: bool,
    /// Bytes of the client's current message that pass as they are.
    pub(crate) client_passing: usize,
    /// Bytes of the client's current message that are thrown away.
    pub(crate) client_discarding: usize,
    /// The client's current message, if it is a Bind that passes in pieces.
    pub(crate) binding: Option<Binding>,
    /// Whether such a Bind waits for answers of the server before its first byte.
    pub(crate) is_bind_waiting: bool,
    /// Bytes of the server's current message that pass as they are.
    pub(crate) server_passing: usize,
    /// Bytes of the server's current message that are thrown away.
    pub(crate) server_discarding: usize,
    /// The client's message that is looked at next, possibly after an answer of the server.
    pub(crate) stalled: Option<Bytes>,
    /// Whether the server was asked to send what that message waits for.
    pub(crate) flushed: bool,
    /// What was asked and not answered yet.
    pub(crate) question: Option<(Ticket, Question)>,
    pub(crate) last_ticket: Ticket,
    pub(crate) pipeline: Pipeline,
    pub(crate) statements: Names<Prepared>,
    pub(crate) portals: Names<Portal>,
    /// What the agent asks the server, if it does.
    pub(crate) inquiry: Option<Box<Inquiry>>,
    /// Number of Syncs sent: a pipeline's segment ends where an error's effect ends.
    pub(crate) segment: u64,
    /// Number of Syncs answered.
    pub(crate) synced: u64,
    /// The segment of the last Bind of a portal with a name, as long as that portal may be there.
    pub(crate) named: Option<u64>,
    pub(crate) progress: VecDeque<Progress>,
    pub(crate) settings: HashMap<String, String>,
    pub(crate) reports: u64,
    pub(crate) transaction: Transaction,
    /// Bytes of results that may still be kept.
    pub(crate) recordable: usize,
    /// Whether the open transaction wrote rows that an error must not tell: a deferred constraint fails at its end.
    pub(crate) withholds: bool,
    /// Notices of the agent that wait for the end of a message that is passing.
    notices: BytesMut,
}

impl Engine {
    /// A session before its first byte.
    pub fn new(limits: Limits, tls: Tls) -> Self {
        Self {
            limits,
            keys: Keyring::default(),
            phase: Phase::Startup,
            encryption: Encryption::new(tls),
            demands_proof: false,
            minor: 0,
            replicates: false,
            is_early: false,
            client_passing: 0,
            client_discarding: 0,
            binding: None,
            is_bind_waiting: false,
            server_passing: 0,
            server_discarding: 0,
            stalled: None,
            flushed: false,
            question: None,
            last_ticket: Ticket(0),
            pipeline: Pipeline::default(),
            statements: Names::default(),
            portals: Names::default(),
            inquiry: None,
            segment: 0,
            synced: 0,
            named: None,
            progress: VecDeque::new(),
            settings: HashMap::new(),
            reports: 0,
            transaction: Transaction::Idle,
            recordable: recording::SESSION,
            withholds: false,
            notices: BytesMut::new(),
        }
    }

    /// The same session with the keys that its masks are made with.
    pub fn with_keys(self, keys: Keyring) -> Self {
        Self { keys, ..self }
    }

    /// Asks, and leaves the client's input alone until there is an answer.
    pub(crate) fn ask(&mut self, question: Question, mut ask: protocol::Ask) -> Progress {
        if let protocol::Ask::Prepare(command) | protocol::Ask::Run(command) = &mut ask {
            command.beside_bound = self.named.is_some();
        }
        self.last_ticket = Ticket(self.last_ticket.0 + 1);
        self.question = Some((self.last_ticket, question));
        Progress::Ask(self.last_ticket, ask)
    }

    pub(crate) fn flush_notices(&mut self, out: &mut Outbox) {
        if self.server_passing == 0 && !self.notices.is_empty() {
            out.to_client.extend_from_slice(&self.notices.split());
        }
    }
}

impl Session for Engine {
    fn advance(
        &mut self,
        from: Side,
        input: &mut BytesMut,
        out: &mut Outbox,
    ) -> Result<Progress, ProtocolError> {
        if self.phase == Phase::Done {
            input.clear();
        }
        if let Some(progress) = self.progress.pop_front() {
            return Ok(progress);
        }
        match from {
            Side::Client if self.question.is_some() || self.inquiry.is_some() => {
                Ok(Progress::NeedMore)
            }
            Side::Client => match self.phase {
                Phase::Startup => self.advance_startup(input, out),
                Phase::Authentication => self.advance_authentication(input, out),
                Phase::Running => self.advance_requests(input, out),
                Phase::Terminated | Phase::Done => {
                    input.clear();
                    Ok(Progress::NeedMore)
                }
            },
            Side::Server => self.advance_answers(input, out),
        }
    }

    fn connected(&mut self, upstream: Upstream) {
        self.encryption.upstream = upstream;
    }

    fn demand_proof(&mut self) {
        self.demands_proof = true;
    }

    fn is_blocked(&self) -> bool {
        self.question.is_some()
            || self.inquiry.is_some()
            || self.stalled.is_some()
            || self.is_bind_waiting
            || (self.is_early && self.phase == Phase::Authentication)
            || self.pipeline.len() >= self.limits.awaited
            || self.pipeline.behind() == Behind::Nothing
    }

    fn resolve(
        &mut self,
        ticket: Ticket,
        verdict: Verdict,
        out: &mut Outbox,
    ) -> Result<(), ProtocolError> {
        match self.question.take() {
            Some((asked, question)) if asked == ticket => {
                self.settle(ticket, question, verdict, out)
            }
            question => {
                self.question = question;
                Err(unasked())
            }
        }
    }

    fn cancel(
        &mut self,
        ticket: Ticket,
        key: &CancelKey,
        out: &mut Outbox,
    ) -> Result<(), ProtocolError> {
        match self.question.take() {
            Some((asked, Question::Cancel)) if asked == ticket => {
                startup::put_cancel(&mut out.to_server, key);
                self.phase = Phase::Done;
                Ok(())
            }
            question => {
                self.question = question;
                Err(unasked())
            }
        }
    }

    fn show_key(&mut self, key: &CancelKey, out: &mut Outbox) {
        if self.phase == Phase::Authentication {
            status::put_key(&mut out.to_client, key);
        }
    }

    fn quiet(&self) -> Quiet {
        self.quietness()
    }

    fn inquire(&mut self, statements: &[String], out: &mut Outbox) -> Result<(), ProtocolError> {
        match self.quietness() {
            Quiet::Now => {
                self.begin_inquiry(statements, out);
                Ok(())
            }
            _ => Err(refusal::protocol_error(
                Side::Client,
                "requests that the agent cannot ask between",
            )),
        }
    }

    fn notify(&mut self, message: &str, hint: &str, out: &mut Outbox) {
        if self.phase == Phase::Done {
            return;
        }
        let words = Words {
            severity: "NOTICE",
            code: "00000",
            message,
            detail: None,
            hint: Some(hint),
        };
        error_response::put(&mut self.notices, frame::server::NOTICE_RESPONSE, &words);
        self.flush_notices(out);
    }

    fn close(&mut self, refusal: &Refusal, out: &mut Outbox) {
        // In the middle of a message no other can begin.
        if self.server_passing == 0 && self.phase != Phase::Done {
            refusal::put_fatal(&mut out.to_client, refusal);
        }
        let is_between = self.client_passing == 0 && self.binding.is_none();
        if is_between && self.phase == Phase::Running {
            frame::put(&mut out.to_server, frame::client::TERMINATE, &[]);
        }
        self.phase = Phase::Done;
    }

    fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str)
    }

    fn reports(&self) -> u64 {
        self.reports
    }

    fn transaction(&self) -> Transaction {
        self.transaction
    }

    fn outcome_so_far(&self, ticket: Ticket) -> Outcome {
        let run = self.pipeline.run(ticket);
        Outcome {
            status: Status::Unknown,
            ..run.map_or_else(|| outcome(Status::Unknown), |run| run.outcome.clone())
        }
    }

    fn shown_so_far(&mut self, ticket: Ticket) -> Vec<Content> {
        let recording = self
            .pipeline
            .run_mut(ticket)
            .and_then(|run| run.recording.take());
        recording.map_or_else(Vec::new, |recording| recording.finish().collect())
    }
}

fn unasked() -> ProtocolError {
    refusal::protocol_error(Side::Client, "nothing that this verdict answers")
}

/// Lets up to `passing` bytes through as they are.
pub(crate) fn pass(passing: &mut usize, input: &mut BytesMut, out: &mut BytesMut) {
    let length = (*passing).min(input.len());
    *passing -= length;
    if out.is_empty() && length == input.len() {
        // Nothing waits before it: hand the buffer over instead of copying it.
        std::mem::swap(out, input);
    } else {
        out.extend_from_slice(&input.split_to(length));
    }
}

/// Throws up to `discarding` bytes away.
pub(crate) fn discard(discarding: &mut usize, input: &mut BytesMut) {
    let length = (*discarding).min(input.len());
    *discarding -= length;
    input.advance(length);
}

/// Appends a message that was cut.
pub(crate) fn forward(out: &mut BytesMut, message: &Bytes) {
    out.extend_from_slice(message);
}
