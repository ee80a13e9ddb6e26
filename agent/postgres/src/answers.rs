//! Messages of the server: which request they answer, what is masked, and when a request has ended.

use std::sync::atomic::Ordering;

use bytes::{Bytes, BytesMut};
use mask::Keyring;
use model::{Content, Outcome, Output, Outputs, Status};
use protocol::{Outbox, Progress, ProtocolError, Side, Ticket, Transaction};

use crate::agreement::disagreement;
use crate::copying::Copying;
use crate::frame::{self, Header, server};
use crate::messages::{row_description, status};
use crate::pipeline::{Awaited, Behind, Described, Run, outcome};
use crate::reader::Malformed;
use crate::refusal::protocol_error;
use crate::rows::Plan;
use crate::session::{Engine, Phase, discard, forward, pass};
use crate::statements::Portal;
use crate::wording::leaves_portals;

/// The server's answer fits no request, so the engine no longer knows what it is looking at.
pub(crate) fn unexpected(tag: u8) -> ProtocolError {
    protocol_error(
        Side::Server,
        format!(
            "a message of type {:?} that answers nothing",
            char::from(tag)
        ),
    )
}

pub(crate) fn malformed(error: Malformed) -> ProtocolError {
    protocol_error(Side::Server, error.0)
}

/// How a message of the server passes.
enum Passage {
    /// As one, and looked into.
    Whole,
    /// In pieces.
    Through,
    /// It does not.
    Nowhere,
}

impl Engine {
    /// Reads answers until a request has ended.
    pub(crate) fn advance_answers(
        &mut self,
        input: &mut BytesMut,
        out: &mut Outbox,
    ) -> Result<Progress, ProtocolError> {
        loop {
            if self.server_passing > 0 {
                pass(&mut self.server_passing, input, &mut out.to_client);
            }
            discard(&mut self.server_discarding, input);
            self.flush_notices(out);
            if let Some(progress) = self.progress.pop_front() {
                return Ok(progress);
            }
            let Some(header) = frame::header(input).map_err(malformed)? else {
                return Ok(Progress::NeedMore);
            };
            match self.passage(header)? {
                Passage::Through => {
                    self.server_passing = header.frame();
                    continue;
                }
                Passage::Nowhere => {
                    self.server_discarding = header.frame();
                    continue;
                }
                Passage::Whole => {}
            }
            if header.body > self.limits.message {
                return Err(protocol_error(
                    Side::Server,
                    "a message that is too large to look into",
                ));
            }
            let Some(message) = frame::cut(input, header) else {
                return Ok(Progress::NeedMore);
            };
            self.answer(header.tag, message, out)?;
        }
    }

    /// How the message passes. Counts it as it begins.
    fn passage(&mut self, header: Header) -> Result<Passage, ProtocolError> {
        match header.tag {
            _ if self.inquiry.is_some() => Ok(Passage::Whole),
            server::DATA_ROW | server::COPY_DATA => {
                let room = self.recordable.min(self.limits.message);
                let run = self.running(header.tag)?;
                let is_row = header.tag == server::DATA_ROW;
                let is_kept = (run.recording.as_ref())
                    .is_some_and(|recording| recording.has_room(header.frame(), room));
                let is_masked = match is_row {
                    true => run.is_masked(),
                    false => run.copying.is_some(),
                };
                if is_kept || is_masked {
                    return Ok(Passage::Whole);
                }
                if !run.may_show_a_row() {
                    return Ok(Passage::Nowhere);
                }
                if let Some(recording) = &mut run.recording {
                    recording.lose(header.frame());
                }
                run.outcome.rows += u64::from(is_row);
                run.outcome.bytes += header.body as u64;
                Ok(Passage::Through)
            }
            server::FUNCTION_CALL_RESPONSE => {
                let run = self.running(header.tag)?;
                assert_unmasked(run)?;
                run.outcome.bytes += header.body as u64;
                Ok(Passage::Through)
            }
            _ => Ok(Passage::Whole),
        }
    }

