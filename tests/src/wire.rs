//! A client that speaks the wire by hand: what is sent and what comes back are bytes.
//!
//! Formats: <https://www.postgresql.org/docs/current/protocol-message-formats.html>.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::time::Duration;

use crate::door::Opener;

/// Longest time without an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection to the agent or to the server.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    _opener: Option<Opener>,
}

/// One message of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The first byte, as a letter: `T`, `D`, `E`, ...
    pub tag: char,
    /// What follows the length.
    pub body: Vec<u8>,
}

impl Frame {
    /// The fields of an ErrorResponse or NoticeResponse: their letters and values.
    pub fn fields(&self) -> Vec<(char, String)> {
        self.body
            .split(|&byte| byte == 0)
            .filter_map(|field| {
                let (&letter, value) = field.split_first()?;
                Some((letter.into(), String::from_utf8_lossy(value).into_owned()))
            })
            .collect()
    }

    /// One field of an ErrorResponse or NoticeResponse; empty where there is none.
    pub fn field(&self, letter: char) -> String {
        let found = self.fields().into_iter().find(|(name, _)| *name == letter);
        found.map(|(_, value)| value).unwrap_or_default()
    }

    /// Columns of a DataRow; none for NULL.
    pub fn columns(&self) -> Vec<Option<Vec<u8>>> {
        let mut rest = self.body.get(2..).unwrap_or_default();
        let mut columns = Vec::new();
        while let Some((length, value)) = rest.split_first_chunk::<4>() {
            rest = match usize::try_from(i32::from_be_bytes(*length)) {
                Ok(length) => {
                    let (value, rest) = value.split_at(length);
                    columns.push(Some(value.to_vec()));
                    rest
                }
                Err(_) => {
                    columns.push(None);
                    value
                }
            };
        }
        columns
    }
}

/// One message of a client: tag, length and body.
pub fn frame(tag: char, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag as u8];
    bytes.extend_from_slice(&u32::try_from(body.len() + 4).unwrap_or(0).to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// A StartupMessage of version 3.0 with these parameters.
pub fn startup(parameters: &[(&str, &str)]) -> Vec<u8> {
    startup_of(0, parameters)
}

/// The same of version 3.MINOR.
pub fn startup_of(minor: u16, parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut body = (3 << 16 | u32::from(minor)).to_be_bytes().to_vec();
    for (name, value) in parameters {
        for word in [name, value] {
            body.extend_from_slice(word.as_bytes());
            body.push(0);
        }
    }
    body.push(0);
    frame(' ', &body).split_off(1)
}

impl Wire {
    pub(crate) fn new(stream: TcpStream, opener: Option<Opener>) -> io::Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            _opener: opener,
        })
    }

    /// A connection to whatever listens on this port of 127.0.0.1, before its first byte.
    pub fn to(port: u16) -> io::Result<Self> {
        Self::new(TcpStream::connect((Ipv4Addr::LOCALHOST, port))?, None)
    }

    /// Logs in, and returns everything up to the first ReadyForQuery.
    pub fn log_in(&mut self, user: &str, database: &str) -> io::Result<Vec<Frame>> {
        self.send(&startup(&[("user", user), ("database", database)]))?;
        self.until_ready()
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends a Query, and returns everything up to ReadyForQuery.
    pub fn query(&mut self, sql: &str) -> io::Result<Vec<Frame>> {
        let mut text = sql.as_bytes().to_vec();
        text.push(0);
        self.send(&frame('Q', &text))?;
        self.until_ready()
    }

    /// One byte, as the answer to a request for encryption is.
    pub fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.stream.read_exact(&mut byte)?;
        Ok(byte[0])
    }

    /// The next message; an error of kind UnexpectedEof where the connection ended.
    pub fn read(&mut self) -> io::Result<Frame> {
        let mut header = [0; 5];
        self.stream.read_exact(&mut header)?;
        let [tag, length @ ..] = header;
        let length = u32::from_be_bytes(length) as usize;
        let mut body = vec![0; length.saturating_sub(4)];
        self.stream.read_exact(&mut body)?;
        let tag = tag.into();
        Ok(Frame { tag, body })
    }

    /// Everything up to ReadyForQuery, or up to the end of the connection.
    pub fn until_ready(&mut self) -> io::Result<Vec<Frame>> {
        let mut frames = Vec::new();
        loop {
            match self.read() {
                Ok(frame) => {
                    let is_ready = frame.tag == 'Z';
                    frames.push(frame);
                    if is_ready {
                        return Ok(frames);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(frames),
                Err(error) => return Err(error),
            }
        }
    }

    /// Everything up to the end of the connection, in order or by a reset: a server that closes with unread input resets.
    pub fn until_end(&mut self) -> io::Result<Vec<Frame>> {
        const ENDS: [io::ErrorKind; 2] =
            [io::ErrorKind::UnexpectedEof, io::ErrorKind::ConnectionReset];
        let mut frames = Vec::new();
        loop {
            match self.read() {
                Ok(frame) => frames.push(frame),
                Err(error) if ENDS.contains(&error.kind()) => return Ok(frames),
                Err(error) => return Err(error),
            }
        }
    }

    /// Says that nothing more comes, and goes on reading.
    pub fn finish(&mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    /// The socket itself.
    pub fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }
}
