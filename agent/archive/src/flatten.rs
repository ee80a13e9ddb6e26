//! A record, and what is known about its session, as a row.

use std::collections::BTreeSet;

use journal::Entry;
use model::{
    Approval, AuditEvent, Decided, Finished, Login, MaskFunction, Masks, Object, Opened, Process,
    Status, Touches,
};
use serde::Serialize;

use crate::column::Column;
use crate::facts::SessionFacts;
use crate::ocsf::{self, activity, severity, status};
use crate::row::Row;
use crate::{values, workload};

/// The row of a record, but for its chain.
pub(crate) fn flatten(entry: &Entry, facts: Option<&SessionFacts>) -> Row {
    let mut row = Row::empty();
    describe_record(&mut row, entry);
    if let Some(facts) = facts {
        describe_session(&mut row, facts);
    }
    describe_event(&mut row, &entry.record.event);
    row
}

fn describe_record(row: &mut Row, entry: &Entry) {
    let session = entry.record.session;
    row.put(Column::Sequence, entry.sequence);
    row.put(Column::Time, entry.record.time.div_euclid(1000));
    row.put(Column::TimeDt, entry.record.time);
    row.put(Column::CategoryUid, ocsf::CATEGORY);
    row.put(Column::ClassUid, ocsf::CLASS);
    row.put(Column::TypeId, ocsf::DATABASE);
    row.put(Column::SeverityId, severity::INFORMATIONAL);
    row.put(Column::MetadataVersion, ocsf::VERSION);
    row.put(Column::MetadataProductName, "weir");
    row.put(Column::MetadataProductVendorName, "weir");
    row.put(
        Column::ActorSessionUid,
        session.map(|id| id.to_string()).as_ref(),
    );
    row.put(Column::DatabaseTypeId, session.map(|_| ocsf::RELATIONAL));
    row.put(Column::Record, entry.text.as_str());
    describe_activity(row, activity::OTHER);
}

fn describe_activity(row: &mut Row, activity: i32) {
    row.put(Column::ActivityId, activity);
    row.put(
        Column::TypeUid,
        i64::from(ocsf::CLASS) * 100 + i64::from(activity),
    );
}

fn describe_session(row: &mut Row, facts: &SessionFacts) {
    if let Some(opened) = &facts.opened {
        describe_opened(row, opened);
    }
    if let Some(login) = &facts.login {
        describe_login(row, login);
    }
    row.put(Column::ClientTls, facts.client_tls.as_deref());
    row.put(Column::ServerTls, facts.server_tls.as_deref());
}

fn describe_opened(row: &mut Row, opened: &Opened) {
    row.put(Column::ActorProcessFilePath, opened.executable.as_deref());
    row.put(Column::ActorProcessUserName, opened.os_user.as_deref());
    row.put(Column::SrcEndpointIp, &opened.address.ip().to_string());
    row.put(Column::SrcEndpointPort, opened.address.port());
    row.put(Column::DstEndpointIp, &opened.destination.ip().to_string());
    row.put(Column::DstEndpointPort, opened.destination.port());
    row.put(Column::Server, &*opened.target.server);
    row.put(Column::ServerAddress, &opened.target.address.to_string());
    row.put(Column::Workloads, json(&opened.workloads).as_ref());
    describe_workload(row, &workload::Place::of(&opened.workloads));
    if let Some(process) = &opened.process {
        describe_process(row, process);
    }
}

fn describe_workload(row: &mut Row, place: &workload::Place<'_>) {
    row.put(Column::Unit, place.unit);
    row.put(Column::Container, place.container);
    row.put(Column::Pod, place.pod.as_ref());
}

fn describe_process(row: &mut Row, process: &Process) {
    let login = Some(process.login_uid).filter(|uid| *uid != u32::MAX);
    row.put(Column::ActorProcessPid, process.pid);
    row.put(Column::ActorProcessName, process.comm.as_str());
    row.put(Column::ActorProcessUserUid, &process.uid.to_string());
    row.put(Column::Cgroup, process.cgroup);
    row.put(Column::Gid, process.gid);
    row.put(Column::LoginUid, login);
    row.put(Column::ProcessStarted, process.started);
    row.put(
        Column::Exe,
        &format!("{}:{}", process.exe_device, process.exe_inode),
    );
}

