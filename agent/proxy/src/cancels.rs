//! Cancel keys: the ones that clients were shown, and the server's own behind them.
//!
//! A client is never shown the server's key. What it is shown has the process id of the server's, which clients compare
//! with `pg_backend_pid()`, and a secret of the agent's own.
//!
//! A cancel means what was sent before it, wherever that is: while a request is judged it waits until the request has been
//! sent, and a request that waits for a person is withdrawn.
//!
//! INVARIANT: a key is known from before a client is shown it until its session ends, and means that session alone.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::{CancelKey, Ticket};
use rustix::rand::{GetRandomFlags, getrandom};
use tokio::sync::{Notify, watch};

/// The keys of live sessions. A cancel with any other key is not forwarded.
#[derive(Clone, Debug, Default)]
pub struct Cancels(Arc<Mutex<HashMap<Name, Live>>>);

/// A session, as a cancel sees it.
#[derive(Clone, Debug)]
struct Live {
    /// The server's key.
    key: CancelKey,
    asking: watch::Receiver<Asking>,
}

/// What a session has on its way through the gate.
#[derive(Clone, Debug)]
enum Asking {
    Nothing,
    /// This request is being judged.
    Judged(Ticket),
    /// This request waits for a person, unless the session is notified.
    Held(Ticket, Arc<Notify>),
}

impl Asking {
    fn ticket(&self) -> Option<Ticket> {
        match self {
            Self::Nothing => None,
            Self::Judged(ticket) | Self::Held(ticket, _) => Some(*ticket),
        }
    }
}

/// A key counts only for the server that it was shown for.
type Name = (SocketAddr, CancelKey);

/// Keeps one key known as long as it lives.
#[derive(Debug)]
pub struct Known {
    cancels: Cancels,
    name: Name,
    asking: watch::Sender<Asking>,
    /// What was told last.
    told: (Option<Ticket>, bool),
    withdrawn: Arc<Notify>,
}

impl Cancels {
    /// Makes a key to be shown in place of the server's, with a secret of `length` bytes, 256 at most.
    pub fn issue(&self, server: SocketAddr, key: CancelKey, length: usize) -> io::Result<Known> {
        loop {
            let shown = CancelKey {
                process: key.process,
                secret: random(length)?.into(),
            };
            let name = (server, shown);
            if let Entry::Vacant(place) = self.keys().entry(name.clone()) {
                let (sender, asking) = watch::channel(Asking::Nothing);
                place.insert(Live { key, asking });
                return Ok(Known {
                    cancels: self.clone(),
                    name,
                    asking: sender,
                    told: (None, false),
                    withdrawn: Arc::default(),
                });
            }
        }
    }

    /// The server's key of the session that was shown this one, as soon as what the session asks for now has been sent or
    /// refused. None: such a session does not live, or what it asked for is withdrawn.
    pub async fn find(&self, server: SocketAddr, shown: &CancelKey) -> Option<CancelKey> {
        let mut live = self.live(server, shown)?;
        let meant = live.asking.borrow().ticket();
        loop {
            let asking = live.asking.borrow_and_update().clone();
            match asking {
                _ if asking.ticket() != meant => return Some(live.key),
                Asking::Nothing => return Some(live.key),
                Asking::Judged(_) => live.asking.changed().await.ok()?,
                Asking::Held(_, withdrawn) => {
                    withdrawn.notify_one();
                    return None;
                }
            }
        }
    }

    fn live(&self, server: SocketAddr, shown: &CancelKey) -> Option<Live> {
        self.keys().get(&(server, shown.clone())).cloned()
    }

    fn keys(&self) -> MutexGuard<'_, HashMap<Name, Live>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// What the client is shown.
    pub fn shown(&self) -> &CancelKey {
        &self.name.1
    }

