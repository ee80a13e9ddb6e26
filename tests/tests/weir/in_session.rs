//! Without a role that reads the catalog, it is read through the sessions of clients, who see nothing of it.

use stage::free_port;
use weir_tests::messages::{bind, error, execute, flush, parse, query, rows, sync, told};
use weir_tests::shop::{ANALYST, CANARIES, CLERK, shop};
use weir_tests::{Plan, Pooler, Wire, World, startup};

/// Everything but what nobody can judge.
const KNOWN: &str = "
@id(\"all\")
permit (principal, action, resource);

@id(\"known\")
forbid (principal, action == Action::\"opaque\", resource);
";

fn known() -> Plan {
    Plan::new()
        .policy("rules.cedar", KNOWN)
        .script("CREATE TABLE t (n int); INSERT INTO t VALUES (7)")
        .without_role()
}

fn session(world: &World) -> Wire {
    let mut wire = world.wire("clerk").unwrap();
    wire.log_in("postgres", "app").unwrap();
    wire
}

#[track_caller]
fn assert_answers(wire: &mut Wire, sql: &str, expected: &str) {
    let answer = wire.query(sql).unwrap();
    assert_eq!(told(&answer), expected, "{sql}: {answer:?}");
}

/// Without the line that says which request it was.
fn unnumbered(said: &str) -> String {
    let lines = said
        .lines()
        .filter(|line| !line.starts_with("DETAIL:  Session"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_masked_and_refused_is_what_it_is_with_a_role() {
    let statements = [
        "SELECT * FROM customers",
        "SELECT c.ssn AS x, o.total FROM public.customers c JOIN orders o ON o.customer = c.id",
        "SELECT lower(ssn) FROM customers",
        "SELECT * FROM people",
        "SELECT count(*) FROM orders",
        "SELECT tell()",
        "SELECT wipe()",
        "DELETE FROM orders",
        "DO 'BEGIN END'",
        "SELECT * FROM nowhere",
        r"\d customers",
    ];
    for policy in [ANALYST, CLERK] {
        let [with, without] =
            [shop(policy), shop(policy).without_role()].map(|plan| plan.gateway().unwrap());
        for statement in statements {
            let [said, yardstick] =
                [&without, &with].map(|world| unnumbered(&world.ask("analyst", statement)));
            assert_eq!(said, yardstick, "{statement}");
            assert!(
                CANARIES.iter().all(|canary| !said.contains(canary)),
                "{said}"
            );
        }
        assert!(without.ask("analyst", statements[0]).contains("***-**-"));
    }
}

#[tokio::test]
async fn a_driver_prepares_and_runs_as_ever() {
    let world = shop(ANALYST).without_role().gateway().unwrap();
    let (client, driver) = world.connect("analyst").await.unwrap();
    tokio::spawn(driver);
    let one = "SELECT name, ssn FROM customers WHERE id = $1";
    let row = client.query_one(one, &[&1]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), "Ada");
    assert_eq!(row.get::<_, &str>(1), "***-**-4399");
    let computed = "SELECT upper(ssn) FROM customers WHERE id = $1";
    let row = client.query_one(computed, &[&1]).await.unwrap();
    assert_eq!(row.get::<_, Option<&str>>(0), None);
}

#[test]
fn a_definition_is_seen_by_the_next_statement_of_everybody() {
    let world = known().gateway().unwrap();
    let (mut one, mut other) = (session(&world), session(&world));
    for wire in [&mut one, &mut other] {
        assert_answers(wire, "SELECT n FROM t", "T D C:SELECT_1 Z:I");
    }
    assert_answers(
        &mut one,
        "CREATE TABLE u AS SELECT 1 AS a",
        "C:SELECT_1 Z:I",
    );
    for wire in [&mut other, &mut one] {
        assert_answers(wire, "SELECT a FROM u", "T D C:SELECT_1 Z:I");
    }
    // In a transaction the session is not asked, and what changed meanwhile is not known.
    assert_answers(&mut other, "BEGIN", "C:BEGIN Z:T");
    assert_answers(
        &mut one,
        "CREATE TABLE v AS SELECT 1 AS a",
        "C:SELECT_1 Z:I",
    );
    let refused = other.query("SELECT a FROM v").unwrap();
    assert_eq!(told(&refused), "E:42501 Z:E");
    let detail = format!("{:?}", error(&refused).fields());
    assert!(
        detail.contains("a transaction or a pipeline is open"),
        "{detail}"
    );
    assert_answers(&mut other, "ROLLBACK", "C:ROLLBACK Z:I");
    assert_answers(&mut other, "SELECT a FROM v", "T D C:SELECT_1 Z:I");
}

#[test]
fn the_session_is_left_as_it_was() {
    let world = known().gateway().unwrap();
    let mut wire = world.wire("clerk").unwrap();
    let login = [
        ("user", "postgres"),
        ("database", "app"),
        ("client_encoding", "LATIN1"),
        (
            "options",
            "-c statement_timeout=12345 -c search_path=public,pg_catalog",
        ),
    ];
    wire.send(&startup(&login)).unwrap();
    wire.until_ready().unwrap();
    // What is prepared without a name stays, though the catalog is read between its Parse and its Bind.
    wire.send(&[parse("", "SELECT n FROM t"), sync()].concat())
        .unwrap();
    assert_eq!(told(&wire.until_ready().unwrap()), "1 Z:I");
    assert_answers(
        &mut session(&world),
        "CREATE TABLE u (a int)",
        "C:CREATE_TABLE Z:I",
    );
    wire.send(&[bind("", "", &[], 0), execute(""), sync()].concat())
        .unwrap();
    assert_eq!(told(&wire.until_ready().unwrap()), "2 D C:SELECT_1 Z:I");
    let state = "SELECT current_setting('statement_timeout'), current_setting('search_path'),
        current_setting('client_encoding'), current_setting('transaction_isolation'),
        current_setting('transaction_read_only'), (SELECT count(*) FROM pg_prepared_statements)";
    let state = rows(&wire.query(state).unwrap());
    let expected = [
        "12345ms",
        "public,pg_catalog",
        "LATIN1",
        "read committed",
        "off",
        "0",
    ];
    assert_eq!(state, [expected.map(str::to_owned).to_vec()]);
}

/// A role of the database may make what it likes in its own schema and session.
const TRAPS: &str = "
CREATE SCHEMA trap;
CREATE FUNCTION trap.never(name, name) RETURNS bool LANGUAGE sql AS 'SELECT false';
CREATE FUNCTION trap.never(\"char\", \"char\") RETURNS bool LANGUAGE sql AS 'SELECT false';
CREATE FUNCTION trap.never(oid, oid) RETURNS bool LANGUAGE sql AS 'SELECT false';
CREATE FUNCTION trap.never(text, text) RETURNS bool LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR trap.= (FUNCTION = trap.never, LEFTARG = name, RIGHTARG = name);
CREATE OPERATOR trap.= (FUNCTION = trap.never, LEFTARG = \"char\", RIGHTARG = \"char\");
CREATE OPERATOR trap.= (FUNCTION = trap.never, LEFTARG = oid, RIGHTARG = oid);
CREATE OPERATOR trap.= (FUNCTION = trap.never, LEFTARG = text, RIGHTARG = text);
CREATE TABLE trap.pg_class (oid oid, relname name, relkind \"char\", relnamespace oid);
CREATE DOMAIN trap.text AS pg_catalog.text CHECK (false);
ALTER DATABASE app SET search_path = trap, pg_catalog, public;
";

#[test]
fn what_a_client_puts_before_the_catalog_fools_nobody() {
    let world = shop(ANALYST)
        .script(TRAPS)
        .without_role()
        .gateway()
        .unwrap();
    for _ in 0..2 {
        let mut wire = session(&world);
        let masked =
            wire.query("SELECT ssn FROM public.customers WHERE id OPERATOR(pg_catalog.=) 1");
        assert_eq!(rows(&masked.unwrap()), [["***-**-4399"]]);
        assert_eq!(
            told(&wire.query("SELECT * FROM pg_class").unwrap()),
            "E:42501 Z:I"
        );
    }
}

#[test]
fn a_search_path_of_one_login_is_not_taken_for_everybody_s() {
    let world = known()
        .script("CREATE SCHEMA other; CREATE TABLE other.o (a int)")
        .gateway()
        .unwrap();
    let mut wire = world.wire("clerk").unwrap();
    let login = [
        ("user", "postgres"),
        ("database", "app"),
        ("search_path", "other"),
    ];
    wire.send(&startup(&login)).unwrap();
    wire.until_ready().unwrap();
    assert_answers(&mut wire, "SELECT a FROM o", "T C:SELECT_0 Z:I");
    let mut plain = session(&world);
    assert_answers(&mut plain, "SELECT n FROM t", "T D C:SELECT_1 Z:I");
    let unknown = plain.query("SELECT a FROM o").unwrap();
    assert_ne!(told(&unknown), "T C:SELECT_0 Z:I");
}

#[test]
fn a_pipeline_that_is_open_is_not_disturbed() {
    let world = known().gateway().unwrap();
    let mut wire = session(&world);
    // The first statement is asked about before anything was sent, the second one behind it.
    let both = [
        parse("a", "SELECT n FROM t"),
        bind("", "a", &[], 0),
        execute(""),
        parse("b", "SELECT n + 1 FROM t"),
        flush(),
        bind("", "b", &[], 0),
        execute(""),
        sync(),
        query("SELECT 1"),
    ];
    wire.send(&both.concat()).unwrap();
    assert_eq!(
        told(&wire.until_ready().unwrap()),
        "1 2 D C:SELECT_1 1 2 D C:SELECT_1 Z:I"
    );
    assert_eq!(told(&wire.until_ready().unwrap()), "T D C:SELECT_1 Z:I");
}

#[test]
fn a_server_s_refusal_is_told_in_its_own_words() {
    let script = "CREATE ROLE poor LOGIN; REVOKE SELECT ON pg_catalog.pg_class FROM PUBLIC";
    let world = known().script(script).gateway().unwrap();
    let mut wire = world.wire("clerk").unwrap();
    wire.log_in("poor", "app").unwrap();
    let refused = wire.query("SELECT 1").unwrap();
    assert_eq!(told(&refused), "E:42501 Z:I");
    let words = format!("{:?}", error(&refused).fields());
    assert!(
        words.contains("permission denied for table pg_class"),
        "{words}"
    );
}

#[test]
fn the_catalog_is_read_through_a_pool_behind_the_agent() {
    for mode in ["session", "transaction"] {
        let port = free_port().unwrap();
        let world = known().pooler(port).gateway().unwrap();
        let server = world.direct_address().port();
        let _pooler = Pooler::pgbouncer(world.folder(), mode, port, server).unwrap();
        let mut wire = session(&world);
        assert_answers(&mut wire, "SELECT n FROM t", "T D C:SELECT_1 Z:I");
        assert_answers(
            &mut wire,
            "CREATE TABLE u AS SELECT 1 AS a",
            "C:SELECT_1 Z:I",
        );
        assert_answers(&mut wire, "SELECT a FROM u", "T D C:SELECT_1 Z:I");
    }
}
