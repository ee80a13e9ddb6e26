//! Requests and answers of a session that is logged in, until one side has had enough.
//!
//! ```text
//!   work ─ Ask ─> ask ─> judged ─┬──────────────────> answered ─> resolve
//!    ▲                           └ held ─> released ──┘               │
//!    └────────────────────── step (bytes move) ◄──────────────────────┘
//! ```

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use model::{Outcome, Refusal, RefusalKind, Request, Stage, Status, Verdict};
use protocol::{Ask, Progress, Side, Ticket, Transaction};

use crate::error::SessionError;
use crate::gate::{Case, Held, Judged};
use crate::pump::Event;
use crate::reading::Reading;
use crate::scene::{REPORTED, Reported, Scene};
use crate::session::{End, Session, Stop, UnderWay, finished};

/// A future beside the sockets.
type Waiting<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A request on its way through the gate, with all that the gate needs of it.
struct Asked {
    scene: Arc<Scene>,
    ticket: Ticket,
    stage: Stage,
    request: Request,
    reading: Arc<Reading>,
    in_transaction: bool,
}

/// What became of a question of the engine.
enum Answer {
    /// The message was never read, and is refused.
    Unread(Ticket, Verdict),
    Judged(Box<Asked>, Judged),
    Released(Box<Asked>, Verdict),
}

impl Asked {
    fn case(&self) -> Case<'_> {
        Case {
            subject: &self.scene.subject,
            target: &self.scene.target,
            login: &self.scene.login,
            number: self.ticket.0,
            stage: self.stage,
            request: &self.request,
            in_transaction: self.in_transaction,
            memory: &self.reading.memory,
        }
    }
}

impl Session {
    /// Requests and answers, until one side has had enough.
    pub(crate) async fn relay(&mut self, scene: Arc<Scene>) -> Result<End, SessionError> {
        let mut stop = self.shared.stop.clone();
        let mut answer: Option<Waiting<Answer>> = None;
        loop {
            if let Some((ticket, ask)) = self.work(&scene).await? {
                answer = Some(self.ask(&scene, ticket, ask));
            }
            if let Some(end) = self.ended(answer.is_some()).await {
                return Ok(end);
            }
            let wish = *stop.borrow_and_update();
            let may_end = wish == Stop::WhenQuiet && answer.is_none() && self.is_quiet();
            if may_end || wish == Stop::Now {
                return Err(SessionError::Stopping);
            }
            let event = tokio::select! {
                event = self.pump.step(answer.as_mut()) => event?,
                Ok(()) = stop.changed() => Event::Moved,
            };
            if let Event::Ready(ready) = event {
                answer = self.answered(ready)?;
            }
        }
    }

