//! What is measured: the server itself, a yardstick, other proxies and the agent, each on a port of its own.
//!
//! While one is measured the others are stopped (SIGSTOP), so that no work that one puts off falls into the turn of
//! another.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use stage::{Agent, Folder, free_port};

use crate::host;

use super::Programs;
use super::agent::{self, Setup};
use super::stand::{DATABASE, SUPERUSER};

/// Longest time that a program needs to listen.
const PATIENCE: Duration = Duration::from_secs(20);
/// What a program says of itself, in its own directory.
const LOG: &str = "log";
/// PgBouncer refuses to be root.
const NOBODY: u32 = 65_534;
/// Policies, where their number is not what is measured.
pub const POLICIES: usize = 10;
/// The user whose sessions a [`Kind::Crowd`] keeps waiting.
pub const IDLE: &str = "idle";

/// What stands between client and server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    Direct,
    /// A relay that does the least: one thread, no look at what passes.
    Relay,
    /// The same, which lets sessions of the user [`IDLE`] wait instead of relaying them.
    Crowd,
    /// PgBouncer in session mode.
    PgBouncer,
    /// PgBouncer in session mode, with a new server connection for every client as all others here.
    PgBouncerAnew,
    /// HAProxy in TCP mode.
    HaProxy,
    /// The agent, with this number of policies.
    Weir(usize),
    /// The agent, which reaches the server by its unix socket.
    WeirUnix,
}

impl Kind {
    /// The columns of most tables.
    pub const ALL: [Self; 6] = [
        Self::Direct,
        Self::Relay,
        Self::PgBouncer,
        Self::HaProxy,
        Self::Weir(POLICIES),
        Self::WeirUnix,
    ];

    /// Its column's title.
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Relay | Self::Crowd => "L4 relay",
            Self::PgBouncer => "PgBouncer",
            Self::PgBouncerAnew => "PgBouncer, no reuse",
            Self::HaProxy => "HAProxy",
            Self::Weir(_) => "Weir",
            Self::WeirUnix => "Weir, unix upstream",
        }
    }
}

/// A running target. Ended, and its files removed, when dropped.
#[derive(Debug)]
pub struct Target {
    /// Which.
    pub kind: Kind,
    /// Where clients connect, on 127.0.0.1.
    pub port: u16,
    process: Option<Process>,
    folder: Folder,
}

#[derive(Debug)]
enum Process {
    Child(Child),
    Agent(Agent),
}

/// A server that targets are put before.
#[derive(Clone, Debug)]
pub struct Server {
    /// On 127.0.0.1.
    pub port: u16,
    /// Where there is one.
    pub socket: Option<PathBuf>,
}

impl Target {
    /// Starts it, and waits until it listens.
    pub fn start(kind: Kind, programs: &Programs, server: &Server) -> Result<Self> {
        let folder = Folder::new("weir-bench-target")?;
        let port = match kind {
            Kind::Direct => server.port,
            _ => free_port()?,
        };
        let process = launch(kind, programs, server, folder.path(), port)
            .with_context(|| format!("{} does not start", kind.name()))?;
        let target = Self {
            kind,
            port,
            process,
            folder,
        };
        target.wait_until_it_listens()?;
        Ok(target)
    }

    /// Its process id; none where nothing stands before the server.
    pub fn process(&self) -> Option<u32> {
        self.process.as_ref().and_then(|process| match process {
            Process::Child(child) => Some(child.id()),
            Process::Agent(agent) => agent.id(),
        })
    }

