//! The configuration: what the file says ([`Written`]) and what is meant ([`Config`]). Each crate owns its part.

mod encryption;
mod masking;
mod servers;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use crate::anchors;

pub use encryption::Encryption;
pub use masking::Keys;
pub use servers::Gateway;

/// The file as it is written. Unknown fields are refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    agent: Agent,
    intercept: Option<Spanned<intercept::Written>>,
    gateway: Option<Spanned<servers::WrittenGateway>>,
    #[serde(default, rename = "server")]
    servers: Vec<servers::Server>,
    tls: Option<tls::ClientSide>,
    #[serde(default)]
    masking: masking::Masking,
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

/// `[approvals]`: who may release what.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Approvals {
    approvers: BTreeMap<String, Vec<String>>,
}

/// `[audit]`: the journal, the key that signs its archive, and where that is copied to.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Audit {
    durability: model::Durability,
    segment_bytes: Option<u64>,
    segment_seconds: Option<u64>,
    ship: Option<ship::Written>,
    key: Option<PathBuf>,
    anchor: Option<anchors::Written>,
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
    /// Addresses of servers that are only monitored.
    pub monitored: HashSet<SocketAddr>,
    /// What is dialled in place of addresses that clients name.
    pub endpoints: intercept::Endpoints,
    /// What clients are shown, and what is demanded of servers.
    pub tls: encryption::Written,
    /// Of masks.
    pub keys: Keys,
    /// How catalogs are read, by server, where it is not through clients' sessions.
    pub catalogs: HashMap<Arc<str>, catalog::Access>,
    pub sessions: proxy::Settings,
    /// Unix users by the name that `@approvers` uses.
    pub approvers: BTreeMap<String, Vec<String>>,
    pub journal: journal::Settings,
    /// What the record of a request survives, where its permits ask for no more.
    pub durability: model::Durability,
    /// Where the archive is copied to.
    pub ship: Option<ship::Written>,
    /// The file of the key that signs the archive's log, where one is named.
    pub key: Option<PathBuf>,
    /// Where signed heads go.
    pub anchor: Option<anchors::Written>,
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
    #[error("{}: {table} {source}", file.display())]
    Tls {
        file: PathBuf,
        /// Which part of the file speaks of it.
        table: String,
        source: tls::TlsError,
    },
    #[error("{}: key {name:?} of [masking.keys] {source}", file.display())]
    Key {
        file: PathBuf,
        /// The key's.
        name: String,
        source: masking::KeyError,
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
        let effective = effective(file, written)
            .map_err(|wrong| invalid(file, &text, wrong.offset, &wrong.message))?;
        effective.ok_or_else(|| ConfigError::NoEntrance {
            file: file.to_owned(),
        })
    }

    /// The socket by which commands reach the running agent.
    pub fn control_socket(&self) -> PathBuf {
        self.run.join("control.sock")
    }

    /// Names of the servers that are only monitored.
    pub fn monitored_servers(&self) -> Vec<Arc<str>> {
        let names: BTreeSet<_> = self
            .monitored
            .iter()
            .filter_map(|address| self.servers.get(address).cloned())
            .collect();
        names.into_iter().collect()
    }

    /// The journal's directory.
    pub fn journal_directory(&self) -> PathBuf {
        self.state.join("journal")
    }

    /// The host's whole trail.
    pub fn trail(&self) -> archive::Trail {
        archive::Trail {
            directory: self.archive_directory(),
            host: self.host.clone(),
            journal: Some(self.journal_directory()),
        }
    }

    /// The archive's directory.
    pub fn archive_directory(&self) -> PathBuf {
        self.state.join("archive")
    }
}

