//! Where TLS begins, who must have it, and what becomes of logins that are bound to it.

use model::RefusalKind;
use protocol::{Session, Upstream};
use weir_postgres::{SslAnswer, Tls};

use crate::messages::{client, message};
use crate::play::Play;
use crate::startup::{GSS, SSL};

const OFFERED: Tls = Tls {
    offered: true,
    required: false,
};
const REQUIRED: Tls = Tls {
    offered: true,
    required: true,
};
const ENCRYPTED: Upstream = Upstream::Encrypted {
    same_certificate: false,
};
const SAME: Upstream = Upstream::Encrypted {
    same_certificate: true,
};

fn startup() -> Vec<u8> {
    client::startup(196_608, &[("user", "app")])
}

fn offer(mechanisms: &str) -> Vec<u8> {
    let body = [&10u32.to_be_bytes(), mechanisms.as_bytes(), b"\0"].concat();
    message(b'R', &body)
}

fn choice(mechanism: &str, response: &str) -> Vec<u8> {
    let length = (response.len() as u32).to_be_bytes();
    let body = [
        mechanism.as_bytes(),
        b"\0",
        &length[..],
        response.as_bytes(),
    ];
    message(b'p', &body.concat())
}

/// A session whose login was forwarded, over TLS on either side.
fn login(is_encrypted: bool, upstream: Upstream) -> Play {
    let mut play = Play::with_tls(OFFERED);
    if is_encrypted {
        play.client(SSL);
    }
    play.engine.connected(upstream);
    play.client(startup());
    play.at_server();
    play.at_client();
    play
}

fn kind(play: &Play) -> Option<RefusalKind> {
    play.error.as_ref().map(|error| error.refusal.kind)
}

#[test]
fn a_request_for_tls_is_answered_and_the_handshake_begins() {
    let mut play = Play::with_tls(OFFERED);
    assert_eq!(play.client(GSS).at_client(), b"N");
    assert_eq!(play.client(SSL).at_client(), b"S");
    assert_eq!(play.told(), ["upgrade(client)"]);
    assert_eq!(play.client(startup()).at_server(), startup());
}

#[test]
fn what_comes_in_plain_behind_the_request_is_refused() {
    let mut play = Play::with_tls(OFFERED);
    play.client([SSL, &startup()].concat());
    assert_eq!(kind(&play), Some(RefusalKind::Malformed));
    assert_eq!(play.at_client(), b"");
    assert_eq!(play.at_server(), b"");
}

#[test]
fn a_handshake_that_comes_unasked_is_left_in_the_input() {
    for hello in [&b"\x16"[..], b"\x16\x03\x01\x02\x00"] {
        let mut play = Play::with_tls(OFFERED);
        play.client(hello);
        assert_eq!(play.told(), ["upgrade(client)"]);
        assert_eq!(play.unread(), hello);
        assert_eq!(play.at_client(), b"");
    }
}

#[test]
fn a_handshake_that_comes_late_or_unwanted_is_not_the_protocol() {
    let hello = b"\x16\x03\x01\x02\x00\x01";
    let mut late = Play::with_tls(OFFERED);
    late.client(GSS).client(hello);
    let mut unwanted = Play::new();
    unwanted.client(hello);
    for play in [late, unwanted] {
        assert_eq!(kind(&play), Some(RefusalKind::Malformed));
    }
}

#[test]
fn a_second_request_for_tls_is_no_version_of_the_protocol() {
    for tls in [Tls::default(), OFFERED] {
        let mut play = Play::with_tls(tls);
        play.client(SSL).client(SSL);
        assert_eq!(kind(&play), Some(RefusalKind::Unsupported));
    }
}

#[test]
fn a_request_for_tls_inside_of_tls_is_declined() {
    let mut play = Play::with_tls(OFFERED);
    play.client(b"\x16");
    play.decrypted();
    assert_eq!(play.client(SSL).at_client(), b"N");
    assert_eq!(play.client(startup()).at_server(), startup());
}

#[test]
fn a_login_without_tls_is_refused_where_tls_is_required() {
    let mut play = Play::with_tls(REQUIRED);
    play.client(startup());
    assert_eq!(kind(&play), Some(RefusalKind::LoginInvalid));
    assert_eq!(play.at_server(), b"");

    let mut play = Play::with_tls(REQUIRED);
    play.client(SSL).client(startup());
    assert_eq!(play.at_server(), startup());
}

#[test]
fn binding_is_offered_only_where_it_reaches_the_server() {
    let both = offer("SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0");
    let unbound = offer("SCRAM-SHA-256\0");
    for (is_encrypted, upstream, shown) in [
        (false, Upstream::Plain, &both),
        (true, SAME, &both),
        (true, ENCRYPTED, &unbound),
        (false, ENCRYPTED, &unbound),
        (false, SAME, &unbound),
    ] {
        let mut play = login(is_encrypted, upstream);
        assert_eq!(play.server(&both).at_client(), *shown, "{upstream:?}");
    }
}

#[test]
fn a_client_that_could_bind_logs_in_where_the_server_could_not() {
    let mut play = login(true, Upstream::Plain);
    play.server(offer("SCRAM-SHA-256\0"));
    let choice = choice("SCRAM-SHA-256", "y,,n=,r=nonce");
    assert_eq!(play.client(&choice).at_server(), choice);
}

#[test]
fn a_login_that_the_server_would_take_for_a_downgrade_is_refused_in_words() {
    for (is_encrypted, upstream, choice) in [
        (true, ENCRYPTED, choice("SCRAM-SHA-256", "y,,n=,r=nonce")),
        (
            true,
            ENCRYPTED,
            choice("SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,n=,r=nonce"),
        ),
        (true, Upstream::Plain, choice("SCRAM-SHA-256-PLUS", "")),
        (false, ENCRYPTED, choice("SCRAM-SHA-256-PLUS", "p=x,,")),
    ] {
        let mut play = login(is_encrypted, upstream);
        play.server(offer("SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0"));
        play.client(&choice);
        assert_eq!(kind(&play), Some(RefusalKind::LoginInvalid));
        assert_eq!(play.at_server(), b"");
    }
}

#[test]
fn a_bound_login_passes_where_both_ends_see_one_certificate() {
    let mut play = login(true, SAME);
    play.server(offer("SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0"));
    let choice = choice("SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,n=,r=nonce");
    assert_eq!(play.client(&choice).at_server(), choice);
}

#[test]
fn only_the_choice_of_the_mechanism_is_looked_into() {
    let mut play = login(true, ENCRYPTED);
    play.server(offer("SCRAM-SHA-256\0"));
    let answers = [
        choice("SCRAM-SHA-256", "n,,n=,r=nonce"),
        message(b'p', b"y"),
    ]
    .concat();
    assert_eq!(play.client(&answers).at_server(), answers);
    assert!(play.error.is_none());
}

#[test]
fn the_servers_one_byte_says_whether_tls_begins() {
    for (byte, answer) in [
        (b'S', SslAnswer::Tls),
        (b'N', SslAnswer::Plain),
        (b'E', SslAnswer::Failed),
        (b'H', SslAnswer::Unknown),
    ] {
        assert_eq!(SslAnswer::from(byte), answer);
    }
}
