//! What is not the protocol ends the session with a clear error, and nothing of it is forwarded.

use weir_tests::messages::{query, sync, terminate, told};
use weir_tests::{Frame, Plan, Stub, Wire, World, frame, startup};

/// The end of a session that did not speak the protocol.
const REFUSED: &str = "E:08P01";

#[test]
fn a_malformed_message_ends_its_session_and_is_not_forwarded() {
    let (world, stub) = world();
    let mut faults = Vec::new();
    for (name, bytes) in messages() {
        let mut wire = log_in(&world);
        // What comes behind the malformed message must not be taken for a message.
        wire.send(&[bytes, query("DROP TABLE behind"), sync()].concat())
            .unwrap();
        let answer = wire.until_end().unwrap();
        let forwarded = stub.session();
        if told(&answer) != REFUSED
            || !is_fatal(&answer)
            || !(forwarded.is_empty() || forwarded == terminate())
        {
            faults.push(format!(
                "{name}: {:?}; forwarded {}",
                answer,
                forwarded.escape_ascii()
            ));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    lives(&world, &stub);
}

#[test]
fn a_malformed_startup_packet_reaches_no_server() {
    let (world, stub) = world();
    let mut faults = Vec::new();
    for (name, bytes, told_to) in packets() {
        let mut wire = world.wire("client").unwrap();
        wire.send(&bytes).unwrap();
        wire.finish().unwrap();
        let answer = wire.until_end().unwrap();
        if told(&answer) != told_to || !(told_to.is_empty() || is_fatal(&answer)) {
            faults.push(format!("{name}: {answer:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    // The server's first session is a good one.
    lives(&world, &stub);
}

#[test]
fn encryption_is_declined_as_often_as_it_is_asked_for() {
    let (world, _stub) = world();
    let mut wire = world.wire("client").unwrap();
    for code in [80_877_103_u32, 80_877_104, 80_877_103] {
        wire.send(&[&8_u32.to_be_bytes()[..], &code.to_be_bytes()].concat())
            .unwrap();
        assert_eq!(wire.byte().unwrap(), b'N');
    }
    let welcome = wire.log_in("postgres", "app").unwrap();
    assert_eq!(told(&welcome), "R Z:I");
}

#[test]
fn a_client_that_says_nothing_is_told_so_in_time() {
    let stub = Stub::start().unwrap();
    let plan = Plan::new()
        .upstream(stub.port())
        .config("[sessions]\nstartup_timeout = 1\n");
    let world = plan.gateway().unwrap();
    let mut silent = world.wire("client").unwrap();
    let mut slow = world.wire("client").unwrap();
    slow.send(&startup(&[("user", "postgres")])[..10]).unwrap();
    for wire in [&mut silent, &mut slow] {
        assert_eq!(told(&wire.until_end().unwrap()), REFUSED);
    }
    lives(&world, &stub);
}

fn world() -> (World, Stub) {
    let stub = Stub::start().unwrap();
    let world = Plan::new().upstream(stub.port()).gateway().unwrap();
    (world, stub)
}

fn log_in(world: &World) -> Wire {
    let mut wire = world.wire("client").unwrap();
    wire.log_in("postgres", "app").unwrap();
    wire
}

/// The agent serves the next client, and what is well formed does reach the server.
fn lives(world: &World, stub: &Stub) {
    let mut wire = log_in(world);
    wire.send(&[query("SELECT 'well formed'"), terminate()].concat())
        .unwrap();
    drop(wire);
    let forwarded = stub.session();
    assert_eq!(
        forwarded,
        [query("SELECT 'well formed'"), terminate()].concat()
    );
}

fn is_fatal(answer: &[Frame]) -> bool {
    answer
        .iter()
        .any(|frame| frame.field('V') == "FATAL" && frame.field('M').starts_with("weir: "))
}

/// A message with this length, whatever its body's.
fn lying(tag: char, length: i32, body: &[u8]) -> Vec<u8> {
    let mut bytes = frame(tag, body);
    bytes[1..5].copy_from_slice(&length.to_be_bytes());
    bytes
}

fn messages() -> Vec<(String, Vec<u8>)> {
    let mut messages: Vec<(String, Vec<u8>)> = [
        ("a Query without its terminator", frame('Q', b"SELECT 1")),
        (
            "a Query with a NUL in it",
            frame('Q', b"SELECT 1\0; DROP TABLE t\0"),
        ),
        ("a Query with nothing in it", frame('Q', b"")),
        (
            "a Query that does not count its length",
            lying('Q', 3, b"SELECT 1\0"),
        ),
        ("a Query of length 0", lying('Q', 0, b"SELECT 1\0")),
        ("a Query of negative length", lying('Q', -1, b"SELECT 1\0")),
        (
            "a Query of the most negative length",
            lying('Q', i32::MIN, b"SELECT 1\0"),
        ),
        ("a Sync of great length", lying('S', i32::MAX, b"")),
        ("a Sync with a body", frame('S', b"x")),
        ("a Flush with a body", frame('H', b"x")),
        ("a goodbye with a body", frame('X', b"x")),
        (
            "an Execute of great length",
            lying('E', 100_000_000, b"\0\0\0\0\0"),
        ),
        ("a Close of great length", lying('C', 100_000_000, b"S\0")),
        ("a Parse without a name", frame('P', b"SELECT 1")),
        ("a Parse without a text", frame('P', b"name\0")),
        ("a Parse without its types", frame('P', b"\0SELECT 1\0")),
        (
            "a Parse with fewer types than it says",
            frame('P', b"\0SELECT 1\0\0\x02\0\0\0\x17"),
        ),
        (
            "a Parse with more behind it",
            frame('P', b"\0SELECT 1\0\0\0; DROP TABLE t\0"),
        ),
        ("a Bind without names", frame('B', b"")),
        ("a Bind without values", frame('B', b"\0\0\0\0\0\x01")),
        (
            "a Bind with a value longer than itself",
            frame('B', b"\0\0\0\0\0\x01\0\0\0\xffx\0\0"),
        ),
        (
            "a Bind with a value of length -2",
            frame('B', b"\0\0\0\0\0\x01\xff\xff\xff\xfe\0\0"),
        ),
        (
            "a Bind with more behind it",
            frame('B', b"\0\0\0\0\0\0\0\0x"),
        ),
        ("a Describe of nothing", frame('D', b"")),
        ("a Describe of something else", frame('D', b"Zname\0")),
        ("a Describe without its terminator", frame('D', b"Sname")),
        ("a Describe with more behind it", frame('D', b"Sname\0x")),
        ("a Close of something else", frame('C', b"Zname\0")),
        ("a Close without its terminator", frame('C', b"Pname")),
        ("an Execute without its terminator", frame('E', b"portal")),
        ("an Execute without its number", frame('E', b"\0\0\0")),
        ("an Execute with more behind it", frame('E', b"\0\0\0\0\0x")),
        ("a FunctionCall with nothing in it", frame('F', b"")),
        (
            "a FunctionCall without its arguments",
            frame('F', b"\0\0\0\x01\0\0\0\x02"),
        ),
        (
            "a FunctionCall with more behind it",
            frame('F', b"\0\0\0\x01\0\0\0\0\0\0x"),
        ),
        (
            "a password in the middle of a session",
            frame('p', b"secret\0"),
        ),
    ]
    .into_iter()
    .map(|(name, bytes)| (name.to_owned(), bytes))
    .collect();
    for tag in [
        '\0', ' ', '!', '1', 'A', 'K', 'R', 'T', 'Z', 'q', 'z', '\x7f', '\u{80}', '\u{ff}',
    ] {
        messages.push((format!("a message of type {tag:?}"), frame(tag, b"x\0")));
    }
    messages
}

/// First packets, and what comes of them. As from the server, nothing comes where a client leaves in the middle.
fn packets() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let good = startup(&[("user", "postgres"), ("database", "app")]);
    let packet = |body: &[u8]| {
        let length = u32::try_from(body.len() + 4).unwrap();
        [&length.to_be_bytes()[..], body].concat()
    };
    let long = startup(&[("user", &"u".repeat(20_000))]);
    let name = startup(&[("user", &"u".repeat(64)), ("database", "app")]);
    vec![
        (
            "another protocol",
            b"GET / HTTP/1.1\r\nHost: database\r\n\r\n".to_vec(),
            REFUSED,
        ),
        (
            "TLS without asking",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
            REFUSED,
        ),
        ("SSH", b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), REFUSED),
        ("zeroes", vec![0; 64], REFUSED),
        ("ones", vec![0xff; 64], REFUSED),
        (
            "a length that does not count itself",
            packet(b"")[..3].iter().copied().chain([3]).collect(),
            REFUSED,
        ),
        ("a packet without a version", packet(b""), REFUSED),
        ("half of a version", packet(b"\0\x03"), REFUSED),
        ("a packet that is too long", long, REFUSED),
        (
            "version 2",
            packet(b"\0\x02\0\0database\0user\0"),
            "E:0A000",
        ),
        (
            "version 4",
            packet(b"\0\x04\0\0user\0postgres\0\0"),
            "E:0A000",
        ),
        ("no parameters", packet(b"\0\x03\0\0"), REFUSED),
        ("no user", startup(&[("database", "app")]), REFUSED),
        (
            "an empty user",
            startup(&[("user", ""), ("database", "app")]),
            REFUSED,
        ),
        ("a user that the server would cut", name, REFUSED),
        (
            "a user that is no text",
            packet(b"\0\x03\0\0user\0\xff\xfe\0\0"),
            REFUSED,
        ),
        (
            "a name without a value",
            packet(b"\0\x03\0\0user\0"),
            REFUSED,
        ),
        (
            "no terminator",
            packet(b"\0\x03\0\0user\0postgres\0"),
            REFUSED,
        ),
        (
            "more behind the terminator",
            packet(b"\0\x03\0\0user\0postgres\0\0more\0"),
            REFUSED,
        ),
        (
            "a request for encryption with more in it",
            packet(b"\x04\xd2\x16\x2fmore"),
            REFUSED,
        ),
        (
            "a cancel without its key",
            packet(b"\x04\xd2\x16\x2e"),
            REFUSED,
        ),
        (
            "a cancel with a key of three bytes",
            packet(b"\x04\xd2\x16\x2e\0\0\0\x01abc"),
            REFUSED,
        ),
        (
            "a cancel with an unknown key",
            packet(b"\x04\xd2\x16\x2e\0\0\0\x01abcd"),
            "",
        ),
        ("nothing", Vec::new(), ""),
        ("the first half", good[..good.len() / 2].to_vec(), ""),
    ]
}
