//! `weir run`: builds everything in order, serves, and takes it down in order.
//!
//! ```text
//! policies ─> journal ─> archive ─> door ─> Started ─> control socket ─> serve ... Stopped ─> seal ─> archived ─> exit
//! ```
//!
//! Sessions run on threads of their own, one per core; the control socket, signals and reloads run on another.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use approval::Desk;
use archive::Archive;
use catalog::{Catalog, Limits};
use identity::Resolver;
use intercept::{Door, Gateway, Interception};
use journal::Journal;
use mask::Keyring;
use model::{AuditEvent, AuditRecord, SCHEMA_VERSION};
use policy::PolicySet;
use proxy::{Cancels, Gate, Proxy, Shared, Stop, Upstreams, Workers};
use tokio::sync::watch;

use crate::anchors::Anchors;
use crate::archiver::{self, Archiver};
use crate::config::{Config, Encryption, Entrance, Keys};
use crate::control::Control;
use crate::drain::{Signals, Wish};
use crate::shipping::Shipping;
use crate::signing::Signing;

/// Time that sessions have to come to a quiet point when the agent stops.
const DRAIN: Duration = Duration::from_secs(20);
/// Held statements at the same time.
const QUESTIONS: usize = 1000;

/// Runs the agent until a signal stops it.
pub fn run(config: Config) -> anyhow::Result<()> {
    let policies = Arc::new(PolicySet::load(&config.policies)?);
    config.keys.check(&policies)?;
    let encryption = config.tls.read()?;
    for directory in [&config.state, &config.run] {
        fs::create_dir_all(directory)
            .with_context(|| format!("cannot make {}", directory.display()))?;
    }
    let workers = Arc::new(Workers::start().context("cannot start the threads of sessions")?);
    let admin = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (journal, recovery) = Journal::open(config.journal_directory(), config.journal.clone())?;
    if let Some(torn) = &recovery.torn {
        tracing::warn!(segment = %torn.segment.display(), "the journal's torn tail was cut off and kept beside it");
    }
    let archive = Archive::open(config.archive_directory(), &config.host)?;
    let signing = Signing::load(&config)?;
    let endorsement = signing.endorsement.as_ref();
    let is_new = archive.introduce(&signing.key.verifier(), endorsement)?;
    let mut first = vec![started(&policies)];
    first.extend(is_new.then(|| introduced(&signing)));
    let archiver = Archiver {
        archive,
        journal: config.journal_directory(),
        signing,
        anchors: match &config.anchor {
            Some(anchor) => Anchors::start(anchor, &config.state).context("[audit.anchor]")?,
            None => None,
        },
    };
    let archived = archiver::start(archiver, journal.watch_sealed())?;
    let mut shipping = Shipping::open(&config)?;
    admin.block_on(async {
        let serving = serve(&config, encryption, policies, &journal, first, &workers);
        match &mut shipping {
            Some(shipping) => tokio::select! {
                served = serving => served,
                never = shipping.run() => match never {},
            },
            None => serving.await,
        }
    })?;
    // The last clones of the journal are in sessions that were cut off.
    drop(workers);
    admin.block_on(finish(journal))?;
    if archived.join().is_err() {
        tracing::error!("the archive's thread ended early");
    }
    if let Some(shipping) = &mut shipping {
        admin.block_on(shipping.finish());
    }
    Ok(())
}

async fn serve(
    config: &Config,
    encryption: Encryption,
    policies: Arc<PolicySet>,
    journal: &Journal,
    first: Vec<AuditEvent>,
    workers: &Arc<Workers>,
) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    let (stop, _) = watch::channel(Stop::No);
    let (publish, published) = watch::channel(policies.clone());
    let desk = Desk::new(QUESTIONS);
    let door = {
        // The sockets belong to the runtime that serves them.
        let _first = workers.first().enter();
        open(&config.entrance)?
    };
    let upstreams = Upstreams::new(
        door.dialer().with(config.endpoints.clone()),
        encryption.demands,
        config.sessions.startup_timeout,
    );
    let catalog = Catalog::new(
        dial(upstreams.clone()),
        config.catalogs.clone(),
        Limits::default(),
    );
    let resolver = Arc::new(resolver(&config.entrance));
    for event in first {
        record(journal, event).await?;
    }
    let keys = Keyring::default();
    keys.replace(config.keys.read()?);
    let reloader = Reloader {
        directory: config.policies.clone(),
        keys: config.keys.clone(),
        ring: keys.clone(),
        publish: Arc::new(publish),
        acceptor: encryption.acceptor.clone(),
        journal: journal.clone(),
    };
    let control = Control {
        desk: desk.clone(),
        reloader: reloader.clone(),
        resolver: resolver.clone(),
        approvers: config.approvers.clone(),
    };
    let socket = config.control_socket();
    let listener =
        Control::bind(&socket).with_context(|| format!("cannot listen at {}", socket.display()))?;
    let control = tokio::spawn(control.serve(listener));
    let proxy = Proxy {
        shared: Shared {
            usages: proxy::Usages::default(),
            gate: Gate::new(
                published,
                journal.clone(),
                config.durability,
                desk,
                config.sessions.approval_timeout,
            ),
            catalog,
            cancels: Cancels::default(),
            upstreams,
            acceptor: encryption.acceptor,
            keys,
            settings: config.sessions,
            own_user: identity::own_user().map(Into::into),
            stop: stop.subscribe(),
        },
        resolver,
        servers: config.servers.clone(),
        monitored: config.monitored.clone(),
    };
    let sessions = workers
        .first()
        .spawn(proxy.serve(door, workers.clone(), stop.clone(), DRAIN));
    for server in config.monitored_servers() {
        tracing::warn!(%server, "this server is ONLY MONITORED: decisions are recorded, and nothing is refused, held or masked");
    }
    tracing::info!(policies = policies.len(), hash = %policies.hash(), "ready");
    loop {
        match signals.next().await {
            Wish::Stop => break,
            // Both outcomes are logged and recorded.
            Wish::Reload => drop(reloader.reload().await),
        }
    }
    tracing::info!(
        "stopping: sessions have {} s to come to a quiet point",
        DRAIN.as_secs()
    );
    stop.send_replace(Stop::WhenQuiet);
    sessions.await?;
    control.abort();
    // A socket that nobody answers would only confuse.
    let _ = fs::remove_file(socket);
    Ok(())
}

