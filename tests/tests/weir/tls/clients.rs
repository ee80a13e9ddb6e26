//! Every client at an agent that demands TLS: each logs in with a password, as its manual says.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;
use weir_tests::driver;
use weir_tests::tls::Pki;
use weir_tests::{Plan, World};

use super::{events, said};

const ROLE: &str = "CREATE ROLE app LOGIN PASSWORD 'pass'";
/// The agent's own role reads the catalog without a password.
const RULES: &str = "
local all postgres trust
host all postgres samehost trust
host all app samehost scram-sha-256
";
const ASKED: &str = "SELECT 'served'";

/// One way to ask: with TLS and this root, or without TLS.
type Ask = fn(SocketAddr, Option<&Path>) -> Output;

fn psql(at: SocketAddr, root: Option<&Path>) -> Output {
    let mut psql = Command::new("psql");
    psql.arg(conninfo(at, root, ""))
        .args(["--no-psqlrc", "-Atc", ASKED, "-c", "\\conninfo"]);
    let output = psql.output().unwrap();
    // psql says in a sentence what the scripts say in a word.
    let out = String::from_utf8_lossy(&output.stdout).replace("SSL connection (", "encrypted\n(");
    Output {
        stdout: out.into(),
        ..output
    }
}

fn psycopg(at: SocketAddr, root: Option<&Path>) -> Output {
    let info = conninfo(at, root, "");
    driver("psycopg_ask.py")
        .args([&info, ASKED])
        .output()
        .unwrap()
}

fn psycopg_direct(at: SocketAddr, root: Option<&Path>) -> Output {
    let direct = root.map_or("", |_| "sslnegotiation=direct");
    let info = conninfo(at, root, direct);
    driver("psycopg_ask.py")
        .args([&info, ASKED])
        .output()
        .unwrap()
}

fn asyncpg(at: SocketAddr, root: Option<&Path>) -> Output {
    let mode = match root {
        Some(root) => format!("sslmode=verify-full&sslrootcert={}", root.display()),
        None => "sslmode=disable".into(),
    };
    let uri = format!("postgresql://app:pass@{at}/app?{mode}");
    driver("asyncpg_ask.py")
        .args([&uri, ASKED])
        .output()
        .unwrap()
}

fn node_postgres(at: SocketAddr, root: Option<&Path>) -> Output {
    let settings = serde_json::json!({
        "host": at.ip().to_string(), "port": at.port(),
        "user": "app", "password": "pass", "database": "app", "root": root,
    });
    let settings = settings.to_string();
    driver("pg_ask.cjs")
        .args([&settings, ASKED])
        .output()
        .unwrap()
}

fn conninfo(at: SocketAddr, root: Option<&Path>, more: &str) -> String {
    let mode = match root {
        Some(root) => format!("sslmode=verify-full sslrootcert={}", root.display()),
        None => "sslmode=disable".into(),
    };
    format!(
        "host={} port={} user=app password=pass dbname=app {mode} {more}",
        at.ip(),
        at.port()
    )
}

/// `root`: none checks nothing of the sort, because this driver is given roots and not a mode.
fn tokio_postgres(at: SocketAddr, root: &Path) -> Result<String, String> {
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(root).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let connected = tokio_postgres::Config::new()
            .host(at.ip().to_string())
            .port(at.port())
            .user("app")
            .password("pass")
            .dbname("app")
            .ssl_mode(SslMode::Require)
            .connect(MakeRustlsConnect::new(config))
            .await;
        let (client, connection) = connected.map_err(|error| format!("{error:?}"))?;
        tokio::spawn(connection);
        let row = client.query_one(ASKED, &[]).await;
        row.map(|row| row.get(0)).map_err(|error| error.to_string())
    })
}

fn world(pki: &Pki) -> World {
    pki.issue("agent", &["127.0.0.1", "localhost"]).unwrap();
    let plan = Plan::new().script(ROLE).config(&pki.table("agent", true));
    let world = plan.gateway().unwrap();
    world.database().rules(RULES).unwrap();
    world
}

#[test]
fn every_driver_is_served_over_tls_and_refused_without() {
    let (pki, stranger) = (Pki::new().unwrap(), Pki::new().unwrap());
    let world = world(&pki);
    let (root, other) = (pki.path("root.crt"), stranger.path("root.crt"));
    let at = world.address();
    let drivers: [(&str, Ask); 5] = [
        ("psql", psql),
        ("psycopg", psycopg),
        ("psycopg, direct", psycopg_direct),
        ("asyncpg", asyncpg),
        ("node-postgres", node_postgres),
    ];
    for (name, ask) in drivers {
        let served = ask(at, Some(&root));
        let words = said(&served);
        assert!(
            served.status.success() && words.starts_with("served\n") && words.contains("encrypted"),
            "{name}: {words}"
        );
        let distrusted = ask(at, Some(&other));
        let words = said(&distrusted).to_lowercase();
        assert!(
            !distrusted.status.success() && words.contains("certificate"),
            "{name}: {words}"
        );
        let plain = ask(at, None);
        let words = said(&plain);
        assert!(
            !plain.status.success()
                && words.contains("weir: connections without TLS are not accepted"),
            "{name}: {words}"
        );
    }
    assert_eq!(tokio_postgres(at, &root).unwrap(), "served");
    let distrusted = tokio_postgres(at, &other).unwrap_err();
    assert!(distrusted.contains("UnknownIssuer"), "{distrusted}");

    let decided = events(&world, "decided");
    let connects = decided.iter().filter(|row| row["weir_stage"] == "connect");
    let versions: Vec<_> = connects
        .map(|row| row["weir_client_tls"].as_str())
        .collect();
    assert_eq!(versions, [Some("TLSv1.3"); 6]);
    assert!(
        decided
            .iter()
            .all(|row| row.get("weir_server_tls").is_none())
    );
}
