//! Results with at most so many rows: what is beyond is thrown away, and the client reads an error in its place.
//!
//! ```text
//! Execute   is sent with one row more than may pass, so that the server stops; then a Parse that must fail
//! Query     passes as it is and the server runs to its end; in a transaction block a Query that must fail follows
//! ```
//!
//! What must fail is what refusals use ([`crate::refusal`]), so that the transaction is failed on the server, too.
//! Nothing is sent behind a run with a limit before it has ended: what the client believes to be skipped must not run.
//! A Query outside of a transaction block is committed by then, and its error says so.

use bytes::{Bytes, BytesMut};
use model::{Refusal, RefusalKind, RowLimit, Status};
use protocol::{Outbox, ProtocolError, Ticket, Transaction};

use crate::answers::malformed;
use crate::frame::server;
use crate::messages::{execute, status};
use crate::pipeline::{Awaited, Run};
use crate::refusal::{put_error, put_failing_query};
use crate::session::Engine;

/// How many rows of a run may still pass.
#[derive(Debug)]
pub struct Allowance {
    limit: RowLimit,
    left: u64,
    is_exceeded: bool,
}

impl Allowance {
    /// Of a result of which so many rows were shown before.
    pub fn new(limit: RowLimit, shown: u64) -> Self {
        Self {
            left: limit.rows.saturating_sub(shown),
            limit,
            is_exceeded: false,
        }
    }

    /// Whether one row more may pass. From the first that may not on, nothing may.
    pub fn take(&mut self) -> bool {
        match self.left.checked_sub(1) {
            Some(left) => self.left = left,
            None => self.is_exceeded = true,
        }
        !self.is_exceeded
    }

    /// What an Execute asks for: no more than shows whether there are too many. 0 or less are all rows.
    fn rows_to_ask_for(&self, wanted: i32) -> i32 {
        let most = i32::try_from(self.left.saturating_add(1)).unwrap_or(i32::MAX);
        if wanted > 0 { wanted.min(most) } else { most }
    }

    fn refusal(&self, is_committed: bool) -> Refusal {
        let RowLimit { rows, by } = &self.limit;
        let done = "The statement itself was run to its end and is committed.";
        Refusal {
            kind: RefusalKind::TooLarge,
            message: format!(
                "weir: the result has more than the {rows} rows that {} permits",
                by.join(", ")
            ),
            detail: is_committed.then(|| done.to_owned()),
            hint: Some("Ask for fewer rows, with LIMIT for instance.".to_owned()),
        }
    }
}

impl Run {
    /// Whether a row more may pass.
    pub fn may_show_a_row(&mut self) -> bool {
        self.allowance.as_mut().is_none_or(Allowance::take)
    }

    /// Whether its result is cut off.
    pub fn is_cut_off(&self) -> bool {
        let allowance = self.allowance.as_ref();
        allowance.is_some_and(|allowance| allowance.is_exceeded)
    }

    /// The Execute of so many rows of a portal as it is sent: of no more rows than this run may show, and one.
    pub fn limited(&self, portal: &[u8], rows: i32) -> Option<Bytes> {
        let rows = self.allowance.as_ref()?.rows_to_ask_for(rows);
        let mut message = BytesMut::new();
        execute::put(&mut message, portal, rows);
        Some(message.freeze())
    }
}

impl Engine {
    /// Whether the server's answer belongs to a result that is cut off. What it settles is settled, and the client gets
    /// an error instead of its end.
    pub(crate) fn is_cut_off(
        &mut self,
        tag: u8,
        body: &Bytes,
        out: &mut Outbox,
    ) -> Result<bool, ProtocolError> {
        let Some(Awaited::Query(run) | Awaited::Execute(run, _)) = self.pipeline.front() else {
            return Ok(false);
        };
        let Some(allowance) = run.allowance.as_ref().filter(|it| it.is_exceeded) else {
            return Ok(false);
        };
        let (ticket, refusal) = (run.ticket, allowance.refusal(false));
        match tag {
            server::COMMAND_COMPLETE | server::PORTAL_SUSPENDED => {
                let is_execute = matches!(self.pipeline.front(), Some(Awaited::Execute(..)));
                match tag {
                    server::COMMAND_COMPLETE => {
                        self.completed(status::read_tag(body.clone()).map_err(malformed)?)?;
                    }
                    _ => self.ended(tag, Status::Limited)?,
                }
                if is_execute {
                    self.refuse_extended(ticket, refusal, out);
                }
                Ok(true)
            }
            server::ROW_DESCRIPTION
            | server::DATA_ROW
            | server::COPY_OUT_RESPONSE
            | server::COPY_DONE
            | server::EMPTY_QUERY_RESPONSE => Ok(true),
            server::READY_FOR_QUERY => self.cut_off_query(ticket, body, out),
            // The server's own error says enough.
            server::ERROR_RESPONSE => {
                run.allowance = None;
                Ok(false)
            }
            _ => Ok(false),
        }
    }

    /// A Query's end. Within a transaction block the client reads it behind what must fail.
    fn cut_off_query(
        &mut self,
        ticket: Ticket,
        body: &Bytes,
        out: &mut Outbox,
    ) -> Result<bool, ProtocolError> {
        let transaction = status::read_ready(body.clone()).map_err(malformed)?;
        let Some(Awaited::Query(run)) = self.pipeline.front() else {
            return Ok(false);
        };
        let Some(allowance) = &run.allowance else {
            return Ok(false);
        };
        if transaction != Transaction::Open {
            run.outcome.status = Status::Limited;
            let refusal = allowance.refusal(transaction == Transaction::Idle);
            put_error(&mut out.to_client, &refusal);
            return Ok(false);
        }
        let refusal = allowance.refusal(false);
        if let Some(Awaited::Query(run)) = self.pipeline.answered() {
            self.finish(run, Status::Limited);
        }
        put_failing_query(&mut out.to_server, ticket);
        let failing = Awaited::Query(Run::refused(ticket, refusal));
        self.pipeline.sent(failing);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowance(rows: u64, shown: u64) -> Allowance {
        let by = ["few".into()].into();
        Allowance::new(RowLimit { rows, by }, shown)
    }

    #[test]
    fn as_many_rows_pass_as_are_left() {
        let mut three = allowance(5, 2);
        assert_eq!(
            [(); 5].map(|()| three.take()),
            [true, true, true, false, false]
        );
        assert!(!allowance(5, 7).take());
    }

    #[test]
    fn one_row_more_than_may_pass_is_asked_for_and_never_more_than_is_wanted() {
        assert_eq!(allowance(5, 0).rows_to_ask_for(0), 6);
        assert_eq!(allowance(5, 0).rows_to_ask_for(-1), 6);
        assert_eq!(allowance(5, 4).rows_to_ask_for(100), 2);
        assert_eq!(allowance(5, 0).rows_to_ask_for(3), 3);
        assert_eq!(allowance(u64::MAX, 0).rows_to_ask_for(0), i32::MAX);
    }
}
