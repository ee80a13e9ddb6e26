//! What the agent itself asks the server, between two requests of the client.
//!
//! ```text
//!   BEGIN ─> statements ─> COMMIT, Sync ──┬─ all answered ──────────────────────────> told
//!                                         └─ one failed ─> Close, ROLLBACK, Sync ───> told
//! ```
//!
//! By the extended protocol and under a name of its own, because a Query would take away the client's unnamed statement.
//! The portal has no name: between transactions the client has none of these.
//! <https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY>

use std::collections::HashMap;

use bytes::{BufMut, Bytes, BytesMut};
use protocol::{Inquired, Outbox, Progress, ProtocolError, Quiet, Rows, Side, Transaction};

use crate::answers::{malformed, unexpected};
use crate::frame::{self, client, server};
use crate::messages::error_response::ServerError;
use crate::messages::{data_row, parse, status};
use crate::pipeline::{Awaited, Behind};
use crate::reader::Malformed;
use crate::refusal::protocol_error;
use crate::session::{Engine, Phase, forward};

/// The statement's name. A client that takes it for its own is not asked around.
const NAME: &str = "weir inquiry";

/// One look at everything, and nothing is written.
const BEGIN: &str = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// An inquiry that is under way.
#[derive(Debug, Default)]
pub(crate) struct Inquiry {
    /// What was answered, one result for each statement, BEGIN and COMMIT among them.
    results: Vec<Rows>,
    /// Rows of the statement that is being answered.
    rows: Rows,
    /// Bytes of all rows.
    bytes: usize,
    /// Why it came to nothing.
    failed: Option<String>,
    /// Whether the server has the statement of our name.
    is_named: bool,
    /// Whether what a failure left behind is being taken away.
    is_clearing: bool,
    /// What the server reported meanwhile, by name: the last value, and the message that says so.
    reported: HashMap<String, (String, Bytes)>,
}

impl Engine {
    /// Whether the server could be asked something now.
    pub(crate) fn quietness(&self) -> Quiet {
        let is_running = self.phase == Phase::Running && !self.replicates;
        let is_busy = self.inquiry.is_some() || self.question.is_some();
        let takes_data = matches!(self.pipeline.behind(), Behind::CopyData | Behind::CopyBoth);
        if !is_running || is_busy || takes_data || self.pipeline.is_in_segment() {
            return Quiet::Never;
        }
        match self.pipeline.last() {
            Some(Awaited::Sync | Awaited::Query(_) | Awaited::Call(_)) => Quiet::Later,
            Some(_) => Quiet::Never,
            None if self.transaction == Transaction::Idle => Quiet::Now,
            None => Quiet::Never,
        }
    }

    /// Sends the statements, one after the other, in a transaction.
    pub(crate) fn begin_inquiry(&mut self, statements: &[String], out: &mut Outbox) {
        let statements = statements.iter().map(String::as_str);
        for text in [BEGIN].into_iter().chain(statements).chain(["COMMIT"]) {
            put_run(&mut out.to_server, text);
        }
        frame::put(&mut out.to_server, client::SYNC, &[]);
        self.inquiry = Some(Box::default());
    }

    /// A message of the server while there is an inquiry.
    pub(crate) fn inquired(
        &mut self,
        tag: u8,
        message: Bytes,
        out: &mut Outbox,
    ) -> Result<(), ProtocolError> {
        let limit = self.limits.message;
        let Some(inquiry) = &mut self.inquiry else {
            return Err(unexpected(tag));
        };
        let body = frame::body(&message);
        match tag {
            server::PARSE_COMPLETE => inquiry.is_named = true,
            server::CLOSE_COMPLETE => inquiry.is_named = false,
            server::BIND_COMPLETE | server::NOTICE_RESPONSE => {}
            // What other sessions say is for the client.
            server::NOTIFICATION_RESPONSE => forward(&mut out.to_client, &message),
            server::PARAMETER_STATUS => {
                let (name, value) = status::read_setting(body).map_err(malformed)?;
                inquiry.reported.insert(name, (value, message));
            }
            server::DATA_ROW => inquiry.take(&body, limit).map_err(malformed)?,
            server::COMMAND_COMPLETE => inquiry.results.push(std::mem::take(&mut inquiry.rows)),
            server::ERROR_RESPONSE => {
                let error = ServerError::read(body).map_err(malformed)?;
                if error.severity != "ERROR" {
                    // The server closes the connection.
                    forward(&mut out.to_client, &message);
                }
                inquiry.failed.get_or_insert(error.message);
            }
            server::READY_FOR_QUERY => {
                let transaction = status::read_ready(body).map_err(malformed)?;
                return self.inquiry_is_over(transaction, out);
            }
            _ => return Err(unexpected(tag)),
        }
        Ok(())
    }

