//! The claim that the journal exists for: what was acknowledged survives `kill -9`.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use super::*;

const DIRECTORY: &str = "WEIR_JOURNAL_OF_THE_KILLED";
const ROUNDS: u64 = 12;

#[test]
fn every_acknowledged_record_survives_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    let mut last = 0;
    for round in 0..ROUNDS {
        let acknowledged = run_and_kill(directory.path(), 1 + round * 97 % 500);
        let recovery = recover(directory.path()).unwrap();
        let entries = read_all(directory.path());
        assert_eq!(entries.len() as u64 + 1, recovery.next);
        assert_whole(&entries);
        let newest = acknowledged.iter().max().copied().unwrap_or_default();
        assert!(newest > last, "round {round} acknowledged nothing");
        assert!(
            newest < recovery.next,
            "round {round}: {newest} was acknowledged, {} is next",
            recovery.next
        );
        last = recovery.next - 1;
    }
}

/// That each record is whole: its time and its reason say the same number. Four writers share the sequence.
fn assert_whole(entries: &[Entry]) {
    for (sequence, entry) in (1..).zip(entries) {
        assert_eq!(entry.sequence, sequence);
        let number = (entry.record.time - 1_700_000_000_000_000) as u64;
        assert_eq!(entry.record, record(number));
    }
}

/// Lets a child append until it has acknowledged this many records, kills it, and returns all that it acknowledged.
fn run_and_kill(directory: &Path, after: u64) -> Vec<u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::killed::appends_until_killed"])
        .args(["--ignored", "--nocapture"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    // The kill may cut a line short: what has no stop at its end was not said.
    let number = |line: String| {
        let number = line.strip_prefix("acknowledged ")?.strip_suffix('.')?;
        number.parse::<u64>().ok()
    };
    let mut numbers = output.lines().map_while(Result::ok).filter_map(number);
    let mut acknowledged: Vec<u64> = numbers.by_ref().take(after as usize).collect();
    child.kill().unwrap();
    acknowledged.extend(numbers);
    child.wait().unwrap();
    acknowledged
}

#[tokio::test]
#[ignore = "the child of every_acknowledged_record_survives_kill_9, which kills it"]
async fn appends_until_killed() {
    let directory = std::env::var_os(DIRECTORY).unwrap();
    let settings = Settings {
        segment_bytes: 20_000,
        ..Settings::default()
    };
    let (journal, _) = Journal::open(directory, settings).unwrap();
    let writers = (0..4).map(|writer| {
        let journal = journal.clone();
        tokio::spawn(async move {
            for number in (writer..).step_by(4) {
                let sequence = journal.put(&record(number)).unwrap();
                let line = format!("acknowledged {sequence}.\n");
                std::io::stdout().write_all(line.as_bytes()).unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}
