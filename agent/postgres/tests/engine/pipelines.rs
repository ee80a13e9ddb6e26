//! The extended protocol: what keeps its place, what is skipped, and what each error is about.

use crate::messages::{client, server};
use crate::play::{Play, our_error};

fn three(second: &str) -> Vec<u8> {
    [
        client::run("select 1"),
        client::run(second),
        client::run("select 3"),
        client::sync(),
    ]
    .concat()
}

fn ran(tag: &str) -> Vec<u8> {
    [server::parsed(), server::bound(), server::complete(tag)].concat()
}

#[test]
fn a_pipeline_passes_as_it_is() {
    let mut play = Play::ready();
    let sent = three("select 2");
    assert_eq!(play.client(&sent).at_server(), sent);
    let answers = [
        ran("SELECT 1"),
        ran("SELECT 2"),
        ran("SELECT 3"),
        server::ready(b'I'),
    ]
    .concat();
    assert_eq!(play.server(&answers).at_client(), answers);
    let ends: Vec<_> = play
        .told()
        .into_iter()
        .filter(|line| line.contains("completed"))
        .collect();
    assert_eq!(
        ends,
        [
            "2 completed",
            "3 completed SELECT 1",
            "4 completed",
            "5 completed SELECT 2",
            "6 completed",
            "7 completed SELECT 3"
        ]
    );
}

#[test]
fn a_refusal_keeps_its_place_in_the_pipeline() {
    let mut play = Play::ready();
    play.client(three("forbidden"));
    // What the server would skip behind it is not even asked about.
    assert_eq!(
        play.at_server(),
        [
            client::run("select 1"),
            client::parse("weir", "weir refused request 4 of this session"),
            client::sync(),
        ]
        .concat()
    );
    play.server([ran("SELECT 1"), server::syntax_error(), server::ready(b'I')].concat());
    assert_eq!(
        play.at_client(),
        [ran("SELECT 1"), our_error("ERROR"), server::ready(b'I')].concat()
    );
    assert_eq!(
        play.told(),
        [
            "2 prepare select 1",
            "3 run select 1",
            "4 prepare forbidden",
            "2 completed",
            "3 completed SELECT 1",
            "failed",
            "ready idle"
        ]
    );
}

#[test]
fn a_refused_execute_fails_in_its_place() {
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
    assert_eq!(
        play.no().at_server(),
        [
            client::parse("weir", "weir refused request 3 of this session"),
            client::sync()
        ]
        .concat()
    );
    play.server(
        [
            server::parsed(),
            server::bound(),
            server::syntax_error(),
            server::ready(b'E'),
        ]
        .concat(),
    );
    assert_eq!(
        play.at_client(),
        [
            server::parsed(),
            server::bound(),
            our_error("ERROR"),
            server::ready(b'E')
        ]
        .concat()
    );
}

#[test]
fn what_was_sent_behind_an_error_ends_as_skipped() {
    let mut play = Play::ready();
    play.client(three("select 2"));
    play.told();
    let error = server::error("ERROR", "42P01", "no such table");
    play.server([server::parsed(), error.clone(), server::ready(b'I')].concat());
    assert_eq!(
        play.at_client(),
        [server::parsed(), error, server::ready(b'I')].concat()
    );
    assert_eq!(
        play.told(),
        [
            "2 completed",
            "failed",
            "3 skipped",
            "4 skipped",
            "5 skipped",
            "6 skipped",
            "7 skipped",
            "ready idle"
        ]
    );
}

#[test]
fn what_comes_behind_an_error_is_neither_asked_about_nor_sent() {
    let mut play = Play::ready();
    play.client([client::parse("", "selec"), client::flush()].concat());
    play.server(server::syntax_error());
    play.told();
    play.at_server();
    play.client(
        [
            client::bind("", ""),
            client::query("select 2"),
            client::call(14),
            client::copy_done(),
            client::sync(),
        ]
        .concat(),
    );
    assert_eq!(play.at_server(), client::sync());
    play.server(server::ready(b'I'));
    assert_eq!(play.told(), ["ready idle"]);
    play.client(client::query("select 3"));
    assert_eq!(play.told(), ["3 run select 3"]);
}

#[test]
fn a_request_that_was_held_while_another_failed_stays_here() {
    for yes in [true, false] {
        let mut play = Play::ready();
        play.client(
            [
                client::run("selec"),
                client::parse("", "held"),
                client::sync(),
            ]
            .concat(),
        );
        play.at_server();
        play.server(server::syntax_error());
        if yes {
            play.yes()
        } else {
            play.no()
        };
        assert_eq!(play.at_server(), client::sync());
        play.server(server::ready(b'I'));
        let told = play.told();
        assert_eq!(told.contains(&"4 skipped".to_owned()), yes, "{told:?}");
        assert_eq!(told.last().unwrap(), "ready idle");
    }
}

