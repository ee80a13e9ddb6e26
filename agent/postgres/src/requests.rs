//! Messages of the client: what asks for a verdict, and what follows from one.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Buf, Bytes, BytesMut};
use model::{Refusal, RefusalKind, Status, Verdict};
use protocol::{Ask, Command, Outbox, Progress, ProtocolError, Side, Source, Ticket};

use crate::frame::{self, Header, client};
use crate::messages::bind::Bind;
use crate::messages::function_call::FunctionCall;
use crate::messages::parse::Parse;
use crate::messages::status::text;
use crate::messages::target::{self, Target};
use crate::messages::{execute, query};
use crate::pipeline::{Awaited, Run, outcome};
use crate::reader::Malformed;
use crate::refusal::{
    protocol_error, put_failing_call, put_failing_parse, put_failing_query, too_large,
};
use crate::session::{Engine, Phase, forward, pass};
use crate::statements::{Found, Portal, Prepared};

/// Bytes of a message that only names something; `PQ_SMALL_MESSAGE_LIMIT` in PostgreSQL's `libpq/libpq.h`.
const SMALL: usize = 10_000;
/// Bytes of a CopyFail, whose reason is for people.
const REASON: usize = 1 << 20;

/// What a verdict is awaited for: everything that is needed to act on it.
#[derive(Debug)]
pub(crate) enum Question {
    Connect(Bytes),
    Cancel(Bytes),
    Query(Bytes),
    Parse { message: Bytes, parse: Parse },
    Execute { message: Bytes, portal: Arc<Portal> },
    Call(Bytes),
    Oversized { header: Header, limit: usize },
}

/// What one message of the client came to.
enum Step {
    /// It was dealt with.
    Done,
    /// Nothing can be done with it before the server has answered more.
    Wait,
    /// A question.
    Ask(Progress),
}

impl Engine {
    /// Reads requests until one needs a verdict.
    pub(crate) fn advance_requests(
        &mut self,
        input: &mut BytesMut,
        out: &mut Outbox,
    ) -> Result<Progress, ProtocolError> {
        loop {
            if self.client_passing > 0 {
                pass(&mut self.client_passing, input, &mut out.to_server);
            }
            if self.client_discarding > 0 {
                let length = self.client_discarding.min(input.len());
                input.advance(length);
                self.client_discarding -= length;
            }
            if let Some(progress) = self.progress.pop_front() {
                return Ok(progress);
            }
            if self.phase == Phase::Terminated {
                return Ok(Progress::Terminated);
            }
            if self.pipeline.len() >= self.limits.awaited {
                return Ok(Progress::NeedMore);
            }
            if let Some(message) = self.stalled.take() {
                match self.request(message, out)? {
                    Step::Done => continue,
                    Step::Wait => return Ok(Progress::NeedMore),
                    Step::Ask(progress) => return Ok(progress),
                }
            }
            let header =
                frame::header(input).map_err(|error| protocol_error(Side::Client, error.0))?;
            let Some(header) = header else {
                return Ok(Progress::NeedMore);
            };
            if let Some(limit) = self.excess(header)? {
                let ask = Ask::Oversized {
                    length: header.body as u64,
                    limit: limit as u64,
                };
                return Ok(self.ask(Question::Oversized { header, limit }, ask));
            }
            if header.tag == client::COPY_DATA {
                self.client_passing = header.frame();
                continue;
            }
            let Some(message) = frame::cut(input, header) else {
                return Ok(Progress::NeedMore);
            };
            self.stalled = Some(message);
        }
    }

