//! Messages of the client: which are let through, which ask for a verdict, and which have to wait.
//!
//! What becomes of a verdict is not known here (see `verdicts`).

use bytes::{Bytes, BytesMut};
use protocol::{Ask, Command, Outbox, Progress, ProtocolError, Side, Source};

use crate::frame::{self, Header, client};
use crate::messages::function_call::FunctionCall;
use crate::messages::query;
use crate::pipeline::{Awaited, Behind};
use crate::reader::Malformed;
use crate::refusal::{protocol_error, too_large};
use crate::session::{Engine, Phase, discard, forward, pass};
use crate::verdicts::Question;

/// Bytes of a message that only names something; `PQ_SMALL_MESSAGE_LIMIT` in PostgreSQL's `libpq/libpq.h`.
const SMALL: usize = 10_000;
/// Bytes of a CopyFail, whose reason is for people.
const REASON: usize = 1 << 20;

/// When a message is looked at.
enum Turn {
    Now,
    /// After the server has answered more.
    Later,
    /// Never: the server would ignore it.
    Never,
    /// It passes in pieces, without being looked into.
    Passes,
}

/// What one message of the client came to.
pub(crate) enum Step {
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
            self.move_on(input, out);
            if self.is_binding(input, out).map_err(malformed)? {
                return Ok(Progress::NeedMore);
            }
            if let Some(progress) = self.progress.pop_front() {
                return Ok(progress);
            }
            if self.phase == Phase::Terminated {
                return Ok(Progress::Terminated);
            }
            let next = self.stalled.as_deref().unwrap_or(input);
            let Some(header) = frame::header(next).map_err(malformed)? else {
                return Ok(Progress::NeedMore);
            };
            let excess = self.excess(header)?;
            match self.turn(header)? {
                Turn::Now => {}
                Turn::Later => return Ok(Progress::NeedMore),
                Turn::Never => {
                    self.discard(header);
                    continue;
                }
                Turn::Passes => {
                    self.client_passing = header.frame();
                    continue;
                }
            }
            if let Some(limit) = excess {
                let refusal = too_large(header.body as u64, limit as u64);
                let question = Question::Oversized(header, refusal.clone());
                return Ok(self.ask(question, Ask::Unread(refusal)));
            }
            if header.tag == client::BIND && header.body > self.limits.whole {
                match self.begin_binding(header, input, out).map_err(malformed)? {
                    Step::Done => continue,
                    _ => return Ok(Progress::NeedMore),
                }
            }
            let message = self.stalled.take().or_else(|| frame::cut(input, header));
            let Some(message) = message else {
                return Ok(Progress::NeedMore);
            };
            match self.request(&message, out).map_err(malformed)? {
                Step::Done => self.flushed = false,
                Step::Wait => {
                    self.stalled = Some(message);
                    return Ok(Progress::NeedMore);
                }
                Step::Ask(progress) => {
                    self.flushed = false;
                    return Ok(progress);
                }
            }
        }
    }

    /// Gets on with a message that passes or is thrown away.
    fn move_on(&mut self, input: &mut BytesMut, out: &mut Outbox) {
        if self.client_passing > 0 {
            pass(&mut self.client_passing, input, &mut out.to_server);
        }
        discard(&mut self.client_discarding, input);
    }

    /// Throws away the message that comes next.
    fn discard(&mut self, header: Header) {
        if self.stalled.take().is_none() {
            self.client_discarding = header.frame();
        }
    }

    /// The limit that the message is over, if the session can go on without it.
    pub(crate) fn excess(&self, header: Header) -> Result<Option<usize>, ProtocolError> {
        let limit = match header.tag {
            client::QUERY | client::PARSE => self.limits.statement,
            client::BIND => self.limits.bind,
            client::FUNCTION_CALL => self.limits.message,
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

    fn turn(&self, header: Header) -> Result<Turn, ProtocolError> {
        if self.pipeline.is_skipping() && !matches!(header.tag, client::SYNC | client::TERMINATE) {
            return Ok(Turn::Never);
        }
        if self.pipeline.len() >= self.limits.awaited {
            return Ok(Turn::Later);
        }
        match (self.pipeline.behind(), header.tag) {
            (Behind::Nothing, _) => Ok(Turn::Later),
            (Behind::CopyData | Behind::CopyBoth, client::COPY_DATA) => Ok(Turn::Passes),
            (
                Behind::CopyData | Behind::CopyBoth,
                client::COPY_DONE | client::COPY_FAIL | client::TERMINATE,
            ) => Ok(Turn::Now),
            // A COPY swallows these.
            (Behind::CopyData, client::SYNC | client::FLUSH) => Ok(Turn::Never),
            // The server would end the session, unless the COPY had failed meanwhile: that is not left to chance.
            (Behind::CopyData | Behind::CopyBoth, _) => Err(protocol_error(
                Side::Client,
                "a message other than data in the middle of a COPY",
            )),
            // A COPY that failed leaves these behind.
            (Behind::Anything, client::COPY_DATA | client::COPY_DONE | client::COPY_FAIL) => {
                Ok(Turn::Never)
            }
            (Behind::Anything, _) => Ok(Turn::Now),
        }
    }

    fn request(&mut self, message: &Bytes, out: &mut Outbox) -> Result<Step, Malformed> {
        let body = frame::body(message);
        match message.first().copied().unwrap_or_default() {
            client::QUERY => {
                let text = query::read(body)?;
                let command = command(Source::Text(text.clone()), Vec::new());
                let message = message.clone();
                Ok(Step::Ask(
                    self.ask(Question::Query { message, text }, Ask::Run(command)),
                ))
            }
            client::PARSE => self.parse(message, body, out),
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
                self.send(message, Awaited::Sync, out);
                Ok(Step::Done)
            }
            client::COPY_DONE | client::COPY_FAIL => {
                forward(&mut out.to_server, message);
                if self.pipeline.copy_ended() {
                    self.flush(out);
                }
                Ok(Step::Done)
            }
            tag => {
                // Flush and Terminate have no answer of their own.
                forward(&mut out.to_server, message);
                if tag == client::TERMINATE {
                    self.phase = Phase::Terminated;
                }
                Ok(Step::Done)
            }
        }
    }

    /// Makes the server send what it has answered.
    pub(crate) fn flush(&mut self, out: &mut Outbox) {
        frame::put(&mut out.to_server, client::FLUSH, &[]);
    }

    /// Forwards a message and remembers what is awaited for it.
    pub(crate) fn send(&mut self, message: &Bytes, awaited: Awaited, out: &mut Outbox) {
        forward(&mut out.to_server, message);
        self.pipeline.sent(awaited);
    }
}

fn malformed(error: Malformed) -> ProtocolError {
    protocol_error(Side::Client, error.0)
}

pub(crate) fn command(source: Source, parameters: Vec<model::Parameter>) -> Command {
    Command {
        source,
        parameters,
        types: None,
        bound_after: None,
        name: Bytes::new(),
        beside_bound: false,
    }
}
