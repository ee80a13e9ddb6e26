//! A PostgreSQL server of one run, in a directory of its own.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::lines::Lines;

const PATIENCE: Duration = Duration::from_secs(60);

/// A running server. Its superuser is `postgres`; everybody may log in until [`Postgres::rules`] says otherwise.
/// Stopped when dropped.
#[derive(Debug)]
pub struct Postgres {
    directory: PathBuf,
    programs: PathBuf,
    port: u16,
    server: Child,
    log: Lines,
}

impl Postgres {
    /// Makes a cluster in this (existing) directory and starts it on a free port of the loopback addresses.
    pub fn start(directory: &Path) -> anyhow::Result<Self> {
        Self::start_on(directory, free_port()?)
    }

    /// The same on this port.
    pub fn start_on(directory: &Path, port: u16) -> anyhow::Result<Self> {
        Self::start_of(programs()?, directory, port)
    }

    /// The same with the programs in this directory, which the user `postgres` or `nobody` must be able to run.
    pub fn start_of(programs: PathBuf, directory: &Path, port: u16) -> anyhow::Result<Self> {
        let data = directory.join("data");
        fs::create_dir(&data)?;
        if let Some(user) = user() {
            chown(&data, Some(user.0), Some(user.1))?;
        }
        let made = unprivileged(&programs.join("initdb"))
            .args([
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ])
            .arg("--pgdata")
            .arg(&data)
            .output()?;
        if !made.status.success() {
            bail!("initdb failed:\n{}", String::from_utf8_lossy(&made.stderr));
        }
        let (server, log) = launch(&programs, directory, port)?;
        Ok(Self {
            directory: directory.to_owned(),
            programs,
            port,
            server,
            log,
        })
    }

    /// Its port on 127.0.0.1 and ::1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its log file.
    pub fn log(&self) -> PathBuf {
        self.directory.join("postgres.log")
    }

    /// Its data directory.
    pub fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// Path of one of the server's own programs, such as `pg_dump`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// Runs a script as the superuser, past every agent, and returns what psql prints.
    pub fn run(&self, database: &str, script: &str) -> anyhow::Result<String> {
        let output = Command::new("psql")
            .args([
                "--no-psqlrc",
                "--quiet",
                "--tuples-only",
                "--no-align",
                "-v",
                "ON_ERROR_STOP=1",
            ])
            .args(["--host"])
            .arg(self.data())
            .args([
                "--port",
                &self.port.to_string(),
                "--username",
                "postgres",
                "--dbname",
                database,
            ])
            .args(["--command", script])
            .output()
            .context("cannot run psql")?;
        if !output.status.success() {
            bail!("{script}\n{}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Replaces pg_hba.conf, and waits until it counts.
    pub fn rules(&self, rules: &str) -> anyhow::Result<()> {
        fs::write(self.data().join("pg_hba.conf"), rules)?;
        self.signal(Signal::HUP)?;
        self.log
            .wait_for("received SIGHUP, reloading configuration files", PATIENCE)?;
        Ok(())
    }

    /// Stops it at once, as a crash would, and starts it again on the same port.
    pub fn crash(&mut self) -> anyhow::Result<()> {
        self.signal(Signal::QUIT)?;
        self.server.wait()?;
        (self.server, self.log) = launch(&self.programs, &self.directory, self.port)?;
        Ok(())
    }

    /// Stops it in order, which ends open sessions, and starts it again on the same port.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.signal(Signal::INT)?;
        self.server.wait()?;
        (self.server, self.log) = launch(&self.programs, &self.directory, self.port)?;
        Ok(())
    }

    /// Leaves it running.
    pub fn keep(self) -> u32 {
        let id = self.server.id();
        std::mem::forget(self);
        id
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let id = i32::try_from(self.server.id())?;
        kill_process(Pid::from_raw(id).context("no process id")?, signal)?;
        Ok(())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Fast shutdown: open sessions are ended.
        if self.signal(Signal::INT).is_ok() {
            let _ = self.server.wait();
        }
    }
}

fn launch(programs: &Path, directory: &Path, port: u16) -> anyhow::Result<(Child, Lines)> {
    let data = directory.join("data");
    let (log, output) = Lines::open(&directory.join("postgres.log"))?;
    let server = unprivileged(&programs.join("postgres"))
        .arg("-D")
        .arg(&data)
        .args([
            "-c",
            "listen_addresses=127.0.0.1,::1",
            "-c",
            &format!("port={port}"),
        ])
        .args(["-c", &format!("unix_socket_directories={}", data.display())])
        .args([
            "-c",
            "fsync=off",
            "-c",
            "logging_collector=off",
            "-c",
            "max_prepared_transactions=10",
            "-c",
            "wal_level=logical",
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(output)
        .spawn()
        .context("cannot start postgres")?;
    log.wait_for("database system is ready to accept connections", PATIENCE)?;
    Ok((server, log))
}

/// A port that nobody listens on now.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// The newest server's programs; Debian keeps them out of PATH.
fn programs() -> anyhow::Result<PathBuf> {
    let newest = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .max();
    if let Some(version) = newest {
        return Ok(format!("/usr/lib/postgresql/{version}/bin").into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .find(|directory| directory.join("initdb").exists())
        .context("PostgreSQL's server is not installed: `cargo xtask setup` installs it")
}

/// Uid and gid that the server runs as, because it refuses to run as root.
fn user() -> Option<(u32, u32)> {
    if !crate::is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").ok()?;
    ["postgres", "nobody"].iter().find_map(|name| {
        let line = users
            .lines()
            .find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    })
}

fn unprivileged(program: &Path) -> Command {
    match user() {
        None => Command::new(program),
        Some((uid, gid)) => {
            let mut command = Command::new("setpriv");
            command
                .arg(format!("--reuid={uid}"))
                .arg(format!("--regid={gid}"))
                .args(["--clear-groups", "--"])
                .arg(program);
            command
        }
    }
}
