//! Errors of the server: which request failed, what is skipped with it, and where our words stand in for the server's.

use bytes::Bytes;
use model::Status;
use protocol::{Outbox, Progress, ProtocolError};

use crate::answers::malformed;
use crate::frame;
use crate::messages::error_response::{self, ServerError};
use crate::pipeline::{Awaited, Behind, outcome};
use crate::refusal::put_error;
use crate::session::{Engine, Phase, forward};

impl Engine {
    /// ErrorResponse.
    pub(crate) fn error(&mut self, message: Bytes, out: &mut Outbox) -> Result<(), ProtocolError> {
        let error = ServerError::read(frame::body(&message)).map_err(malformed)?;
        let is_last = error.severity != "ERROR";
        let status = Status::Failed {
            code: error.code,
            message: error.message,
        };
        if self.phase == Phase::Authentication || is_last {
            // The server closes the connection, and what is under way ends unknown.
            forward(&mut out.to_client, &message);
            return Ok(());
        }
        match self.pipeline.front() {
            Some(Awaited::Query(run) | Awaited::Call(run)) => {
                if matches!(run.behind, Behind::CopyData | Behind::CopyBoth) {
                    // The COPY is over, and ReadyForQuery comes next.
                    run.behind = Behind::Nothing;
                }
                match &run.refused {
                    Some(refusal) => {
                        put_error(&mut out.to_client, refusal);
                        self.progress.push_back(Progress::Failed);
                    }
                    None => {
                        run.outcome.status = status;
                        let message = self.tellable(message);
                        forward(&mut out.to_client, &message);
                    }
                }
                Ok(())
            }
            // Committing at a Sync can fail. A Flush too: where a timeout ran out, the error comes in its place.
            Some(Awaited::Sync) | None => {
                let message = self.tellable(message);
                self.pipeline.failed();
                forward(&mut out.to_client, &message);
                self.progress.push_back(Progress::Failed);
                Ok(())
            }
            Some(_) => {
                let message = self.tellable(message);
                self.extended_error(&message, status, out);
                Ok(())
            }
        }
    }

    /// The error or notice as the client may read it: it can hold values of the rows that were read or written.
    pub(crate) fn tellable(&mut self, message: Bytes) -> Bytes {
        let run = match self.pipeline.front() {
            Some(Awaited::Query(run) | Awaited::Call(run) | Awaited::Execute(run, _)) => {
                run.withholds
            }
            _ => false,
        };
        match self.withholds || run {
            true => error_response::withheld(&message),
            false => message,
        }
    }

    /// The front failed, and what follows it up to the next Sync is skipped.
    fn extended_error(&mut self, message: &Bytes, status: Status, out: &mut Outbox) {
        let mut failed = self.pipeline.failed().into_iter();
        match failed.next() {
            Some(Awaited::Refused(refusal)) => {
                put_error(&mut out.to_client, &refusal);
                self.progress.push_back(Progress::Failed);
            }
            first => {
                forward(&mut out.to_client, message);
                match first {
                    Some(Awaited::Execute(run, _)) => self.finish(run, status),
                    Some(Awaited::Parse(ticket)) => {
                        self.statements.failed();
                        self.progress
                            .push_back(Progress::Finished(ticket, outcome(status)));
                    }
                    Some(other) => {
                        self.undo(other);
                        self.progress.push_back(Progress::Failed);
                    }
                    None => {}
                }
            }
        }
        failed.for_each(|skipped| self.undo(skipped));
    }

    /// The server did not do this, and never will.
    fn undo(&mut self, skipped: Awaited) {
        match &skipped {
            Awaited::Parse(_) | Awaited::CloseStatement => self.statements.failed(),
            Awaited::Bind | Awaited::ClosePortal => self.portals.failed(),
            _ => {}
        }
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