    /// Lets the engine work on all input, and takes note of what ended. Answers of the server come first, because the
    /// client's next message may wait for them.
    async fn work(&mut self, scene: &Scene) -> Result<Option<(Ticket, Ask)>, SessionError> {
        for side in [Side::Server, Side::Client] {
            loop {
                match self.pump.advance(side)? {
                    Progress::NeedMore => break,
                    Progress::Terminated => self.terminated = true,
                    Progress::Ask(ticket, ask) => return Ok(Some((ticket, ask))),
                    Progress::Finished(ticket, outcome) => {
                        self.finished(scene, ticket, outcome).await?;
                    }
                    Progress::Failed => scene.failed(),
                    Progress::Ready(transaction) => {
                        scene.ready(transaction, &self.reported());
                    }
                    Progress::Keyed(key) => {
                        let id = self.subject.session;
                        let server = self.target.address;
                        self.cancel = Some(self.shared.cancels.register(server, key, id));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Takes a question to the gate.
    fn ask(&mut self, scene: &Arc<Scene>, ticket: Ticket, ask: Ask) -> Waiting<Answer> {
        let gate = self.shared.gate.clone();
        let scene = scene.clone();
        let reported = self.reported();
        let in_transaction = self.pump.engine.transaction() != Transaction::Idle;
        Box::pin(async move {
            let (stage, command) = match ask {
                Ask::Prepare(command) => (Stage::Prepare, command),
                Ask::Run(command) => (Stage::Run, command),
                other => {
                    let refusal = unread(&other);
                    let verdict = gate.refuse_unread(&scene.subject, ticket.0, refusal).await;
                    return Answer::Unread(ticket, verdict);
                }
            };
            let reading = scene.read(&command, &reported).await;
            let statement = reading.statement(command.parameters);
            let asked = Box::new(Asked {
                scene,
                ticket,
                stage,
                request: Request::Run(statement),
                reading,
                in_transaction,
            });
            let judged = gate.judge(&asked.case()).await;
            Answer::Judged(asked, judged)
        })
    }

    /// Acts on an answer; a held request goes on waiting.
    fn answered(&mut self, answer: Answer) -> Result<Option<Waiting<Answer>>, SessionError> {
        let (asked, verdict) = match answer {
            Answer::Judged(asked, Judged::Held(held)) => return Ok(Some(self.hold(asked, held))),
            Answer::Judged(asked, Judged::Settled(verdict)) | Answer::Released(asked, verdict) => {
                (asked, verdict)
            }
            Answer::Unread(ticket, verdict) => {
                self.pump.resolve(ticket, verdict)?;
                return Ok(None);
            }
        };
        self.held = None;
        if let Verdict::Forward(_) = verdict {
            // What is only prepared changes nothing.
            let reading = (asked.stage == Stage::Run).then_some(asked.reading);
            if let Some(reading) = &reading {
                asked.scene.forwarded(&reading.facts);
            }
            let since = Instant::now();
            self.under_way
                .insert(asked.ticket, UnderWay { reading, since });
        }
        self.pump.resolve(asked.ticket, verdict)?;
        Ok(None)
    }

    fn hold(&mut self, asked: Box<Asked>, held: Box<Held>) -> Waiting<Answer> {
        let (message, hint) = held.notice();
        self.pump.engine.notify(&message, &hint, &mut self.pump.out);
        self.held = Some(asked.ticket);
        let gate = self.shared.gate.clone();
        Box::pin(async move {
            let verdict = gate.release(held, &asked.case()).await;
            Answer::Released(asked, verdict)
        })
    }

    /// Records the end of a forwarded request, before its last bytes are written to the client.
    async fn finished(
        &mut self,
        scene: &Scene,
        ticket: Ticket,
        outcome: Outcome,
    ) -> Result<(), SessionError> {
        let Some(request) = self.under_way.remove(&ticket) else {
            return Ok(());
        };
        match &request.reading {
            Some(reading) => scene.finished(&reading.facts, &outcome),
            None if matches!(outcome.status, Status::Failed { .. }) => scene.failed(),
            None => {}
        }
        let event = finished(ticket, outcome, request.since);
        self.shared.gate.record(self.subject.session, event).await?;
        Ok(())
    }

    /// Whether the session is over, now that the engine has done what it can.
    async fn ended(&mut self, is_asking: bool) -> Option<End> {
        let client_left = self.pump.from_client.ended;
        let (source, sink) = self.pump.upstream.as_mut()?;
        if source.ended {
            return Some(if client_left || self.terminated {
                "the client ended the session"
            } else {
                "the server closed the connection"
            });
        }
        if !client_left {
            return None;
        }
        if self.held.is_some() {
            return Some("the client left while its statement was held");
        }
        // Like the server, answer what was asked before the client's last byte.
        let has_more = is_asking || self.pump.engine.is_blocked();
        if !has_more && self.pump.out.to_server.is_empty() && !sink.closed {
            sink.finish().await;
        }
        None
    }

    /// Whether nothing is under way that stopping would cut off.
    fn is_quiet(&self) -> bool {
        self.under_way.is_empty()
            && self.pump.engine.transaction() == Transaction::Idle
            && self.pump.out.to_client.is_empty()
            && self.pump.out.to_server.is_empty()
            && self.pump.from_client.input.is_empty()
    }

    fn reported(&self) -> Vec<Reported> {
        let setting = |name| {
            let value = self.pump.engine.setting(name)?.to_owned();
            Some(Reported { name, value })
        };
        REPORTED.into_iter().filter_map(setting).collect()
    }
}

/// Why a question that is no statement is refused.
fn unread(ask: &Ask) -> Refusal {
    let (kind, message, hint) = match ask {
        Ask::Oversized { length, limit } => (
            RefusalKind::TooLarge,
            format!("weir: a message of {length} bytes is over the limit of {limit} bytes and was not run"),
            Some("Send less at once, with COPY for instance, or raise sessions.statement_limit or sessions.message_limit.".to_owned()),
        ),
        _ => (
            RefusalKind::Malformed,
            "weir: a login or a cancel inside a session".to_owned(),
            None,
        ),
    };
    Refusal {
        kind,
        message,
        detail: None,
        hint,
    }
}
