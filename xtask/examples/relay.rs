//! The least that any user-space proxy does: bytes from one socket to the other, by one thread.
//!
//! Knows no protocol, with one exception for measuring crowds: sessions of the user named by `--idle` are not
//! relayed but let in and left waiting, so that thousands of them need no server.
//!
//! ```text
//! relay PORT UPSTREAM_PORT [--idle USER]      both on 127.0.0.1; says "ready" when it listens
//! ```

use std::io::Result;
use std::net::Ipv4Addr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// AuthenticationOk, a ParameterStatus, BackendKeyData and ReadyForQuery: poolers rely on each of them.
const WELCOME: &[u8] = b"R\0\0\0\x08\0\0\0\0\
    S\0\0\0\x18server_version\x0015.0\0\
    K\0\0\0\x0c\0\0\0\x01\0\0\0\x01\
    Z\0\0\0\x05I";
const SSL_REQUEST: [u8; 8] = *b"\0\0\0\x08\x04\xd2\x16\x2f";

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (port, upstream, idle) = match words.as_slice() {
        [port, upstream] => (port, upstream, None),
        [port, upstream, flag, user] if flag == "--idle" => (port, upstream, Some(user)),
        _ => {
            return Err(std::io::Error::other(
                "usage: relay PORT UPSTREAM_PORT [--idle USER]",
            ));
        }
    };
    let number = |word: &String| word.parse().map_err(std::io::Error::other);
    let idle = idle.map(|user| Arc::from(format!("user\0{user}\0").as_bytes()));
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?
        .block_on(serve(number(port)?, number(upstream)?, idle))
}

async fn serve(port: u16, upstream: u16, idle: Option<Arc<[u8]>>) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    println!("ready");
    loop {
        let (client, _) = listener.accept().await?;
        let idle = idle.clone();
        tokio::spawn(async move {
            let ended = match idle {
                Some(mark) => sort(client, upstream, &mark).await,
                None => relay(client, upstream).await,
            };
            if let Err(error) = ended {
                eprintln!("a session broke: {error}");
            }
        });
    }
}

async fn relay(mut client: TcpStream, upstream: u16) -> Result<()> {
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, upstream)).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

/// Lets the session wait where its startup packet has the mark, and relays it otherwise.
async fn sort(mut client: TcpStream, upstream: u16, mark: &[u8]) -> Result<()> {
    let mut start = peek(&client).await?;
    if start == SSL_REQUEST {
        client.read_exact(&mut start).await?;
        client.write_all(b"N").await?;
        start = peek(&client).await?;
    }
    if !start.windows(mark.len()).any(|part| part == mark) {
        return relay(client, upstream).await;
    }
    drop(start);
    let length = client.read_u32().await?.saturating_sub(4);
    tokio::io::copy(
        &mut (&mut client).take(length.into()),
        &mut tokio::io::sink(),
    )
    .await?;
    client.write_all(WELCOME).await?;
    // Whatever it says from now on is not answered.
    tokio::io::copy(&mut client, &mut tokio::io::sink()).await?;
    Ok(())
}

/// What has come and is still to be read: a startup packet is sent in one piece.
async fn peek(client: &TcpStream) -> Result<Vec<u8>> {
    let mut start = vec![0; 1024];
    let length = client.peek(&mut start).await?;
    start.truncate(length);
    Ok(start)
}
