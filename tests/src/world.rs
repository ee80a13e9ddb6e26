//! The world of one test: a database, policies, an agent, and perhaps cgroups.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use stage::{Agent, Cgroup, Folder, Postgres, command_in, free_port, is_root};
use tokio_postgres::{Client, Config, Connection, NoTls, tls::NoTlsStream};

use crate::binary::weir;
use crate::door;
use crate::drivers::newest_server;
use crate::wire::Wire;

/// Uid and gid of clients in cgroups: somebody other than the approver.
pub const CLIENT: u32 = 65_534;

/// A policy that permits everything, also what cannot be analysed.
pub const PERMIT_ALL: &str = "@id(\"all\")\npermit (principal, action, resource);\n";

/// The cgroup of the agent itself: nothing may be attached to the root cgroup, where tests usually are.
const AGENT: &str = "weir";

/// Longest time that something may take to come true.
const PATIENCE: Duration = Duration::from_secs(60);

static COUNT: AtomicU32 = AtomicU32::new(0);

/// What a test wants of its world. Without a word: a database `app`, everything permitted, no class.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    policies: Vec<(String, String)>,
    classes: String,
    config: String,
    scripts: Vec<String>,
    server: Option<u16>,
    is_newest: bool,
    is_local: bool,
    is_pooled: bool,
    has_no_role: bool,
}

impl Plan {
    /// Nothing but the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a policy file. Without one, [`PERMIT_ALL`] is in force.
    pub fn policy(mut self, name: &str, text: &str) -> Self {
        self.policies.push((name.into(), text.into()));
        self
    }

    /// Says what `classes.toml` says.
    pub fn classes(mut self, text: &str) -> Self {
        self.classes = text.into();
        self
    }

    /// Adds to the configuration, such as a `[sessions]` table.
    pub fn config(mut self, text: &str) -> Self {
        writeln!(self.config, "{text}").expect("a string takes everything");
        self
    }

    /// Runs a script in the database `app`, as its superuser and past the agent.
    pub fn script(mut self, sql: &str) -> Self {
        self.scripts.push(sql.into());
        self
    }

    /// Runs the newest PostgreSQL that set-up brings, instead of the one that is installed.
    pub fn newest(mut self) -> Self {
        self.is_newest = true;
        self
    }

    /// Sends clients of the gateway to this port of 127.0.0.1 instead of the database, and reads no catalog there.
    pub fn upstream(mut self, port: u16) -> Self {
        self.server = Some(port);
        self
    }

    /// The same where this port is a pooler of the database, through which the catalog is read.
    pub fn pooler(mut self, port: u16) -> Self {
        self.is_pooled = true;
        self.upstream(port)
    }

    /// Configures no role that reads the catalog.
    pub fn without_role(mut self) -> Self {
        self.has_no_role = true;
        self
    }

    /// Lets the agent reach the database over its unix socket.
    pub fn local(mut self) -> Self {
        self.is_local = true;
        self
    }

    /// A world whose agent is a gateway: no privilege is needed, and all clients are one subject.
    pub fn gateway(self) -> anyhow::Result<World> {
        let (folder, database) = self.database()?;
        let port = free_port()?;
        let upstream = self.server.unwrap_or(database.port());
        let entrance = format!(
            "[gateway]\nlisten = \"127.0.0.1:{port}\"\nupstream = \"127.0.0.1:{upstream}\"\n"
        );
        let config = self.write(folder.path(), upstream, &entrance)?;
        let agent = Agent::start(weir(), &config, None)?;
        Ok(World {
            agent,
            cgroups: None,
            database,
            folder,
            port,
        })
    }

    /// A world whose agent intercepts the connections of these roles, each in a cgroup of that name. None where this
    /// machine cannot do that, which is said in one sentence.
    ///
    /// # Panics
    ///
    /// Instead of returning none, where `CI=true`: there nothing is skipped.
    pub fn intercepted(self, roles: &[&str]) -> anyhow::Result<Option<World>> {
        if let Some(obstacle) = obstacle() {
            let sentence = format!("connections cannot be intercepted here: {obstacle}");
            assert!(
                std::env::var_os("CI").is_none_or(|ci| ci != "true"),
                "{sentence}"
            );
            eprintln!("{sentence}; this test steps aside");
            return Ok(None);
        }
        let name = format!("weir-test-{}-{}", std::process::id(), count());
        let cgroups = Cgroup::new(&name)?;
        for role in roles.iter().chain([&AGENT]) {
            cgroups.child(role)?;
        }
        let (folder, database) = self.database()?;
        let entrance = format!(
            "[intercept]\ncgroup = \"{}\"\nports = [{}]\nport = {}\nfail = \"open\"\n",
            cgroups.path().display(),
            database.port(),
            free_port()?
        );
        let own = cgroups.path().join(AGENT);
        let plan = self.named(&cgroups);
        let config = plan.write(folder.path(), database.port(), &entrance)?;
        let agent = Agent::start(weir(), &config, Some(&own))?;
        let port = database.port();
        Ok(Some(World {
            agent,
            cgroups: Some(cgroups),
            database,
            folder,
            port,
        }))
    }

