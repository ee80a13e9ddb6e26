//! One session, from its first byte to its last record.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use intercept::Endpoint;
use model::{
    Approval, AuditEvent, Content, Count, Finished, Login, Opened, Outcome, Request, Shown, Stage,
    Subject, Target, Verdict,
};
use protocol::{Ask, CancelKey, Outbox, Progress, Side, Ticket};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::cancels::{Cancels, Known};
use crate::error::SessionError;
use crate::gate::{Case, Gate, Judged};
use crate::inquiries::Told;
use crate::pump::Pump;
use crate::reading::{Memory, Reading};
use crate::scene::Scene;
use crate::settings::Settings;
use crate::stop::Stop;
use crate::upstreams::Upstreams;
use crate::usage::{Meter, Usages};
use crate::wire::Connection;

/// What every session needs.
#[derive(Clone)]
pub struct Shared {
    /// Makes verdicts.
    pub gate: Gate,
    /// Keeps the snapshots that names are resolved against.
    pub catalog: catalog::Catalog,
    /// Cancel keys of live sessions.
    pub cancels: Cancels,
    /// How much subjects ran and read.
    pub usages: Usages,
    /// Reaches servers.
    pub upstreams: Upstreams,
    /// Shows clients a certificate; none: they are told that there is no TLS.
    pub acceptor: Option<tls::Acceptor>,
    /// Of masks.
    pub keys: mask::Keyring,
    /// Bounds and times.
    pub settings: Settings,
    /// The Unix user that servers take the agent for on their unix sockets, where its name is known.
    pub own_user: Option<Arc<str>>,
    /// Whether the agent wants to stop.
    pub stop: watch::Receiver<Stop>,
}

/// One session.
pub struct Session {
    pub(crate) shared: Shared,
    pub(crate) subject: Subject,
    pub(crate) target: Target,
    pub(crate) pump: Pump,
    pub(crate) meter: Arc<Meter>,
    /// In the order of asking.
    pub(crate) under_way: VecDeque<UnderWay>,
    /// The request that waits for a person.
    pub(crate) held: Option<Ticket>,
    /// What the server is asked beside the client's requests.
    pub(crate) inquiry: Option<Box<catalog::Inquiry>>,
    /// What came of that last.
    pub(crate) told: Option<Box<Told>>,
    /// Whether the client said goodbye.
    pub(crate) terminated: bool,
    /// Keeps the session's cancel key known.
    pub(crate) cancel: Option<Known>,
    /// The certificate that the client was shown, in DER, until the server's is known.
    pub(crate) shown: Option<Vec<u8>>,
}

/// A request that was forwarded and has not ended.
pub(crate) struct UnderWay {
    pub ticket: Ticket,
    /// What it does; none where it is only prepared.
    pub reading: Option<Arc<Reading>>,
    /// How long it took to come to the verdict.
    pub judged: Duration,
    /// When that was.
    pub since: Instant,
}

/// How a session ended without an error.
pub(crate) type End = &'static str;

/// What the client wanted.
enum Begun {
    /// To log in, and it may.
    LoggedIn(Arc<Scene>),
    /// Nothing more than was done.
    Over(End),
}

impl Session {
    /// A session over a connection that was accepted.
    pub fn new(shared: Shared, subject: Subject, target: Target, client: TcpStream) -> Self {
        let acceptor = shared.acceptor.as_ref();
        let tls = postgres::Tls {
            offered: acceptor.is_some(),
            required: acceptor.is_some_and(tls::Acceptor::is_required),
        };
        let engine = postgres::Engine::new(shared.settings.postgres, tls);
        let pump = Pump {
            engine: Box::new(engine.with_keys(shared.keys.clone())),
            out: Outbox::default(),
            client: Connection::new(client),
            server: None,
            awaited: None,
        };
        Self {
            meter: Arc::new(shared.usages.meter(&subject)),
            shared,
            subject,
            target,
            pump,
            under_way: VecDeque::new(),
            held: None,
            inquiry: None,
            told: None,
            terminated: false,
            cancel: None,
            shown: None,
        }
    }

