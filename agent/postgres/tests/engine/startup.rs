//! The first packets: encryption is declined, what cannot be judged is refused, the rest is relayed.

use model::RefusalKind;
use protocol::{Session, Transaction};

use crate::messages::{client, message, server};
use crate::play::{Play, our_error};

const SSL: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f";
const GSS: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x30";

#[test]
fn encryption_is_declined_and_the_startup_goes_on() {
    let mut play = Play::new();
    assert_eq!(play.client(GSS).at_client(), b"N");
    assert_eq!(play.client(SSL).at_client(), b"N");
    let startup = client::startup(196_608, &[("user", "app"), ("database", "shop")]);
    assert_eq!(play.client(&startup).at_server(), startup);
    assert_eq!(play.told(), ["1 connect app shop"]);
}

#[test]
fn authentication_is_relayed_and_the_key_is_told() {
    let mut play = Play::new();
    play.client(client::startup(196_608, &[("user", "app")]));
    play.at_server();
    let asks = message(b'R', &[0, 0, 0, 10, b'S', 0, 0]);
    assert_eq!(play.server(&asks).at_client(), asks);
    let answers = [message(b'p', b"SCRAM"), message(b'p', b"proof")].concat();
    assert_eq!(play.client(&answers).at_server(), answers);
    assert_eq!(
        play.server(server::welcome()).at_client(),
        server::welcome()
    );
    assert_eq!(play.told(), ["1 connect app app", "keyed 7", "ready idle"]);
    assert_eq!(play.engine.transaction(), Transaction::Idle);
}

#[test]
fn a_login_that_the_server_rejects_is_rejected_in_its_words() {
    let mut play = Play::new();
    play.client(client::startup(196_608, &[("user", "app")]));
    let fatal = server::error("FATAL", "28P01", "password authentication failed");
    assert_eq!(play.server(&fatal).at_client(), fatal);
}

#[test]
fn a_refused_login_reads_our_words_and_reaches_no_server() {
    let mut play = Play::new();
    play.client(client::startup(196_608, &[("user", "held")]));
    assert_eq!(play.no().at_client(), our_error("FATAL"));
    play.client(client::query("select 1"));
    assert_eq!(play.at_server(), b"");
}

#[test]
fn a_newer_minor_version_is_left_to_the_server() {
    let startup = client::startup(196_610, &[("user", "app"), ("_pq_.x", "1")]);
    let mut play = Play::new();
    assert_eq!(play.client(&startup).at_server(), startup);
    let negotiate = message(b'v', &[0; 8]);
    assert_eq!(play.server(&negotiate).at_client(), negotiate);
}

#[test]
fn another_protocol_is_refused() {
    for startup in [
        client::startup(131_072, &[("user", "app")]),
        client::startup(196_608, &[("user", "app"), ("replication", "database")]),
        client::startup(196_608, &[("user", "app"), ("replication", "true")]),
    ] {
        let mut play = Play::new();
        play.client(&startup);
        let error = play.error.as_ref().expect("a protocol error");
        assert_eq!(error.refusal.kind, RefusalKind::Unsupported);
        assert_eq!(play.at_server(), b"");
    }
}

#[test]
fn a_login_without_replication_passes() {
    let startup = client::startup(196_608, &[("user", "app"), ("replication", "off")]);
    let mut play = Play::new();
    assert_eq!(play.client(&startup).at_server(), startup);
}

#[test]
fn a_client_that_leaves_during_authentication_has_left() {
    let mut play = Play::new();
    play.client(client::startup(196_608, &[("user", "app")]));
    play.client(client::terminate());
    assert_eq!(play.told()[1..], ["terminated"]);
}

#[test]
fn a_request_during_authentication_waits_for_its_end() {
    let mut play = Play::new();
    play.client(client::startup(196_608, &[("user", "app")]));
    play.at_server();
    play.client(client::query("select 1"));
    assert!(play.engine.is_blocked());
    assert_eq!(play.at_server(), b"");
    play.server(server::welcome());
    assert_eq!(play.at_server(), client::query("select 1"));
    assert!(!play.engine.is_blocked());
}