    /// The limit that the message is over, if the session can go on without it.
    fn excess(&self, header: Header) -> Result<Option<usize>, ProtocolError> {
        let limit = match header.tag {
            client::QUERY | client::PARSE => self.limits.statement,
            client::BIND | client::FUNCTION_CALL => self.limits.message,
            client::COPY_DATA => usize::MAX,
            client::COPY_FAIL => REASON,
            client::CLOSE | client::DESCRIBE | client::EXECUTE => SMALL,
            client::COPY_DONE | client::FLUSH | client::SYNC | client::TERMINATE => 0,
            _ => {
                return Err(protocol_error(
                    Side::Client,
                    format!("a message of unknown type {:#04x}", header.tag),
                ));
            }
        };
        if header.body <= limit {
            return Ok(None);
        }
        match header.tag {
            client::QUERY | client::PARSE | client::BIND | client::FUNCTION_CALL => Ok(Some(limit)),
            _ => Err(protocol_error(
                Side::Client,
                "a message of impossible length",
            )),
        }
    }

    fn request(&mut self, message: Bytes, out: &mut Outbox) -> Result<Step, ProtocolError> {
        let step = self
            .read_request(&message, out)
            .map_err(|error| protocol_error(Side::Client, error.0))?;
        if matches!(step, Step::Wait) {
            self.stalled = Some(message);
        }
        Ok(step)
    }

    fn read_request(&mut self, message: &Bytes, out: &mut Outbox) -> Result<Step, Malformed> {
        let body = frame::body(message);
        match message.first().copied().unwrap_or_default() {
            client::QUERY => {
                let command = command(Source::Text(query::read(body)?), Vec::new());
                Ok(Step::Ask(
                    self.ask(Question::Query(message.clone()), Ask::Run(command)),
                ))
            }
            client::PARSE => self.parse(message, body),
            client::BIND => self.bind(message, body, out),
            client::DESCRIBE => self.describe(message, body, out),
            client::EXECUTE => self.execute(message, body, out),
            client::CLOSE => self.close_name(message, body, out),
            client::FUNCTION_CALL => {
                let call = FunctionCall::read(body, self.limits.value)?;
                let command = command(Source::Function(call.function), call.arguments);
                Ok(Step::Ask(
                    self.ask(Question::Call(message.clone()), Ask::Run(command)),
                ))
            }
            client::SYNC => {
                self.segment += 1;
                self.send(message, Awaited::Sync { doubtful: false }, out);
                Ok(Step::Done)
            }
            client::COPY_DONE | client::COPY_FAIL => {
                self.send(message, Awaited::CopyEnd, out);
                Ok(Step::Done)
            }
            client::TERMINATE => {
                forward(&mut out.to_server, message);
                self.phase = Phase::Terminated;
                Ok(Step::Done)
            }
            // Flush has no answer of its own.
            _ => {
                forward(&mut out.to_server, message);
                Ok(Step::Done)
            }
        }
    }

    fn parse(&mut self, message: &Bytes, body: Bytes) -> Result<Step, Malformed> {
        let parse = Parse::read(body)?;
        if self.statements.len() >= self.limits.names {
            return Err(Malformed("more prepared statements than weir remembers"));
        }
        let command = command(Source::Text(parse.text.clone()), Vec::new());
        let question = Question::Parse {
            message: message.clone(),
            parse,
        };
        Ok(Step::Ask(self.ask(question, Ask::Prepare(command))))
    }

    fn bind(&mut self, message: &Bytes, body: Bytes, out: &mut Outbox) -> Result<Step, Malformed> {
        let bind = Bind::read(body, self.limits.value)?;
        let statement = match self.statements.find(&bind.statement, self.segment) {
            Found::Unsettled => return Ok(Step::Wait),
            Found::Known(statement) => Some(statement),
            Found::Nothing => None,
        };
        if self.portals.len() >= self.limits.names {
            return Err(Malformed("more portals than weir remembers"));
        }
        let portal = Portal {
            name: Bytes::copy_from_slice(&bind.portal),
            statement,
            parameters: bind.parameters,
            described: AtomicBool::new(false),
            fields: OnceLock::new(),
        };
        if self.send(message, Awaited::Bind, out) {
            self.portals
                .sent(bind.portal, Some(Arc::new(portal)), self.segment);
        }
        Ok(Step::Done)
    }

