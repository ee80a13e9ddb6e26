//! Refused statements, and what is left of the session.

use weir_tests::messages::{
    bind, error, execute, extended, function_call, parse, rows, sync, told,
};
use weir_tests::shop::{ANALYST, CLERK, shop};
use weir_tests::{Plan, Wire, World};

fn clerk() -> (World, Wire) {
    let world = shop(CLERK).gateway().unwrap();
    let wire = session(&world);
    (world, wire)
}

fn session(world: &World) -> Wire {
    let mut wire = world.wire("clerk").unwrap();
    let greeting = wire.log_in("postgres", "app").unwrap();
    assert!(told(&greeting).ends_with("Z:I"), "{}", told(&greeting));
    wire
}

fn query(wire: &mut Wire, sql: &str) -> String {
    told(&wire.query(sql).unwrap())
}

#[test]
fn a_refusal_names_the_rule_and_what_to_do() {
    let (world, mut wire) = clerk();
    let before = world.contents();
    let answer = wire.query("DELETE FROM orders").unwrap();
    assert_eq!(told(&answer), "E:42501 Z:I");
    let error = error(&answer);
    assert_eq!(
        (error.field('S'), error.field('V')),
        ("ERROR".into(), "ERROR".into())
    );
    assert_eq!(
        error.field('M'),
        "weir: denied: no-unrestricted-writes forbids delete on table shop/app.public.orders: \
         UPDATE and DELETE need a WHERE clause"
    );
    assert_eq!(error.field('H'), "add a WHERE clause that names the rows");
    assert!(
        error.field('D').starts_with("Session "),
        "{}",
        error.field('D')
    );
    assert_eq!(
        query(&mut wire, "SELECT 1 FROM orders"),
        "T D D D C:SELECT_3 Z:I"
    );
    assert_eq!(world.contents(), before);
}

#[test]
fn a_refusal_fails_the_transaction_for_client_and_server() {
    let (world, mut wire) = clerk();
    let before = world.contents();
    assert_eq!(query(&mut wire, "BEGIN"), "C:BEGIN Z:T");
    assert_eq!(
        query(&mut wire, "INSERT INTO orders VALUES (9)"),
        "C:INSERT_0_1 Z:T"
    );
    assert_eq!(query(&mut wire, "DELETE FROM orders"), "E:42501 Z:E");
    let states = "SELECT DISTINCT state FROM pg_stat_activity \
                  WHERE datname = 'app' AND pid <> pg_backend_pid() AND state LIKE '%transaction%'";
    assert_eq!(
        world.database().run("app", states).unwrap(),
        "idle in transaction (aborted)\n"
    );
    assert_eq!(query(&mut wire, "SELECT 1"), "E:25P02 Z:E");
    assert_eq!(query(&mut wire, "COMMIT"), "C:ROLLBACK Z:I");
    assert_eq!(world.contents(), before);
}

#[test]
fn a_savepoint_saves_what_came_before_a_refusal() {
    let (world, mut wire) = clerk();
    for (sql, answer) in [
        ("BEGIN", "C:BEGIN Z:T"),
        ("INSERT INTO orders VALUES (9)", "C:INSERT_0_1 Z:T"),
        ("SAVEPOINT here", "C:SAVEPOINT Z:T"),
        ("DROP TABLE orders", "E:42501 Z:E"),
        ("ROLLBACK TO here", "C:ROLLBACK Z:T"),
        ("INSERT INTO orders VALUES (10)", "C:INSERT_0_1 Z:T"),
        ("COMMIT", "C:COMMIT Z:I"),
    ] {
        assert_eq!(query(&mut wire, sql), answer, "{sql}");
    }
    let count = world
        .database()
        .run("app", "SELECT count(*) FROM orders WHERE id > 8");
    assert_eq!(count.unwrap(), "2\n");
}

#[test]
fn a_refusal_keeps_its_place_between_syncs() {
    let (world, mut wire) = clerk();
    let batch = [
        extended("INSERT INTO orders VALUES ($1)", &["10"], 0),
        sync(),
        extended("DELETE FROM orders", &[], 0),
        sync(),
        extended("SELECT status FROM orders WHERE id = $1", &["1"], 0),
        sync(),
    ];
    wire.send(&batch.concat()).unwrap();
    let answers: Vec<_> = (0..3).map(|_| wire.until_ready().unwrap()).collect();
    assert_eq!(told(&answers[0]), "1 2 n C:INSERT_0_1 Z:I");
    assert_eq!(told(&answers[1]), "E:42501 Z:I");
    assert_eq!(told(&answers[2]), "1 2 T D C:SELECT_1 Z:I");
    assert_eq!(rows(&answers[2]), [["paid"]]);
    let count = world.database().run("app", "SELECT count(*) FROM orders");
    assert_eq!(count.unwrap(), "4\n");
}

