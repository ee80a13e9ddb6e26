//! PostgreSQL's client programs at work: pgbench in every mode, and dumps of the regression database, byte for byte.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use super::Suite;
use super::ground::{Ground, PORT};
use super::outcomes::{Ending, Outcomes};
use super::postgres::{Regress, regress};
use crate::command;

/// Its built-in scripts by every protocol, with lasting and with new connections.
pub struct Pgbench;

impl Suite for Pgbench {
    fn name(&self) -> &'static str {
        "pgbench"
    }

    fn prepare(&self) -> Result<String> {
        command::capture(Command::new("pgbench").arg("--version"))
            .map(|said| said.trim().to_owned())
    }

    fn run(&self, ground: &Ground) -> Result<Outcomes> {
        let mut outcomes = Outcomes::new();
        for steps in ["dtgvpf", "dtGvpf"] {
            let name = format!("initialize-{steps}");
            let arguments = ["--initialize", "--init-steps", steps, "--scale=2"];
            outcomes.insert(name.clone(), bench(ground, &name, &arguments)?.into());
        }
        let all = "number of transactions actually processed: 400/400";
        for script in ["tpcb-like", "simple-update", "select-only"] {
            for protocol in ["simple", "extended", "prepared"] {
                for connecting in [false, true] {
                    let mut arguments = vec![
                        "--client=4",
                        "--jobs=2",
                        "--transactions=100",
                        "--verbose-errors",
                    ];
                    arguments.extend(["--builtin", script, "--protocol", protocol]);
                    arguments.extend(connecting.then_some("--connect"));
                    let churn = if connecting { "-connect" } else { "" };
                    let name = format!("{script}-{protocol}{churn}");
                    let ran = bench(ground, &name, &arguments)?;
                    let said = fs::read_to_string(ground.record().join(format!("{name}.out")))?;
                    let is_whole = said.contains(all);
                    outcomes.insert(name, if is_whole { ran } else { Ending::Failed }.into());
                }
            }
        }
        Ok(outcomes)
    }
}

fn bench(ground: &Ground, name: &str, arguments: &[&str]) -> Result<Ending> {
    let mut client = Command::new("pgbench");
    client.args(arguments).arg("postgres");
    let said = ground.watch(&client, name, 300)?;
    Ok(ending(said.succeeded))
}

/// The regression database as pg_dump writes it, past the agent and through it, and restored through it.
pub struct Dump;

/// Ways to dump to one file. The key is random otherwise.
const PLAIN: [&[&str]; 4] = [
    &[],
    &["--inserts", "--rows-per-insert=100"],
    &["--column-inserts", "--serializable-deferrable"],
    &["--clean", "--if-exists", "--schema-only"],
];

/// Ways to dump that pg_restore reads.
const ARCHIVES: [&[&str]; 3] = [
    &["--format=custom"],
    &["--format=tar"],
    &["--format=directory", "--jobs=3"],
];

impl Suite for Dump {
    fn name(&self) -> &'static str {
        "pg_dump"
    }

    fn prepare(&self) -> Result<String> {
        Regress.prepare()?;
        command::capture(Command::new("pg_dump").arg("--version"))
            .map(|said| said.trim().to_owned())
    }

    fn run(&self, ground: &Ground) -> Result<Outcomes> {
        let past = ground.database().data();
        regress(
            ground,
            &[
                &format!("--host={}", past.display()),
                &format!("--port={}", ground.database().port()),
            ],
        )?;
        let mut outcomes = Outcomes::new();
        for (count, options) in PLAIN.iter().enumerate() {
            let expected = dump(
                ground,
                &format!("plain-{count}-past"),
                "regression",
                options,
                false,
            )?;
            let written = dump(
                ground,
                &format!("plain-{count}"),
                "regression",
                options,
                true,
            )?;
            let name = format!("plain {}", options.join(" "));
            outcomes.insert(name, ending(is_same(&expected, &written)?).into());
        }
        for (count, options) in ARCHIVES.iter().enumerate() {
            let archive = dump(
                ground,
                &format!("archive-{count}"),
                "regression",
                options,
                true,
            )?;
            let restored = format!("restored_{count}");
            let name = format!("restored {}", options.join(" "));
            let is_restored = is_faithful(ground, &archive, &restored)?;
            outcomes.insert(name, ending(is_restored).into());
        }
        Ok(outcomes)
    }
}

/// Dumps into a file (or directory) of the ground, whose path is given.
fn dump(
    ground: &Ground,
    name: &str,
    database: &str,
    options: &[&str],
    by_port: bool,
) -> Result<PathBuf> {
    let file = ground.folder().join(name);
    let mut client = Command::new("pg_dump");
    client.arg("--no-sync").args(options);
    // Only scripts have one, and by chance otherwise.
    if !options.iter().any(|option| option.starts_with("--format")) {
        client.arg("--restrict-key=fidelity");
    }
    client.arg("--file").arg(&file);
    place(&mut client, ground, by_port);
    ground.watch(client.arg(database), name, 600)?;
    Ok(file)
}

/// An archive made through the port says what one made past it says, restores through the port as past it, and gives
/// the same database again.
fn is_faithful(ground: &Ground, archive: &Path, to: &str) -> Result<bool> {
    let mut dumps = vec![];
    for by_port in [false, true] {
        let database = format!("{to}_{by_port}");
        ground.database().run(
            "postgres",
            &format!("CREATE DATABASE {database} TEMPLATE template0"),
        )?;
        let mut client = Command::new("pg_restore");
        client.args(["--dbname", &database]);
        // A tar cannot be read by several at once.
        if archive.is_dir() {
            client.arg("--jobs=3");
        }
        place(&mut client, ground, by_port);
        ground.watch(client.arg(archive), &format!("restore-{database}"), 600)?;
        dumps.push(dump(
            ground,
            &format!("dump-{database}"),
            &database,
            &[],
            false,
        )?);
    }
    let [past, through] = dumps.as_slice() else {
        return Ok(false);
    };
    is_same(past, through)
}

fn place(client: &mut Command, ground: &Ground, by_port: bool) {
    match by_port {
        true => client.args(["--host=127.0.0.1", &format!("--port={PORT}")]),
        false => client
            .arg(format!("--host={}", ground.database().data().display()))
            .arg(format!("--port={}", ground.database().port())),
    };
    client.arg("--username=postgres");
}

fn is_same(expected: &Path, written: &Path) -> Result<bool> {
    ensure!(
        File::open(expected)?.metadata()?.len() > 100_000,
        "{} is no dump of the regression database",
        expected.display()
    );
    Ok(fs::read(written)
        .is_ok_and(|written| fs::read(expected).is_ok_and(|expected| expected == written)))
}

fn ending(succeeded: bool) -> Ending {
    if succeeded {
        Ending::Passed
    } else {
        Ending::Failed
    }
}
