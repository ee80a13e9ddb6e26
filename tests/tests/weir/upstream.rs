//! A server that the agent reaches over its unix socket, and the configuration that is proposed for it.

use std::fs;

use serde_json::Value;
use weir_tests::messages::{error, query, rows, told};
use weir_tests::{PERMIT_ALL, Plan, Wire, World, frame, startup};

const CANCEL: u32 = 80_877_102;

/// Rules that need a catalog, which is read over the socket too.
const RULES: &str = r#"
@id("session")
permit (principal, action in [Action::"connect", Action::"call", Action::"set"], resource);
@id("read")
permit (principal, action == Action::"select", resource in Table::"shop/app.public.open");
"#;
const TABLES: &str = "CREATE TABLE open (x int); CREATE TABLE closed (x int)";

#[test]
fn the_server_sees_its_socket_and_the_trail_sees_the_client() {
    let plan = Plan::new()
        .policy("rules.cedar", RULES)
        .script(TABLES)
        .local();
    let worlds = [
        Some(plan.clone().gateway().unwrap()),
        plan.intercepted(&["client"]).unwrap(),
    ];
    for world in worlds.into_iter().flatten() {
        let mut wire = session(&world);
        let address = wire.stream().local_addr().unwrap();
        assert_eq!(
            rows(&wire.query("SELECT inet_client_addr()").unwrap()),
            [["NULL"]]
        );
        assert_eq!(
            told(&wire.query("SELECT * FROM open").unwrap()),
            "T C:SELECT_0 Z:I"
        );
        assert_eq!(
            told(&wire.query("SELECT * FROM closed").unwrap()),
            "E:42501 Z:I"
        );
        let opened = opened(&world);
        assert_eq!(opened["src_endpoint_ip"], address.ip().to_string());
        assert_eq!(opened["src_endpoint_port"], address.port());
        assert_eq!(opened["dst_endpoint_port"], world.direct_address().port());
    }
}

#[test]
fn a_cancel_goes_over_the_socket() {
    let world = Plan::new().local().gateway().unwrap();
    let mut wire = world.wire("client").unwrap();
    let welcome = wire.log_in("postgres", "app").unwrap();
    let key = welcome.iter().find(|frame| frame.tag == 'K').unwrap();
    wire.send(&query("SELECT pg_sleep(600)")).unwrap();
    let sleeps = "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    world.until(sleeps);
    let packet = [&CANCEL.to_be_bytes()[..], &key.body].concat();
    let mut cancel = world.wire("client").unwrap();
    cancel.send(&frame(' ', &packet)[1..]).unwrap();
    assert_eq!(told(&cancel.until_end().unwrap()), "");
    assert_eq!(told(&wire.until_ready().unwrap()), "T E:57014 Z:I");
}

#[test]
fn nobody_is_let_in_as_the_agent() {
    let own = own_user();
    let role = format!("CREATE ROLE \"{own}\" SUPERUSER LOGIN PASSWORD 'secret'");
    let world = Plan::new().script(&role).local().gateway().unwrap();
    let mut wire = world.wire("client").unwrap();
    let answer = wire.log_in(&own, "app").unwrap();
    assert_eq!(told(&answer), "E:28000");
    let refusal = error(&answer);
    assert!(
        refusal.field('V') == "FATAL" && refusal.field('M').contains("asked for no proof"),
        "{refusal:?}"
    );
    // With a proof it is the client's own doing.
    let rules = "local all postgres trust\nlocal all all password\n";
    world.database().rules(rules).unwrap();
    let mut wire = world.wire("client").unwrap();
    wire.send(&startup(&[("user", &own), ("database", "app")]))
        .unwrap();
    assert_eq!(wire.read().unwrap().body, 3_u32.to_be_bytes());
    wire.send(&frame('p', b"secret\0")).unwrap();
    assert!(told(&wire.until_ready().unwrap()).ends_with("Z:I"));
}

#[test]
fn a_socket_that_is_not_there_is_a_server_that_is_not_there() {
    let world = Plan::new().local().gateway().unwrap();
    let port = world.database().port();
    fs::remove_file(world.database().data().join(format!(".s.PGSQL.{port}"))).unwrap();
    let answer = world
        .wire("client")
        .unwrap()
        .log_in("postgres", "app")
        .unwrap();
    assert_eq!(told(&answer), "E:57P03");
    world.agent().wait_for("the server at unix:/").unwrap();
}

#[test]
fn a_proposal_names_the_servers_of_this_host_and_is_a_configuration() {
    let world = Plan::new().gateway().unwrap();
    let folder = world.folder().join("fresh");
    fs::create_dir_all(folder.join("policies")).unwrap();
    fs::write(folder.join("policies/classes.toml"), "").unwrap();
    fs::write(folder.join("policies/all.cedar"), PERMIT_ALL).unwrap();
    let file = folder.join("weir.toml");
    let weir = |words: &[&str]| {
        let mut command = std::process::Command::new(weir_tests::weir());
        command
            .arg("--config")
            .arg(&file)
            .args(words)
            .output()
            .unwrap()
    };
    let data = world.database().data();
    let sockets = data.to_str().unwrap();
    let shown = weir(&["init", "--sockets", sockets]);
    assert!(shown.status.success(), "{shown:?}");
    assert!(!file.exists());
    assert!(
        weir(&["init", "--sockets", sockets, "--write"])
            .status
            .success()
    );
    assert_eq!(fs::read(&file).unwrap(), shown.stdout);
    let text = fs::read_to_string(&file).unwrap();
    let port = world.database().port();
    assert!(
        text.contains(&format!("upstream = \"unix:{sockets}/.s.PGSQL.{port}\"")),
        "{text}"
    );
    let checked = weir(&["check"]);
    assert!(checked.status.success(), "{checked:?}");
    let again = weir(&["init", "--sockets", sockets, "--write"]);
    assert!(!again.status.success() && fs::read(&file).unwrap() == shown.stdout);
}

fn session(world: &World) -> Wire {
    let mut wire = world.wire("client").unwrap();
    let welcome = wire.log_in("postgres", "app").unwrap();
    assert!(told(&welcome).ends_with("Z:I"), "{}", told(&welcome));
    wire
}

/// The only session that the trail knows of.
fn opened(world: &World) -> Value {
    let shown = world.agent().ask(&["audit", "show", "--json"]).unwrap();
    let text = String::from_utf8(shown.stdout).unwrap();
    let mut opened = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|record| record["weir_event"] == "opened");
    let first = opened.next().unwrap();
    assert!(opened.next().is_none());
    first
}

fn own_user() -> String {
    let output = std::process::Command::new("id")
        .arg("-un")
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
