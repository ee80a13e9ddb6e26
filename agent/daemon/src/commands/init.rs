//! `weir init`: looks at the host, and proposes a configuration for it.
//!
//! ```text
//!   look ─> Host ─> proposal ─> stdout, or a file that was not there
//! ```

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use intercept::host::{State, report};

use crate::cli::Init;

/// Where distributions and PostgreSQL itself put their sockets (`unix_socket_directories`).
const DIRECTORIES: [&str; 2] = ["/var/run/postgresql", "/tmp"];

/// What PostgreSQL's sockets are called, before the port.
const NAME: &str = ".s.PGSQL.";

/// Whose connections are proposed to be intercepted: every service's, under systemd.
const SERVICES: &str = "system.slice";

/// What matters of a host.
#[derive(Debug, Default)]
struct Host {
    /// Servers that answer, by port.
    servers: Vec<Server>,
    /// Whether there are services in a cgroup of their own.
    has_services: bool,
    /// Why connections cannot be intercepted.
    obstacles: Vec<String>,
}

#[derive(Debug)]
struct Server {
    port: u16,
    socket: PathBuf,
}

/// Prints the proposal, or writes it where there is no configuration.
pub fn init(file: &Path, wanted: &Init) -> anyhow::Result<()> {
    let given = &wanted.sockets;
    let defaults = DIRECTORIES.map(PathBuf::from);
    let directories = if given.is_empty() {
        &defaults
    } else {
        given.as_slice()
    };
    let proposal = proposal(&look(directories));
    if !wanted.write {
        print!("{proposal}");
        return Ok(());
    }
    let new = File::options().write(true).create_new(true).open(file);
    let mut new = new.with_context(|| format!("cannot make {}", file.display()))?;
    new.write_all(proposal.as_bytes())
        .with_context(|| format!("cannot write {}", file.display()))?;
    println!(
        "{} written: read it, then `weir check` and `weir run`",
        file.display()
    );
    Ok(())
}

fn look(directories: &[PathBuf]) -> Host {
    let mount = intercept::cgroup_mount();
    let missing = report(None)
        .into_iter()
        .filter(|finding| finding.state == State::Missing);
    Host {
        servers: servers(directories),
        has_services: mount.is_ok_and(|mount| mount.join(SERVICES).is_dir()),
        obstacles: missing
            .map(|finding| format!("{}: {}", finding.name, finding.meaning))
            .collect(),
    }
}

/// The first socket of each port that somebody listens on.
fn servers(directories: &[PathBuf]) -> Vec<Server> {
    let mut servers: Vec<Server> = directories
        .iter()
        .filter_map(|directory| fs::read_dir(directory).ok())
        .flat_map(|entries| entries.filter_map(Result::ok))
        .filter_map(|entry| {
            let port = entry
                .file_name()
                .to_str()?
                .strip_prefix(NAME)?
                .parse()
                .ok()?;
            let socket = entry.path().canonicalize().ok()?;
            // A server that crashed leaves its socket behind.
            UnixStream::connect(&socket).ok()?;
            Some(Server { port, socket })
        })
        .collect();
    servers.sort_by_key(|server| server.port);
    servers.dedup_by_key(|server| server.port);
    servers
}

