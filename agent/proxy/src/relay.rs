//! Requests and answers of a session that is logged in, until one side has had enough.
//!
//! ```text
//!   work ─ Ask ─> ask ─> judged ─┬──────────────────> answered ─> resolve
//!    ▲                           └ held ─> released ──┘               │
//!    └────────────────────── step (bytes move) ◄──────────────────────┘
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use model::{
    Approval, Count, Outcome, Refusal, RefusalKind, Request, Stage, Statement, Status, Usage,
    Verdict,
};
use protocol::{Ask, Command, Progress, Side, Ticket, Transaction};

use crate::cancels::Known;
use crate::error::SessionError;
use crate::gate::{Case, Held, Judged, Repeated, Ruling, now};
use crate::pump::{Event, Waiting};
use crate::reading::Reading;
use crate::scene::{REPORTED, Reported, Scene};
use crate::session::{End, Session, UnderWay, finished, read};
use crate::stop::{Stop, Wish};

const ONE_STATEMENT: Count = Count {
    statements: 1,
    rows: 0,
    bytes: 0,
};

/// A request on its way through the gate, with all that the gate needs of it.
pub(crate) struct Asked {
    scene: Arc<Scene>,
    ticket: Ticket,
    stage: Stage,
    request: Request,
    has_values: bool,
    reading: Arc<Reading>,
    in_transaction: bool,
    usage: Usage,
    since: Instant,
}

/// What became of a question of the engine.
pub(crate) enum Answer {
    /// The message was never read, and is refused.
    Unread(Ticket, Verdict),
    Judged(Box<Asked>, Judged),
    Released(Box<Asked>, Ruling),
    /// The server did not answer what the agent asked it.
    Overdue(Duration),
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
            usage: self.usage,
            has_values: self.has_values,
            memory: &self.reading.memory,
        }
    }
}

impl Session {
    /// Requests and answers, until one side has had enough.
    pub(crate) async fn relay(&mut self, scene: Arc<Scene>) -> Result<End, SessionError> {
        let mut wish = Wish::new(self.shared.stop.clone());
        let mut answer: Option<Waiting<Answer>> = None;
        let mut asking = None;
        let mut patience: Option<Waiting<Answer>> = None;
        loop {
            if let Some((ticket, ask)) = self.work(&scene)? {
                asking = Some(ticket);
                answer = Some(self.ask(&scene, ticket, ask));
            }
            patience = match patience.take() {
                waiting if self.inquiry.is_some() => waiting.or_else(|| self.patience()),
                _ => None,
            };
            let is_asking = answer.is_some() || self.inquiry.is_some();
            self.pump.write().await?;
            if let Some(known) = &mut self.cancel {
                let asking = asking.filter(|_| answer.is_some());
                known.follow(asking, self.held.is_some());
            }
            if let Some(end) = self.ended(is_asking) {
                return Ok(end);
            }
            let may_end = match wish.now() {
                Stop::No => false,
                Stop::WhenQuiet => !is_asking && self.is_quiet(),
                Stop::Now => true,
            };
            if may_end {
                return Err(SessionError::Stopping);
            }
            let event = match &self.held {
                None => {
                    let other = answer.as_mut().or(patience.as_mut());
                    self.pump.step_or(other, &mut wish).await?
                }
                Some(_) => tokio::select! {
                    event = self.pump.step_or(answer.as_mut(), &mut wish) => event?,
                    () = withdrawn(&self.cancel) => {
                        answer = None;
                        self.withdraw()?;
                        Event::Moved
                    }
                },
            };
            if let Event::Ready(ready) = event {
                answer = self.answered(ready)?;
            }
        }
    }

