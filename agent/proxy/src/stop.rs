//! How urgently sessions are to end, and how they learn it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::watch;

/// How urgently sessions are to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Not at all.
    No,
    /// Where nothing is under way.
    WhenQuiet,
    /// At once.
    Now,
}

/// The agent's wish as one session sees it. Waiting for a change costs something once per change, and not each time.
pub struct Wish {
    stop: watch::Receiver<Stop>,
    now: Stop,
    /// Wakes the session's task at the next change, once it was polled.
    change: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Wish {
    /// What is wished through this channel.
    pub fn new(stop: watch::Receiver<Stop>) -> Self {
        let now = *stop.borrow();
        Self {
            now,
            stop,
            change: None,
        }
    }

    /// What is wished now.
    pub fn now(&mut self) -> Stop {
        if self.has_changed() {
            self.now = *self.stop.borrow_and_update();
            self.change = None;
        }
        self.now
    }

    /// Ready when there is another wish than [`Wish::now`] said last. Always polled by the same task.
    pub fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.change.is_none() {
            let mut stop = self.stop.clone();
            let mut change: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async move {
                // When nobody can wish any more, nothing changes.
                let _ = stop.changed().await;
            });
            let changed = change.as_mut().poll(cx);
            self.change = Some(change);
            return changed;
        }
        match self.has_changed() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    fn has_changed(&self) -> bool {
        self.stop.has_changed().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test]
    async fn every_change_wakes_the_session() {
        let (agent, stop) = watch::channel(Stop::No);
        let mut wish = Wish::new(stop);
        assert_eq!(wish.now(), Stop::No);
        for next in [Stop::WhenQuiet, Stop::Now] {
            let waiting = tokio::spawn(async move {
                poll_fn(|cx| wish.poll_changed(cx)).await;
                wish
            });
            tokio::task::yield_now().await;
            agent.send_replace(next);
            wish = waiting.await.unwrap();
            assert_eq!(wish.now(), next);
        }
    }
}
