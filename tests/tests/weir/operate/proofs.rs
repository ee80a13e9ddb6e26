//! What convinces somebody who does not trust the host: signed heads, proofs, and what was kept elsewhere.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use weir_tests::shop::{said, shop};
use weir_tests::{World, driver};

use super::{READER, events, query, session};

/// Long for what is promised within seconds, on a host that has other work.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a command says, and its exit code.
fn ask(world: &World, words: &[&str]) -> (String, Option<i32>) {
    let output = world.agent().ask(words).unwrap();
    (said(&output), output.status.code())
}

fn key(world: &World) -> String {
    let output = world.agent().ask(&["audit", "key"]).unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn archive(world: &World) -> PathBuf {
    world.folder().join("state/archive")
}

/// Keeps the newest signed head elsewhere.
fn keep(world: &World) -> String {
    let logs = fs::read_dir(archive(world).join("log")).unwrap();
    let host = logs.last().unwrap().unwrap().path();
    let kept = world.folder().join("kept");
    fs::copy(host.join("checkpoint"), &kept).unwrap();
    kept.to_str().unwrap().to_owned()
}

fn ask_a_question(world: &World) {
    let mut wire = session(world, "a");
    let told = query(&mut wire, "SELECT 1 FROM orders WHERE id = 1");
    assert_eq!(told, "T D C:SELECT_1 Z:I");
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp")
        .arg("--archive")
        .args([from, to])
        .status();
    assert!(copied.unwrap().success());
}

/// Waits until every record that is there is signed, and says how many.
fn signed(world: &World) -> u64 {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (report, code) = ask(world, &["audit", "verify"]);
        assert_eq!(code, Some(0), "{report}");
        let number = report
            .split_once("signed up to record ")
            .and_then(|(_, rest)| {
                let (number, _) = rest.split_once(' ')?;
                number.parse().ok()
            });
        match number {
            Some(number) if !report.contains("not signed yet") => return number,
            _ => assert!(Instant::now() < deadline, "{report}"),
        }
    }
}

#[test]
fn a_record_is_proven_to_somebody_who_has_nothing_of_weir() {
    let mut world = shop(READER).gateway().unwrap();
    ask_a_question(&world);
    world.agent_mut().stop().unwrap();
    let proof = world.folder().join("proof");
    let words = ["audit", "prove", "4", "--output", proof.to_str().unwrap()];
    let (report, code) = ask(&world, &words);
    assert_eq!(code, Some(0), "{report}");
    let file = report.trim().strip_prefix("the record is in ").unwrap();
    let key = key(&world);
    let verify = |key: &str| {
        let mut verifier = driver("verify_proof.py");
        let output = verifier.arg(file).arg(&proof).arg(key).output().unwrap();
        (said(&output), output.status.success())
    };
    let (report, holds) = verify(&key);
    assert!(
        holds && report.contains("record 4 is in the log of weir/"),
        "{report}"
    );
    // Not for another record, and not by another key.
    let text = fs::read_to_string(&proof).unwrap();
    fs::write(&proof, text.replace("index 3", "index 4")).unwrap();
    let (report, holds) = verify(&key);
    assert!(
        !holds && report.contains("not the one that was signed"),
        "{report}"
    );
    fs::write(&proof, &text).unwrap();
    let stranger = "weir/other+6bdb7d6d+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    assert!(!verify(stranger).1);
    let (report, code) = ask(&world, &["audit", "prove", "4711"]);
    assert!(
        code == Some(1) && report.contains("has no record 4711"),
        "{report}"
    );
}

