//! Raw conversations: what a client may send in any order, compared frame by frame, whole and in pieces.

use std::io::Write as _;

use weir_tests::messages::{
    bind, close, describe, execute, execute_rows, extended, flush, function_call, parse, query,
    sync, terminate,
};
use weir_tests::{Frame, Plan, Wire, frame};

use super::{Pair, difference};

const SCHEMA: &str = "
CREATE TABLE t (n int PRIMARY KEY, x text);
INSERT INTO t SELECT n, 'row ' || n FROM generate_series(1, 10) n;
CREATE TABLE c (n int, x text);
";

/// What a client does next.
enum Step {
    Send(Vec<u8>),
    /// Reads up to a message of this type: the server must have said so much before the client says more.
    Await(char),
    /// Says nothing more: the session ends by itself. Otherwise the client says goodbye after its last step.
    Leave,
}

use Step::{Await, Leave, Send};

/// A name, and what the client does.
type Talk = (&'static str, Vec<Step>);

#[test]
fn conversations_are_the_same_frame_by_frame() {
    let pair = Pair::of(&Plan::new().script(SCHEMA));
    let mut differences = Vec::new();
    for (name, talk) in talks() {
        for piece in [usize::MAX, 1, 7] {
            // Both worlds live through the same, so that even their object ids stay the same.
            let direct = play(pair.direct.wire_direct().unwrap(), &talk, usize::MAX);
            let through = play(pair.through.wire("client").unwrap(), &talk, piece);
            for world in [&pair.through, &pair.direct] {
                let database = world.database();
                database
                    .run("app", "TRUNCATE c; DELETE FROM t WHERE n > 10")
                    .unwrap();
            }
            if let Some(difference) = difference(&direct, &through) {
                differences.push(format!("{name}, in pieces of {piece}, {difference}"));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

fn talks() -> Vec<Talk> {
    [
        simple(),
        extended_protocol(),
        pipelines(),
        errors(),
        copies(),
        calls(),
        large(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Everything at once.
fn whole(name: &'static str, parts: &[Vec<u8>]) -> Talk {
    (name, vec![Send(parts.concat())])
}

fn simple() -> Vec<Talk> {
    vec![
        whole("one query", &[query("SELECT n, x FROM t ORDER BY n")]),
        whole(
            "an empty query",
            &[query(""), query("  "), query(";;"), query("-- nothing")],
        ),
        whole(
            "several statements",
            &[query(
                "SELECT 1; SELECT 2; BEGIN; SELECT 3; COMMIT; SELECT 4",
            )],
        ),
        whole(
            "an error among several",
            &[
                query("INSERT INTO t VALUES (11); SELECT 1/0; SELECT 3"),
                query("TABLE t"),
            ],
        ),
        whole(
            "a pipeline of queries",
            &[
                query("SELECT 1"),
                query("SELECT 1/0"),
                query("BEGIN"),
                query("SELEC"),
                query("SELECT 1"),
                query("COMMIT"),
            ],
        ),
        whole(
            "notices and settings",
            &[
                query("DO $$ BEGIN RAISE NOTICE 'x'; END $$"),
                query("SET client_encoding = 'LATIN1'; SELECT chr(252)"),
                query("SET TimeZone = 'Asia/Tokyo'"),
            ],
        ),
        whole(
            "notifications",
            &[
                query("LISTEN a; NOTIFY a, 'b'; SELECT 1"),
                query("BEGIN; NOTIFY a, 'c'"),
                query("COMMIT"),
            ],
        ),
        whole(
            "SQL prepared statements",
            &[
                query("PREPARE p AS SELECT $1::int"),
                query("EXECUTE p(5)"),
                query("DEALLOCATE p"),
                query("EXECUTE p(5)"),
            ],
        ),
        whole(
            "SQL cursors",
            &[
                query("BEGIN; DECLARE k CURSOR FOR TABLE t"),
                query("FETCH 2 FROM k"),
                query("MOVE 2 IN k; CLOSE k; COMMIT"),
            ],
        ),
    ]
}

fn extended_protocol() -> Vec<Talk> {
    vec![
        whole(
            "unnamed",
            &[
                extended("SELECT n, x FROM t WHERE n < $1", &["4"], 0),
                sync(),
            ],
        ),
        whole(
            "binary results",
            &[
                extended(
                    "SELECT n, x, now() < 'infinity', 1.5::float8 FROM t",
                    &[],
                    1,
                ),
                sync(),
            ],
        ),
        whole(
            "named and again",
            &[
                parse("s", "SELECT $1::int + 1"),
                describe('S', "s"),
                sync(),
                bind("p", "s", &["1"], 0),
                describe('P', "p"),
                execute("p"),
                sync(),
                bind("p", "s", &["2"], 1),
                execute("p"),
                execute("p"),
                sync(),
                close('S', "s"),
                close('P', "p"),
                sync(),
                bind("", "s", &["3"], 0),
                sync(),
            ],
        ),
        whole(
            "nothing to describe",
            &[
                parse("", "INSERT INTO c VALUES (1, 'x')"),
                describe('S', ""),
                bind("", "", &[], 0),
                describe('P', ""),
                execute(""),
                sync(),
            ],
        ),
        whole(
            "an empty statement",
            &[
                parse("", ""),
                describe('S', ""),
                bind("", "", &[], 0),
                describe('P', ""),
                execute(""),
                sync(),
            ],
        ),
        whole(
            "pages",
            &[
                query("BEGIN"),
                parse("", "TABLE t"),
                bind("p", "", &[], 0),
                execute_rows("p", 3),
                execute_rows("p", 3),
                sync(),
                execute_rows("p", 3),
                execute_rows("p", 3),
                execute_rows("p", 3),
                sync(),
                query("COMMIT"),
                execute_rows("p", 3),
                sync(),
            ],
        ),
        whole(
            "pages of what changes",
            &[
                parse("", "INSERT INTO c SELECT n, x FROM t RETURNING n"),
                bind("", "", &[], 0),
                execute_rows("", 2),
                sync(),
                query("SELECT count(*) FROM c"),
            ],
        ),
        whole(
            "closing what is not there",
            &[close('S', "none"), close('P', "none"), sync()],
        ),
        whole(
            "a name twice",
            &[
                parse("s", "SELECT 1"),
                parse("s", "SELECT 2"),
                sync(),
                bind("", "s", &[], 0),
                execute(""),
                sync(),
                close('S', "s"),
                parse("s", "SELECT 3"),
                bind("", "s", &[], 0),
                execute(""),
                sync(),
            ],
        ),
        whole(
            "unnamed over and over",
            &[
                parse("", "SELECT 1"),
                parse("", "SELECT 2"),
                bind("", "", &[], 0),
                bind("", "", &[], 0),
                execute(""),
                parse("", "SELECT 3"),
                bind("", "", &[], 0),
                execute(""),
                sync(),
            ],
        ),
        whole(
            "portals end with their transaction",
            &[
                parse("", "SELECT 1"),
                bind("p", "", &[], 0),
                sync(),
                execute("p"),
                sync(),
            ],
        ),
        whole(
            "commands about transactions",
            &[
                extended("BEGIN", &[], 0),
                sync(),
                extended("SAVEPOINT a", &[], 0),
                extended("SELECT 1/0", &[], 0),
                sync(),
                extended("ROLLBACK TO a", &[], 0),
                sync(),
                extended("COMMIT", &[], 0),
                sync(),
            ],
        ),
        whole(
            "a query without Sync before it",
            &[extended("SELECT 1", &[], 0), query("SELECT 2")],
        ),
        whole("only Syncs", &[sync(), sync(), flush(), sync()]),
        (
            "Flush shows what is there",
            vec![
                Send(
                    [
                        parse("s", "SELECT n FROM t WHERE n = $1"),
                        describe('S', "s"),
                        flush(),
                    ]
                    .concat(),
                ),
                Await('T'),
                Send([bind("", "s", &["1"], 0), flush()].concat()),
                Await('2'),
                Send([execute(""), flush()].concat()),
                Await('C'),
                Send([bind("", "s", &["2"], 0), execute(""), flush()].concat()),
                Await('C'),
                Send(sync()),
                Await('Z'),
            ],
        ),
        (
            "an error shows after a Flush",
            vec![
                Send([parse("", "SELEC"), flush()].concat()),
                Await('E'),
                Send([parse("", "SELECT 1"), flush(), query("SELECT 2"), sync()].concat()),
                Await('Z'),
                Send(query("SELECT 3")),
                Await('Z'),
            ],
        ),
        (
            "a goodbye before the answer",
            vec![
                Send(
                    [
                        extended("INSERT INTO c VALUES (1) RETURNING n", &[], 0),
                        terminate(),
                    ]
                    .concat(),
                ),
                Leave,
            ],
        ),
    ]
}

fn pipelines() -> Vec<Talk> {
    let each: Vec<Vec<u8>> = (0..200)
        .map(|n| {
            [
                extended(&format!("SELECT {n}, repeat('x', {n})"), &[], (n % 2) as u8),
                sync(),
            ]
            .concat()
        })
        .collect();
    let together: Vec<Vec<u8>> = (0..200)
        .map(|n| {
            extended(
                "INSERT INTO c VALUES ($1, 'x') RETURNING n",
                &[&n.to_string()],
                0,
            )
        })
        .collect();
    vec![
        whole(
            "an error in the middle",
            &[
                extended("SELECT 1", &[], 0),
                extended("SELECT 1/0", &[], 0),
                extended("SELECT 3", &[], 0),
                query("SELECT 4"),
                sync(),
                extended("SELECT 5", &[], 0),
                sync(),
            ],
        ),
        whole(
            "an error undoes what came before it",
            &[
                extended("INSERT INTO c VALUES (1)", &[], 0),
                extended("SELECT 1/0", &[], 0),
                sync(),
                query("TABLE c"),
            ],
        ),
        whole("each with its Sync", &each),
        whole(
            "all with one Sync",
            &[together.concat(), sync(), query("SELECT count(*) FROM c")],
        ),
        whole(
            "definitions in a pipeline",
            &[
                extended("CREATE TABLE made (n int)", &[], 0),
                extended("INSERT INTO made VALUES (1)", &[], 0),
                extended("SELECT * FROM made", &[], 0),
                extended("DROP TABLE made", &[], 0),
                sync(),
            ],
        ),
        whole(
            "settings in a pipeline",
            &[
                extended("SET search_path = pg_catalog", &[], 0),
                extended("SELECT oid FROM pg_class WHERE false", &[], 0),
                extended("TABLE t", &[], 0),
                sync(),
                query("SHOW search_path"),
            ],
        ),
    ]
}

fn errors() -> Vec<Talk> {
    vec![
        whole(
            "unknown names",
            &[
                bind("", "none", &[], 0),
                sync(),
                execute("none"),
                sync(),
                describe('S', "none"),
                sync(),
                describe('P', "none"),
                sync(),
            ],
        ),
        whole(
            "wrong numbers of parameters",
            &[
                parse("", "SELECT $1::int, $2::int"),
                bind("", "", &["1"], 0),
                sync(),
                bind("", "", &["1", "2", "3"], 0),
                sync(),
            ],
        ),
        whole(
            "wrong values",
            &[
                extended("SELECT $1::int", &["one"], 0),
                sync(),
                extended("SELECT 1 / $1::int", &["0"], 0),
                sync(),
            ],
        ),
        whole(
            "wrong texts",
            &[
                parse("", "SELEC"),
                sync(),
                parse("", "SELECT 1; SELECT 2"),
                sync(),
                parse("", "SELECT * FROM none"),
                sync(),
                parse("", "SELECT $0"),
                sync(),
                parse("", "SELECT $1"),
                describe('S', ""),
                sync(),
            ],
        ),
        whole(
            "too many result formats",
            &[
                parse("", "SELECT 1"),
                frame('B', b"\0\0\0\0\0\0\0\x02\0\0\0\0"),
                execute(""),
                sync(),
            ],
        ),
        whole(
            "a changed result",
            &[
                parse("s", "TABLE c"),
                sync(),
                query("ALTER TABLE c ADD COLUMN extra int"),
                bind("", "s", &[], 0),
                execute(""),
                sync(),
                query("ALTER TABLE c DROP COLUMN extra"),
                bind("", "s", &[], 0),
                execute(""),
                sync(),
            ],
        ),
        whole(
            "in a failed transaction",
            &[
                query("BEGIN"),
                query("SELECT 1/0"),
                extended("SELECT 1", &[], 0),
                sync(),
                parse("", "ROLLBACK"),
                bind("", "", &[], 0),
                execute(""),
                sync(),
            ],
        ),
        whole(
            "COPY messages without a COPY",
            &[
                frame('d', b"1\n"),
                frame('c', b""),
                frame('f', b"why\0"),
                query("SELECT 1"),
            ],
        ),
        whole(
            "a statement timeout",
            &[
                query("SET statement_timeout = 20"),
                query("SELECT pg_sleep(60)"),
                query("SELECT 1"),
            ],
        ),
        (
            "the server ends the session",
            vec![
                Send(query("SELECT pg_terminate_backend(pg_backend_pid())")),
                Leave,
            ],
        ),
    ]
}

fn copies() -> Vec<Talk> {
    let data = |text: &str| frame('d', text.as_bytes());
    let done = || frame('c', b"");
    let into = || query("COPY c FROM STDIN");
    let many: Vec<Vec<u8>> = (0..500)
        .map(|n| data(&format!("{n}\trow number {n}\n")))
        .collect();
    vec![
        whole("in", &[into(), data("1\to"), data("ne\n2\ttwo\n"), done(), query("TABLE c")]),
        whole("in, nothing", &[into(), done(), query("TABLE c")]),
        whole("in, much", &[into(), many.concat(), done(), query("SELECT count(*), sum(n) FROM c")]),
        whole("in, given up", &[into(), data("1\tone\n"), frame('f', b"changed my mind\0"), query("TABLE c")]),
        whole("in, with Sync and Flush in it", &[into(), data("1\tone\n"), sync(), flush(), data("2\ttwo\n"), done(), query("TABLE c")]),
        whole("in, then more statements", &[query("COPY c FROM STDIN; SELECT 1; COPY c FROM STDIN; SELECT 2"), data("1\n"), done(), data("1\tx\n"), done(), query("TABLE c")]),
        ("in, and it fails", vec![Send(into()), Await('G'), Send([data("one\tx\n"), data("2\tx\n"), done()].concat()), Await('Z'), Send(query("TABLE c"))]),
        whole("in, extended", &[extended("COPY c FROM STDIN", &[], 0), data("1\tone\n"), done(), sync(), query("TABLE c")]),
        whole("in, extended, with a Sync too many", &[extended("COPY c FROM STDIN", &[], 0), sync(), data("1\tone\n"), done(), sync(), query("TABLE c")]),
        ("in, extended, and it fails", vec![Send([extended("COPY c FROM STDIN", &[], 0), flush()].concat()), Await('G'), Send([data("x\n"), done(), sync()].concat()), Await('Z'), Send(query("TABLE c"))]),
        whole("in, binary", &[query("COPY c FROM STDIN (FORMAT binary)"), frame('d', b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\0\x02\0\0\0\x04\0\0\0\x07\0\0\0\x01x\xff\xff"), done(), query("TABLE c")]),
        whole("out", &[query("COPY t TO STDOUT"), query("COPY t TO STDOUT (FORMAT binary)"), query("COPY none TO STDOUT"), query("COPY (SELECT 1/(3-n) FROM t) TO STDOUT")]),
        whole("out, extended", &[extended("COPY t TO STDOUT (FORMAT csv, HEADER)", &[], 0), extended("SELECT 1", &[], 0), sync()]),
        whole("in a transaction", &[query("BEGIN"), into(), data("x\n"), done(), query("SELECT 1"), query("COMMIT")]),
        ("a goodbye in the middle", vec![Send(into()), Await('G'), Send([data("1\tone\n"), terminate()].concat())]),
    ]
}

fn calls() -> Vec<Talk> {
    // From the server's pg_proc.dat.
    const INT4PL: u32 = 177;
    const UPPER: u32 = 871;
    const INT4DIV: u32 = 154;
    vec![
        whole(
            "function calls",
            &[
                function_call(INT4PL, &["1", "2"]),
                function_call(UPPER, &["text"]),
            ],
        ),
        whole(
            "failing function calls",
            &[
                function_call(INT4DIV, &["1", "0"]),
                function_call(INT4PL, &["1"]),
                function_call(4_000_000_000, &[]),
                function_call(INT4PL, &["x", "y"]),
                query("SELECT 1"),
            ],
        ),
        whole(
            "function calls in a transaction",
            &[
                query("BEGIN"),
                function_call(INT4DIV, &["1", "0"]),
                function_call(INT4PL, &["1", "2"]),
                query("ROLLBACK"),
            ],
        ),
    ]
}

fn large() -> Vec<Talk> {
    let text = format!("SELECT '{}'", "x".repeat(300_000));
    vec![
        whole(
            "large texts",
            &[query(&text), extended(&text, &[], 0), sync()],
        ),
        whole(
            "large values",
            &[
                extended("SELECT $1::text, length($1)", &[&"y".repeat(300_000)], 0),
                sync(),
            ],
        ),
        whole(
            "many rows",
            &[query(
                "SELECT n, repeat('z', n % 100) FROM generate_series(1, 20000) n",
            )],
        ),
    ]
}

/// Logs in, plays the talk in pieces of so many bytes, says goodbye, and returns everything that came.
fn play(mut wire: Wire, talk: &[Step], piece: usize) -> String {
    let mut frames = wire.log_in("postgres", "app").unwrap();
    for step in talk {
        match step {
            // Byte by byte takes its time.
            Send(bytes) if bytes.len() > 50_000 => wire.send(bytes).unwrap(),
            Send(bytes) => {
                for piece in bytes.chunks(piece) {
                    // The session may have ended, as it should.
                    let _ = wire.stream().write_all(piece);
                }
            }
            Leave => {}
            Await(tag) => loop {
                let frame = wire.read().unwrap();
                let is_it = frame.tag == *tag;
                frames.push(frame);
                if is_it {
                    break;
                }
            },
        }
    }
    if !matches!(talk.last(), Some(Leave)) {
        wire.send(&terminate()).unwrap();
    }
    frames.extend(wire.until_end().unwrap());
    frames.iter().map(shown).collect()
}

/// A line per frame, without what is another one for each session: keys, and process ids of notifications.
fn shown(frame: &Frame) -> String {
    let body = match frame.tag {
        'K' => "a key".into(),
        // A portal that the agent does not know is asked about by Describe, so the server says it in another place.
        'E' if frame.field('C') == "34000" => frame.field('M'),
        'A' => frame.body[4..].escape_ascii().to_string(),
        _ => frame.body.escape_ascii().to_string(),
    };
    format!("{} {body}\n", frame.tag)
}
