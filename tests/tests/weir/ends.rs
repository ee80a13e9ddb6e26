//! How connections end, in every state: half-closed, reset, or by the server. Direct is the yardstick.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;
use weir_tests::messages::{bind, execute, extended, parse, query, sync, told};
use weir_tests::{Plan, Wire, World, frame, startup};

const TABLES: &str = "CREATE TABLE t (n int)";

/// What a client said last, and in which state of its session that was.
fn states() -> Vec<(&'static str, Vec<u8>)> {
    let begin = query("BEGIN; INSERT INTO t VALUES (1)");
    let copy = [query("COPY t FROM STDIN"), frame('d', b"1\n")].concat();
    vec![
        ("idle", Vec::new()),
        ("in a transaction", begin.clone()),
        (
            "in a failed transaction",
            [begin.clone(), query("SELECT 1/0")].concat(),
        ),
        ("in a COPY", copy.clone()),
        ("in a COPY in a transaction", [begin.clone(), copy].concat()),
        (
            "in a pipeline",
            extended("INSERT INTO t VALUES (1)", &[], 0),
        ),
        (
            "behind a Sync",
            [extended("SELECT 1", &[], 0), sync()].concat(),
        ),
        (
            "with a portal",
            [
                begin,
                parse("", "SELECT 1"),
                bind("", "", &[], 0),
                execute(""),
            ]
            .concat(),
        ),
        (
            "in the middle of a message",
            query("INSERT INTO t VALUES (1)")[..9].to_vec(),
        ),
        ("in the middle of a header", vec![b'Q', 0, 0]),
        (
            "reading",
            query("SELECT repeat('x', 1000) FROM generate_series(1, 10000)"),
        ),
        (
            "in COPY out",
            query("COPY (SELECT repeat('x', 1000) FROM generate_series(1, 10000)) TO STDOUT"),
        ),
    ]
}

#[test]
fn a_half_closed_client_reads_what_it_would_without_the_agent() {
    let world = Plan::new().script(TABLES).gateway().unwrap();
    let end = |mut wire: Wire, said: &[u8]| {
        wire.log_in("postgres", "app").unwrap();
        wire.send(said).unwrap();
        wire.finish().unwrap();
        told(&wire.until_end().unwrap())
    };
    for (state, said) in states() {
        let direct = end(world.wire_direct().unwrap(), &said);
        let through = end(world.wire("client").unwrap(), &said);
        assert_eq!(through, direct, "{state}");
    }
    for first in [&b""[..], &startup(&[("user", "postgres")])[..9]] {
        let mut wire = world.wire("client").unwrap();
        wire.send(first).unwrap();
        wire.finish().unwrap();
        assert_eq!(told(&wire.until_end().unwrap()), "");
    }
    nothing_is_left(&world);
}

#[test]
fn a_reset_by_the_client_ends_its_session_on_the_server_in_every_state() {
    let world = Plan::new().script(TABLES).gateway().unwrap();
    for (_, said) in states() {
        let mut wire = world.wire("client").unwrap();
        wire.log_in("postgres", "app").unwrap();
        wire.send(&said).unwrap();
        reset(wire);
    }
    for first in [&b""[..], &startup(&[("user", "postgres")])] {
        let mut wire = world.wire("client").unwrap();
        wire.send(first).unwrap();
        reset(wire);
    }
    nothing_is_left(&world);
}

#[test]
fn a_reset_by_the_server_ends_the_client_in_every_state() {
    let welcome = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";
    let row = b"T\0\0\0\x06\0\0D\0\0\0\x06\0\0";
    // What the server says to each message before it is gone, and what the client reads.
    let dialogues: [(Vec<&[u8]>, &str); 4] = [
        (vec![b""], ""),
        (vec![welcome], "R Z:I"),
        (vec![welcome, row], "R Z:I T D"),
        (vec![welcome, b"T\0\0\0"], "R Z:I"),
    ];
    for (dialogue, expected) in dialogues {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let world = Plan::new().upstream(port).gateway().unwrap();
        let answers = dialogue.len();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            for words in dialogue {
                assert!(stream.read(&mut [0; 1024]).unwrap() > 0);
                stream.write_all(words).unwrap();
            }
            set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
        });
        let mut wire = world.wire("client").unwrap();
        wire.send(&startup(&[("user", "postgres")])).unwrap();
        let mut said = Vec::new();
        if answers > 1 {
            said = wire.until_ready().unwrap();
            wire.send(&query("SELECT")).unwrap();
        }
        said.extend(wire.until_end().unwrap());
        assert_eq!(told(&said), expected);
        server.join().unwrap();
    }
}

