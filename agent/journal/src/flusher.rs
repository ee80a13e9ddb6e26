//! The thread that syncs in the background, so that under `process` durability nobody waits for the disk.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::JournalError;
use crate::disk::SegmentFile;
use crate::error::Fate;

/// How long writes are gathered before a sync: with a sync of up to 10 ms, a record is on disk within 20.
const GATHER: Duration = Duration::from_millis(10);

/// Syncs what it is told about, soon.
pub(crate) struct Flusher {
    bell: Arc<Bell>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Bell {
    state: Mutex<State>,
    rung: Condvar,
}

#[derive(Default)]
struct State {
    dirty: Option<Dirty>,
    stopping: bool,
}

/// A segment that has grown since its last sync.
struct Dirty {
    path: Arc<Path>,
    file: Arc<dyn SegmentFile>,
}

impl Flusher {
    pub(crate) fn start(fate: Fate) -> std::io::Result<Self> {
        let bell = Arc::new(Bell::default());
        let heard = Arc::clone(&bell);
        let thread = thread::Builder::new()
            .name("journal-flusher".into())
            .spawn(move || heard.serve(&fate))?;
        Ok(Self {
            bell,
            thread: Some(thread),
        })
    }

    /// This segment has grown. One that was marked before must have been synced by its writer.
    pub(crate) fn mark(&self, path: &Arc<Path>, file: &Arc<dyn SegmentFile>) {
        self.bell.lock().dirty = Some(Dirty {
            path: Arc::clone(path),
            file: Arc::clone(file),
        });
        self.bell.rung.notify_one();
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        self.bell.lock().stopping = true;
        self.bell.rung.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic there has nothing to tell that the sync on closing does not find out again.
            let _ = thread.join();
        }
    }
}

impl Bell {
    fn serve(&self, fate: &Fate) {
        while let Some(Dirty { path, file }) = self.wait() {
            if let Err(error) = file.sync().map_err(JournalError::io("sync", &path)) {
                fate.fail(&error);
            }
        }
    }

    /// Waits for a segment that has grown, and a little longer for it to grow more. None: stop.
    fn wait(&self) -> Option<Dirty> {
        let quiet = |state: &mut State| state.dirty.is_none() && !state.stopping;
        let state = self
            .rung
            .wait_while(self.lock(), quiet)
            .unwrap_or_else(PoisonError::into_inner);
        let (mut state, _) = self
            .rung
            .wait_timeout_while(state, GATHER, |state| !state.stopping)
            .unwrap_or_else(PoisonError::into_inner);
        if state.stopping {
            return None;
        }
        state.dirty.take()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
