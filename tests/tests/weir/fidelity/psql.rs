//! psql: a long script, and its other ways in.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use weir_tests::{Plan, World};

use super::{Pair, assert_same, judged};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/fidelity/psql.sql");

/// What psql said and wrote.
#[derive(Debug)]
struct Said {
    output: String,
    errors: String,
    status: Option<i32>,
    files: BTreeMap<String, Vec<u8>>,
}

#[test]
fn a_script_of_four_hundred_statements_gives_the_same() {
    plays_the_same(&Pair::of(&Plan::new()));
}

fn plays_the_same(pair: &Pair) {
    let direct = play(&pair.direct, pair.direct.psql_direct());
    let through = play(&pair.through, pair.through.psql("client"));
    assert_same(&direct.output, &through.output, "standard output");
    assert_same(&direct.errors, &through.errors, "standard error");
    assert_eq!(direct.status, through.status);
    assert_eq!(direct.files, through.files);
    assert!(
        direct.output.contains("(5 rows)") && direct.output.contains("SELECT 'a new session'"),
        "the script did not get to its end:\n{}\n{}",
        direct.output,
        direct.errors
    );
    assert!(direct.files.len() >= 6, "{:?}", direct.files.keys());
    let judged = judged(&pair.through);
    assert!(judged > 300, "only {judged} statements passed the agent");
}

fn play(world: &World, mut psql: Command) -> Said {
    let directory = directory(world);
    let output = psql
        .args(["--echo-all", "--file", SCRIPT])
        .arg(format!("--set=directory={}", directory.display()))
        .output()
        .unwrap();
    said(output, &directory)
}

/// A directory that psql can write to, whoever it is, with what it reads.
fn directory(world: &World) -> PathBuf {
    let directory = world.folder().join("psql");
    fs::create_dir(&directory).unwrap();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).unwrap();
    directory
}

fn said(output: Output, directory: &Path) -> Said {
    let files = fs::read_dir(directory).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, fs::read(path).unwrap())
    });
    Said {
        output: without_processes(&output.stdout),
        errors: without_processes(&output.stderr),
        status: output.status.code(),
        files: files.collect(),
    }
}

/// Notifications name the server's process, which is another one each time.
fn without_processes(said: &[u8]) -> String {
    const BEFORE: &str = "received from server process with PID ";
    let text = String::from_utf8_lossy(said);
    let mut parts = text.split(BEFORE);
    let mut rest = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        rest.push_str(BEFORE);
        rest.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    rest
}
