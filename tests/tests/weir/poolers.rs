//! Poolers and balancers before and behind the agent: what goes through them is what goes through them without it.

use std::process::Command;

use stage::free_port;
use weir_tests::messages::{
    bind, close, describe, error, execute, extended, parse, query, rows, sync, told,
};
use weir_tests::{Plan, Pooler, Wire, World, frame};

const MODES: [&str; 2] = ["session", "transaction"];

const TABLES: &str = "CREATE TABLE t (n int PRIMARY KEY, x text); CREATE TABLE secret (x text)";

/// Everything but one table, which nobody may read.
const RULES: &str = r#"
@id("all")
permit (principal, action, resource);

@id("secrets")
forbid (principal, action, resource in Table::"shop/app.public.secret");
"#;

#[test]
fn a_pool_before_the_agent_is_what_it_is_before_the_server() {
    let world = plan().gateway().unwrap();
    for mode in MODES {
        let before = |upstream: u16| {
            Pooler::pgbouncer(world.folder(), mode, free_port().unwrap(), upstream).unwrap()
        };
        let direct = before(world.direct_address().port());
        let through = before(world.address().port());
        let yardstick = everything(&world, &direct, mode);
        assert_eq!(everything(&world, &through, mode), yardstick, "{mode}");
        load(&world, &through, mode);
    }
}

#[test]
fn a_pool_behind_the_agent_is_what_it_is_without_it() {
    for mode in MODES {
        let port = free_port().unwrap();
        let world = plan().pooler(port).gateway().unwrap();
        let direct =
            Pooler::pgbouncer(world.folder(), mode, port, world.direct_address().port()).unwrap();
        let yardstick = talk(&mut log_in(direct.port()), mode);
        world.database().run("app", "TRUNCATE t").unwrap();
        let mut wire = log_in(world.address().port());
        assert_eq!(talk(&mut wire, mode), yardstick, "{mode}");
        drop(wire);
        refuse(world.address().port());
        cancel(&world, world.address().port());
    }
}

#[test]
fn a_refusal_leaves_the_pool_as_it_was() {
    let world = plan().gateway().unwrap();
    for mode in MODES {
        let pooler = Pooler::pgbouncer(
            world.folder(),
            mode,
            free_port().unwrap(),
            world.address().port(),
        )
        .unwrap();
        refuse(pooler.port());
        // The pool hands on the very connection that a refusal went over.
        let one_after_another = [(), ()].map(|()| {
            let mut wire = log_in(pooler.port());
            let refused = wire.query("SELECT * FROM secret").unwrap();
            assert_eq!(told(&refused), "E:42501 Z:I");
            rows(&wire.query("SELECT pg_backend_pid()").unwrap())
        });
        assert_eq!(one_after_another[0], one_after_another[1], "{mode}");
        cancel(&world, pooler.port());
    }
}

#[test]
fn a_balancer_before_the_agent_changes_nothing() {
    let world = plan().gateway().unwrap();
    let balancer =
        Pooler::haproxy(world.folder(), free_port().unwrap(), world.address().port()).unwrap();
    let mut direct = world.wire_direct().unwrap();
    direct.log_in("postgres", "app").unwrap();
    let yardstick = talk(&mut direct, "session");
    world.database().run("app", "TRUNCATE t").unwrap();
    assert_eq!(talk(&mut log_in(balancer.port()), "session"), yardstick);
    refuse(balancer.port());
    cancel(&world, balancer.port());
}

fn plan() -> Plan {
    Plan::new().policy("rules.cedar", RULES).script(TABLES)
}

fn log_in(port: u16) -> Wire {
    let mut wire = Wire::to(port).unwrap();
    let welcome = wire.log_in("postgres", "app").unwrap();
    assert!(told(&welcome).ends_with("Z:I"), "{}", told(&welcome));
    wire
}

/// A talk, on a table that is empty before and after it.
fn everything(world: &World, pooler: &Pooler, mode: &str) -> Vec<String> {
    let told = talk(&mut log_in(pooler.port()), mode);
    world.database().run("app", "TRUNCATE t").unwrap();
    told
}

