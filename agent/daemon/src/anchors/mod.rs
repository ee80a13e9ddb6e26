//! Puts signed heads of the log where this host cannot take them back: what is signed here alone, root here can sign again.
//!
//! A thread of its own waits for disks and networks, so that neither sessions nor the archive do. It is handed a head now
//! and then, always the newest one; what fails is logged with the age of what nobody else has seen, and tried again with
//! the next head.

mod directory;
mod syslog;
mod witness;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use proof::{Hash, Note, VerifierKey};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// `[audit.anchor]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// Heads become files here, which are made once and never changed.
    directory: Option<PathBuf>,
    /// Heads are lines here, as at `/dev/log`.
    syslog: Option<PathBuf>,
    /// Signs heads itself.
    witness: Option<Witness>,
    /// How often.
    #[serde(default = "every_minute")]
    seconds: u64,
}

/// A C2SP witness.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Witness {
    url: String,
    key: String,
}

impl Written {
    /// The same with paths below this directory, where they are relative.
    pub fn below(self, base: &Path) -> Self {
        let whole = |path: Option<PathBuf>| path.map(|path| base.join(path));
        Self {
            directory: whole(self.directory),
            syslog: whole(self.syslog),
            ..self
        }
    }
}

fn every_minute() -> u64 {
    60
}

/// A signed head, on its way.
#[derive(Clone, Debug)]
pub struct Head {
    /// What is signed.
    pub note: Note,
    /// How many records it covers.
    pub size: u64,
    /// What the witness has seen.
    pub from: u64,
    /// That it has seen the beginning of this one.
    pub path: Vec<Hash>,
}

/// Where heads are handed over.
pub struct Anchors {
    heads: watch::Sender<Option<Head>>,
    /// Records of the head that the witness has seen last.
    witnessed: Arc<AtomicU64>,
    interval: Duration,
    handed: Option<Instant>,
    thread: JoinHandle<()>,
}

impl Anchors {
    /// Starts the thread. None: nothing is configured.
    pub fn start(written: &Written, state: &Path) -> anyhow::Result<Option<Self>> {
        let witnessed = Arc::new(AtomicU64::new(0));
        let places = places(written, &witnessed)?;
        if places.is_empty() {
            return Ok(None);
        }
        let (heads, newest) = watch::channel(None);
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let mut work = Work {
            places,
            status: state.join(STATUS),
        };
        let thread = thread::Builder::new()
            .name("anchors".into())
            .spawn(move || {
                let mut newest: watch::Receiver<Option<Head>> = newest;
                while runtime.block_on(newest.changed()).is_ok() {
                    let head = newest.borrow_and_update().clone();
                    head.iter().for_each(|head| work.anchor(head));
                }
            })?;
        Ok(Some(Self {
            heads,
            witnessed,
            interval: Duration::from_secs(written.seconds),
            handed: None,
            thread,
        }))
    }

    /// Whether it is time for another head.
    pub fn are_due(&self) -> bool {
        self.handed.is_none_or(|at| at.elapsed() >= self.interval)
    }

    /// What the witness has seen.
    pub fn witnessed(&self) -> u64 {
        self.witnessed.load(Ordering::Relaxed)
    }

    /// Hands a head over.
    pub fn hand(&mut self, head: Head) {
        self.handed = Some(Instant::now());
        self.heads.send_replace(Some(head));
    }

    /// Waits for what was handed over last.
    pub fn finish(self) {
        drop(self.heads);
        if self.thread.join().is_err() {
            tracing::error!("the thread of anchors has panicked");
        }
    }
}

/// A place that takes heads.
trait Place: Send {
    fn name(&self) -> String;
    fn put(&mut self, head: &Head) -> anyhow::Result<()>;
}

fn places(written: &Written, witnessed: &Arc<AtomicU64>) -> anyhow::Result<Vec<Anchored>> {
    let mut places: Vec<Box<dyn Place>> = Vec::new();
    if let Some(path) = &written.directory {
        places.push(Box::new(directory::Directory(path.clone())));
    }
    if let Some(path) = &written.syslog {
        places.push(Box::new(syslog::Syslog(path.clone())));
    }
    if let Some(Witness { url, key }) = &written.witness {
        let key: VerifierKey = key.parse()?;
        places.push(Box::new(witness::Witness::new(
            url,
            key,
            witnessed.clone(),
        )?));
    }
    let anchored = |place| Anchored {
        place,
        size: 0,
        since: Instant::now(),
    };
    Ok(places.into_iter().map(anchored).collect())
}

struct Work {
    places: Vec<Anchored>,
    status: PathBuf,
}

/// A place, and what it has.
struct Anchored {
    place: Box<dyn Place>,
    size: u64,
    /// When it last had everything that was there.
    since: Instant,
}

impl Work {
    fn anchor(&mut self, head: &Head) {
        for anchored in &mut self.places {
            let name = anchored.place.name();
            match anchored.place.put(head) {
                Ok(()) => {
                    anchored.size = head.size;
                    anchored.since = Instant::now();
                    tracing::debug!(anchor = %name, size = head.size, "anchored");
                }
                Err(error) => {
                    let seconds = anchored.since.elapsed().as_secs();
                    let records = head.size - anchored.size.min(head.size);
                    tracing::error!(anchor = %name, unanchored_records = records, unanchored_seconds = seconds, "a head of the log was not anchored: {error:#}");
                }
            }
        }
        if let Err(error) = self.write_status() {
            tracing::error!(%error, "what is anchored cannot be written down");
        }
    }

    fn write_status(&self) -> io::Result<()> {
        let now = proxy::now();
        let statuses = self.places.iter().map(|anchored| Status {
            anchor: anchored.place.name(),
            size: anchored.size,
            time: now - i64::try_from(anchored.since.elapsed().as_micros()).unwrap_or(i64::MAX),
        });
        let text = serde_json::to_string(&statuses.collect::<Vec<_>>())?;
        let next = self.status.with_extension("tmp");
        std::fs::write(&next, text)?;
        std::fs::rename(next, &self.status)
    }
}

const STATUS: &str = "anchors.json";

/// What one place has.
#[derive(Debug, Serialize, Deserialize)]
pub struct Status {
    /// Which place.
    pub anchor: String,
    /// Records that it has seen a head of.
    pub size: u64,
    /// When it last had all that there was, microseconds since the Unix epoch.
    pub time: i64,
}

/// What the agent wrote down last. Empty where nothing is anchored.
pub fn status(state: &Path) -> Vec<Status> {
    let text = std::fs::read(state.join(STATUS)).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}