async fn finish(journal: Journal) -> anyhow::Result<()> {
    record(&journal, AuditEvent::Stopped).await?;
    // On a full disk there is no other segment to go on in, and this one is sealed by the end.
    if let Err(error) = journal.seal().await {
        tracing::warn!(%error, "the last records stay in the journal until the agent runs again");
    }
    journal.close().await?;
    Ok(())
}

fn open(entrance: &Entrance) -> anyhow::Result<Door> {
    match entrance {
        Entrance::Intercept(effective) => {
            let interception =
                Interception::start(effective).context("connections cannot be intercepted")?;
            Ok(Door::Kernel(Box::new(interception)))
        }
        Entrance::Gateway(gateway) => {
            let door = Gateway::bind(gateway.listen, gateway.destination)
                .with_context(|| format!("cannot listen at {}", gateway.listen))?;
            tracing::info!(listen = %door.address()?, destination = %gateway.destination, "clients come in through the gateway");
            Ok(Door::Gateway(door))
        }
    }
}

fn resolver(entrance: &Entrance) -> Resolver {
    let gateways = match entrance {
        Entrance::Intercept(_) => Vec::new(),
        Entrance::Gateway(gateway) => vec![gateway.listen],
    };
    Resolver::new(intercept::cgroup_mount().ok(), gateways)
}

/// How the catalog's own connections reach a server: past the probes and encrypted, like every connection of the agent.
pub fn dial(upstreams: Upstreams) -> catalog::Dial {
    Arc::new(move |address| {
        let upstreams = upstreams.clone();
        Box::pin(async move {
            let reached = upstreams.reach(address).await.map_err(io::Error::other)?;
            let stream: Box<dyn catalog::Duplex> = Box::new(reached.stream);
            Ok(stream)
        })
    })
}

fn started(policies: &PolicySet) -> AuditEvent {
    AuditEvent::Started {
        version: env!("CARGO_PKG_VERSION").into(),
        policy: policies.hash().to_string(),
    }
}

fn introduced(signing: &Signing) -> AuditEvent {
    AuditEvent::SigningKey {
        key: signing.key.verifier().to_string(),
        endorsement: signing.endorsement.as_ref().map(ToString::to_string),
    }
}

async fn record(journal: &Journal, event: AuditEvent) -> anyhow::Result<()> {
    let record = AuditRecord {
        version: SCHEMA_VERSION,
        time: proxy::now(),
        session: None,
        event,
    };
    journal.append(record).await?;
    Ok(())
}

/// Loads the policies, the certificate and the keys of masks again. A set that is not valid is recorded, and the old one
/// stays; so do a certificate and keys.
#[derive(Clone)]
pub struct Reloader {
    directory: PathBuf,
    /// Where keys are, and where they go.
    keys: Keys,
    ring: Keyring,
    publish: Arc<watch::Sender<Arc<PolicySet>>>,
    acceptor: Option<tls::Acceptor>,
    journal: Journal,
}

impl Reloader {
    /// The sentence says what is in force now.
    pub async fn reload(&self) -> anyhow::Result<String> {
        let others = [self.reload_certificate(), self.reload_keys()];
        let policies = self.reload_policies().await?;
        let errors = others.into_iter().filter_map(Result::err);
        let errors: Vec<String> = errors.map(|error| error.to_string()).collect();
        match errors.is_empty() {
            true => Ok(policies),
            false => bail!("{}; {policies}", errors.join("; ")),
        }
    }

    fn reload_keys(&self) -> anyhow::Result<()> {
        match self.keys.read() {
            Ok(keys) => {
                self.ring.replace(keys);
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "the keys of masks cannot be read, and the old ones stay");
                bail!("the old keys stay: {error}")
            }
        }
    }

    fn reload_certificate(&self) -> anyhow::Result<()> {
        let Some(acceptor) = &self.acceptor else {
            return Ok(());
        };
        match acceptor.reload() {
            Ok(()) => {
                tracing::info!("new connections are shown the certificate as it is now");
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "the new certificate cannot be shown, and the old one stays");
                bail!("the old certificate stays: {error}")
            }
        }
    }

    async fn reload_policies(&self) -> anyhow::Result<String> {
        let loaded = PolicySet::load(&self.directory);
        let usable = loaded.and_then(|policies| self.keys.check(&policies).map(|()| policies));
        match usable {
            Ok(policies) => {
                let policy = policies.hash().to_string();
                // Recorded first: a set that nobody can know of decides nothing.
                record(
                    &self.journal,
                    AuditEvent::PolicyLoaded {
                        policy: policy.clone(),
                    },
                )
                .await?;
                let count = policies.len();
                self.publish.send_replace(Arc::new(policies));
                tracing::info!(policies = count, hash = %policy, "new policies are in force");
                Ok(format!("{count} policies are in force, hash {policy}"))
            }
            Err(error) => {
                tracing::error!(%error, "the new policies are not valid, and the old ones stay in force");
                record(
                    &self.journal,
                    AuditEvent::PolicyRejected {
                        error: error.to_string(),
                    },
                )
                .await?;
                bail!("the old policies stay in force: {error}")
            }
        }
    }
}