    /// Runs to the end, and records it. What comes before and after the relaying is boxed for as long as it takes: an idle
    /// session holds only what relaying needs.
    pub async fn run(mut self: Box<Self>, destination: SocketAddr) {
        let end = match Box::pin(self.begin(destination)).await {
            Ok(Begun::LoggedIn(scene)) => {
                let end = self.relay(scene.clone()).await;
                if let Err(SessionError::Protocol(error)) = &end
                    && error.side == Side::Server
                {
                    scene.misunderstood();
                }
                end
            }
            Ok(Begun::Over(end)) => Ok(end),
            Err(error) => Err(error),
        };
        Box::pin(self.end(end)).await;
    }

    /// Records the session, and finds out what the client wants.
    async fn begin(&mut self, destination: SocketAddr) -> Result<Begun, SessionError> {
        let opened = AuditEvent::Opened(opened(&self.subject, &self.target, destination));
        self.shared.gate.record(self.subject.session, opened)?;
        let greeted =
            tokio::time::timeout(self.shared.settings.startup_timeout, self.greet()).await;
        let (ticket, ask) = match greeted.map_err(|_| SessionError::StartupTimeout)?? {
            Some(asked) => asked,
            None => {
                return Ok(Begun::Over("the client left before it said what it wants"));
            }
        };
        match ask {
            Ask::Connect(login) => self.log_in(ticket, login).await,
            Ask::Cancel(key) => self.cancel(ticket, &key).await.map(Begun::Over),
            Ask::Prepare(_) | Ask::Run(_) | Ask::Unread(_) => Ok(Begun::Over(
                "the engine asked about a request before the login",
            )),
        }
    }

    async fn end(&mut self, end: Result<End, SessionError>) {
        let id = self.subject.session;
        // From here on a cancel would come too late.
        self.cancel = None;
        let reason = match &end {
            Ok(reason) => (*reason).to_owned(),
            Err(error) => {
                tracing::info!(session = %id, kind = error.kind(), %error, "session ended");
                // Who fails at TLS would take words of ours for it.
                if !matches!(error, SessionError::ClientTls(_)) {
                    self.pump.engine.close(&error.refusal(), &mut self.pump.out);
                }
                error.to_string()
            }
        };
        self.pump.say_goodbye().await;
        if let Err(error) = self.record_end(reason) {
            tracing::error!(session = %id, %error, "the end of a session was not recorded");
        }
    }

    /// Reads first packets until the client says what it wants.
    async fn greet(&mut self) -> Result<Option<(Ticket, Ask)>, SessionError> {
        loop {
            match self.pump.advance(Side::Client)? {
                Progress::Ask(ticket, ask) => return Ok(Some((ticket, ask))),
                Progress::Upgrade(_) => {
                    self.encrypt_client().await?;
                    continue;
                }
                _ => {}
            }
            if self.pump.client.ended {
                return Ok(None);
            }
            self.pump.step().await?;
        }
    }

    async fn cancel(&mut self, ticket: Ticket, key: &CancelKey) -> Result<End, SessionError> {
        let Some(key) = self.shared.cancels.find(self.target.address, key).await else {
            return Ok("a cancel request with nothing to forward it to");
        };
        self.dial().await?;
        self.pump.engine.cancel(ticket, &key, &mut self.pump.out)?;
        // The server closes once it has passed the cancel on; a client may wait for that.
        while self
            .pump
            .server
            .as_ref()
            .is_some_and(|server| !server.ended)
        {
            self.pump.step().await?;
        }
        Ok("a cancel request, forwarded")
    }

