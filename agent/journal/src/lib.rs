//! The hot half of the evidence: an append-only journal, written before a request is forwarded.
//!
//! Knows audit records and files; knows no policy, no protocol and no Parquet.
//!
//! ```text
//!  append() ─┐                    ┌─> write(2) ──> acknowledged ("process")
//!  append() ─┼─> bounded queue ─> writer ── fdatasync ──> acknowledged ("strict")
//!  append() ─┘                    └─> rotation by size, age, seal() ──> sealed segments ──> archive
//! ```
//!
//! A directory holds segments, named by the sequence number of their first record, so that names sort:
//! `00000000000000000001.wj`, `00000000000000004711.wj`, ... The newest is live, all others are sealed.
//! There is always a live one while the journal is open, and after: an empty live segment remembers
//! where the sequence goes on. The bytes inside are drawn at the head of `frame.rs` and in README.md.
//!
//! Sequence numbers start at 1 and have no gaps, over all segments that ever were.
//!
//! What is promised, by [`Durability`]: after `append` returned, the record survives a `kill -9` of the
//! agent ("process"), or a power cut ("strict"). Any error from `append` means: refuse the request.

mod disk;
mod error;
mod flusher;
mod frame;
mod live;
mod read;
mod recovery;
mod segment;
mod settings;
mod writer;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};

use model::AuditRecord;
use tokio::sync::{Semaphore, oneshot, watch};

pub use error::JournalError;
pub use frame::MAX_RECORD;
pub use read::{Entry, Records, read_sealed, read_segment};
pub use recovery::{Recovery, Torn};
pub use segment::{first_sequence, sealed, segments};
pub use settings::{Durability, Settings};

use disk::{Disk, RealDisk};
use error::Fate;
use writer::{Append, Order, Writer};

/// What a queued record costs beside its own bytes, so that many small ones are bounded too.
const OVERHEAD: usize = 256;

/// An open journal. Clones write to the same one. Dropping the last one also writes what is queued and lets go of
/// the directory, but only [`Journal::close`] says when, and whether it worked.
#[derive(Clone)]
pub struct Journal {
    directory: Arc<Path>,
    orders: mpsc::Sender<Order>,
    /// Bytes that may still be queued: what bounds `orders`.
    room: Arc<Semaphore>,
    capacity: usize,
    fate: Fate,
    sealed: watch::Receiver<u64>,
}

impl Journal {
    /// Opens (or makes) the journal in this directory, repairs a torn tail and starts a new segment, unless the
    /// live one is still empty. Blocks for as long as reading all segments takes.
    ///
    /// Refused: a directory that another journal has open, damage anywhere but at the very end, and a missing segment.
    pub fn open(
        directory: impl Into<PathBuf>,
        settings: Settings,
    ) -> Result<(Self, Recovery), JournalError> {
        Self::open_on(Box::new(RealDisk), directory.into(), settings)
    }

    fn open_on(
        disk: Box<dyn Disk>,
        directory: PathBuf,
        settings: Settings,
    ) -> Result<(Self, Recovery), JournalError> {
        let lock = segment::lock(&directory)?;
        let recovery = recovery::recover(&directory)?;
        let capacity = settings.queue_bytes.clamp(OVERHEAD, Semaphore::MAX_PERMITS);
        let fate = Fate::new(&directory);
        let (orders, queue) = mpsc::channel();
        let sealed = Writer::start(
            disk,
            &directory,
            settings,
            recovery.next,
            lock,
            queue,
            fate.clone(),
        )?;
        let journal = Self {
            directory: directory.into(),
            orders,
            room: Arc::new(Semaphore::new(capacity)),
            capacity,
            fate,
            sealed,
        };
        Ok((journal, recovery))
    }

    /// Writes one record and returns its sequence number, once the record is as safe as the settings ask for.
    /// Waits while the queue is full. A record that was handed in is written even if the caller stops waiting.
    ///
    /// # Errors
    /// Any error means that the record is not evidence, and the caller refuses the request. After a failed write
    /// or sync every further append fails, until the agent is started again on a good disk.
    pub async fn append(&self, record: AuditRecord) -> Result<u64, JournalError> {
        self.fate.check()?;
        let payload = encode(&record)?;
        let room = self.admit(payload.len()).await?;
        self.ask(|reply| {
            Order::Append(Append {
                payload,
                reply,
                _room: room,
            })
        })
        .await
    }

    /// Closes the live segment, unless it is empty, and starts another. Returns the sequence number below which
    /// everything is sealed.
    pub async fn seal(&self) -> Result<u64, JournalError> {
        self.ask(Order::Seal).await
    }

    /// Writes what is queued, syncs it and lets go of the directory. Later appends through clones fail.
    pub async fn close(self) -> Result<(), JournalError> {
        self.ask(Order::Close).await
    }

    /// The sequence number below which everything is sealed; changes whenever a segment is sealed.
    pub fn watch_sealed(&self) -> watch::Receiver<u64> {
        self.sealed.clone()
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    async fn admit(&self, bytes: usize) -> Result<tokio::sync::OwnedSemaphorePermit, JournalError> {
        let cost = bytes.saturating_add(OVERHEAD).min(self.capacity);
        let permits = u32::try_from(cost).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(permits).await;
        room.map_err(|_| JournalError::Closed)
    }

    async fn ask<T>(
        &self,
        order: impl FnOnce(oneshot::Sender<Result<T, JournalError>>) -> Order,
    ) -> Result<T, JournalError> {
        let (reply, answer) = oneshot::channel();
        self.orders
            .send(order(reply))
            .map_err(|_| JournalError::Closed)?;
        answer.await.map_err(|_| JournalError::Closed)?
    }
}

fn encode(record: &AuditRecord) -> Result<Vec<u8>, JournalError> {
    let payload = serde_json::to_vec(record).map_err(JournalError::Encode)?;
    if payload.len() > MAX_RECORD {
        return Err(JournalError::TooLarge {
            bytes: payload.len(),
        });
    }
    Ok(payload)
}