    /// The request that the server is answering with rows.
    fn running(&mut self, tag: u8) -> Result<&mut Run, ProtocolError> {
        match self.pipeline.front() {
            Some(Awaited::Query(run) | Awaited::Call(run) | Awaited::Execute(run, _))
                if run.refused.is_none() =>
            {
                Ok(run)
            }
            _ => Err(unexpected(tag)),
        }
    }

    fn answer(&mut self, tag: u8, message: Bytes, out: &mut Outbox) -> Result<(), ProtocolError> {
        if self.inquiry.is_some() {
            return self.inquired(tag, message, out);
        }
        let body = frame::body(&message);
        if self.is_cut_off(tag, &body, out)? {
            return Ok(());
        }
        match tag {
            server::NOTICE_RESPONSE => {
                let message = self.tellable(message);
                forward(&mut out.to_client, &message);
                return Ok(());
            }
            server::NOTIFICATION_RESPONSE => {}
            server::PARAMETER_STATUS => {
                let (name, value) = status::read_setting(body).map_err(malformed)?;
                self.settings.insert(name, value);
                self.reports += 1;
            }
            server::AUTHENTICATION if self.phase == Phase::Authentication => {
                self.check_proof(body)?;
                let message = self.encryption.offer(message)?;
                forward(&mut out.to_client, &message);
                return Ok(());
            }
            server::NEGOTIATE_PROTOCOL_VERSION if self.phase == Phase::Authentication => {
                let minor = status::read_version(body).map_err(malformed)?;
                self.minor = self.minor.min(minor);
            }
            server::BACKEND_KEY_DATA if self.phase == Phase::Authentication => {
                let key = status::read_key(body).map_err(malformed)?;
                let length = secret_length(self.minor);
                self.progress.push_back(Progress::Keyed { key, length });
                return Ok(());
            }
            server::READY_FOR_QUERY => self.ready(status::read_ready(body).map_err(malformed)?)?,
            server::ERROR_RESPONSE => return self.error(message, out),
            server::ROW_DESCRIPTION | server::NO_DATA => return self.described(tag, message, out),
            server::PARAMETER_DESCRIPTION => match self.pipeline.front() {
                Some(Awaited::Describe { of, .. }) => {
                    if let Described::Statement(statement) = of {
                        statement.describe(status::read_types(body).map_err(malformed)?);
                    }
                }
                _ => return Err(unexpected(tag)),
            },
            server::DATA_ROW => return self.row(message, out),
            server::COPY_DATA => return self.copied(message, out),
            server::COPY_IN_RESPONSE => self.copy(tag, Behind::CopyData)?,
            server::COPY_BOTH_RESPONSE => self.copy(tag, Behind::CopyBoth)?,
            server::COPY_OUT_RESPONSE => self.copies_out(body)?,
            server::COPY_DONE => {
                if let Some(copying) = self.running(tag)?.copying.take() {
                    copying.finish().map_err(malformed)?;
                }
            }
            server::COMMAND_COMPLETE => {
                self.completed(status::read_tag(body).map_err(malformed)?)?
            }
            server::EMPTY_QUERY_RESPONSE => self.ended(tag, Status::Completed)?,
            server::PORTAL_SUSPENDED => self.ended(tag, Status::Suspended)?,
            server::PARSE_COMPLETE | server::BIND_COMPLETE | server::CLOSE_COMPLETE => {
                self.acknowledged(tag)?;
            }
            _ => return Err(unexpected(tag)),
        }
        forward(&mut out.to_client, &message);
        Ok(())
    }

