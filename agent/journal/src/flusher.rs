//! The thread behind the journal: does everything that can wait, so that who appends waits for nothing.
//!
//! ```text
//!  wait ──> prepare: next window, next segment ──> rotate: old, asked for ──> sync, seal ──> tell ──> wait
//! ```
//!
//! Where somebody waits for the disk it syncs at once; what is appended while a sync runs goes with the next one, so batches
//! grow by themselves under load and nobody waits for a timer.

use std::fs::File;
use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
use std::{io, mem, thread};

use tokio::sync::watch;

use crate::JournalError;
use crate::disk::SegmentFile;
use crate::live::{Live, Spare};
use crate::tail::{End, Reply, Tail};

/// How long records are gathered before a sync: with a sync of up to 10 ms, a record is on disk within 20.
const GATHER: Duration = Duration::from_millis(10);

/// A sync that takes this long is told of.
const SLOW: Duration = Duration::from_secs(1);

/// How often it is tried whether a full disk has room again.
const RETRY: Duration = Duration::from_secs(1);

/// The thread's state.
pub(crate) struct Flusher {
    tail: Arc<Tail>,
    announce: watch::Sender<u64>,
    /// The sequence number below which it has synced.
    synced: u64,
    /// A segment, by its first record, and when it was seen to have one.
    age: Option<(u64, Instant)>,
    /// The segment, by its first record, that a successor was last made for ahead.
    prepared: Option<u64>,
    /// When it was last looked whether a full disk has room again.
    tried: Instant,
    /// Keeps other agents out for as long as this one writes.
    _lock: File,
}

/// What there is to do in one round.
struct Round {
    /// Whether the live segment is another one where it had to be.
    rotated: Result<(), JournalError>,
    /// Whether a segment has got its name.
    is_named: bool,
    retired: Vec<Live>,
    path: Arc<Path>,
    file: Arc<dyn SegmentFile>,
    /// Bytes of the live segment.
    end: u64,
    /// Sequence number of the live segment's first record.
    first: u64,
    /// Sequence number of the next record.
    next: u64,
    /// Who is told of the end.
    seals: Vec<Reply<u64>>,
    is_last: bool,
}

impl Flusher {
    pub(crate) fn start(
        tail: Arc<Tail>,
        announce: watch::Sender<u64>,
        lock: File,
    ) -> Result<(), JournalError> {
        let synced = *tail.synced.borrow();
        let flusher = Self {
            synced,
            tail,
            announce,
            age: None,
            prepared: None,
            tried: Instant::now(),
            _lock: lock,
        };
        thread::Builder::new()
            .name("journal".into())
            .spawn(move || flusher.serve())
            .map(drop)
            .map_err(JournalError::Thread)
    }

    fn serve(mut self) {
        let tail = Arc::clone(&self.tail);
        let _watchdog = Watchdog(&tail);
        while !self.round() {}
        let end = self.finish().map_err(|error| tail.fail(&error));
        // The lock is free before anybody is told.
        drop(self);
        let closing = tail.lock().closing.take();
        if let Some(reply) = closing {
            let _ = reply.send(end);
        }
    }

    /// Does everything that there is to do now. Whether it was the last time.
    fn round(&mut self) -> bool {
        self.wait();
        self.try_for_room();
        let prepared = self.prepare();
        let mut round = self.begin();
        let rotated = prepared.and(mem::replace(&mut round.rotated, Ok(())));
        let mut postponed = None;
        match rotated {
            Err(error) if error.passes() => postponed = Some(Arc::from(error.to_string())),
            rotated => self.fail_unless(rotated),
        }
        let synced = self.sync(&mut round);
        self.fail_unless(synced);
        for reply in round.seals {
            let sealed = match &postponed {
                Some(cause) => Err(self.tail.full(cause)),
                None => self.tail.fate.check().map(|()| round.first),
            };
            let _ = reply.send(sealed);
        }
        round.is_last
    }

    fn fail_unless(&self, done: Result<(), JournalError>) {
        if let Err(error) = done {
            self.tail.fail(&error);
        }
    }

