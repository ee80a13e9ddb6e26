//! The configuration: what the file says ([`Written`]) and what is meant ([`Config`]). Each crate owns its part.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

/// The file as it is written. Unknown fields are refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    agent: Agent,
    intercept: Option<Spanned<intercept::Written>>,
    gateway: Option<Spanned<Gateway>>,
    #[serde(default, rename = "server")]
    servers: Vec<Server>,
    #[serde(default)]
    sessions: proxy::Written,
    #[serde(default)]
    approvals: Approvals,
    #[serde(default)]
    audit: Audit,
}

/// `[agent]`: where things lie.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Agent {
    state: PathBuf,
    run: PathBuf,
    policies: PathBuf,
    host: Option<String>,
}

impl Default for Agent {
    fn default() -> Self {
        Self {
            state: "/var/lib/weir".into(),
            run: "/run/weir".into(),
            policies: "policies".into(),
            host: None,
        }
    }
}

/// `[gateway]`: a port that clients name as their server.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// Where clients connect.
    pub listen: SocketAddr,
    /// Where the agent dials.
    pub upstream: SocketAddr,
}

/// `[[server]]`: a name for a database server.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Server {
    name: String,
    addresses: Vec<Spanned<SocketAddr>>,
    catalog: Option<Spanned<catalog::Written>>,
}

/// `[approvals]`: who may release what.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Approvals {
    approvers: BTreeMap<String, Vec<String>>,
}

/// `[audit]`: the journal.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Audit {
    durability: Option<journal::Durability>,
    segment_bytes: Option<u64>,
    segment_seconds: Option<u64>,
}

/// How clients come in.
#[derive(Clone, Debug)]
pub enum Entrance {
    /// Redirected by the probes.
    Intercept(intercept::Effective),
    /// By naming the agent.
    Gateway(Gateway),
}

/// The configuration in force.
#[derive(Clone, Debug)]
pub struct Config {
    pub entrance: Entrance,
    /// `journal/` and `archive/` are below it.
    pub state: PathBuf,
    /// The control socket is in it.
    pub run: PathBuf,
    pub policies: PathBuf,
    /// The host's name in the archive.
    pub host: String,
    /// Names of servers, by address.
    pub servers: proxy::Servers,
    /// Roles that read catalogs, by server.
    pub catalogs: HashMap<Arc<str>, catalog::Credentials>,
    pub sessions: proxy::Settings,
    /// Unix users by the name that `@approvers` uses.
    pub approvers: BTreeMap<String, Vec<String>>,
    pub journal: journal::Settings,
}

/// What is wrong with the configuration, and where.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{}: {source}", file.display())]
    Unreadable {
        file: PathBuf,
        source: std::io::Error,
    },
    #[error("{}:{line}:{column}: {message}", file.display())]
    Invalid {
        file: PathBuf,
        line: usize,
        column: usize,
        message: String,
    },
    #[error("{}: neither [intercept] nor [gateway] is there, so no client could come in: write one of them", file.display())]
    NoEntrance { file: PathBuf },
}

/// A value that is well written and cannot be meant.
struct Contradiction {
    /// Bytes from the start of the file.
    offset: usize,
    message: String,
}

impl Contradiction {
    fn at<T>(place: &Spanned<T>, message: String) -> Self {
        Self {
            offset: place.span().start,
            message,
        }
    }
}

impl Config {
    /// Reads and checks the file. Paths in it are relative to its directory.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(file).map_err(|source| ConfigError::Unreadable {
            file: file.to_owned(),
            source,
        })?;
        let written: Written = toml::from_str(&text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            invalid(file, &text, offset, error.message())
        })?;
        let entrance = entrance(&written)
            .map_err(|wrong| invalid(file, &text, wrong.offset, &wrong.message))?;
        let Some(entrance) = entrance else {
            return Err(ConfigError::NoEntrance {
                file: file.to_owned(),
            });
        };
        effective(file, entrance, written)
            .map_err(|wrong| invalid(file, &text, wrong.offset, &wrong.message))
    }

    /// The socket by which commands reach the running agent.
    pub fn control_socket(&self) -> PathBuf {
        self.run.join("control.sock")
    }

    /// The journal's directory.
    pub fn journal_directory(&self) -> PathBuf {
        self.state.join("journal")
    }

    /// The archive's directory.
    pub fn archive_directory(&self) -> PathBuf {
        self.state.join("archive")
    }
}

