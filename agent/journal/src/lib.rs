//! The hot half of the evidence: an append-only journal, written before a request is forwarded.
//!
//! Knows audit records and files; knows no policy, no protocol and no Parquet.
//!
//! ```text
//!  put() ─┐                                     ┌─> returned: the kernel has it
//!  put() ─┼─> checksum, copy into a mapped file ┤
//!  put() ─┘   under one mutex                   └─> flusher: msync ──> on_disk() returns
//!                                                   └─> full, old, seal(): sealed segments ──> archive
//! ```
//!
//! A directory holds segments, named by the sequence number of their first record, so that names sort:
//! `00000000000000000001.wj`, `00000000000000004711.wj`, ... The newest is live, all others are sealed or about to
//! be. There is always a live one while the journal is open, and after: an empty live segment remembers where the
//! sequence goes on, so a segment is announced as sealed only when its successor's name is on the disk. The
//! bytes inside are drawn at the head of `frame.rs` and in README.md.
//!
//! Sequence numbers start at 1 and have no gaps, over all segments that ever were.
//!
//! What is promised: a record survives a `kill -9` of the agent once [`Journal::put`] has returned, and a power cut once
//! [`Journal::on_disk`] has. Any error means: it is not evidence.
//!
//! Nothing queues: a record is in the page cache when it was put. What waits for the disk is bounded
//! (`Settings::backlog_bytes`); beyond that no more records are taken until it has some of them. Of a segment, three windows of 1 MiB are mapped at
//! most, beside what a single larger record needs.

mod disk;
mod encode;
mod error;
mod flusher;
mod frame;
mod live;
mod map;
mod read;
mod recovery;
mod segment;
mod settings;
mod tail;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::AuditRecord;
use tokio::sync::{oneshot, watch};

pub use encode::{Draft, Filling};
pub use error::JournalError;
pub use frame::MAX_RECORD;
pub use read::{Entry, Place, Records, read_sealed, read_segment, read_synced};
pub use recovery::{Recovery, Torn};
pub use segment::{first_sequence, sealed, segments};
pub use settings::Settings;

use disk::{Disk, RealDisk};
use flusher::Flusher;
use tail::{Part, Tail};

/// An open journal. Clones write to the same one. Dropping the last one also syncs it and lets go of the directory, but
/// only [`Journal::close`] says when, and whether it worked.
#[derive(Clone)]
pub struct Journal(Arc<Open>);

struct Open(Arc<Tail>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.close(None);
    }
}

impl Journal {
    /// Opens (or makes) the journal in this directory, repairs a torn tail and starts a new segment. Blocks for as long
    /// as reading all segments takes.
    ///
    /// Refused: a directory that another journal has open, damage of what was on the disk once, and a missing segment.
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
        let (tail, announce) = Tail::start(disk, &directory, settings, recovery.next)?;
        let tail = Arc::new(tail);
        Flusher::start(Arc::clone(&tail), announce, lock)?;
        Ok((Self(Arc::new(Open(tail))), recovery))
    }

    /// Hands a record to the kernel, without waiting, and returns its sequence number. It is encoded into memory that is
    /// used again, and copied into a mapped file: no allocation, no system call. Rarely it takes longer: when a segment
    /// is full, and when the disk does not keep up.
    ///
    /// While the disk is full, only what tells how something ended is taken, for as long as the reserve lasts.
    ///
    /// # Errors
    /// Any error means that the record is not evidence, and that nothing may happen because of it. After a failed write
    /// or sync every further call fails, until the agent is started again on a good disk; a full disk and one that does
    /// not keep up pass by themselves.
    pub fn put(&self, record: &AuditRecord) -> Result<u64, JournalError> {
        let part = encode::part(&record.event);
        encode::record(record, |text| self.tail().append(text, part))
    }

    /// The same for a decision that was encoded before: only what differs is encoded again.
    ///
    /// # Errors
    /// As for [`Journal::put`].
    pub fn put_draft(&self, draft: &Draft, filling: &Filling<'_>) -> Result<u64, JournalError> {
        encode::draft(draft, filling, |text| {
            self.tail().append(text, Part::Opening)
        })
    }

    /// Returns once the record with this number, and all before it, are on the disk. Who waits is not kept waiting for
    /// more records: a sync begins as soon as the one before has returned.
    ///
    /// # Errors
    /// A sync failed, so it is not known what the disk has.
    pub async fn on_disk(&self, sequence: u64) -> Result<(), JournalError> {
        self.tail().on_disk(sequence).await
    }

    /// Writes one record and returns its sequence number once it is on the disk. It is written even if the caller stops
    /// waiting.
    ///
    /// # Errors
    /// As for [`Journal::put`] and [`Journal::on_disk`].
    pub async fn append(&self, record: AuditRecord) -> Result<u64, JournalError> {
        let sequence = self.put(&record)?;
        self.on_disk(sequence).await?;
        Ok(sequence)
    }

    /// Closes the live segment, unless it is empty, and starts another. Returns the sequence number below which
    /// everything is sealed.
    pub async fn seal(&self) -> Result<u64, JournalError> {
        let (reply, answer) = oneshot::channel();
        self.tail().seal(reply);
        answer.await.map_err(|_| JournalError::Closed)?
    }

    /// Syncs what was put and lets go of the directory. Later appends through clones fail.
    pub async fn close(self) -> Result<(), JournalError> {
        let (reply, answer) = oneshot::channel();
        self.tail().close(Some(reply));
        answer.await.map_err(|_| JournalError::Closed)?
    }

    /// The sequence number below which everything is sealed; changes whenever a segment is sealed. It ends with the
    /// journal.
    pub fn watch_sealed(&self) -> watch::Receiver<u64> {
        self.tail().sealed.clone()
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.tail().directory
    }

    fn tail(&self) -> &Tail {
        &self.0.0
    }
}
