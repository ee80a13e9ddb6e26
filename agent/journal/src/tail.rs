//! The end of the journal, where records are added: one mutex, held for a checksum and a copy.
//!
//! Knows neither records nor threads. Everything that can be made or done beside the appends is the flusher's.
//!
//! ```text
//!  append ──> Live ──full──> retired ──flusher: sync, cut, announce──> sealed
//!              ^
//!            Spare <── flusher, when Live is half full; where there is no room for one:
//!            reserve, a small one that is there from the start, for what tells how something ended
//! ```

use std::mem;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::{oneshot, watch};

use crate::disk::Disk;
use crate::error::Fate;
use crate::frame::HEADER_BYTES;
use crate::live::{Live, Spare, frame_bytes};
use crate::{JournalError, Settings};

/// Bytes of the reserve: closing records of as many sessions as there may be, and their last requests'.
const RESERVE_BYTES: u64 = 4 << 20;

/// What a record is to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Something may happen because of it.
    Opening,
    /// It tells how something ended that is recorded. While the disk is full it goes into the reserve.
    Closing,
}

pub(crate) type Reply<T> = oneshot::Sender<Result<T, JournalError>>;

/// What those who append and the flusher share.
pub(crate) struct Tail {
    pub directory: Arc<Path>,
    pub settings: Settings,
    pub fate: Fate,
    pub disk: Box<dyn Disk>,
    end: Mutex<End>,
    /// Rung when the flusher has something to do and does not know it.
    pub bell: Condvar,
    /// The sequence number below which every record is on the disk.
    pub synced: watch::Sender<u64>,
    /// The sequence number below which every record is in a sealed segment.
    pub sealed: watch::Receiver<u64>,
}

/// What the mutex guards.
pub(crate) struct End {
    pub live: Live,
    /// The segment after the live one, made ahead.
    pub spare: Option<Spare>,
    /// A segment of which nothing is used while there is room for others.
    pub reserve: Option<Spare>,
    /// Why there is no room for another segment, while there is none.
    pub full: Option<Arc<str>>,
    /// The sequence number below which somebody waits for the disk.
    pub wanted: u64,
    /// Whether a segment has got its name since names were last synced.
    pub is_named: bool,
    /// Segments that take no more records and are not sealed yet, oldest first.
    pub retired: Vec<Live>,
    /// Who waits for the live segment to be sealed.
    pub seals: Vec<Reply<u64>>,
    /// Whether no more records are taken.
    pub is_closed: bool,
    /// Who waits for the end.
    pub closing: Option<Reply<()>>,
    /// Whether the flusher looks here again without being told: then nobody has to ring.
    pub is_attended: bool,
}

impl Tail {
    /// Starts a segment at `next`. The second is what the flusher announces sealed segments with.
    pub(crate) fn start(
        disk: Box<dyn Disk>,
        directory: &Path,
        settings: Settings,
        next: u64,
    ) -> Result<(Self, watch::Sender<u64>), JournalError> {
        let capacity = settings.segment_bytes.max(HEADER_BYTES as u64);
        let live = Spare::create(&*disk, directory, capacity)?.begin(&*disk, directory, next)?;
        let reserve = Spare::create(&*disk, directory, reserve_bytes(&settings))?;
        disk.sync_names(directory)
            .map_err(JournalError::io("sync", directory))?;
        let (announce, sealed) = watch::channel(next);
        let tail = Self {
            directory: directory.into(),
            settings,
            fate: Fate::new(directory),
            disk,
            end: Mutex::new(End {
                live,
                spare: None,
                reserve: Some(reserve),
                full: None,
                wanted: 0,
                is_named: false,
                retired: Vec::new(),
                seals: Vec::new(),
                is_closed: false,
                closing: None,
                is_attended: false,
            }),
            bell: Condvar::new(),
            synced: watch::Sender::new(next),
            sealed,
        };
        Ok((tail, announce))
    }

    /// Hands one record to the kernel and returns its sequence number.
    pub(crate) fn append(&self, payload: &[u8], part: Part) -> Result<u64, JournalError> {
        let mut end = self.lock();
        if end.is_closed {
            return Err(JournalError::Closed);
        }
        self.fate.check()?;
        let appended = self
            .make_way(&mut end, payload.len(), part)
            .and_then(|()| end.live.append(payload));
        let is_attended = mem::replace(&mut end.is_attended, true);
        drop(end);
        if !is_attended {
            self.bell.notify_one();
        }
        appended.map_err(|error| match error.passes() {
            true => error,
            false => self.fail(&error),
        })
    }

