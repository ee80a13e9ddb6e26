//! What is demanded of servers: each of libpq's modes, at a server that shows what it should, something else, or nothing.

use std::fs;

use weir_tests::tls::Pki;
use weir_tests::{Plan, World};

use super::{events, said};

/// Nobody comes in over TCP without TLS, the agent's own role for the catalog as little as anybody else.
const ENCRYPTED: &str = "local all all trust\nhostssl all all samehost trust\n";
const EITHER: &str = "local all all trust\nhost all all samehost trust\n";

/// Stands for what is demanded; the configuration goes on with `[[server]]`, and this is a line of it.
const NOTHING: &str = "# nothing is demanded\n";

const SIDE: &str = "SELECT CASE WHEN ssl THEN version ELSE 'plain' END FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

/// Starts the agent again with another demand.
fn demand(world: &mut World, demand: &str) {
    let text = fs::read_to_string(world.config()).unwrap();
    let (before, after) = text.split_once("# demand\n").unwrap();
    let after = after.split_once('\n').unwrap().1;
    fs::write(
        world.config(),
        format!("{before}# demand\n{demand}\n{after}"),
    )
    .unwrap();
    world.agent_mut().stop().unwrap();
    world.restart().unwrap();
}

/// How the server sees the agent's connection, or what the client is told instead.
fn side(world: &World) -> String {
    let output = world.psql("client").args(["-Atc", SIDE]).output().unwrap();
    said(&output)
}

fn world() -> World {
    let plan = Plan::new().config(&format!("# demand\n{NOTHING}"));
    plan.gateway().unwrap()
}

#[test]
fn each_mode_demands_of_a_server_what_libpq_s_does() {
    let (pki, stranger) = (Pki::new().unwrap(), Pki::new().unwrap());
    let mut world = world();
    let [root, other] = [&pki, &stranger].map(|pki| pki.path("root.crt"));
    let tls = |mode: &str, more: &str| format!("tls = {{ mode = \"{mode}\"{more} }}");
    let by = |root: &std::path::Path| format!(", root = {root:?}");
    let named = |name: &str| format!("{}, name = {name:?}", by(&root));

    // A server without TLS.
    assert_eq!(side(&world), "plain\n");
    demand(&mut world, &tls("prefer", ""));
    assert_eq!(side(&world), "plain\n");
    demand(&mut world, &tls("require", ""));
    let refused = side(&world);
    assert!(
        refused
            .contains("weir: the connection to the server could not be encrypted as it has to be"),
        "{refused}"
    );
    world
        .agent()
        .wait_for("offers no TLS, and its tls.mode is require: turn ssl on there")
        .unwrap();

    pki.issue("server", &["db.example", "127.0.0.1"]).unwrap();
    pki.encrypt(world.database(), "server", ENCRYPTED).unwrap();
    let encrypted = "TLSv1.3\n";
    for (demanded, seen, logged) in [
        (NOTHING.trim().to_owned(), "no encryption", ""),
        (tls("disable", ""), "no encryption", ""),
        (tls("prefer", ""), encrypted, ""),
        (tls("require", ""), encrypted, ""),
        (tls("verify-ca", &by(&root)), encrypted, ""),
        (
            tls("verify-ca", &by(&other)),
            "could not be encrypted",
            "tls.root must have",
        ),
        (tls("verify-full", &named("db.example")), encrypted, ""),
        (tls("verify-full", &by(&root)), encrypted, ""),
        (
            tls("verify-full", &named("other.example")),
            "could not be encrypted",
            "tls.name must be a subjectAltName",
        ),
    ] {
        demand(&mut world, &demanded);
        let found = side(&world);
        assert!(found.contains(seen), "{demanded}: {found}");
        if !logged.is_empty() {
            world.agent().wait_for(logged).unwrap();
        }
    }
    // The agent's own look into the catalog came through as well: what was asked is known.
    let decided = events(&world, "decided");
    let mut runs = decided.iter().filter(|row| row["weir_stage"] == "run");
    assert!(runs.next_back().unwrap().get("weir_opaque").is_none());
    let encrypted = events(&world, "encrypted");
    assert_eq!(encrypted.len(), 5);
    assert!(
        encrypted
            .iter()
            .all(|row| row["weir_server_tls"] == "TLSv1.3")
    );
}

#[test]
fn a_certificate_as_the_manual_makes_it_will_do_where_nothing_is_checked() {
    let pki = Pki::new().unwrap();
    let mut world = world();
    // X.509 version 1, like every certificate that `openssl x509 -req` signs without extensions.
    let openssl = |words: &str| {
        let mut command = std::process::Command::new("openssl");
        let output = command
            .args(words.split(' '))
            .current_dir(pki.path("."))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", said(&output));
    };
    openssl("req -new -nodes -subj /CN=db.example -newkey rsa:2048 -keyout old.key -out old.csr");
    openssl("x509 -req -in old.csr -days 36500 -signkey old.key -out old.crt");
    pki.encrypt(world.database(), "old", EITHER).unwrap();
    demand(&mut world, "tls = { mode = \"require\" }");
    assert_eq!(side(&world), "TLSv1.3\n");
    demand(
        &mut world,
        &format!(
            "tls = {{ mode = \"verify-ca\", root = {:?} }}",
            pki.path("old.crt")
        ),
    );
    assert!(side(&world).contains("could not be encrypted"));
    world
        .agent()
        .wait_for("the server needs a certificate of X.509 version 3")
        .unwrap();
}
