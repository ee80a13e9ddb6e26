//! What is not the protocol ends the session, and nothing of it is forwarded.

use crate::messages::{client, message, server};
use crate::play::Play;
use protocol::Side;

#[track_caller]
fn ends(play: &mut Play, bytes: &[u8]) {
    play.client(bytes);
    let error = play.error.as_ref().expect("a protocol error");
    assert_eq!(error.side, Side::Client);
    assert_eq!(play.at_server(), b"");
    play.client(client::query("select 1"));
    assert_eq!(play.at_server(), b"");
}

#[test]
fn a_body_that_does_not_hold_what_its_tag_promises() {
    for bytes in [
        message(b'Q', b"select 1"),
        message(b'Q', b""),
        message(b'Q', b"select 1\0; drop table t\0"),
        message(b'P', b"name\0select 1\0"),
        message(b'P', b"name\0select 1\0\0\x01\0\0"),
        message(b'P', b"name\0select 1\0\0\0x"),
        message(b'B', b"\0\0\0\0\0\x01\0\0\0\x05ab"),
        message(b'B', b"\0\0\0\0\0\x01\xff\xff\xff\xfe"),
        message(b'B', b"\0\0\0\0\0\0"),
        message(b'B', b"\0\0\0\0\0\0\0\0x"),
        message(b'E', b"portal"),
        message(b'E', b"\0\0\0"),
        message(b'D', b"Xname\0"),
        message(b'C', b"S"),
        message(b'F', b"\0\0\0\x07\0\0\0\x01"),
        message(b'S', b"x"),
        message(b'X', b"x"),
        message(b'H', b"\0"),
    ] {
        ends(&mut Play::ready(), &bytes);
    }
}

#[test]
fn a_length_that_no_message_has() {
    for tag in *b"QPBEDCFSHXdcf" {
        for length in [0i32, 3, -1, i32::MIN] {
            let mut bytes = vec![tag];
            bytes.extend(length.to_be_bytes());
            ends(&mut Play::ready(), &bytes);
        }
    }
}

#[test]
fn a_message_of_unknown_type() {
    for tag in [0, b'p', b'R', b'z', 0xff] {
        ends(&mut Play::ready(), &message(tag, b""));
    }
}

#[test]
fn a_first_packet_that_is_none() {
    for bytes in [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        client::packet(b""),
        client::packet(&[0; 3]),
        client::packet(&196_608u32.to_be_bytes()),
        client::packet(b"\0\x03\0\0user\0app"),
        client::packet(b"\0\x03\0\0user\0app\0\0x"),
        client::packet(b"\0\x03\0\0\0"),
        client::packet(b"\0\x03\0\0user\0\xff\0\0"),
        client::packet(&[b"\0\x03\0\0user\0", &[b'x'; 64][..], b"\0\0"].concat()),
        client::packet(b"\x04\xd2\x16\x2fx"),
        client::packet(b"\x04\xd2\x16\x2e\0\0\0\x07abc"),
        10_001u32.to_be_bytes().to_vec(),
        u32::MAX.to_be_bytes().to_vec(),
    ] {
        ends(&mut Play::new(), &bytes);
    }
}

#[test]
fn an_answer_during_authentication_that_is_none() {
    for bytes in [message(b'z', b""), b"p\0\x02\0\0".to_vec()] {
        let mut play = Play::new();
        play.client(client::startup(196_608, &[("user", "app")]));
        play.at_server();
        ends(&mut play, &bytes);
    }
}

#[test]
fn an_answer_that_is_not_the_protocol_ends_the_session_too() {
    for bytes in [
        message(b'Z', b"X"),
        message(b'Z', b""),
        message(b'E', b"Sno end"),
        b"N\0\0\0\x03".to_vec(),
        message(b'S', b"name"),
        message(b'?', b""),
        server::ready(b'I')[..4]
            .iter()
            .copied()
            .chain([0, 0])
            .collect(),
    ] {
        let mut play = Play::ready();
        play.client([client::query("select 1"), client::sync()].concat());
        play.server(&bytes);
        assert_eq!(
            play.error.as_ref().map(|error| error.side),
            Some(Side::Server),
            "{bytes:?}"
        );
        assert_eq!(play.at_client(), b"");
    }
}
