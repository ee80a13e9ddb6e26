//! The door to a database's catalog: keeps the snapshots that names are resolved against.
//!
//! Knows how to reach a server, how to read `pg_catalog` in one consistent look, and how old a picture may be. What
//! the picture is good for is `sql`'s business. A server is read as the role that is configured for it, in the
//! background; where there is none, through the sessions of those who ask, whose owner carries the questions ([`Inquiry`]).
//!
//! ```text
//!            asked for         older than `age`        older than 10 x `age`, or invalidated
//!   nothing -----------> fresh ----------------> old ---------------------------------------> nothing
//!            (waits)       ^      (served, and refreshed in the background)    |                  |
//!                          +---------------------------------------------------+   (next asker waits)
//! ```

mod config;
mod inquiry;
mod load;
mod queries;
mod reading;
mod sample;

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use load::Reader;
use model::Target;
use reading::{Known, Reading};
use sql::{Relation, Snapshot};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

pub use config::{Access, Credentials, Limits, Written};
pub use inquiry::{Answered, Inquiry};
pub use reading::{Answer, Row};
pub use sample::Samples;

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The configuration names no role for this server.
    #[error(
        "no catalog role is configured for {server}, and there is no client's session to read its catalog through: add user and password to its catalog section"
    )]
    NoCredentials {
        /// The server's name.
        server: Arc<str>,
    },
    /// The configuration says that this server's catalog is not read.
    #[error(
        "the configuration says that the catalog of {server} is not read (`read_catalog = false`)"
    )]
    NeverRead {
        /// The server's name.
        server: Arc<str>,
    },
    /// Both a password and a password file are given.
    #[error("the catalog section has a password and a password_file: keep one of them")]
    TwoPasswords,
    /// The password file cannot be read.
    #[error("cannot read the catalog's password file {path}: {error}")]
    PasswordFile {
        /// The file.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// The server cannot be reached.
    #[error("cannot reach {address} to read its catalog: {error}")]
    Unreachable {
        /// Where the agent dialed.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// The server refused the login or a query.
    #[error("cannot read the catalog of {database}: {}", said(error))]
    Refused {
        /// The database.
        database: String,
        /// What the server said.
        error: tokio_postgres::Error,
    },
    /// No role is configured, and the session that asks cannot be asked itself.
    #[error(
        "no catalog role is configured for {server}, so the catalog of {database} is read through clients' own sessions, and this one cannot be asked now: a transaction or a pipeline is open"
    )]
    NotQuiet {
        /// The server's name.
        server: Arc<str>,
        /// The database.
        database: String,
    },
    /// A session that was asked got no answer.
    #[error("cannot read the catalog of {database} through the client's session: {why}")]
    Unanswered {
        /// The database.
        database: String,
        /// What the server said.
        why: String,
    },
    /// The answer is not of the kind that was asked for.
    #[error("cannot read the catalog of {database}: the answer is not PostgreSQL's: {error}")]
    Misread {
        /// The database.
        database: String,
        /// What is wrong with it.
        error: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It took too long.
    #[error("reading the catalog of {database} took longer than {limit:?}")]
    TooSlow {
        /// The database.
        database: String,
        /// The configured limit.
        limit: Duration,
    },
}

impl CatalogError {
    fn misread(database: &str) -> impl Fn(reading::Misread) -> Self {
        |error| Self::Misread {
            database: database.to_owned(),
            error,
        }
    }
}

/// The server's own words, where it said any: the error itself only names the kind of failure.
fn said(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(said) => said.to_string(),
        None => error.to_string(),
    }
}

/// How the agent opens its own connections.
pub type Dial = Arc<dyn Fn(SocketAddr) -> Dialling + Send + Sync>;

/// A connection that is being opened.
pub type Dialling = Pin<Box<dyn Future<Output = io::Result<Box<dyn Duplex>>> + Send>>;

/// A stream of bytes in both directions, whatever carries it.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Keeps one snapshot per server and database. Cheap to clone.
#[derive(Clone)]
pub struct Catalog {
    shared: Arc<Shared>,
}

struct Shared {
    dial: Dial,
    access: HashMap<Arc<str>, Access>,
    limits: Limits,
    entries: Mutex<HashMap<Key, Arc<Entry>>>,
    versions: AtomicU64,
}

type Key = (Arc<str>, String);

/// One database.
struct Entry {
    target: Target,
    database: String,
    state: Mutex<State>,
    /// Held by the one who loads, with the session that read last, if that is still open.
    loading: tokio::sync::Mutex<Option<Reader>>,
}

#[derive(Default)]
struct State {
    loaded: Option<Loaded>,
    /// Counts invalidations: a load that began before one is not good enough.
    generation: u64,
    asked: Option<Instant>,
    refreshing: bool,
    /// What was read of what came with the server.
    built_in: Option<Known>,
    /// The server's defaults, as far as any reading saw them.
    defaults: BTreeMap<String, String>,
}

struct Loaded {
    snapshot: Arc<Snapshot>,
    digest: u64,
    /// How often the catalog had been invalidated when the reading began.
    generation: u64,
    /// When it was read.
    at: Instant,
}

