//! Evidence off the host, in an S3 server that is not always there.

use std::fs;
use std::path::{Path, PathBuf};

use weir_tests::{Bucket, Plan, World};

fn world(bucket: &Bucket) -> World {
    let config = format!(
        "[audit]\nsegment_seconds = 1\n[audit.ship]\nto = \"s3://audit/weir\"\nevery_seconds = 1\n\
         options = {{ {} }}",
        options(bucket).join(", ")
    );
    Plan::new().config(&config).gateway().unwrap()
}

/// What the store has to be told, as TOML.
fn options(bucket: &Bucket) -> [String; 5] {
    [
        format!("aws_endpoint = \"{}\"", bucket.endpoint()),
        "aws_allow_http = \"true\"".into(),
        "aws_region = \"eu-central-1\"".into(),
        "aws_access_key_id = \"weir\"".into(),
        "aws_secret_access_key = \"secret\"".into(),
    ]
}

fn query(world: &World, statement: &str) {
    let mut wire = world.wire("ship").unwrap();
    wire.log_in("postgres", "app").unwrap();
    wire.query(statement).unwrap();
}

/// Copies everything back, into a directory of that name beside the world's.
fn fetch(world: &World, bucket: &Bucket, name: &str) -> PathBuf {
    let directory = world.folder().join(name);
    let mut words = vec!["audit".to_owned(), "fetch".into(), "s3://audit/weir".into()];
    words.push(directory.display().to_string());
    for option in options(bucket) {
        words.extend([
            "--option".into(),
            option.replace(" = ", "=").replace('"', ""),
        ]);
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let output = world.agent().ask(&words).unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    directory
}

/// Parquet files and manifests below a directory, with what they hold.
fn trail(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut left = vec![directory.to_owned()];
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let is_of_trail = |name| matches!(name, "parquet" | "jsonl");
            let name = path.extension().and_then(|name| name.to_str());
            if path.is_dir() && !path.ends_with("state") {
                left.push(path);
            } else if name.is_some_and(is_of_trail) {
                let content = fs::read(&path).unwrap();
                found.push((path.strip_prefix(directory).unwrap().to_owned(), content));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn what_a_store_missed_gets_there_when_it_is_back() {
    let folder = stage::Folder::new("weir-bucket").unwrap();
    let bucket = Bucket::start(folder.path()).unwrap();
    // In the middle of the first file or two.
    bucket.cut_after(20_000);
    let mut world = world(&bucket);
    query(&world, "SELECT 'before'");
    let away = world.agent().wait_for("did not get off the host").unwrap();
    assert!(away.contains("s3://audit/weir"), "{away}");
    query(&world, "SELECT 'meanwhile'");
    bucket.mend();
    world.agent().wait_for("shipped off the host").unwrap();
    query(&world, "SELECT 'after'");
    assert!(world.agent_mut().stop().unwrap().success());
    let back = fetch(&world, &bucket, "back");
    let here = trail(&world.folder().join("state/archive"));
    assert!(here.len() > 2, "{} files", here.len());
    assert_eq!(trail(&back), here);
    // With the log and its signatures, so that nothing of the host is needed.
    let key = world.agent().ask(&["audit", "key"]).unwrap().stdout;
    let key = String::from_utf8(key).unwrap();
    let back = back.to_str().unwrap();
    let verified = world
        .agent()
        .ask(&["audit", "verify", back, "--key", key.trim()])
        .unwrap();
    let report = String::from_utf8(verified.stdout).unwrap();
    assert!(verified.status.success(), "{report}");
    assert!(report.contains("signed up to record "), "{report}");
}

#[test]
fn nothing_in_a_store_is_overwritten() {
    let folder = stage::Folder::new("weir-bucket").unwrap();
    let bucket = Bucket::start(folder.path()).unwrap();
    let mut world = world(&bucket);
    assert!(world.agent_mut().stop().unwrap().success());
    let back = trail(&fetch(&world, &bucket, "back"));
    let (name, content) = back
        .iter()
        .find(|(name, _)| name.starts_with("v1"))
        .unwrap();
    let object = format!("weir/{}", name.display());
    bucket.put(&object, &"x".repeat(content.len())).unwrap();
    // As after the loss of the host's disk.
    let state = world.folder().join("state/archive/state");
    for entry in fs::read_dir(&state).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().ends_with(".shipped.jsonl") {
            fs::remove_file(path).unwrap();
        }
    }
    let output = world.agent().ask(&["audit", "ship"]).unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(
        said.contains(&name.display().to_string()) && said.contains("already with other content"),
        "{said}"
    );
    let forged = trail(&fetch(&world, &bucket, "forged"));
    let (_, content) = forged.iter().find(|(found, _)| found == name).unwrap();
    assert!(content.iter().all(|byte| *byte == b'x'));
}