#[test]
fn what_the_journal_has_is_signed_soon_and_no_kill_takes_it_back() {
    let mut world = shop(READER).gateway().unwrap();
    ask_a_question(&world);
    let before = signed(&world);
    assert!(before > 4, "{before} records");
    let (report, _) = ask(&world, &["audit", "verify"]);
    assert!(
        report.contains("0 files"),
        "only the journal has them: {report}"
    );
    let kept = keep(&world);
    world.agent_mut().kill().unwrap();
    world.restart().unwrap();
    ask_a_question(&world);
    world.agent_mut().stop().unwrap();
    let key = key(&world);
    let (report, code) = ask(
        &world,
        &["audit", "verify", "--key", &key, "--since", &kept],
    );
    assert_eq!(code, Some(0), "{report}");
    let sentence = format!("records up to {before} are those of the checkpoint that was kept");
    assert!(report.contains(&sentence), "{report}");
    assert!(!report.contains("own word"), "{report}");
    let archive = archive(&world);
    let (report, code) = ask(
        &world,
        &["audit", "verify", archive.to_str().unwrap(), "--key", &key],
    );
    assert_eq!(code, Some(0), "a copy: {report}");
}

#[test]
fn a_host_that_was_taken_back_is_found_by_who_kept_a_head() {
    let mut world = shop(READER).gateway().unwrap();
    world.agent_mut().stop().unwrap();
    let (state, snapshot) = (
        world.folder().join("state"),
        world.folder().join("snapshot"),
    );
    copy(&state, &snapshot);
    world.restart().unwrap();
    ask_a_question(&world);
    world.agent_mut().stop().unwrap();
    let kept = keep(&world);
    fs::remove_dir_all(&state).unwrap();
    copy(&snapshot, &state);
    let (report, code) = ask(&world, &["audit", "verify"]);
    assert_eq!(code, Some(0), "it is whole in itself: {report}");
    let (report, code) = ask(&world, &["audit", "verify", "--since", &kept]);
    assert!(
        code == Some(1) && report.contains("were removed, or all was rolled back"),
        "{report}"
    );
    let (report, code) = ask(&world, &["audit", "verify", "/nowhere"]);
    assert_eq!(code, Some(2), "{report}");
}

#[test]
fn heads_are_given_away_and_found_missing_where_nobody_takes_them() {
    let anchor = "[audit.anchor]\ndirectory = \"elsewhere\"\nsyslog = \"nobody\"\nseconds = 1\n";
    let mut world = shop(READER).config(anchor).gateway().unwrap();
    let missing = world
        .agent()
        .wait_for("a head of the log was not anchored")
        .unwrap();
    assert!(missing.contains("unanchored_seconds"), "{missing}");
    fs::create_dir(world.folder().join("elsewhere")).unwrap();
    ask_a_question(&world);
    world.agent_mut().stop().unwrap();
    let elsewhere = fs::read_dir(world.folder().join("elsewhere")).unwrap();
    let mut heads: Vec<PathBuf> = elsewhere.map(|head| head.unwrap().path()).collect();
    heads.sort();
    let newest = heads.pop().unwrap();
    let since = newest.to_str().unwrap();
    let (report, code) = ask(&world, &["audit", "verify", "--since", since]);
    assert_eq!(code, Some(0), "{report}");
    let (report, _) = ask(&world, &["doctor"]);
    assert!(report.contains("elsewhere has seen "), "{report}");
    assert!(report.contains("nobody has seen 0 records"), "{report}");
}

#[test]
fn a_key_is_followed_by_one_that_it_endorses_and_by_no_other() {
    let mut world = shop(READER).gateway().unwrap();
    world.agent_mut().stop().unwrap();
    let first = key(&world);
    let (report, code) = ask(&world, &["audit", "rotate-key"]);
    assert_eq!(code, Some(0), "{report}");
    let second = key(&world);
    assert_ne!(first, second);
    world.restart().unwrap();
    ask_a_question(&world);
    world.agent_mut().stop().unwrap();
    let (report, code) = ask(&world, &["audit", "verify", "--key", &first]);
    assert_eq!(code, Some(0), "{report}");
    assert!(report.contains(&format!("by {second}\n")), "{report}");
    let records = events(&world, "signing_key");
    assert_eq!(records.len(), 2);
    assert!(
        records[1]["weir_record"]
            .as_str()
            .unwrap()
            .contains("next key ")
    );
    // Somebody who takes the place of the key is not believed, and an agent with a stranger's key does not start.
    fs::remove_file(world.folder().join("state/audit.key")).unwrap();
    assert!(world.restart().is_err());
    assert!(
        world.agent_log().contains("has not endorsed the new key"),
        "{}",
        world.agent_log()
    );
}
