//! One side of a session: a stream, what was read from it, and whether it has ended.
//!
//! Knows no protocol and no engine. Every stream is polled by the one task of its session, so it is never split.

use std::future::{Future as _, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BufMut as _, BytesMut};
use intercept::Dialled;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use crate::pool;

/// Bytes asked of the kernel at once.
///
/// More than a peer sends at once as a rule: a read that does not fill the buffer tells that nothing is left, and saves
/// the one that would find nothing.
const READ: usize = pool::SIZE;

/// A stream of bytes in both directions that something else makes, such as a TLS session.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// How the bytes of one side travel.
pub enum Stream {
    /// As they are, over TCP.
    Tcp(TcpStream),
    /// As they are, to a server on this host.
    Unix(UnixStream),
    /// Encrypted. What is written is only sent once it is flushed.
    Tls(Box<dyn Duplex>),
}

/// One side's stream with what was read and not consumed.
pub struct Connection {
    pub stream: Stream,
    pub input: BytesMut,
    /// Whether the peer sends no more.
    pub ended: bool,
    /// Whether nothing follows what waits to be written: the peer is to be told so.
    pub finishing: bool,
    /// Whether it takes no more: the peer is gone, or was told that nothing more comes.
    pub closed: bool,
    /// Whether something was written and not flushed.
    unflushed: bool,
}

impl Stream {
    /// One that has ended, and that swallows what is written.
    pub fn gone() -> Self {
        Self::Tls(Box::new(tokio::io::empty()))
    }
}

impl Connection {
    /// Over a stream of which nothing was read.
    pub fn new(stream: impl Into<Stream>) -> Self {
        Self {
            stream: stream.into(),
            input: BytesMut::new(),
            ended: false,
            finishing: false,
            closed: false,
            unflushed: false,
        }
    }

    /// Reads once into `input`, which has a buffer only for as long as there is something in it.
    pub fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        pool::take(&mut self.input);
        self.input.reserve(READ);
        // A buffer that was handed back by the other side may have much more room than it should take.
        let mut room = (&mut self.input).limit(READ);
        // This future holds nothing between polls.
        let read = pin!(self.stream.read_buf(&mut room)).poll(cx);
        if read.is_pending() {
            pool::give(&mut self.input);
        }
        self.ended |= ready!(read)? == 0;
        Poll::Ready(Ok(()))
    }

    /// Writes as much of `out` as the stream takes, off its front, and its end. Ready once all of it is on its way.
    pub fn poll_drain(&mut self, cx: &mut Context<'_>, out: &mut BytesMut) -> Poll<io::Result<()>> {
        while !out.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, out))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            out.advance(written);
            self.unflushed = true;
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.unflushed = false;
        }
        if self.finishing && !self.closed {
            // The peer may be gone already, and then knows.
            let _ = ready!(Pin::new(&mut self.stream).poll_shutdown(cx));
            self.closed = true;
        }
        Poll::Ready(Ok(()))
    }

    /// Reads once.
    pub async fn fill(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_fill(cx)).await
    }

    /// Writes everything, and the end where nothing follows.
    pub async fn drain(&mut self, out: &mut BytesMut) -> io::Result<()> {
        poll_fn(|cx| self.poll_drain(cx, out)).await
    }
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Self {
        Self::Tcp(stream)
    }
}

impl From<Dialled> for Stream {
    fn from(dialled: Dialled) -> Self {
        match dialled {
            Dialled::Tcp(stream) => Self::Tcp(stream),
            Dialled::Unix(stream) => Self::Unix(stream),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, into),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, into),
            Self::Tls(stream) => match ready!(Pin::new(stream).poll_read(cx, into)) {
                // Few clients say goodbye in TLS's words (close_notify). Nothing can be cut off unseen for it: messages
                // have a length.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
                read => Poll::Ready(read),
            },
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, pieces),
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, pieces),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            Self::Unix(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{BufStream, duplex};

    use super::*;

    const CAPACITY: usize = 64;

    /// A connection over a stream that sends only what was flushed, and its peer.
    fn buffered() -> (Connection, tokio::io::DuplexStream) {
        let (near, far) = duplex(CAPACITY);
        let stream = Stream::Tls(Box::new(BufStream::new(near)));
        (Connection::new(stream), far)
    }

    #[tokio::test]
    async fn what_is_written_is_sent_at_once() {
        let (mut connection, mut far) = buffered();
        let mut out = BytesMut::from("hello".as_bytes());
        connection.drain(&mut out).await.unwrap();
        assert!(out.is_empty());
        let mut seen = [0; 5];
        far.read_exact(&mut seen).await.unwrap();
        assert_eq!(&seen, b"hello");
    }

    #[tokio::test]
    async fn the_end_comes_behind_what_waits() {
        let (mut connection, mut far) = buffered();
        let mut out = BytesMut::from([b'x'; 3 * CAPACITY].as_slice());
        connection.finishing = true;
        let mut seen = Vec::new();
        let (written, read) = tokio::join!(connection.drain(&mut out), far.read_to_end(&mut seen));
        written.unwrap();
        assert_eq!(read.unwrap(), 3 * CAPACITY);
        assert!(connection.closed);
    }

    #[tokio::test]
    async fn no_more_is_read_at_once_than_was_asked_for() {
        let (mut near, far) = duplex(4 * READ);
        let mut connection = Connection::new(Stream::Tls(Box::new(far)));
        connection.input.reserve(4 * READ);
        tokio::io::AsyncWriteExt::write_all(&mut near, &[b'x'; 2 * READ])
            .await
            .unwrap();
        connection.fill().await.unwrap();
        assert_eq!(connection.input.len(), READ);
    }
}
