//! Accepts connections and runs a session for each, up to a number of them, on the thread that has the fewest.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use identity::Resolver;
use intercept::{Accepted, Door};
use model::{SessionId, Target};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::session::{Session, Shared};
use crate::stop::Stop;
use crate::workers::Workers;

/// Time that sessions have to end once they are told to.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The servers that the configuration names, by address.
pub type Servers = HashMap<SocketAddr, Arc<str>>;

/// What the accept loop needs beside what sessions share.
pub struct Proxy {
    /// What sessions share.
    pub shared: Shared,
    /// From peers to subjects.
    pub resolver: Arc<Resolver>,
    /// Names of servers.
    pub servers: Servers,
    /// Addresses of servers that are only monitored.
    pub monitored: HashSet<SocketAddr>,
}

impl Proxy {
    /// Serves connections of this door until the agent wants to stop. Then sessions have until the deadline to come to
    /// a quiet point, and are ended after it.
    pub async fn serve(
        self,
        door: Door,
        workers: Arc<Workers>,
        stop: watch::Sender<Stop>,
        deadline: Duration,
    ) {
        let mut sessions = JoinSet::new();
        self.accept(&door, &workers, stop.subscribe(), &mut sessions)
            .await;
        drop(door);
        for patience in [deadline, LAST_WORDS] {
            let drained = async { while sessions.join_next().await.is_some() {} };
            if tokio::time::timeout(patience, drained).await.is_ok() {
                return;
            }
            tracing::warn!(
                sessions = sessions.len(),
                "sessions are under way at the deadline, and are ended"
            );
            stop.send_replace(Stop::Now);
        }
        sessions.shutdown().await;
    }

    async fn accept(
        &self,
        door: &Door,
        workers: &Workers,
        mut stop: watch::Receiver<Stop>,
        sessions: &mut JoinSet<()>,
    ) {
        let places = Arc::new(Semaphore::new(self.shared.settings.most));
        loop {
            tokio::select! {
                accepted = door.accept() => match places.clone().try_acquire_owned() {
                    Ok(counted) => {
                        let place = workers.place();
                        let session = self.open(accepted);
                        let runtime = place.runtime.clone();
                        let session = async move {
                            session.await;
                            drop((counted, place));
                        };
                        sessions.spawn_on(session, &runtime);
                    }
                    Err(_) => tracing::warn!(
                        peer = %accepted.peer.address,
                        most = self.shared.settings.most,
                        "a connection was closed because there are as many sessions as sessions.most allows"
                    ),
                },
                Some(_) = sessions.join_next() => {}
                _ = stop.wait_for(|stop| *stop != Stop::No) => return,
            }
        }
    }

    fn open(&self, accepted: Accepted) -> impl Future<Output = ()> + Send + use<> {
        let resolver = self.resolver.clone();
        let mut shared = self.shared.clone();
        let address = accepted.peer.destination;
        if self.monitored.contains(&address) {
            shared.gate = shared.gate.monitoring();
        }
        let server = self
            .servers
            .get(&address)
            .cloned()
            .unwrap_or_else(|| address.to_string().into());
        let target = Target { server, address };
        // The accept loop's runtime lets go of it, so that the session's can take it.
        let stream = accepted.stream.into_std();
        let peer = accepted.peer;
        async move {
            // Reads files of the kernel, which may take its time on a busy host.
            let resolved =
                tokio::task::spawn_blocking(move || resolver.subject(SessionId::now(), &peer));
            match (resolved.await, stream.and_then(TcpStream::from_std)) {
                (Ok(subject), Ok(stream)) => {
                    let session = Box::new(Session::new(shared, subject, target, stream));
                    session.run(address).await
                }
                (Err(error), _) => {
                    tracing::error!(%error, "a connection was closed because its subject could not be resolved")
                }
                (_, Err(error)) => {
                    tracing::error!(%error, "a connection was closed because it could not be watched")
                }
            }
        }
    }
}
