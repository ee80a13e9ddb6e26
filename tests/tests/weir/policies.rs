//! Tools for people who write policies, with real databases and trails.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use weir_tests::shop::said;
use weir_tests::{Plan, World};

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies")
}

/// What `weir policy test` says to the shipped policies.
fn test(world: &World, more: &[&str]) {
    let policies = shipped().display().to_string();
    let words = [&["policy", "test", "--dir", &policies], more].concat();
    let (said, is_well) = world.weir(&words);
    assert!(is_well && said.ends_with(": 0 failed\n"), "{said}");
}

#[test]
fn tests_of_policies_come_out_alike_by_a_schema_a_dump_of_it_and_the_live_catalog() {
    let schema = fs::read_to_string(shipped().join("tests/shop.sql")).unwrap();
    let world = Plan::new().script(&schema).gateway().unwrap();
    test(&world, &[]);
    test(&world, &["--live"]);
    let dump = Command::new(world.database().program("pg_dump"))
        .arg("--host")
        .arg(world.database().data())
        .args(["--port", &world.database().port().to_string()])
        .args(["--username", "postgres", "--schema-only", "app"])
        .output()
        .unwrap();
    assert!(dump.status.success(), "{}", said(&dump));
    fs::write(world.folder().join("shop.sql"), dump.stdout).unwrap();
    for file in ["agent", "analyst", "application", "base", "oncall"] {
        let name = format!("{file}.toml");
        let copy = world.folder().join(&name);
        fs::copy(shipped().join("tests").join(&name), &copy).unwrap();
        test(&world, &[&copy.display().to_string()]);
    }
}