    fn describe(
        &mut self,
        message: &Bytes,
        body: Bytes,
        out: &mut Outbox,
    ) -> Result<Step, Malformed> {
        let portal = match Target::read(body)? {
            Target::Statement(_) => None,
            Target::Portal(name) => match self.portals.find(&name, self.segment) {
                Found::Unsettled => return Ok(Step::Wait),
                Found::Nothing => None,
                Found::Known(portal) => {
                    portal.described.store(true, Ordering::Relaxed);
                    Some(portal)
                }
            },
        };
        let awaited = Awaited::Describe {
            portal,
            hidden: false,
        };
        self.send(message, awaited, out);
        Ok(Step::Done)
    }

    fn execute(
        &mut self,
        message: &Bytes,
        body: Bytes,
        out: &mut Outbox,
    ) -> Result<Step, Malformed> {
        let name = execute::read(body)?;
        let portal = match self.portals.find(&name, self.segment) {
            Found::Unsettled => return Ok(Step::Wait),
            Found::Known(portal) => Some(portal),
            Found::Nothing => None,
        };
        let known = portal.and_then(|portal| {
            let statement = portal.statement.clone()?;
            Some((portal, statement))
        });
        let Some((portal, statement)) = known else {
            self.refuse_extended(self.last_ticket, unknown_portal(&name), out);
            return Ok(Step::Done);
        };
        let command = command(
            Source::Text(statement.text.clone()),
            portal.parameters.clone(),
        );
        let question = Question::Execute {
            message: message.clone(),
            portal,
        };
        Ok(Step::Ask(self.ask(question, Ask::Run(command))))
    }

    fn close_name(
        &mut self,
        message: &Bytes,
        body: Bytes,
        out: &mut Outbox,
    ) -> Result<Step, Malformed> {
        match Target::read(body)? {
            Target::Statement(name) => {
                if self.send(message, Awaited::CloseStatement, out) {
                    self.statements.sent(name, None, self.segment);
                }
            }
            Target::Portal(name) => {
                if self.send(message, Awaited::ClosePortal, out) {
                    self.portals.sent(name, None, self.segment);
                }
            }
        }
        Ok(Step::Done)
    }

    /// Acts on a verdict.
    pub(crate) fn settle(
        &mut self,
        ticket: Ticket,
        question: Question,
        verdict: Verdict,
        out: &mut Outbox,
    ) {
        match (question, verdict) {
            (Question::Connect(packet), Verdict::Forward(_)) => {
                forward(&mut out.to_server, &packet);
                self.phase = Phase::Authentication;
            }
            (Question::Cancel(packet), Verdict::Forward(_)) => {
                forward(&mut out.to_server, &packet);
                self.phase = Phase::Done;
            }
            (Question::Connect(_), Verdict::Refuse(refusal)) => {
                crate::refusal::put_fatal(&mut out.to_client, &refusal);
                self.phase = Phase::Done;
            }
            // As the server does, a cancel is never answered.
            (Question::Cancel(_), Verdict::Refuse(_)) => self.phase = Phase::Done,
            (Question::Query(message), Verdict::Forward(masks)) => {
                self.send(&message, Awaited::Query(Run::new(ticket, masks)), out);
            }
            (Question::Query(_), Verdict::Refuse(refusal)) => {
                self.refuse_query(ticket, refusal, out)
            }
            (Question::Parse { message, parse }, Verdict::Forward(_)) => {
                self.forward_parse(ticket, &message, parse, out);
            }
            (Question::Execute { message, portal }, Verdict::Forward(masks)) => {
                self.forward_execute(Run::new(ticket, masks), &message, portal, out);
            }
            (Question::Parse { .. } | Question::Execute { .. }, Verdict::Refuse(refusal)) => {
                self.refuse_extended(ticket, refusal, out);
            }
            (Question::Call(message), Verdict::Forward(masks)) => {
                self.send(&message, Awaited::Call(Run::new(ticket, masks)), out);
            }
            (Question::Call(_), Verdict::Refuse(refusal)) => self.refuse_call(ticket, refusal, out),
            (Question::Oversized { header, limit }, verdict) => {
                // Even a verdict to forward could not be followed: the message was never read.
                let refusal = match verdict {
                    Verdict::Refuse(refusal) => refusal,
                    Verdict::Forward(_) => too_large(header.body as u64, limit as u64),
                };
                self.client_discarding = header.frame();
                match header.tag {
                    client::QUERY => self.refuse_query(ticket, refusal, out),
                    client::FUNCTION_CALL => self.refuse_call(ticket, refusal, out),
                    _ => self.refuse_extended(ticket, refusal, out),
                }
            }
        }
    }