    /// ParseComplete, BindComplete, CloseComplete: a name is settled.
    fn acknowledged(&mut self, tag: u8) -> Result<(), ProtocolError> {
        let (count, bytes) = (self.limits.names, self.limits.remembered);
        match (tag, self.pipeline.front()) {
            (server::PARSE_COMPLETE, Some(Awaited::Parse(ticket))) => {
                let ticket = *ticket;
                self.statements.completed(count, bytes);
                self.progress
                    .push_back(Progress::Finished(ticket, outcome(Status::Completed)));
            }
            (server::BIND_COMPLETE, Some(Awaited::Bind))
            | (server::CLOSE_COMPLETE, Some(Awaited::ClosePortal)) => {
                self.portals.completed(count, bytes)
            }
            (server::CLOSE_COMPLETE, Some(Awaited::CloseStatement)) => {
                self.statements.completed(count, bytes)
            }
            _ => return Err(unexpected(tag)),
        }
        self.pipeline.answered();
        Ok(())
    }

    /// RowDescription or NoData: of a Describe, or at the start of a Query's result.
    fn described(
        &mut self,
        tag: u8,
        message: Bytes,
        out: &mut Outbox,
    ) -> Result<(), ProtocolError> {
        let fields = match tag {
            server::ROW_DESCRIPTION => {
                row_description::read(frame::body(&message)).map_err(malformed)?
            }
            _ => Vec::new(),
        };
        match self.pipeline.front() {
            Some(Awaited::Describe { of, hidden }) => {
                let hidden = *hidden;
                let portal = match of {
                    Described::Portal(portal) => Some(portal.clone()),
                    Described::Statement(_) | Described::Unknown => None,
                };
                self.pipeline.answered();
                if let Some(portal) = portal {
                    assert_agreement(self.pipeline.outputs_of(&portal), &fields)?;
                    // A second Describe of a portal says the same.
                    let _ = portal.fields.set(fields);
                }
                if hidden {
                    return Ok(());
                }
            }
            Some(Awaited::Query(run)) if tag == server::ROW_DESCRIPTION => {
                assert_agreement(run.outputs.get(run.statement()), &fields)?;
                if run.is_masked() {
                    run.plan = Some(plan(run, &fields, &self.keys)?);
                }
                if let Some(recording) = &mut run.recording {
                    let (ticket, contents) = (run.ticket, recording.columns(&fields));
                    self.show(ticket, contents);
                }
            }
            _ => return Err(unexpected(tag)),
        }
        forward(&mut out.to_client, &message);
        Ok(())
    }

    /// A row that is looked into: it is masked, or kept, or both.
    fn row(&mut self, message: Bytes, out: &mut Outbox) -> Result<(), ProtocolError> {
        let (run, portal) = match self.pipeline.front() {
            Some(Awaited::Query(run)) => (run, None),
            Some(Awaited::Execute(run, portal)) => (run, Some(portal)),
            _ => return Err(unexpected(server::DATA_ROW)),
        };
        if !run.may_show_a_row() {
            return Ok(());
        }
        let portal = portal.map(|portal| &**portal);
        let before = out.to_client.len();
        if !run.is_masked() {
            forward(&mut out.to_client, &message);
        } else {
            if run.plan.is_none() {
                run.plan = Some(plan(run, described(portal)?, &self.keys)?);
            }
            let Some(plan) = &run.plan else {
                return Err(unexpected(server::DATA_ROW));
            };
            let body = frame::body(&message);
            plan.apply(&body, &mut out.to_client, &mut run.outcome)
                .map_err(malformed)?;
        }
        let shown = out.to_client.get(before..).unwrap_or_default();
        run.outcome.rows += 1;
        run.outcome.bytes += shown.len().saturating_sub(frame::HEADER) as u64;
        let Some(recording) = &mut run.recording else {
            return Ok(());
        };
        let ticket = run.ticket;
        let mut contents = Vec::new();
        if let Some(portal) = portal
            && !recording.is_headed()
        {
            contents.extend(recording.columns(described(Some(portal))?));
        }
        if recording.take(message.len(), &mut self.recordable) {
            contents.extend(recording.row(shown).map_err(malformed)?);
        }
        self.show(ticket, contents);
        Ok(())
    }