    /// Sees to it that the live segment has room for a record of this size.
    fn make_way(&self, end: &mut End, payload: usize, part: Part) -> Result<(), JournalError> {
        if part == Part::Opening
            && let Some(cause) = &end.full
        {
            return Err(self.full(cause));
        }
        if end.live.fits(payload) {
            return Ok(());
        }
        let bytes = end.retired.iter().map(|full| full.end).sum();
        if bytes >= self.settings.backlog_bytes {
            return Err(JournalError::Behind {
                directory: self.directory.to_path_buf(),
                bytes,
            });
        }
        match self.rotate(end, payload) {
            Err(error) if error.says_full() => self.turn_to_reserve(end, &error, payload, part),
            rotated => rotated,
        }
    }

    /// There is no room for another segment: from here on only what tells how something ended is taken.
    fn turn_to_reserve(
        &self,
        end: &mut End,
        error: &JournalError,
        payload: usize,
        part: Part,
    ) -> Result<(), JournalError> {
        let cause = end.full.get_or_insert_with(|| {
            tracing::error!(%error, "the journal's disk is full: requests are not recorded until there is room");
            error.to_string().into()
        });
        let cause = Arc::clone(cause);
        if let Some(reserve) = end.reserve.take() {
            self.begin(end, reserve)?;
        }
        match part == Part::Closing && end.live.fits(payload) {
            true => Ok(()),
            false => Err(self.full(&cause)),
        }
    }

    /// What is said while there is no room.
    pub(crate) fn full(&self, cause: &Arc<str>) -> JournalError {
        JournalError::Full {
            directory: self.directory.to_path_buf(),
            cause: Arc::clone(cause),
        }
    }

    /// Puts another segment in the live one's place, with room for a record of this size. Nothing waits for the disk
    /// here, unless the flusher has made no spare segment yet, or none that is large enough.
    pub(crate) fn rotate(&self, end: &mut End, payload: usize) -> Result<(), JournalError> {
        let needed = HEADER_BYTES as u64 + frame_bytes(payload);
        let spare = match end.spare.take_if(|spare| spare.fits(needed)) {
            Some(spare) => spare,
            None => self.make_spare(needed)?,
        };
        self.begin(end, spare)
    }

    fn begin(&self, end: &mut End, spare: Spare) -> Result<(), JournalError> {
        let live = spare.begin(&*self.disk, &self.directory, end.live.next)?;
        let full = mem::replace(&mut end.live, live);
        end.is_named = true;
        // An empty one has just lost its name to its successor.
        if !full.is_empty() {
            end.retired.push(full);
        }
        Ok(())
    }

    /// Makes a segment for later, with room for at least this many bytes.
    pub(crate) fn make_spare(&self, needed: u64) -> Result<Spare, JournalError> {
        let capacity = self.settings.segment_bytes.max(needed);
        Spare::create(&*self.disk, &self.directory, capacity)
    }

    /// Makes the segment that is kept for a full disk.
    pub(crate) fn make_reserve(&self) -> Result<Spare, JournalError> {
        Spare::create(&*self.disk, &self.directory, reserve_bytes(&self.settings))
    }

    /// Asks for the live segment to be sealed.
    pub(crate) fn seal(&self, reply: Reply<u64>) {
        let mut end = self.lock();
        if end.is_closed {
            let _ = reply.send(Err(JournalError::Closed));
            return;
        }
        end.seals.push(reply);
        drop(end);
        self.bell.notify_one();
    }

    /// Takes no more records, and lets the flusher end.
    pub(crate) fn close(&self, reply: Option<Reply<()>>) {
        let mut end = self.lock();
        if end.is_closed {
            if let Some(reply) = reply {
                let _ = reply.send(Err(JournalError::Closed));
            }
            return;
        }
        end.is_closed = true;
        end.closing = reply;
        drop(end);
        self.bell.notify_one();
    }

    /// Waits until a record is on the disk.
    pub(crate) async fn on_disk(&self, sequence: u64) -> Result<(), JournalError> {
        let mut synced = self.synced.subscribe();
        if *synced.borrow() <= sequence {
            let mut end = self.lock();
            end.wanted = end.wanted.max(sequence + 1);
            drop(end);
            self.bell.notify_one();
        }
        let is_settled = |below: &u64| *below > sequence || self.fate.check().is_err();
        let below = synced.wait_for(is_settled).await;
        match below.is_ok_and(|below| *below > sequence) {
            true => Ok(()),
            false => self.fate.check().and(Err(JournalError::Closed)),
        }
    }

    /// Fails from now on, and tells who waits.
    pub(crate) fn fail(&self, error: &JournalError) -> JournalError {
        let error = self.fate.fail(error);
        self.synced.send_modify(|_| ());
        error
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, End> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn reserve_bytes(settings: &Settings) -> u64 {
    settings
        .segment_bytes
        .clamp(HEADER_BYTES as u64, RESERVE_BYTES)
}
