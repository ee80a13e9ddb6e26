//! `@max_rows`: no result is longer, whatever way it is asked for, and what the client believes to have failed has failed.

use weir_tests::messages::{
    bind, error, execute, execute_rows, extended, parse, query as query_message, sync, told,
};
use weir_tests::shop::shop;
use weir_tests::{Frame, Wire, World};

/// Two of the shop's three orders, and every change.
const FEW: &str = r#"
@id("few-rows") @max_rows("2")
permit (
  principal in Workload::"gateway",
  action in [Action::"select", Action::"insert", Action::"copy_out"],
  resource in Schema::"shop/app.public"
);
"#;

fn clerk() -> (World, Wire) {
    let world = shop(FEW).gateway().unwrap();
    let mut wire = world.wire("clerk").unwrap();
    wire.log_in("postgres", "app").unwrap();
    (world, wire)
}

fn query(wire: &mut Wire, sql: &str) -> String {
    told(&wire.query(sql).unwrap())
}

fn send(wire: &mut Wire, messages: &[Vec<u8>]) -> Vec<Frame> {
    wire.send(&messages.concat()).unwrap();
    wire.until_ready().unwrap()
}

#[test]
fn a_result_that_is_too_long_ends_in_an_error_that_names_the_rule() {
    let (_world, mut wire) = clerk();
    let answer = wire.query("SELECT id FROM orders").unwrap();
    assert_eq!(told(&answer), "T D D E:54000 Z:I");
    assert_eq!(
        error(&answer).field('M'),
        "weir: the result has more than the 2 rows that few-rows permits"
    );
    let enough = "SELECT id FROM orders ORDER BY id LIMIT 2";
    assert_eq!(query(&mut wire, enough), "T D D C:SELECT_2 Z:I");
    assert_eq!(
        query(&mut wire, "COPY orders TO STDOUT"),
        "H d d E:54000 Z:I"
    );
    assert_eq!(query(&mut wire, enough), "T D D C:SELECT_2 Z:I");
}

#[test]
fn a_prepared_statement_ends_in_it_too_and_its_pipeline_is_skipped() {
    let (world, mut wire) = clerk();
    let before = world.contents();
    let answer = send(
        &mut wire,
        &[
            extended("SELECT id FROM orders", &[], 0),
            extended("INSERT INTO orders VALUES (9)", &[], 0),
            sync(),
        ],
    );
    assert_eq!(told(&answer), "1 2 T D D E:54000 Z:I");
    assert_eq!(world.contents(), before);
}

#[test]
fn the_transaction_is_failed_for_client_and_server() {
    let (world, mut wire) = clerk();
    let before = world.contents();
    assert_eq!(query(&mut wire, "BEGIN"), "C:BEGIN Z:T");
    assert_eq!(
        query(&mut wire, "INSERT INTO orders VALUES (9)"),
        "C:INSERT_0_1 Z:T"
    );
    assert_eq!(
        query(&mut wire, "SELECT id FROM orders"),
        "T D D E:54000 Z:E"
    );
    assert_eq!(query(&mut wire, "SELECT 1"), "E:25P02 Z:E");
    assert_eq!(query(&mut wire, "COMMIT"), "C:ROLLBACK Z:I");
    assert_eq!(world.contents(), before);
    // A write that returns too much is undone where a transaction is open, and in a pipeline always.
    let returning = "INSERT INTO orders SELECT generate_series(10, 13) RETURNING id";
    let answer = send(&mut wire, &[extended(returning, &[], 0), sync()]);
    assert_eq!(told(&answer), "1 2 T D D E:54000 Z:I");
    assert_eq!(world.contents(), before);
}

#[test]
fn fetching_in_parts_adds_up() {
    let (_world, mut wire) = clerk();
    let answer = send(
        &mut wire,
        &[
            query_message("BEGIN"),
            parse("", "SELECT id FROM orders"),
            bind("c", "", &[], 0),
            execute_rows("c", 1),
            execute_rows("c", 1),
            execute_rows("c", 1),
            sync(),
        ],
    );
    assert_eq!(told(&answer), "C:BEGIN Z:T");
    assert_eq!(
        told(&wire.until_ready().unwrap()),
        "1 2 D s D s E:54000 Z:E"
    );
    let answer = send(&mut wire, &[execute("c"), sync()]);
    assert_eq!(told(&answer), "E:25P02 Z:E");
}

#[test]
fn several_statements_in_one_text_are_refused() {
    let (_world, mut wire) = clerk();
    let answer = wire
        .query("SELECT id FROM orders LIMIT 1; SELECT 1")
        .unwrap();
    assert_eq!(told(&answer), "E:42501 Z:I");
    assert_eq!(error(&answer).field('H'), "send the statements one by one");
}

/// FETCH touches nothing by itself, so nothing would limit it.
#[test]
fn a_cursor_is_not_declared_where_a_limit_holds() {
    let (_world, mut wire) = clerk();
    for declare in [
        "DECLARE c CURSOR FOR SELECT id FROM orders",
        "DECLARE c CURSOR WITH HOLD FOR TABLE orders",
    ] {
        assert_eq!(query(&mut wire, "BEGIN"), "C:BEGIN Z:T");
        let answer = wire.query(declare).unwrap();
        assert_eq!(told(&answer), "E:42501 Z:E", "{declare}");
        assert_eq!(error(&answer).field('H'), "run the query without a cursor");
        assert_eq!(query(&mut wire, "ROLLBACK"), "C:ROLLBACK Z:I");
    }
}
