//! What is measured against: a throwaway PostgreSQL with pgbench's tables and a large one.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use stage::{Folder, Postgres};

use crate::command;

/// The database of all runs.
pub const DATABASE: &str = "bench";
/// Who runs everything in it.
pub const SUPERUSER: &str = "postgres";
/// Rows of the table `bulk`, and bytes of each as COPY writes them.
pub const BULK_ROWS: u32 = 1_000_000;
pub const BULK_ROW: u32 = 150;

/// Rows of the table `notes`, and bytes of each of its five texts.
pub const NOTES_ROWS: u32 = 1_000_000;
pub const NOTES_BYTES: u32 = 30;
/// Views of it, each with a mask of that name.
const MASKS: [&str; 5] = ["null", "redact", "partial", "hash", "tokenize"];

/// The sessions of a crowd and those beside it; autovacuum would strike some rounds and spare others.
const SETTINGS: [&str; 4] = [
    "max_connections = 1200",
    "shared_buffers = '512MB'",
    "max_wal_size = '8GB'",
    "autovacuum = off",
];

/// A server with data. Stopped and removed when dropped.
#[derive(Debug)]
pub struct Stand {
    server: Postgres,
    folder: Folder,
}

impl Stand {
    /// Makes it all.
    pub fn set_up() -> Result<Self> {
        let folder = Folder::new("weir-bench")?;
        let mut server = Postgres::start(folder.path())?;
        for setting in SETTINGS {
            server.run("postgres", &format!("ALTER SYSTEM SET {setting}"))?;
        }
        server.crash()?;
        server.run("postgres", &format!("CREATE DATABASE {DATABASE}"))?;
        let stand = Self { server, folder };
        stand.fill()?;
        Ok(stand)
    }

    /// The server's port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// The server's unix socket.
    pub fn socket(&self) -> PathBuf {
        let name = format!(".s.PGSQL.{}", self.port());
        self.server.data().join(name)
    }

    /// Where everything of this run lies.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The rows of `bulk`, as COPY writes them.
    pub fn bulk_file(&self) -> PathBuf {
        self.server.data().join("bulk.txt")
    }

    /// Runs a statement past every proxy.
    pub fn run(&self, statement: &str) -> Result<()> {
        self.server.run(DATABASE, statement).map(drop)
    }

    fn fill(&self) -> Result<()> {
        let mut pgbench = Command::new("pgbench");
        pgbench
            .args(["--initialize", "--quiet", "--scale=1", "--host=127.0.0.1"])
            .args(["--username=postgres", &format!("--port={}", self.port())]);
        command::capture(pgbench.arg(DATABASE))?;
        // Seven digits, a tab, the filler and a newline are one row of COPY's text.
        let filler = BULK_ROW - 9;
        let first = 1_000_000;
        let last = first + BULK_ROWS - 1;
        self.run(&format!(
            "CREATE UNLOGGED TABLE bulk (id int, filler text);
             INSERT INTO bulk SELECT i, lpad(i::text, {filler}, 'x') FROM generate_series({first}, {last}) AS i;
             CREATE UNLOGGED TABLE arrivals (LIKE bulk)"
        ))?;
        self.run(&format!(
            "CREATE UNLOGGED TABLE notes AS SELECT t AS a, t AS b, t AS c, t AS d, t AS e
             FROM (SELECT lpad(i::text, {NOTES_BYTES}, 'x') AS t FROM generate_series(1, {NOTES_ROWS}) AS i) AS texts"
        ))?;
        for mask in MASKS {
            self.run(&format!("CREATE VIEW notes_{mask} AS SELECT * FROM notes"))?;
        }
        self.run("VACUUM (ANALYZE, FREEZE)")?;
        self.run("CHECKPOINT")?;
        let file = self.bulk_file();
        self.run(&format!("COPY bulk TO '{}'", file.display()))
    }
}
