//! Raw conversations: what a client may send in any order, compared frame by frame, whole and in pieces.

use std::io::Write as _;

use weir_tests::messages::{
    bind, close, describe, execute_rows, extended, flush, function_call, parse, query, sync,
    terminate,
};
use weir_tests::{Frame, Plan, Wire, World, frame};

use super::{Pair, difference};

const TALKS: &str = include_str!("../../../corpus/fidelity/talks.txt");

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
    /// Says nothing more: the session ends by itself.
    Leave,
}

#[test]
fn conversations_are_the_same_frame_by_frame() {
    compare(Plan::new());
}

#[test]
fn so_they_are_with_the_newest_server() {
    compare(Plan::new().newest());
}

fn compare(plan: Plan) {
    let plan = plan.script(SCHEMA);
    // Who the client is changes no byte, and the gateway takes more of them in a second.
    let pair = Pair {
        through: plan.clone().gateway().unwrap(),
        direct: plan.gateway().unwrap(),
    };
    let mut tidiers = [tidier(&pair.direct), tidier(&pair.through)];
    let mut differences = Vec::new();
    let talks: Vec<(&str, Vec<Step>)> = TALKS
        .split("\n== ")
        .skip(1)
        .map(read)
        .chain([large()])
        .collect();
    assert!(talks.len() > 50);
    for (name, talk) in &talks {
        for piece in [usize::MAX, 1, 7] {
            // Both worlds live through the same, so that even their object ids stay the same.
            let direct = play(pair.direct.wire_direct().unwrap(), talk, usize::MAX);
            let through = play(pair.through.wire("client").unwrap(), talk, piece);
            for tidier in &mut tidiers {
                tidier
                    .query("TRUNCATE c; DELETE FROM t WHERE n > 10")
                    .unwrap();
            }
            if let Some(difference) = difference(&direct, &through) {
                differences.push(format!("{name}, in pieces of {piece}, {difference}"));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

/// A session past the agent that undoes what talks change.
fn tidier(world: &World) -> Wire {
    let mut wire = world.wire_direct().unwrap();
    wire.log_in("postgres", "app").unwrap();
    wire
}

/// A talk as the corpus has it: its name, then a line per message.
fn read(text: &str) -> (&str, Vec<Step>) {
    let mut lines = text.lines().filter(|line| !line.is_empty());
    let name = lines.next().unwrap();
    let mut steps = Vec::new();
    for line in lines {
        let bytes = match word(line) {
            ("await", tag) => {
                steps.push(Step::Await(tag.chars().next().unwrap()));
                continue;
            }
            ("leave", _) => {
                steps.push(Step::Leave);
                continue;
            }
            ("times", rest) => {
                let (number, line) = word(rest);
                let numbers = 0..number.parse().unwrap();
                numbers
                    .flat_map(|n: usize| message(&line.replace("{}", &n.to_string())))
                    .collect()
            }
            _ => message(line),
        };
        match steps.last_mut() {
            Some(Step::Send(before)) => before.extend(bytes),
            _ => steps.push(Step::Send(bytes)),
        }
    }
    (name, steps)
}

fn message(line: &str) -> Vec<u8> {
    let (kind, rest) = word(line);
    let (first, more) = word(rest);
    let words: Vec<&str> = rest.split(' ').map(name).collect();
    let values = |from: usize| words.get(from..).unwrap_or_default();
    match kind {
        "query" => query(rest),
        "extended" => extended(rest, &[], 0),
        "parse" => parse(name(first), more),
        "bind" => bind(
            words[0],
            words[1],
            values(3),
            u8::from(words[2] == "binary"),
        ),
        "describe" => describe(first.chars().next().unwrap(), name(more)),
        "execute" => execute_rows(
            words[0],
            words.get(1).map_or(0, |rows| rows.parse().unwrap()),
        ),
        "close" => close(first.chars().next().unwrap(), name(more)),
        "sync" => sync(),
        "flush" => flush(),
        "terminate" => terminate(),
        "call" => function_call(first.parse().unwrap(), values(1)),
        "data" => frame('d', &unescape(rest)),
        "done" => frame('c', b""),
        "fail" => frame('f', &[rest.as_bytes(), b"\0"].concat()),
        "raw" => frame(first.chars().next().unwrap(), &unescape(more)),
        other => panic!("no message is called {other}"),
    }
}

/// Long messages are no lines.
fn large() -> (&'static str, Vec<Step>) {
    let long = "x".repeat(300_000);
    let text = query(&format!("SELECT '{long}'"));
    let value = [
        parse("", "SELECT $1::text, length($1)"),
        bind("", "", &[&long], 0),
        execute_rows("", 0),
        sync(),
    ];
    (
        "large texts and values",
        vec![Step::Send([text, value.concat()].concat())],
    )
}

fn word(line: &str) -> (&str, &str) {
    line.split_once(' ').unwrap_or((line, ""))
}

fn name(word: &str) -> &str {
    if word == "-" { "" } else { word }
}

/// Rust's own escapes of bytes.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    loop {
        rest = match rest {
            [] => return bytes,
            [b'\\', b'x', high, low, rest @ ..] => {
                let digits = [*high, *low];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
                rest
            }
            [b'\\', letter, rest @ ..] => {
                bytes.push(match letter {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'0' => 0,
                    other => *other,
                });
                rest
            }
            [byte, rest @ ..] => {
                bytes.push(*byte);
                rest
            }
        };
    }
}

/// Logs in, plays the talk in pieces of so many bytes, says goodbye, and returns everything that came.
fn play(mut wire: Wire, talk: &[Step], piece: usize) -> String {
    let mut frames = wire.log_in("postgres", "app").unwrap();
    for step in talk {
        match step {
            // Byte by byte takes its time.
            Step::Send(bytes) if bytes.len() > 50_000 => wire.send(bytes).unwrap(),
            Step::Send(bytes) => {
                for piece in bytes.chunks(piece) {
                    // The session may have ended, as it should.
                    let _ = wire.stream().write_all(piece);
                }
            }
            Step::Await(tag) => loop {
                let frame = wire.read().unwrap();
                let is_it = frame.tag == *tag;
                frames.push(frame);
                if is_it {
                    break;
                }
            },
            Step::Leave => {}
        }
    }
    if !matches!(talk.last(), Some(Step::Leave)) {
        wire.send(&terminate()).unwrap();
    }
    frames.extend(wire.until_end().unwrap());
    frames.iter().map(shown).collect()
}

/// A line per frame, without what is another one for each session: keys, and process ids of notifications.
fn shown(frame: &Frame) -> String {
    let body = match frame.tag {
        'K' => "a key".into(),
        'A' => frame.body[4..].escape_ascii().to_string(),
        // A portal that the agent does not know is asked about by Describe, so the server says it in another place.
        'E' if frame.field('C') == "34000" => frame.field('M'),
        _ => frame.body.escape_ascii().to_string(),
    };
    format!("{} {body}\n", frame.tag)
}
