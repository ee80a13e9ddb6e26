//! The one thread that writes: natural group commit, rotation, and the end of it all.
//!
//! Whatever has queued up while the last write (or sync) ran goes out with the next one, so batches grow by
//! themselves under load and nobody waits for a timer.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;

use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};

use crate::disk::Disk;
use crate::error::Fate;
use crate::flusher::Flusher;
use crate::live::Live;
use crate::{Durability, JournalError, Settings};

/// Bytes after which a batch is written, whatever else is queued.
const BATCH_BYTES: usize = 1 << 20;

pub(crate) type Reply<T> = oneshot::Sender<Result<T, JournalError>>;

/// What a journal asks its writer for.
pub(crate) enum Order {
    Append(Append),
    Seal(Reply<u64>),
    Close(Reply<()>),
}

/// A record to be written.
pub(crate) struct Append {
    pub payload: Vec<u8>,
    pub reply: Reply<u64>,
    /// Room in the queue, given back when the record is written.
    pub _room: OwnedSemaphorePermit,
}

/// The thread's state.
pub(crate) struct Writer {
    disk: Box<dyn Disk>,
    directory: PathBuf,
    settings: Settings,
    live: Live,
    flusher: Flusher,
    fate: Fate,
    sealed: watch::Sender<u64>,
    /// Keeps other agents out for as long as this one writes.
    _lock: File,
}

impl Writer {
    /// Starts a segment at `next` and the thread that writes to it. The number that is watched is the first
    /// sequence number that is not sealed.
    pub(crate) fn start(
        disk: Box<dyn Disk>,
        directory: &Path,
        settings: Settings,
        next: u64,
        lock: File,
        queue: Receiver<Order>,
        fate: Fate,
    ) -> Result<watch::Receiver<u64>, JournalError> {
        let (sealed, watched) = watch::channel(next);
        let writer = Self {
            live: Live::create(&*disk, directory, next)?,
            disk,
            directory: directory.to_owned(),
            settings,
            flusher: Flusher::start(fate.clone()).map_err(JournalError::Thread)?,
            fate,
            sealed,
            _lock: lock,
        };
        thread::Builder::new()
            .name("journal-writer".into())
            .spawn(move || writer.serve(&queue))
            .map_err(JournalError::Thread)?;
        Ok(watched)
    }

    fn serve(mut self, queue: &Receiver<Order>) {
        let closing = loop {
            match self.wait(queue) {
                Ok(order) => {
                    if let Some(reply) = self.obey(order, queue) {
                        break Some(reply);
                    }
                }
                // A failure is remembered, and logged, by the journal's fate.
                Err(RecvTimeoutError::Timeout) => drop(self.rotate()),
                Err(RecvTimeoutError::Disconnected) => break None,
            }
        };
        let end = self.sync();
        // The lock is free before anybody is told.
        drop(self);
        if let Some(reply) = closing {
            let _ = reply.send(end);
        }
    }

    /// The next order, or a timeout when the live segment is old enough to be sealed.
    fn wait(&self, queue: &Receiver<Order>) -> Result<Order, RecvTimeoutError> {
        match self.live.since {
            Some(since) if self.fate.check().is_ok() => {
                queue.recv_timeout(self.settings.segment_age.saturating_sub(since.elapsed()))
            }
            _ => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    /// Carries out an order, and what has queued up behind it; gives back whom to tell that the journal is closed.
    /// Answers that nobody waits for any more are dropped: the order is carried out all the same.
    fn obey(&mut self, order: Order, queue: &Receiver<Order>) -> Option<Reply<()>> {
        match order {
            Order::Append(append) => {
                let (batch, other) = Batch::gather(append, queue);
                self.commit(batch);
                other.and_then(|order| self.obey(order, queue))
            }
            Order::Seal(reply) => {
                let _ = reply.send(self.rotate());
                None
            }
            Order::Close(reply) => Some(reply),
        }
    }

    fn commit(&mut self, batch: Batch) {
        let first = self.write(&batch);
        for (position, append) in (0..).zip(batch.appends) {
            let answer = match &first {
                Ok(first) => Ok(first + position),
                Err(error) => Err(self.fate.fail(error)),
            };
            let _ = append.reply.send(answer);
        }
    }

    /// Writes a batch as safely as the settings ask for, and returns the sequence number of its first record.
    fn write(&mut self, batch: &Batch) -> Result<u64, JournalError> {
        self.fate.check()?;
        if self.is_full_with(batch) || self.is_old() {
            self.rotate()?;
        }
        let payloads = batch.appends.iter().map(|append| &*append.payload);
        let first = self.live.append(payloads)?;
        match self.settings.durability {
            Durability::Process => self.flusher.mark(&self.live.path, &self.live.file),
            Durability::Strict => self.sync()?,
        }
        self.fate.check().map(|()| first)
    }

    fn is_full_with(&self, batch: &Batch) -> bool {
        self.live.size.saturating_add(batch.bytes as u64) > self.settings.segment_bytes
    }

    fn is_old(&self) -> bool {
        let since = self.live.since;
        since.is_some_and(|since| since.elapsed() >= self.settings.segment_age)
    }

    /// Seals the live segment, unless it is empty, and starts another. Returns what is not sealed from.
    fn rotate(&mut self) -> Result<u64, JournalError> {
        self.fate.check()?;
        if !self.live.is_empty() {
            self.sync()?;
            self.live = Live::create(&*self.disk, &self.directory, self.live.next)
                .map_err(|error| self.fate.fail(&error))?;
            self.sealed.send_replace(self.live.next);
        }
        Ok(self.live.next)
    }

    fn sync(&self) -> Result<(), JournalError> {
        self.fate.check()?;
        self.live.sync().map_err(|error| self.fate.fail(&error))
    }
}

/// Records that go out with one write.
struct Batch {
    appends: Vec<Append>,
    bytes: usize,
}

impl Batch {
    /// This record and what is queued behind it, up to a limit, with the first order that is no append.
    fn gather(first: Append, queue: &Receiver<Order>) -> (Self, Option<Order>) {
        let mut batch = Self {
            bytes: first.payload.len(),
            appends: vec![first],
        };
        while batch.bytes < BATCH_BYTES {
            match queue.try_recv() {
                Ok(Order::Append(append)) => {
                    batch.bytes += append.payload.len();
                    batch.appends.push(append);
                }
                other => return (batch, other.ok()),
            }
        }
        (batch, None)
    }
}
