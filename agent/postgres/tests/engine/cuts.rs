//! How the input is cut into reads never changes what comes out, and no input makes the engine panic.

use proptest::prelude::*;
use weir_postgres::Limits;

use crate::messages::{client, message, server};
use crate::play::Play;

/// Who sends what, in causal order.
enum Turn {
    Client(Vec<u8>),
    Server(Vec<u8>),
    Notify,
}
use Turn::{Client, Notify, Server};

fn login() -> Vec<Turn> {
    vec![
        Client(b"\0\0\0\x08\x04\xd2\x16\x2f".to_vec()),
        Client(client::startup(196_608, &[("user", "app")])),
        Server(message(b'R', &[0, 0, 0, 3])),
        Client(message(b'p', b"password\0")),
        Server(server::welcome()),
    ]
}

fn queries() -> Vec<Turn> {
    vec![
        Client(
            [
                client::query("select ssn"),
                client::query("forbidden"),
                client::query("select 3"),
            ]
            .concat(),
        ),
        Server(
            [
                server::columns(&[(16400, 1, 23, 0), (16400, 2, 25, 0)]),
                server::row(&[Some(b"7"), Some(b"123-45-6789")]),
            ]
            .concat(),
        ),
        Notify,
        Server(
            [
                server::complete("SELECT 1"),
                server::ready(b'I'),
                server::syntax_error(),
                server::ready(b'I'),
            ]
            .concat(),
        ),
        Server(
            [
                server::columns(&[(0, 0, 25, 0)]),
                server::row(&[Some(&[b'x'; 300])]),
            ]
            .concat(),
        ),
        Notify,
        Server(
            [
                server::row(&[None]),
                server::notice("n"),
                server::complete("SELECT 2"),
                server::ready(b'I'),
            ]
            .concat(),
        ),
        Client(client::terminate()),
    ]
}

fn pipelines() -> Vec<Turn> {
    vec![
        Client(
            [
                client::parse("s", "select ssn"),
                client::describe(b'S', "s"),
                client::sync(),
            ]
            .concat(),
        ),
        Server(
            [
                server::parsed(),
                message(b't', &[0, 0]),
                server::columns(&[(16400, 1, 23, 0), (16400, 2, 25, 0)]),
                server::ready(b'I'),
            ]
            .concat(),
        ),
        Client(
            [
                client::bind("", "s"),
                client::execute("", 1),
                client::run("selec"),
                client::run("x"),
                client::sync(),
            ]
            .concat(),
        ),
        Server(
            [
                server::bound(),
                server::columns(&[(16400, 1, 23, 1), (16400, 2, 25, 1)]),
                server::row(&[Some(b"1"), Some(b"1")]),
                server::suspended(),
            ]
            .concat(),
        ),
        Server([server::syntax_error(), server::ready(b'I')].concat()),
        Client([client::run("forbidden"), client::run("x"), client::sync()].concat()),
        Server([server::syntax_error(), server::ready(b'I')].concat()),
    ]
}

fn copies() -> Vec<Turn> {
    vec![
        Client([client::run("copy t from stdin"), client::sync()].concat()),
        Server([server::parsed(), server::bound(), server::copy_in()].concat()),
        Client(
            [
                client::copy_data("1\n2\n"),
                client::copy_done(),
                client::sync(),
            ]
            .concat(),
        ),
        Server(server::complete("COPY 2")),
        Server(server::ready(b'I')),
        Client(client::query("copy t to stdout")),
        Server(
            [
                server::copy_out(),
                server::copy_data("1\n"),
                server::copy_done(),
            ]
            .concat(),
        ),
        Server([server::complete("COPY 1"), server::ready(b'I')].concat()),
    ]
}

/// Binds of which some pass in pieces, with kept values and long ones, and a failure while one is under way.
fn binds() -> Vec<Turn> {
    let bind = |values: &[Option<&[u8]>]| client::bind_values("", "s", values);
    vec![
        Client([client::parse("s", "select 1"), client::sync()].concat()),
        Server([server::parsed(), server::ready(b'I')].concat()),
        Client(
            [
                bind(&[Some(&[b'x'; 200]), None, Some(b"short"), Some(b"")]),
                client::execute("", 0),
                bind(&[Some(b"12345678"), Some(b"12345678"), Some(b"12345678")]),
                client::execute("", 0),
                client::sync(),
            ]
            .concat(),
        ),
        Server(
            [
                server::bound(),
                server::complete("SELECT 0"),
                server::error("ERROR", "22023", "wrong"),
                server::ready(b'I'),
            ]
            .concat(),
        ),
    ]
}

