//! A server that lets everybody in, answers nothing, and remembers every byte: it shows what the agent forwards.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// AuthenticationOk and ReadyForQuery.
const WELCOME: &[u8] = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";
/// Longest time that a session may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A listening stub. Stopped when dropped.
#[derive(Debug)]
pub struct Stub {
    address: SocketAddr,
    sessions: Receiver<Vec<u8>>,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Stub {
    /// Listens on a free port of 127.0.0.1.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let (sender, sessions) = mpsc::channel();
        let stopping = Arc::new(AtomicBool::new(false));
        let stop = stopping.clone();
        let thread = thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stop.load(Ordering::Acquire) {
                    return;
                }
                let sender = sender.clone();
                thread::spawn(move || serve(stream, &sender));
            }
        });
        Ok(Self {
            address,
            sessions,
            stopping,
            thread: Some(thread),
        })
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// What a session that has ended had said after its startup packet. Sessions come in the order of their ends.
    ///
    /// # Panics
    ///
    /// If none ends in time.
    pub fn session(&self) -> Vec<u8> {
        let session = self.sessions.recv_timeout(PATIENCE);
        session.expect("no session came to the server and ended")
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Release);
        // Wakes the thread, which then sees that it is over.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(mut stream: TcpStream, sender: &Sender<Vec<u8>>) {
    let mut said = Vec::new();
    // A session that is reset has said what it has said.
    let _ = listen(&mut stream, &mut said);
    let _ = sender.send(said);
}

fn listen(stream: &mut TcpStream, said: &mut Vec<u8>) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut startup = vec![0; (u32::from_be_bytes(length) as usize).saturating_sub(4)];
    stream.read_exact(&mut startup)?;
    stream.write_all(WELCOME)?;
    stream.read_to_end(said)?;
    Ok(())
}
