//! The largest and strangest of what a server accepts: the same through the agent as past it, in bounded memory.

use std::fmt::Write as _;

use weir_tests::messages::{extended, query, rows, sync, told};
use weir_tests::{Frame, Plan, Wire, World, frame};

const MIB: usize = 1 << 20;
/// What the agent may need more for a large value that passes, in KiB.
const ROOM: u64 = 12 << 10;

/// What a client sends, reading up to the next ReadyForQuery or request for data after each.
type Talk = Vec<Vec<u8>>;

#[test]
fn what_a_server_accepts_at_most_passes_unchanged() {
    let world = Plan::new()
        .script("CREATE TABLE t (n int)")
        .gateway()
        .unwrap();
    for (name, talk) in [
        ("65,535 parameters", parameters()),
        ("1,600 columns", columns()),
        (
            "empty",
            vec![
                query(""),
                query(" ; ; "),
                [extended("", &[], 0), sync()].concat(),
            ],
        ),
        (
            "a flood of notices",
            vec![query(
                "DO $$ BEGIN FOR n IN 1..20000 LOOP RAISE NOTICE 'notice %', n; END LOOP; END $$",
            )],
        ),
        ("two-phase commit", two_phases()),
        ("errors among rows", errors()),
        ("several COPYs", copies()),
    ] {
        let [direct, through] = both(&world).map(|mut wire| converse(&mut wire, &talk));
        assert_eq!(
            through.len(),
            direct.len(),
            "{name}: {} and {}",
            told(&through),
            told(&direct)
        );
        let differs = through
            .iter()
            .zip(&direct)
            .find(|(one, other)| one != other);
        assert!(differs.is_none(), "{name}: {differs:?}");
    }
}

#[test]
fn notifications_come_at_any_moment() {
    let world = Plan::new().gateway().unwrap();
    let [_, mut wire] = both(&world);
    let notify = |word: &str| {
        world
            .database()
            .run("app", &format!("NOTIFY news, '{word}'"))
            .unwrap()
    };
    wire.query("LISTEN news").unwrap();
    notify("idle");
    assert!(wire.read().unwrap().body.ends_with(b"news\0idle\0"));
    // In a transaction they wait for its end, as the server wants it.
    wire.query("BEGIN").unwrap();
    notify("open");
    assert_eq!(told(&wire.query("SELECT 1").unwrap()), "T D C:SELECT_1 Z:T");
    assert_eq!(told(&wire.query("COMMIT").unwrap()), "C:COMMIT A Z:I");
    // In the middle of a message that the agent has only begun to read.
    let text = query("SELECT 2");
    wire.send(&text[..7]).unwrap();
    notify("half");
    assert!(wire.read().unwrap().body.ends_with(b"news\0half\0"));
    wire.send(&text[7..]).unwrap();
    assert_eq!(rows(&wire.until_ready().unwrap()), [["2"]]);
}

#[test]
fn a_value_of_256_mb_passes_in_pieces_out_and_in() {
    const LENGTH: usize = 256 * MIB;
    let tables = "CREATE TABLE t (x text); ALTER TABLE t ALTER x SET STORAGE EXTERNAL";
    let world = Plan::new().script(tables).gateway().unwrap();
    let [_, mut wire] = both(&world);
    wire.query("SELECT 1").unwrap();
    let before = world.peak();
    wire.send(&query("COPY t FROM STDIN")).unwrap();
    assert_eq!(wire.read().unwrap().tag, 'G');
    let mut value = vec![b'y'; LENGTH + 1];
    value[LENGTH] = b'\n';
    wire.send(&frame('d', &value)).unwrap();
    wire.send(&frame('c', b"")).unwrap();
    assert_eq!(told(&wire.until_ready().unwrap()), "C:COPY_1 Z:I");
    value.pop();
    for (text, begins) in [("SELECT x FROM t", 6), ("COPY t TO STDOUT", 0)] {
        let answer = wire.query(text).unwrap();
        let came = &answer
            .iter()
            .find(|frame| frame.body.len() > LENGTH / 2)
            .unwrap()
            .body;
        assert!(came[begins..begins + LENGTH] == value[..], "{text}");
    }
    world.assert_grown(before, ROOM);
}

fn parameters() -> Talk {
    let mut text = String::from("SELECT array_length(ARRAY[$1");
    for number in 2..=65_535 {
        write!(text, ",${number}").unwrap();
    }
    text.push_str("]::text[], 1)");
    let values: Vec<String> = (0..65_535).map(|number| number.to_string()).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    vec![[extended(&text, &values, 0), sync()].concat()]
}

fn columns() -> Talk {
    let columns: Vec<String> = (1..=1600).map(|number| format!("c{number} int")).collect();
    let values: Vec<String> = (1..=1600).map(|number| number.to_string()).collect();
    vec![
        query(&format!("CREATE TEMP TABLE wide ({})", columns.join(","))),
        query(&format!("INSERT INTO wide VALUES ({})", values.join(","))),
        query("SELECT * FROM wide"),
        [extended("SELECT * FROM wide", &[], 1), sync()].concat(),
    ]
}

fn two_phases() -> Talk {
    [
        "BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'one'",
        "PREPARE TRANSACTION 'none'",
        "BEGIN; SELECT 1/0",
        "PREPARE TRANSACTION 'failed'",
        "SELECT gid FROM pg_prepared_xacts",
        "COMMIT PREPARED 'one'",
        "ROLLBACK PREPARED 'one'",
        "DELETE FROM t",
    ]
    .map(query)
    .to_vec()
}

fn errors() -> Talk {
    let text = "SELECT 100 / (500 - n), repeat('x', 1000) FROM generate_series(1, 1000) n";
    vec![
        query(text),
        [extended(text, &[], 0), extended("SELECT 1", &[], 0), sync()].concat(),
        query(&format!("SELECT 1; {text}; SELECT 2")),
        query(&format!("COPY ({text}) TO STDOUT")),
    ]
}

fn copies() -> Talk {
    let data = [frame('d', b"1\n2\n"), frame('c', b"")].concat();
    let failed = frame('f', b"no more\0");
    vec![
        query("COPY t FROM STDIN; COPY t TO STDOUT; COPY t FROM STDIN; SELECT count(*) FROM t"),
        data.clone(),
        data.clone(),
        query("COPY t FROM STDIN; COPY t FROM STDIN; COPY t TO STDOUT"),
        data,
        failed,
        query("DELETE FROM t"),
    ]
}

/// A session past the agent and one through it.
fn both(world: &World) -> [Wire; 2] {
    let mut wires = [world.wire_direct().unwrap(), world.wire("client").unwrap()];
    for wire in &mut wires {
        let welcome = wire.log_in("postgres", "app").unwrap();
        assert!(told(&welcome).ends_with("Z:I"), "{}", told(&welcome));
    }
    wires
}

fn converse(wire: &mut Wire, talk: &Talk) -> Vec<Frame> {
    let mut came: Vec<Frame> = Vec::new();
    for said in talk {
        wire.send(said).unwrap();
        loop {
            came.push(wire.read().unwrap());
            if came
                .last()
                .is_some_and(|frame| ['Z', 'G'].contains(&frame.tag))
            {
                break;
            }
        }
    }
    // The ids of tables that both make for themselves.
    came.retain(|frame| frame.tag != 'T');
    came
}
