//! What the journal records.

use std::net::SocketAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    Effect, Login, Masks, Outcome, Parameter, ParameterTypes, Process, Reason, RowLimit, SessionId,
    Shape, Target, Touches, Verb, Workload,
};

/// Version of [`AuditRecord`]'s shape. Fields are only ever added; a reader accepts every version up to its own.
pub const SCHEMA_VERSION: u32 = 1;

/// One line of evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// [`SCHEMA_VERSION`] of the writer.
    pub version: u32,
    /// Microseconds since the Unix epoch, by the agent's clock.
    pub time: i64,
    /// The session that it belongs to; none for the agent's own events.
    pub session: Option<SessionId>,
    /// What happened.
    pub event: AuditEvent,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "most events are the largest one, and a box would cost each of them an allocation"
)]
pub enum AuditEvent {
    /// The agent started, with this version and this policy set.
    Started {
        /// Package version of the agent.
        version: String,
        /// SHA-256 of the policy set, hex.
        policy: String,
    },
    /// A new policy set is in force.
    PolicyLoaded {
        /// SHA-256 of the policy set, hex.
        policy: String,
    },
    /// A new policy set was refused and the old one stays.
    PolicyRejected {
        /// Why.
        error: String,
    },
    /// The log of the archive is signed with this key from here on.
    SigningKey {
        /// The verifier key, as C2SP's `signed-note` writes it.
        key: String,
        /// The signed note by which the key before endorses it; none for the first.
        endorsement: Option<String>,
    },
    /// A connection arrived and its subject is known.
    Opened(Opened),
    /// One side of the session is encrypted from here on. A side of which this is not said goes in plain.
    Encrypted {
        /// Which.
        side: Side,
        /// Version of TLS, such as `TLSv1.3`.
        version: String,
    },
    /// A request was judged. Written before the request is forwarded.
    Decided(Decided),
    /// A held request was released, refused, withdrawn or timed out. Written before it is forwarded.
    Settled {
        /// The request's number in its session.
        request: u64,
        /// How.
        approval: Approval,
    },
    /// Part of what the client saw of a result, where policies want it recorded in full. Written before the client reads it.
    Shown(Shown),
    /// A forwarded request ended.
    Finished(Finished),
    /// A session ended.
    Closed {
        /// Why, one sentence in lower case.
        reason: String,
    },
    /// The agent stopped in order.
    Stopped,
}

/// One of the two ends of a session, and the connection to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The client's.
    Client,
    /// The server's.
    Server,
}

/// A connection with its subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    /// Workloads of the subject, most telling first.
    pub workloads: Vec<Workload>,
    /// Unix user.
    pub os_user: Option<String>,
    /// Path of the executable.
    pub executable: Option<String>,
    /// What the kernel said.
    pub process: Option<Process>,
    /// The client's address.
    pub address: SocketAddr,
    /// Where it wanted to go.
    pub destination: SocketAddr,
    /// The target that this is.
    pub target: Target,
}

/// Whether a request runs something or only prepares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// A login.
    Connect,
    /// Parse: nothing runs yet, and nothing is held yet.
    Prepare,
    /// Query, Execute or FunctionCall.
    Run,
}

/// A judged request. What differs from one run of a statement to the next comes first, and so does it in the journal: the
/// rest is encoded once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decided {
    /// The request's number in its session, from 1.
    pub request: u64,
    /// Bind values.
    pub parameters: Arc<[Parameter]>,
    /// The exact text, for a statement.
    pub text: Option<Arc<str>>,
    /// SHA-256 of the exact text, hex, for a statement.
    pub fingerprint: Option<String>,
    /// Types of the bind values. Not in records of older agents.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub types: ParameterTypes,
    /// What was asked for.
    pub stage: Stage,
    /// The login, for [`Stage::Connect`].
    pub login: Option<Login>,
    /// Verbs.
    pub verbs: Vec<Verb>,
    /// Objects, for a statement.
    pub touches: Option<Touches>,
    /// Allow, deny or hold.
    pub effect: Effect,
    /// Masks of the result.
    pub masks: Masks,
    /// How many rows the result may have, where that is limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<RowLimit>,
    /// Why.
    pub because: Reason,
    /// SHA-256 of the policy set that decided, hex.
    pub policy: Arc<str>,
    /// What else the policies could see of it. None in records of older agents, and where nothing was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circumstances: Option<Circumstances>,
    /// Whether its target is only monitored: it was forwarded as it came, whatever `effect` and `masks` say.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub monitored: bool,
}

/// What policies see of a request beside its objects, its subject and the time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circumstances {
    /// The form of the statement.
    pub shape: Shape,
    /// Whether the session was inside a transaction block.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_transaction: bool,
    /// Whether somebody had approved it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub approved: bool,
}

fn is_empty(types: &ParameterTypes) -> bool {
    types.is_empty()
}

/// How a held request was settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Approval {
    /// Somebody released it.
    Approved {
        /// Who.
        by: String,
        /// Why, in their words.
        reason: Option<String>,
    },
    /// Somebody refused it.
    Denied {
        /// Who.
        by: String,
        /// Why, in their words.
        reason: Option<String>,
    },
    /// Nobody answered in time.
    Expired,
    /// The client went away, or the agent is stopping.
    Withdrawn,
}

/// Part of a request's result, as the client saw it: under its masks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The request's number in its session.
    pub request: u64,
    /// The part. The parts of a request come in order.
    pub content: Content,
}

/// What a part of a result holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// The columns of the rows that follow.
    Columns(Vec<Heading>),
    /// Rows: a value for each column.
    Rows(Vec<Vec<Parameter>>),
    /// Data of a COPY, message by message.
    Copied(Vec<Parameter>),
    /// What was shown and is not kept, because it passes the limit: always the rest of the request.
    Truncated {
        /// Rows, or messages of a COPY.
        rows: u64,
        /// Bytes of their messages.
        bytes: u64,
    },
}

/// A column of a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heading {
    /// Its name.
    pub name: String,
    /// `pg_type.oid`, of the base type for a domain.
    pub kind: u32,
}

/// The end of a forwarded request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// The request's number in its session.
    pub request: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// Microseconds from the question to the verdict: understanding, judging, recording, and waiting for a person. None in
    /// records of older agents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged: Option<u64>,
    /// Microseconds from the verdict to the end.
    pub duration: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_that_an_older_agent_recorded_is_read() {
        let record = r#"{"version":1,"time":1,"session":null,"event":{"decided":{"request":3,
            "parameters":[{"text":"7"},"null",{"binary":"00ff"}],"text":"SELECT $1","fingerprint":"ab","stage":"run",
            "login":null,"verbs":[],"touches":null,"effect":"allow","masks":[],
            "because":{"policies":[],"explanation":"","hint":null,"approvers":[]},"policy":"cd"}}}"#;
        let record: AuditRecord = serde_json::from_str(record).unwrap();
        let AuditEvent::Decided(decided) = record.event else {
            panic!("it is a decision");
        };
        assert_eq!(
            decided.parameters[1..],
            [Parameter::Null, Parameter::Binary("00ff".into())]
        );
        assert!(decided.types.is_empty());
    }
}
