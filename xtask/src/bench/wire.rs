//! The least of a PostgreSQL client: logs in where nobody asks for a password, and counts what comes back.
//!
//! Made for crowds and for bulk, where a real client would be measured instead of what is before it.
//! <https://www.postgresql.org/docs/current/protocol.html>

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use anyhow::{Result, bail};

use super::stand::DATABASE;

/// Longest time without a byte.
const PATIENCE: Duration = Duration::from_secs(60);
/// Protocol version 3.0.
const VERSION: u32 = 196_608;

/// One session.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Logs in at this port of 127.0.0.1. `room`: bytes that are read at once.
    pub fn login(port: u16, user: &str, room: usize) -> Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let words = format!("user\0{user}\0database\0{DATABASE}\0\0");
        let mut start = u32::try_from(words.len() + 8)?.to_be_bytes().to_vec();
        start.extend(VERSION.to_be_bytes());
        start.extend(words.as_bytes());
        let mut client = Self {
            stream: BufReader::with_capacity(room, stream),
        };
        client.stream.get_mut().write_all(&start)?;
        client.until_ready()?;
        Ok(client)
    }

    /// Sends one Query message, and gives the number of bytes until the server is ready again.
    pub fn query(&mut self, text: &str) -> Result<u64> {
        let mut message = vec![b'Q'];
        message.extend(u32::try_from(text.len() + 5)?.to_be_bytes());
        message.extend(text.as_bytes());
        message.push(0);
        self.stream.get_mut().write_all(&message)?;
        self.until_ready()
    }

    fn until_ready(&mut self) -> Result<u64> {
        let mut bytes = 0;
        loop {
            let mut header = [0; 5];
            self.stream.read_exact(&mut header)?;
            let [tag, length @ ..] = header;
            let body = u64::from(u32::from_be_bytes(length).saturating_sub(4));
            bytes += body + 5;
            match tag {
                b'E' => bail!("the server says {}", self.words(body)?),
                b'Z' => {
                    self.skip(body)?;
                    return Ok(bytes);
                }
                _ => self.skip(body)?,
            }
        }
    }

    fn skip(&mut self, body: u64) -> Result<()> {
        let mut left = body;
        while left > 0 {
            let have = self.stream.fill_buf()?.len() as u64;
            if have == 0 {
                bail!("the server hung up");
            }
            let step = have.min(left);
            self.stream.consume(usize::try_from(step)?);
            left -= step;
        }
        Ok(())
    }

    fn words(&mut self, body: u64) -> Result<String> {
        let mut text = Vec::new();
        (&mut self.stream).take(body).read_to_end(&mut text)?;
        Ok(String::from_utf8_lossy(&text).replace('\0', " "))
    }
}
