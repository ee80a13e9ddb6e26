//! The threads that sessions run on: one per core, each with a runtime of its own.
//!
//! Knows nothing of what runs there. A session stays on the thread that it began on, so nothing that it does at each
//! message wakes another thread.

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// Blocking calls at the same time, per worker: looking at a new client's process. More of them wait for their turn.
const BLOCKING: usize = 8;
/// Time that blocking calls have to return when their thread ends.
const LAST_CALLS: Duration = Duration::from_secs(1);

/// The threads. Dropped, they end, with all that still runs on them.
pub struct Workers {
    /// Runs the accept loop too.
    first: Worker,
    others: Vec<Worker>,
}

/// One thread.
struct Worker {
    runtime: Handle,
    /// One clone per session.
    sessions: Arc<()>,
    /// Dropped to end the thread.
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A session's place on a thread, free again when dropped.
pub struct Place {
    /// What runs it.
    pub runtime: Handle,
    _counted: Arc<()>,
}

impl Workers {
    /// Starts as many threads as the agent may use cores.
    pub fn start() -> io::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Ok(Self {
            first: Worker::start(0)?,
            others: (1..cores).map(Worker::start).collect::<io::Result<_>>()?,
        })
    }

    /// The runtime that the door's sockets belong to.
    pub fn first(&self) -> &Handle {
        &self.first.runtime
    }

    /// A place on the thread that has the fewest sessions.
    pub(crate) fn place(&self) -> Place {
        let least = self.others.iter().fold(&self.first, |least, other| {
            match other.sessions() < least.sessions() {
                true => other,
                false => least,
            }
        });
        Place {
            runtime: least.runtime.clone(),
            _counted: least.sessions.clone(),
        }
    }
}

impl Worker {
    fn start(number: usize) -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING)
            .build()?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel();
        let thread = thread::Builder::new()
            .name(format!("session-{number}"))
            .spawn(move || {
                // An error is the other end being dropped, which is how it ends.
                let _ = runtime.block_on(ended);
                runtime.shutdown_timeout(LAST_CALLS);
            })?;
        Ok(Self {
            runtime: handle,
            sessions: Arc::new(()),
            end: Some(end),
            thread: Some(thread),
        })
    }

    fn sessions(&self) -> usize {
        Arc::strong_count(&self.sessions)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("a session's thread ended early");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_spread_evenly_and_places_are_used_again() {
        let workers = Workers {
            first: Worker::start(0).unwrap(),
            others: vec![Worker::start(1).unwrap(), Worker::start(2).unwrap()],
        };
        let mut places: Vec<Place> = (0..9).map(|_| workers.place()).collect();
        let spread = |workers: &Workers| {
            let others = workers.others.iter().map(|worker| worker.sessions() - 1);
            let mut counts: Vec<usize> = others.collect();
            counts.push(workers.first.sessions() - 1);
            counts
        };
        assert_eq!(spread(&workers), [3, 3, 3]);
        let freed = places.remove(0).runtime.id();
        assert_eq!(workers.place().runtime.id(), freed);
    }

    #[test]
    fn what_still_runs_ends_with_its_thread() {
        let workers = Workers::start().unwrap();
        let place = workers.place();
        let (kept, ended) = oneshot::channel::<()>();
        place.runtime.spawn(async move {
            std::future::pending::<()>().await;
            drop(kept);
        });
        drop(workers);
        assert!(ended.blocking_recv().is_err());
    }
}