/// One client's conversation: all that this mode of pooling supports.
fn talk(wire: &mut Wire, mode: &str) -> Vec<String> {
    let copied = [frame('d', b"7\tseven\n"), frame('c', b"")].concat();
    let steps = [
        query("INSERT INTO t VALUES (1, 'one'), (2, NULL)"),
        query("SELECT * FROM t; SELECT nonsense; SELECT 1"),
        query(""),
        [extended("SELECT x FROM t WHERE n = $1", &["1"], 0), sync()].concat(),
        [
            extended("INSERT INTO t VALUES ($1, $2)", &["3", "three"], 0),
            extended("INSERT INTO t VALUES ($1, $2)", &["3", "again"], 0),
            extended("INSERT INTO t VALUES ($1, $2)", &["4", "skipped"], 0),
            sync(),
        ]
        .concat(),
        query("BEGIN; INSERT INTO t VALUES (5)"),
        query("SELECT count(*) FROM t"),
        query("SELECT 1/0"),
        query("SELECT 1"),
        query("ROLLBACK"),
        [query("COPY t FROM STDIN"), copied].concat(),
        query("COPY t TO STDOUT"),
        query("SELECT repeat('x', 100000) FROM generate_series(1, 50)"),
    ];
    let prepared = [
        [
            parse("one", "SELECT $1::text || 'x'"),
            describe('S', "one"),
            sync(),
        ]
        .concat(),
        [bind("", "one", &["a"], 0), execute(""), sync()].concat(),
        [bind("", "one", &["b"], 0), execute(""), sync()].concat(),
        [close('S', "one"), sync()].concat(),
        [bind("", "one", &["c"], 0), execute(""), sync()].concat(),
        query("SET application_name = 'here'; SHOW application_name"),
        query("LISTEN here; NOTIFY here, 'for me'"),
    ];
    // In transaction mode the next transaction may be another session's.
    let of_session = if mode == "session" {
        &prepared[..]
    } else {
        &[]
    };
    let said = steps.iter().chain(of_session).map(|step| {
        wire.send(step).unwrap();
        let answer = wire.until_ready().unwrap();
        format!("{} {:?}", told(&answer), rows(&answer))
    });
    said.collect()
}

/// Statements that are refused, each in another state, and what the next clients find.
fn refuse(port: u16) {
    let mut first = log_in(port);
    let refused = first.query("SELECT * FROM secret").unwrap();
    assert_eq!(told(&refused), "E:42501 Z:I");
    assert!(error(&refused).field('M').starts_with("weir: "));
    first
        .send(&[extended("SELECT * FROM secret", &[], 0), sync()].concat())
        .unwrap();
    assert_eq!(told(&first.until_ready().unwrap()), "E:42501 Z:I");
    let open = first.query("BEGIN; INSERT INTO t VALUES (99)").unwrap();
    assert_eq!(told(&open), "C:BEGIN C:INSERT_0_1 Z:T");
    let refused = first.query("SELECT * FROM secret").unwrap();
    assert_eq!(told(&refused), "E:42501 Z:E");
    // Nobody ends the transaction in order.
    drop(first);
    let mut second = log_in(port);
    let after = second.query("SELECT count(*) FROM t WHERE n = 99").unwrap();
    assert_eq!(rows(&after), [["0"]]);
    assert_eq!(
        told(&second.query("COMMIT").unwrap()),
        "N:25P01 C:COMMIT Z:I"
    );
    drop(second);
    let mut third = log_in(port);
    let refused = third.query("SELECT * FROM secret").unwrap();
    assert_eq!(told(&refused), "E:42501 Z:I");
    assert_eq!(
        told(&third.query("SELECT 1").unwrap()),
        "T D C:SELECT_1 Z:I"
    );
}

/// Cancels a statement with the key that the pooler, or the agent, showed.
fn cancel(world: &World, port: u16) {
    let mut wire = Wire::to(port).unwrap();
    let welcome = wire.log_in("postgres", "app").unwrap();
    let key = welcome.iter().find(|frame| frame.tag == 'K').unwrap();
    wire.send(&query("SELECT pg_sleep(600)")).unwrap();
    let sleeps = "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    world.until(sleeps);
    let packet = [&80_877_102_u32.to_be_bytes()[..], &key.body].concat();
    let mut canceller = Wire::to(port).unwrap();
    canceller.send(&frame(' ', &packet)[1..]).unwrap();
    assert_eq!(told(&canceller.until_end().unwrap()), "");
    assert_eq!(told(&wire.until_ready().unwrap()), "T E:57014 Z:I");
}

/// pgbench in the protocol's modes that this mode of pooling supports.
fn load(world: &World, pooler: &Pooler, mode: &str) {
    let bench = |words: &[&str]| {
        let output = Command::new(world.database().program("pgbench"))
            .args(["-h", "127.0.0.1", "-U", "postgres", "-p"])
            .arg(pooler.port().to_string())
            .args(words)
            .arg("app")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    bench(&["--initialize", "--quiet"]);
    let protocols = match mode {
        "session" => &["simple", "extended", "prepared"][..],
        _ => &["simple", "extended"],
    };
    for protocol in protocols {
        // In session mode a client keeps the pool's one connection.
        let clients = if mode == "session" { "1" } else { "4" };
        let report = bench(&["-n", "-t", "25", "-c", clients, "-M", protocol]);
        assert!(report.contains("failed transactions: 0"), "{report}");
    }
}
