//! The pump: four independent arms (read and write, per side) around one engine.
//!
//! ```text
//!   client ──read──> input ──┐            ┌──> to_server ──write──> server
//!                            ├── engine ──┤
//!   client <──write── to_client           └── input <──read── server
//! ```
//!
//! A side is read only while there is room for what comes of it, so a client that does not read stops the server, and
//! the other way round. While a request is held the client is still read, a little, so that its hang-up is seen.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use protocol::{Outbox, Progress, ProtocolError, Session, Side, Ticket};

use crate::error::SessionError;
use crate::wire::{Sink, Source};

/// Bytes that may wait to be written before the other side is no longer read.
const HIGH: usize = 256 << 10;

/// Both connections of a session and the engine between them.
pub struct Pump {
    pub engine: Box<dyn Session>,
    pub out: Outbox,
    pub from_client: Source,
    pub to_client: Sink,
    pub upstream: Option<(Source, Sink)>,
}

/// Time for the last words to reach a peer.
const GOODBYE: Duration = Duration::from_secs(2);

/// What an arm did.
pub enum Event<T> {
    /// Bytes moved.
    Moved,
    /// The future that was waited for beside the sockets is done.
    Ready(T),
}

impl Pump {
    /// Lets the engine work on what is there of one side.
    pub fn advance(&mut self, side: Side) -> Result<Progress, ProtocolError> {
        let input = match (side, &mut self.upstream) {
            (Side::Client, _) => &mut self.from_client.input,
            (Side::Server, Some((source, _))) => &mut source.input,
            (Side::Server, None) => return Ok(Progress::NeedMore),
        };
        self.engine.advance(side, input, &mut self.out)
    }

    /// Answers a question.
    pub fn resolve(
        &mut self,
        ticket: Ticket,
        verdict: model::Verdict,
    ) -> Result<(), ProtocolError> {
        self.engine.resolve(ticket, verdict, &mut self.out)
    }

    /// Moves bytes once, or waits for `other` where there is one.
    pub async fn step<T>(
        &mut self,
        other: Option<&mut Pin<Box<dyn Future<Output = T> + Send>>>,
    ) -> Result<Event<T>, SessionError> {
        let is_blocked = self.engine.is_blocked();
        let has_server = self.upstream.is_some();
        let client_room = !self.from_client.ended
            && self.out.to_server.len() < HIGH
            && (!is_blocked || self.from_client.input.len() < HIGH);
        let server_room = self
            .upstream
            .as_ref()
            .is_some_and(|(source, _)| !source.ended)
            && self.out.to_client.len() < HIGH;
        let Outbox {
            to_client,
            to_server,
        } = &mut self.out;
        let (source, mut sink) = match &mut self.upstream {
            Some((source, sink)) => (Some(source), Some(sink)),
            None => (None, None),
        };
        let writes_server =
            has_server && !to_server.is_empty() && sink.as_ref().is_some_and(|sink| !sink.closed);
        tokio::select! {
            result = self.to_client.drain(to_client), if !to_client.is_empty() => {
                result.map_err(SessionError::Client)?;
            }
            result = drain(sink.as_deref_mut(), to_server), if writes_server => {
                if result.is_err() {
                    // The server is gone, but may have said why: what it sent is still read.
                    to_server.clear();
                    if let Some(sink) = sink {
                        sink.closed = true;
                    }
                }
            }
            result = fill(source), if server_room => {
                result.map_err(SessionError::Server)?;
            }
            result = self.from_client.fill(), if client_room => {
                result.map_err(SessionError::Client)?;
            }
            ready = wait(other) => return Ok(Event::Ready(ready)),
        }
        Ok(Event::Moved)
    }

    /// Writes what is left, within bounds. After an error the client may still be sending: what it sends is read and
    /// thrown away for a moment, because closing a socket with unread input would take our last words with it.
    pub async fn say_goodbye(&mut self, after_error: bool) {
        let goodbye = async {
            if let Some((_, sink)) = &mut self.upstream
                && sink.flush(&mut self.out.to_server).await.is_ok()
            {
                sink.finish().await;
            }
            if self.to_client.flush(&mut self.out.to_client).await.is_err() {
                return;
            }
            self.to_client.finish().await;
            while after_error && !self.from_client.ended {
                self.from_client.input.clear();
                if self.from_client.fill().await.is_err() {
                    return;
                }
            }
        };
        // A peer that does not read its goodbye does not get it.
        let _ = tokio::time::timeout(GOODBYE, goodbye).await;
    }
}

async fn fill(source: Option<&mut Source>) -> io::Result<()> {
    match source {
        Some(source) => source.fill().await,
        None => std::future::pending().await,
    }
}

async fn drain(sink: Option<&mut Sink>, out: &mut bytes::BytesMut) -> io::Result<()> {
    match sink {
        Some(sink) => sink.drain(out).await,
        None => std::future::pending().await,
    }
}

async fn wait<T>(other: Option<&mut Pin<Box<dyn Future<Output = T> + Send>>>) -> T {
    match other {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