#[test]
fn a_backend_that_is_terminated_says_so_in_every_state() {
    let world = Plan::new().script(TABLES).gateway().unwrap();
    let sleep = "SELECT pg_sleep(600)";
    let busy = query(sleep);
    let open = [query("BEGIN"), query(sleep)].concat();
    let pipeline = [
        extended("SELECT 1", &[], 0),
        extended(sleep, &[], 0),
        sync(),
        query("SELECT 2"),
    ]
    .concat();
    let copy = query(&format!("COPY ({sleep}) TO STDOUT"));
    for said in [Vec::new(), busy, open, pipeline, copy] {
        let end = |mut wire: Wire| {
            wire.log_in("postgres", "app").unwrap();
            let backend = wire.query("SELECT pg_backend_pid()").unwrap();
            let id = weir_tests::messages::rows(&backend)[0][0].clone();
            wire.send(&said).unwrap();
            if !said.is_empty() {
                world.until(&format!(
                    "SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = {id}"
                ));
            }
            world
                .database()
                .run("app", &format!("SELECT pg_terminate_backend({id})"))
                .unwrap();
            told(&wire.until_end().unwrap())
        };
        let direct = end(world.wire_direct().unwrap());
        assert!(direct.ends_with("E:57P01"), "{direct}");
        assert_eq!(end(world.wire("client").unwrap()), direct);
    }
}

#[test]
fn a_restart_of_the_server_in_the_middle_of_pipelines_ends_them_as_without_the_agent() {
    let mut world = Plan::new().script(TABLES).gateway().unwrap();
    let one = extended("INSERT INTO t VALUES (1)", &[], 0);
    let pipeline = [
        one.repeat(50),
        extended("SELECT pg_sleep(600)", &[], 0),
        one,
        sync(),
    ]
    .concat();
    for is_fast in [true, false] {
        let mut wires = [world.wire_direct().unwrap(), world.wire("client").unwrap()];
        for wire in &mut wires {
            wire.log_in("postgres", "app").unwrap();
            wire.send(&pipeline).unwrap();
        }
        world.until("SELECT count(*) = 2 FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
        if is_fast {
            world.database_mut().restart().unwrap();
        } else {
            world.database_mut().crash().unwrap();
        }
        let [direct, through] = wires.map(|mut wire| told(&wire.until_end().unwrap()));
        assert_eq!(through, direct);
        let mut next = world.wire("client").unwrap();
        assert!(told(&next.log_in("postgres", "app").unwrap()).ends_with("Z:I"));
        assert_eq!(
            told(&next.query("SELECT count(*) FROM t").unwrap()),
            "T D C:SELECT_1 Z:I"
        );
    }
}

#[test]
fn psql_finds_the_server_again_after_its_restart() {
    let mut world = Plan::new().gateway().unwrap();
    // Only with a terminal does psql go on after it lost its server.
    let mut psql = Command::new("timeout")
        .args(["60", "script", "--quiet", "--return", "--command"])
        .args([
            "psql --no-psqlrc --no-readline --pset=pager=off",
            "/dev/null",
        ])
        .env("PGHOST", world.address().ip().to_string())
        .env("PGPORT", world.address().port().to_string())
        .envs([
            ("PGUSER", "postgres"),
            ("PGDATABASE", "app"),
            ("LC_ALL", "C.UTF-8"),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut terminal = psql.stdin.take().unwrap();
    let mut lines = BufReader::new(psql.stdout.take().unwrap()).lines();
    let mut ask = |text: &[u8], answer: &str| {
        terminal.write_all(text).unwrap();
        let mut said = Vec::new();
        while said
            .last()
            .is_none_or(|line: &String| !line.contains(answer))
        {
            let line = lines.next().and_then(Result::ok);
            said.push(line.unwrap_or_else(|| panic!("{answer} never came: {said:?}")));
        }
    };
    ask(b"SELECT 'be' || 'fore';\n", "before");
    world.database_mut().restart().unwrap();
    ask(b"SELECT 'lo' || 'st';\n", "Attempting reset: Succeeded");
    ask(b"SELECT 'af' || 'ter';\n", "after");
    drop(terminal);
    psql.wait().unwrap();
}

fn reset(mut wire: Wire) {
    set_socket_linger(wire.stream(), Some(Duration::ZERO)).unwrap();
}

/// The server has no session of a client any more.
fn nothing_is_left(world: &World) {
    world.until("SELECT count(*) = 0 FROM pg_stat_activity
         WHERE backend_type = 'client backend' AND application_name = '' AND pid <> pg_backend_pid()",
    );
}
