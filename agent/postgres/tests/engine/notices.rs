//! What the server says unasked passes anywhere; what the agent says waits for the end of a message.

use protocol::Session;

use crate::messages::{client, message, server};
use crate::play::{Play, our_error};

fn ours(words: &str) -> Vec<u8> {
    message(
        b'N',
        format!("SNOTICE\0VNOTICE\0C00000\0M{words}\0Hwait\0\0").as_bytes(),
    )
}

#[test]
fn what_the_server_says_unasked_passes_anywhere() {
    let unasked = [
        server::notice("hello"),
        server::notification(),
        server::parameter("client_encoding", "LATIN1"),
    ]
    .concat();
    let mut play = Play::ready();
    assert_eq!(play.server(&unasked).at_client(), unasked);
    play.client([client::run("select 1"), client::sync()].concat());
    for answer in [
        server::parsed(),
        server::bound(),
        server::row(&[None]),
        server::complete("SELECT 1"),
        server::ready(b'I'),
    ] {
        let both = [answer, unasked.clone()].concat();
        assert_eq!(play.server(&both).at_client(), both);
    }
    assert_eq!(play.engine.setting("client_encoding"), Some("LATIN1"));
    assert!(play.error.is_none());
}

#[test]
fn a_notice_of_ours_waits_for_the_end_of_a_message() {
    let mut play = Play::ready();
    play.client(client::query("select 1"));
    let row = server::row(&[Some(b"0123456789")]);
    let (head, tail) = row.split_at(9);
    assert_eq!(play.server(head).at_client(), head);
    assert_eq!(play.notify("held").at_client(), b"");
    // Another row begins in the same read: the notice stands between them all the same.
    play.server([tail, head].concat());
    assert_eq!(
        play.at_client(),
        [tail.to_vec(), ours("held"), head.to_vec()].concat()
    );
}

#[test]
fn a_notice_of_ours_goes_at_once_where_no_message_is_passing() {
    let mut play = Play::ready();
    play.client(client::query("select held"));
    assert_eq!(play.notify("held").at_client(), ours("held"));
}

#[test]
fn a_goodbye_is_an_error_to_the_client_and_an_end_to_the_server() {
    let mut play = Play::ready();
    play.close();
    assert_eq!(play.at_client(), our_error("FATAL"));
    assert_eq!(play.at_server(), client::terminate());
    play.client(client::query("select 1"));
    play.server(server::notice("hello"));
    play.notify("late");
    assert_eq!((play.at_client(), play.at_server()), (vec![], vec![]));
}

#[test]
fn a_goodbye_does_not_break_into_a_message() {
    let mut play = Play::ready();
    play.client(client::query("select 1"));
    play.server(&server::row(&[Some(b"0123456789")])[..9]);
    play.at_client();
    play.close();
    assert_eq!(play.at_client(), b"");

    let mut play = Play::ready();
    play.client(client::query("copy t from stdin"));
    play.server(server::copy_in());
    play.client(&client::copy_data("0123456789")[..9]);
    play.at_server();
    play.close();
    assert_eq!(play.at_server(), b"");
}
