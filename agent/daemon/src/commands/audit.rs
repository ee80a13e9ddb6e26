//! `weir audit`: the trail, read where it lies.

mod export;
mod report;

use std::process::ExitCode;

use archive::{Column, Filter, Row, Trail};

use crate::cli::{Audit, AuditShow};
use crate::commands::{prove, ship};
use crate::config::Config;
use crate::screen::{clock, one_line, safe};
use crate::when;

/// Runs one of the subcommands. Needs no running agent.
pub fn audit(config: &Config, command: Audit) -> anyhow::Result<ExitCode> {
    let trail = config.trail();
    match command {
        Audit::Show(wanted) => show(&trail, wanted),
        Audit::Ship => ship::ship(config),
        Audit::Fetch(wanted) => ship::fetch(wanted),
        Audit::Prove(wanted) => prove::prove(&trail, &wanted),
        Audit::Key => prove::key(config),
        Audit::RotateKey => prove::rotate(config),
        // Works without a configuration.
        Audit::Verify(_) => Ok(ExitCode::SUCCESS),
        Audit::Export(wanted) => export::export(&trail, wanted),
        Audit::Tail(wanted) => export::tail(&trail, wanted),
        Audit::Report(wanted) => report::report(&trail, &wanted),
        Audit::Schema => Ok(schema()),
        Audit::Sql => {
            print!("{}", archive::views(&trail.directory));
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn show(trail: &Trail, wanted: AuditShow) -> anyhow::Result<ExitCode> {
    let filter = Filter {
        session: wanted.session,
        newest: Some(wanted.limit),
        ..when::filter(&wanted.period)?
    };
    for row in trail.rows(&filter)? {
        if wanted.json {
            println!("{}", export::json(&row));
        } else {
            println!("{}", line(&row));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn schema() -> ExitCode {
    for column in Column::ALL {
        let (name, kind, about) = (column.name(), column.kind().name(), column.about());
        println!("{name:28}  {kind:11}  {about}");
    }
    ExitCode::SUCCESS
}

/// A record on one line: number, time, who, what happened.
pub fn line(row: &Row) -> String {
    let text = |column| row.text(column).unwrap_or_default();
    let who = match (
        row.text(Column::ActorUserName),
        list(text(Column::Workloads)).into_iter().next(),
    ) {
        (Some(user), Some(workload)) => format!("{user} in {workload}"),
        (None, Some(workload)) => workload,
        (Some(user), None) => user.to_owned(),
        (None, None) => "weir".to_owned(),
    };
    safe(&format!(
        "{:>6}  {}  {:36}  {:8}  {}",
        row.sequence(),
        clock(row.time()),
        one_line(&who, 36),
        text(Column::Event),
        what(row)
    ))
}

fn what(row: &Row) -> String {
    let text = |column| row.text(column).unwrap_or_default();
    let number = |column| row.number(column).unwrap_or_default();
    let request = number(Column::Request);
    match text(Column::Event) {
        "decided" => {
            let masks = match text(Column::Masks) {
                "" | "[]" => "",
                _ => ", masked",
            };
            let policies = match list(text(Column::Policies)).join(", ") {
                none if none.is_empty() => "default".to_owned(),
                policies => policies,
            };
            let monitored = match row.number(Column::Monitored) {
                Some(1) => ", forwarded because only monitored",
                _ => "",
            };
            let (stage, effect) = (text(Column::Stage), text(Column::Effect));
            let statement = one_line(text(Column::QueryString), 80);
            let values = one_line(&values(text(Column::Values)), 80);
            let by = format!("{stage} {effect}{masks}{monitored} by {policies}");
            format!("#{request} {by}  {statement}  {values}")
        }
        "settled" => {
            let by = row.text(Column::ApprovalBy).unwrap_or("nobody");
            let (how, why) = (text(Column::Approval), text(Column::ApprovalReason));
            format!("#{request} {how} by {by}  {why}")
        }
        "finished" => {
            let ended = match row.text(Column::StatusCode) {
                Some(code) => format!("failed with {code}"),
                None => list(text(Column::Tags)).join(", "),
            };
            let (rows, masked) = (number(Column::Rows), number(Column::MaskedValues));
            let micros = number(Column::DurationUs);
            format!("#{request} {ended}, {rows} rows, {masked} values masked, {micros} us")
        }
        "opened" => {
            let from = (text(Column::SrcEndpointIp), number(Column::SrcEndpointPort));
            let to = (text(Column::DstEndpointIp), number(Column::DstEndpointPort));
            format!("from {} port {} to {} port {}", from.0, from.1, to.0, to.1)
        }
        _ => one_line(text(Column::Reason), 100),
    }
}

/// Bind values as `$1 = 42, $2 = NULL`.
pub fn values(json: &str) -> String {
    let values: Vec<serde_json::Value> = serde_json::from_str(json).unwrap_or_default();
    let shown = values.iter().zip(1..).map(|(value, number)| {
        let text = |name| value.get(name).and_then(serde_json::Value::as_str);
        let length = value.get("length").and_then(serde_json::Value::as_u64);
        match (text("value"), text("hex"), length) {
            (Some(text), ..) => format!("${number} = {text}"),
            (_, Some(hex), _) => format!("${number} = {hex} (hex)"),
            (.., Some(length)) => format!("${number} = {length} bytes"),
            _ => format!("${number} = NULL"),
        }
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// A JSON list of texts.
pub fn list(json: &str) -> Vec<String> {
    serde_json::from_str(json).unwrap_or_default()
}
