//! The door to a database's catalog: keeps the snapshots that names are resolved against.
//!
//! Knows how to reach a server, how to read `pg_catalog` in one consistent look, and how old a picture may be. What
//! the picture is good for is `sql`'s business.
//!
//! ```text
//!            asked for         older than `age`        older than 10 x `age`, or invalidated
//!   nothing -----------> fresh ----------------> old ---------------------------------------> nothing
//!            (waits)       ^      (served, and refreshed in the background)    |                  |
//!                          +---------------------------------------------------+   (next asker waits)
//! ```

mod config;
mod load;

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::Target;
use sql::Snapshot;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

pub use config::{Credentials, Limits, Written};

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The configuration names no role for this server.
    #[error(
        "no catalog role is configured for {server}: add user and password to its catalog section"
    )]
    NoCredentials {
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
    /// It took too long.
    #[error("reading the catalog of {database} took longer than {limit:?}")]
    TooSlow {
        /// The database.
        database: String,
        /// The configured limit.
        limit: Duration,
    },
}

/// The server's own words, where it said any: the error itself only names the kind of failure.
fn said(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(said) => said.to_string(),
        None => error.to_string(),
    }
}

/// How the agent opens its own connections.
pub type Dial = Arc<
    dyn Fn(SocketAddr) -> Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>> + Send + Sync,
>;

/// Keeps one snapshot per server and database. Cheap to clone.
#[derive(Clone)]
pub struct Catalog {
    shared: Arc<Shared>,
}

struct Shared {
    dial: Dial,
    credentials: HashMap<Arc<str>, Credentials>,
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
    /// Held by the one who loads.
    loading: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    loaded: Option<Loaded>,
    /// Counts invalidations: a load that began before one is not good enough.
    generation: u64,
    asked: Option<Instant>,
    refreshing: bool,
}

struct Loaded {
    snapshot: Arc<Snapshot>,
    digest: u64,
    /// When it was read; none once it was invalidated.
    at: Option<Instant>,
}

/// What is at hand.
enum AtHand {
    Fresh(Arc<Snapshot>),
    Old(Arc<Snapshot>),
    Nothing,
}

/// A snapshot this many times older than the configured age is not served any more.
const TOO_OLD: u32 = 10;

impl Catalog {
    /// A catalog that reads as these roles, by server name, over connections that `dial` opens.
    pub fn new(dial: Dial, credentials: HashMap<Arc<str>, Credentials>, limits: Limits) -> Self {
        let shared = Shared {
            dial,
            credentials,
            limits,
            entries: Mutex::default(),
            versions: AtomicU64::new(1),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The snapshot of this database. Waits only where there is none that may be served.
    pub async fn snapshot(
        &self,
        target: &Target,
        database: &str,
    ) -> Result<Arc<Snapshot>, CatalogError> {
        let entry = self.shared.entry(target, database);
        match entry.at_hand(&self.shared.limits) {
            AtHand::Fresh(snapshot) => Ok(snapshot),
            AtHand::Old(snapshot) => {
                self.refresh_behind(entry);
                Ok(snapshot)
            }
            AtHand::Nothing => self.shared.load(&entry).await,
        }
    }

    /// The catalog may have changed: the next asker waits for a snapshot from after this moment.
    pub fn invalidate(&self, server: &str, database: &str) {
        let entries = lock(&self.shared.entries);
        let entry = entries.get(&(Arc::from(server), database.to_owned()));
        if let Some(entry) = entry {
            let mut state = lock(&entry.state);
            state.generation = state.generation.wrapping_add(1);
            if let Some(loaded) = &mut state.loaded {
                loaded.at = None;
            }
        }
    }

    fn refresh_behind(&self, entry: Arc<Entry>) {
        if std::mem::replace(&mut lock(&entry.state).refreshing, true) {
            return;
        }
        let shared = self.shared.clone();
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

    /// Loads once for all who wait.
    async fn load(&self, entry: &Entry) -> Result<Arc<Snapshot>, CatalogError> {
        let _one = entry.loading.lock().await;
        if let AtHand::Fresh(snapshot) = entry.at_hand(&self.limits) {
            return Ok(snapshot);
        }
        loop {
            let generation = lock(&entry.state).generation;
            let rows = self.read(entry).await?;
            if let Some(snapshot) = self.keep(entry, rows, generation) {
                return Ok(snapshot);
            }
        }
    }

    async fn read(&self, entry: &Entry) -> Result<sql::Rows, CatalogError> {
        let server = &entry.target.server;
        let credentials = self.credentials.get(server);
        let credentials = credentials.ok_or_else(|| CatalogError::NoCredentials {
            server: server.clone(),
        })?;
        let limit = self.limits.timeout;
        let reading = load::rows(
            &self.dial,
            &entry.target,
            &entry.database,
            credentials,
            limit,
        );
        timeout(limit, reading)
            .await
            .map_err(|_| CatalogError::TooSlow {
                database: entry.database.clone(),
                limit,
            })?
    }

    /// Puts what was read in place, unless it was invalidated meanwhile. What did not change stays the same snapshot,
    /// so that whatever is cached by its version stays good.
    fn keep(&self, entry: &Entry, rows: sql::Rows, generation: u64) -> Option<Arc<Snapshot>> {
        let digest = digest(&rows);
        let mut state = lock(&entry.state);
        if state.generation != generation {
            return None;
        }
        let snapshot = match &state.loaded {
            Some(loaded) if loaded.digest == digest => loaded.snapshot.clone(),
            _ => {
                let version = self.versions.fetch_add(1, Ordering::Relaxed);
                Arc::new(Snapshot::new(version, rows))
            }
        };
        state.loaded = Some(Loaded {
            snapshot: snapshot.clone(),
            digest,
            at: Some(Instant::now()),
        });
        Some(snapshot)
    }
}

impl Entry {
    fn at_hand(&self, limits: &Limits) -> AtHand {
        let mut state = lock(&self.state);
        state.asked = Some(Instant::now());
        let Some(loaded) = &state.loaded else {
            return AtHand::Nothing;
        };
        match loaded.at.map(|at| at.elapsed()) {
            Some(age) if age < limits.age => AtHand::Fresh(loaded.snapshot.clone()),
            Some(age) if age < limits.age * TOO_OLD => AtHand::Old(loaded.snapshot.clone()),
            _ => AtHand::Nothing,
        }
    }
}

fn forget_longest_unasked(entries: &mut HashMap<Key, Arc<Entry>>) {
    let oldest = entries
        .iter()
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
