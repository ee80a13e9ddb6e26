//! One session, from its first byte to its last record.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use intercept::Dialer;
use model::{
    Approval, AuditEvent, Finished, Login, Masks, Opened, Outcome, Refusal, RefusalKind, Request,
    Stage, Status, Subject, Target, Verdict,
};
use protocol::{Ask, CancelKey, Outbox, Progress, Side, Ticket, Transaction};
use sql::Facts;
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::cancels::{Cancels, Known};
use crate::error::SessionError;
use crate::gate::{Case, Gate, Held, Judged};
use crate::pump::{Event, Pump};
use crate::scene::{REPORTED, Reported, Scene};
use crate::settings::Settings;
use crate::wire;

/// What every session needs.
#[derive(Clone)]
pub struct Shared {
    /// Makes verdicts.
    pub gate: Gate,
    /// Keeps the snapshots that names are resolved against.
    pub catalog: catalog::Catalog,
    /// Cancel keys of live sessions.
    pub cancels: Cancels,
    /// Reaches servers.
    pub dialer: Dialer,
    /// Bounds and times.
    pub settings: Settings,
    /// Becomes true when the agent wants to stop.
    pub stopping: watch::Receiver<bool>,
}

/// A future beside the sockets.
type Waiting<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A request on its way through the gate, with all that the gate needs of it.
struct Asked {
    scene: Arc<Scene>,
    ticket: Ticket,
    stage: Stage,
    request: Request,
    facts: Facts,
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
        }
    }
}

/// A request that was forwarded and has not ended.
struct UnderWay {
    facts: Option<Facts>,
    since: Instant,
}

/// One session.
pub struct Session {
    shared: Shared,
    subject: Subject,
    target: Target,
    pump: Pump,
    under_way: BTreeMap<Ticket, UnderWay>,
    /// The request that waits for a person.
    held: Option<Ticket>,
    /// Whether the client said goodbye.
    terminated: bool,
    /// Keeps the session's cancel key known.
    cancel: Option<Known>,
}

/// How a session ended without an error.
type End = &'static str;

impl Session {
    /// A session over a connection that was accepted.
    pub fn new(shared: Shared, subject: Subject, target: Target, client: TcpStream) -> Self {
        let (from_client, to_client) = wire::split(client);
        let pump = Pump {
            engine: Box::new(postgres::Engine::new(shared.settings.postgres)),
            out: Outbox::default(),
            from_client,
            to_client,
            upstream: None,
        };
        Self {
            shared,
            subject,
            target,
            pump,
            under_way: BTreeMap::new(),
            held: None,
            terminated: false,
            cancel: None,
        }
    }

    /// Runs to the end, and records it.
    pub async fn run(mut self, destination: SocketAddr) {
        let id = self.subject.session;
        let opened = AuditEvent::Opened(opened(&self.subject, &self.target, destination));
        let end = match self.shared.gate.record(id, opened).await {
            Ok(()) => self.serve().await,
            Err(error) => Err(error.into()),
        };
        let reason = match &end {
            Ok(reason) => (*reason).to_owned(),
            Err(error) => {
                tracing::info!(session = %id, kind = error.kind(), %error, "session ended");
                self.pump.engine.close(&error.refusal(), &mut self.pump.out);
                error.to_string()
            }
        };
        self.pump.say_goodbye(end.is_err()).await;
        if let Err(error) = self.record_end(reason).await {
            tracing::error!(session = %id, %error, "the end of a session was not recorded");
        }
    }

    async fn serve(&mut self) -> Result<End, SessionError> {
        let greeted =
            tokio::time::timeout(self.shared.settings.startup_timeout, self.greet()).await;
        let (ticket, ask) = match greeted.map_err(|_| SessionError::StartupTimeout)?? {
            Some(asked) => asked,
            None => return Ok("the client left before it said what it wants"),
        };
        match ask {
            Ask::Connect(login) => self.log_in(ticket, login).await,
            Ask::Cancel(key) => self.cancel(ticket, &key).await,
            Ask::Prepare(_) | Ask::Run(_) | Ask::Oversized { .. } => {
                Ok("the engine asked about a request before the login")
            }
        }
    }

    /// Reads first packets until the client says what it wants.
    async fn greet(&mut self) -> Result<Option<(Ticket, Ask)>, SessionError> {
        loop {
            if let Progress::Ask(ticket, ask) = self.pump.advance(Side::Client)? {
                return Ok(Some((ticket, ask)));
            }
            if self.pump.from_client.ended {
                return Ok(None);
            }
            self.pump.step::<()>(None).await?;
        }
    }