fn describe_login(row: &mut Row, login: &Login) {
    row.put(Column::ActorUserName, login.user.as_str());
    row.put(Column::ActorAppName, login.application.as_deref());
    row.put(Column::DatabaseName, login.database.as_str());
}

fn describe_event(row: &mut Row, event: &AuditEvent) {
    row.put(Column::Event, name(event));
    match event {
        AuditEvent::Started { version, policy } => {
            row.put(Column::AgentVersion, version.as_str());
            row.put(Column::PolicyHash, policy.as_str());
        }
        AuditEvent::PolicyLoaded { policy } => row.put(Column::PolicyHash, policy.as_str()),
        AuditEvent::PolicyRejected { error } => {
            row.put(Column::SeverityId, severity::HIGH);
            row.put(Column::StatusId, status::FAILURE);
            row.put(Column::Reason, error.as_str());
        }
        AuditEvent::SigningKey { key, .. } => {
            row.put(Column::Reason, &format!("the log is signed by {key}"));
        }
        AuditEvent::Opened(_) => describe_activity(row, activity::CONNECT),
        // Every row from here on says it.
        AuditEvent::Encrypted { .. } => {}
        AuditEvent::Decided(decided) => describe_decision(row, decided),
        AuditEvent::Settled { request, approval } => describe_approval(row, *request, approval),
        AuditEvent::Shown(shown) => {
            row.put(Column::Request, shown.request);
            row.put(Column::Shown, json(&shown.content).as_ref());
        }
        AuditEvent::Finished(finished) => describe_end(row, finished),
        AuditEvent::Closed { reason } => row.put(Column::Reason, reason.as_str()),
        AuditEvent::Stopped => {}
    }
}

fn name(event: &AuditEvent) -> &'static str {
    match event {
        AuditEvent::Started { .. } => "started",
        AuditEvent::PolicyLoaded { .. } => "policy_loaded",
        AuditEvent::PolicyRejected { .. } => "policy_rejected",
        AuditEvent::SigningKey { .. } => "signing_key",
        AuditEvent::Opened(_) => "opened",
        AuditEvent::Encrypted { .. } => "encrypted",
        AuditEvent::Decided(_) => "decided",
        AuditEvent::Settled { .. } => "settled",
        AuditEvent::Shown(_) => "shown",
        AuditEvent::Finished(_) => "finished",
        AuditEvent::Closed { .. } => "closed",
        AuditEvent::Stopped => "stopped",
    }
}

fn describe_decision(row: &mut Row, decided: &Decided) {
    describe_activity(row, ocsf::activity_of(decided));
    describe_control(row, ocsf::control_of_decision(decided));
    row.put(Column::SeverityId, ocsf::severity_of(decided.effect));
    row.put(Column::Request, decided.request);
    row.put(Column::Stage, word(&decided.stage).as_ref());
    row.put(Column::Effect, word(&decided.effect).as_ref());
    row.put(Column::Policies, json(&decided.because.policies).as_ref());
    row.put(Column::Reason, decided.because.explanation.as_str());
    row.put(Column::Hint, decided.because.hint.as_deref());
    row.put(Column::Approvers, json(&decided.because.approvers).as_ref());
    row.put(Column::PolicyHash, &*decided.policy);
    row.put(Column::Monitored, decided.monitored.then_some(1));
    row.put(Column::Masks, masks(&decided.masks).as_ref());
    row.put(Column::QueryString, decided.text.as_deref());
    row.put(Column::Fingerprint, decided.fingerprint.as_deref());
    row.put(Column::Parameters, json(&decided.parameters).as_ref());
    row.put(Column::Values, values::list(decided).as_ref());
    row.put(
        Column::RowLimit,
        decided.limit.as_ref().map(|limit| limit.rows),
    );
    row.put(Column::Verbs, json(&decided.verbs).as_ref());
    match &decided.touches {
        Some(Touches::Known(touches)) => {
            let names: BTreeSet<String> = touches.iter().map(|t| object(&t.object)).collect();
            row.put(Column::Objects, json(&names).as_ref());
        }
        Some(Touches::Opaque(opacity)) => {
            let why = format!("{}: {}", opacity.kind, opacity.explanation);
            row.put(Column::Opaque, &why);
        }
        None => {}
    }
}