fn entrance(written: &Written) -> Result<Option<Entrance>, Contradiction> {
    match (&written.intercept, &written.gateway) {
        (Some(intercept), None) => {
            let effective = intercept.get_ref().clone().effective();
            effective
                .map(|effective| Some(Entrance::Intercept(effective)))
                .map_err(|error| Contradiction::at(intercept, format!("[intercept] {error}")))
        }
        (None, Some(gateway)) => Ok(Some(Entrance::Gateway(*gateway.get_ref()))),
        (Some(intercept), Some(gateway)) => Err(Contradiction {
            offset: intercept.span().start.max(gateway.span().start),
            message: "[intercept] and [gateway] are both there: keep one of them".into(),
        }),
        (None, None) => Ok(None),
    }
}

fn effective(file: &Path, entrance: Entrance, written: Written) -> Result<Config, Contradiction> {
    let base = file.parent().unwrap_or(Path::new("."));
    let mut servers = proxy::Servers::new();
    let mut catalogs = HashMap::new();
    for server in written.servers {
        let name: Arc<str> = server.name.into();
        for address in server.addresses {
            if let Some(other) = servers.insert(*address.get_ref(), name.clone()) {
                let twice = format!(
                    "address {} belongs to server {other:?} and to server {name:?}: keep one of them",
                    address.get_ref()
                );
                return Err(Contradiction::at(&address, twice));
            }
        }
        if let Some(written) = server.catalog {
            let mut catalog = written.get_ref().clone();
            catalog.password_file = catalog.password_file.map(|file| base.join(file));
            let credentials = catalog.credentials().map_err(|error| {
                Contradiction::at(&written, format!("catalog of server {name:?}: {error}"))
            })?;
            catalogs.insert(name, credentials);
        }
    }
    let defaults = journal::Settings::default();
    Ok(Config {
        entrance,
        state: base.join(written.agent.state),
        run: base.join(written.agent.run),
        policies: base.join(written.agent.policies),
        host: written.agent.host.unwrap_or_else(host_name),
        servers,
        catalogs,
        sessions: written.sessions.effective(),
        approvers: written.approvals.approvers,
        journal: journal::Settings {
            durability: written.audit.durability.unwrap_or(defaults.durability),
            segment_bytes: written
                .audit
                .segment_bytes
                .unwrap_or(defaults.segment_bytes),
            segment_age: written
                .audit
                .segment_seconds
                .map_or(defaults.segment_age, Duration::from_secs),
            ..defaults
        },
    })
}

fn host_name() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}

fn invalid(file: &Path, text: &str, offset: usize, message: &str) -> ConfigError {
    let before = text.get(..offset).unwrap_or_default();
    ConfigError::Invalid {
        file: file.to_owned(),
        line: before.matches('\n').count() + 1,
        column: before.chars().rev().take_while(|&c| c != '\n').count() + 1,
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config, ConfigError> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("weir.toml");
        fs::write(&file, text).unwrap();
        Config::load(&file)
    }

    const GATEWAY: &str = "[gateway]\nlisten = \"127.0.0.1:6432\"\nupstream = \"127.0.0.1:5432\"\n";

    #[test]
    fn an_unknown_field_is_named_with_its_place() {
        let error = load(&format!("{GATEWAY}[agent]\nstat = \"/tmp\"\n"))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("weir.toml:5:1: unknown field `stat`"),
            "{error}"
        );
    }

    #[test]
    fn the_readme_shows_a_configuration_that_is_valid() {
        let readme = include_str!("../../../README.md");
        let (_, after) = readme.split_once("```toml\n").unwrap();
        let (example, _) = after.split_once("```").unwrap();
        // Its password file is on the reader's host.
        load(&example.replace(", password_file = \"/etc/weir/catalog.password\"", "")).unwrap();
    }

    #[test]
    fn a_file_without_an_entrance_is_refused() {
        let error = load("[agent]\n").unwrap_err().to_string();
        assert!(
            error.contains("neither [intercept] nor [gateway]"),
            "{error}"
        );
    }

    #[test]
    fn an_address_belongs_to_one_server() {
        let server = "[[server]]\nname = \"NAME\"\naddresses = [\"127.0.0.1:5432\"]\n";
        let text = format!(
            "{GATEWAY}{}{}",
            server.replace("NAME", "a"),
            server.replace("NAME", "b")
        );
        let error = load(&text).unwrap_err().to_string();
        assert!(
            error.contains("weir.toml:9:14: address 127.0.0.1:5432"),
            "{error}"
        );
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let config = load(&format!("{GATEWAY}[agent]\nstate = \"state\"\n")).unwrap();
        assert!(config.state.is_absolute() && config.state.ends_with("state"));
    }
}
