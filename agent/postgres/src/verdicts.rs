//! What becomes of a verdict: a request is forwarded, or something that must fail is sent in its place.

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use bytes::{Bytes, BytesMut};
use model::{Refusal, Status, Verdict};
use protocol::{Outbox, Progress, ProtocolError, Ticket};

use crate::answers::assert_agreement;
use crate::frame::{Header, client};
use crate::messages::parse::Parse;
use crate::messages::target;
use crate::pipeline::{Awaited, Behind, Described, Run, outcome};
use crate::refusal::{put_failing_call, put_failing_parse, put_failing_query, put_fatal};
use crate::session::{Engine, Phase, forward};
use crate::statements::{Portal, Prepared};
use crate::wording::holds_up;

/// What a verdict is awaited for: everything that is needed to act on it.
#[derive(Debug)]
pub(crate) enum Question {
    Connect(Bytes),
    Cancel,
    Query {
        message: Bytes,
        text: Bytes,
    },
    Parse {
        message: Bytes,
        parse: Parse,
    },
    Execute {
        message: Bytes,
        portal: Arc<Portal>,
        /// How many rows the client wants; 0 or less are all.
        rows: i32,
        holds_up: bool,
    },
    Call(Bytes),
    /// A message that was not read, and what is said to that.
    Oversized(Header, Refusal),
    /// An Execute of this portal, whose text nobody has seen, and what is said to that.
    Unknown(Bytes, Refusal),
}

impl Engine {
    /// Acts on a verdict.
    pub(crate) fn settle(
        &mut self,
        ticket: Ticket,
        question: Question,
        verdict: Verdict,
        out: &mut Outbox,
    ) -> Result<(), ProtocolError> {
        if let Question::Oversized(header, _) = &question {
            self.client_discarding = header.frame();
        }
        if self.pipeline.is_skipping() {
            self.settle_skipped(ticket, verdict);
            return Ok(());
        }
        match (question, verdict) {
            (Question::Connect(packet), Verdict::Forward(_)) => {
                forward(&mut out.to_server, &packet);
                self.phase = Phase::Authentication;
            }
            (Question::Connect(_), Verdict::Refuse(refusal)) => {
                put_fatal(&mut out.to_client, &refusal);
                self.phase = Phase::Done;
            }
            // As the server does, a cancel is never answered.
            (Question::Cancel, _) => self.phase = Phase::Done,
            (Question::Query { message, text }, Verdict::Forward(terms)) => {
                // Commands of replication have other words for what takes data.
                let holds_up = self.replicates || holds_up(&text);
                let run = Run::new(ticket, terms, holds_up, 0);
                self.send(&message, Awaited::Query(run), out);
            }
            (Question::Parse { message, parse }, Verdict::Forward(_)) => {
                self.forward_parse(ticket, &message, parse, out);
            }
            (
                Question::Execute {
                    message,
                    portal,
                    rows,
                    holds_up,
                },
                Verdict::Forward(terms),
            ) => {
                if let Some(fields) = portal.fields.get() {
                    assert_agreement(terms.outputs.first(), fields)?;
                }
                let shown = portal.shown.load(Ordering::Relaxed);
                let run = Run::new(ticket, terms, holds_up, shown);
                self.forward_execute(run, &message, portal, rows, out);
            }
            (Question::Call(message), Verdict::Forward(terms)) => {
                let run = Run::new(ticket, terms, false, 0);
                self.send(&message, Awaited::Call(run), out);
            }
            // Nobody can say yes to what nobody has read.
            (Question::Oversized(header, refusal), Verdict::Forward(_)) => {
                self.refuse(header.tag, ticket, refusal, out);
            }
            (Question::Unknown(name, refusal), Verdict::Forward(_))
            | (Question::Unknown(name, _), Verdict::Refuse(refusal)) => {
                self.refuse_unknown(ticket, &name, refusal, out);
            }
            (question, Verdict::Refuse(refusal)) => {
                self.refuse(question.tag(), ticket, refusal, out);
            }
        }
        Ok(())
    }

    /// An earlier message failed while the question was open: the server would skip this one, so it stays here.
    fn settle_skipped(&mut self, ticket: Ticket, verdict: Verdict) {
        if let Verdict::Forward(_) = verdict {
            self.progress
                .push_back(Progress::Finished(ticket, outcome(Status::Skipped)));
        }
    }

    fn forward_parse(&mut self, ticket: Ticket, message: &Bytes, parse: Parse, out: &mut Outbox) {
        self.send(message, Awaited::Parse(ticket), out);
        let prepared = Prepared {
            holds_up: holds_up(&parse.text),
            declared: parse.types,
            described: OnceLock::new(),
            text: Bytes::copy_from_slice(&parse.text),
        };
        self.statements
            .sent(parse.name, Some(Arc::new(prepared)), self.segment);
    }

    /// Rows can only be masked, or kept, once the portal's columns are known, so the engine asks where it does not know them.
    fn forward_execute(
        &mut self,
        run: Run,
        message: &Bytes,
        portal: Arc<Portal>,
        rows: i32,
        out: &mut Outbox,
    ) {
        let looks_into_rows = run.is_masked() || run.recording.is_some();
        if looks_into_rows && portal.fields.get().is_none() {
            self.describe_unseen(&portal.name, Some(portal.clone()), out);
        }
        let is_held_up = run.behind == Behind::Nothing;
        let limited = run.limited(&portal.name, rows);
        let message = limited.as_ref().unwrap_or(message);
        self.send(message, Awaited::Execute(run, portal), out);
        if is_held_up {
            self.flush(out);
        }
    }

    fn refuse(&mut self, tag: u8, ticket: Ticket, refusal: Refusal, out: &mut Outbox) {
        match tag {
            client::QUERY => {
                put_failing_query(&mut out.to_server, ticket);
                self.pipeline
                    .sent(Awaited::Query(Run::refused(ticket, refusal)));
            }
            client::FUNCTION_CALL => {
                put_failing_call(&mut out.to_server);
                self.pipeline
                    .sent(Awaited::Call(Run::refused(ticket, refusal)));
            }
            _ => self.refuse_extended(ticket, refusal, out),
        }
    }

    /// Refuses to run a portal whose text nobody has seen. Where the server has no such portal either, the client reads
    /// that from the server.
    fn refuse_unknown(&mut self, ticket: Ticket, name: &[u8], refusal: Refusal, out: &mut Outbox) {
        self.describe_unseen(name, None, out);
        self.refuse_extended(ticket, refusal, out);
    }

    /// Asks for a portal's columns without showing the answer to the client.
    fn describe_unseen(&mut self, name: &[u8], portal: Option<Arc<Portal>>, out: &mut Outbox) {
        let mut describe = BytesMut::new();
        target::put_describe_portal(&mut describe, name);
        let of = portal.map_or(Described::Unknown, Described::Portal);
        let awaited = Awaited::Describe { of, hidden: true };
        self.send(&describe.freeze(), awaited, out);
    }

    pub(crate) fn refuse_extended(&mut self, ticket: Ticket, refusal: Refusal, out: &mut Outbox) {
        put_failing_parse(&mut out.to_server, ticket);
        self.pipeline.sent(Awaited::Refused(refusal));
    }
}

impl Question {
    /// Tag of the message that it is about.
    fn tag(&self) -> u8 {
        match self {
            Self::Query { .. } => client::QUERY,
            Self::Call(_) => client::FUNCTION_CALL,
            Self::Oversized(header, _) => header.tag,
            _ => client::PARSE,
        }
    }
}
