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
