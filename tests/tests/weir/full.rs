//! A disk that is full: nothing passes without a record, what was under way is recorded to its end, and then it goes on.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use stage::is_root;
use weir_tests::messages::told;
use weir_tests::{Plan, Wire, World};

/// A file system of its own, unmounted at the end.
struct Mounted(PathBuf);

impl Mounted {
    fn at(path: &Path, bytes: u64) -> Self {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "weir-test"])
            .arg(path)
            .status();
        assert!(mounted.unwrap().success());
        Self(path.to_owned())
    }

    /// Takes all the room that there is. Gives the file that has it.
    fn fill(&self) -> PathBuf {
        let path = self.0.join("taken");
        let mut file = File::create(&path).unwrap();
        while file.write_all(&[1; 4096]).is_ok() {}
        path
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Small segments, so that one is soon full.
const CONFIG: &str = "[audit]\nsegment_bytes = 262144\n";

fn session(world: &World) -> Wire {
    let mut wire = world.wire("full").unwrap();
    wire.log_in("postgres", "app").unwrap();
    wire
}

#[test]
fn on_a_full_disk_nothing_passes_until_there_is_room_again() {
    if !is_root() {
        assert!(std::env::var_os("CI").is_none(), "mounting needs root");
        eprintln!("mounting needs root; this test steps aside");
        return;
    }
    let mut world = Plan::new()
        .config(CONFIG)
        .script("CREATE TABLE t (n int)")
        .gateway()
        .unwrap();
    world.agent_mut().stop().unwrap();
    let disk = Mounted::at(&world.folder().join("state"), 8 << 20);
    world.restart().unwrap();
    let (mut asking, mut waiting) = (session(&world), session(&world));
    let taken = disk.fill();
    let mut inserted = 0;
    loop {
        let text = format!(
            "INSERT INTO t VALUES ({inserted}) /* {} */",
            "x".repeat(2000)
        );
        let answer = told(&asking.query(&text).unwrap());
        if answer.contains("57P03") {
            break;
        }
        inserted += 1;
    }
    let count = || world.database().run("app", "SELECT count(*) FROM t");
    assert_eq!(count().unwrap().trim(), inserted.to_string());
    // Both end, and that is recorded.
    drop(asking);
    let answer = told(&waiting.query("SELECT 1").unwrap());
    assert!(answer.contains("57P03"), "{answer}");

    fs::remove_file(taken).unwrap();
    while told(&waiting.query("SELECT 1").unwrap()).contains("57P03") {}
    let log = world.agent_log();
    assert!(log.contains("the journal's disk is full"), "{log}");
    assert!(log.contains("has room again"), "{log}");
    drop(waiting);
    world.agent_mut().stop().unwrap();
    let shown = world
        .agent()
        .ask(&["audit", "show", "-n", "100000"])
        .unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    let closed = shown
        .lines()
        .filter(|line| line.contains("  closed "))
        .count();
    assert_eq!(closed, 2, "{shown}");
    let verified = world.agent().ask(&["audit", "verify"]).unwrap();
    assert!(verified.status.success(), "{verified:?}");
}
