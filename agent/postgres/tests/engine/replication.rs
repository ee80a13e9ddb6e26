//! Sessions for replication: streams in both directions, and what is refused in them.

use model::RefusalKind;
use protocol::Session;

use crate::messages::{client, message, server};
use crate::play::{Play, our_error};

const START: &str = "START_REPLICATION SLOT s LOGICAL 0/0";

fn startup(settings: &[(&str, &str)]) -> Vec<u8> {
    client::startup(196_608, &[&[("user", "app")], settings].concat())
}

/// A session for replication that is ready for its first command.
fn ready() -> Play {
    let mut play = Play::new();
    play.client(startup(&[("replication", "database")]));
    play.server(server::welcome());
    play.at_server();
    play.at_client();
    play.told();
    play
}

/// One whose stream has begun.
fn streaming() -> Play {
    let mut play = ready();
    play.client(client::query(START));
    play.server(message(b'W', &[0, 0, 0]));
    play.at_server();
    play.at_client();
    play.told();
    play
}

#[test]
fn data_flows_both_ways_until_both_sides_are_done() {
    let mut play = streaming();
    let status = [client::copy_data("r1"), client::copy_data("r2")].concat();
    assert_eq!(play.client(&status).at_server(), status);
    let changes = [server::copy_data("w1"), server::copy_data("w2")].concat();
    assert_eq!(play.server(&changes).at_client(), changes);
    let late = [client::copy_data("r3"), client::copy_done()].concat();
    assert_eq!(play.client(&late).at_server(), late);
    let end = [
        server::copy_data("w3"),
        server::copy_done(),
        server::complete("START_STREAMING"),
        server::ready(b'I'),
    ]
    .concat();
    assert_eq!(play.server(&end).at_client(), end);
    assert_eq!(play.told(), ["2 completed START_STREAMING", "ready idle"]);
}

#[test]
fn the_server_may_be_done_first() {
    let mut play = streaming();
    play.server([server::copy_data("w"), server::copy_done()].concat());
    let late = [client::copy_data("r"), client::copy_done()].concat();
    assert_eq!(play.client(&late).at_server(), late);
    let next = [
        server::columns(&[(0, 0, 20, 0)]),
        server::row(&[Some(b"2")]),
        server::complete("START_STREAMING"),
        server::ready(b'I'),
    ]
    .concat();
    play.at_client();
    assert_eq!(play.server(&next).at_client(), next);
}

#[test]
fn a_stream_is_passed_in_pieces_of_any_size() {
    let mut play = streaming();
    let mut header = message(b'd', &[b'w'; 4]);
    header[1..5].copy_from_slice(&(i32::MAX).to_be_bytes());
    assert_eq!(play.server(&header).at_client(), header);
    assert_eq!(play.client(&header).at_server(), header);
    assert!(play.error.is_none());
}

#[test]
fn nothing_is_sent_behind_a_command_that_may_begin_a_stream() {
    let mut play = ready();
    play.client([client::query("TIMELINE_HISTORY 1"), client::query("SHOW x")].concat());
    assert_eq!(play.at_server(), client::query("TIMELINE_HISTORY 1"));
    assert!(play.engine.is_blocked());
    play.server([server::complete("TIMELINE_HISTORY"), server::ready(b'I')].concat());
    assert_eq!(play.at_server(), client::query("SHOW x"));
}

#[test]
fn an_error_ends_the_stream_and_the_session_goes_on() {
    let mut play = streaming();
    let error = [
        server::error("ERROR", "58P01", "segment has been removed"),
        server::ready(b'I'),
    ]
    .concat();
    assert_eq!(play.server(&error).at_client(), error);
    let late = [client::copy_data("r"), client::copy_done()].concat();
    assert_eq!(play.client(&late).at_server(), b"");
    assert_eq!(
        play.client(client::query("IDENTIFY_SYSTEM")).at_server(),
        client::query("IDENTIFY_SYSTEM")
    );
}

#[test]
fn what_a_walsender_would_not_take_in_a_stream_is_not_sent() {
    for message in [client::sync(), client::flush(), client::query("SHOW x")] {
        let mut play = streaming();
        play.client(message);
        let kind = play.error.as_ref().map(|error| error.refusal.kind);
        assert_eq!(kind, Some(RefusalKind::Malformed));
        assert_eq!(play.at_server(), b"");
    }
}

#[test]
fn a_client_may_leave_in_the_middle_of_a_stream() {
    let mut play = streaming();
    assert_eq!(
        play.client(client::terminate()).at_server(),
        client::terminate()
    );
    assert_eq!(play.told(), ["terminated"]);
}

#[test]
fn a_refused_command_fails_at_the_server_and_reads_our_words() {
    let mut play = ready();
    play.client(client::query("START_REPLICATION forbidden"));
    assert!(play.at_server().starts_with(b"Q"));
    let error = server::error("ERROR", "0A000", "cannot execute SQL commands");
    play.server([error, server::ready(b'I')].concat());
    assert_eq!(
        play.at_client(),
        [our_error("ERROR"), server::ready(b'I')].concat()
    );
}

#[test]
fn a_stream_outside_of_replication_answers_nothing() {
    let mut play = Play::ready();
    play.client(client::query("copy t from stdin"));
    play.server(message(b'W', &[0, 0, 0]));
    assert!(play.error.is_some());
    assert_eq!(play.at_client(), b"");
}

#[test]
fn a_login_that_says_replication_twice_is_refused() {
    for second in ["replication", "REPLICATION"] {
        let mut play = Play::new();
        play.client(startup(&[("replication", "true"), (second, "off")]));
        let kind = play.error.as_ref().map(|error| error.refusal.kind);
        assert_eq!(kind, Some(RefusalKind::Malformed));
        assert_eq!(play.at_server(), b"");
    }
}