    async fn cancel(&mut self, ticket: Ticket, key: &CancelKey) -> Result<End, SessionError> {
        if self.shared.cancels.find(self.target.address, key).is_none() {
            return Ok("a cancel request with a key of no live session");
        }
        self.dial().await?;
        self.pump.resolve(ticket, Verdict::Forward(Masks::none()))?;
        // The server closes once it has passed the cancel on; a client may wait for that.
        while self
            .pump
            .upstream
            .as_ref()
            .is_some_and(|(source, _)| !source.ended)
        {
            self.pump.step::<()>(None).await?;
        }
        Ok("a cancel request, forwarded")
    }

    async fn log_in(&mut self, ticket: Ticket, login: Login) -> Result<End, SessionError> {
        let request = Request::Connect(login.clone());
        let case = Case {
            subject: &self.subject,
            target: &self.target,
            login: &login,
            number: ticket.0,
            stage: Stage::Connect,
            request: &request,
            in_transaction: false,
        };
        let verdict = match self.shared.gate.judge(&case).await {
            Judged::Settled(verdict) => verdict,
            // The gate holds nothing but what runs.
            Judged::Held(_) => return Ok("a login was held"),
        };
        if let Verdict::Refuse(_) = verdict {
            self.pump.resolve(ticket, verdict)?;
            return Ok("the login was refused");
        }
        self.dial().await?;
        self.pump.resolve(ticket, verdict)?;
        let scene = Scene::new(
            self.subject.clone(),
            self.target.clone(),
            login,
            self.shared.catalog.clone(),
        );
        self.relay(Arc::new(scene)).await
    }

    async fn dial(&mut self) -> Result<(), SessionError> {
        let address = self.target.address;
        let stream = self.shared.dialer.dial(address).await;
        let stream = stream.map_err(|source| SessionError::Unreachable { address, source })?;
        self.pump.upstream = Some(wire::split(stream));
        Ok(())
    }

    /// Requests and answers, until one side has had enough.
    async fn relay(&mut self, scene: Arc<Scene>) -> Result<End, SessionError> {
        let mut stopping = self.shared.stopping.clone();
        let mut answer: Option<Waiting<Answer>> = None;
        loop {
            if let Some((ticket, ask)) = self.work(&scene).await? {
                answer = Some(self.ask(&scene, ticket, ask));
            }
            if let Some(end) = self.ended(answer.is_some()).await {
                return Ok(end);
            }
            if *stopping.borrow() && answer.is_none() && self.is_quiet() {
                return Err(SessionError::Stopping);
            }
            let event = tokio::select! {
                event = self.pump.step(answer.as_mut()) => event?,
                Ok(()) = stopping.changed() => Event::Moved,
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
            let (statement, facts) = scene.read(&command, &reported).await;
            let asked = Box::new(Asked {
                scene,
                ticket,
                stage,
                request: Request::Run(statement),
                facts,
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
            let facts = (asked.stage == Stage::Run).then_some(asked.facts);
            if let Some(facts) = &facts {
                asked.scene.forwarded(facts);
            }
            let since = Instant::now();
            self.under_way
                .insert(asked.ticket, UnderWay { facts, since });
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
        match &request.facts {
            Some(facts) => scene.finished(facts, &outcome),
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
        if !is_asking && self.pump.out.to_server.is_empty() && !sink.closed {
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

    /// Records everything that the session leaves open, and its end.
    async fn record_end(&mut self, reason: String) -> Result<(), SessionError> {
        let id = self.subject.session;
        if let Some(ticket) = self.held.take() {
            self.shared
                .gate
                .settle(id, ticket.0, Approval::Withdrawn)
                .await?;
        }
        for (ticket, request) in std::mem::take(&mut self.under_way) {
            let unknown = Outcome {
                status: Status::Unknown,
                tags: Vec::new(),
                rows: 0,
                bytes: 0,
                masked: 0,
            };
            let event = finished(ticket, unknown, request.since);
            self.shared.gate.record(id, event).await?;
        }
        self.shared
            .gate
            .record(id, AuditEvent::Closed { reason })
            .await?;
        Ok(())
    }
}

fn opened(subject: &Subject, target: &Target, destination: SocketAddr) -> Opened {
    Opened {
        workloads: subject.workloads.clone(),
        os_user: subject.os_user.clone(),
        executable: subject.executable.clone(),
        process: subject.process.clone(),
        address: subject.address,
        destination,
        target: target.clone(),
    }
}

fn finished(ticket: Ticket, outcome: Outcome, since: Instant) -> AuditEvent {
    AuditEvent::Finished(Finished {
        request: ticket.0,
        outcome,
        duration: u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX),
    })
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
