//! The first packets: encryption is declined, what cannot be judged is refused, the rest is relayed.

use model::RefusalKind;
use protocol::{Session, Transaction};

use crate::messages::{client, message, server};
use crate::play::{Play, our_error};

pub const SSL: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f";
pub const GSS: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x30";

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
        server::welcome_with(b"wwww")
    );
    assert_eq!(
        play.told(),
        ["1 connect app app", "keyed 7 4", "ready idle"]
    );
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
    let negotiate = message(b'v', b"\0\x03\0\x00\0\0\0\x01_pq_.x\0");
    assert_eq!(play.server(&negotiate).at_client(), negotiate);
    play.server(server::welcome());
    assert_eq!(play.told()[1], "keyed 7 4");
}

#[test]
fn the_version_decides_how_long_the_clients_key_is() {
    for (asked, negotiated, length) in [
        (0, None, 4),
        (2, None, 32),
        (2, Some(0), 4),
        (9999, Some(2), 32),
        (9999, Some(0), 4),
    ] {
        let mut play = Play::new();
        play.client(client::startup(0x30000 + asked, &[("user", "app")]));
        if let Some(minor) = negotiated {
            play.server(message(b'v', &[0, 3, 0, minor, 0, 0, 0, 0]));
        }
        play.at_client();
        let shown = server::welcome_with(&vec![b'w'; length]);
        let own = server::welcome_with(&[b'o'; 32]);
        assert_eq!(play.server(own).at_client(), shown, "{asked}");
    }
}

#[test]
fn the_server_gets_its_own_key_in_place_of_the_agents() {
    let mut play = Play::new();
    play.client(client::cancel(7, &[b'w'; 32]));
    assert_eq!(play.at_server(), client::cancel(7, server::SECRET));
    assert_eq!(play.told(), ["1 cancel 7"]);
    assert_eq!(play.client(client::query("select 1")).at_server(), b"");
    assert_eq!(play.at_client(), b"");
}

#[test]
fn a_cancel_with_an_unknown_key_reaches_no_server_and_gets_no_answer() {
    let mut play = Play::new();
    play.client(client::cancel(8, b"oops"));
    assert_eq!(play.at_server(), b"");
    assert_eq!(play.at_client(), b"");
}

#[test]
fn a_key_after_the_login_answers_nothing() {
    let mut play = Play::ready();
    play.server(message(b'K', b"\0\0\0\x07abcd"));
    assert!(play.error.is_some());
    assert_eq!(play.at_client(), b"");
}

#[test]
fn another_protocol_is_refused() {
    for version in [131_072, 262_144] {
        let mut play = Play::new();
        play.client(client::startup(version, &[("user", "app")]));
        let error = play.error.as_ref().expect("a protocol error");
        assert_eq!(error.refusal.kind, RefusalKind::Unsupported);
        assert_eq!(play.at_server(), b"");
    }
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

#[test]
fn where_a_proof_is_demanded_a_login_that_needed_none_is_refused() {
    let mut play = Play::new();
    play.engine.demand_proof();
    play.client(client::startup(196_608, &[("user", "app")]));
    play.at_server();
    assert_eq!(play.server(server::welcome()).at_client(), b"");
    let error = play.error.unwrap();
    assert_eq!(error.refusal.kind, RefusalKind::LoginInvalid);
    assert!(error.refusal.message.contains("asked for no proof"));
}

#[test]
fn where_a_proof_is_demanded_a_login_with_one_goes_on() {
    let mut play = Play::new();
    play.engine.demand_proof();
    play.client(client::startup(196_608, &[("user", "app")]));
    play.server(message(b'R', &[0, 0, 0, 3]));
    play.client(message(b'p', b"secret"));
    play.server(server::welcome());
    assert_eq!(
        play.told(),
        ["1 connect app app", "keyed 7 4", "ready idle"]
    );
}
