//! Logins that are bound to the certificate (SCRAM-SHA-256-PLUS): where TLS ends at the agent and the server has TLS too,
//! they work end to end if both show the same certificate, and otherwise end in words.

use std::fs;
use std::process::Output;

use weir_tests::driver;
use weir_tests::tls::Pki;
use weir_tests::{Plan, World};

use super::said;

const ROLE: &str = "CREATE ROLE app LOGIN PASSWORD 'pass'";
const RULES: &str = "
local all postgres trust
host all postgres samehost trust
host all app samehost scram-sha-256
";
/// How libpq says it, and the agent's hint.
const REFUSED: &str =
    "FATAL:  weir: channel binding does not reach the server, because TLS ends at weir";
const HINT: &str = "channel_binding=disable";

fn psql(world: &World, mode: &str, binding: &str) -> Output {
    let mut psql = world.psql("client");
    psql.env("PGUSER", "app").env("PGPASSWORD", "pass");
    psql.env("PGSSLMODE", mode).env("PGCHANNELBINDING", binding);
    psql.args(["-Atc", "SELECT 'served'"]).output().unwrap()
}

/// The same with libpq 18.
fn psycopg(world: &World, binding: &str) -> Output {
    let info = format!(
        "host=127.0.0.1 port={} user=app password=pass dbname=app sslmode=require channel_binding={binding}",
        world.address().port()
    );
    let mut ask = driver("psycopg_ask.py");
    ask.args([&info, "SELECT 'served'"]).output().unwrap()
}

#[test]
fn a_login_is_bound_to_the_certificate_where_both_ends_show_the_same_and_told_so_elsewhere() {
    let pki = Pki::new().unwrap();
    pki.issue("agent", &["127.0.0.1"]).unwrap();
    pki.issue("server", &["127.0.0.1"]).unwrap();
    let tls = format!(
        "tls = {{ mode = \"verify-full\", root = {:?} }}\n{}",
        pki.path("root.crt"),
        pki.table("agent", false)
    );
    let world = Plan::new().script(ROLE).config(&tls).gateway().unwrap();
    pki.encrypt(world.database(), "server", RULES).unwrap();

    // Two certificates: what could be bound is not what the server would see.
    for ask in [psql(&world, "require", "prefer"), psycopg(&world, "prefer")] {
        let words = said(&ask);
        assert!(
            !ask.status.success() && words.contains(REFUSED) && words.contains(HINT),
            "{words}"
        );
    }
    for ask in [
        psql(&world, "require", "require"),
        psycopg(&world, "require"),
    ] {
        assert!(!ask.status.success(), "{}", said(&ask));
    }
    for ask in [
        psql(&world, "require", "disable"),
        psql(&world, "disable", "prefer"),
        psycopg(&world, "disable"),
    ] {
        assert!(said(&ask).starts_with("served\n"), "{}", said(&ask));
    }

    // A certificate without its key is not shown, and the one before stays.
    fs::copy(pki.path("server.crt"), pki.path("agent.crt")).unwrap();
    let (words, is_well) = world.weir(&["reload"]);
    assert!(
        !is_well && words.contains("the old certificate stays"),
        "{words}"
    );
    assert!(said(&psql(&world, "require", "prefer")).contains(REFUSED));

    // The server's own certificate: binding passes end to end.
    fs::copy(pki.path("server.key"), pki.path("agent.key")).unwrap();
    world.agent().hang_up().unwrap();
    let shown = "new connections are shown the certificate as it is now";
    world.agent().wait_for(shown).unwrap();
    for ask in [
        psql(&world, "require", "prefer"),
        psql(&world, "require", "require"),
        psycopg(&world, "require"),
    ] {
        assert!(said(&ask).starts_with("served\n"), "{}", said(&ask));
    }
}
