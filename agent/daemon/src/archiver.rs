//! Moves sealed segments into the archive, on a thread of its own: compressing a file never delays a statement.

use std::path::PathBuf;
use std::thread::{self, JoinHandle};

use archive::Archive;
use tokio::sync::watch;

/// Starts the thread. It ends after the journal is closed and everything that was sealed is archived.
pub fn start(
    mut archive: Archive,
    journal: PathBuf,
    mut sealed: watch::Receiver<u64>,
) -> std::io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    thread::Builder::new()
        .name("archive".into())
        .spawn(move || {
            give_way();
            loop {
                absorb(&mut archive, &journal);
                if runtime.block_on(sealed.changed()).is_err() {
                    break;
                }
            }
            // What was sealed between the last look and the close.
            absorb(&mut archive, &journal);
        })
}

/// Lets every session go first: what is sealed is on the disk, and nobody waits for it to become Parquet. On a host that
/// is busy for long, segments gather in the journal and are archived when it has time again. With Linux, a thread has
/// a priority of its own, see setpriority(2).
fn give_way() {
    const LAST: i32 = 19;
    if let Err(error) = rustix::process::setpriority_process(None, LAST) {
        tracing::warn!(%error, "the archive's thread runs as fast as sessions do");
    }
}

/// Archives what is sealed. What fails stays in the journal, and is tried again after the next segment.
fn absorb(archive: &mut Archive, journal: &std::path::Path) {
    let segments = match journal::sealed(journal) {
        Ok(segments) => segments,
        Err(error) => {
            tracing::error!(%error, "the journal's segments cannot be listed");
            return;
        }
    };
    for segment in segments {
        match archive.absorb(&segment) {
            Ok(absorbed) => {
                tracing::info!(segment = %segment.display(), rows = absorbed.rows, "archived")
            }
            Err(error) => {
                tracing::error!(segment = %segment.display(), %error, "a segment was not archived, and stays in the journal");
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_archive_s_own_thread_gives_way() {
        let priority = || rustix::process::getpriority_process(None).unwrap();
        let archive = thread::spawn(move || {
            give_way();
            priority()
        });
        assert_eq!(archive.join().unwrap(), 19);
        assert_eq!(priority(), 0);
    }
}