    /// Shows the client a key of the agent's own in place of the server's.
    pub(crate) fn show_key(&mut self, key: CancelKey, length: usize) -> Result<(), SessionError> {
        let known = self.shared.cancels.issue(self.target.address, key, length);
        let known = known.map_err(SessionError::NoKey)?;
        self.pump.engine.show_key(known.shown(), &mut self.pump.out);
        self.cancel = Some(known);
        Ok(())
    }

    async fn log_in(&mut self, ticket: Ticket, login: Login) -> Result<Begun, SessionError> {
        let request = Request::Connect(login.clone());
        let case = Case {
            subject: &self.subject,
            target: &self.target,
            login: &login,
            number: ticket.0,
            stage: Stage::Connect,
            request: &request,
            in_transaction: false,
            usage: self.meter.usage(),
            has_values: false,
            memory: &Memory::default(),
        };
        let ruling = match self.shared.gate.judge(&case).await {
            Judged::Settled(ruling) => ruling,
            // The gate holds nothing but what runs.
            Judged::Held(_) => return Ok(Begun::Over("a login was held")),
        };
        if let Verdict::Refuse(_) = ruling.verdict {
            self.pump.resolve(ticket, ruling.verdict)?;
            return Ok(Begun::Over("the login was refused"));
        }
        self.dial().await?;
        if self.may_be_taken_for(&login.user) {
            self.pump.engine.demand_proof();
        }
        self.keep_waiting(ruling.awaited);
        self.pump.resolve(ticket, ruling.verdict)?;
        let scene = Scene::new(
            self.subject.clone(),
            self.target.clone(),
            login,
            &self.shared.catalog,
        );
        Ok(Begun::LoggedIn(Arc::new(scene)))
    }

    /// Whether the server sees the agent's own user where it should see the client's, and may let in this one for it
    /// (`peer` in pg_hba.conf).
    fn may_be_taken_for(&self, user: &str) -> bool {
        let endpoint = self.shared.upstreams.endpoint(self.target.address);
        let own_user = self.shared.own_user.as_deref();
        matches!(endpoint, Endpoint::Unix(_)) && own_user.is_none_or(|own| own == user)
    }

    /// Records what the client is about to see of a result.
    pub(crate) fn shown(&mut self, ticket: Ticket, content: Content) -> Result<(), SessionError> {
        let event = AuditEvent::Shown(Shown {
            request: ticket.0,
            content,
        });
        self.shared.gate.record(self.subject.session, event)?;
        Ok(())
    }

    /// Lets the client read nothing more before this record is on the disk, where there is one.
    pub(crate) fn keep_waiting(&mut self, awaited: Option<u64>) {
        if let Some(sequence) = awaited {
            let on_disk = self.shared.gate.on_disk(sequence);
            self.pump.awaited = Some(Box::pin(on_disk));
        }
    }

    /// Records everything that the session leaves open, and its end.
    fn record_end(&mut self, reason: String) -> Result<(), SessionError> {
        let id = self.subject.session;
        if let Some(ticket) = self.held.take() {
            let gate = &self.shared.gate;
            gate.settle(id, ticket.0, Approval::Withdrawn)?;
        }
        for request in std::mem::take(&mut self.under_way) {
            for content in self.pump.engine.shown_so_far(request.ticket) {
                self.shown(request.ticket, content)?;
            }
            let outcome = self.pump.engine.outcome_so_far(request.ticket);
            self.meter.add(read(&outcome));
            let event = finished(&request, outcome);
            self.shared.gate.record(id, event)?;
        }
        self.shared.gate.record(id, AuditEvent::Closed { reason })?;
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

/// What the client read of it.
pub(crate) fn read(outcome: &Outcome) -> Count {
    Count {
        statements: 0,
        rows: outcome.rows,
        bytes: outcome.bytes,
    }
}

pub(crate) fn finished(request: &UnderWay, outcome: Outcome) -> AuditEvent {
    AuditEvent::Finished(Finished {
        request: request.ticket.0,
        outcome,
        judged: Some(micros(request.judged)),
        duration: micros(request.since.elapsed()),
    })
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
