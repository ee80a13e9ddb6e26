//! What stands in a policy's annotations: a closed set, so that a misspelt one is an error and not a comment.

use std::sync::Arc;

use cedar_policy::{Effect, Policy};
use model::{Durability, Recorded};

use crate::error::Flaw;

/// The annotations that a policy may have.
pub(crate) const KNOWN: [&str; 8] = [
    "@id",
    "@description",
    "@hint",
    "@approvers",
    "@reason_required",
    "@max_rows",
    "@record",
    "@durability",
];

/// The one that says all by being there.
const WITHOUT_VALUE: &str = "reason_required";

const LONGEST_ID: usize = 64;

/// A policy's annotations.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// `@id`: the policy's name in evidence and messages.
    pub id: Arc<str>,
    /// `@description`: what it is for.
    pub description: Option<String>,
    /// `@approvers`, split at commas: who may release what it holds. None: anybody but the requester.
    pub approvers: Option<Vec<Arc<str>>>,
    /// `@reason_required`: who approves what it holds must say why.
    pub reason_required: bool,
    /// `@hint`: what a refused client can do instead.
    pub hint: Option<String>,
    /// `@max_rows`: how many rows a result that it permits may have.
    pub max_rows: Option<u64>,
    /// `@record`: how much of what it decides about is kept.
    pub recorded: Recorded,
    /// `@durability`: what the record of what it permits has to survive.
    pub durability: Durability,
}

impl Rule {
    /// Reads them. `code` is the policy's text without strings and comments. A flaw comes with the annotation's name,
    /// where it is about one.
    pub fn read(policy: &Policy, code: &str) -> Result<Self, Vec<(Option<String>, Flaw)>> {
        let mut flaws: Vec<_> = policy
            .annotations()
            .filter_map(|(name, value)| Some((Some(name.to_owned()), flaw_of(name, value)?)))
            .collect();
        let approvers = policy.annotation("approvers").map(split);
        let reason_required = policy.annotation(WITHOUT_VALUE).is_some();
        for name in ["approvers", WITHOUT_VALUE] {
            if policy.annotation(name).is_some() && !code.contains("approved") {
                let flaw = Flaw::ApprovalNotAskedFor {
                    name: name.to_owned(),
                };
                flaws.push((Some(name.to_owned()), flaw));
            }
        }
        let of_permits = [
            ("max_rows", Flaw::RowsOfForbid),
            ("durability", Flaw::DurabilityOfForbid),
        ];
        for (name, flaw) in of_permits {
            if policy.annotation(name).is_some() && policy.effect() == Effect::Forbid {
                flaws.push((Some(name.to_owned()), flaw));
            }
        }
        let text = |name: &str| policy.annotation(name).map(str::to_owned);
        match policy.annotation("id") {
            Some(id) if flaws.is_empty() => Ok(Self {
                id: id.into(),
                description: text("description"),
                approvers,
                reason_required,
                hint: text("hint"),
                max_rows: policy.annotation("max_rows").and_then(rows),
                recorded: policy
                    .annotation("record")
                    .and_then(recorded)
                    .unwrap_or_default(),
                durability: policy
                    .annotation("durability")
                    .and_then(durability)
                    .unwrap_or_default(),
            }),
            Some(_) => Err(flaws),
            None => {
                flaws.push((None, Flaw::IdMissing));
                Err(flaws)
            }
        }
    }
}

fn flaw_of(name: &str, value: &str) -> Option<Flaw> {
    if !KNOWN
        .iter()
        .any(|known| known.strip_prefix('@') == Some(name))
    {
        return Some(Flaw::UnknownAnnotation {
            name: name.to_owned(),
        });
    }
    if name == WITHOUT_VALUE {
        return (!value.is_empty()).then(|| Flaw::ValueWithoutEffect {
            name: name.to_owned(),
        });
    }
    if split(value).is_empty() {
        return Some(Flaw::EmptyAnnotation {
            name: name.to_owned(),
        });
    }
    let written = value.to_owned();
    match name {
        "id" if !is_id(value) => Some(Flaw::IdMalformed { id: written }),
        "max_rows" if rows(value).is_none() => Some(Flaw::RowsMalformed { rows: written }),
        "durability" if durability(value).is_none() => {
            Some(Flaw::DurabilityUnknown { level: written })
        }
        "record" if recorded(value).is_none() => Some(Flaw::RecordUnknown { level: written }),
        _ => None,
    }
}

fn rows(value: &str) -> Option<u64> {
    value.parse().ok().filter(|rows| *rows > 0)
}

fn recorded(value: &str) -> Option<Recorded> {
    match value {
        "metadata" => Some(Recorded::Metadata),
        "statements" => Some(Recorded::Statements),
        "full" => Some(Recorded::Full),
        _ => None,
    }
}

fn durability(value: &str) -> Option<Durability> {
    match value {
        "process" => Some(Durability::Process),
        "release" => Some(Durability::Release),
        "strict" => Some(Durability::Strict),
        _ => None,
    }
}

fn is_id(id: &str) -> bool {
    id.len() <= LONGEST_ID
        && id
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

fn split(names: &str) -> Vec<Arc<str>> {
    names
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(Arc::from)
        .collect()
}
