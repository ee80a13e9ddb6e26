//! What happens in the demo, scene by scene. Each scene checks that it went as it is told.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::theatre::Theatre;
use crate::command::{capture, on_path};

/// Plays all scenes.
pub fn tell(theatre: &Theatre) -> Result<()> {
    let reader = if theatre.has_cgroups() {
        "analyst"
    } else {
        "oncall"
    };
    masked(theatre, reader)?;
    refused(theatre, reader)?;
    if theatre.has_cgroups() {
        other_cgroup(theatre)?;
    }
    held(theatre)?;
    evidence(theatre)
}

fn masked(theatre: &Theatre, role: &str) -> Result<()> {
    scene("A query with sensitive columns: it runs, and they come back masked");
    let said = psql(
        theatre,
        role,
        "SELECT id, name, email AS mail, ssn FROM customers ORDER BY id",
    )?;
    ensure!(
        said.contains("a***@***.org") && !said.contains("536-90"),
        "the columns were not masked"
    );
    Ok(())
}

fn refused(theatre: &Theatre, role: &str) -> Result<()> {
    scene("A DELETE without WHERE: it is refused, and the database never sees it");
    let said = psql(theatre, role, "DELETE FROM orders")?;
    ensure!(
        said.contains("ERROR:  weir: denied"),
        "the DELETE was not refused"
    );
    Ok(())
}

fn other_cgroup(theatre: &Theatre) -> Result<()> {
    const SEARCH: &str = "SELECT name, ssn FROM customers WHERE ssn = '219-09-9999'";
    scene(
        "The same Unix user, the same database user, the same words, from two cgroups: two answers",
    );
    let analyst = psql(theatre, "analyst", SEARCH)?;
    let oncall = psql(theatre, "oncall", SEARCH)?;
    ensure!(
        analyst.contains("ERROR") && oncall.contains("Grace Hopper"),
        "both got the same answer"
    );
    Ok(())
}

fn held(theatre: &Theatre) -> Result<()> {
    const REPAIR: &str = "UPDATE orders SET status = 'refunded' WHERE id = 2";
    scene("A change by the person on call: it waits until somebody else approves it");
    say_prompt(theatre, "oncall", REPAIR);
    let mut psql = theatre.psql("oncall", REPAIR);
    let mut psql = psql.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut words = BufReader::new(psql.stderr.take().context("psql says nothing")?).lines();
    let notice = words.next().context("psql ended without a notice")??;
    println!("{notice}");
    if let Some(hint) = words.next() {
        println!("{}", hint?);
    }
    let id = notice
        .split_whitespace()
        .skip_while(|&word| word != "as")
        .nth(1)
        .context("the notice names no id")?
        .to_owned();
    println!("\n(a second terminal)");
    weir(theatre, &["approvals", "list"])?;
    let is_released = theatre.has_two_users();
    if is_released {
        weir(
            theatre,
            &["approvals", "approve", &id, "--reason", "ticket 4711"],
        )?;
    } else {
        println!(
            "(without root there is only one Unix user, and nobody approves their own request)"
        );
        weir(theatre, &["approvals", "approve", &id])?;
        weir(
            theatre,
            &[
                "approvals",
                "deny",
                &id,
                "--reason",
                "no second person here",
            ],
        )?;
    }
    println!("\n(the first terminal again)");
    for line in words {
        println!("{}", line?);
    }
    let said = String::from_utf8(psql.wait_with_output()?.stdout)?;
    print!("{said}");
    ensure!(
        said.contains("UPDATE 1") == is_released,
        "the UPDATE did not end as decided"
    );
    Ok(())
}

fn evidence(theatre: &Theatre) -> Result<()> {
    scene(
        "The evidence: who, when, from where, what exactly, what was masked, who approved and why",
    );
    weir(theatre, &["audit", "show", "-n", "60"])?;
    // Segments are sealed after two seconds in this demo.
    theatre.agent().wait_for("archived")?;
    let said = weir(theatre, &["audit", "verify"])?;
    ensure!(
        said.contains("nothing was edited"),
        "the trail does not verify"
    );
    let files = format!("{}/v1/**/*.parquet", theatre.archive().display());
    let question = format!(
        "SELECT weir_event, weir_effect, actor_process_user_name AS who, query_info_query_string AS statement \
         FROM read_parquet('{files}', hive_partitioning=true, union_by_name=true) \
         WHERE weir_event = 'decided' AND weir_stage = 'run' ORDER BY time"
    );
    if on_path("duckdb") {
        scene("The same from Parquet, in DuckDB");
        println!(
            "{}",
            capture(Command::new("duckdb").args(["-c", &question]))?
        );
    } else {
        println!(
            "\nThe same from Parquet, wherever DuckDB is installed (while the files are there: demo --keep):\n"
        );
        println!("  duckdb -c \"{question}\"");
    }
    Ok(())
}

fn scene(title: &str) {
    println!("\n== {title}\n");
}

fn say_prompt(theatre: &Theatre, role: &str, sql: &str) {
    let [_, url, _] = theatre.psql_words(sql);
    println!("[{role}]$ psql {url} -c \"{sql}\"");
    // The child writes to the same terminal.
    let _ = std::io::stdout().flush();
}

/// Runs psql, and shows what it says.
fn psql(theatre: &Theatre, role: &str, sql: &str) -> Result<String> {
    say_prompt(theatre, role, sql);
    show(&mut theatre.psql(role, sql))
}

/// Runs one of the agent's commands, and shows what it says.
fn weir(theatre: &Theatre, words: &[&str]) -> Result<String> {
    println!("$ weir {}", words.join(" "));
    show(&mut theatre.agent().command(words))
}

fn show(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    let mut said = String::from_utf8(output.stdout)?;
    said.push_str(std::str::from_utf8(&output.stderr)?);
    println!("{}", said.trim_end());
    Ok(said)
}
