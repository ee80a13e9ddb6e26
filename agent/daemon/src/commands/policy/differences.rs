//! What comes out otherwise by other policies, counted by who asked, with examples. Bounded: of what repeats without end,
//! only numbers grow.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use model::{Decision, Effect, MaskFunction, MaskedColumn, RowLimit};
use serde::Serialize;

use super::recorded::{Recorded, Who};
use crate::screen::one_line;

/// Subjects that are told apart; what others do is counted together.
const SUBJECTS: usize = 10_000;
/// Statements that are shown per subject and kind of difference.
const EXAMPLES: usize = 3;

/// How a decision differs from the recorded one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    Denied,
    Held,
    Masked,
    MaskedOtherwise,
    Unmasked,
    Limited,
    Allowed,
}

impl Change {
    /// What the new decision does that the recorded one did not; none where they are the same.
    pub fn of(recorded: &Recorded, new: &Decision) -> Option<Self> {
        let old = &recorded.decided;
        if old.effect != new.effect {
            return Some(match new.effect {
                Effect::Deny => Self::Denied,
                Effect::Hold => Self::Held,
                Effect::Allow => Self::Allowed,
            });
        }
        let (was, is) = (&old.masks.shown, &new.terms.masks.shown);
        let lacks = |masks: &[MaskedColumn], mask: &MaskedColumn| {
            !masks.iter().any(|other| other.name == mask.name)
        };
        if is.iter().any(|mask| lacks(was, mask)) {
            return Some(Self::Masked);
        }
        if was.iter().any(|mask| lacks(is, mask)) {
            return Some(Self::Unmasked);
        }
        // What is computed from a column is NULL under every mask, and a record does not say where that was.
        let is_computed =
            |mask: &MaskedColumn| mask.place.is_some() && mask.function == MaskFunction::Null;
        let same = |mask: &MaskedColumn| {
            let mut others = was.iter().filter(|other| other.name == mask.name);
            others.any(|other| other.function == mask.function || is_computed(other))
        };
        if !is.iter().all(same) {
            return Some(Self::MaskedOtherwise);
        }
        let most = |limit: &Option<RowLimit>| limit.as_ref().map_or(u64::MAX, |limit| limit.rows);
        (most(&new.terms.limit) < most(&old.limit)).then_some(Self::Limited)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Denied => "newly denied",
            Self::Held => "newly held",
            Self::Masked => "newly masked",
            Self::MaskedOtherwise => "masked otherwise",
            Self::Unmasked => "no longer masked",
            Self::Limited => "limited to fewer rows",
            Self::Allowed => "newly allowed",
        })
    }
}

/// All differences.
#[derive(Debug, Default)]
pub struct Differences(BTreeMap<Change, BTreeMap<Option<Who>, Group>>);

/// Of one kind and subject.
#[derive(Debug, Default, Serialize)]
struct Group {
    count: u64,
    examples: Vec<Example>,
}

/// A statement with both decisions about it.
#[derive(Debug, Serialize)]
struct Example {
    /// None: a login.
    statement: Option<Arc<str>>,
    fingerprint: Option<String>,
    count: u64,
    recorded: Side,
    now: Side,
}

/// One decision.
#[derive(Debug, Serialize)]
struct Side {
    effect: Effect,
    because: String,
    policies: Vec<Arc<str>>,
    masked: Vec<Arc<str>>,
}

/// The columns, each once.
fn names(masks: &[MaskedColumn]) -> Vec<Arc<str>> {
    let mut names: Vec<Arc<str>> = Vec::new();
    for mask in masks {
        if !names.contains(&mask.name) {
            names.push(mask.name.clone());
        }
    }
    names
}

impl Side {
    fn of(effect: Effect, because: &model::Reason, masks: &model::Masks) -> Self {
        Self {
            effect,
            because: because.explanation.clone(),
            policies: because.policies.clone(),
            masked: names(&masks.shown),
        }
    }
}

impl Differences {
    pub fn add(&mut self, change: Change, recorded: &Recorded, new: &Decision) {
        let groups = self.0.entry(change).or_default();
        let who = Some(recorded.who());
        let is_told = groups.len() < SUBJECTS || groups.contains_key(&who);
        let who = who.filter(|_| is_told);
        let group = groups.entry(who).or_default();
        group.count += 1;
        let old = &recorded.decided;
        let known = |example: &&mut Example| example.fingerprint == old.fingerprint;
        if let Some(example) = group.examples.iter_mut().find(known) {
            example.count += 1;
        } else if group.examples.len() < EXAMPLES {
            group.examples.push(Example {
                statement: old.text.clone(),
                fingerprint: old.fingerprint.clone(),
                count: 1,
                recorded: Side::of(old.effect, &old.because, &old.masks),
                now: Side::of(new.effect, &new.because, &new.terms.masks),
            });
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One object per kind and subject.
    pub fn json(&self) -> serde_json::Value {
        let groups = self.0.iter().flat_map(|(change, groups)| {
            groups.iter().map(move |(who, group)| {
                serde_json::json!({
                    "change": change, "subject": who, "count": group.count, "examples": group.examples,
                })
            })
        });
        groups.collect()
    }
}

impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (change, groups) in &self.0 {
            let total: u64 = groups.values().map(|group| group.count).sum();
            writeln!(f, "{change}: {total}")?;
            for (who, group) in groups {
                match who {
                    Some(who) => {
                        writeln!(f, "  {}: {}", one_line(&who.to_string(), 200), group.count)?
                    }
                    None => writeln!(f, "  others: {}", group.count)?,
                }
                for example in &group.examples {
                    write!(f, "{example}")?;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let statement = match (&self.statement, &self.fingerprint) {
            (Some(text), _) => text,
            (None, Some(_)) => "(a statement whose text is not recorded)",
            (None, None) => "(the login)",
        };
        writeln!(f, "    {} times: {}", self.count, one_line(statement, 100))?;
        writeln!(f, "      was {}", self.recorded)?;
        writeln!(f, "      now {}", self.now)
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let because = one_line(&self.because, 300);
        write!(f, "{}: {because}", self.effect.name())?;
        match self.masked.as_slice() {
            [] => Ok(()),
            masked => write!(f, "; masked: {}", masked.join(", ")),
        }
    }
}
