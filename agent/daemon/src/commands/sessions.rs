//! `weir sessions`: who was there, what they did, and the same again as it happened.

mod replay;

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::bail;
use archive::{Column, Filter, Row, Trail};

use crate::cli::{Sessions, SessionsList};
use crate::commands::audit::{line, list};
use crate::config::Config;
use crate::screen::{clock, one_line, safe};
use crate::when;

/// Runs one of the subcommands. Needs no running agent.
pub fn sessions(config: &Config, command: Sessions) -> anyhow::Result<ExitCode> {
    let trail = config.trail();
    match command {
        Sessions::List(wanted) => list_sessions(&trail, &wanted)?,
        Sessions::Show { id } => show(&rows(&trail, &id)?),
        Sessions::Replay(wanted) => {
            let frames = replay::frames(&rows(&trail, &wanted.id)?);
            replay::play(&frames, &wanted)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The records of one session.
fn rows(trail: &Trail, id: &str) -> anyhow::Result<Vec<Row>> {
    let filter = Filter {
        session: Some(id.to_owned()),
        ..Filter::default()
    };
    let rows = trail.rows(&filter)?;
    if rows.is_empty() {
        bail!("no session {id} is in the trail: `weir sessions list` shows those that are");
    }
    Ok(rows)
}

/// What a line of the list says.
#[derive(Default)]
struct Summary {
    since: i64,
    until: i64,
    is_closed: bool,
    who: String,
    user: String,
    database: String,
    requests: u64,
    denied: u64,
    held: u64,
    rows: i64,
}

impl Summary {
    fn add(&mut self, row: &Row) {
        let text = |column| row.text(column).unwrap_or_default();
        self.until = row.time();
        self.is_closed |= text(Column::Event) == "closed";
        if let Some(who) = list(text(Column::Workloads)).into_iter().next() {
            self.who = who;
        }
        for (column, kept) in [
            (Column::ActorUserName, &mut self.user),
            (Column::DatabaseName, &mut self.database),
        ] {
            if let Some(known) = row.text(column) {
                known.clone_into(kept);
            }
        }
        let (stage, effect) = (text(Column::Stage), text(Column::Effect));
        self.requests += u64::from(stage == "run");
        self.denied += u64::from(effect == "deny");
        self.held += u64::from(stage == "run" && effect == "hold");
        self.rows += row.number(Column::Rows).unwrap_or_default();
    }
}

fn list_sessions(trail: &Trail, wanted: &SessionsList) -> anyhow::Result<()> {
    let mut found: BTreeMap<String, Summary> = BTreeMap::new();
    trail.each(&when::filter(&wanted.period)?, |row| {
        if let Some(session) = row.text(Column::ActorSessionUid) {
            let summary = found.entry(session.to_owned());
            let since = row.time();
            let new = || Summary {
                since,
                ..Summary::default()
            };
            summary.or_insert_with(new).add(row);
        }
    })?;
    println!(
        "{:36}  {:20}  {:>8}  {:32}  {:24}  {:>8}  {:>6}  {:>5}  {:>10}",
        "session", "since", "for", "who", "database", "requests", "denied", "held", "rows"
    );
    for (session, summary) in &found {
        let lasted = match summary.is_closed {
            true => seconds(summary.until - summary.since),
            false => "open".to_owned(),
        };
        let place = match summary.user.as_str() {
            "" => String::new(),
            user => format!("{} as {user}", summary.database),
        };
        println!(
            "{session:36}  {:20}  {lasted:>8}  {:32}  {:24}  {:>8}  {:>6}  {:>5}  {:>10}",
            clock(summary.since),
            one_line(&summary.who, 31),
            one_line(&place, 23),
            summary.requests,
            summary.denied,
            summary.held,
            summary.rows
        );
    }
    Ok(())
}

/// Microseconds as people read them.
fn seconds(micros: i64) -> String {
    let seconds = micros / 1_000_000;
    match seconds {
        0 => format!("{} ms", micros / 1000),
        1..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}

/// What is known about the session, then its records.
fn show(rows: &[Row]) {
    let known = |column| rows.iter().rev().find_map(|row| row.text(column));
    let number = |column| rows.iter().rev().find_map(|row| row.number(column));
    let facts = [
        ("session", known(Column::ActorSessionUid).map(str::to_owned)),
        ("user", known(Column::ActorUserName).map(str::to_owned)),
        ("database", known(Column::DatabaseName).map(str::to_owned)),
        ("server", known(Column::Server).map(str::to_owned)),
        (
            "application",
            known(Column::ActorAppName).map(str::to_owned),
        ),
        (
            "workloads",
            known(Column::Workloads).map(|names| list(names).join(", ")),
        ),
        (
            "executable",
            known(Column::ActorProcessFilePath).map(str::to_owned),
        ),
        (
            "process",
            number(Column::ActorProcessPid).map(|pid| pid.to_string()),
        ),
        ("from", known(Column::SrcEndpointIp).map(str::to_owned)),
        (
            "client TLS",
            Some(known(Column::ClientTls).unwrap_or("none").to_owned()),
        ),
        (
            "server TLS",
            Some(known(Column::ServerTls).unwrap_or("none").to_owned()),
        ),
    ];
    for (name, fact) in facts {
        if let Some(fact) = fact {
            println!("{name:12} {}", safe(&fact));
        }
    }
    println!();
    for row in rows {
        println!("{}", line(row));
    }
}
