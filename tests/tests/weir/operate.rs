//! Running the agent: checks, reloads, stops and its own commands.

use std::fs;
use std::process::Output;

use serde_json::Value;
use weir_tests::messages::told;
use weir_tests::{Wire, World};

mod answers;
mod checks;
mod classes;
mod mask;
mod proofs;
mod reloads;
mod stops;
mod story;

/// Reads the shop, and nothing more.
const READER: &str = r#"
@id("reader")
permit (principal, action == Action::"select", resource in Schema::"shop/app.public");
"#;

fn session(world: &World, role: &str) -> Wire {
    let mut wire = world.wire(role).unwrap();
    let greeting = wire.log_in("postgres", "app").unwrap();
    assert!(told(&greeting).ends_with("Z:I"), "{}", told(&greeting));
    wire
}

fn query(wire: &mut Wire, sql: &str) -> String {
    told(&wire.query(sql).unwrap())
}

/// Replaces the policies beside those of the door. Nothing of it counts before the next reload.
fn write_rules(world: &World, text: &str) {
    fs::write(world.folder().join("policies/rules.cedar"), text).unwrap();
}

/// The records of the trail, oldest first, each with every column that has a value.
fn trail(world: &World) -> Vec<Value> {
    let output = world
        .agent()
        .ask(&["audit", "show", "--json", "-n", "1000000"])
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let lines = String::from_utf8(output.stdout).unwrap();
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The records of one kind.
fn events(world: &World, kind: &str) -> Vec<Value> {
    let mut records = trail(world);
    records.retain(|record| record["weir_event"] == kind);
    records
}

/// A column that holds JSON.
fn parsed(record: &Value, column: &str) -> Value {
    serde_json::from_str(record[column].as_str().unwrap()).unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}