    fn forward_parse(&mut self, ticket: Ticket, message: &Bytes, parse: Parse, out: &mut Outbox) {
        if self.send(message, Awaited::Parse(ticket), out) {
            let prepared = Prepared {
                text: Bytes::copy_from_slice(&parse.text),
            };
            self.statements
                .sent(parse.name, Some(Arc::new(prepared)), self.segment);
        }
    }

    /// Rows can only be masked once the portal's columns are known, so the engine asks where the client did not.
    fn forward_execute(
        &mut self,
        run: Run,
        message: &Bytes,
        portal: Arc<Portal>,
        out: &mut Outbox,
    ) {
        if !run.masks.is_empty() && !portal.described.swap(true, Ordering::Relaxed) {
            let mut describe = BytesMut::new();
            target::put_describe_portal(&mut describe, &portal.name);
            let awaited = Awaited::Describe {
                portal: Some(portal.clone()),
                hidden: true,
            };
            self.send(&describe.freeze(), awaited, out);
        }
        self.send(message, Awaited::Execute(run, portal), out);
    }

    fn refuse_query(&mut self, ticket: Ticket, refusal: Refusal, out: &mut Outbox) {
        put_failing_query(&mut out.to_server, ticket);
        self.pipeline
            .sent(Awaited::Query(Run::refused(ticket, refusal)));
    }

    fn refuse_call(&mut self, ticket: Ticket, refusal: Refusal, out: &mut Outbox) {
        put_failing_call(&mut out.to_server);
        self.pipeline
            .sent(Awaited::Call(Run::refused(ticket, refusal)));
    }

    fn refuse_extended(&mut self, ticket: Ticket, refusal: Refusal, out: &mut Outbox) {
        put_failing_parse(&mut out.to_server, ticket);
        self.pipeline.sent(Awaited::Refused(refusal));
    }

    /// Forwards a message and remembers what is awaited for it. `false`: the server will skip it.
    fn send(&mut self, message: &Bytes, awaited: Awaited, out: &mut Outbox) -> bool {
        forward(&mut out.to_server, message);
        match self.pipeline.sent(awaited) {
            None => true,
            Some(skipped) => {
                self.skip(skipped);
                false
            }
        }
    }

    /// The server skips (or skipped) this message.
    pub(crate) fn skip(&mut self, skipped: Awaited) {
        let ticket = match skipped {
            Awaited::Query(run) | Awaited::Call(run) if run.refused.is_none() => run.ticket,
            Awaited::Execute(run, _) => run.ticket,
            Awaited::Parse(ticket) => ticket,
            _ => return,
        };
        self.progress
            .push_back(Progress::Finished(ticket, outcome(Status::Skipped)));
    }
}

fn command(source: Source, parameters: Vec<model::Parameter>) -> Command {
    Command { source, parameters }
}

fn unknown_portal(name: &[u8]) -> Refusal {
    Refusal {
        kind: RefusalKind::NotPermitted,
        message: format!(
            "weir: portal \"{}\" was not made from a statement that weir has seen, and cannot be judged",
            text(name)
        ),
        detail: None,
        hint: Some(
            "Prepare statements through the protocol, or use SQL's EXECUTE and FETCH.".into(),
        ),
    }
}