/// Results that are looked into, masked, limited and kept at once.
fn kept() -> Vec<Turn> {
    vec![
        Client(client::query("select few kept ssn")),
        Server(
            [
                server::columns(&[(16400, 1, 23, 0), (16400, 2, 25, 0)]),
                server::row(&[Some(b"7"), Some(b"123-45-6789")]),
                server::row(&[Some(b"8"), Some(b"219-09-9999")]),
                server::complete("SELECT 2"),
                server::ready(b'I'),
            ]
            .concat(),
        ),
        Client(client::query("copy kept to stdout")),
        Server(
            [
                server::copy_out(),
                server::copy_data("a line\n"),
                server::copy_done(),
                server::complete("COPY 1"),
                server::ready(b'I'),
            ]
            .concat(),
        ),
    ]
}

fn transcripts() -> Vec<Vec<Turn>> {
    [queries, pipelines, copies, binds, kept]
        .into_iter()
        .map(|session| login().into_iter().chain(session()).collect())
        .collect()
}

/// What came out: to the server, to the client, and what the caller was told.
fn run(transcript: &[Turn], mut piece: impl FnMut() -> usize) -> (Vec<u8>, Vec<u8>, Vec<String>) {
    let mut play = Play::with(Limits {
        value: 16,
        whole: 20,
        ..Limits::default()
    });
    for turn in transcript {
        let (bytes, is_client) = match turn {
            Client(bytes) => (bytes, true),
            Server(bytes) => (bytes, false),
            Notify => {
                play.notify("held");
                continue;
            }
        };
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let (read, later) = rest.split_at(piece().clamp(1, rest.len()));
            rest = later;
            if is_client {
                play.client(read);
            } else {
                play.server(read);
            }
        }
    }
    (play.at_server(), play.at_client(), play.told())
}

#[test]
fn the_transcripts_are_whole_sessions() {
    for transcript in transcripts() {
        let (_, _, told) = run(&transcript, || usize::MAX);
        assert!(!told.iter().any(|line| line.contains("error")), "{told:?}");
        assert!(told.len() > 8, "{told:?}");
    }
}

#[test]
fn single_bytes_give_the_same_as_whole_messages() {
    for transcript in transcripts() {
        assert_eq!(run(&transcript, || 1), run(&transcript, || usize::MAX));
    }
}

/// The bodies of the Query messages behind the first packet.
fn requests(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let frame = |stream: &[u8], head: usize| {
        let length = stream.get(head..head + 4)?.try_into().ok()?;
        Some((head + u32::from_be_bytes(length) as usize).min(stream.len()))
    };
    let mut rest = &stream[frame(stream, 0).unwrap_or(stream.len())..];
    let frames = std::iter::from_fn(move || {
        let (first, later) = rest.split_at(frame(rest, 1)?);
        rest = later;
        Some(first)
    });
    frames
        .filter(|frame| frame[0] == b'Q')
        .map(|frame| frame.get(5..).unwrap_or_default())
}

proptest! {
    #[test]
    fn any_cuts_give_the_same(sizes in prop::collection::vec(1usize..60, 1..40)) {
        for transcript in transcripts() {
            let mut cycle = sizes.iter().copied().cycle();
            let cut = run(&transcript, || cycle.next().unwrap_or(1));
            prop_assert_eq!(cut, run(&transcript, || usize::MAX));
        }
    }

    #[test]
    fn random_bytes_neither_panic_nor_pass_unasked(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        after_login in any::<bool>(),
    ) {
        let mut play = if after_login { Play::ready() } else { Play::new() };
        play.client(&bytes);
        let asked = !play.told().is_empty();
        prop_assert!(asked || play.at_server().is_empty());
    }

    #[test]
    fn spoiled_sessions_neither_panic_nor_run_what_was_refused(
        which in 0usize..4,
        spoils in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut transcript = transcripts().swap_remove(which);
        for (turn, place, byte) in spoils {
            let turn = turn.index(transcript.len());
            if let Client(bytes) | Server(bytes) = &mut transcript[turn] {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
        }
        let (at_server, _, _) = run(&transcript, || usize::MAX);
        let ran = requests(&at_server).any(|text| text.starts_with(b"forbidden"));
        prop_assert!(!ran);
    }
}
