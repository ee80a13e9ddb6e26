//! Prepared statements and portals: the engine judges the text that the server runs, or nothing runs.

use protocol::Ticket;
use weir_postgres::Limits;

use crate::messages::{client, server};
use crate::play::{Play, our_error};

fn prepare(play: &mut Play, name: &str, sql: &str) {
    play.client([client::parse(name, sql), client::sync()].concat());
    play.server([server::parsed(), server::ready(b'T')].concat());
    play.told();
    play.at_server();
}

fn open(play: &mut Play, portal: &str, statement: &str) {
    play.client([client::bind(portal, statement), client::sync()].concat());
    play.server([server::bound(), server::ready(b'T')].concat());
    play.told();
    play.at_server();
}

/// Runs a statement that the engine sees, from the unnamed portal, in an open transaction.
fn run(play: &mut Play, sql: &str, tags: &[&str]) {
    play.client(client::query(sql));
    for tag in tags {
        play.server(server::complete(tag));
    }
    play.server(server::ready(b'T'));
    play.told();
    play.at_server();
}

fn execute(statement: &str) -> Vec<u8> {
    [
        client::bind("", statement),
        client::execute("", 0),
        client::sync(),
    ]
    .concat()
}

fn is_refused(play: &mut Play) -> bool {
    let told = play.told();
    let sent = play.at_server();
    let failing = sent.windows(12).any(|bytes| bytes == b"weir refused");
    assert_eq!(
        failing,
        !told.iter().any(|line| line.contains("run ")),
        "{told:?}"
    );
    failing
}

#[test]
fn a_prepared_statement_runs_under_the_text_that_it_was_made_with() {
    let mut play = Play::ready();
    prepare(&mut play, "a", "select 1");
    prepare(&mut play, "b", "select 2");
    play.client(execute("a"));
    assert_eq!(play.told(), ["4 run select 1"]);
}

#[test]
fn a_parse_that_failed_leaves_the_older_text_in_force() {
    let mut play = Play::ready();
    prepare(&mut play, "a", "select 1");
    play.client([client::parse("a", "drop table t"), client::sync()].concat());
    play.server(
        [
            server::error("ERROR", "42P05", "already exists"),
            server::ready(b'I'),
        ]
        .concat(),
    );
    play.told();
    play.client(execute("a"));
    assert_eq!(play.told(), ["4 run select 1"]);
}

#[test]
fn a_bind_waits_for_a_parse_before_the_last_sync() {
    let mut play = Play::ready();
    prepare(&mut play, "a", "select 1");
    play.client([client::parse("a", "drop table t"), client::sync()].concat());
    play.told();
    play.at_server();
    play.client(execute("a"));
    assert_eq!(play.at_server(), b"");
    play.server(
        [
            server::error("ERROR", "42P05", "already exists"),
            server::ready(b'I'),
        ]
        .concat(),
    );
    assert_eq!(
        play.told(),
        ["3 failed 42P05", "ready idle", "4 run select 1"]
    );
    assert_eq!(play.at_server(), execute("a"));
}

#[test]
fn a_statement_that_was_closed_cannot_be_run() {
    let mut play = Play::ready();
    prepare(&mut play, "a", "select 1");
    play.client([client::close(b'S', "a"), execute("a")].concat());
    assert!(is_refused(&mut play));
}

#[test]
fn a_statement_that_sql_prepared_cannot_be_run_by_its_name() {
    let mut play = Play::ready();
    run(&mut play, "prepare a as select 1", &["PREPARE"]);
    play.client(execute("a"));
    assert!(is_refused(&mut play));
}

#[test]
fn sql_cannot_put_another_statement_under_a_known_name() {
    let mut play = Play::ready();
    prepare(&mut play, "a", "select 1");
    run(
        &mut play,
        "deallocate a; prepare a as drop table t",
        &["DEALLOCATE", "PREPARE"],
    );
    play.client(execute("a"));
    assert!(is_refused(&mut play));
}

#[test]
fn a_bind_waits_for_what_may_put_another_statement_under_its_name() {
    let mut play = Play::ready();
    prepare(&mut play, "a", "select 1");
    let swap = "deallocate a; prepare a as drop table t";
    play.client([client::query(swap), execute("a")].concat());
    assert_eq!(play.at_server(), client::query(swap));
    play.server([server::complete("DEALLOCATE"), server::complete("PREPARE")].concat());
    assert_eq!(play.at_server(), b"");
    play.told();
    play.server(server::ready(b'I'));
    assert!(is_refused(&mut play));
}