#[test]
fn a_refusal_undoes_its_batch_and_skips_the_rest_of_it() {
    let (world, mut wire) = clerk();
    let before = world.contents();
    let batch = [
        extended("INSERT INTO orders VALUES (10)", &[], 0),
        extended("DELETE FROM orders", &[], 0),
        extended("INSERT INTO orders VALUES (11)", &[], 0),
        sync(),
    ];
    wire.send(&batch.concat()).unwrap();
    let answer = wire.until_ready().unwrap();
    assert_eq!(told(&answer), "1 2 n C:INSERT_0_1 E:42501 Z:I");
    assert_eq!(world.contents(), before);
    assert_eq!(
        query(&mut wire, "SELECT 1 FROM orders WHERE id = 1"),
        "T D C:SELECT_1 Z:I"
    );
}

#[test]
fn a_statement_is_refused_when_it_is_prepared() {
    let (_world, mut wire) = clerk();
    wire.send(&[parse("wipe", "DELETE FROM orders"), sync()].concat())
        .unwrap();
    assert_eq!(told(&wire.until_ready().unwrap()), "E:42501 Z:I");
    let use_it = [bind("", "wipe", &[], 0), execute(""), sync()].concat();
    wire.send(&use_it).unwrap();
    let answer = wire.until_ready().unwrap();
    assert_eq!(told(&answer), "E:26000 Z:I");
    assert_eq!(
        error(&answer).field('M'),
        "prepared statement \"wipe\" does not exist"
    );
}

#[tokio::test]
async fn a_driver_that_pipelines_gets_each_answer_where_it_belongs() {
    let world = shop(CLERK).gateway().unwrap();
    let (client, driver) = world.connect("clerk").await.unwrap();
    let driver = tokio::spawn(driver);
    let (first, refused, last) = tokio::join!(
        client.query("SELECT status FROM orders WHERE id = $1", &[&1]),
        client.query("DELETE FROM orders", &[]),
        client.query("SELECT status FROM orders WHERE id = $1", &[&2]),
    );
    assert_eq!(first.unwrap()[0].get::<_, &str>(0), "paid");
    assert_eq!(refused.unwrap_err().code().unwrap().code(), "42501");
    assert_eq!(last.unwrap()[0].get::<_, &str>(0), "open");
    drop(client);
    driver.await.unwrap().unwrap();
}

#[test]
fn nothing_of_a_text_runs_where_one_statement_of_it_is_refused() {
    let (world, mut wire) = clerk();
    let before = world.contents();
    for text in [
        "INSERT INTO orders VALUES (9); DELETE FROM orders",
        "DELETE FROM orders; INSERT INTO orders VALUES (9)",
        "BEGIN; INSERT INTO orders VALUES (9); COMMIT; DROP TABLE orders",
        "INSERT INTO orders VALUES (9); COMMIT; DELETE FROM orders WHERE true; SELECT 1",
    ] {
        assert_eq!(query(&mut wire, text), "E:42501 Z:I", "{text}");
    }
    assert_eq!(world.contents(), before);
}

