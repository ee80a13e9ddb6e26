//! Weir's events in OCSF's numbers: class 6005, Datastore Activity, and the profile `security_control`.
//!
//! Source: schema.ocsf.io, release 1.8.0.

use model::{Approval, Decided, Effect, Stage, Status, Touches, Verb};

/// The release whose numbers these are.
pub(crate) const VERSION: &str = "1.8.0";
/// Application Activity.
pub(crate) const CATEGORY: i32 = 6;
/// Datastore Activity.
pub(crate) const CLASS: i32 = 6005;
/// `type_id` of a datastore that is a database.
pub(crate) const DATABASE: i32 = 1;
/// `database.type_id` of a relational one.
pub(crate) const RELATIONAL: i32 = 1;

/// `activity_id`.
pub(crate) mod activity {
    pub(crate) const UNKNOWN: i32 = 0;
    pub(crate) const READ: i32 = 1;
    pub(crate) const UPDATE: i32 = 2;
    pub(crate) const CONNECT: i32 = 3;
    pub(crate) const QUERY: i32 = 4;
    pub(crate) const WRITE: i32 = 5;
    pub(crate) const CREATE: i32 = 6;
    pub(crate) const DELETE: i32 = 7;
    pub(crate) const OTHER: i32 = 99;
}

/// `severity_id`.
pub(crate) mod severity {
    pub(crate) const INFORMATIONAL: i32 = 1;
    pub(crate) const LOW: i32 = 2;
    pub(crate) const MEDIUM: i32 = 3;
    pub(crate) const HIGH: i32 = 4;
}

/// `status_id`.
pub(crate) mod status {
    pub(crate) const UNKNOWN: i32 = 0;
    pub(crate) const SUCCESS: i32 = 1;
    pub(crate) const FAILURE: i32 = 2;
    pub(crate) const OTHER: i32 = 99;
}

/// `action_id` with `disposition_id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Control {
    pub action: i32,
    pub disposition: i32,
}

const fn control(action: i32, disposition: i32) -> Control {
    Control {
        action,
        disposition,
    }
}

const ALLOWED: Control = control(1, 1);
const BLOCKED: Control = control(2, 2);
const DROPPED: Control = control(2, 6);
const APPROVED: Control = control(1, 8);
const DELAYED: Control = control(1, 14);
const MASKED: Control = control(4, 11);
const OBSERVED: Control = control(3, 15);

/// What a decision does to its request.
pub(crate) fn control_of_decision(decided: &Decided) -> Control {
    let meant = meant_by_decision(decided);
    match decided.monitored && meant != ALLOWED {
        true => OBSERVED,
        false => meant,
    }
}

/// What it does where it is enforced.
fn meant_by_decision(decided: &Decided) -> Control {
    match decided.effect {
        Effect::Deny => BLOCKED,
        // Preparing runs nothing, and so nothing is held yet.
        Effect::Hold if decided.stage == Stage::Run => DELAYED,
        Effect::Hold | Effect::Allow if decided.masks.shown.is_empty() => ALLOWED,
        Effect::Hold | Effect::Allow => MASKED,
    }
}

/// What an answer does to a held request.
pub(crate) fn control_of_approval(approval: &Approval) -> Control {
    match approval {
        Approval::Approved { .. } => APPROVED,
        Approval::Denied { .. } | Approval::Expired => BLOCKED,
        Approval::Withdrawn => DROPPED,
    }
}

/// How grave a decision is.
pub(crate) fn severity_of(effect: Effect) -> i32 {
    match effect {
        Effect::Allow => severity::INFORMATIONAL,
        Effect::Hold => severity::LOW,
        Effect::Deny => severity::MEDIUM,
    }
}

/// How a request ended: `status_id` and a word where that says too little.
pub(crate) fn status_of(outcome: &Status) -> (i32, Option<&str>) {
    match outcome {
        Status::Completed => (status::SUCCESS, None),
        Status::Suspended => (status::SUCCESS, Some("suspended")),
        Status::Limited => (status::SUCCESS, Some("limited")),
        Status::Failed { message, .. } => (status::FAILURE, Some(message)),
        Status::Skipped => (status::OTHER, Some("skipped")),
        Status::Unknown => (status::UNKNOWN, None),
    }
}

/// What kind of request it is. A text of several statements is what its gravest verb is.
pub(crate) fn activity_of(decided: &Decided) -> i32 {
    if decided.stage == Stage::Connect {
        return activity::CONNECT;
    }
    if let Some(Touches::Opaque(_)) = decided.touches {
        return activity::UNKNOWN;
    }
    let activities = decided.verbs.iter().copied().map(activity_of_verb);
    activities
        .min_by_key(|activity| gravity(*activity))
        .unwrap_or(activity::OTHER)
}

fn activity_of_verb(verb: Verb) -> i32 {
    match verb {
        Verb::Delete | Verb::Truncate | Verb::Drop => activity::DELETE,
        Verb::Update | Verb::Merge | Verb::Alter | Verb::Grant => activity::UPDATE,
        Verb::Insert | Verb::CopyIn => activity::WRITE,
        Verb::Create => activity::CREATE,
        Verb::CopyOut | Verb::Replicate => activity::READ,
        Verb::Select => activity::QUERY,
        Verb::Set | Verb::Call | Verb::Lock | Verb::Maintain | Verb::Notify => activity::OTHER,
    }
}

/// Place among the activities of one text: the lowest wins.
fn gravity(activity: i32) -> usize {
    const GRAVEST_FIRST: [i32; 6] = [
        activity::DELETE,
        activity::UPDATE,
        activity::WRITE,
        activity::CREATE,
        activity::READ,
        activity::QUERY,
    ];
    let place = GRAVEST_FIRST.iter().position(|other| *other == activity);
    place.unwrap_or(GRAVEST_FIRST.len())
}
