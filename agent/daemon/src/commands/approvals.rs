//! `weir approvals`: the people's side of held statements.

use anyhow::Context as _;
use approval::{Answer, Question};
use model::{Parameter, ParameterType};
use value::Shown;

use crate::cli::Approvals;
use crate::config::Config;
use crate::control::{Call, Reply, call};
use crate::screen::{clock, one_line, safe};

/// Runs one of the subcommands against the running agent.
pub fn approvals(config: &Config, command: Approvals) -> anyhow::Result<()> {
    let socket = config.control_socket();
    match command {
        Approvals::List { json } => {
            let questions = questions(config)?;
            if json {
                println!("{}", serde_json::to_string_pretty(&questions)?);
                return Ok(());
            }
            if questions.is_empty() {
                println!("no statement is held");
            }
            for question in questions {
                println!(
                    "{}  {}  {}  {}/{}  {}",
                    question.id,
                    clock(question.asked_at),
                    who(&question),
                    question.server,
                    question.database,
                    one_line(&question.text, 80)
                );
            }
        }
        Approvals::Show { id } => {
            let wanted = approval::QuestionId::from(id.as_str());
            let question = questions(config)?
                .into_iter()
                .find(|question| question.id == wanted)
                .with_context(|| {
                    format!("no statement is held as {id}: see `weir approvals list`")
                })?;
            show(&question);
        }
        Approvals::Approve { id, reason } => {
            settle(&socket, id, Answer::Approve { reason })?;
        }
        Approvals::Deny { id, reason } => settle(&socket, id, Answer::Deny { reason })?,
    }
    Ok(())
}

fn questions(config: &Config) -> anyhow::Result<Vec<Question>> {
    match call(&config.control_socket(), &Call::Questions)? {
        Reply::Questions(questions) => Ok(questions),
        _ => anyhow::bail!("the agent answered something else: is it of another version?"),
    }
}

fn settle(socket: &std::path::Path, id: String, answer: Answer) -> anyhow::Result<()> {
    if let Reply::Done(sentence) = call(socket, &Call::Settle { id, answer })? {
        println!("{sentence}");
    }
    Ok(())
}

fn who(question: &Question) -> String {
    let workload = question
        .requester
        .workloads
        .first()
        .map_or_else(|| "unknown workload".to_owned(), ToString::to_string);
    let user = question
        .requester
        .os_user
        .as_deref()
        .unwrap_or("unknown user");
    safe(&format!("{user} in {workload}"))
}

fn show(question: &Question) {
    let approvers = match question.because.approvers.as_slice() {
        [] => "anybody but the requester".to_owned(),
        names => names.join(", "),
    };
    println!("id          {}", question.id);
    println!(
        "asked       {}, expires {}",
        clock(question.asked_at),
        clock(question.expires_at)
    );
    println!("who         {}", who(question));
    println!(
        "session     {}, request {}",
        question.session, question.request
    );
    println!(
        "database    {}/{} as {}",
        question.server,
        safe(&question.database),
        safe(&question.user)
    );
    println!("held by     {}", question.because.policies.join(", "));
    println!("why         {}", question.because.explanation);
    println!("approvers   {approvers}");
    if question.because.reason_required {
        println!("reason      required: approve with --reason");
    }
    for (index, parameter) in question.parameters.iter().enumerate() {
        let kind = question.types.get(index).and_then(Option::as_ref);
        println!("${:<10} {}", index + 1, shown(parameter, kind));
    }
    println!("statement   {}", question.fingerprint);
    println!();
    println!("{}", safe(&question.text));
}

fn shown(parameter: &Parameter, kind: Option<&ParameterType>) -> String {
    let value = match value::show(parameter, kind) {
        Shown::Null => "NULL".into(),
        Shown::Text(text) => safe(&text),
        Shown::Bytes(hex, why) => format!("{hex} (hex: {why})"),
        Shown::Large { length, sha256 } => format!("{length} bytes, SHA-256 {sha256}"),
    };
    match kind {
        Some(kind) => format!("{value}  {}", safe(&kind.name)),
        None => value,
    }
}
