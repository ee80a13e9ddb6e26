//! Ways out of the database: files, programs, other servers, and the server's own settings.

use std::fs;
use std::path::Path;

use weir_tests::messages::{function_call, sync, told};
use weir_tests::shop::{ANALYST, shop};
use weir_tests::{Plan, World};

use super::{REFUSED, assert_refused, in_every_way, past, session};

const CANARY: &str = "canary-outside";

/// A server that can reach out: a file that is told, a large object, and both ways to speak to another server.
fn world() -> World {
    let world = plan().gateway().unwrap();
    fs::write(world.database().data().join("secret"), CANARY).unwrap();
    world
}

fn plan() -> Plan {
    shop(ANALYST).script(
        "CREATE SCHEMA tools;
         CREATE EXTENSION dblink SCHEMA tools;
         CREATE EXTENSION adminpack;
         CREATE EXTENSION postgres_fdw SCHEMA tools;
         SELECT lo_from_bytea(4242, 'canary-outside')",
    )
}

/// One's own server, as seen from the server itself.
fn loopback(world: &World) -> String {
    let directory = world.database().data();
    let port = world.database().port();
    format!(
        "host={} port={port} dbname=app user=postgres",
        directory.display()
    )
}

#[test]
fn no_file_is_written() {
    let world = world();
    let mut wire = session(&world);
    let mut past = past(&world);
    let loot = |name: &str| world.database().data().join(name);
    let template = |sql: &str, file: &Path| sql.replace("LOOT", &file.display().to_string());
    for sql in [
        "COPY orders TO 'LOOT'",
        "COPY (SELECT 1) TO 'LOOT'",
        "COPY (SELECT 1) TO PROGRAM 'cat > LOOT'",
        "COPY claims FROM PROGRAM 'touch LOOT'",
        "SELECT lo_export(4242, 'LOOT')",
        "SELECT 1 FROM orders WHERE lo_export(4242, 'LOOT') = 1 LIMIT 1",
        "SELECT pg_file_write('LOOT', 'x', false)",
        "DO $$ BEGIN COPY (SELECT 1) TO PROGRAM 'touch LOOT'; END $$",
    ] {
        let (refused, done) = (loot("refused"), loot("done"));
        for answer in in_every_way(&mut wire, &template(sql, &refused)) {
            assert_eq!(told(&answer), REFUSED, "{sql}");
        }
        assert!(!refused.exists(), "{sql}");
        let answer = past.query(&template(sql, &done)).unwrap();
        assert!(done.exists(), "{sql}: {}", told(&answer));
        fs::remove_file(done).unwrap();
    }

    // The same by its number, without a word of SQL.
    let oid = world
        .database()
        .run("app", "SELECT 'lo_export'::regproc::oid");
    let oid = oid.unwrap().trim().parse().unwrap();
    let refused = loot("refused").display().to_string();
    wire.send(&function_call(oid, &["4242", &refused])).unwrap();
    assert_eq!(told(&wire.until_ready().unwrap()), REFUSED);
    assert!(!loot("refused").exists());
    let done = loot("done").display().to_string();
    past.send(&function_call(oid, &["4242", &done])).unwrap();
    past.until_ready().unwrap();
    assert!(loot("done").exists());
}

