//! Results with too many rows end in an error, and what the client believes to have failed has failed.

use crate::messages::{client, server};
use crate::play::Play;

const INT: u32 = 23;
const TABLE: u32 = 16400;

fn rows(number: usize) -> Vec<u8> {
    server::row(&[Some(b"7")]).repeat(number)
}

fn columns() -> Vec<u8> {
    server::columns(&[(TABLE, 1, INT, 0)])
}

/// What the client got begins with `before`, says that there are more rows, and ends with `after`.
#[track_caller]
fn assert_cut_off(seen: &[u8], before: &[u8], after: &[u8]) -> String {
    assert!(seen.starts_with(before), "{}", seen.escape_ascii());
    let rest = &seen[before.len()..];
    assert!(rest.ends_with(after), "{}", rest.escape_ascii());
    let error = String::from_utf8_lossy(&rest[..rest.len() - after.len()]).into_owned();
    assert!(error.contains("C54000\0"), "{error}");
    assert!(
        error.contains("more than the 2 rows that few-rows permits"),
        "{error}"
    );
    error
}

/// The failing message that the server gets instead of what the client sends next.
fn is_failing(sent: &[u8]) -> bool {
    String::from_utf8_lossy(sent).contains("weir refused request")
}

#[test]
fn as_many_rows_as_are_permitted_pass_as_they_are() {
    let mut play = Play::ready();
    play.client(client::query("select few"));
    let answer = [
        columns(),
        rows(2),
        server::complete("SELECT 2"),
        server::ready(b'I'),
    ]
    .concat();
    play.server(&answer);
    assert_eq!(play.at_client(), answer);
}

#[test]
fn a_query_outside_of_a_transaction_ends_in_an_error_that_says_that_it_is_done() {
    let mut play = Play::ready();
    play.client(client::query("select few"));
    play.told();
    play.server(
        [
            columns(),
            rows(5),
            server::complete("SELECT 5"),
            server::ready(b'I'),
        ]
        .concat(),
    );
    let before = [columns(), rows(2)].concat();
    let error = assert_cut_off(&play.at_client(), &before, &server::ready(b'I'));
    assert!(error.contains("committed"), "{error}");
    assert_eq!(play.told(), ["2 limited SELECT 5", "ready idle"]);
}

#[test]
fn a_query_in_a_transaction_block_fails_it() {
    let mut play = Play::ready();
    play.client(client::query("select few"));
    play.at_server();
    play.server(
        [
            columns(),
            rows(3),
            server::complete("SELECT 3"),
            server::ready(b'T'),
        ]
        .concat(),
    );
    assert_eq!(play.at_client(), [columns(), rows(2)].concat());
    assert!(is_failing(&play.at_server()));
    play.server([server::syntax_error(), server::ready(b'E')].concat());
    let error = assert_cut_off(&play.at_client(), &[], &server::ready(b'E'));
    assert!(!error.contains("committed"), "{error}");
}

#[test]
fn what_comes_behind_a_query_waits_for_its_end() {
    let mut play = Play::ready();
    let query = client::query("select few");
    play.client([query.clone(), client::query("delete")].concat());
    assert_eq!(play.at_server(), query);
    play.server(
        [
            columns(),
            rows(1),
            server::complete("SELECT 1"),
            server::ready(b'I'),
        ]
        .concat(),
    );
    assert_eq!(play.at_server(), client::query("delete"));
}

#[test]
fn an_execute_asks_for_one_row_more_than_may_pass_and_fails_the_pipeline() {
    let mut play = Play::ready();
    let behind = [client::run("delete"), client::sync()].concat();
    play.client([client::run("select few"), behind].concat());
    let sent = [
        client::parse("", "select few"),
        client::bind("", ""),
        client::execute("", 3),
        client::flush(),
    ];
    assert_eq!(play.at_server(), sent.concat());
    let before = [server::parsed(), server::bound()].concat();
    play.server([before.clone(), rows(3), server::suspended()].concat());
    // What came behind is not sent, as the server would skip it.
    let sent = play.at_server();
    assert!(is_failing(&sent) && sent.ends_with(&client::sync()));
    assert!(!String::from_utf8_lossy(&sent).contains("delete"));
    play.server([server::syntax_error(), server::ready(b'I')].concat());
    let before = [before, rows(2)].concat();
    assert_cut_off(&play.at_client(), &before, &server::ready(b'I'));
    assert!(play.told().contains(&"3 limited".to_owned()));
}

#[test]
fn rows_of_a_portal_count_together() {
    let mut play = Play::ready();
    play.client(
        [
            client::parse("s", "select few"),
            client::bind("c", "s"),
            client::sync(),
        ]
        .concat(),
    );
    play.server([server::parsed(), server::bound(), server::ready(b'T')].concat());
    play.at_server();
    play.at_client();
    let one = [client::execute("c", 1), client::sync()].concat();
    let answer = [rows(1), server::suspended()].concat();
    for _ in 0..2 {
        play.client(&one);
        play.server(&answer).server(server::ready(b'T'));
        assert_eq!(
            play.at_client(),
            [answer.clone(), server::ready(b'T')].concat()
        );
    }
    play.client(&one);
    play.server([rows(1), server::suspended()].concat());
    play.server([server::syntax_error(), server::ready(b'E')].concat());
    assert_cut_off(&play.at_client(), &[], &server::ready(b'E'));
}

#[test]
fn lines_of_a_copy_are_rows() {
    let mut play = Play::ready();
    play.client(client::query("copy few to stdout"));
    let line = server::copy_data("7\n");
    let before = [server::copy_out(), line.repeat(2)].concat();
    let after = [
        server::copy_done(),
        server::complete("COPY 4"),
        server::ready(b'I'),
    ]
    .concat();
    play.server([before.clone(), line.repeat(2), after].concat());
    assert_cut_off(&play.at_client(), &before, &server::ready(b'I'));
}

#[test]
fn masked_rows_are_limited_too() {
    let mut play = Play::ready();
    play.client(client::query("select few ssn"));
    let columns = server::columns(&[(TABLE, 1, 23, 0), (TABLE, 2, 25, 0)]);
    let row = server::row(&[Some(b"7"), Some(b"123-45-6789")]);
    play.server(
        [
            columns.clone(),
            row.repeat(3),
            server::complete("SELECT 3"),
            server::ready(b'I'),
        ]
        .concat(),
    );
    let before = [columns, server::row(&[Some(b"7"), Some(b"***")]).repeat(2)].concat();
    assert_cut_off(&play.at_client(), &before, &server::ready(b'I'));
}

#[test]
fn a_server_that_fails_behind_the_limit_is_heard_instead() {
    let mut play = Play::ready();
    play.client(client::query("select few"));
    let error = server::error("ERROR", "22012", "division by zero");
    play.server([columns(), rows(3), error.clone(), server::ready(b'I')].concat());
    let seen = [columns(), rows(2), error, server::ready(b'I')].concat();
    assert_eq!(play.at_client(), seen);
}

#[test]
fn how_the_answer_is_cut_changes_nothing() {
    let answer = [
        columns(),
        rows(4),
        server::complete("SELECT 4"),
        server::ready(b'I'),
    ]
    .concat();
    let play = |pieces: Vec<&[u8]>| {
        let mut play = Play::ready();
        play.client(client::query("select few"));
        for piece in pieces {
            play.server(piece);
        }
        play.at_client()
    };
    assert_eq!(play(answer.chunks(1).collect()), play(vec![&answer]));
}