/// None where there is no entrance.
fn entrance(
    intercept: Option<&Spanned<intercept::Written>>,
    gateway: Option<&Spanned<servers::WrittenGateway>>,
    known: &servers::Known,
) -> Result<Option<Entrance>, Contradiction> {
    match (intercept, gateway) {
        (Some(intercept), None) => {
            let effective = intercept.get_ref().clone().effective();
            effective
                .map(|effective| Some(Entrance::Intercept(effective)))
                .map_err(|error| Contradiction::at(intercept, format!("[intercept] {error}")))
        }
        (None, Some(gateway)) => Ok(Some(Entrance::Gateway(known.gateway(gateway.get_ref())))),
        (Some(intercept), Some(gateway)) => Err(Contradiction {
            offset: intercept.span().start.max(gateway.span().start),
            message: "[intercept] and [gateway] are both there: keep one of them".into(),
        }),
        (None, None) => Ok(None),
    }
}

fn effective(file: &Path, written: Written) -> Result<Option<Config>, Contradiction> {
    let base = file.parent().unwrap_or(Path::new("."));
    let gateway = written.gateway.as_ref();
    let known = servers::Known::of(written.servers, gateway, base)?;
    let Some(entrance) = entrance(written.intercept.as_ref(), gateway, &known)? else {
        return Ok(None);
    };
    let defaults = journal::Settings::default();
    Ok(Some(Config {
        entrance,
        state: base.join(written.agent.state),
        run: base.join(written.agent.run),
        policies: base.join(written.agent.policies),
        host: written.agent.host.unwrap_or_else(host_name),
        servers: known.names,
        monitored: known.monitored,
        endpoints: known.endpoints,
        tls: encryption::Written {
            file: file.to_owned(),
            clients: written.tls.map(|tls| tls.below(base)),
            servers: known.demands,
        },
        keys: written.masking.below(file, base),
        catalogs: known.catalogs,
        sessions: written.sessions.effective(),
        approvers: written.approvals.approvers,
        key: written.audit.key.map(|key| base.join(key)),
        anchor: written.audit.anchor.map(|anchor| anchor.below(base)),
        durability: written.audit.durability,
        journal: journal::Settings {
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
        ship: written.audit.ship,
    }))
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
    use std::os::unix::fs::PermissionsExt as _;

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
        // Its password file is on the reader's host, and its certificates are.
        let directory = certificates();
        let below = format!("\"{}/", directory.path().display());
        let example = example
            .replace(", password_file = \"/etc/weir/catalog.password\"", "")
            .replace("\"/etc/weir/", &below);
        load(&example).unwrap().tls.read().unwrap();
    }

    /// A directory with `server.crt`, `server.key` and `root.crt`.
    fn certificates() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["db.example".to_owned()]).unwrap();
        for name in ["server.crt", "root.crt"] {
            fs::write(directory.path().join(name), made.cert.pem()).unwrap();
        }
        let key = directory.path().join("server.key");
        fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        directory
    }

    #[test]
    fn what_is_wrong_with_tls_is_named() {
        let error = |text: &str| {
            let config = load(&format!("{GATEWAY}{text}"));
            let read = config.and_then(|config| config.tls.read().map(drop));
            read.unwrap_err().to_string()
        };
        let missing = error("[tls]\ncertificate = \"none.crt\"\nkey = \"none.key\"\n");
        assert!(
            missing.contains("weir.toml: [tls] cannot read /")
                && missing.contains("/none.crt: No such file"),
            "{missing}"
        );
        let server = "[[server]]\nname = \"shop\"\naddresses = [\"10.0.0.5:5432\"]\n";
        for (written, said) in [
            ("{ mode = \"verify-ca\" }", "needs a root"),
            ("{ mode = \"verify\" }", "unknown variant `verify`"),
            (
                "{ mode = \"require\", root = \"root.crt\" }",
                "checks no certificate",
            ),
            (
                "{ mode = \"prefer\", hostname = \"db\" }",
                "unknown field `hostname`",
            ),
        ] {
            let error = error(&format!("{server}tls = {written}\n"));
            assert!(
                (error.contains("weir.toml:7:") || error.contains("tls of server \"shop\":"))
                    && error.contains(said),
                "{error}"
            );
        }
        let socket =
            format!("{server}upstream = \"unix:/run/s\"\ntls = {{ mode = \"require\" }}\n");
        assert!(
            error(&socket).contains("carries no TLS"),
            "{}",
            error(&socket)
        );
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
