//! What the agent asks the server is seen by nobody else, and only asked where it disturbs nothing.

use protocol::{Outbox, Quiet, Session};

use crate::messages::{client, message, server};
use crate::play::Play;

const TEXT: &str = "SELECT 1";

/// What runs a statement and forgets it.
fn run(text: &str) -> Vec<u8> {
    let bind = [b"\0weir inquiry\0".as_slice(), &[0, 0, 0, 0, 0, 1, 0, 1]].concat();
    [
        client::parse("weir inquiry", text),
        message(b'B', &bind),
        client::execute("", 0),
        client::close(b'S', "weir inquiry"),
    ]
    .concat()
}

fn ran(tag: &str, rows: &[u8]) -> Vec<u8> {
    let complete = server::complete(tag);
    [
        &server::parsed()[..],
        &server::bound(),
        rows,
        &complete,
        &server::closed(),
    ]
    .concat()
}

/// A session that asks.
fn asking() -> Play {
    ask(Play::ready())
}

fn ask(mut play: Play) -> Play {
    play.inquire(&[TEXT]);
    let begin = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY";
    let sent = [run(begin), run(TEXT), run("COMMIT"), client::sync()].concat();
    assert_eq!(play.at_server(), sent);
    play
}

fn answers() -> Vec<u8> {
    let row = server::row(&[Some(b"\0\0\0\x01"), None]);
    [
        ran("BEGIN", b""),
        ran("SELECT 1", &row),
        ran("COMMIT", b""),
        server::ready(b'I'),
    ]
    .concat()
}

#[test]
fn the_caller_gets_the_rows_and_the_client_nothing() {
    let mut play = asking();
    play.server(answers());
    assert_eq!(
        play.told(),
        [r#"inquired(ok([[[some(b"\0\0\0\x01"), none]]]))"#]
    );
    assert_eq!(play.at_client(), b"");
    assert_eq!(play.at_server(), b"");
    play.client(client::query("select"));
    assert_eq!(play.at_server(), client::query("select"));
}

#[test]
fn a_failure_is_told_in_the_server_s_words_and_leaves_nothing_behind() {
    let mut play = asking();
    let error = server::error("ERROR", "42501", "permission denied");
    let failed = [
        ran("BEGIN", b""),
        server::parsed(),
        error,
        server::ready(b'E'),
    ]
    .concat();
    play.server(&failed);
    let close = client::close(b'S', "weir inquiry");
    assert_eq!(
        play.at_server(),
        [close, run("ROLLBACK"), client::sync()].concat()
    );
    assert_eq!(play.told(), Vec::<String>::new());
    play.server([server::closed(), ran("ROLLBACK", b""), server::ready(b'I')].concat());
    assert_eq!(play.told(), [r#"inquired(err("permission denied"))"#]);
    assert_eq!(play.at_client(), b"");
}

#[test]
fn a_client_s_statement_of_the_same_name_stays() {
    let mut play = asking();
    let error = server::error("ERROR", "42P05", "already exists");
    play.server([error, server::ready(b'I')].concat());
    assert_eq!(play.told(), [r#"inquired(err("already exists"))"#]);
    assert_eq!(play.at_server(), b"");
}

#[test]
fn a_transaction_that_cannot_be_ended_ends_the_session() {
    let mut play = asking();
    let error = || server::error("ERROR", "42501", "no");
    play.server([error(), server::ready(b'E')].concat());
    play.server([error(), server::ready(b'E')].concat());
    assert!(play.error.is_some());
}

#[test]
fn what_the_server_says_by_itself_meanwhile_reaches_the_client() {
    let mut play = Play::ready();
    play.server(server::parameter("client_encoding", "LATIN1"));
    play.at_client();
    let mut play = ask(play);
    let set = server::parameter("client_encoding", "UTF8");
    let back = server::parameter("client_encoding", "LATIN1");
    let zone = server::parameter("TimeZone", "Asia/Tokyo");
    let meanwhile = [
        set,
        server::notification(),
        server::notice("no"),
        zone.clone(),
        back,
    ];
    play.server([meanwhile.concat(), answers()].concat());
    assert_eq!(play.at_client(), [server::notification(), zone].concat());
}

#[test]
fn the_server_s_last_words_are_not_kept_from_the_client() {
    let mut play = asking();
    let last = server::error("FATAL", "57P01", "terminating connection");
    play.server(&last);
    assert_eq!(play.at_client(), last);
}

#[test]
fn more_than_a_message_may_have_is_not_kept() {
    let mut play = Play::ready_with(weir_postgres::Limits {
        message: 100,
        ..weir_postgres::Limits::default()
    });
    play.inquire(&[TEXT]);
    let row = server::row(&[Some(&[7; 60])]);
    let rows = [ran("SELECT 2", &[row.clone(), row].concat())].concat();
    play.server(
        [
            ran("BEGIN", b""),
            rows,
            ran("COMMIT", b""),
            server::ready(b'I'),
        ]
        .concat(),
    );
    assert_eq!(
        play.told(),
        [r#"inquired(err("it is larger than sessions.message_limit, 100 bytes"))"#]
    );
}

#[test]
fn it_is_asked_only_where_nothing_is_under_way() {
    let mut play = Play::new();
    assert_eq!(play.engine.quiet(), Quiet::Never, "before the login");
    play = Play::ready();
    assert_eq!(play.engine.quiet(), Quiet::Now);
    play.client(client::query("held"));
    assert_eq!(play.engine.quiet(), Quiet::Never, "a question is open");
    play.yes();
    assert_eq!(play.engine.quiet(), Quiet::Later);
    assert!(play.engine.inquire(&[], &mut Outbox::default()).is_err());
    play.server([server::complete("BEGIN"), server::ready(b'T')].concat());
    assert_eq!(play.engine.quiet(), Quiet::Never, "a transaction is open");
    play.client(client::query("commit"));
    play.server([server::complete("COMMIT"), server::ready(b'I')].concat());
    assert_eq!(play.engine.quiet(), Quiet::Now);
    play.client([client::parse("", "select"), client::flush()].concat());
    play.server(server::parsed());
    assert_eq!(play.engine.quiet(), Quiet::Never, "a pipeline is open");
    play.client(client::sync());
    assert_eq!(play.engine.quiet(), Quiet::Later);
    play.server(server::ready(b'I'));
    assert_eq!(play.engine.quiet(), Quiet::Now);
    play.client(client::query("copy t from stdin"));
    assert_eq!(play.engine.quiet(), Quiet::Later);
    play.server(server::copy_in());
    assert_eq!(play.engine.quiet(), Quiet::Never, "data is awaited");
}
