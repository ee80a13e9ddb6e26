//! What stands between clients and servers elsewhere: PgBouncer and HAProxy, of the host's packages.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use stage::{Lines, is_root};

use crate::world::CLIENT;

/// Where Debian puts them, which is in no user's PATH.
const PROGRAMS: &str = "/usr/sbin";
const PATIENCE: Duration = Duration::from_secs(20);

/// A running pooler. Stopped when dropped.
#[derive(Debug)]
pub struct Pooler {
    process: Child,
    port: u16,
}

impl Pooler {
    /// PgBouncer on `port`, before the database `app` of the server on `upstream`. Everybody is let in, as `postgres`, and
    /// shares two connections to the server: one for a client, one for who reads the catalog beside it.
    pub fn pgbouncer(folder: &Path, mode: &str, port: u16, upstream: u16) -> anyhow::Result<Self> {
        let settings = format!(
            "[databases]
app = host={host} port={upstream} dbname=app user=postgres
[pgbouncer]
listen_addr = {host}
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = 2
",
            host = Ipv4Addr::LOCALHOST
        );
        let file = folder.join(format!("pgbouncer-{port}.ini"));
        fs::write(&file, settings)?;
        let program = format!("{PROGRAMS}/pgbouncer");
        let mut command = unprivileged(&program);
        command.arg(&file);
        Self::start(command, &file.with_extension("log"), "process up", port)
    }

    /// HAProxy on `port`, which balances bytes and looks at none of them.
    pub fn haproxy(folder: &Path, port: u16, upstream: u16) -> anyhow::Result<Self> {
        let settings = format!(
            "defaults
  mode tcp
  timeout connect 20s
  timeout client 10m
  timeout server 10m
listen database
  bind {host}:{port}
  server one {host}:{upstream}
",
            host = Ipv4Addr::LOCALHOST
        );
        let file = folder.join(format!("haproxy-{port}.cfg"));
        fs::write(&file, settings)?;
        let mut command = Command::new(format!("{PROGRAMS}/haproxy"));
        // Without a master it does not say when it listens.
        command.args(["-W", "-db", "-f"]).arg(&file);
        Self::start(
            command,
            &file.with_extension("log"),
            "Loading success",
            port,
        )
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    fn start(mut command: Command, log: &Path, sign: &str, port: u16) -> anyhow::Result<Self> {
        let (lines, output) = Lines::open(log)?;
        let process = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output)
            .spawn()
            .with_context(|| {
                format!("cannot start {command:?}: `cargo xtask setup poolers` installs it")
            })?;
        let pooler = Self { process, port };
        lines.wait_for(sign, PATIENCE)?;
        Ok(pooler)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let id = i32::try_from(self.process.id())
            .ok()
            .and_then(Pid::from_raw);
        if let Some(id) = id
            && kill_process(id, Signal::TERM).is_ok()
        {
            let _ = self.process.wait();
        }
    }
}

/// PgBouncer refuses to run as root.
fn unprivileged(program: &str) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .arg(format!("--reuid={CLIENT}"))
        .arg(format!("--regid={CLIENT}"))
        .args(["--clear-groups", "--", program]);
    command
}
