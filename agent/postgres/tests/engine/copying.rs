//! COPY: its data streams, and what the client sends around it never desynchronises the two sides.

use crate::messages::{client, server};
use crate::play::Play;

const COPY: &str = "copy t from stdin";

fn data() -> Vec<u8> {
    [client::copy_data("1\n"), client::copy_data("2\n")].concat()
}

#[test]
fn a_copy_in_by_query_streams() {
    let mut play = Play::ready();
    play.client(client::query(COPY));
    play.server(server::copy_in());
    play.at_server();
    let sent = [data(), client::copy_done()].concat();
    assert_eq!(play.client(&sent).at_server(), sent);
    play.server([server::complete("COPY 2"), server::ready(b'I')].concat());
    assert_eq!(
        play.told(),
        [
            "2 run copy t from stdin",
            "2 completed COPY 2",
            "ready idle"
        ]
    );
}

#[test]
fn data_that_comes_too_early_waits() {
    let mut play = Play::ready();
    play.client(
        [
            client::query(COPY),
            data(),
            client::copy_done(),
            client::query("select 1"),
        ]
        .concat(),
    );
    assert_eq!(play.at_server(), client::query(COPY));
    play.server(server::copy_in());
    assert_eq!(play.at_server(), [data(), client::copy_done()].concat());
    play.server([server::complete("COPY 2"), server::ready(b'I')].concat());
    assert_eq!(play.at_server(), client::query("select 1"));
}

#[test]
fn a_sync_that_the_copy_would_swallow_is_not_sent() {
    let mut play = Play::ready();
    // As tokio-postgres and libpq do.
    play.client([client::run(COPY), client::sync()].concat());
    assert_eq!(
        play.at_server(),
        [client::run(COPY), client::flush()].concat()
    );
    play.server([server::parsed(), server::bound(), server::copy_in()].concat());
    play.client([data(), client::copy_done(), client::sync()].concat());
    // The Sync behind the data waits until the server has said how the COPY ended, which a Flush makes it say.
    assert_eq!(
        play.at_server(),
        [data(), client::copy_done(), client::flush()].concat()
    );
    play.server(server::complete("COPY 2"));
    assert_eq!(play.at_server(), client::sync());
    play.server(server::ready(b'I'));
    play.client(client::query("select 1"));
    assert_eq!(
        play.told()[3..],
        ["3 completed COPY 2", "ready idle", "4 run select 1"]
    );
}

#[test]
fn a_statement_that_only_speaks_of_copying_costs_a_round_trip_and_nothing_else() {
    let mut play = Play::ready();
    play.client([client::run("select 'copy'"), client::sync()].concat());
    assert_eq!(
        play.at_server(),
        [client::run("select 'copy'"), client::flush()].concat()
    );
    play.server(
        [
            server::parsed(),
            server::bound(),
            server::complete("SELECT 1"),
        ]
        .concat(),
    );
    assert_eq!(play.at_server(), client::sync());
}

#[test]
fn a_copy_that_the_client_fails_ends_as_failed() {
    let mut play = Play::ready();
    play.client([client::run(COPY), client::sync()].concat());
    play.server([server::parsed(), server::bound(), server::copy_in()].concat());
    play.client([client::copy_fail("no"), client::sync()].concat());
    play.told();
    play.at_server();
    play.server(server::error("ERROR", "57014", "COPY from stdin failed"));
    assert_eq!(play.at_server(), client::sync());
    play.server(server::ready(b'I'));
    assert_eq!(play.told(), ["3 failed 57014", "ready idle"]);
}

#[test]
fn nothing_is_smuggled_in_behind_a_copy_that_fails() {
    let mut play = Play::ready();
    play.client([client::parse("b", "select 1"), client::sync()].concat());
    play.server([server::parsed(), server::ready(b'I')].concat());
    play.client([client::run(COPY), client::sync()].concat());
    play.server([server::parsed(), server::bound(), server::copy_in()].concat());
    play.at_server();
    play.told();
    // The server skips this Parse. A queue that took the swallowed Sync for its end would wait for the Parse's answer,
    // and take the next one's for it.
    play.client(
        [
            client::copy_fail("no"),
            client::parse("b", "drop table t"),
            client::sync(),
        ]
        .concat(),
    );
    play.server(server::error("ERROR", "57014", "COPY from stdin failed"));
    assert_eq!(
        play.at_server(),
        [client::copy_fail("no"), client::flush(), client::sync()].concat()
    );
    play.server(server::ready(b'I'));
    play.client(
        [
            client::bind("", "b"),
            client::execute("", 0),
            client::sync(),
        ]
        .concat(),
    );
    assert_eq!(
        play.told(),
        ["4 failed 57014", "ready idle", "5 run select 1"]
    );
}