    /// Lets the engine work on all input, and takes note of what ended. Answers of the server come first, because the
    /// client's next message may wait for them.
    fn work(&mut self, scene: &Scene) -> Result<Option<(Ticket, Ask)>, SessionError> {
        for side in [Side::Server, Side::Client] {
            loop {
                if side == Side::Client && self.waits_for_catalog(scene)? {
                    break;
                }
                match self.pump.advance(side)? {
                    Progress::NeedMore => break,
                    Progress::Terminated => self.terminated = true,
                    Progress::Ask(ticket, ask) => {
                        if let Ask::Prepare(command) = &ask
                            && !command.name.is_empty()
                        {
                            scene.prepares(&command.name);
                        }
                        if !self.permit_again(scene, ticket, &ask)? {
                            return Ok(Some((ticket, ask)));
                        }
                    }
                    Progress::Inquired(answers) => self.inquired(answers)?,
                    Progress::Finished(ticket, outcome) => {
                        self.finished(scene, ticket, outcome)?;
                    }
                    Progress::Shown(ticket, content) => self.shown(ticket, content)?,
                    Progress::Failed => scene.failed(),
                    // Encryption begins before the login, if at all.
                    Progress::Upgrade(_) => {}
                    Progress::Ready(transaction) => {
                        scene.ready(transaction, &*self.pump.engine);
                    }
                    Progress::Keyed { key, length } => self.show_key(key, length)?,
                }
            }
        }
        Ok(None)
    }

    /// Lets through what was permitted before, without waiting for anything. Whether it could.
    fn permit_again(
        &mut self,
        scene: &Scene,
        ticket: Ticket,
        ask: &Ask,
    ) -> Result<bool, SessionError> {
        let (stage, command) = match ask {
            Ask::Prepare(command) => (Stage::Prepare, command),
            Ask::Run(command) => (Stage::Run, command),
            _ => return Ok(false),
        };
        let since = Instant::now();
        let Some((reading, snapshot)) = scene.known(command, since) else {
            return Ok(false);
        };
        let ruling = self.shared.gate.permit_again(&Repeated {
            session: self.subject.session,
            number: ticket.0,
            stage,
            command,
            reading: &reading,
            snapshot: &snapshot,
            in_transaction: self.pump.engine.transaction() != Transaction::Idle,
            time: now(),
        });
        let Some(ruling) = ruling else {
            return Ok(false);
        };
        self.told = None;
        self.carry_out(scene, ticket, stage, reading, ruling, since)?;
        Ok(true)
    }

    /// Takes a question to the gate.
    fn ask(&mut self, scene: &Arc<Scene>, ticket: Ticket, ask: Ask) -> Waiting<Answer> {
        // Good for this statement, and for none behind it.
        let told = self.told.take().and_then(|told| told.now());
        let gate = self.shared.gate.clone();
        let scene = scene.clone();
        let reported = self.reported();
        let in_transaction = self.pump.engine.transaction() != Transaction::Idle;
        let usage = self.meter.usage();
        let since = Instant::now();
        Box::pin(async move {
            let (stage, command) = match ask {
                Ask::Prepare(command) => (Stage::Prepare, command),
                Ask::Run(command) => (Stage::Run, command),
                other => {
                    let refusal = unread(&other);
                    let verdict = gate.refuse_unread(&scene.subject, ticket.0, refusal);
                    return Answer::Unread(ticket, verdict);
                }
            };
            let asks_about_values = gate.asks_about_values();
            let (reading, types) = scene
                .read(&command, asks_about_values, &reported, told)
                .await;
            let Command {
                source, parameters, ..
            } = command;
            let has_values = reading.has_values(stage, &parameters);
            let values = (asks_about_values && reading.is_of(&source)).then(|| {
                let facts = &reading.facts;
                facts.values(&parameters, &types, stage == Stage::Prepare)
            });
            let statement = Statement {
                values,
                ..reading.statement(&source, parameters, types)
            };
            let asked = Box::new(Asked {
                scene,
                ticket,
                stage,
                request: Request::Run(statement),
                has_values,
                reading,
                in_transaction,
                usage,
                since,
            });
            let judged = gate.judge(&asked.case()).await;
            Answer::Judged(asked, judged)
        })
    }

    /// Acts on an answer; a held request goes on waiting.
    fn answered(&mut self, answer: Answer) -> Result<Option<Waiting<Answer>>, SessionError> {
        let (asked, ruling) = match answer {
            Answer::Judged(asked, Judged::Held(held)) => return Ok(Some(self.hold(asked, held))),
            Answer::Judged(asked, Judged::Settled(ruling)) | Answer::Released(asked, ruling) => {
                (asked, ruling)
            }
            Answer::Overdue(limit) => return Err(SessionError::Overdue(limit)),
            Answer::Unread(ticket, verdict) => {
                self.pump.resolve(ticket, verdict)?;
                return Ok(None);
            }
        };
        self.held = None;
        let Asked {
            scene,
            ticket,
            stage,
            reading,
            since,
            ..
        } = *asked;
        self.carry_out(&scene, ticket, stage, reading, ruling, since)?;
        Ok(None)
    }

