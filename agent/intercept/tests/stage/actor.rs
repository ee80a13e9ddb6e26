//! Another process that does what it is told, one line at a time: a client, or an agent that can be killed.
//!
//! ```text
//!  connect ADDRESS            peer PEER local LOCAL | error ERRNO
//!  reconnect ADDRESS ADDRESS  (one socket, both in turn) peer PEER | error ERRNO
//!  read                       read TEXT | error ERRNO
//!  bind ADDRESS               bound | error ERRNO
//!  hold ADDRESS               (listens until the actor ends) held | error ERRNO
//!  storm THREADS EACH PORT    storm GOOD of ALL
//!  agent CGROUP PORT INTERCEPTED PINS    ready | refused REASON
//! ```

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use intercept::{Effective, Fail, Interception};
use rustix::net::{AddressFamily, SocketType, connect, connect_unspec, getpeername, socket};

const ROLE: &str = "WEIR_TEST_ACTOR";
/// libtest writes to standard output too.
const MARK: &str = "actor: ";

pub struct Actor {
    process: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Actor {
    /// A process in this cgroup.
    pub fn within(cgroup: &Path) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "actor", "--nocapture", "--test-threads=1"])
            .env(ROLE, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        super::enter(cgroup, process.id());
        let orders = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        Self {
            process,
            orders,
            answers,
        }
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Tells it what to do, without waiting.
    pub fn order(&mut self, line: &str) {
        writeln!(self.orders, "{line}").unwrap();
    }

    /// What it answered to the order before.
    pub fn answer(&mut self) -> String {
        loop {
            let mut line = String::new();
            let read = self.answers.read_line(&mut line).unwrap();
            assert!(read > 0, "the actor is gone");
            // libtest begins its line with the test's name and does not end it.
            if let Some((_, answer)) = line.trim_end().split_once(MARK) {
                return answer.to_owned();
            }
        }
    }

    pub fn ask(&mut self, line: &str) -> String {
        self.order(line);
        self.answer()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Plays the role where this process was started for it; to be called by a test named `actor`.
pub fn perform() {
    if std::env::var_os(ROLE).is_none() {
        return;
    }
    let mut stream = None;
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let words: Vec<_> = line.split(' ').collect();
        let answer = obey(&words, &mut stream)
            .unwrap_or_else(|error| format!("error {}", error.raw_os_error().unwrap_or_default()));
        println!("{MARK}{answer}");
    }
}

fn obey(words: &[&str], stream: &mut Option<TcpStream>) -> std::io::Result<String> {
    match *words {
        ["connect", address] => {
            let connected = TcpStream::connect(address.parse::<SocketAddr>().unwrap())?;
            let (peer, local) = (connected.peer_addr()?, connected.local_addr()?);
            *stream = Some(connected);
            Ok(format!("peer {peer} local {local}"))
        }
        ["reconnect", first, second] => reconnect(first, second),
        ["read"] => {
            let mut text = String::new();
            stream.take().unwrap().read_to_string(&mut text)?;
            Ok(format!("read {text}"))
        }
        ["bind", address] => TcpListener::bind(address).map(|_| "bound".to_owned()),
        ["hold", address] => {
            std::mem::forget(TcpListener::bind(address)?);
            Ok("held".to_owned())
        }
        ["storm", threads, each, port] => Ok(storm(
            threads.parse().unwrap(),
            each.parse().unwrap(),
            port.parse().unwrap(),
        )),
        ["agent", cgroup, port, intercepted, pins] => Ok(agent(Effective {
            cgroup: cgroup.into(),
            ports: [intercepted.parse().unwrap()].into(),
            port: port.parse().unwrap(),
            fail: Fail::Closed,
            pins: pins.into(),
            allow_root: false,
        })),
        _ => panic!("unknown order {words:?}"),
    }
}

/// connect, disconnect (AF_UNSPEC), connect elsewhere.
fn reconnect(first: &str, second: &str) -> std::io::Result<String> {
    let one = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    connect(&one, &first.parse::<SocketAddr>().unwrap())?;
    connect_unspec(&one)?;
    connect(&one, &second.parse::<SocketAddr>().unwrap())?;
    let peer = getpeername(&one)?.map(SocketAddr::try_from);
    Ok(format!("peer {}", peer.unwrap().unwrap()))
}

/// Each connection goes to an address of its own, and is good if the agent answers with that address and with the
/// id of this process.
fn storm(threads: u32, each: u32, port: u16) -> String {
    let storming: Vec<_> = (0..threads)
        .map(|thread| {
            std::thread::spawn(move || {
                (0..each)
                    .filter(|round| is_good(thread * each + round, port))
                    .count()
            })
        })
        .collect();
    let good: usize = storming
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .sum();
    format!("storm {good} of {}", threads * each)
}

fn is_good(number: u32, port: u16) -> bool {
    let [_, a, b, c] = number.to_be_bytes();
    // Documentation and benchmark networks: nothing answers there, so a connection that escapes cannot be good.
    let wanted: IpAddr = match number % 3 {
        0 => [198, 18 + a, b, c].into(),
        1 => [0x2001, 0xdb8, 0, 0, 0, 0, 0, (number & 0xffff) as u16].into(),
        _ => std::net::Ipv4Addr::new(198, 18 + a, b, c)
            .to_ipv6_mapped()
            .into(),
    };
    let wanted = SocketAddr::new(wanted, port);
    let mut told = String::new();
    let asked = TcpStream::connect(wanted).and_then(|mut stream| {
        let seen = stream.peer_addr()?;
        stream.read_to_string(&mut told)?;
        Ok(seen)
    });
    let expected = SocketAddr::new(wanted.ip().to_canonical(), port);
    let good = asked.as_ref().is_ok_and(|seen| *seen == wanted)
        && told == format!("{expected} {}", std::process::id());
    if !good {
        eprintln!("{wanted}: {asked:?}, {told:?}");
    }
    good
}

/// Serves until it is killed, from a thread of its own.
fn agent(effective: Effective) -> String {
    let (ready, readiness) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = super::super::runtime();
        runtime.block_on(async {
            match Interception::start(&effective) {
                Ok(interception) => {
                    ready.send("ready".to_owned()).unwrap();
                    super::super::serve(&interception).await;
                }
                Err(error) => ready.send(format!("refused {error}")).unwrap(),
            }
        });
    });
    readiness.recv().unwrap()
}