    /// Tells cancels which request is on its way through the gate, and whether it waits for a person.
    pub fn follow(&mut self, asking: Option<Ticket>, is_held: bool) {
        if self.told == (asking, is_held) {
            return;
        }
        self.told = (asking, is_held);
        self.asking.send_replace(match asking {
            None => Asking::Nothing,
            Some(ticket) if !is_held => Asking::Judged(ticket),
            Some(ticket) => {
                // What was notified before meant another request.
                self.withdrawn = Arc::default();
                Asking::Held(ticket, self.withdrawn.clone())
            }
        });
    }

    /// Ends when what waits for a person is cancelled.
    pub async fn withdrawn(&self) {
        self.withdrawn.notified().await;
    }
}

impl Drop for Known {
    fn drop(&mut self) {
        self.cancels.keys().remove(&self.name);
    }
}

/// Up to 256 bytes are never cut short, nor interrupted: getrandom(2).
fn random(length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    getrandom(bytes.as_mut_slice(), GetRandomFlags::empty())?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use bytes::Bytes;

    use super::*;

    const SERVER: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 5432);

    fn key(process: u32) -> CancelKey {
        CancelKey {
            process,
            secret: Bytes::from_static(b"own!"),
        }
    }

    #[tokio::test]
    async fn what_is_shown_leads_to_the_servers_key_until_the_session_ends() {
        let cancels = Cancels::default();
        let known = cancels.issue(SERVER, key(7), 32).unwrap();
        let shown = known.shown().clone();
        assert_eq!((shown.process, shown.secret.len()), (7, 32));
        assert_eq!(cancels.find(SERVER, &shown).await, Some(key(7)));
        assert_eq!(cancels.find(SERVER, &key(7)).await, None);
        drop(known);
        assert_eq!(cancels.find(SERVER, &shown).await, None);
        assert!(cancels.keys().is_empty());
    }

    #[tokio::test]
    async fn a_cancel_waits_for_the_request_that_is_judged_and_for_no_other() {
        let cancels = Cancels::default();
        let mut known = cancels.issue(SERVER, key(7), 4).unwrap();
        for next in [None, Some(Ticket(3))] {
            known.follow(Some(Ticket(2)), false);
            let shown = known.shown().clone();
            let finding = cancels.find(SERVER, &shown);
            tokio::pin!(finding);
            let waker = &mut Context::from_waker(Waker::noop());
            assert!(finding.as_mut().poll(waker).is_pending());
            known.follow(next, false);
            assert_eq!(finding.await, Some(key(7)));
        }
    }

    #[tokio::test]
    async fn a_cancel_withdraws_the_request_that_waits_for_a_person_and_no_later_one() {
        let cancels = Cancels::default();
        let mut known = cancels.issue(SERVER, key(7), 4).unwrap();
        known.follow(Some(Ticket(2)), true);
        assert_eq!(cancels.find(SERVER, known.shown()).await, None);
        known.withdrawn().await;
        assert_eq!(cancels.find(SERVER, known.shown()).await, None);
        known.follow(Some(Ticket(3)), true);
        let waker = &mut Context::from_waker(Waker::noop());
        assert!(pin!(known.withdrawn()).poll(waker).is_pending());
    }

    #[tokio::test]
    async fn a_key_counts_for_its_own_server_only() {
        let cancels = Cancels::default();
        let known = cancels.issue(SERVER, key(7), 4).unwrap();
        let other = SocketAddr::new(SERVER.ip(), 5433);
        assert_eq!(cancels.find(other, known.shown()).await, None);
    }

    #[test]
    fn sessions_of_one_process_id_have_different_keys() {
        let cancels = Cancels::default();
        // One byte of secret: they collide, and are made again.
        let known: Vec<_> = (0..100)
            .map(|_| cancels.issue(SERVER, key(7), 1).unwrap())
            .collect();
        let shown: HashSet<_> = known.iter().map(|known| known.shown().clone()).collect();
        assert_eq!(shown.len(), known.len());
    }
}
