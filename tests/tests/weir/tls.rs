//! TLS on both sides of the agent, with clients and servers that nobody here wrote.

mod clients;
mod logins;
mod servers;
mod streams;

use std::process::Output;

use serde_json::Value;
use weir_tests::World;

/// What a program said, and then what it complained about.
fn said(output: &Output) -> String {
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    format!("{out}{err}")
}

/// The records of one kind in the trail, oldest first.
fn events(world: &World, kind: &str) -> Vec<Value> {
    let (lines, is_well) = world.weir(&["audit", "show", "--json", "-n", "1000000"]);
    assert!(is_well, "{lines}");
    let records = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    records
        .filter(|record: &Value| record["weir_event"] == kind)
        .collect()
}
