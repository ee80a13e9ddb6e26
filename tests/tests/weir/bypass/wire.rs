//! What hides below SQL: size, bind values, messages that are cut another way, and the login.

use weir_tests::messages::{bind, error, execute, extended, parse, rows, sync, told};
use weir_tests::shop::{ANALYST, CLERK, shop};
use weir_tests::{Wire, World, frame, startup};

use super::{REFUSED, past, query, session, state};

const MIB: usize = 1 << 20;

#[test]
fn padding_hides_nothing() {
    let world = shop(CLERK).gateway().unwrap();
    let mut wire = session(&world);
    let before = state(&world);
    let padding = |size: usize| format!("/*{}*/", "-".repeat(size));
    // Judged whole up to the limit of 16 MiB; what is larger is judged by nobody, and so refused.
    for (sql, answer) in [
        (format!("{}DELETE FROM orders", padding(9 * MIB)), REFUSED),
        (
            format!("SELECT 1;{}DELETE FROM orders", padding(17 * MIB)),
            "E:54000 Z:I",
        ),
    ] {
        assert_eq!(query(&mut wire, &sql), answer);
        wire.send(&[extended(&sql, &[], 0), sync()].concat())
            .unwrap();
        assert_eq!(told(&wire.until_ready().unwrap()), answer);
    }
    assert!(state(&world) == before);
    let works = query(&mut wire, "SELECT status FROM orders WHERE id = 1");
    assert_eq!(works, "T D C:SELECT_1 Z:I");
    let padded = format!("{}DELETE FROM orders", padding(17 * MIB));
    assert_eq!(query(&mut past(&world), &padded), "C:DELETE_3 Z:I");
}

#[test]
fn bind_values_too_large_to_be_kept_are_not_run() {
    let world = shop(CLERK)
        .config("[sessions]\nmessage_limit = 1048576")
        .gateway()
        .unwrap();
    let mut wire = session(&world);
    let before = state(&world);
    let value = "x".repeat(2 * MIB);
    let insert = "INSERT INTO claims VALUES (NULL, $1)";
    wire.send(&[extended(insert, &[&value], 0), sync()].concat())
        .unwrap();
    let answer = told(&wire.until_ready().unwrap());
    assert!(answer.ends_with("E:54000 Z:I"), "{answer}");
    assert!(state(&world) == before);
    wire.send(&[extended(insert, &["small"], 0), sync()].concat())
        .unwrap();
    assert_eq!(told(&wire.until_ready().unwrap()), "1 2 n C:INSERT_0_1 Z:I");
}

#[test]
fn each_run_of_a_prepared_statement_is_in_the_trail_with_its_values() {
    let world = shop(CLERK).gateway().unwrap();
    let mut wire = session(&world);
    let sql = "UPDATE orders SET status = $1 WHERE id = $2";
    wire.send(&[parse("mark", sql), sync()].concat()).unwrap();
    wire.until_ready().unwrap();
    for values in [["canary-first", "1"], ["canary-second", "2"]] {
        let run = [bind("", "mark", &values, 0), execute(""), sync()].concat();
        wire.send(&run).unwrap();
        assert_eq!(told(&wire.until_ready().unwrap()), "2 C:UPDATE_1 Z:I");
    }
    let (trail, _) = world.weir(&["audit", "show", "--json"]);
    for value in ["canary-first", "canary-second"] {
        let of_value: Vec<_> = trail.lines().filter(|line| line.contains(value)).collect();
        assert_eq!(of_value.len(), 1, "{trail}");
        assert!(of_value[0].contains(sql), "{trail}");
    }
}

/// Sends this in place of an ordinary Query, and expects an end in the protocol's own words.
fn assert_ended(world: &World, bytes: &[u8]) {
    let mut wire = session(world);
    wire.send(bytes).unwrap();
    wire.finish().unwrap();
    let answer = wire.until_end().unwrap();
    assert_eq!(told(&answer), "E:08P01", "{bytes:?}");
    assert_eq!(error(&answer).field('S'), "FATAL");
}

