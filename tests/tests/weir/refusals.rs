//! Refusals in the states that a statement of its own does not show: around a COPY, and behind what is held.

use weir_tests::messages::{bind, error, execute, extended, parse, query, rows, sync, told};
use weir_tests::shop::{ONCALL, shop};
use weir_tests::{CLIENT, Plan, Wire, World, frame};

const TABLES: &str = "CREATE TABLE t (n int); CREATE TABLE secret (n int)";

const RULES: &str = r#"
@id("all")
permit (principal, action, resource);

@id("secrets")
forbid (principal, action, resource in Table::"shop/app.public.secret");
"#;

const REFUSED: &str = "E:42501 Z:I";

#[test]
fn a_refused_copy_takes_its_data_with_it() {
    let world = world();
    let mut wire = session(&world, "client");
    let data = [frame('d', b"1\n"), frame('d', b"2\n"), frame('c', b"")].concat();
    // A client that does not wait for CopyInResponse.
    let simple = [
        query("COPY secret FROM STDIN"),
        data.clone(),
        query("SELECT 1"),
    ]
    .concat();
    wire.send(&simple).unwrap();
    assert_eq!(told(&wire.until_ready().unwrap()), REFUSED);
    assert_eq!(told(&wire.until_ready().unwrap()), "T D C:SELECT_1 Z:I");
    let extended = [
        parse("", "COPY secret FROM STDIN"),
        bind("", "", &[], 0),
        execute(""),
        data,
        sync(),
        query("SELECT 1"),
    ]
    .concat();
    wire.send(&extended).unwrap();
    assert_eq!(told(&wire.until_ready().unwrap()), REFUSED);
    assert_eq!(told(&wire.until_ready().unwrap()), "T D C:SELECT_1 Z:I");
    assert_eq!(told(&wire.query("COPY secret TO STDOUT").unwrap()), REFUSED);
    let count = world.database().run("app", "SELECT count(*) FROM secret");
    assert_eq!(count.unwrap().trim(), "0");
}

#[test]
fn a_statement_behind_a_copy_is_refused_when_the_copy_has_ended() {
    let world = world();
    let mut wire = session(&world, "client");
    let copy = [
        query("COPY t FROM STDIN"),
        frame('d', b"1\n"),
        frame('c', b""),
    ]
    .concat();
    wire.send(
        &[
            copy,
            query("SELECT * FROM secret"),
            query("SELECT * FROM t"),
        ]
        .concat(),
    )
    .unwrap();
    assert_eq!(told(&wire.until_ready().unwrap()), "G C:COPY_1 Z:I");
    assert_eq!(told(&wire.until_ready().unwrap()), REFUSED);
    assert_eq!(rows(&wire.until_ready().unwrap()), [["1"]]);
}

#[test]
fn a_refused_statement_in_a_text_keeps_a_copy_beside_it_from_beginning() {
    let world = world();
    let mut wire = session(&world, "client");
    let text = "COPY t FROM STDIN; SELECT * FROM secret";
    let data = [frame('d', b"1\n"), frame('c', b"")].concat();
    wire.send(&[query(text), data, query("SELECT count(*) FROM t")].concat())
        .unwrap();
    assert_eq!(told(&wire.until_ready().unwrap()), REFUSED);
    assert_eq!(rows(&wire.until_ready().unwrap()), [["0"]]);
}

#[test]
fn a_copy_in_a_transaction_fails_it_when_it_is_refused() {
    let world = world();
    let mut wire = session(&world, "client");
    wire.query("BEGIN; INSERT INTO t VALUES (7)").unwrap();
    wire.send(&[query("COPY secret FROM STDIN"), frame('c', b"")].concat())
        .unwrap();
    assert_eq!(told(&wire.until_ready().unwrap()), "E:42501 Z:E");
    assert_eq!(told(&wire.query("COMMIT").unwrap()), "C:ROLLBACK Z:I");
    assert_eq!(
        rows(&wire.query("SELECT count(*) FROM t").unwrap()),
        [["0"]]
    );
}

#[test]
fn refusals_and_notifications_keep_their_places_while_a_statement_is_held() {
    let listening =
        "@id(\"listening\")\npermit (principal, action == Action::\"notify\", resource);\n";
    let plan = shop(ONCALL)
        .policy("listening.cedar", listening)
        .config("[approvals.approvers]\ndba = [\"root\"]\n");
    let Some(world) = plan.intercepted(&["oncall"]).unwrap() else {
        return;
    };
    let mut wire = world.wire_of("oncall", CLIENT).unwrap();
    wire.log_in("postgres", "app").unwrap();
    assert_eq!(told(&wire.query("LISTEN news").unwrap()), "C:LISTEN Z:I");
    let held = "UPDATE orders SET status = 'paid' WHERE id = 2";
    let batch = [
        query(held),
        query("DROP TABLE orders"),
        extended("DROP TABLE orders", &[], 0),
        sync(),
        query("SELECT status FROM orders WHERE id = 2"),
    ]
    .concat();
    wire.send(&batch).unwrap();
    let notice = wire.read().unwrap();
    let hint = notice.field('H');
    let (_, id) = hint.rsplit_once(' ').unwrap();
    // What the server says meanwhile is not kept back: the held session is idle for it.
    for news in ["NOTIFY news, 'one'", "NOTIFY news, 'two'"] {
        world.database().run("app", news).unwrap();
        assert_eq!(wire.read().unwrap().tag, 'A');
    }
    let (said, is_well) = world.weir(&["approvals", "approve", id]);
    assert!(is_well, "{said}");
    assert_eq!(told(&wire.until_ready().unwrap()), "C:UPDATE_1 Z:I");
    let refused = wire.until_ready().unwrap();
    assert_eq!(told(&refused), REFUSED);
    assert!(error(&refused).field('M').starts_with("weir: "));
    assert_eq!(told(&wire.until_ready().unwrap()), REFUSED);
    assert_eq!(rows(&wire.until_ready().unwrap()), [["paid"]]);
}

fn world() -> World {
    Plan::new()
        .policy("rules.cedar", RULES)
        .script(TABLES)
        .gateway()
        .unwrap()
}

fn session(world: &World, role: &str) -> Wire {
    let mut wire = world.wire(role).unwrap();
    let welcome = wire.log_in("postgres", "app").unwrap();
    assert!(told(&welcome).ends_with("Z:I"), "{}", told(&welcome));
    wire
}
