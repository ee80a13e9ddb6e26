//! What one run of a suite stands on: a fresh database server, and the agent in front of it or not.
//!
//! Knows no suite. Clients always connect to the same port, so that what they print about it is no difference:
//!
//! ```text
//! past the agent:      client -> 127.0.0.1:5433 server
//! through the agent:   client -> 127.0.0.1:5433 agent -> server on a free port
//! ```

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use stage::{Agent, Folder, Postgres, free_port};

use crate::command;

/// Several drivers' suites name this port and no other.
pub const PORT: u16 = 5433;

/// Everything is permitted, and still evaluated and recorded.
const POLICY: &str = "
@id(\"everything\")
@description(\"Everybody may do everything: what is measured is whether a client can tell.\")
permit (principal, action, resource);
";

/// Suites send texts of 50 MB, which is more than the agent reads unless it is told to.
const SESSIONS: &str = "[sessions]\nstatement_limit = 67108864\n";

/// How clients reach the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Way {
    pub through_agent: bool,
    pub encrypted: bool,
}

impl Way {
    /// As a directory's name.
    pub fn name(self) -> &'static str {
        match (self.through_agent, self.encrypted) {
            (false, false) => "direct",
            (true, false) => "agent",
            (false, true) => "direct-tls",
            (true, true) => "agent-tls",
        }
    }
}

/// What a client came to.
pub struct Said {
    /// Its standard output.
    pub text: String,
    pub succeeded: bool,
}

/// Everything that runs for one run of a suite. What is dropped is undone.
pub struct Ground {
    // Dropped in this order: the agent says goodbye to a server that is there.
    _agent: Option<Agent>,
    database: Postgres,
    folder: Folder,
    way: Way,
    record: PathBuf,
}

impl Ground {
    /// Starts it. What the run says is kept in this directory.
    pub fn lay(way: Way, agent: &Path, record: PathBuf) -> Result<Self> {
        if TcpListener::bind(("127.0.0.1", PORT)).is_err() {
            bail!("port {PORT}, which suites of drivers name, is in use: stop what listens there");
        }
        let folder = Folder::new("weir-fidelity")?;
        let port = if way.through_agent {
            free_port()?
        } else {
            PORT
        };
        let database = Postgres::start_on(folder.path(), port)?;
        fresh(&record)?;
        if way.encrypted {
            certificate(folder.path())?;
        }
        let agent = match way.through_agent {
            true => Some(guard(agent, folder.path(), port, way.encrypted)?),
            false if way.encrypted => {
                offer_encryption(&database, folder.path())?;
                None
            }
            false => None,
        };
        let ground = Self {
            _agent: agent,
            database,
            folder,
            way,
            record,
        };
        ground.rules("")?;
        Ok(ground)
    }

    /// Puts these lines before the rule of pg_hba.conf that lets everybody in; where clients encrypt, past the agent,
    /// nobody comes in otherwise.
    pub fn rules(&self, first: &str) -> Result<()> {
        let host = match self.way.encrypted && !self.way.through_agent {
            true => "hostssl",
            false => "host",
        };
        let last = format!(
            "local all all trust\n{host} all all all trust\n{host} replication all all trust\n"
        );
        self.database.rules(&format!("{first}{last}"))
    }

    /// A directory of the run, removed with it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The server, for what a suite wants to be there: past the agent.
    pub fn database(&self) -> &Postgres {
        &self.database
    }

    /// Where this run keeps what is worth a look.
    pub fn record(&self) -> &Path {
        &self.record
    }

    /// libpq's word for whether to encrypt; other drivers read it too.
    pub fn sslmode(&self) -> &'static str {
        if self.way.encrypted {
            "require"
        } else {
            "disable"
        }
    }

    /// Gives this command the environment that libpq and its likes read.
    pub fn equip(&self, command: &mut Command) {
        command
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", PORT.to_string())
            .env("PGUSER", "postgres")
            .env("PGSSLMODE", self.sslmode())
            .env("LC_ALL", "C.UTF-8");
    }

    /// Runs a client to its end, or ends it after so many seconds. That it fails is no error: it is what the suites are
    /// run to see.
    pub fn watch(&self, client: &Command, name: &str, seconds: u32) -> Result<Said> {
        let mut command = with_limit(client, seconds);
        self.equip(&mut command);
        let (out, err) = (
            self.record.join(format!("{name}.out")),
            self.record.join(format!("{name}.err")),
        );
        let line = command::line(&command);
        fs::write(self.record.join(format!("{name}.command")), &line)?;
        let status = command
            .stdin(Stdio::null())
            .stdout(File::create(&out)?)
            .stderr(File::create(err)?)
            .status()
            .with_context(|| format!("`{line}` did not start"))?;
        Ok(Said {
            text: String::from_utf8_lossy(&fs::read(out)?).into_owned(),
            succeeded: status.success(),
        })
    }
}

/// The same command below timeout(1), which also ends what it started.
fn with_limit(client: &Command, seconds: u32) -> Command {
    let mut command = Command::new("timeout");
    command
        .args(["--kill-after=10", &seconds.to_string()])
        .arg(client.get_program())
        .args(client.get_args());
    for (name, value) in client.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    if let Some(directory) = client.get_current_dir() {
        command.current_dir(directory);
    }
    command
}

/// An empty directory.
fn fresh(directory: &Path) -> Result<()> {
    if directory.exists() {
        fs::remove_dir_all(directory)?;
    }
    fs::create_dir_all(directory).with_context(|| directory.display().to_string())
}

/// A key and a certificate of its own signing, for whoever shows one.
fn certificate(folder: &Path) -> Result<()> {
    command::capture(
        Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
            ])
            .args(["-nodes", "-days", "30", "-subj", "/CN=localhost"])
            .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
            .args(["-keyout", "server.key", "-out", "server.crt"])
            .current_dir(folder),
    )?;
    Ok(())
}

/// Lets the server show the certificate from its next reload.
fn offer_encryption(database: &Postgres, folder: &Path) -> Result<()> {
    for file in ["server.key", "server.crt"] {
        let to = database.data().join(file);
        fs::copy(folder.join(file), &to)?;
        let owner = fs::metadata(database.data())?;
        chown(&to, Some(owner.uid()), Some(owner.gid()))?;
    }
    database.run("postgres", "ALTER SYSTEM SET ssl = on")?;
    Ok(())
}

/// Starts the agent as a gateway to the server's port.
fn guard(agent: &Path, folder: &Path, port: u16, encrypts: bool) -> Result<Agent> {
    let policies = folder.join("policies");
    fs::create_dir(&policies)?;
    fs::write(policies.join("everything.cedar"), POLICY)?;
    fs::copy(
        command::root().join("policies/classes.toml"),
        policies.join("classes.toml"),
    )?;
    let tls = match encrypts {
        true => "[tls]\ncertificate = \"server.crt\"\nkey = \"server.key\"\nrequire = true\n",
        false => "",
    };
    let config = folder.join("weir.toml");
    fs::write(
        &config,
        format!(
            "[gateway]
listen = \"127.0.0.1:{PORT}\"
upstream = \"127.0.0.1:{port}\"

[agent]
state = \"state\"
run = \"run\"
policies = \"policies\"

[[server]]
name = \"suite\"
addresses = [\"127.0.0.1:{port}\"]
catalog = {{ user = \"postgres\" }}

{SESSIONS}
{tls}"
        ),
    )?;
    Agent::start(agent, &config, None)
}