    fn inquiry_is_over(
        &mut self,
        transaction: Transaction,
        out: &mut Outbox,
    ) -> Result<(), ProtocolError> {
        let Some(mut inquiry) = self.inquiry.take() else {
            return Err(unexpected(server::READY_FOR_QUERY));
        };
        let is_clean = transaction == Transaction::Idle && !inquiry.is_named;
        if !is_clean && inquiry.is_clearing {
            return Err(protocol_error(
                Side::Server,
                "an open transaction where the agent had ended its own",
            ));
        }
        if !is_clean {
            inquiry.clear(transaction, &mut out.to_server);
            self.inquiry = Some(inquiry);
            return Ok(());
        }
        // What the agent set and the server set back is no news.
        for (name, (value, message)) in std::mem::take(&mut inquiry.reported) {
            if self.settings.get(&name) != Some(&value) {
                self.settings.insert(name, value);
                self.reports += 1;
                forward(&mut out.to_client, &message);
            }
        }
        self.progress
            .push_back(Progress::Inquired(inquiry.outcome()));
        Ok(())
    }
}

impl Inquiry {
    fn take(&mut self, body: &Bytes, limit: usize) -> Result<(), Malformed> {
        self.bytes = self.bytes.saturating_add(body.len());
        if self.bytes > limit {
            self.rows.clear();
            self.results.clear();
            let why = format!("it is larger than sessions.message_limit, {limit} bytes");
            self.failed.get_or_insert(why);
            return Ok(());
        }
        let (count, mut values) = data_row::read(body)?;
        let row = (0..count).map(|_| {
            values
                .cut()
                .map(|value| value.bytes.map(|b| body.slice_ref(b)))
        });
        self.rows.push(row.collect::<Result<_, _>>()?);
        values.finish()
    }

    /// Takes away what a failure left behind.
    fn clear(&mut self, transaction: Transaction, out: &mut BytesMut) {
        self.is_clearing = true;
        if self.is_named {
            put_close(out);
        }
        if transaction != Transaction::Idle {
            put_run(out, "ROLLBACK");
        }
        frame::put(out, client::SYNC, &[]);
    }

    /// The results without those of BEGIN and COMMIT.
    fn outcome(mut self) -> Inquired {
        if let Some(why) = self.failed {
            return Err(why);
        }
        self.results.pop();
        self.results.drain(..1.min(self.results.len()));
        Ok(self.results)
    }
}

/// Appends what runs a statement to its end and forgets it. Values come in binary.
fn put_run(out: &mut BytesMut, text: &str) {
    parse::put(out, NAME, text);
    let mut bind = BytesMut::new();
    bind.put_u8(0);
    put_name(&mut bind);
    // No parameter formats, no parameters, and one format for all columns: 1, binary.
    for number in [0, 0, 1, 1] {
        bind.put_u16(number);
    }
    frame::put(out, client::BIND, &bind);
    // The portal's empty name, and all rows.
    frame::put(out, client::EXECUTE, &[0; 5]);
    put_close(out);
}

fn put_close(out: &mut BytesMut) {
    let mut close = BytesMut::new();
    close.put_u8(b'S');
    put_name(&mut close);
    frame::put(out, client::CLOSE, &close);
}

fn put_name(body: &mut BytesMut) {
    body.put_slice(NAME.as_bytes());
    body.put_u8(0);
}
