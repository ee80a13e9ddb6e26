//! Where the demo plays: database, cgroups, configuration, agent.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use stage::{Agent, Cgroup, Folder, Postgres, command_in, free_port};

use crate::{command, host};

/// The shop that the story happens in.
const SHOP: &str = "
CREATE TABLE customers (id int PRIMARY KEY, name text, email text, ssn text, city text);
INSERT INTO customers VALUES
  (1, 'Ada Lovelace', 'ada@analytical.org', '536-90-4399', 'London'),
  (2, 'Grace Hopper', 'grace@navy.mil', '219-09-9999', 'New York'),
  (3, 'Edsger Dijkstra', 'ewd@utexas.edu', '457-55-5462', 'Austin');
CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers, total numeric, status text);
INSERT INTO orders VALUES (1, 1, 120.00, 'paid'), (2, 2, 80.50, 'open'), (3, 1, 17.25, 'open');
CREATE ROLE shop LOGIN;
GRANT ALL ON ALL TABLES IN SCHEMA public TO shop;
";

/// Uid and gid that clients run as where the demo is root, so that the approver is somebody else.
const CLIENT: u32 = 65_534;

/// The agent's own cgroup: nothing may be attached to the root cgroup, where a shell usually is.
const AGENT: &str = "weir";

/// Everything that runs. What is dropped is undone.
pub struct Theatre {
    agent: Agent,
    cgroups: Option<Cgroup>,
    database: Postgres,
    folder: Folder,
    port: u16,
}

impl Theatre {
    /// Builds it all. `intercepts`: by the probes; otherwise through a gateway.
    pub fn open(intercepts: bool) -> Result<Self> {
        let folder = Folder::new("weir-demo")?;
        let database = Postgres::start(folder.path())?;
        database.run("postgres", "CREATE DATABASE app")?;
        database.run("app", SHOP)?;
        let cgroups = intercepts.then(cgroups).transpose()?;
        let port = match &cgroups {
            Some(_) => database.port(),
            None => free_port()?,
        };
        let config = configure(folder.path(), database.port(), cgroups.as_ref(), port)?;
        let own_cgroup = cgroups.as_ref().map(|cgroups| cgroups.path().join(AGENT));
        let agent = Agent::start(&weir(), &config, own_cgroup.as_deref())?;
        Ok(Self {
            agent,
            cgroups,
            database,
            folder,
            port,
        })
    }

    /// The host's psql as this role. Its words are the same with and without the agent, unless there is a gateway.
    pub fn psql(&self, role: &str, sql: &str) -> Command {
        let setpriv = [
            "setpriv".to_owned(),
            format!("--reuid={CLIENT}"),
            format!("--regid={CLIENT}"),
            "--clear-groups".to_owned(),
            "--".to_owned(),
        ];
        let mut psql = match &self.cgroups {
            Some(cgroups) => command_in(&cgroups.path().join(role), "env"),
            None => Command::new("env"),
        };
        if self.has_two_users() {
            psql.args(setpriv);
        }
        psql.arg("psql");
        psql.args(self.psql_words(sql)).current_dir("/");
        psql
    }

    /// psql's words as a person would type them.
    pub fn psql_words(&self, sql: &str) -> [String; 3] {
        [
            "--no-psqlrc".into(),
            format!("postgresql://shop@127.0.0.1:{}/app", self.port),
            format!("--command={sql}"),
        ]
    }

    /// Whether clients of different cgroups are different subjects.
    pub fn has_cgroups(&self) -> bool {
        self.cgroups.is_some()
    }

    /// Whether clients run as another Unix user than the one who approves.
    pub fn has_two_users(&self) -> bool {
        host::is_root()
    }

    /// The running agent.
    pub fn agent(&self) -> &Agent {
        &self.agent
    }

    /// Where the evidence is.
    pub fn archive(&self) -> PathBuf {
        self.folder.path().join("state/archive")
    }

    /// What the agent logged.
    pub fn agent_log(&self) -> String {
        fs::read_to_string(self.folder.path().join("agent.log")).unwrap_or_default()
    }

    /// Says where everything lies, and leaves it there or takes it down.
    pub fn close(self, keep: bool) -> Result<()> {
        let folder = self.folder.path().display();
        println!(
            "\nEverything of this demo is in {folder}: weir.toml, policies, state (journal and archive), agent.log."
        );
        if !keep {
            println!(
                "It is taken down now. `cargo xtask demo --keep` leaves it running, to go on by hand."
            );
            return Ok(());
        }
        println!("\nIt goes on running. By hand:");
        if let Some(cgroups) = &self.cgroups {
            println!(
                "  a shell as the analyst:  sh -c 'echo $$ > {}/analyst/cgroup.procs; exec bash'",
                cgroups.path().display()
            );
        }
        println!(
            "  in it:                   psql postgresql://shop@127.0.0.1:{}/app",
            self.port
        );
        println!(
            "  the agent's commands:    {} --config {folder}/weir.toml --help",
            weir().display()
        );
        let (mut folder, agent, database) = (self.folder, self.agent.keep(), self.database.keep());
        println!(
            "\nTo take it down:\n  kill {}; kill -INT {database}",
            agent.unwrap_or_default()
        );
        if let Some(cgroups) = self.cgroups {
            let path = cgroups.path().display();
            println!("  rmdir {path}/*/ {path}");
            cgroups.keep();
        }
        println!("  rm -r {}", folder.path().display());
        folder.keep();
        Ok(())
    }
}

fn weir() -> PathBuf {
    command::target_directory().join("debug/weir")
}

fn cgroups() -> Result<Cgroup> {
    let cgroups = Cgroup::new("weir-demo")?;
    for role in ["analyst", "oncall", AGENT] {
        cgroups.child(role)?;
    }
    Ok(cgroups)
}

/// Writes the configuration, and a copy of the shipped policies.
fn configure(folder: &Path, database: u16, cgroups: Option<&Cgroup>, port: u16) -> Result<PathBuf> {
    let entrance = match cgroups {
        Some(cgroups) => format!(
            "[intercept]\ncgroup = \"{}\"\nports = [{database}]\nport = {}\nfail = \"open\"\n",
            cgroups.path().display(),
            free_port()?
        ),
        None => format!(
            "[gateway]\nlisten = \"127.0.0.1:{port}\"\nupstream = \"127.0.0.1:{database}\"\n"
        ),
    };
    let config = folder.join("weir.toml");
    fs::write(
        &config,
        format!(
            "{entrance}
[agent]
state = \"state\"
run = \"run\"
policies = \"policies\"

[[server]]
name = \"shop\"
addresses = [\"127.0.0.1:{database}\"]
catalog = {{ user = \"postgres\" }}

[approvals.approvers]
dba-leads = [\"root\"]

[audit]
segment_seconds = 2
"
        ),
    )?;
    copy_policies(&folder.join("policies"), cgroups.is_none())?;
    Ok(config)
}

/// Through a gateway all clients are one subject, so the on-call rules are for it.
fn copy_policies(to: &Path, is_gateway: bool) -> Result<()> {
    let from = command::root().join("policies");
    fs::create_dir(to)?;
    for entry in fs::read_dir(&from).with_context(|| format!("cannot read {}", from.display()))? {
        let file = entry?.path();
        let Some(name) = file.file_name().filter(|_| file.is_file()) else {
            continue;
        };
        let mut text = fs::read_to_string(&file)?;
        if is_gateway {
            text = text.replace("cgroup:/weir-demo/oncall", "gateway");
        }
        fs::write(to.join(name), text)?;
    }
    Ok(())
}