    /// Policies name roles as `cgroup:/ROLES/analyst`, because the name of the parent is the run's own.
    fn named(mut self, cgroups: &Cgroup) -> Self {
        for (_, text) in &mut self.policies {
            *text = text.replace("cgroup:/ROLES", &format!("cgroup:{}", cgroups.name()));
        }
        self
    }

    fn database(&self) -> anyhow::Result<(Folder, Postgres)> {
        let folder = Folder::new("weir-test")?;
        let database = match self.is_newest {
            true => {
                let programs = newest_server(folder.path())?;
                Postgres::start_of(programs, folder.path(), free_port()?)?
            }
            false => Postgres::start(folder.path())?,
        };
        database.run("postgres", "CREATE DATABASE app")?;
        for script in &self.scripts {
            database.run("app", script)?;
        }
        Ok((folder, database))
    }

    fn write(&self, folder: &Path, server: u16, entrance: &str) -> anyhow::Result<PathBuf> {
        let config = folder.join("weir.toml");
        let catalog = match self.server {
            _ if self.has_no_role => "",
            Some(_) if !self.is_pooled => "read_catalog = false",
            _ => "catalog = { user = \"postgres\" }",
        };
        let socket = folder.join(format!("data/.s.PGSQL.{server}"));
        let upstream = match self.is_local {
            true => format!("upstream = \"unix:{}\"", socket.display()),
            false => String::new(),
        };
        let text = format!(
            "{entrance}
[agent]
state = \"state\"
run = \"run\"
policies = \"policies\"

[[server]]
name = \"shop\"
addresses = [\"127.0.0.1:{server}\", \"[::1]:{server}\"]
{upstream}
{catalog}

{}",
            self.config
        );
        fs::write(&config, text)?;
        let directory = folder.join("policies");
        fs::create_dir(&directory)?;
        fs::write(directory.join("classes.toml"), &self.classes)?;
        for (name, text) in &self.policies {
            fs::write(directory.join(name), text)?;
        }
        if self.policies.is_empty() {
            fs::write(directory.join("all.cedar"), PERMIT_ALL)?;
        }
        Ok(config)
    }
}

/// Everything that runs for one test. Undone when dropped.
#[derive(Debug)]
pub struct World {
    // The order of dropping: the agent, then what it stands on.
    agent: Agent,
    cgroups: Option<Cgroup>,
    database: Postgres,
    folder: Folder,
    port: u16,
}

impl World {
    /// The running agent.
    pub fn agent(&self) -> &Agent {
        &self.agent
    }

    /// The running agent, to stop or kill it.
    pub fn agent_mut(&mut self) -> &mut Agent {
        &mut self.agent
    }

    /// Starts the agent again after it was stopped or killed.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        let own = self
            .cgroups
            .as_ref()
            .map(|cgroups| cgroups.path().join(AGENT));
        self.agent = Agent::start(weir(), &self.config(), own.as_deref())?;
        Ok(())
    }

    /// The database behind the agent.
    pub fn database(&self) -> &Postgres {
        &self.database
    }

    /// The database behind the agent, to crash it.
    pub fn database_mut(&mut self) -> &mut Postgres {
        &mut self.database
    }

    /// The test's own directory: `weir.toml`, `policies`, `state`, `agent.log`, `postgres.log`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The agent's configuration.
    pub fn config(&self) -> PathBuf {
        self.folder().join("weir.toml")
    }

    /// Asks the server, past the agent, until it says yes.
    ///
    /// # Panics
    ///
    /// If it does not for a long time.
    pub fn until(&self, question: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self
            .database
            .run("app", question)
            .expect("an answer")
            .trim()
            != "t"
        {
            assert!(Instant::now() < deadline, "never came true: {question}");
        }
    }

    /// The most memory that the agent had so far, in KiB (proc_pid_status(5)).
    ///
    /// # Panics
    ///
    /// If the agent is not running.
    pub fn peak(&self) -> u64 {
        let id = self.agent.id().expect("the agent runs");
        let status = fs::read_to_string(format!("/proc/{id}/status")).expect("the agent runs");
        let mut lines = status.lines();
        let peak = lines.find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.expect("the kernel tells VmHWM").trim();
        peak.trim_end_matches(" kB").parse().expect("a number")
    }

