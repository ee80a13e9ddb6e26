//! Stopping in order, and reloading: what signals mean.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What somebody wants of the agent.
pub enum Wish {
    /// SIGTERM, SIGINT: stop in order.
    Stop,
    /// SIGHUP: load the policies again.
    Reload,
}

/// The signals that the agent listens to.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    /// Listens from now on.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// The next wish.
    pub async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.terminate.recv() => Wish::Stop,
            _ = self.interrupt.recv() => Wish::Stop,
            _ = self.hang_up.recv() => Wish::Reload,
        }
    }
}
