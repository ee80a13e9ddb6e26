//! Parse, Bind, Describe, Execute and Close: what names are made, and what the text behind a name is.
//! <https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY>

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

use bytes::{Bytes, BytesMut};
use model::Parameter;
use protocol::{Ask, Command, Outbox, Source};

use crate::binding::{Binding, Names};
use crate::frame::Header;
use crate::messages::bind::Bind;
use crate::messages::execute;
use crate::messages::parse::Parse;
use crate::messages::target::Target;
use crate::pipeline::{Awaited, Described};
use crate::reader::Malformed;
use crate::refusal::unknown_portal;
use crate::requests::{Step, command};
use crate::session::{Engine, forward};
use crate::statements::{Found, Portal, Prepared};
use crate::verdicts::Question;

impl Engine {
    pub(crate) fn parse(
        &mut self,
        message: &Bytes,
        body: Bytes,
        out: &mut Outbox,
    ) -> Result<Step, Malformed> {
        let parse = Parse::read(body)?;
        if self.statements.pending_weight() > self.limits.remembered {
            return Ok(self.wait(out));
        }
        let command = Command {
            name: parse.name.clone(),
            ..command(Source::Text(parse.text.clone()), Vec::new())
        };
        let question = Question::Parse {
            message: message.clone(),
            parse,
        };
        Ok(Step::Ask(self.ask(question, Ask::Prepare(command))))
    }

    pub(crate) fn bind(
        &mut self,
        message: &Bytes,
        body: Bytes,
        out: &mut Outbox,
    ) -> Result<Step, Malformed> {
        if self.portals.pending_weight() > self.limits.remembered {
            return Ok(self.wait(out));
        }
        let bind = Bind::read(body, self.limits.value)?;
        let statement = match self.statements.find(&bind.statement, self.segment) {
            Found::Unsettled => return Ok(Step::Wait),
            Found::Known(statement) => Some(statement),
            Found::Nothing => None,
        };
        forward(&mut out.to_server, message);
        self.bound(bind.portal, statement, bind.parameters);
        Ok(Step::Done)
    }

    /// Begins a Bind that passes in pieces, once its names are there and settled.
    pub(crate) fn begin_binding(
        &mut self,
        header: Header,
        input: &mut BytesMut,
        out: &mut Outbox,
    ) -> Result<Step, Malformed> {
        self.is_bind_waiting = false;
        let Some(names) = Names::read(header, input)? else {
            return Ok(Step::Wait);
        };
        let statement = match self.statements.find(&names.statement, self.segment) {
            Found::Unsettled => {
                self.is_bind_waiting = true;
                return Ok(Step::Wait);
            }
            Found::Known(statement) => Some(statement),
            Found::Nothing => None,
        };
        if self.portals.pending_weight() > self.limits.remembered {
            self.is_bind_waiting = true;
            return Ok(self.wait(out));
        }
        let binding = Binding::begin(header, names, statement, input, &mut out.to_server)?;
        self.binding = Some(binding);
        self.flushed = false;
        Ok(Step::Done)
    }

    /// Whether a Bind passes in pieces, and has not passed yet. It counts as sent when all of it is.
    pub(crate) fn is_binding(
        &mut self,
        input: &mut BytesMut,
        out: &mut Outbox,
    ) -> Result<bool, Malformed> {
        let Some(binding) = &mut self.binding else {
            return Ok(false);
        };
        if !binding.advance(&self.limits, input, &mut out.to_server)? {
            return Ok(true);
        }
        if let Some(binding) = self.binding.take()
            // Where something before it has failed meanwhile, the server skips it.
            && !self.pipeline.is_skipping()
        {
            self.bound(binding.portal, binding.statement, binding.parameters);
        }
        Ok(false)
    }

    /// A Bind was sent.
    fn bound(&mut self, name: Bytes, statement: Option<Arc<Prepared>>, parameters: Vec<Parameter>) {
        let portal = Portal {
            name: Bytes::copy_from_slice(&name),
            statement,
            parameters,
            since: self.last_ticket,
            fields: OnceLock::new(),
            shown: AtomicU64::new(0),
        };
        // SQL can name it too, and run it by FETCH.
        if !name.is_empty() {
            self.named = Some(self.segment);
        }
        self.pipeline.sent(Awaited::Bind);
        self.portals
            .sent(name, Some(Arc::new(portal)), self.segment);
    }

    pub(crate) fn describe(
        &mut self,
        message: &Bytes,
        body: Bytes,
        out: &mut Outbox,
    ) -> Result<Step, Malformed> {
        let of = match Target::read(body)? {
            Target::Statement(name) => match self.statements.find(&name, self.segment) {
                Found::Known(statement) => Described::Statement(statement),
                Found::Unsettled | Found::Nothing => Described::Unknown,
            },
            Target::Portal(name) => match self.portals.find(&name, self.segment) {
                Found::Unsettled => return Ok(Step::Wait),
                Found::Known(portal) => Described::Portal(portal),
                Found::Nothing => Described::Unknown,
            },
        };
        let awaited = Awaited::Describe { of, hidden: false };
        self.send(message, awaited, out);
        Ok(Step::Done)
    }

    pub(crate) fn execute(
        &mut self,
        message: &Bytes,
        body: Bytes,
        out: &mut Outbox,
    ) -> Result<Step, Malformed> {
        let (name, rows) = execute::read(body)?;
        let portal = match self.portals.find(&name, self.segment) {
            Found::Unsettled => return Ok(Step::Wait),
            // What runs between a Bind and its Execute may end the portal and make another of that name.
            Found::Known(portal) if self.pipeline.runs_after(portal.since) => {
                return Ok(self.wait(out));
            }
            Found::Known(portal) => Some(portal),
            Found::Nothing => None,
        };
        let known = portal.and_then(|portal| {
            let statement = portal.statement.clone()?;
            Some((portal, statement))
        });
        let Some((portal, statement)) = known else {
            let refusal = unknown_portal(&name);
            let question = Question::Unknown(name, refusal.clone());
            return Ok(Step::Ask(self.ask(question, Ask::Unread(refusal))));
        };
        let command = Command {
            bound_after: Some(portal.since),
            types: statement.types(),
            ..command(
                Source::Text(statement.text.clone()),
                portal.parameters.clone(),
            )
        };
        let question = Question::Execute {
            message: message.clone(),
            portal,
            rows,
            holds_up: statement.holds_up,
        };
        Ok(Step::Ask(self.ask(question, Ask::Run(command))))
    }

    pub(crate) fn close_name(
        &mut self,
        message: &Bytes,
        body: Bytes,
        out: &mut Outbox,
    ) -> Result<Step, Malformed> {
        match Target::read(body)? {
            Target::Statement(name) => {
                self.send(message, Awaited::CloseStatement, out);
                self.statements.sent(name, None, self.segment);
            }
            Target::Portal(name) => {
                self.send(message, Awaited::ClosePortal, out);
                self.portals.sent(name, None, self.segment);
            }
        }
        Ok(Step::Done)
    }

    /// Waits for answers that the server may keep in its buffer until a Sync, which may only come behind this message.
    fn wait(&mut self, out: &mut Outbox) -> Step {
        if !std::mem::replace(&mut self.flushed, true) {
            self.flush(out);
        }
        Step::Wait
    }
}
