//! What stands in a policy's annotations: a closed set, so that a misspelt one is an error and not a comment.

use std::sync::Arc;

use cedar_policy::Policy;

use crate::error::Flaw;

/// The annotations that a policy may have.
pub(crate) const KNOWN: [&str; 4] = ["@id", "@description", "@approvers", "@hint"];

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
    /// `@hint`: what a refused client can do instead.
    pub hint: Option<String>,
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
        if approvers.is_some() && !code.contains("approved") {
            flaws.push((Some("approvers".to_owned()), Flaw::ApproversWithoutEffect));
        }
        let text = |name: &str| policy.annotation(name).map(str::to_owned);
        match policy.annotation("id") {
            Some(id) if flaws.is_empty() => Ok(Self {
                id: id.into(),
                description: text("description"),
                approvers,
                hint: text("hint"),
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
    if split(value).is_empty() {
        return Some(Flaw::EmptyAnnotation {
            name: name.to_owned(),
        });
    }
    (name == "id" && !is_id(value)).then(|| Flaw::IdMalformed {
        id: value.to_owned(),
    })
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
