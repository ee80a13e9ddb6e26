//! What is larger than the engine reads is refused by itself, and the session goes on.

use weir_postgres::Limits;

use crate::messages::{client, message, server};
use crate::play::{Play, our_error};

fn small() -> Play {
    Play::ready_with(Limits {
        statement: 64,
        message: 64,
        bind: 64,
        ..Limits::default()
    })
}

fn long() -> String {
    "x".repeat(100)
}

#[test]
fn an_oversized_query_is_refused_and_the_session_goes_on() {
    let mut play = small();
    play.client([client::query(&long()), client::query("select 1")].concat());
    assert_eq!(play.told(), ["2 unread toolarge", "3 run select 1"]);
    assert_eq!(
        play.at_server(),
        [
            client::query("weir refused request 2 of this session"),
            client::query("select 1")
        ]
        .concat()
    );
    play.server([server::syntax_error(), server::ready(b'I')].concat());
    assert_eq!(
        play.at_client(),
        [our_error("ERROR"), server::ready(b'I')].concat()
    );
}

#[test]
fn an_oversized_part_of_a_pipeline_fails_in_its_place() {
    for big in [
        client::parse("s", &long()),
        client::bind_values("", "", &[Some(long().as_bytes())]),
    ] {
        let mut play = small();
        play.client([big, client::execute("", 0), client::sync()].concat());
        assert_eq!(
            play.at_server(),
            [
                client::parse("weir", "weir refused request 2 of this session"),
                client::sync()
            ]
            .concat()
        );
    }
}

#[test]
fn an_oversized_function_call_is_refused() {
    let mut play = small();
    play.client([message(b'F', &[0; 100]), client::query("select 1")].concat());
    assert_eq!(
        play.at_server(),
        [client::call(0), client::query("select 1")].concat()
    );
}

#[test]
fn an_oversized_message_is_asked_about_before_it_is_all_there() {
    let mut play = small();
    play.client(&client::query(&long())[..5]);
    assert_eq!(play.told(), ["2 unread toolarge"]);
}

#[test]
fn an_oversized_message_that_the_server_skips_is_not_asked_about() {
    let mut play = small();
    play.client(
        [
            client::parse("", "forbidden"),
            client::parse("", &long()),
            client::sync(),
        ]
        .concat(),
    );
    assert_eq!(play.told(), ["2 prepare forbidden"]);
    assert!(play.at_server().ends_with(&client::sync()));
}

#[test]
fn any_other_oversized_message_ends_the_session() {
    for tag in [b'S', b'H', b'c', b'X', b'D', b'C', b'E', b'f'] {
        let mut play = small();
        let mut head = vec![tag];
        head.extend((2u32 << 20).to_be_bytes());
        play.client(head);
        assert!(play.error.is_some(), "{}", char::from(tag));
        assert_eq!(play.at_server(), b"");
    }
}

#[test]
fn a_client_that_is_too_far_ahead_waits() {
    let mut play = Play::ready_with(Limits {
        awaited: 2,
        ..Limits::default()
    });
    play.client([client::sync(), client::sync(), client::sync()].concat());
    assert_eq!(play.at_server(), [client::sync(), client::sync()].concat());
    play.server(server::ready(b'I'));
    assert_eq!(play.at_server(), client::sync());
}

#[test]
fn a_row_under_a_mask_that_is_too_large_ends_the_session() {
    let mut play = small();
    play.client(client::query("select ssn"));
    play.server(server::columns(&[(16400, 2, 25, 0)]));
    play.at_client();
    play.server(server::row(&[Some(long().as_bytes())]));
    assert!(play.error.is_some());
    assert_eq!(play.at_client(), b"");
}