/// Says what was done, and that it failed where it was refused.
fn describe_control(row: &mut Row, control: ocsf::Control) {
    const DENIED: i32 = 2;
    row.put(Column::ActionId, control.action);
    row.put(Column::DispositionId, control.disposition);
    if control.action == DENIED {
        row.put(Column::StatusId, status::FAILURE);
    }
}

fn describe_approval(row: &mut Row, request: u64, approval: &Approval) {
    describe_control(row, ocsf::control_of_approval(approval));
    row.put(Column::Request, request);
    let (settled, by, reason) = match approval {
        Approval::Approved { by, reason } => ("approved", Some(by), reason.as_ref()),
        Approval::Denied { by, reason } => ("denied", Some(by), reason.as_ref()),
        Approval::Expired => ("expired", None, None),
        Approval::Withdrawn => ("withdrawn", None, None),
    };
    row.put(Column::Approval, settled);
    row.put(Column::ApprovalBy, by.map(String::as_str));
    row.put(Column::ApprovalReason, reason.map(String::as_str));
}

fn describe_end(row: &mut Row, finished: &Finished) {
    let outcome = &finished.outcome;
    let (status, detail) = ocsf::status_of(&outcome.status);
    row.put(Column::StatusId, status);
    row.put(Column::StatusDetail, detail);
    if let Status::Failed { code, .. } = &outcome.status {
        row.put(Column::StatusCode, code.as_str());
    }
    row.put(Column::Request, finished.request);
    row.put(Column::Tags, json(&outcome.tags).as_ref());
    row.put(Column::Rows, outcome.rows);
    row.put(Column::Bytes, outcome.bytes);
    row.put(Column::MaskedValues, outcome.masked);
    row.put(Column::JudgedUs, finished.judged);
    row.put(Column::DurationUs, finished.duration);
}

fn masks(masks: &Masks) -> Option<String> {
    let masks = masks.shown.iter().chain(masks.told.iter());
    let masks = masks.map(|mask| Mask {
        class: &mask.class,
        column: &mask.name,
        function: &mask.function,
        output: mask.place.map(|place| place.output.saturating_add(1)),
        statement: mask.place.map(|place| place.statement.saturating_add(1)),
    });
    json(&masks.collect::<Vec<_>>())
}

/// A masked column. The order of its fields is part of the evidence, so it is written down here.
#[derive(Serialize)]
struct Mask<'a> {
    class: &'a str,
    column: &'a str,
    function: &'a MaskFunction,
    /// The number of the result's column, from 1. Not there where only an error can tell the column.
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<usize>,
    /// The number of the statement in the text, from 1, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    statement: Option<usize>,
}

/// An object's name for people and for `LIKE`.
fn object(object: &Object) -> String {
    match object {
        Object::Server => "server".to_owned(),
        Object::Database => "database".to_owned(),
        Object::Schema(name) => format!("schema {name}"),
        Object::Relation(relation) => format!("{}.{}", relation.schema, relation.name),
        Object::Function(function) => format!("{}.{}()", function.schema, function.name),
        Object::Setting(name) => format!("setting {name}"),
        Object::Role(name) => format!("role {name}"),
        Object::Other { kind, name } => format!("{kind} {name}"),
    }
}

/// JSON text. NULL where there is none, which these plain values never have.
pub(crate) fn json(value: &impl Serialize) -> Option<String> {
    serde_json::to_string(value).ok()
}

/// The word that an enum without fields has in JSON.
fn word(value: &impl Serialize) -> Option<String> {
    json(value).map(|text| text.trim_matches('"').to_owned())
}
