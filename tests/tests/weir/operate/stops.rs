//! Stopping in order, and what is left: a trail that can be verified.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use weir_tests::World;
use weir_tests::messages::{error, told};
use weir_tests::shop::{said, shop};

use super::{READER, query, session, trail};

/// Stops the agent while `meanwhile` runs, which must see it through.
fn stop(world: &mut World, meanwhile: impl FnOnce() + Send + 'static) {
    let meanwhile = thread::spawn(meanwhile);
    let status = world.agent_mut().stop().unwrap();
    assert!(status.success(), "{status}");
    meanwhile.join().unwrap();
}

/// `weir audit verify`: what it says, and its exit code.
fn verify(world: &World) -> (String, Option<i32>) {
    let output = world.agent().ask(&["audit", "verify"]).unwrap();
    (said(&output), output.status.code())
}

/// All files below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}

fn parquet(world: &World) -> Vec<PathBuf> {
    let mut found = files(&world.folder().join("state/archive"));
    found.retain(|file| file.extension().is_some_and(|name| name == "parquet"));
    found
}

#[test]
fn an_idle_session_is_told_that_the_agent_stops() {
    let mut world = shop(READER).gateway().unwrap();
    let mut wires = [session(&world, "a"), session(&world, "b")];
    assert_eq!(
        query(&mut wires[1], "SELECT 1 FROM orders WHERE id = 1"),
        "T D C:SELECT_1 Z:I"
    );
    stop(&mut world, move || {
        for mut wire in wires {
            let goodbye = wire.until_end().unwrap();
            assert_eq!(told(&goodbye), "E:57P01");
            assert_eq!(error(&goodbye).field('S'), "FATAL");
        }
    });
}

#[test]
fn a_transaction_comes_to_its_end_before_the_agent_stops() {
    let mut world = shop(READER).gateway().unwrap();
    let mut idle = session(&world, "a");
    let mut busy = session(&world, "b");
    assert_eq!(query(&mut busy, "BEGIN"), "C:BEGIN Z:T");
    stop(&mut world, move || {
        // The idle session's end shows that the stop has begun.
        assert_eq!(told(&idle.until_end().unwrap()), "E:57P01");
        assert_eq!(
            query(&mut busy, "SELECT 1 FROM orders WHERE id = 1"),
            "T D C:SELECT_1 Z:T"
        );
        assert_eq!(query(&mut busy, "COMMIT"), "C:COMMIT Z:I");
        assert_eq!(told(&busy.until_end().unwrap()), "E:57P01");
    });
}

#[test]
fn after_a_stop_everything_is_archived_and_verifies() {
    let mut world = shop(READER).gateway().unwrap();
    let mut wire = session(&world, "a");
    let sql = "SELECT 1 FROM orders WHERE id = 1";
    assert_eq!(query(&mut wire, sql), "T D C:SELECT_1 Z:I");
    assert_eq!(query(&mut wire, "DROP TABLE orders"), "E:42501 Z:I");
    world.agent_mut().stop().unwrap();

    let records = trail(&world);
    assert_eq!(records.first().unwrap()["weir_event"], "started");
    assert_eq!(records.last().unwrap()["weir_event"], "stopped");
    for (number, record) in (1_u64..).zip(&records) {
        assert_eq!(record["weir_sequence"], number);
    }
    let (report, code) = verify(&world);
    assert_eq!(code, Some(0), "{report}");
    let count = records.len();
    let sentence = format!(
        "{count} records in {} files up to number {count}, 0 more in the journal\n",
        parquet(&world).len()
    );
    assert!(report.starts_with(&sentence), "{report}");
    assert!(
        report.ends_with("nothing was edited, added, moved or removed\n"),
        "{report}"
    );
    // The archive alone has everything; and that the journal is another one does not stay hidden.
    let journal = world.folder().join("state/journal");
    fs::remove_dir_all(&journal).unwrap();
    fs::create_dir(&journal).unwrap();
    assert_eq!(trail(&world), records);
    let (report, code) = verify(&world);
    assert_eq!(code, Some(1), "{report}");
    assert!(report.contains("rolled back or replaced"), "{report}");
}

#[test]
fn tampering_with_an_archived_file_is_found_and_the_file_named() {
    let mut world = shop(READER).gateway().unwrap();
    for _ in 0..2 {
        let mut wire = session(&world, "a");
        assert_eq!(query(&mut wire, "DROP TABLE orders"), "E:42501 Z:I");
        world.agent_mut().stop().unwrap();
        world.restart().unwrap();
    }
    world.agent_mut().stop().unwrap();
    assert_eq!(verify(&world).1, Some(0));
    let archived = parquet(&world);
    assert!(archived.len() >= 3, "{archived:?}");
    let victim = &archived[1];
    let name = victim.file_name().unwrap().to_str().unwrap();
    let content = fs::read(victim).unwrap();
    let middle = content.len() / 2;

    let mut flipped = content.clone();
    flipped[middle] ^= 1;
    let cut = content[..middle].to_vec();
    let other = fs::read(&archived[0]).unwrap();
    for (what, bytes) in [
        ("a bit", flipped),
        ("the end", cut),
        ("another file", other),
    ] {
        fs::write(victim, bytes).unwrap();
        let (report, code) = verify(&world);
        assert_eq!(code, Some(1), "{what}: {report}");
        assert!(report.contains(name), "{what}: {report}");
        assert!(!report.contains("nothing was edited"), "{what}: {report}");
    }
    fs::remove_file(victim).unwrap();
    let (report, code) = verify(&world);
    assert_eq!(code, Some(1), "{report}");
    assert!(report.contains(&format!("{name}: missing")), "{report}");
    fs::write(victim, content).unwrap();
    assert_eq!(verify(&world).1, Some(0), "as it was written, it verifies");
}