#[test]
fn a_message_in_a_message_is_nobodys_message() {
    let world = shop(CLERK).gateway().unwrap();
    let before = state(&world);
    let hidden = frame('Q', b"DELETE FROM orders\0");
    assert_ended(&world, &frame('Q', b"SELECT 1\0DELETE FROM orders\0"));
    assert_ended(
        &world,
        &frame('Q', &[b"SELECT 1".as_slice(), &hidden].concat()),
    );
    assert_ended(
        &world,
        &frame('Q', &[b"SELECT 1\0".as_slice(), &hidden].concat()),
    );
    assert_ended(&world, &[frame('Q', b"SELECT 1"), hidden.clone()].concat());
    assert_ended(&world, &frame('P', b"\0SELECT 1\0\0\0DELETE FROM orders\0"));
    assert_ended(&world, &frame('S', &hidden));
    assert_ended(&world, &[frame('y', b""), hidden].concat());
    assert!(state(&world) == before);
    session(&world);
}

#[test]
fn what_comes_with_the_request_for_encryption_is_judged_like_all_else() {
    let world = shop(ANALYST).gateway().unwrap();
    let before = state(&world);
    for code in [80_877_103_u32, 80_877_104] {
        let mut wire = world.wire("analyst").unwrap();
        let encryption = [8_u32.to_be_bytes(), code.to_be_bytes()].concat();
        let login = startup(&[("user", "postgres"), ("database", "app")]);
        let delete = frame('Q', b"DELETE FROM orders\0");
        wire.send(&[encryption, login, delete].concat()).unwrap();
        let mut declined = [0];
        std::io::Read::read_exact(wire.stream(), &mut declined).unwrap();
        assert_eq!(&declined, b"N");
        wire.until_ready().unwrap();
        assert_eq!(told(&wire.until_ready().unwrap()), REFUSED);
    }
    assert!(state(&world) == before);
}

fn log_in_with(mut wire: Wire, settings: &[(&str, &str)]) -> String {
    let named = [("user", "postgres"), ("database", "app")];
    wire.send(&startup(&[named.as_slice(), settings].concat()))
        .unwrap();
    told(&wire.until_ready().unwrap())
}

#[test]
fn a_login_opens_no_other_door() {
    let world = shop(ANALYST).gateway().unwrap();
    for (settings, code) in [
        ([("replication", "true")].as_slice(), "E:42501"),
        (&[("replication", "database")], "E:42501"),
        (
            &[("replication", "false"), ("replication", "on")],
            "E:08P01",
        ),
        (&[("session_replication_role", "replica")], "E:42501"),
        (&[("Session_Replication_Role", "replica")], "E:42501"),
        (&[("role", "pg_monitor")], "E:42501"),
        (
            &[("options", "-c session_replication_role=replica")],
            "E:42501",
        ),
        (
            &[("options", "-csession_replication_role=replica")],
            "E:42501",
        ),
        (
            &[("options", "--session-replication-role=replica")],
            "E:42501",
        ),
        (
            &[("options", "-c search_path=x -c\trole=pg_monitor")],
            "E:42501",
        ),
        (
            &[
                ("options", "-c search_path=x"),
                ("options", "-c role=pg_monitor"),
            ],
            "E:42501",
        ),
        (&[("options", "-O")], "E:42501"),
    ] {
        let answer = log_in_with(world.wire("analyst").unwrap(), settings);
        assert_eq!(answer, code, "{settings:?}");
        let past = log_in_with(world.wire_direct().unwrap(), settings);
        assert!(past.ends_with("Z:I"), "{settings:?}: {past}");
    }
    let mut wire = session(&world);
    let role = wire.query("SELECT count(*) FROM orders").unwrap();
    assert_eq!(rows(&role), [["3"]]);
}
