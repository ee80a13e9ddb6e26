//! Back-pressure, byte for byte: who does not read stops who writes, and when it reads again everything is there.

use std::io::{self, Write as _};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use weir_tests::messages::{query, rows, told};
use weir_tests::{Plan, Wire, World, frame};

/// What the agent may need more for any of these, in KiB.
const ROOM: u64 = 12 << 10;

#[test]
fn a_result_of_500_mb_that_is_not_read_waits_at_the_server() {
    const ROWS: usize = 50_000;
    let world = Plan::new().gateway().unwrap();
    let mut wire = session(&world);
    let before = world.peak();
    let text = format!("SELECT rpad(n::text, 10000, n::text) FROM generate_series(1, {ROWS}) n");
    wire.send(&query(&text)).unwrap();
    world.until("SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'ClientWrite'");
    assert_eq!(wire.read().unwrap().tag, 'T');
    for row in 1..=ROWS {
        let row = row.to_string();
        let value = row.repeat(10_000 / row.len() + 1);
        let body = [&[0, 1, 0, 0, 0x27, 0x10], &value.as_bytes()[..10_000]].concat();
        let came = wire.read().unwrap();
        assert!(came.tag == 'D' && came.body == body, "row {row}");
    }
    assert_eq!(told(&wire.until_ready().unwrap()), "C:SELECT_50000 Z:I");
    world.assert_grown(before, ROOM);
}

#[test]
fn a_backend_that_stands_still_stops_the_clients_copy() {
    const ROWS: usize = 40_000;
    let tables = "CREATE TABLE t (n int, x text); CREATE TABLE d (n int, x text)";
    let world = Plan::new().script(tables).gateway().unwrap();
    let data: Vec<u8> = (0..ROWS)
        .flat_map(|n| {
            frame(
                'd',
                format!("{n}\t{}\n", n.to_string().repeat(300)).as_bytes(),
            )
        })
        .collect();
    let mut direct = world.wire_direct().unwrap();
    direct.log_in("postgres", "app").unwrap();
    copy(&mut direct, "d", &data);
    let mut wire = session(&world);
    let backend = rows(&wire.query("SELECT pg_backend_pid()").unwrap());
    let backend = Pid::from_raw(backend[0][0].parse().unwrap()).unwrap();
    let before = world.peak();
    wire.send(&query("COPY t FROM STDIN")).unwrap();
    assert_eq!(wire.read().unwrap().tag, 'G');
    kill_process(backend, Signal::STOP).unwrap();
    let stream = wire.stream();
    stream
        .set_write_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    let mut sent = 0;
    // Ends when nothing was taken for a while, or when everything was.
    let stalled = loop {
        match stream.write(&data[sent..]) {
            Ok(0) => break None,
            Ok(taken) => sent += taken,
            Err(error) => break Some(error.kind()),
        }
    };
    kill_process(backend, Signal::CONT).unwrap();
    assert_eq!(
        stalled,
        Some(io::ErrorKind::WouldBlock),
        "{sent} bytes were taken"
    );
    assert!(sent < data.len() / 2, "{sent} bytes were taken");
    stream.set_write_timeout(None).unwrap();
    wire.send(&data[sent..]).unwrap();
    wire.send(&frame('c', b"")).unwrap();
    assert_eq!(
        told(&wire.until_ready().unwrap()),
        format!("C:COPY_{ROWS} Z:I")
    );
    world.assert_grown(before, ROOM);
    let differing = "SELECT count(*) FROM t FULL JOIN d USING (n, x) WHERE t IS NULL OR d IS NULL";
    assert_eq!(world.database().run("app", differing).unwrap().trim(), "0");
}

fn copy(wire: &mut Wire, table: &str, data: &[u8]) {
    wire.send(&query(&format!("COPY {table} FROM STDIN")))
        .unwrap();
    assert_eq!(wire.read().unwrap().tag, 'G');
    wire.send(data).unwrap();
    wire.send(&frame('c', b"")).unwrap();
    wire.until_ready().unwrap();
}

fn session(world: &World) -> Wire {
    let mut wire = world.wire("client").unwrap();
    let welcome = wire.log_in("postgres", "app").unwrap();
    assert!(told(&welcome).ends_with("Z:I"), "{}", told(&welcome));
    // What a first statement needs is not what is measured.
    wire.query("SELECT 1").unwrap();
    wire
}