#[test]
fn data_behind_a_row_that_failed_is_thrown_away() {
    let mut play = Play::ready();
    play.client(client::query(COPY));
    play.server(server::copy_in());
    play.client(data());
    play.at_server();
    play.server(
        [
            server::error("ERROR", "22P02", "bad row"),
            server::ready(b'I'),
        ]
        .concat(),
    );
    play.client([data(), client::copy_done(), client::query("select 1")].concat());
    assert_eq!(play.at_server(), client::query("select 1"));
    assert_eq!(
        play.told(),
        [
            "2 run copy t from stdin",
            "2 failed 22P02",
            "ready idle",
            "3 run select 1"
        ]
    );
}

#[test]
fn a_request_behind_a_copy_that_failed_waits_until_the_server_is_ready() {
    let mut play = Play::ready();
    play.client(client::query(COPY));
    play.server(server::copy_in());
    play.at_server();
    play.server(server::error("ERROR", "22P02", "bad row"));
    play.client([data(), client::query("select 1")].concat());
    assert_eq!(play.at_server(), b"");
    assert!(play.error.is_none());
    play.server(server::ready(b'I'));
    assert_eq!(play.at_server(), client::query("select 1"));
}

#[test]
fn a_copy_by_execute_that_failed_before_its_data_ends_at_the_sync_that_was_sent_with_it() {
    let mut play = Play::ready();
    play.client([client::run(COPY), client::sync()].concat());
    play.at_server();
    play.server(
        [
            server::parsed(),
            server::bound(),
            server::error("ERROR", "42P01", "no table"),
        ]
        .concat(),
    );
    assert_eq!(play.at_server(), client::sync());
    play.server(server::ready(b'I'));
    assert_eq!(play.told().last().unwrap(), "ready idle");
}

#[test]
fn two_copies_in_one_query_both_get_their_data() {
    let mut play = Play::ready();
    let two = "copy t from stdin; copy t from stdin; select 1";
    play.client(client::query(two));
    play.at_server();
    for _ in 0..2 {
        play.server(server::copy_in());
        let sent = [data(), client::copy_done()].concat();
        assert_eq!(play.client(&sent).at_server(), sent);
        play.server(server::complete("COPY 2"));
    }
    play.server(
        [
            server::columns(&[(0, 0, 23, 0)]),
            server::complete("SELECT 1"),
            server::ready(b'I'),
        ]
        .concat(),
    );
    assert_eq!(
        play.told()[1..],
        ["2 completed COPY 2, COPY 2, SELECT 1", "ready idle"]
    );
}

#[test]
fn a_request_in_the_middle_of_a_copy_ends_the_session() {
    for request in [
        client::query("select 1"),
        client::parse("", "x"),
        client::bind("", ""),
        client::call(14),
    ] {
        let mut play = Play::ready();
        play.client(client::query(COPY));
        play.server(server::copy_in());
        play.at_server();
        play.client([client::copy_data("1\n"), request].concat());
        assert_eq!(play.at_server(), client::copy_data("1\n"));
        assert!(play.error.is_some());
    }
}

#[test]
fn a_copy_that_nobody_announced_ends_the_session() {
    let mut play = Play::ready();
    play.client(client::query("select 1"));
    play.server(server::copy_in());
    assert!(play.error.is_some());
}

#[test]
fn data_outside_of_a_copy_is_thrown_away() {
    let mut play = Play::ready();
    play.client(
        [
            client::copy_done(),
            data(),
            client::copy_fail("x"),
            client::sync(),
        ]
        .concat(),
    );
    assert_eq!(play.at_server(), client::sync());
}

#[test]
fn a_copy_out_streams() {
    let mut play = Play::ready();
    play.client(client::query("copy t to stdout"));
    let head = [server::copy_out(), b"d\0\0\x03\xe8".to_vec()].concat();
    assert_eq!(play.server(&head).at_client(), head);
    let tail = [
        vec![b'x'; 996],
        server::copy_data("1\n"),
        server::copy_done(),
        server::complete("COPY 2"),
        server::ready(b'I'),
    ]
    .concat();
    assert_eq!(play.server(&tail).at_client(), tail);
    assert_eq!(play.told()[1..], ["2 completed COPY 2", "ready idle"]);
}