#[test]
fn an_error_ends_its_effect_at_the_next_sync_only() {
    let mut play = Play::ready();
    play.client(
        [
            client::run("selec"),
            client::sync(),
            client::run("select 2"),
            client::sync(),
        ]
        .concat(),
    );
    play.told();
    play.server(
        [
            server::syntax_error(),
            server::ready(b'I'),
            ran("SELECT 2"),
            server::ready(b'I'),
        ]
        .concat(),
    );
    assert_eq!(
        play.told(),
        [
            "2 failed 42601",
            "3 skipped",
            "ready idle",
            "4 completed",
            "5 completed SELECT 2",
            "ready idle"
        ]
    );
}

#[test]
fn a_refusal_is_not_forgotten_because_of_an_earlier_error() {
    let mut play = Play::ready();
    play.client(
        [
            client::run("selec"),
            client::sync(),
            client::parse("", "forbidden"),
        ]
        .concat(),
    );
    play.at_server();
    play.server([server::syntax_error(), server::ready(b'I')].concat());
    play.client(client::query("select 1"));
    assert_eq!(play.at_server(), b"");
}

#[test]
fn a_constraint_that_fails_at_sync_fails_no_request() {
    let mut play = Play::ready();
    play.client([client::run("insert"), client::sync()].concat());
    let answers = [
        ran("INSERT 0 1"),
        server::error("ERROR", "23505", "duplicate"),
        server::ready(b'I'),
    ]
    .concat();
    assert_eq!(play.server(&answers).at_client(), answers);
    assert_eq!(
        play.told()[2..],
        [
            "2 completed",
            "3 completed INSERT 0 1",
            "failed",
            "ready idle"
        ]
    );
}

#[test]
fn an_error_in_place_of_a_flush_skips_what_follows() {
    let mut play = Play::ready();
    play.client([client::parse("", "select 1"), client::flush()].concat());
    play.server(server::parsed());
    // A statement_timeout runs out while the server waits for the client.
    play.client(client::flush());
    play.server(server::error("ERROR", "57014", "canceling statement"));
    play.at_server();
    play.client([client::bind("", ""), client::execute("", 0), client::sync()].concat());
    assert_eq!(play.at_server(), client::sync());
    play.server(server::ready(b'I'));
    assert_eq!(play.told().last().unwrap(), "ready idle");
}

#[test]
fn an_empty_query_completes() {
    let mut play = Play::ready();
    play.client([client::run(""), client::sync(), client::query("")].concat());
    play.server(
        [
            server::parsed(),
            server::bound(),
            server::empty_query(),
            server::ready(b'I'),
        ]
        .concat(),
    );
    play.server([server::empty_query(), server::ready(b'I')].concat());
    let told = play.told();
    assert!(told.contains(&"3 completed".into()) && told.contains(&"4 completed".into()));
}

#[test]
fn a_suspended_portal_goes_on() {
    let mut play = Play::ready();
    play.client(
        [
            client::parse("", "select x"),
            client::bind("", ""),
            client::execute("", 2),
            client::flush(),
        ]
        .concat(),
    );
    play.server(
        [
            server::parsed(),
            server::bound(),
            server::row(&[None]),
            server::suspended(),
        ]
        .concat(),
    );
    assert_eq!(play.told()[2..], ["2 completed", "3 suspended"]);
    play.client([client::execute("", 2), client::sync()].concat());
    play.server(
        [
            server::row(&[None]),
            server::complete("SELECT 1"),
            server::ready(b'I'),
        ]
        .concat(),
    );
    assert_eq!(
        play.told(),
        ["4 run select x", "4 completed SELECT 1", "ready idle"]
    );
}

#[test]
fn an_answer_that_fits_no_request_ends_the_session() {
    for answer in [
        server::parsed(),
        server::bound(),
        server::closed(),
        server::row(&[]),
        server::complete("X"),
        server::ready(b'I'),
        server::copy_in(),
        server::copy_out(),
        server::call_result(),
        server::no_data(),
        server::suspended(),
        server::empty_query(),
    ] {
        let mut play = Play::ready();
        play.server(&answer);
        assert!(play.error.is_some(), "{answer:?}");
        assert_eq!(play.at_client(), b"");
    }
}