fn proposal(host: &Host) -> String {
    let mut text = String::from("# Proposed by `weir init`. Read it, then run `weir check`.\n\n");
    text.push_str(&entrance(host));
    text.push_str(
        "
[agent]
state = \"/var/lib/weir\"                # journal and archive
run = \"/run/weir\"                      # the control socket
policies = \"policies\"                  # *.cedar and classes.toml

# Masks that hash, tokenize or add noise take keys: `openssl rand -hex 32 > pii.key`, for nobody else to read (mode 0600).
# [masking.keys]
# pii = { file = \"pii.key\" }
",
    );
    if let Some(first) = host.servers.first() {
        let _ = write!(
            text,
            "
# These servers are on this host, and are reached over their unix sockets: the `local` lines of pg_hba.conf count.
# Let them ask for a password, as the `host` lines do (scram-sha-256): `peer` would see weir's own user.
# The catalog's role needs no privilege: CREATE ROLE weir LOGIN. Without that line, clients' own sessions are asked.
# Its password goes into a file that only weir can read:
# password_file = \"/etc/weir/catalog.password\". Check: psql -h {} -p {} -U weir
",
            first.socket.parent().unwrap_or(Path::new("/")).display(),
            first.port,
        );
    }
    for Server { port, socket } in &host.servers {
        let _ = write!(
            text,
            "
[[server]]
name = \"postgres-{port}\"
addresses = [\"127.0.0.1:{port}\", \"[::1]:{port}\"] # what clients name: add the host's own address if they use it
upstream = {}
catalog = {{ user = \"weir\" }}
",
            quoted(socket)
        );
    }
    text
}

fn entrance(host: &Host) -> String {
    if host.has_services && host.obstacles.is_empty() {
        let ports: Vec<String> = host
            .servers
            .iter()
            .map(|server| server.port.to_string())
            .collect();
        let ports = if ports.is_empty() {
            "5432".to_owned()
        } else {
            ports.join(", ")
        };
        return format!(
            "[intercept]
cgroup = \"{SERVICES}\"                  # every service; name one, such as \"{SERVICES}/billing.service\", to begin with
ports = [{ports}]
port = 15432
fail = \"closed\"
"
        );
    }
    let mut text = String::new();
    for obstacle in &host.obstacles {
        let _ = writeln!(text, "# Connections cannot be intercepted here: {obstacle}");
    }
    if host.obstacles.is_empty() {
        text.push_str("# There is no system.slice here; [intercept] with the cgroup of your clients needs no change on their side.\n");
    }
    let (upstream, note) = match host.servers.first() {
        Some(server) => (quoted(&server.socket), ""),
        None => (
            "\"127.0.0.1:5432\"".to_owned(),
            " # no PostgreSQL listens on a unix socket here: name yours",
        ),
    };
    let _ = writeln!(
        text,
        "[gateway]
listen = \"127.0.0.1:6432\"              # clients name this instead of the server
upstream = {upstream}{note}"
    );
    text
}

/// The socket as a string of TOML.
fn quoted(socket: &Path) -> String {
    toml::Value::String(format!("unix:{}", socket.display())).to_string()
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::config::{Config, Entrance};

    fn meant(text: &str) -> Config {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("weir.toml");
        fs::write(&file, text).unwrap();
        Config::load(&file).unwrap()
    }

    fn server(port: u16) -> Server {
        let socket = format!("/run/a \"name\"/{NAME}{port}").into();
        Server { port, socket }
    }

    #[test]
    fn whatever_is_found_the_proposal_is_a_configuration() {
        for has_services in [true, false] {
            for obstacles in [vec![], vec!["privileges: none".to_owned()]] {
                for count in 0..3 {
                    let can_intercept = has_services && obstacles.is_empty();
                    let host = Host {
                        servers: (0..count).map(|number| server(5432 + number)).collect(),
                        has_services,
                        obstacles: obstacles.clone(),
                    };
                    let config = meant(&proposal(&host));
                    let is_kernel = matches!(config.entrance, Entrance::Intercept(_));
                    assert_eq!(is_kernel, can_intercept);
                    assert_eq!(config.servers.len(), 2 * usize::from(count));
                    assert_eq!(config.endpoints.len(), 2 * usize::from(count));
                }
            }
        }
    }

    #[test]
    fn a_server_behind_a_gateway_has_its_name() {
        let host = Host {
            servers: vec![server(5433)],
            ..Host::default()
        };
        let config = meant(&proposal(&host));
        let Entrance::Gateway(gateway) = config.entrance else {
            panic!("a gateway is proposed");
        };
        let name = config.servers.get(&gateway.destination).unwrap();
        assert_eq!(&**name, "postgres-5433");
    }

    #[test]
    fn a_socket_counts_where_somebody_listens() {
        let directory = tempfile::tempdir().unwrap();
        let bind = |name: &str| UnixListener::bind(directory.path().join(name)).unwrap();
        let _listening = bind(".s.PGSQL.6001");
        drop(bind(".s.PGSQL.6002"));
        let _other = bind("s");
        fs::write(directory.path().join(".s.PGSQL.6001.lock"), "1").unwrap();
        let found = servers(&[directory.path().to_owned()]);
        let ports: Vec<u16> = found.iter().map(|server| server.port).collect();
        assert_eq!(ports, [6001]);
    }
}
