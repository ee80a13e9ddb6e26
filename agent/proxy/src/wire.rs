//! One side of a session: a socket, what was read from it, and whether it has ended.

use std::io;

use bytes::{BufMut as _, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// Bytes asked of the kernel at once.
const READ: usize = 16 << 10;

/// The reading half, with what was read and not consumed.
#[derive(Debug)]
pub struct Source {
    half: OwnedReadHalf,
    pub input: BytesMut,
    pub ended: bool,
}

/// The writing half.
#[derive(Debug)]
pub struct Sink {
    half: OwnedWriteHalf,
    /// Whether it takes no more: the peer is gone, or was told that nothing more comes.
    pub closed: bool,
}

/// Both halves of a socket.
pub fn split(stream: TcpStream) -> (Source, Sink) {
    let (read, write) = stream.into_split();
    let source = Source {
        half: read,
        input: BytesMut::new(),
        ended: false,
    };
    let sink = Sink {
        half: write,
        closed: false,
    };
    (source, sink)
}

impl Source {
    /// Reads once. Safe to cancel: nothing is lost.
    pub async fn fill(&mut self) -> io::Result<()> {
        self.input.reserve(READ);
        // A buffer that was handed back by the other side may have much more room than it should take.
        if self
            .half
            .read_buf(&mut (&mut self.input).limit(READ))
            .await?
            == 0
        {
            self.ended = true;
        }
        Ok(())
    }
}

impl Sink {
    /// Writes once. Safe to cancel: what was written is taken off the front of `out`.
    pub async fn drain(&mut self, out: &mut BytesMut) -> io::Result<()> {
        self.half.write_buf(out).await.map(drop)
    }

    /// Writes everything.
    pub async fn flush(&mut self, out: &mut BytesMut) -> io::Result<()> {
        while !out.is_empty() {
            self.drain(out).await?;
        }
        Ok(())
    }

    /// Tells the peer that nothing more comes.
    pub async fn finish(&mut self) {
        self.closed = true;
        // The peer may be gone already, and then knows.
        let _ = self.half.shutdown().await;
    }
}
