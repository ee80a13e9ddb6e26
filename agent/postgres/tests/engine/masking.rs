//! Masked columns are masked wherever they come from, or the session ends.

use crate::messages::{client, server};
use crate::play::Play;

const TEXT: u32 = 25;
const INT: u32 = 23;
const TABLE: u32 = 16400;

/// Columns id and ssn.
fn columns(format: i16) -> Vec<u8> {
    server::columns(&[(TABLE, 1, INT, format), (TABLE, 2, TEXT, format)])
}

fn clear() -> Vec<u8> {
    server::row(&[Some(b"7"), Some(b"123-45-6789")])
}

fn masked() -> Vec<u8> {
    server::row(&[Some(b"7"), Some(b"***")])
}

#[test]
fn a_query_is_masked() {
    let mut play = Play::ready();
    play.client(client::query("select id, ssn from customers"));
    let (before, after) = (
        columns(0),
        [server::complete("SELECT 1"), server::ready(b'I')].concat(),
    );
    play.server([before.clone(), clear(), after.clone()].concat());
    assert_eq!(play.at_client(), [before, masked(), after].concat());
}

#[test]
fn an_execute_that_the_client_did_not_describe_is_described_unseen() {
    let mut play = Play::ready();
    play.client([client::run("select id, ssn"), client::sync()].concat());
    assert_eq!(
        play.at_server(),
        [
            client::parse("", "select id, ssn"),
            client::bind("", ""),
            client::describe(b'P', ""),
            client::execute("", 0),
            client::sync(),
        ]
        .concat()
    );
    let before = [server::parsed(), server::bound()].concat();
    let after = [server::complete("SELECT 1"), server::ready(b'I')].concat();
    play.server([before.clone(), columns(0), clear(), after.clone()].concat());
    assert_eq!(play.at_client(), [before, masked(), after].concat());
}

#[test]
fn an_execute_that_the_client_described_is_masked_by_that_description() {
    let mut play = Play::ready();
    play.client(
        [
            client::parse("", "select id, ssn"),
            client::bind("", ""),
            client::describe(b'P', ""),
            client::flush(),
        ]
        .concat(),
    );
    play.server([server::parsed(), server::bound(), columns(1)].concat());
    play.at_client();
    play.at_server();
    play.client([client::execute("", 0), client::sync()].concat());
    assert_eq!(
        play.at_server(),
        [client::execute("", 0), client::sync()].concat()
    );
    play.server(clear());
    assert_eq!(play.at_client(), masked());
}

#[test]
fn a_description_that_was_skipped_is_asked_for_again() {
    let mut play = Play::ready();
    play.client(
        [
            client::parse("s", "select id, ssn"),
            client::bind("c", "s"),
            client::sync(),
        ]
        .concat(),
    );
    play.server([server::parsed(), server::bound(), server::ready(b'T')].concat());
    play.client(
        [
            client::parse("", "selec"),
            client::describe(b'P', "c"),
            client::sync(),
        ]
        .concat(),
    );
    play.server([server::syntax_error(), server::ready(b'E')].concat());
    play.at_server();
    play.client([client::execute("c", 0), client::sync()].concat());
    assert!(play.at_server().starts_with(&client::describe(b'P', "c")));
}

#[test]
fn a_prepared_statement_is_masked_every_time() {
    let mut play = Play::ready();
    play.client([client::parse("s", "select id, ssn"), client::sync()].concat());
    play.server([server::parsed(), server::ready(b'I')].concat());
    for _ in 0..3 {
        play.client(
            [
                client::bind("", "s"),
                client::execute("", 0),
                client::sync(),
            ]
            .concat(),
        );
        play.at_client();
        play.server(
            [
                server::bound(),
                columns(1),
                clear(),
                server::complete("SELECT 1"),
                server::ready(b'I'),
            ]
            .concat(),
        );
        let seen = play.at_client();
        assert!(
            seen.starts_with(&[server::bound(), masked()].concat()),
            "{seen:?}"
        );
    }
}

#[test]
fn a_portal_that_was_suspended_is_still_masked() {
    let mut play = Play::ready();
    play.client(
        [
            client::parse("", "select id, ssn"),
            client::bind("", ""),
            client::execute("", 1),
            client::flush(),
        ]
        .concat(),
    );
    play.server(
        [
            server::parsed(),
            server::bound(),
            columns(0),
            clear(),
            server::suspended(),
        ]
        .concat(),
    );
    play.at_client();
    play.at_server();
    play.client([client::execute("", 1), client::sync()].concat());
    assert_eq!(
        play.at_server(),
        [client::execute("", 1), client::sync()].concat()
    );
    play.server([clear(), server::suspended(), server::ready(b'I')].concat());
    assert_eq!(
        play.at_client(),
        [masked(), server::suspended(), server::ready(b'I')].concat()
    );
}

