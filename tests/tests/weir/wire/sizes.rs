//! What is over a limit is refused, and its session lives on.

use weir_tests::messages::{bind, error, execute, extended, parse, query, rows, sync, told};
use weir_tests::{Plan, World};

use super::session;

/// A refusal, and the next statement.
const REFUSED: &str = "E:54000 Z:I";

fn world() -> World {
    let limits = "[sessions]\nstatement_limit = 1000\nmessage_limit = 5000\n";
    Plan::new()
        .config(limits)
        .script("CREATE TABLE t (x text)")
        .gateway()
        .unwrap()
}

#[test]
fn a_statement_over_the_limit_is_refused_and_the_session_lives() {
    let world = world();
    let mut wire = session(&world);
    let long = format!("INSERT INTO t VALUES ('{}')", "x".repeat(2000));
    let answer = wire.query(&long).unwrap();
    assert_eq!(told(&answer), REFUSED);
    let refusal = error(&answer);
    assert!(
        refusal.field('M').contains("1000 bytes")
            && refusal.field('H').contains("sessions.statement_limit"),
        "{refusal:?}"
    );
    assert_eq!(told(&wire.query("SELECT 1").unwrap()), "T D C:SELECT_1 Z:I");
    // In pieces, with another statement behind it.
    for piece in [query(&long), query("SELECT count(*) FROM t")]
        .concat()
        .chunks(100)
    {
        wire.send(piece).unwrap();
    }
    assert_eq!(told(&wire.until_ready().unwrap()), REFUSED);
    assert_eq!(rows(&wire.until_ready().unwrap()), [["0"]]);
}

#[test]
fn a_statement_over_the_limit_fails_its_transaction() {
    let world = world();
    let mut wire = session(&world);
    wire.query("BEGIN; INSERT INTO t VALUES ('kept?')").unwrap();
    let long = format!("SELECT '{}'", "x".repeat(2000));
    assert_eq!(told(&wire.query(&long).unwrap()), "E:54000 Z:E");
    assert_eq!(told(&wire.query("SELECT 1").unwrap()), "E:25P02 Z:E");
    assert_eq!(told(&wire.query("COMMIT").unwrap()), "C:ROLLBACK Z:I");
    assert_eq!(
        rows(&wire.query("SELECT count(*) FROM t").unwrap()),
        [["0"]]
    );
}

#[test]
fn a_message_over_the_limit_keeps_its_place_in_the_pipeline() {
    let world = world();
    let mut wire = session(&world);
    let long = format!("SELECT '{}'", "x".repeat(2000));
    let value = "y".repeat(6000);
    for middle in [
        extended(&long, &[], 0),
        extended("SELECT $1::text", &[&value], 0),
    ] {
        let first = extended("SELECT 1", &[], 0);
        let last = extended("INSERT INTO t VALUES ('skipped?')", &[], 0);
        wire.send(&[first, middle, last, sync()].concat()).unwrap();
        let answer = told(&wire.until_ready().unwrap());
        assert!(
            answer.starts_with("1 2 T D C:SELECT_1 ") && answer.ends_with(REFUSED),
            "{answer}"
        );
    }
    assert_eq!(
        rows(&wire.query("SELECT count(*) FROM t").unwrap()),
        [["0"]]
    );
    // What is not larger than its limit passes, values included.
    let fits = "z".repeat(4900);
    wire.send(
        &[
            parse("", "SELECT length($1)"),
            bind("", "", &[&fits], 0),
            execute(""),
            sync(),
        ]
        .concat(),
    )
    .unwrap();
    assert_eq!(rows(&wire.until_ready().unwrap()), [["4900"]]);
}