    /// CopyOutResponse: data of the current statement comes.
    fn copies_out(&mut self, body: Bytes) -> Result<(), ProtocolError> {
        let keys = self.keys.clone();
        let run = self.running(server::COPY_OUT_RESPONSE)?;
        if !run.is_masked() {
            return Ok(());
        }
        let (format, columns) = status::read_copy(body).map_err(malformed)?;
        let Some(Outputs::Copied(outputs, form)) = run.outputs.get(run.statement()) else {
            return assert_unmasked(run);
        };
        let field = |output: &Output| row_description::Field {
            name: Bytes::new(),
            table: 0,
            column: 0,
            kind: output.like.unwrap_or_default(),
            format,
        };
        let fields: Vec<_> = outputs.iter().map(field).collect();
        let copying = Copying::new(plan(run, &fields, &keys)?, form.clone());
        if columns != fields.len() || copying.is_binary() != (format == 1) {
            return assert_unmasked(run);
        }
        run.copying = Some(copying);
        Ok(())
    }

    /// Data of a COPY that is masked or kept.
    fn copied(&mut self, message: Bytes, out: &mut Outbox) -> Result<(), ProtocolError> {
        let mut room = self.recordable;
        let run = self.running(server::COPY_DATA)?;
        if !run.may_show_a_row() {
            return Ok(());
        }
        let message = match &mut run.copying {
            None => message,
            Some(copying) => {
                let (mut shown, mut masked) = (BytesMut::new(), BytesMut::new());
                copying
                    .apply(&frame::body(&message), &mut shown, &mut run.outcome)
                    .map_err(malformed)?;
                if shown.is_empty() {
                    return Ok(());
                }
                frame::put(&mut masked, server::COPY_DATA, &shown);
                masked.freeze()
            }
        };
        let body = frame::body(&message);
        run.outcome.bytes += body.len() as u64;
        let ticket = run.ticket;
        let content = run.recording.as_mut().and_then(|recording| {
            let is_kept = recording.take(message.len(), &mut room);
            is_kept.then(|| recording.copied(body)).flatten()
        });
        self.recordable = room;
        self.show(ticket, content);
        forward(&mut out.to_client, &message);
        Ok(())
    }

    /// Tells what the client is about to see.
    fn show(&mut self, ticket: Ticket, contents: impl IntoIterator<Item = Content>) {
        let shown = contents.into_iter();
        self.progress
            .extend(shown.map(|content| Progress::Shown(ticket, content)));
    }

    /// CopyInResponse, CopyBothResponse: the server reads data from now on.
    fn copy(&mut self, tag: u8, behind: Behind) -> Result<(), ProtocolError> {
        let may = behind == Behind::CopyData || self.replicates;
        let run = self.running(tag)?;
        // Only a text with the word COPY in it can do that, or a command of replication, and nothing was sent behind it.
        if run.behind != Behind::Nothing || !may {
            return Err(unexpected(tag));
        }
        run.behind = behind;
        assert_unmasked(run)
    }

    /// CommandComplete: the end of an Execute, or of one statement of a Query.
    pub(crate) fn completed(&mut self, command_tag: String) -> Result<(), ProtocolError> {
        let run = self.running(server::COMMAND_COMPLETE)?;
        run.plan = None;
        run.copying = None;
        match command_tag.as_str() {
            // PREPARE may have taken the name of a statement that a DEALLOCATE removed.
            "PREPARE" | "DEALLOCATE ALL" | "DISCARD ALL" => self.statements.clear_settled(),
            _ => {}
        }
        if !leaves_portals(&command_tag) {
            self.portals.clear_settled();
        }
        self.running(server::COMMAND_COMPLETE)?
            .outcome
            .tags
            .push(command_tag);
        let status = match self.running(server::COMMAND_COMPLETE)?.is_cut_off() {
            true => Status::Limited,
            false => Status::Completed,
        };
        self.ended(server::COMMAND_COMPLETE, status)
    }

