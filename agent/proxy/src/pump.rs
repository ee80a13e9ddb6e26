//! The pump: two streams around one engine, polled by one task.
//!
//! ```text
//!   client ──read──> input ──┐            ┌──> to_server ──write──> server
//!                            ├── engine ──┤
//!   client <──write── to_client           └── input <──read── server
//! ```
//!
//! None of the four waits for another. What the engine made is written at once, without asking first whether the stream
//! takes it. A side is read only while there is room for what comes of it, so a client that does not read stops the
//! server, and the other way round. While a request is held the client is still read, a little, so that its hang-up is
//! seen.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use protocol::{Outbox, Progress, ProtocolError, Session, Side, Ticket};

use crate::error::SessionError;
use crate::pool;
use crate::stop::Wish;
use crate::wire::Connection;

/// Bytes that may wait to be written before the other side is no longer read.
const HIGH: usize = 256 << 10;

/// Time for the last words to reach a peer.
const GOODBYE: Duration = Duration::from_secs(2);

/// A future beside the streams.
pub type Waiting<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Both connections of a session and the engine between them.
pub struct Pump {
    pub engine: Box<dyn Session>,
    pub out: Outbox,
    pub client: Connection,
    /// None until the login was permitted.
    pub server: Option<Connection>,
}

/// What came of waiting.
pub enum Event<T> {
    /// Bytes moved, or the agent wishes something else.
    Moved,
    /// The future that was waited for beside the streams is done.
    Ready(T),
}

impl Pump {
    /// Lets the engine work on what is there of one side.
    pub fn advance(&mut self, side: Side) -> Result<Progress, ProtocolError> {
        let input = match (side, &mut self.server) {
            (Side::Client, _) => &mut self.client.input,
            (Side::Server, Some(server)) => &mut server.input,
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

    /// Writes what the streams take of it, and never waits. Buffers that are empty then are for others.
    pub async fn write(&mut self) -> Result<(), SessionError> {
        poll_fn(|cx| Poll::Ready(self.poll_write(cx))).await?;
        pool::give(&mut self.client.input);
        pool::give(&mut self.out.to_client);
        pool::give(&mut self.out.to_server);
        if let Some(server) = &mut self.server {
            pool::give(&mut server.input);
        }
        Ok(())
    }

    /// Waits until bytes move.
    pub async fn step(&mut self) -> Result<(), SessionError> {
        poll_fn(|cx| self.poll_step(cx)).await
    }

    /// Waits until bytes move, for `other` where there is one, or for another wish of the agent.
    pub async fn step_or<T>(
        &mut self,
        mut other: Option<&mut Waiting<T>>,
        wish: &mut Wish,
    ) -> Result<Event<T>, SessionError> {
        poll_fn(|cx| {
            if self.poll_step(cx)?.is_ready() || wish.poll_changed(cx).is_ready() {
                return Poll::Ready(Ok(Event::Moved));
            }
            match &mut other {
                Some(other) => other.as_mut().poll(cx).map(|ready| Ok(Event::Ready(ready))),
                None => Poll::Pending,
            }
        })
        .await
    }

    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SessionError>> {
        let written = self.poll_write(cx)?;
        let read = self.poll_read(cx)?;
        match written || read {
            true => Poll::Ready(Ok(())),
            false => Poll::Pending,
        }
    }

    /// Whether something was written.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<bool, SessionError> {
        let before = self.out.to_client.len() + self.out.to_server.len();
        if let Poll::Ready(Err(error)) = self.client.poll_drain(cx, &mut self.out.to_client) {
            return Err(SessionError::Client(error));
        }
        if let Some(server) = self.server.as_mut().filter(|server| !server.closed)
            && let Poll::Ready(Err(_)) = server.poll_drain(cx, &mut self.out.to_server)
        {
            // The server is gone, but may have said why: what it sent is still read.
            self.out.to_server.clear();
            server.closed = true;
        }
        Ok(before > self.out.to_client.len() + self.out.to_server.len())
    }

    /// Whether something was read, or a side has ended.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Result<bool, SessionError> {
        let server_has_room = self.out.to_client.len() < HIGH;
        let server = self.server.as_mut();
        let server = server
            .filter(|server| server_has_room && !server.ended)
            .map_or(Poll::Pending, |server| poll_server(server, cx));
        let client_has_room = self.out.to_server.len() < HIGH
            && (self.client.input.len() < HIGH || !self.engine.is_blocked());
        let client = match client_has_room && !self.client.ended {
            true => self.client.poll_fill(cx),
            false => Poll::Pending,
        };
        let moved = server.is_ready() || client.is_ready();
        if let Poll::Ready(read) = server {
            read.map_err(SessionError::Server)?;
            pool::take(&mut self.out.to_client);
        }
        if let Poll::Ready(read) = client {
            read.map_err(SessionError::Client)?;
            pool::take(&mut self.out.to_server);
        }
        Ok(moved)
    }

    /// Writes what is left, within bounds. The client may still be sending: what it sends is read and thrown away for a
    /// moment, because closing a socket with unread input would take the last words with it.
    pub async fn say_goodbye(&mut self) {
        let goodbye = async {
            if let Some(server) = self.server.as_mut().filter(|server| !server.closed) {
                server.finishing = true;
                // Where the server is gone, the client still gets its words.
                let _ = server.drain(&mut self.out.to_server).await;
            }
            self.client.finishing = true;
            if self.client.drain(&mut self.out.to_client).await.is_err() {
                return;
            }
            while !self.client.ended {
                self.client.input.clear();
                if self.client.fill().await.is_err() {
                    return;
                }
            }
        };
        // A peer that does not read its goodbye does not get it.
        let _ = tokio::time::timeout(GOODBYE, goodbye).await;
    }
}

/// A server that leaves with unread input resets the connection. That is its end like any other, and what it said before
/// stands without a word of ours.
fn poll_server(server: &mut Connection, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    match server.poll_fill(cx) {
        Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::ConnectionReset => {
            server.ended = true;
            Poll::Ready(Ok(()))
        }
        read => read,
    }
}
