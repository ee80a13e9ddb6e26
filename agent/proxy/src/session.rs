//! One session, from its first byte to its last record.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use intercept::Dialer;
use model::{
    Approval, AuditEvent, Finished, Login, Masks, Opened, Outcome, Request, Stage, Status, Subject,
    Target, Verdict,
};
use protocol::{Ask, CancelKey, Outbox, Progress, Side, Ticket};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::cancels::{Cancels, Known};
use crate::error::SessionError;
use crate::gate::{Case, Gate, Judged};
use crate::pump::Pump;
use crate::reading::{Memory, Reading};
use crate::scene::Scene;
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
    /// Whether the agent wants to stop.
    pub stop: watch::Receiver<Stop>,
}

/// How urgently sessions are to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Not at all.
    No,
    /// Where nothing is under way.
    WhenQuiet,
    /// At once.
    Now,
}

/// One session.
pub struct Session {
    pub(crate) shared: Shared,
    pub(crate) subject: Subject,
    pub(crate) target: Target,
    pub(crate) pump: Pump,
    pub(crate) under_way: BTreeMap<Ticket, UnderWay>,
    /// The request that waits for a person.
    pub(crate) held: Option<Ticket>,
    /// Whether the client said goodbye.
    pub(crate) terminated: bool,
    /// Keeps the session's cancel key known.
    pub(crate) cancel: Option<Known>,
}

/// A request that was forwarded and has not ended.
pub(crate) struct UnderWay {
    /// What it does; none where it is only prepared.
    pub reading: Option<Arc<Reading>>,
    pub since: Instant,
}

/// How a session ended without an error.
pub(crate) type End = &'static str;

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
            memory: &Memory::default(),
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

pub(crate) fn finished(ticket: Ticket, outcome: Outcome, since: Instant) -> AuditEvent {
    AuditEvent::Finished(Finished {
        request: ticket.0,
        outcome,
        duration: u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX),
    })
}