#[test]
fn null_stays_null_and_is_not_counted() {
    let mut play = Play::ready();
    play.client(client::query("select ssn"));
    let row = server::row(&[Some(b"7"), None]);
    play.server([columns(0), row.clone()].concat());
    assert_eq!(play.at_client(), [columns(0), row].concat());
}

#[test]
fn a_masked_result_without_the_masked_column_ends_the_session() {
    for fields in [
        server::columns(&[(0, 0, TEXT, 0)]),
        server::columns(&[(TABLE, 2, TEXT, 0), (TABLE, 0, 16402, 0)]),
    ] {
        let mut play = Play::ready();
        play.client(client::query("select ssn"));
        play.server([fields, server::row(&[Some(b"123-45-6789")])].concat());
        assert!(play.error.is_some());
        assert_eq!(play.at_client(), b"");
    }
}

#[test]
fn masked_rows_without_a_description_end_the_session() {
    let mut play = Play::ready();
    play.client(client::query("select ssn"));
    play.server(clear());
    assert!(play.error.is_some());
    assert_eq!(play.at_client(), b"");
}

#[test]
fn each_result_of_a_masked_query_needs_its_own_description() {
    let mut play = Play::ready();
    play.client(client::query("select ssn; select ssn"));
    play.server([columns(0), clear(), server::complete("SELECT 1")].concat());
    play.at_client();
    play.server(clear());
    assert!(play.error.is_some());
    assert_eq!(play.at_client(), b"");
}

#[test]
fn what_has_no_columns_cannot_pass_under_a_mask() {
    let mut play = Play::ready();
    play.client(client::query("copy (select ssn) to stdout"));
    play.server([server::copy_out(), server::copy_data("123-45-6789")].concat());
    assert!(play.error.is_some());
    assert_eq!(play.at_client(), b"");
}

#[test]
fn a_masked_row_that_is_torn_ends_the_session() {
    let mut play = Play::ready();
    play.client(client::query("select ssn"));
    play.server(columns(0));
    play.at_client();
    play.server(crate::messages::message(
        b'D',
        b"\0\x02\0\0\0\x017\0\0\0\x09x",
    ));
    assert!(play.error.is_some());
    assert_eq!(play.at_client(), b"");
}

const WITHHELD: &str = "Withheld by weir: it may tell masked values.";

fn violation(detail: &str) -> Vec<u8> {
    server::detailed("23502", "null value", detail)
}

#[test]
fn an_error_keeps_its_detail_to_itself_where_it_may_tell_a_row() {
    let mut play = Play::ready();
    play.client(client::query("update told"));
    play.server(
        [
            violation("Failing row contains (123-45-6789)."),
            server::ready(b'I'),
        ]
        .concat(),
    );
    assert_eq!(
        play.at_client(),
        [violation(WITHHELD), server::ready(b'I')].concat()
    );
    play.client([client::run("update told"), client::sync()].concat());
    let before = [server::parsed(), server::bound()].concat();
    let after = server::ready(b'I');
    play.server(
        [&before, &violation("(123-45-6789)"), &after]
            .map(|bytes| &**bytes)
            .concat(),
    );
    assert_eq!(
        play.at_client(),
        [before, violation(WITHHELD), after].concat()
    );
}

#[test]
fn a_constraint_that_is_checked_at_the_end_tells_no_row_either() {
    let mut play = Play::ready();
    for (sql, state) in [("begin", b'T'), ("update told", b'T')] {
        play.client(client::query(sql));
        play.server([server::complete("OK"), server::ready(state)].concat());
    }
    play.at_client();
    play.client(client::query("commit"));
    play.server([violation("(123-45-6789)"), server::ready(b'I')].concat());
    assert_eq!(
        play.at_client(),
        [violation(WITHHELD), server::ready(b'I')].concat()
    );
    // What comes after it is told as it is.
    play.client(client::query("select 1/0"));
    play.server([violation("a detail"), server::ready(b'I')].concat());
    assert_eq!(
        play.at_client(),
        [violation("a detail"), server::ready(b'I')].concat()
    );
}
