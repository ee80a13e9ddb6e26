//! A long Bind passes in pieces, and is known all the same.

use model::{Digest, Parameter, RefusalKind};
use protocol::Session;

use crate::messages::{client, message, server};
use crate::play::Play;

const LONG: usize = 3 << 20;

/// A Bind of the unnamed portal: formats, values, and what follows the values.
fn bind(statement: &str, formats: &[u16], values: &[Option<&[u8]>], rest: &[u8]) -> Vec<u8> {
    let mut body = [b"\0", statement.as_bytes(), b"\0"].concat();
    let count = |length: usize| u16::try_from(length).unwrap().to_be_bytes();
    body.extend(count(formats.len()));
    formats
        .iter()
        .for_each(|format| body.extend(format.to_be_bytes()));
    body.extend(count(values.len()));
    for value in values {
        body.extend(value.map_or(-1, |value| value.len() as i32).to_be_bytes());
        body.extend(value.unwrap_or_default());
    }
    body.extend(rest);
    message(b'B', &body)
}

/// A session with the statement `s`, in an open transaction.
fn ready() -> Play {
    let mut play = Play::ready();
    play.client([client::parse("s", "select 1"), client::sync()].concat());
    play.server([server::parsed(), server::ready(b'T')].concat());
    play.at_server();
    play.at_client();
    play.told();
    play
}

fn long() -> Vec<u8> {
    (0..LONG).map(|place| (place % 251) as u8).collect()
}

#[test]
fn its_values_are_known_when_it_is_run_and_none_of_it_is_changed() {
    let long = long();
    let values = [
        Some(&b"text"[..]),
        None,
        Some(&long[..]),
        Some(b"\x01\xff"),
        Some(b""),
    ];
    let sent = [
        bind("s", &[0, 0, 1, 1, 0], &values, &[0, 1, 0, 1]),
        client::execute("", 0),
        client::sync(),
    ]
    .concat();
    let expected = [
        Parameter::Text("text".into()),
        Parameter::Null,
        Parameter::Large {
            length: LONG as u64,
            sha256: Digest::of(&long).to_string(),
        },
        Parameter::Binary("01ff".into()),
        Parameter::Text(String::new()),
    ];
    for size in [1_000_003, 8191, usize::MAX] {
        let mut play = ready();
        let mut seen = Vec::new();
        for piece in sent.chunks(size.min(sent.len())) {
            play.client(piece);
            seen.extend(play.at_server());
        }
        assert!(seen == sent, "in pieces of {size}");
        assert_eq!(play.parameters, expected);
        assert_eq!(play.told(), ["3 run select 1"]);
    }
}

#[test]
fn it_is_not_held() {
    let mut play = ready();
    let bind = bind("s", &[], &[Some(&long())], &[0, 0]);
    let (most, rest) = bind.split_at(bind.len() - 1);
    play.client(most);
    assert!(play.unread().len() < 8);
    assert!(play.at_server().len() > most.len() - 8);
    assert!(!play.engine.is_blocked());
    play.client(rest);
    assert!(play.unread().is_empty());
}

#[test]
fn many_values_are_kept_up_to_a_bound() {
    let value = vec![b'x'; 60_000];
    let values = vec![Some(&value[..]); 100];
    let mut play = ready();
    play.client([bind("s", &[], &values, &[0, 0]), client::execute("", 0)].concat());
    let kept = play.parameters.iter().filter_map(|value| match value {
        Parameter::Text(text) => Some(text.len()),
        _ => None,
    });
    let (least, most) = (900_000, 1 << 20);
    assert!((least..=most).contains(&kept.sum::<usize>()));
    assert_eq!(play.parameters.len(), 100);
}

#[test]
fn it_waits_for_its_statement_before_its_first_byte() {
    let mut play = Play::ready();
    let bind = bind("s", &[], &[Some(&long())], &[0, 0]);
    play.client([client::parse("s", "select 1"), client::sync()].concat());
    play.at_server();
    play.client(&bind[..1000]);
    assert_eq!(play.at_server(), b"");
    assert!(play.engine.is_blocked());
    play.server([server::parsed(), server::ready(b'I')].concat());
    assert_eq!(play.at_server(), bind[..1000]);
    assert!(!play.engine.is_blocked());
}

#[test]
fn it_is_skipped_where_something_before_it_failed_meanwhile() {
    let mut play = ready();
    let bind = bind("s", &[], &[Some(&long())], &[0, 0]);
    play.client([client::bind("", "s"), client::execute("", 0)].concat());
    play.client(&bind[..1000]);
    play.server(
        [
            server::bound(),
            server::error("ERROR", "22012", "division by zero"),
        ]
        .concat(),
    );
    play.at_server();
    play.client([&bind[1000..], &client::execute("", 0), &client::sync()].concat());
    // The server reads the rest of it and throws it away.
    assert!(play.at_server() == [&bind[1000..], &client::sync()].concat());
    play.server(server::ready(b'E'));
    play.client(client::query("rollback"));
    assert_eq!(play.at_server(), client::query("rollback"));
    assert!(play.error.is_none());
}

#[test]
fn one_that_turns_out_wrong_ends_the_session_within_it() {
    let long = long();
    let whole = bind("s", &[], &[Some(&long)], &[0, 0]);
    let patched = |place: usize, bytes: &[u8]| {
        let mut bind = whole.clone();
        bind[place..place + bytes.len()].copy_from_slice(bytes);
        bind
    };
    for wrong in [
        bind("s", &[], &[Some(&long)], &[0, 0, 0]),
        bind("s", &[], &[Some(&long)], &[0]),
        bind(
            "s",
            &[0, 0],
            &[Some(&long), Some(b"a"), Some(b"b")],
            &[0, 0],
        ),
        // The count of values, and the length of the only one: too long, negative.
        patched(10, &[0, 2]),
        patched(12, &i32::MAX.to_be_bytes()),
        patched(12, &(-2i32).to_be_bytes()),
        // No name ends.
        message(b'B', &long[1..250].repeat(10_000)),
    ] {
        let mut play = ready();
        play.client(&wrong);
        let kind = play.error.as_ref().map(|error| error.refusal.kind);
        assert_eq!(kind, Some(RefusalKind::Malformed));
        let has_begun = !play.at_server().is_empty();
        play.close();
        // Inside of the message no other begins.
        assert_eq!(play.at_server().is_empty(), has_begun);
    }
}
