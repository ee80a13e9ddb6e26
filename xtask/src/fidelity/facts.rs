//! `cargo xtask facts`: what the analysis makes of the statements of PostgreSQL's regression suite.
//!
//! ```text
//! pg_regress -> psql -> server, which logs each text  ──> target/fidelity/runs/facts/statements
//!                       database `regression`, as the suite leaves it ──> names    ──> weir-catalog's example `suite`
//! ```
//!
//! The server's log has the texts as psql sent them, so nothing here needs to know how psql cuts a script, and only those
//! that its grammar accepts.

use std::fs;
use std::path::Path;

use anyhow::{Result, bail, ensure};

use super::ground::{Ground, PORT, Way};
use super::{Suite as _, postgres, workshop};
use crate::command;
use crate::setup::{self, Need};

/// What each line of the log begins with that says something new; other lines are indented.
const MARK: &str = "weir-facts ";
/// What follows it where the line is about a text of the suite.
const STATEMENT: &str = "regression LOG:  statement: ";

/// The verb.
pub fn run(arguments: &[String]) -> Result<()> {
    if let Some(first) = arguments.first() {
        bail!("`facts` takes no arguments, and got `{first}`");
    }
    setup::provide(&[Need::Build, Need::Database, Need::Fidelity])?;
    let version = postgres::Regress.prepare()?;
    println!("{version}: running its regression suite");
    let way = Way {
        through_agent: false,
        encrypted: false,
    };
    // Nothing passes an agent, so that none has to be there.
    let ground = Ground::lay(way, Path::new(""), workshop().join("runs/facts"))?;
    let sets = [
        "log_statement = 'all'",
        "log_error_verbosity = 'terse'",
        &format!("log_line_prefix = '{MARK}%d '"),
    ];
    for setting in sets {
        let sql = format!("ALTER SYSTEM SET {setting}");
        ground.database().run("postgres", &sql)?;
    }
    // Reloads them.
    ground.rules("")?;
    postgres::Regress.run(&ground)?;
    let texts = texts(&fs::read(ground.database().log())?);
    ensure!(!texts.is_empty(), "the suite sent nothing");
    let file = ground.record().join("statements");
    fs::write(&file, &texts)?;
    let sent = texts.iter().filter(|&&byte| byte == 0).count();
    println!("{sent} texts that the server accepted, of each the first is taken:");
    command::run(
        command::cargo(["run", "--quiet", "--release", "--package", "weir-catalog"])
            .args(["--example", "suite", "--"])
            .arg(format!("127.0.0.1:{PORT}"))
            .arg("regression")
            .arg(file),
    )
}

/// The texts in a log, each ended by a NUL byte.
fn texts(log: &[u8]) -> Vec<u8> {
    let mut texts = Vec::new();
    let mut is_text = false;
    for line in log.split(|&byte| byte == b'\n') {
        if let Some(rest) = line.strip_prefix(MARK.as_bytes()) {
            end(&mut texts, is_text);
            let text = rest.strip_prefix(STATEMENT.as_bytes());
            is_text = text.is_some();
            texts.extend(text.unwrap_or_default());
        } else if let Some(more) = line.strip_prefix(b"\t").filter(|_| is_text) {
            texts.push(b'\n');
            texts.extend(more);
        }
    }
    end(&mut texts, is_text);
    texts
}

fn end(texts: &mut Vec<u8>, is_text: bool) {
    if is_text {
        texts.push(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_several_lines_is_one_text() {
        let log = "before\n\
                   weir-facts regression LOG:  statement: SELECT 1,\n\t2\n\
                   weir-facts regression ERROR:  no\n\
                   weir-facts postgres LOG:  statement: SELECT 3\n\t4\n\
                   weir-facts regression LOG:  statement: SELECT 5\n";
        assert_eq!(texts(log.as_bytes()), b"SELECT 1,\n2\0SELECT 5\0");
    }
}