#[test]
fn what_nobody_permits_is_not_done() {
    let world = shop(ANALYST).gateway().unwrap();
    let mut wire = session(&world);
    let before = world.contents();
    for sql in [
        "INSERT INTO orders VALUES (9)",
        "UPDATE orders SET total = 0 WHERE id = 1",
        "DELETE FROM orders WHERE id = 1",
        "MERGE INTO orders USING customers c ON c.id = orders.id WHEN MATCHED THEN DELETE",
        "TRUNCATE orders",
        "CREATE TABLE t (a int)",
        "CREATE TEMP TABLE t (a int)",
        "CREATE TABLE t AS SELECT * FROM orders",
        "SELECT * INTO t FROM orders",
        "CREATE INDEX ON orders (total)",
        "CREATE VIEW v AS SELECT 1",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE ROLE thief SUPERUSER",
        "CREATE SCHEMA s",
        "CREATE EXTENSION plpgsql",
        "CREATE DATABASE d",
        "ALTER TABLE orders ADD x int",
        "ALTER TABLE orders RENAME TO o",
        "ALTER ROLE postgres PASSWORD 'x'",
        "ALTER SYSTEM SET log_statement = 'none'",
        "COMMENT ON TABLE orders IS 'x'",
        "DROP TABLE orders",
        "DROP OWNED BY postgres",
        "GRANT ALL ON orders TO PUBLIC",
        "REASSIGN OWNED BY postgres TO postgres",
        "COPY orders TO STDOUT",
        "COPY orders FROM STDIN",
        "COPY (SELECT 1) TO PROGRAM 'cat'",
        "COPY orders FROM '/etc/passwd'",
        "DO $$ BEGIN DELETE FROM orders; END $$",
        "CALL clean()",
        "SELECT wipe()",
        "SELECT * FROM wipe()",
        "SELECT 1 FROM orders WHERE wipe() = 1",
        "SELECT pg_terminate_backend(1)",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT lo_import('/etc/passwd')",
        "SELECT nextval('pg_class')",
        "SET session_replication_role = replica",
        "SET ROLE postgres",
        "SET SESSION AUTHORIZATION postgres",
        "RESET ALL",
        "LOCK TABLE orders",
        "SELECT 1 FROM orders FOR UPDATE",
        "VACUUM orders",
        "ANALYZE orders",
        "CHECKPOINT",
        "LISTEN x",
        "NOTIFY x",
        "EXECUTE nothing_known",
        "SECURITY LABEL ON TABLE orders IS 'x'",
        "IMPORT FOREIGN SCHEMA s FROM SERVER s INTO public",
        "EXPLAIN ANALYZE DELETE FROM orders",
        "EXPLAIN DELETE FROM orders",
    ] {
        assert_eq!(query(&mut wire, sql), "E:42501 Z:I", "{sql}");
        wire.send(&[extended(sql, &[], 0), sync()].concat())
            .unwrap();
        assert_eq!(
            told(&wire.until_ready().unwrap()),
            "E:42501 Z:I",
            "extended: {sql}"
        );
    }
    assert_eq!(world.contents(), before);
    assert_eq!(
        query(&mut wire, "SELECT 1 FROM orders WHERE id = 1"),
        "T D C:SELECT_1 Z:I"
    );
}

#[test]
fn what_cannot_be_analysed_is_refused() {
    let world = shop(ANALYST).gateway().unwrap();
    let mut wire = session(&world);
    for sql in [
        "SELEC 1",
        "SELECT * FROM no_such_table",
        "SELECT no_such_column FROM orders",
        "SELECT no_such_function(1)",
        "SELECT 1 FROM pg_temp.t",
        "SELECT * FROM other.public.orders",
    ] {
        let answer = wire.query(sql).unwrap();
        assert_eq!(told(&answer), "E:42501 Z:I", "{sql}");
        let message = error(&answer).field('M');
        assert!(
            message.starts_with("weir: denied: nobody permits opaque on database shop/app: "),
            "{message}"
        );
    }
}

#[test]
fn a_function_call_message_is_judged_like_any_call() {
    let world = shop(ANALYST).gateway().unwrap();
    let mut wire = session(&world);
    let before = world.contents();
    let oid = world
        .database()
        .run("app", "SELECT 'wipe'::regproc::oid")
        .unwrap();
    wire.send(&function_call(oid.trim().parse().unwrap(), &[]))
        .unwrap();
    let answer = wire.until_ready().unwrap();
    assert_eq!(told(&answer), "E:42501 Z:I");
    assert_eq!(
        error(&answer).field('M'),
        "weir: denied: nobody permits call on function shop/app.public.wipe"
    );
    // No function has this number.
    wire.send(&function_call(4_000_000_000, &[])).unwrap();
    assert_eq!(told(&wire.until_ready().unwrap()), "E:42501 Z:I");
    assert_eq!(world.contents(), before);
}

#[test]
fn a_refused_login_is_told_why_and_reaches_no_server() {
    let world = Plan::new()
        .policy(
            "rules.cedar",
            r#"
@id("own-account")
@description("The account of the batch works from the batch's own host.")
@hint("log in with an account of your own")
forbid (principal, action == Action::"connect", resource) when { context.db_user == "batch" };
@id("others")
permit (principal, action, resource);
"#,
        )
        .script("CREATE ROLE batch LOGIN")
        .gateway()
        .unwrap();
    let mut wire = world.wire("clerk").unwrap();
    let answer = wire.log_in("batch", "app").unwrap();
    assert_eq!(told(&answer), "E:42501");
    let error = error(&answer);
    assert_eq!(error.field('S'), "FATAL");
    assert_eq!(
        error.field('M'),
        "weir: denied: own-account forbids connect on database shop/app: \
         The account of the batch works from the batch's own host"
    );
    assert_eq!(error.field('H'), "log in with an account of your own");
    let seen = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'batch'";
    assert_eq!(world.database().run("app", seen).unwrap(), "0\n");
    let said = String::from_utf8(
        world
            .psql("clerk")
            .args(["-U", "batch", "-c", "SELECT 1"])
            .output()
            .unwrap()
            .stderr,
    )
    .unwrap();
    assert!(said.contains("own-account forbids connect"), "{said}");
}
