//! Moves sealed segments into the archive, beside everything else: compressing a file never delays a statement.

use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use archive::Archive;
use thread_priority::unix::{
    NormalThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};
use tokio::sync::watch;

/// Sealed segments that may wait for the host to have time: 2 GiB, or half an hour of little traffic.
const PATIENT: usize = 32;

/// Starts the thread. It ends after the journal is closed and everything that was sealed is archived.
pub fn start(
    mut archive: Archive,
    journal: PathBuf,
    mut sealed: watch::Receiver<u64>,
) -> std::io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    thread::Builder::new()
        .name("archiver".into())
        .spawn(move || {
            let mut is_open = true;
            while is_open {
                absorb(&mut archive, &journal, is_open);
                is_open = runtime.block_on(sealed.changed()).is_ok();
            }
            // What was sealed between the last look and the close.
            absorb(&mut archive, &journal, is_open);
        })
}

/// Archives what is sealed. What fails stays in the journal, and is tried again after the next segment.
fn absorb(archive: &mut Archive, journal: &Path, is_open: bool) {
    let segments = match journal::sealed(journal) {
        Ok(segments) => segments,
        Err(error) => {
            tracing::error!(%error, "the journal's segments cannot be listed");
            return;
        }
    };
    let mut waiting = segments.len();
    for segment in segments {
        match absorb_one(archive, &segment, is_open && waiting <= PATIENT) {
            Ok(absorbed) => {
                tracing::info!(segment = %segment.display(), rows = absorbed.rows, "archived")
            }
            Err(error) => {
                tracing::error!(segment = %segment.display(), %error, "a segment was not archived, and stays in the journal");
                return;
            }
        }
        waiting -= 1;
    }
}

/// Archives one segment on a thread of its own, because a thread without privileges cannot take back that it gives way.
fn absorb_one(
    archive: &mut Archive,
    segment: &Path,
    gives_way: bool,
) -> anyhow::Result<archive::Absorbed> {
    thread::scope(|scope| {
        let absorbing = thread::Builder::new().name("archive".into());
        let absorbing = absorbing.spawn_scoped(scope, || {
            if gives_way {
                give_way();
            }
            archive.absorb(segment)
        })?;
        match absorbing.join() {
            Ok(absorbed) => Ok(absorbed?),
            Err(_) => anyhow::bail!("its thread has panicked"),
        }
    })
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