#[test]
fn nothing_outside_is_read() {
    let world = world();
    let mut wire = session(&world);
    let mut past = past(&world);
    let secret = world.database().data().join("secret");
    let elsewhere = loopback(&world);
    for sql in [
        "SELECT pg_read_file('SECRET')",
        "SELECT pg_catalog.pg_read_file('SECRET', 0, 100)",
        "SELECT * FROM pg_read_file('SECRET')",
        "SELECT convert_from(pg_read_binary_file('SECRET'), 'UTF8')",
        "SELECT encode(lo_get(4242), 'escape')",
        "SELECT loread(lo_open(4242, 262144), 100)::text::bytea",
        "SELECT pg_ls_dir('.') || 'canary-outside'",
        "SELECT * FROM tools.dblink('THERE', 'SELECT ''canary-outside''') AS t (a text)",
        "SELECT x.a FROM orders, tools.dblink('THERE', 'SELECT ''canary-outside''') AS x (a text)",
        "SELECT query_to_xml('SELECT pg_read_file(''SECRET'')', true, true, '')",
    ] {
        let sql = sql
            .replace("SECRET", &secret.display().to_string())
            .replace("THERE", &elsewhere);
        for answer in in_every_way(&mut wire, &sql) {
            assert_eq!(told(&answer), REFUSED, "{sql}");
        }
        let answer = past.query(&sql).unwrap();
        let bytes: Vec<_> = answer.iter().flat_map(|frame| frame.body.clone()).collect();
        let shown = String::from_utf8_lossy(&bytes);
        // Bytes in a result are shown in hex.
        let hex: String = CANARY.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(
            shown.contains(CANARY) || shown.contains(&hex),
            "{sql}: {shown}"
        );
    }
}

#[test]
fn nothing_is_changed_through_another_server() {
    let world = world();
    let elsewhere = loopback(&world);
    let secret = world.database().data().join("secret");
    let secret = secret.display().to_string();
    let statements = [
        "SELECT tools.dblink_exec('THERE', 'DELETE FROM orders')",
        "SELECT tools.dblink('THERE', 'DELETE FROM orders RETURNING id')",
        "SELECT id FROM orders WHERE tools.dblink_exec('THERE', 'DELETE FROM orders') = 'x'",
        "SELECT * FROM tools.dblink('THERE', 'DELETE FROM orders RETURNING id') AS t (id int)",
        "SELECT lo_import('SECRET')",
        "CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw",
        "CREATE FOREIGN DATA WRAPPER wrapper",
        "CREATE EXTENSION file_fdw",
        "CREATE SUBSCRIPTION s CONNECTION 'THERE' PUBLICATION p WITH (connect = false)",
        "CREATE PUBLICATION p FOR TABLE customers",
    ]
    .map(|sql| sql.replace("THERE", &elsewhere).replace("SECRET", &secret));
    assert_refused(&world, &statements.each_ref().map(String::as_str));
}

/// These change no row and no definition, so what they change is asked for one by one.
#[test]
fn the_server_itself_is_not_touched() {
    let world = world();
    let mut wire = session(&world);
    let idle = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' \
                AND application_name = 'bystander'";
    let mut bystander = world.wire_direct().unwrap();
    let named = [
        ("user", "postgres"),
        ("database", "app"),
        ("application_name", "bystander"),
    ];
    bystander.send(&weir_tests::startup(&named)).unwrap();
    bystander.until_ready().unwrap();
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                WHERE application_name = 'bystander'";
    let system = "ALTER SYSTEM SET log_statement = 'all'";
    for (sql, probe) in [
        (kill, idle),
        (
            system,
            "SELECT pg_read_file('postgresql.auto.conf') ~ 'log_statement'",
        ),
        (
            "SELECT pg_create_physical_replication_slot('slot')",
            "SELECT count(*) FROM pg_replication_slots",
        ),
        (
            "SELECT pg_logical_emit_message(false, 'x', 'x')",
            "SELECT pg_current_wal_insert_lsn()",
        ),
        (
            "ALTER DATABASE app SET search_path = nowhere",
            "SELECT count(*) FROM pg_db_role_setting",
        ),
        (
            "SELECT pg_advisory_lock(7)",
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'",
        ),
    ] {
        let ask = || world.database().run("postgres", probe).unwrap();
        let before = ask();
        for answer in in_every_way(&mut wire, sql) {
            assert_eq!(told(&answer), REFUSED, "{sql}");
        }
        assert_eq!(ask(), before, "{sql}");
        let mut past = past(&world);
        let answer = past.query(sql).unwrap();
        // The end of a process is not waited for by whoever asks for it, but by whoever is ended.
        if sql == kill {
            bystander.send(&sync()).ok();
            bystander.until_end().ok();
        }
        assert_ne!(
            ask(),
            before,
            "does nothing past the agent: {sql}: {}",
            told(&answer)
        );
    }
}