#[test]
fn a_text_that_only_speaks_of_preparing_changes_nothing() {
    let mut play = Play::ready();
    prepare(&mut play, "a", "select 1");
    run(&mut play, "select 'prepare'", &["SELECT 1"]);
    play.client(execute("a"));
    assert!(!is_refused(&mut play));
}

#[test]
fn sql_cannot_put_a_cursor_under_the_name_of_a_portal() {
    let mut play = Play::ready();
    prepare(&mut play, "a", "select 1");
    open(&mut play, "c", "a");
    run(
        &mut play,
        "close c; declare c cursor for select 2",
        &["CLOSE CURSOR", "DECLARE CURSOR"],
    );
    play.client([client::execute("c", 0), client::sync()].concat());
    assert!(is_refused(&mut play));
}

#[test]
fn an_execute_waits_for_what_runs_between_it_and_its_bind() {
    let mut play = Play::ready();
    prepare(&mut play, "a", "select 1");
    open(&mut play, "c", "a");
    play.client(
        [
            client::run("close c"),
            client::execute("c", 0),
            client::sync(),
        ]
        .concat(),
    );
    // The server is made to send what it has in its buffer, or both sides would wait.
    assert_eq!(
        play.at_server(),
        [client::run("close c"), client::flush()].concat()
    );
    play.server(
        [
            server::parsed(),
            server::bound(),
            server::complete("CLOSE CURSOR"),
        ]
        .concat(),
    );
    play.told();
    assert!(is_refused(&mut play));
}

#[test]
fn a_portal_stays_known_while_rows_are_read_and_written_beside_it() {
    let mut play = Play::ready();
    prepare(&mut play, "a", "select 1");
    open(&mut play, "c", "a");
    run(&mut play, "select 2", &["SELECT 1"]);
    run(&mut play, "insert into t values (1)", &["INSERT 0 1"]);
    play.client([client::execute("c", 0), client::sync()].concat());
    assert!(!is_refused(&mut play));
}

#[test]
fn a_portal_is_forgotten_when_it_may_have_ended() {
    for (sql, tag) in [
        ("rollback to savepoint s", "ROLLBACK"),
        ("commit and chain", "COMMIT"),
        ("call p()", "CALL"),
    ] {
        let mut play = Play::ready();
        prepare(&mut play, "a", "select 1");
        open(&mut play, "c", "a");
        run(&mut play, sql, &[tag]);
        play.client([client::execute("c", 0), client::sync()].concat());
        assert!(is_refused(&mut play), "{sql}");
    }
}

#[test]
fn a_portal_ends_with_its_transaction() {
    let mut play = Play::ready();
    prepare(&mut play, "a", "select 1");
    play.client([client::bind("c", "a"), client::sync()].concat());
    play.server([server::bound(), server::ready(b'I')].concat());
    play.told();
    play.at_server();
    play.client([client::execute("c", 0), client::sync()].concat());
    assert!(is_refused(&mut play));
}

#[test]
fn a_bind_that_failed_leaves_no_portal() {
    let mut play = Play::ready();
    prepare(&mut play, "a", "select 1");
    play.client([client::bind("c", "a"), client::sync()].concat());
    play.server(
        [
            server::error("ERROR", "42P03", "exists"),
            server::ready(b'E'),
        ]
        .concat(),
    );
    play.told();
    play.at_server();
    play.client([client::execute("c", 0), client::sync()].concat());
    assert!(is_refused(&mut play));
}

#[test]
fn what_the_server_does_not_know_either_fails_in_its_words() {
    let mut play = Play::ready();
    play.client([client::execute("c", 0), client::sync()].concat());
    let answer = [
        server::error("ERROR", "34000", "no such portal"),
        server::ready(b'I'),
    ]
    .concat();
    assert_eq!(play.server(&answer).at_client(), answer);
    assert_eq!(
        play.told(),
        ["2 unread notpermitted", "failed", "ready idle"]
    );
}

#[test]
fn what_only_the_server_knows_fails_in_ours() {
    let mut play = Play::ready();
    play.client([client::execute("c", 0), client::sync()].concat());
    play.server(
        [
            server::no_data(),
            server::syntax_error(),
            server::ready(b'I'),
        ]
        .concat(),
    );
    assert_eq!(
        play.at_client(),
        [our_error("ERROR"), server::ready(b'I')].concat()
    );
}

