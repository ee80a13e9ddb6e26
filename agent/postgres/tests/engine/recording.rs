//! Results that are kept: the caller is told what the client sees, ahead of the end, and the client gets what it would
//! get anyway.

use crate::messages::{client, server};
use crate::play::Play;

const TEXT: u32 = 25;
const TABLE: u32 = 16400;

fn columns() -> Vec<u8> {
    server::columns(&[(TABLE, 1, TEXT, 0), (TABLE, 2, TEXT, 0)])
}

/// What was told of the results and the end of the first request, whose ticket is 2.
fn told(play: &mut Play) -> Vec<String> {
    let mut told = play.told();
    told.retain(|line| {
        !line.starts_with("2 run") && (line.starts_with("shown") || line.starts_with("2 "))
    });
    told
}

#[test]
fn rows_are_told_as_the_client_sees_them_and_before_their_end() {
    let mut play = Play::ready();
    play.client(client::query("select kept ssn"));
    let row = server::row(&[Some(b"Ada"), Some(b"123-45-6789")]);
    let end = [server::complete("SELECT 2"), server::ready(b'I')].concat();
    play.server([columns(), row.clone(), server::row(&[None, None]), end].concat());
    let seen = play.at_client();
    assert!(!String::from_utf8_lossy(&seen).contains("6789"));
    let told = told(&mut play);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(
        told[0].contains("Columns") && told[0].contains("kind: 25"),
        "{told:?}"
    );
    assert!(
        told[1].contains(r#"Rows([[Text("Ada"), Text("***")], [Null, Null]])"#),
        "{told:?}"
    );
    assert!(told[2].starts_with("2 "), "{told:?}");
}

#[test]
fn a_portal_that_nobody_described_is_described_by_the_engine() {
    let mut play = Play::ready();
    play.client([client::run("select kept"), client::sync()].concat());
    assert!(
        play.at_server().windows(2).any(|bytes| bytes == b"P\0"),
        "a hidden Describe"
    );
    let row = server::row(&[Some(b"Ada"), Some(b"x")]);
    play.server([server::parsed(), server::bound(), columns(), row.clone()].concat());
    play.server([server::complete("SELECT 1"), server::ready(b'I')].concat());
    let end = [server::complete("SELECT 1"), server::ready(b'I')].concat();
    assert_eq!(
        play.at_client(),
        [server::parsed(), server::bound(), row, end].concat()
    );
    let told = told(&mut play);
    assert!(
        told.iter()
            .any(|line| line.contains(r#"Rows([[Text("Ada"), Text("x")]])"#)),
        "{told:?}"
    );
}

#[test]
fn what_passes_the_limit_is_counted_and_passes() {
    let mut play = Play::ready();
    play.client(client::query("select kept"));
    let row = server::row(&[Some(&[b'x'; 100_000]), None]);
    let rows = row.repeat(20);
    let end = [server::complete("SELECT 20"), server::ready(b'I')].concat();
    let answer = [columns(), rows, end].concat();
    play.server(&answer);
    assert_eq!(play.at_client(), answer);
    let told = told(&mut play);
    // A piece is what grew past 64 KiB: a row each, of which 1 MiB holds ten.
    assert_eq!(
        told.iter().filter(|line| line.contains("Rows(")).count(),
        10
    );
    let lost = format!("Truncated {{ rows: 10, bytes: {} }}", 10 * row.len());
    assert!(told[11].contains(&lost), "{}", told[11]);
    assert!(told[12].starts_with("2 "), "{}", told[12]);
}

#[test]
fn data_of_a_copy_is_told_too() {
    let mut play = Play::ready();
    play.client(client::query("copy kept to stdout"));
    let answer = [
        server::copy_out(),
        server::copy_data("1\tAda\n"),
        server::copy_data("2\tGrace\n"),
        server::copy_done(),
        server::complete("COPY 2"),
        server::ready(b'I'),
    ]
    .concat();
    play.server(&answer);
    assert_eq!(play.at_client(), answer);
    let told = told(&mut play);
    assert!(
        told[0].contains(r#"Copied([Text("1\tAda\n"), Text("2\tGrace\n")])"#),
        "{told:?}"
    );
}

#[test]
fn nothing_is_told_of_other_results() {
    let mut play = Play::ready();
    play.client(client::query("select ssn"));
    let row = server::row(&[Some(b"Ada"), Some(b"123-45-6789")]);
    let end = [server::complete("SELECT 1"), server::ready(b'I')].concat();
    play.server([columns(), row, end].concat());
    assert_eq!(told(&mut play).len(), 1);
}