    /// Claims that the agent's memory never was more than this above what it was, in KiB.
    ///
    /// # Panics
    ///
    /// If it was.
    pub fn assert_grown(&self, before: u64, room: u64) {
        let grown = self.peak() - before;
        assert!(grown < room, "the agent's memory grew by {grown} KiB");
    }

    /// What the agent logged so far.
    pub fn agent_log(&self) -> String {
        fs::read_to_string(self.folder().join("agent.log")).unwrap_or_default()
    }

    /// The cgroup of a role.
    pub fn cgroup(&self, role: &str) -> Option<PathBuf> {
        self.cgroups
            .as_ref()
            .map(|cgroups| cgroups.path().join(role))
    }

    /// Where clients connect to come through the agent: the gateway, or the database itself where the probes redirect.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Where the database is, for clients that are not intercepted.
    pub fn direct_address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.database.port()).into()
    }

    /// The host's psql, through the agent as this role: as `postgres` in `app`, with nobody's settings.
    pub fn psql(&self, role: &str) -> Command {
        psql(self.program(role, "psql"), self.address())
    }

    /// The same psql past the agent.
    pub fn psql_direct(&self) -> Command {
        psql(Command::new("psql"), self.direct_address())
    }

    /// A program in the cgroup of a role, as another user than root. Through a gateway all clients are one subject,
    /// and the program runs as it is.
    pub fn program(&self, role: &str, program: &str) -> Command {
        let Some(cgroup) = self.cgroup(role) else {
            return Command::new(program);
        };
        let mut command = command_in(&cgroup, "setpriv");
        command
            .arg(format!("--reuid={CLIENT}"))
            .arg(format!("--regid={CLIENT}"))
            .args(["--clear-groups", "--", program])
            .current_dir("/");
        command
    }

    /// A connection through the agent as this role, before its first byte.
    pub fn wire(&self, role: &str) -> anyhow::Result<Wire> {
        self.wire_of(role, CLIENT)
    }

    /// A connection through the agent as this role and of this Unix user.
    pub fn wire_of(&self, role: &str, user: u32) -> anyhow::Result<Wire> {
        let Some(cgroup) = self.cgroup(role) else {
            return Ok(Wire::new(TcpStream::connect(self.address())?, None)?);
        };
        let (stream, opener) = door::open(&cgroup, user, self.address())?;
        Ok(Wire::new(stream, Some(opener))?)
    }

    /// A connection past the agent.
    pub fn wire_direct(&self) -> anyhow::Result<Wire> {
        Ok(Wire::new(TcpStream::connect(self.direct_address())?, None)?)
    }

    /// A driver's connection through the agent as this role. The caller runs the [`Connection`].
    pub async fn connect(&self, role: &str) -> anyhow::Result<(Client, Driver)> {
        let stream = match self.cgroup(role) {
            None => TcpStream::connect(self.address())?,
            Some(cgroup) => {
                let address = self.address();
                let (stream, opener) =
                    tokio::task::spawn_blocking(move || door::open(&cgroup, CLIENT, address))
                        .await??;
                // Who it was is known once it has connected.
                drop(opener);
                stream
            }
        };
        drive(stream).await
    }

    /// A driver's connection past the agent.
    pub async fn connect_direct(&self) -> anyhow::Result<(Client, Driver)> {
        drive(TcpStream::connect(self.direct_address())?).await
    }
}

/// The part of a driver's connection that moves bytes.
pub type Driver = Connection<tokio::net::TcpStream, NoTlsStream>;

async fn drive(stream: TcpStream) -> anyhow::Result<(Client, Driver)> {
    stream.set_nonblocking(true)?;
    stream.set_nodelay(true)?;
    let stream = tokio::net::TcpStream::from_std(stream)?;
    let connected = Config::new()
        .user("postgres")
        .dbname("app")
        .connect_raw(stream, NoTls)
        .await
        .context("the driver cannot log in")?;
    Ok(connected)
}

fn psql(mut psql: Command, to: SocketAddr) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"PG") {
            psql.env_remove(name);
        }
    }
    psql.env("PGHOST", to.ip().to_string())
        .env("PGPORT", to.port().to_string())
        .env("PGUSER", "postgres")
        .env("PGDATABASE", "app")
        .env("LC_ALL", "C.UTF-8")
        .arg("--no-psqlrc");
    psql
}

/// Why connections cannot be redirected here.
fn obstacle() -> Option<&'static str> {
    if !is_root() {
        Some("this is not root")
    } else if !Path::new("/sys/kernel/btf/vmlinux").exists() {
        Some("the kernel does not describe its types")
    } else {
        None
    }
}

fn count() -> u32 {
    COUNT.fetch_add(1, Ordering::Relaxed)
}
