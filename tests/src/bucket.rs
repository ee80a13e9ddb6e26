//! An S3 server with one bucket, and a way to it that can be cut.

use std::io::{self, Read, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use stage::{Lines, free_port};

use crate::drivers::python;

const PATIENCE: Duration = Duration::from_secs(60);

/// A running server, with the bucket `audit`. Stopped when dropped.
#[derive(Debug)]
pub struct Bucket {
    server: Child,
    address: SocketAddr,
    way: Way,
}

impl Bucket {
    /// Starts it. Its log goes to `bucket.log` in the folder.
    pub fn start(folder: &Path) -> anyhow::Result<Self> {
        let port = free_port()?;
        let (log, output) = Lines::open(&folder.join("bucket.log"))?;
        let server = python()
            .args([
                "-m",
                "moto.server",
                "-H",
                "127.0.0.1",
                "-p",
                &port.to_string(),
            ])
            .env("PYTHONUNBUFFERED", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output)
            .spawn()
            .context("cannot start moto")?;
        log.wait_for("Running on", PATIENCE)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let bucket = Self {
            way: Way::open(address)?,
            server,
            address,
        };
        make(address, "audit")?;
        Ok(bucket)
    }

    /// Where it is reached, over the way that can be cut.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.way.address)
    }

    /// Cuts the way once this many bytes more have gone to the server.
    pub fn cut_after(&self, bytes: u64) {
        self.way.state.left.store(bytes, Ordering::SeqCst);
    }

    /// Cuts nothing from now on.
    pub fn mend(&self) {
        self.way.state.left.store(u64::MAX, Ordering::SeqCst);
    }

    /// Puts an object there past everything, as its owner.
    pub fn put(&self, name: &str, content: &str) -> anyhow::Result<()> {
        let output = python()
            .args([
                "-c",
                PUT,
                &format!("http://{}", self.address),
                name,
                content,
            ])
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "{said}");
        Ok(())
    }
}

/// With the client that moto brings.
const PUT: &str = "
import sys, boto3
_, server, name, content = sys.argv
boto3.client(
    's3', endpoint_url=server, region_name='eu-central-1', aws_access_key_id='weir', aws_secret_access_key='secret'
).put_object(Bucket='audit', Key=name, Body=content.encode())
";

/// An empty bucket of this name.
fn make(server: SocketAddr, name: &str) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(server)?;
    write!(
        stream,
        "PUT /{name} HTTP/1.1\r\nHost: {server}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "no bucket: {answer}");
    Ok(())
}

impl Drop for Bucket {
    fn drop(&mut self) {
        self.way.state.is_over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.way.address);
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Passes connections on, as long as bytes may go.
#[derive(Debug)]
struct Way {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    server: SocketAddr,
    /// Bytes that may still go to the server.
    left: AtomicU64,
    is_over: AtomicBool,
}

impl Way {
    fn open(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            server,
            left: AtomicU64::new(u64::MAX),
            is_over: AtomicBool::new(false),
        });
        let passing = state.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if passing.is_over.load(Ordering::SeqCst) {
                    return;
                }
                let state = passing.clone();
                thread::spawn(move || state.pass(&client));
            }
        });
        Ok(Self { address, state })
    }
}

impl State {
    /// Whether so many bytes may go. Those behind the cut may not, whoever sends them.
    fn may_go(&self, bytes: usize) -> bool {
        let taken = self
            .left
            .try_update(Ordering::SeqCst, Ordering::SeqCst, |left| match left {
                u64::MAX => Some(left),
                left => left.checked_sub(bytes as u64),
            });
        if taken.is_err() {
            self.left.store(0, Ordering::SeqCst);
        }
        taken.is_ok()
    }

    /// Both directions, until one end is gone or the way is cut.
    fn pass(&self, client: &TcpStream) {
        let Ok(server) = TcpStream::connect(self.server) else {
            return;
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                let _ = io::copy(&mut &server, &mut &*client);
                let _ = client.shutdown(Shutdown::Both);
            });
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = (&mut &*client).read(&mut buffer) {
                if !self.may_go(length) || (&mut &server).write_all(&buffer[..length]).is_err() {
                    break;
                }
            }
            let _ = server.shutdown(Shutdown::Both);
            let _ = client.shutdown(Shutdown::Both);
        });
    }
}
