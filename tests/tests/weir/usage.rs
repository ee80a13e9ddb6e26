//! Rates and volumes: how much a subject ran and read before is a circumstance that policies can speak of.

use std::time::{Duration, Instant};

use weir_tests::messages::{error, query as query_message, told};
use weir_tests::shop::{ANALYST, shop};
use weir_tests::{Wire, World};

/// How long the agent may take to notice that a client is gone.
const PATIENCE: Duration = Duration::from_secs(60);

fn session(world: &World) -> Wire {
    let mut wire = world.wire("clerk").unwrap();
    wire.log_in("postgres", "app").unwrap();
    wire
}

fn query(wire: &mut Wire, sql: &str) -> String {
    told(&wire.query(sql).unwrap())
}

const SEVEN_ROWS: &str = r#"
@id("seven-rows-an-hour")
@hint("come back later")
forbid (principal, action in Action::"read", resource) when { context.usage.hour.rows > 7 };
"#;

#[test]
fn rows_of_an_hour_are_counted_across_sessions() {
    let world = shop(&[ANALYST, SEVEN_ROWS].concat()).gateway().unwrap();
    let mut wire = session(&world);
    let all = "SELECT id FROM orders";
    assert_eq!(query(&mut wire, all), "T D D D C:SELECT_3 Z:I");
    assert_eq!(query(&mut wire, all), "T D D D C:SELECT_3 Z:I");
    let mut other = session(&world);
    assert_eq!(query(&mut other, all), "T D D D C:SELECT_3 Z:I");
    let answer = wire.query(all).unwrap();
    assert_eq!(told(&answer), "E:42501 Z:I");
    assert_eq!(error(&answer).field('H'), "come back later");
    // What reads nothing is still permitted.
    assert_eq!(query(&mut other, "SELECT 1"), "T D C:SELECT_1 Z:I");
}

const FOUR_STATEMENTS: &str = r#"
@id("four-statements-a-minute")
forbid (principal, action in Action::"read", resource) when { context.usage.minute.statements >= 4 };
"#;

#[test]
fn refused_statements_count_for_a_rate() {
    let world = shop(&[ANALYST, FOUR_STATEMENTS].concat())
        .gateway()
        .unwrap();
    let mut wire = session(&world);
    let one = "SELECT id FROM orders LIMIT 1";
    assert_eq!(query(&mut wire, one), "T D C:SELECT_1 Z:I");
    assert_eq!(query(&mut wire, "SELECT 1"), "T D C:SELECT_1 Z:I");
    assert_eq!(query(&mut wire, "DROP TABLE orders"), "E:42501 Z:I");
    assert_eq!(query(&mut wire, one), "T D C:SELECT_1 Z:I");
    assert_eq!(query(&mut wire, one), "E:42501 Z:I");
    let mut other = session(&world);
    assert_eq!(query(&mut other, one), "E:42501 Z:I");
}

#[test]
fn what_a_client_read_before_it_hung_up_is_counted() {
    let world = shop(&[ANALYST, SEVEN_ROWS].concat()).gateway().unwrap();
    let mut wire = session(&world);
    let endless = "SELECT repeat('x', 1000) FROM orders, generate_series(1, 100000000)";
    wire.send(&query_message(endless)).unwrap();
    while wire.read().unwrap().tag != 'D' {}
    drop(wire);
    let mut other = session(&world);
    let started = Instant::now();
    while query(&mut other, "SELECT id FROM orders LIMIT 0") != "E:42501 Z:I" {
        assert!(started.elapsed() < PATIENCE, "the rows were not counted");
    }
}