    /// Waits for something to do, and then a little longer for more of it, unless somebody waits.
    fn wait(&self) {
        let mut end = self.tail.lock();
        while !self.is_due(&end) {
            end.is_attended = false;
            let bell = &self.tail.bell;
            end = match self.left(&end) {
                None => bell.wait(end).unwrap_or_else(PoisonError::into_inner),
                Some(left) => {
                    let woken = bell.wait_timeout(end, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        end.is_attended = true;
        let nobody_waits = |end: &mut End| !self.is_awaited(end);
        let bell = &self.tail.bell;
        drop(bell.wait_timeout_while(end, GATHER, nobody_waits));
    }

    fn is_due(&self, end: &End) -> bool {
        let grown = end.live.next > self.synced || !end.retired.is_empty();
        let is_to_try = end.full.is_some() && self.tried.elapsed() >= RETRY;
        self.is_awaited(end)
            || self.tail.fate.check().is_ok() && (grown || is_to_try || self.is_old(end))
    }

    /// Whether somebody waits, for the disk or for the end of a segment.
    fn is_awaited(&self, end: &End) -> bool {
        let is_wanted = end.wanted > self.synced && self.tail.fate.check().is_ok();
        end.is_closed || !end.seals.is_empty() || is_wanted
    }

    fn is_old(&self, end: &End) -> bool {
        self.age_left(end).is_some_and(|left| left.is_zero())
    }

    /// How long there is surely nothing to do, unless somebody rings.
    fn left(&self, end: &End) -> Option<Duration> {
        let retry = end.full.as_ref();
        let retry = retry.map(|_| RETRY.saturating_sub(self.tried.elapsed()));
        match (self.age_left(end), retry) {
            (Some(age), Some(retry)) => Some(age.min(retry)),
            (age, retry) => age.or(retry),
        }
    }

    /// How long the live segment may still live, if it holds records.
    fn age_left(&self, end: &End) -> Option<Duration> {
        let (first, since) = self.age?;
        let holds_records = first == end.live.first && self.tail.fate.check().is_ok();
        let age = self.tail.settings.segment_age;
        holds_records.then(|| age.saturating_sub(since.elapsed()))
    }

    /// Goes on after a full disk, once there is room for a segment and for a reserve.
    fn try_for_room(&mut self) {
        if self.tail.lock().full.is_none() || self.tried.elapsed() < RETRY {
            return;
        }
        self.tried = Instant::now();
        match (self.tail.make_spare(0), self.tail.make_reserve()) {
            (Ok(spare), Ok(reserve)) => {
                let mut end = self.tail.lock();
                end.spare = Some(spare);
                end.reserve = Some(reserve);
                end.full = None;
                tracing::info!("the journal's disk has room again, and requests are recorded");
            }
            (spare, reserve) => [spare, reserve]
                .into_iter()
                .flatten()
                .for_each(Spare::discard),
        }
    }

    /// Makes what appends will need soon: a window, and the segment after the live one.
    fn prepare(&mut self) -> Result<(), JournalError> {
        self.tail.fate.check()?;
        let end = self.tail.lock();
        let wanted = end.live.wants();
        let is_needed = self.must_rotate(&end);
        let is_ahead = end.live.is_half_full() && self.prepared != Some(end.live.first);
        let first = end.live.first;
        let has_spare = end.spare.is_some();
        drop(end);
        if let Some(wanted) = wanted {
            let made = wanted.make()?;
            self.tail.lock().live.take(made);
        }
        if !has_spare && (is_needed || is_ahead) {
            self.prepared = Some(first);
            match self.tail.make_spare(0) {
                Ok(spare) => self.tail.lock().spare = Some(spare),
                Err(error) if is_needed && !error.passes() => return Err(error),
                // There is room in the live segment still. It is tried again when it is full.
                Err(error) => tracing::error!(%error, "the journal's next segment cannot be made"),
            }
        }
        Ok(())
    }

    fn must_rotate(&self, end: &End) -> bool {
        !end.live.is_empty() && (self.is_old(end) || !end.seals.is_empty())
    }

    fn begin(&mut self) -> Round {
        let mut end = self.tail.lock();
        let rotated = match self.must_rotate(&end) && self.tail.fate.check().is_ok() {
            true => self.tail.rotate(&mut end, 0),
            false => Ok(()),
        };
        let live = &end.live;
        let is_new = self.age.is_none_or(|(first, _)| first != live.first);
        // Where the disk is full, an old segment lives on until that is tried again.
        if !live.is_empty() && (is_new || rotated.is_err()) {
            self.age = Some((live.first, Instant::now()));
        }
        Round {
            rotated,
            path: Arc::clone(&live.path),
            file: Arc::clone(&live.file),
            end: live.end,
            first: live.first,
            next: live.next,
            is_last: end.is_closed,
            is_named: mem::take(&mut end.is_named),
            retired: mem::take(&mut end.retired),
            seals: mem::take(&mut end.seals),
        }
    }

    /// Brings a round to the disk. In this order: a segment is never known to be on the disk, and never announced as
    /// sealed, before what comes before it.
    fn sync(&mut self, round: &mut Round) -> Result<(), JournalError> {
        self.tail.fate.check()?;
        for full in &mut round.retired {
            seal(full)?;
        }
        if round.is_named {
            let directory = &self.tail.directory;
            let synced = self.tail.disk.sync_names(directory);
            synced.map_err(JournalError::io("sync", directory))?;
        }
        if !round.retired.is_empty() {
            self.announce.send_replace(round.first);
        }
        if round.next > round.first {
            let since = Instant::now();
            sync(&*round.file, &round.path, round.end)?;
            tell_if_slow(since.elapsed());
        }
        self.synced = round.next;
        self.tail.synced.send_replace(round.next);
        Ok(())
    }

    /// Leaves nothing behind but what was recorded.
    fn finish(&self) -> Result<(), JournalError> {
        let mut end = self.tail.lock();
        let unused = [end.spare.take(), end.reserve.take()];
        unused.into_iter().flatten().for_each(Spare::discard);
        self.tail.fate.check()?;
        seal(&mut end.live)
    }
}

fn tell_if_slow(took: Duration) {
    if took >= SLOW {
        let seconds = took.as_secs_f32();
        tracing::warn!(
            seconds,
            "the journal's disk is slow: this is how long a sync took"
        );
    }
}

/// Ends a segment: its length is what it holds, and it says so.
fn seal(full: &mut Live) -> Result<(), JournalError> {
    full.unmap();
    sync(&*full.file, &full.path, full.end)?;
    let cut = full.file.cut(full.end);
    cut.map_err(JournalError::io("seal", &full.path))
}

/// Syncs, and only then notes that it did: the note must not get to the disk first.
fn sync(file: &dyn SegmentFile, path: &Path, length: u64) -> Result<(), JournalError> {
    let synced = file.sync(length).and_then(|()| file.note_synced(length));
    synced.map_err(JournalError::io("sync", path))
}

/// Fails the journal if the thread panics, and tells who waits: nobody would sync any more.
struct Watchdog<'a>(&'a Tail);

impl Drop for Watchdog<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let error = io::Error::other("it has panicked");
            self.0.fail(&JournalError::Thread(error));
            let mut end = self.0.lock();
            end.seals.clear();
            end.closing = None;
        }
    }
}
