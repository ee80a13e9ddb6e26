//! Nothing reaches the server unasked, and a no reaches the client as an error of the server's own.

use crate::messages::{client, server};
use crate::play::{Play, our_error};

#[test]
fn nothing_reaches_the_server_before_the_verdict() {
    let connect = client::startup(196_608, &[("user", "held")]);
    let mut play = Play::new();
    assert_eq!(play.client(&connect).at_server(), b"");
    assert_eq!(play.yes().at_server(), connect);

    let mut play = Play::ready();
    for message in [
        client::query("select held"),
        client::parse("", "select held"),
        client::parse("s", "select held"),
    ] {
        assert_eq!(play.client(&message).at_server(), b"");
        assert_eq!(play.yes().at_server(), message);
    }
}

#[test]
fn an_execute_waits_for_its_own_verdict() {
    let mut play = Play::ready();
    play.client(client::parse("s", "select held")).yes();
    play.client(
        [
            client::bind("", "s"),
            client::execute("", 0),
            client::sync(),
        ]
        .concat(),
    );
    play.at_server();
    assert_eq!(play.told().last().unwrap(), "3 run select held");
    assert_eq!(
        play.yes().at_server(),
        [client::execute("", 0), client::sync()].concat()
    );
}

#[test]
fn a_client_that_has_asked_is_left_alone_while_the_server_flows() {
    let mut play = Play::ready();
    play.client([client::query("select held"), client::query("select 2")].concat());
    play.server(server::notice("still here"));
    assert_eq!(play.told(), ["2 run select held"]);
    assert_eq!(play.at_client(), server::notice("still here"));
    play.yes();
    assert_eq!(play.told(), ["3 run select 2"]);
}

#[test]
fn a_refused_query_becomes_one_that_must_fail_and_its_error_carries_our_words() {
    for state in [b'I', b'E'] {
        let mut play = Play::ready();
        play.client(client::query("drop table forbidden"));
        assert_eq!(
            play.at_server(),
            client::query("weir refused request 2 of this session")
        );
        play.server([server::syntax_error(), server::ready(state)].concat());
        assert_eq!(
            play.at_client(),
            [our_error("ERROR"), server::ready(state)].concat()
        );
        let ready = if state == b'I' {
            "ready idle"
        } else {
            "ready failed"
        };
        assert_eq!(play.told(), ["2 run drop table forbidden", "failed", ready]);
    }
}

#[test]
fn a_refused_function_becomes_one_that_no_server_has() {
    let mut play = Play::ready();
    play.client([client::call(13), client::call(14)].concat());
    assert_eq!(
        play.at_server(),
        [client::call(0), client::call(14)].concat()
    );
    play.server(
        [
            server::error("ERROR", "42883", "no such function"),
            server::ready(b'I'),
        ]
        .concat(),
    );
    assert_eq!(
        play.at_client(),
        [our_error("ERROR"), server::ready(b'I')].concat()
    );
    let answer = [server::call_result(), server::ready(b'I')].concat();
    play.server(&answer);
    assert_eq!(play.at_client(), answer);
    assert_eq!(
        play.told().last_chunk::<2>().unwrap(),
        &["3 completed", "ready idle"]
    );
}

#[test]
fn a_session_lives_on_after_a_refusal() {
    let mut play = Play::ready();
    play.client(client::query("forbidden"));
    play.server([server::syntax_error(), server::ready(b'I')].concat());
    play.client(client::query("select 1"));
    let answer = [
        server::columns(&[(0, 0, 23, 0)]),
        server::row(&[Some(b"1")]),
        server::complete("SELECT 1"),
        server::ready(b'I'),
    ]
    .concat();
    play.at_client();
    assert_eq!(play.server(&answer).at_client(), answer);
    assert_eq!(
        play.told().last_chunk::<2>().unwrap(),
        &["3 completed SELECT 1", "ready idle"]
    );
}

#[test]
fn several_statements_of_one_query_end_as_one_request() {
    let mut play = Play::ready();
    play.client(client::query("insert; ; select"));
    play.server(
        [
            server::complete("INSERT 0 1"),
            server::empty_query(),
            server::columns(&[(0, 0, 23, 0)]),
            server::row(&[None]),
            server::complete("SELECT 1"),
            server::ready(b'T'),
        ]
        .concat(),
    );
    assert_eq!(
        play.told(),
        [
            "2 run insert; ; select",
            "2 completed INSERT 0 1, SELECT 1",
            "ready open"
        ]
    );
}

#[test]
fn an_error_in_the_middle_of_rows_ends_the_request_as_failed() {
    let mut play = Play::ready();
    play.client(client::query("select 1/x"));
    play.server(
        [
            server::columns(&[(0, 0, 23, 0)]),
            server::row(&[Some(b"1")]),
            server::error("ERROR", "22012", "division by zero"),
            server::ready(b'I'),
        ]
        .concat(),
    );
    assert_eq!(play.told()[1..], ["2 failed 22012", "ready idle"]);
}

#[test]
fn what_the_server_says_last_passes_and_the_request_has_no_ending() {
    let mut play = Play::ready();
    play.client(client::query("select 1"));
    let fatal = server::error("FATAL", "57P01", "terminating connection");
    assert_eq!(play.server(&fatal).at_client(), fatal);
    assert_eq!(play.told(), ["2 run select 1"]);
}

#[test]
fn a_verdict_for_another_ticket_changes_nothing() {
    use protocol::{Outbox, Session, Ticket};
    let mut play = Play::ready();
    play.client(client::query("select held"));
    let mut out = Outbox::default();
    let verdict = model::Verdict::Forward(model::Terms::default());
    assert!(play.engine.resolve(Ticket(9), verdict, &mut out).is_err());
    assert!(out.to_server.is_empty());
    assert_eq!(play.yes().at_server(), client::query("select held"));
}

#[test]
fn what_was_asked_before_the_goodbye_is_still_answered() {
    let mut play = Play::ready();
    play.client(
        [
            client::query("select 1"),
            client::terminate(),
            client::query("x"),
        ]
        .concat(),
    );
    let answer = [server::complete("SELECT 0"), server::ready(b'I')].concat();
    assert_eq!(play.server(&answer).at_client(), answer);
    assert_eq!(
        play.told(),
        [
            "2 run select 1",
            "terminated",
            "2 completed SELECT 0",
            "ready idle"
        ]
    );
    assert_eq!(
        play.at_server(),
        [client::query("select 1"), client::terminate()].concat()
    );
}
