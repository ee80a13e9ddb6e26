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
//! seen. While a record has to be on the disk first, nothing is written to the client.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use journal::JournalError;
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
    /// What the client waits for before it reads anything more.
    pub awaited: Option<Waiting<Result<(), JournalError>>>,
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
        if self.poll_awaited(cx)?
            && let Poll::Ready(Err(error)) = self.client.poll_drain(cx, &mut self.out.to_client)
        {
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

    async fn wait_for_disk(&mut self) -> Result<(), SessionError> {
        poll_fn(|cx| match self.poll_awaited(cx) {
            Ok(true) => Poll::Ready(Ok(())),
            Ok(false) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        })
        .await
    }

    /// Whether the client may read. Where the disk failed it never will, and what was kept for it goes.
    fn poll_awaited(&mut self, cx: &mut Context<'_>) -> Result<bool, SessionError> {
        let Some(awaited) = &mut self.awaited else {
            return Ok(true);
        };
        match awaited.as_mut().poll(cx) {
            Poll::Pending => Ok(false),
            Poll::Ready(on_disk) => {
                self.awaited = None;
                on_disk.map(|()| true).map_err(|error| {
                    self.out.to_client.clear();
                    SessionError::Journal(error)
                })
            }
        }
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
            if self.wait_for_disk().await.is_err() {
                return;
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::io::AsyncReadExt as _;
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::oneshot;

    use super::*;

    /// A pump that has a reply for its client and waits for the disk, the client, and the disk.
    async fn waiting() -> (Pump, TcpStream, oneshot::Sender<Result<(), JournalError>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap());
        let client = client.await.unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        let (disk, synced) = oneshot::channel();
        let tls = postgres::Tls {
            offered: false,
            required: false,
        };
        let mut pump = Pump {
            engine: Box::new(postgres::Engine::new(postgres::Limits::default(), tls)),
            out: Outbox::default(),
            client: Connection::new(accepted),
            server: None,
            awaited: Some(Box::pin(async { synced.await.unwrap() })),
        };
        pump.out.to_client.extend_from_slice(b"reply");
        (pump, client, disk)
    }

    #[tokio::test]
    async fn a_reply_is_held_until_the_disk_has_its_record() {
        let (mut pump, mut client, disk) = waiting().await;
        pump.write().await.unwrap();
        let early = client.try_read(&mut [0; 16]).unwrap_err();
        assert_eq!(early.kind(), io::ErrorKind::WouldBlock);
        assert_eq!(&pump.out.to_client[..], b"reply");
        disk.send(Ok(())).unwrap();
        pump.write().await.unwrap();
        let mut read = [0; 5];
        client.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"reply");
    }

    #[tokio::test]
    async fn a_reply_whose_record_the_disk_has_not_is_never_sent() {
        let (mut pump, mut client, disk) = waiting().await;
        let failed = JournalError::Failed {
            directory: "/j".into(),
            cause: Arc::from("cannot sync"),
        };
        disk.send(Err(failed)).unwrap();
        let written = pump.write().await;
        assert!(matches!(written, Err(SessionError::Journal(_))));
        pump.say_goodbye().await;
        drop(pump);
        let mut read = Vec::new();
        client.read_to_end(&mut read).await.unwrap();
        assert_eq!(read, b"");
    }
}