    /// An Execute ended. A Query goes on until ReadyForQuery.
    pub(crate) fn ended(&mut self, tag: u8, status: Status) -> Result<(), ProtocolError> {
        match self.pipeline.front() {
            Some(Awaited::Query(run)) if run.refused.is_none() => Ok(()),
            Some(Awaited::Execute(..)) => {
                if let Some(Awaited::Execute(run, portal)) = self.pipeline.answered() {
                    portal.shown.fetch_add(run.outcome.rows, Ordering::Relaxed);
                    self.finish(run, status);
                }
                Ok(())
            }
            _ => Err(unexpected(tag)),
        }
    }

    fn ready(&mut self, transaction: Transaction) -> Result<(), ProtocolError> {
        if self.phase == Phase::Authentication {
            self.phase = Phase::Running;
            self.transaction = transaction;
            self.progress.push_back(Progress::Ready(transaction));
            return Ok(());
        }
        match self.pipeline.front() {
            Some(Awaited::Query(_) | Awaited::Call(_)) => {}
            Some(Awaited::Sync) => self.synced += 1,
            _ => return Err(unexpected(server::READY_FOR_QUERY)),
        }
        self.transaction = transaction;
        if let Some(Awaited::Query(run) | Awaited::Call(run)) = self.pipeline.answered()
            && run.refused.is_none()
        {
            let status = run.outcome.status.clone();
            self.finish(run, status);
        }
        // Portals end with their transaction.
        if transaction == Transaction::Idle {
            self.withholds = false;
            self.portals.clear_settled();
            self.named = self.named.filter(|segment| self.synced <= *segment);
        }
        self.progress.push_back(Progress::Ready(transaction));
        Ok(())
    }

    pub(crate) fn finish(&mut self, run: Run, status: Status) {
        self.withholds |= run.withholds_later;
        if let Some(recording) = run.recording {
            self.show(run.ticket, recording.finish());
        }
        let outcome = Outcome {
            status,
            ..run.outcome
        };
        self.progress
            .push_back(Progress::Finished(run.ticket, outcome));
    }
}

/// Bytes of a cancel key's secret: fixed at 4 up to version 3.1 of the protocol, and what PostgreSQL 18 sends from 3.2 on.
fn secret_length(minor: u16) -> usize {
    if minor < 2 { 4 } else { 32 }
}

/// What has not the columns that were expected cannot be masked.
fn assert_unmasked(run: &Run) -> Result<(), ProtocolError> {
    if !run.is_masked() {
        return Ok(());
    }
    Err(protocol_error(
        Side::Server,
        "a result that cannot be masked: it has not the columns that were expected",
    ))
}

/// What is described is what was judged.
pub(crate) fn assert_agreement(
    outputs: Option<&Outputs>,
    fields: &[row_description::Field],
) -> Result<(), ProtocolError> {
    match outputs.and_then(|outputs| disagreement(outputs, fields)) {
        Some(what) => Err(protocol_error(Side::Server, format!("a result {what}"))),
        None => Ok(()),
    }
}

fn plan(
    run: &Run,
    fields: &[row_description::Field],
    keys: &Keyring,
) -> Result<Plan, ProtocolError> {
    Plan::new(&run.masks, run.statement(), fields, keys).map_err(|error| {
        protocol_error(
            Side::Server,
            format!("a result that cannot be masked for certain: {}", error.0),
        )
    })
}

/// The columns of the rows that a portal is answered with.
fn described(portal: Option<&Portal>) -> Result<&[row_description::Field], ProtocolError> {
    let fields = portal.and_then(|portal| portal.fields.get());
    fields
        .map(Vec::as_slice)
        .ok_or_else(|| protocol_error(Side::Server, "rows before their description"))
}
