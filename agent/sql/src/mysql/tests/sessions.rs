//! How the state of a session decides what its texts mean.

use model::{Outcome, Status};

use super::{analyse, catalog, login, session, told};
use crate::mysql::{Modes, Session};
use crate::{Dialect, MySql, Postgres};

fn say(session: &Session, text: &str) -> String {
    told(&analyse(text.as_bytes(), session, &catalog())).join(",")
}

fn run(session: &mut Session, text: &str, worked: bool) {
    let facts = analyse(text.as_bytes(), session, &catalog());
    session.forwarded(&facts);
    session.finished(&facts, &outcome(worked));
}

fn outcome(worked: bool) -> Outcome {
    let status = match worked {
        true => Status::Completed,
        false => Status::Failed {
            code: "42000".into(),
            message: "no".into(),
        },
    };
    Outcome {
        status,
        tags: vec![],
        rows: 0,
        bytes: 0,
        masked: 0,
        masked_values: Vec::new(),
    }
}

const UNKNOWN: &str = "opaque session";

#[test]
fn what_a_mode_decides_is_not_read_while_the_mode_is_unknown() {
    let unknown = Session::new(&login(), None, None);
    for text in [
        "SELECT \"ssn\" FROM emp",
        "SELECT 'a\\'",
        "SELECT id || ssn FROM emp",
    ] {
        assert_eq!(say(&unknown, text), UNKNOWN, "{text}");
    }
    assert_eq!(say(&unknown, "SELECT 'é'"), "opaque encoding");
    assert_eq!(say(&unknown, "SELECT ssn FROM emp"), "select app.emp(ssn!)");
}

#[test]
fn a_mode_decides_what_quotes_backslashes_and_pipes_are() {
    let with = |modes: &str| Session::new(&login(), Modes::parse(modes), Some(true));
    assert_eq!(say(&with(""), "SELECT \"ssn\" FROM emp"), "select app.emp");
    assert_eq!(
        say(&with("ANSI_QUOTES"), "SELECT \"ssn\" FROM emp"),
        "select app.emp(ssn!)"
    );
    let text = r"SELECT 'a\', ssn FROM emp -- '";
    assert_eq!(say(&with(""), text), "");
    assert_eq!(
        say(&with("NO_BACKSLASH_ESCAPES"), text),
        "select app.emp(ssn!)"
    );
    let text = "DELETE FROM emp WHERE id = 1 || true";
    assert_eq!(
        say(&with("STRICT_TRANS_TABLES,NO_ZERO_DATE"), text),
        "delete app.emp(id?)"
    );
    assert_eq!(
        say(&with("PIPES_AS_CONCAT"), text),
        "delete app.emp(id?) where"
    );
    // Other grammars.
    assert_eq!(say(&with("ORACLE"), "SELECT \"a\""), UNKNOWN);
    assert_eq!(say(&with("MSSQL"), "SELECT \"a\""), UNKNOWN);
}

#[test]
fn a_mode_that_is_set_counts_once_the_server_has_answered() {
    let mut session = session();
    run(&mut session, "SET sql_mode = 'ANSI_QUOTES'", true);
    assert_eq!(
        say(&session, "SELECT \"ssn\" FROM emp"),
        "select app.emp(ssn!)"
    );
    run(&mut session, "SET sql_mode = ''", false);
    assert_eq!(
        say(&session, "SELECT \"ssn\" FROM emp"),
        "select app.emp(ssn!)"
    );
    let facts = analyse(b"SET sql_mode = ''", &session, &catalog());
    session.forwarded(&facts);
    assert_eq!(say(&session, "SELECT \"ssn\" FROM emp"), UNKNOWN);
    run(
        &mut session,
        "SET sql_mode = concat(@@sql_mode, ',x')",
        true,
    );
    assert_eq!(say(&session, "SELECT \"ssn\" FROM emp"), UNKNOWN);
}

#[test]
fn nothing_is_known_of_what_two_statements_under_way_set() {
    let mut session = session();
    let first = analyse(b"SET sql_mode = ''", &session, &catalog());
    session.forwarded(&first);
    let second = analyse(b"SET sql_mode = 'ANSI_QUOTES'", &session, &catalog());
    session.forwarded(&second);
    for facts in [&first, &second] {
        session.finished(facts, &outcome(true));
        assert_eq!(say(&session, "SELECT \"ssn\" FROM app.emp"), UNKNOWN);
    }
    run(&mut session, "SET sql_mode = ''", true);
    assert_eq!(say(&session, "SELECT \"ssn\""), "");
}

#[test]
fn a_rollback_does_not_undo_what_was_set() {
    let mut session = session();
    run(&mut session, "BEGIN", true);
    run(&mut session, "USE hr", true);
    run(&mut session, "ROLLBACK", true);
    assert_eq!(
        say(&session, "SELECT secret FROM emp"),
        "select hr.emp(secret!)"
    );
    run(&mut session, "USE nothing", false);
    assert_eq!(
        say(&session, "SELECT secret FROM emp"),
        "select hr.emp(secret!)"
    );
}

#[test]
fn a_text_in_two_parts_is_read_with_what_the_first_sets() {
    let text = "SET sql_mode = 'ANSI_QUOTES'; SELECT \"ssn\" FROM emp";
    // The server cuts the second statement's tokens by the new mode, and here they were cut by the old one.
    assert_eq!(say(&session(), text), UNKNOWN);
}

#[test]
fn a_stored_program_may_have_changed_the_modes() {
    let mut session = session();
    run(&mut session, "CALL archive(1)", true);
    assert_eq!(say(&session, "SELECT \"a\""), UNKNOWN);
    assert_eq!(say(&session, "SELECT id FROM emp"), "select app.emp(id!)");
}

#[test]
fn nothing_is_known_after_what_is_not_analysed() {
    let mut session = session();
    run(&mut session, "EXECUTE s", true);
    assert_eq!(say(&session, "SELECT id FROM app.emp"), "opaque catalog");
    session.settled();
    assert_eq!(
        say(&session, "SELECT id FROM app.emp"),
        "select app.emp(id!)"
    );
    assert_eq!(say(&session, "SELECT id FROM emp"), UNKNOWN);
}

#[test]
fn a_temporary_table_hides_another() {
    let mut session = session();
    run(&mut session, "CREATE TEMPORARY TABLE emp (a INT)", true);
    session.settled();
    assert_eq!(say(&session, "SELECT ssn FROM emp"), "opaque unresolved");
    assert_eq!(
        say(&session, "DROP TEMPORARY TABLE emp"),
        "drop app.emp where"
    );
}

#[test]
fn no_dialect_takes_a_text_that_it_cannot_read_for_an_empty_one() {
    fn unreadable<D: Dialect>(session: &D::Session, catalog: &D::Catalog) {
        for text in [
            &b"SELEC 1"[..],
            b"SELECT 1\0",
            b"SELECT '\xff'",
            b"(",
            b"EXECUTE x",
        ] {
            let facts = D::analyse(text, session, catalog);
            assert!(told(&facts).join("").starts_with("opaque"), "{text:?}");
        }
        assert!(told(&D::analyse(b" ; -- x\n", session, catalog)).is_empty());
    }
    unreadable::<MySql>(&session(), &catalog());
    let snapshot = crate::Snapshot::new(1, crate::Rows::default());
    unreadable::<Postgres>(&crate::Session::new(&login(), &snapshot), &snapshot);
}