    /// Stopped, until it is measured.
    pub fn rest(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Running, for as long as this takes.
    pub fn alone<T>(&self, measure: impl FnOnce() -> Result<T>) -> Result<T> {
        self.signal(Signal::CONT)?;
        let measured = measure().with_context(|| self.last_words());
        self.rest()?;
        measured
    }

    /// Its name, with what it said last: why it could not be measured may stand there.
    pub fn last_words(&self) -> String {
        let said = fs::read_to_string(self.folder.path().join(LOG)).unwrap_or_default();
        let last = said.lines().last().unwrap_or("nothing");
        format!("{}, which said last: {last}", self.kind.name())
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        if let Some(process) = self.process() {
            let id = Pid::from_raw(i32::try_from(process)?).context("no process id")?;
            kill_process(id, signal)?;
        }
        Ok(())
    }

    fn wait_until_it_listens(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            if Instant::now() > deadline {
                bail!("it does not listen: {}", self.last_words());
            }
            std::thread::yield_now();
        }
        Ok(())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // What is stopped cannot end in order.
        let _ = self.signal(Signal::CONT);
        if let Some(Process::Child(child)) = &mut self.process {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Starts all of these before this server, and lets them rest.
pub fn line_up(kinds: &[Kind], programs: &Programs, server: &Server) -> Result<Vec<Target>> {
    let mut targets = Vec::new();
    for kind in kinds {
        let target = Target::start(*kind, programs, server)?;
        target.rest()?;
        targets.push(target);
    }
    Ok(targets)
}

fn launch(
    kind: Kind,
    programs: &Programs,
    server: &Server,
    directory: &Path,
    port: u16,
) -> Result<Option<Process>> {
    let relay = |more: &[&str]| {
        let mut relay = Command::new(&programs.relay);
        relay.args([port.to_string(), server.port.to_string()]);
        relay.args(more);
        relay
    };
    let weir = |policies, socket: Option<PathBuf>| {
        let setup = Setup {
            port,
            server: server.port,
            socket,
            policies,
        };
        agent::start(&programs.weir, directory, &setup)
    };
    let mut command = match kind {
        Kind::Direct => return Ok(None),
        Kind::Weir(policies) => return Ok(Some(Process::Agent(weir(policies, None)?))),
        Kind::WeirUnix => {
            let agent = weir(POLICIES, server.socket.clone())?;
            return Ok(Some(Process::Agent(agent)));
        }
        Kind::Relay => relay(&[]),
        Kind::Crowd => relay(&["--idle", IDLE]),
        Kind::PgBouncer => pgbouncer(directory, port, server.port, "")?,
        Kind::PgBouncerAnew => pgbouncer(directory, port, server.port, "server_lifetime = 0\n")?,
        Kind::HaProxy => haproxy(directory, port, server.port)?,
    };
    let log = fs::File::create(directory.join(LOG))?;
    let child = command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()?;
    Ok(Some(Process::Child(child)))
}

/// Its defaults, but for what would turn sessions away or write a log line for each.
fn pgbouncer(directory: &Path, port: u16, server: u16, more: &str) -> Result<Command> {
    let users = directory.join("users.txt");
    fs::write(&users, format!("\"{SUPERUSER}\" \"\"\n\"{IDLE}\" \"\"\n"))?;
    let config = directory.join("pgbouncer.ini");
    fs::write(
        &config,
        format!(
            "[databases]
{DATABASE} = host=127.0.0.1 port={server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {}
pool_mode = session
max_client_conn = 12000
default_pool_size = 1100
log_connections = 0
log_disconnections = 0
{more}",
            users.display()
        ),
    )?;
    let mut command = match host::is_root() {
        true => Command::new("setpriv"),
        false => Command::new("env"),
    };
    if host::is_root() {
        command.args([&format!("--reuid={NOBODY}"), &format!("--regid={NOBODY}")]);
        command.args(["--clear-groups", "--"]);
    }
    command.arg("pgbouncer").arg(config);
    Ok(command)
}

/// Its defaults, which are a thread per core, and as many sessions as the limit of open files allows.
fn haproxy(directory: &Path, port: u16, server: u16) -> Result<Command> {
    let config = directory.join("haproxy.cfg");
    fs::write(
        &config,
        format!(
            "defaults
  mode tcp
  timeout connect 10s
  timeout client 1h
  timeout server 1h
listen postgres
  bind 127.0.0.1:{port}
  server postgres 127.0.0.1:{server}
"
        ),
    )?;
    let mut command = Command::new("/usr/sbin/haproxy");
    command.arg("-db").arg("-f").arg(config);
    Ok(command)
}