/// What is at hand.
enum AtHand {
    Fresh(Arc<Snapshot>),
    Old(Arc<Snapshot>),
    Nothing,
}

/// How long a session that has read stays open for the next reading.
const LINGER: Duration = Duration::from_millis(250);

/// A snapshot this many times older than the configured age is not served any more.
const TOO_OLD: u32 = 10;

impl Catalog {
    /// A catalog that reads as these roles, by server name, over connections that `dial` opens, and of servers that are
    /// not named here through their clients' sessions.
    pub fn new(dial: Dial, access: HashMap<Arc<str>, Access>, limits: Limits) -> Self {
        let shared = Shared {
            dial,
            access,
            limits,
            entries: Mutex::default(),
            versions: AtomicU64::new(1),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// One database, whether it was ever read or not.
    pub fn database(&self, target: &Target, database: &str) -> Database {
        Database {
            entry: self.shared.entry(target, database),
            shared: self.shared.clone(),
        }
    }

    /// [`Database::snapshot`] of this database.
    pub async fn snapshot(
        &self,
        target: &Target,
        database: &str,
    ) -> Result<Arc<Snapshot>, CatalogError> {
        self.database(target, database).snapshot().await
    }

    /// Up to so many rows of each of these tables, where the role may read them, over a session of its own.
    pub async fn sample(
        &self,
        target: &Target,
        database: &str,
        relations: &[&Relation],
        rows: u32,
    ) -> Result<Samples, CatalogError> {
        let reader = self.shared.open(target, database).await?;
        let samples = sample::sample(&reader, relations, rows, self.shared.limits.timeout);
        samples.await.map_err(|error| CatalogError::Refused {
            database: database.to_owned(),
            error,
        })
    }
}

/// The snapshots of one database. It is kept in memory while somebody has this.
#[derive(Clone)]
pub struct Database {
    entry: Arc<Entry>,
    shared: Arc<Shared>,
}

impl Database {
    /// The snapshot, where one may be served at this moment. One that has become old is refreshed in the background: call
    /// it inside a runtime.
    pub fn at_hand(&self, now: Instant) -> Option<Arc<Snapshot>> {
        if self.is_read_in_session() {
            return self.at_hand_in_session(now);
        }
        match self.entry.at_hand(&self.shared.limits, now) {
            AtHand::Fresh(snapshot) => Some(snapshot),
            AtHand::Old(snapshot) => {
                self.refresh_behind();
                Some(snapshot)
            }
            AtHand::Nothing => None,
        }
    }

    /// The snapshot. Waits only where there is none that may be served, and where it is read by sessions, for nothing.
    pub async fn snapshot(&self) -> Result<Arc<Snapshot>, CatalogError> {
        match self.at_hand(Instant::now()) {
            Some(snapshot) => Ok(snapshot),
            None if self.is_read_in_session() => self.unasked(),
            None => self.shared.load(&self.entry).await,
        }
    }

    /// The catalog may have changed: the next asker waits for a snapshot from after this moment.
    pub fn invalidate(&self) {
        let mut state = lock(&self.entry.state);
        state.generation = state.generation.wrapping_add(1);
    }

    fn refresh_behind(&self) {
        if std::mem::replace(&mut lock(&self.entry.state).refreshing, true) {
            return;
        }
        let Self { entry, shared } = self.clone();
        tokio::spawn(async move {
            if let Err(error) = shared.load(&entry).await {
                tracing::warn!(database = entry.database, %error, "the catalog was not refreshed");
            }
            lock(&entry.state).refreshing = false;
        });
    }
}

impl Shared {
    fn entry(&self, target: &Target, database: &str) -> Arc<Entry> {
        let mut entries = lock(&self.entries);
        let key = (target.server.clone(), database.to_owned());
        if let Some(entry) = entries.get(&key) {
            return entry.clone();
        }
        if entries.len() >= self.limits.databases {
            forget_longest_unasked(&mut entries);
        }
        let entry = Arc::new(Entry {
            target: target.clone(),
            database: database.to_owned(),
            state: Mutex::default(),
            loading: tokio::sync::Mutex::default(),
        });
        entries.insert(key, entry.clone());
        entry
    }

    /// Loads once for all who wait. What was read after this asker came is good enough for it, whatever is invalidated
    /// meanwhile: where definitions never stop, nobody would ever have the newest.
    async fn load(&self, entry: &Arc<Entry>) -> Result<Arc<Snapshot>, CatalogError> {
        let asked = lock(&entry.state).generation;
        let mut reader = entry.loading.lock().await;
        if let Some(snapshot) = entry.read_since(asked, &self.limits) {
            return Ok(snapshot);
        }
        let generation = lock(&entry.state).generation;
        let limit = self.limits.timeout;
        let read = timeout(limit, self.read(entry, reader.take())).await;
        let (rows, used) = read.map_err(|_| CatalogError::TooSlow {
            database: entry.database.clone(),
            limit,
        })??;
        *reader = Some(used);
        let snapshot = self.keep(entry, rows, generation);
        entry.clone().let_go();
        Ok(snapshot)
    }

    /// Reads with the session that read last, or with a new one.
    async fn read(
        &self,
        entry: &Entry,
        last: Option<Reader>,
    ) -> Result<(sql::Rows, Reader), CatalogError> {
        if let Some(last) = last
            // The server may have ended it meanwhile.
            && let Ok(rows) = self.read_with(&last, entry).await
        {
            return Ok((rows, last));
        }
        let reader = self.open(&entry.target, &entry.database).await?;
        let rows = self.read_with(&reader, entry).await?;
        Ok((rows, reader))
    }

    /// A session as the role that is configured for this server.
    async fn open(&self, target: &Target, database: &str) -> Result<Reader, CatalogError> {
        let server = &target.server;
        match self.access.get(server) {
            Some(Access::Role(credentials)) => {
                load::connect(&self.dial, target, database, credentials).await
            }
            Some(Access::Nobody) => Err(CatalogError::NeverRead {
                server: server.clone(),
            }),
            None => Err(CatalogError::NoCredentials {
                server: server.clone(),
            }),
        }
    }

    async fn read_with(&self, reader: &Reader, entry: &Entry) -> Result<sql::Rows, CatalogError> {
        let known = lock(&entry.state).built_in.clone();
        let reading = Reading::new(&entry.database, known, self.limits.timeout);
        let (rows, built_in) = load::rows(reader, &entry.database, reading).await?;
        lock(&entry.state).built_in = Some(built_in);
        Ok(*rows)
    }

    /// Puts what was read in place, unless somebody who began later was faster; for those who ask from now on only if it was
    /// not invalidated meanwhile. What did not
    /// change stays the same snapshot, so that whatever is cached by its version stays good.
    fn keep(&self, entry: &Entry, mut rows: sql::Rows, generation: u64) -> Arc<Snapshot> {
        let mut state = lock(&entry.state);
        state.defaults.extend(rows.defaults);
        rows.defaults = state.defaults.clone().into_iter().collect();
        let digest = digest(&rows);
        let snapshot = match &state.loaded {
            Some(loaded) if loaded.digest == digest => loaded.snapshot.clone(),
            _ => {
                let version = self.versions.fetch_add(1, Ordering::Relaxed);
                Arc::new(Snapshot::new(version, rows))
            }
        };
        if let Some(loaded) = &state.loaded
            && loaded.generation > generation
        {
            return snapshot;
        }
        state.loaded = Some(Loaded {
            snapshot: snapshot.clone(),
            digest,
            generation,
            at: Instant::now(),
        });
        snapshot
    }
}

impl Entry {
    /// Ends the session that reads, unless somebody loads again soon: where definitions come one after the other, most of
    /// what reading costs is a new session. A database cannot be dropped while there is one, and the server waits some
    /// seconds for it.
    fn let_go(self: Arc<Self>) {
        tokio::spawn(async move {
            tokio::time::sleep(LINGER).await;
            // Who loads now lets go itself.
            if let Ok(mut reader) = self.loading.try_lock() {
                let read = lock(&self.state).loaded.as_ref().map(|loaded| loaded.at);
                if read.is_none_or(|at| at.elapsed() >= LINGER) {
                    *reader = None;
                }
            }
        });
    }

    /// What was read after the catalog had been invalidated this often, and is not old.
    fn read_since(&self, generation: u64, limits: &Limits) -> Option<Arc<Snapshot>> {
        let state = lock(&self.state);
        let loaded = state.loaded.as_ref()?;
        let is_good = loaded.generation >= generation && loaded.at.elapsed() < limits.age;
        is_good.then(|| loaded.snapshot.clone())
    }

    fn at_hand(&self, limits: &Limits, now: Instant) -> AtHand {
        let mut state = lock(&self.state);
        state.asked = Some(now);
        let current = state.generation;
        let Some(loaded) = state
            .loaded
            .as_ref()
            .filter(|loaded| loaded.generation == current)
        else {
            return AtHand::Nothing;
        };
        match now.saturating_duration_since(loaded.at) {
            age if age < limits.age => AtHand::Fresh(loaded.snapshot.clone()),
            age if age < limits.age * TOO_OLD => AtHand::Old(loaded.snapshot.clone()),
            _ => AtHand::Nothing,
        }
    }
}

/// What somebody has is not forgotten: two entries of one database would not know of each other's invalidations.
fn forget_longest_unasked(entries: &mut HashMap<Key, Arc<Entry>>) {
    let oldest = entries
        .iter()
        .filter(|(_, entry)| Arc::strong_count(entry) == 1)
        .min_by_key(|(_, entry)| lock(&entry.state).asked)
        .map(|(key, _)| key.clone());
    if let Some(key) = oldest {
        entries.remove(&key);
    }
}

fn digest(rows: &sql::Rows) -> u64 {
    let mut hasher = DefaultHasher::new();
    rows.hash(&mut hasher);
    hasher.finish()
}

/// A panic of another thread leaves nothing half done behind these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
