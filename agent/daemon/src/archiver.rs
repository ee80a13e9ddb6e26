//! Turns the journal into the archive, beside everything else, and signs the head of the host's log.
//!
//! Compressing a file never delays a statement: the work is done where the host has time.

use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use archive::{Archive, ArchiveError};
use proof::Note;
use thread_priority::unix::{
    NormalThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};
use tokio::sync::watch;

use crate::anchors::{Anchors, Head};
use crate::signing::Signing;

/// Sealed segments that may wait for the host to have time: 2 GiB, or half an hour of little traffic.
const PATIENT: usize = 32;
/// How long a record that is on the disk waits for a signature.
const SOON: Duration = Duration::from_secs(1);
/// How long a signature may be the newest where nothing happens.
const IDLE: Duration = Duration::from_secs(60);

/// What the thread works with.
pub struct Archiver {
    pub archive: Archive,
    pub journal: PathBuf,
    pub signing: Signing,
    /// Where heads go that are signed.
    pub anchors: Option<Anchors>,
}

/// Starts the thread. It ends after the journal is closed and everything that was sealed is archived.
pub fn start(
    archiver: Archiver,
    mut sealed: watch::Receiver<u64>,
) -> std::io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    let mut work = Work {
        archiver,
        signed: None,
    };
    thread::Builder::new()
        .name("archiver".into())
        .spawn(move || {
            let mut is_open = true;
            while is_open {
                work.step(is_open);
                let changed =
                    runtime.block_on(async { tokio::time::timeout(SOON, sealed.changed()).await });
                is_open = !matches!(changed, Ok(Err(_)));
            }
            // What was sealed between the last look and the close.
            work.step(is_open);
            if let Some(anchors) = work.archiver.anchors {
                anchors.finish();
            }
        })
}

struct Work {
    archiver: Archiver,
    /// The size of the newest signed head, and when it was signed.
    signed: Option<(u64, Instant)>,
}

impl Work {
    fn step(&mut self, is_open: bool) {
        // A head that is kept ends with a file, so that the archive alone has all that it covers.
        if self.absorb(is_open) || !is_open {
            self.sign(true, !is_open);
        }
        if is_open {
            self.follow();
            self.sign(false, false);
        }
    }

    /// Archives what is sealed, and says whether there was any. What fails stays in the journal, and is tried again.
    fn absorb(&mut self, is_open: bool) -> bool {
        let segments = match journal::sealed(&self.archiver.journal) {
            Ok(segments) => segments,
            Err(error) => {
                tracing::error!(%error, "the journal's segments cannot be listed");
                return false;
            }
        };
        let count = segments.len();
        for (waiting, segment) in (1..=count).rev().zip(segments) {
            let gives_way = is_open && waiting <= PATIENT;
            let absorbed = self.beside(gives_way, |archive| archive.absorb(&segment));
            match absorbed {
                Ok(absorbed) => {
                    tracing::info!(segment = %segment.display(), rows = absorbed.rows, "archived")
                }
                Err(error) => {
                    tracing::error!(segment = %segment.display(), %error, "a segment was not archived, and stays in the journal");
                    return false;
                }
            }
        }
        count > 0
    }

    /// Takes what the disk has of the live segment into the log.
    fn follow(&mut self) {
        let Some(live) = live(&self.archiver.journal) else {
            return;
        };
        // Sealed since: it is absorbed the next time.
        if let Err(error) = self.beside(true, |archive| archive.follow(&live))
            && live.exists()
        {
            tracing::error!(segment = %live.display(), %error, "the live segment was not read, so its records are not signed");
        }
    }

    fn sign(&mut self, keep: bool, is_last: bool) {
        let Archiver {
            archive,
            signing,
            anchors,
            ..
        } = &mut self.archiver;
        let size = archive.tree().size();
        let is_due = |(signed, at): (u64, Instant)| signed != size || at.elapsed() >= IDLE;
        // A head over nothing says nothing.
        if size == 0 || !keep && !self.signed.is_none_or(is_due) {
            return;
        }
        let signed = archive.sign(&signing.key, keep);
        self.signed = Some((size, Instant::now()));
        let handed = signed.and_then(|note| match anchors {
            Some(anchors) if is_last || anchors.are_due() => hand(anchors, archive, note),
            _ => Ok(()),
        });
        if let Err(error) = handed {
            tracing::error!(%error, "the head of the log was not signed");
        }
    }

    /// Works on a thread of its own, because a thread without privileges cannot take back that it gives way.
    fn beside<T: Send>(
        &mut self,
        gives_way: bool,
        work: impl FnOnce(&mut Archive) -> Result<T, archive::ArchiveError> + Send,
    ) -> anyhow::Result<T> {
        let archive = &mut self.archiver.archive;
        thread::scope(|scope| {
            let working = thread::Builder::new().name("archive".into());
            let working = working.spawn_scoped(scope, || {
                if gives_way {
                    give_way();
                }
                work(archive)
            })?;
            match working.join() {
                Ok(done) => Ok(done?),
                Err(_) => anyhow::bail!("its thread has panicked"),
            }
        })
    }
}

/// Hands a signed head over to who keeps it, with the proof that it goes on from what the witness has seen.
fn hand(anchors: &mut Anchors, archive: &Archive, note: Note) -> Result<(), ArchiveError> {
    let size = archive.tree().size();
    let from = anchors.witnessed().min(size);
    let path = archive.consistency(from)?;
    anchors.hand(Head {
        note,
        size,
        from,
        path,
    });
    Ok(())
}

/// The segment that records are added to.
fn live(journal: &Path) -> Option<PathBuf> {
    journal::segments(journal).ok()?.pop()
}

/// Lets everything else on this host go first: what is sealed is on the disk, and nobody waits for it to become Parquet.
/// Linux, see SCHED_IDLE in sched(7).
fn give_way() {
    let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    let least = thread_priority::ThreadPriority::Min;
    if let Err(error) = set_thread_priority_and_policy(thread_native_id(), least, idle) {
        tracing::warn!(?error, "archiving takes its share of the processors");
    }
}

#[cfg(test)]
mod tests {
    use thread_priority::unix::thread_schedule_policy;

    use super::*;

    #[test]
    fn only_the_thread_that_archives_gives_way() {
        let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
        let archiving = thread::spawn(|| {
            give_way();
            thread_schedule_policy().unwrap()
        });
        assert_eq!(archiving.join().unwrap(), idle);
        assert_ne!(thread_schedule_policy().unwrap(), idle);
    }
}