#[test]
fn what_ran_since_a_portal_was_bound_is_told_apart_from_what_ran_before() {
    let mut play = Play::ready();
    prepare(&mut play, "a", "select 1");
    run(&mut play, "set search_path = before", &["SET"]);
    open(&mut play, "c", "a");
    run(&mut play, "set search_path = after", &["SET"]);
    play.client([client::execute("c", 0), client::sync()].concat());
    assert_eq!(play.told(), ["5 run select 1"]);
    assert_eq!(play.bound_after, Some(Ticket(3)));
    play.server([server::complete("SELECT 1"), server::ready(b'T')].concat());
    play.client(client::query("select 2"));
    assert_eq!(play.bound_after, None);
}

/// SQL's FETCH runs a portal by its name, and nobody is asked about what the portal does.
#[test]
fn it_is_told_as_long_as_sql_can_name_what_was_bound() {
    let mut play = Play::ready();
    let beside_bound = |play: &mut Play, state: u8| {
        play.client(client::query("fetch all c"));
        play.server([server::complete("FETCH 1"), server::ready(state)].concat());
        play.beside_bound
    };
    prepare(&mut play, "a", "select 1");
    run(&mut play, "begin", &["BEGIN"]);
    assert!(!beside_bound(&mut play, b'T'));
    // A portal without a name is none that SQL can name.
    play.client([client::bind("", "a"), client::sync()].concat());
    play.server([server::bound(), server::ready(b'T')].concat());
    assert!(!beside_bound(&mut play, b'T'));
    // Sent is enough, also in the same segment of a pipeline.
    play.client([client::bind("c", "a"), client::run("fetch all c")].concat());
    assert!(play.beside_bound);
    play.client(client::sync());
    let answers = [
        server::bound(),
        server::parsed(),
        server::bound(),
        server::complete("FETCH 1"),
        server::ready(b'T'),
    ];
    play.server(answers.concat());
    assert!(beside_bound(&mut play, b'T'));
    // The transaction that it lives in ends, but another one has begun on the way.
    play.client(client::query("commit"));
    play.client([client::bind("d", "a"), client::flush()].concat());
    play.server([server::complete("COMMIT"), server::ready(b'I')].concat());
    play.client(client::run("fetch all d"));
    assert!(play.beside_bound);
    play.client(client::sync());
    let answers = [
        server::bound(),
        server::parsed(),
        server::bound(),
        server::complete("FETCH 1"),
        server::ready(b'I'),
    ];
    play.server(answers.concat());
    assert!(!beside_bound(&mut play, b'I'));
}

#[test]
fn names_are_bytes() {
    let mut play = Play::ready();
    let odd = |name: &[u8]| crate::messages::message(b'P', &[name, b"\0select 1\0\0\0"].concat());
    play.client([odd(b"\xff\xfe"), client::sync()].concat());
    play.server([server::parsed(), server::ready(b'I')].concat());
    play.told();
    play.client(
        [
            crate::messages::message(b'B', b"\0\xff\xfe\0\0\0\0\0\0\0"),
            client::execute("", 0),
        ]
        .concat(),
    );
    assert!(play.told().iter().any(|line| line.contains("run select 1")));
    play.client([client::sync(), execute("\u{fffd}\u{fffd}")].concat());
    assert!(!play.told().iter().any(|line| line.contains("run select 1")));
}

#[test]
fn the_oldest_statement_is_forgotten_when_there_are_too_many() {
    let limits = Limits {
        names: 2,
        ..Limits::default()
    };
    let mut play = Play::ready_with(limits);
    for name in ["a", "b", "c"] {
        prepare(&mut play, name, "select 1");
    }
    play.client(execute("c"));
    assert!(!is_refused(&mut play));
    play.server(
        [
            server::bound(),
            server::complete("SELECT 1"),
            server::ready(b'I'),
        ]
        .concat(),
    );
    play.told();
    play.client(execute("a"));
    assert!(is_refused(&mut play));
}

#[test]
fn a_parse_waits_while_too_many_bytes_are_under_way() {
    let limits = Limits {
        remembered: 5,
        ..Limits::default()
    };
    let mut play = Play::ready_with(limits);
    play.client(
        [
            client::parse("a", "select 1"),
            client::parse("b", "select 2"),
        ]
        .concat(),
    );
    assert_eq!(play.told(), ["2 prepare select 1"]);
    assert_eq!(
        play.at_server(),
        [client::parse("a", "select 1"), client::flush()].concat()
    );
    play.server(server::parsed());
    assert_eq!(play.told(), ["2 completed", "3 prepare select 2"]);
}