    /// Hands a verdict to the engine, and takes note of what is forwarded. `since` is when it was asked for.
    fn carry_out(
        &mut self,
        scene: &Scene,
        ticket: Ticket,
        stage: Stage,
        reading: Arc<Reading>,
        ruling: Ruling,
        since: Instant,
    ) -> Result<(), SessionError> {
        if stage == Stage::Run {
            self.meter.add(ONE_STATEMENT);
        }
        if let Verdict::Forward(_) = ruling.verdict {
            // What is only prepared changes nothing.
            let reading = (stage == Stage::Run).then_some(reading);
            if let Some(reading) = &reading {
                scene.forwarded(ticket, &reading.facts);
            }
            self.under_way.push_back(UnderWay {
                ticket,
                reading,
                judged: since.elapsed(),
                since: Instant::now(),
            });
        }
        self.keep_waiting(ruling.awaited);
        self.pump.resolve(ticket, ruling.verdict)?;
        Ok(())
    }

    fn hold(&mut self, asked: Box<Asked>, held: Box<Held>) -> Waiting<Answer> {
        let (message, hint) = held.notice();
        self.pump.engine.notify(&message, &hint, &mut self.pump.out);
        self.held = Some(asked.ticket);
        let gate = self.shared.gate.clone();
        Box::pin(async move {
            let ruling = gate.release(held, &asked.case()).await;
            Answer::Released(asked, ruling)
        })
    }

    /// Refuses what waits for a person, because the client cancelled it.
    fn withdraw(&mut self) -> Result<(), SessionError> {
        let Some(ticket) = self.held.take() else {
            return Ok(());
        };
        let gate = &self.shared.gate;
        gate.settle(self.subject.session, ticket.0, Approval::Withdrawn)?;
        let refusal = Refusal {
            kind: RefusalKind::Cancelled,
            message: "canceling statement due to user request".into(),
            detail: None,
            hint: None,
        };
        self.pump.resolve(ticket, Verdict::Refuse(refusal))?;
        Ok(())
    }

    /// Records the end of a forwarded request, before its last bytes are written to the client.
    fn finished(
        &mut self,
        scene: &Scene,
        ticket: Ticket,
        outcome: Outcome,
    ) -> Result<(), SessionError> {
        let mut under_way = self.under_way.iter();
        let place = under_way.position(|request| request.ticket == ticket);
        let Some(request) = place.and_then(|place| self.under_way.remove(place)) else {
            return Ok(());
        };
        match &request.reading {
            Some(reading) => scene.finished(&reading.facts, &outcome),
            None if matches!(outcome.status, Status::Failed { .. }) => scene.failed(),
            None => {}
        }
        self.meter.add(read(&outcome));
        let event = finished(&request, outcome);
        self.shared.gate.record(self.subject.session, event)?;
        Ok(())
    }

    /// Whether the session is over, now that the engine has done what it can.
    fn ended(&mut self, is_asking: bool) -> Option<End> {
        let client_left = self.pump.client.ended;
        let server = self.pump.server.as_mut()?;
        if server.ended {
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
        server.finishing |= !has_more;
        None
    }

    /// Whether nothing is under way that stopping would cut off.
    fn is_quiet(&self) -> bool {
        self.under_way.is_empty()
            && self.pump.engine.transaction() == Transaction::Idle
            && self.pump.out.to_client.is_empty()
            && self.pump.out.to_server.is_empty()
            && self.pump.client.input.is_empty()
    }

    fn reported(&self) -> Vec<Reported> {
        let setting = |name| {
            let value = self.pump.engine.setting(name)?.to_owned();
            Some(Reported { name, value })
        };
        REPORTED.into_iter().filter_map(setting).collect()
    }
}

/// Ends when the session is told by a cancel to withdraw what it holds.
async fn withdrawn(known: &Option<Known>) {
    match known {
        Some(known) => known.withdrawn().await,
        None => std::future::pending().await,
    }
}

/// Why a question that is no statement is refused.
fn unread(ask: &Ask) -> Refusal {
    match ask {
        Ask::Unread(refusal) => refusal.clone(),
        _ => Refusal {
            kind: RefusalKind::Malformed,
            message: "weir: a login or a cancel inside a session".into(),
            detail: None,
            hint: None,
        },
    }
}
