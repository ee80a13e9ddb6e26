//! A decision with everything that was asked on the way to it, as text and for JSON.

use std::fmt;
use std::sync::Arc;

use cedar_policy::EntityUid;
use model::{Decision, Durability, Effect, Masks, Reason, Recorded, RowLimit, Terms};
use serde::{Serialize, Serializer};

/// Why a request is decided as it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// The decision's effect.
    pub effect: Effect,
    /// The decision's masks.
    pub masks: Masks,
    /// How many rows a result may have, where that is limited.
    pub limit: Option<RowLimit>,
    /// How much of it the evidence keeps.
    #[serde(skip)]
    pub recorded: Recorded,
    /// What its record has to survive at least.
    #[serde(skip)]
    pub durability: Durability,
    /// The decision's reason.
    pub because: Reason,
    /// Every question that was asked, in the order of the statement.
    pub asked: Vec<Asked>,
    /// Whether it is good for any moment.
    #[serde(skip)]
    pub lasts: bool,
    /// SHA-256 of the policy set, hex.
    pub policy: Arc<str>,
}

/// One question and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// Action of the policy schema.
    pub action: &'static str,
    /// The object with its kind: `table shop/app.public.customers`.
    pub object: String,
    /// The same as policies name it: `Table::"shop/app.public.customers"`.
    #[serde(serialize_with = "as_text")]
    pub(crate) resource: EntityUid,
    /// What the policies say to it.
    pub answer: Answer,
    /// What they would say if somebody approved the request, where that was asked and differs.
    pub if_approved: Option<Answer>,
    /// Whether a no only masks the column and refuses nothing.
    pub maskable: bool,
}

/// What the policies say to one question. The lists are ids of policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// These permit, and none forbids.
    PermittedBy(Vec<Arc<str>>),
    /// These forbid.
    ForbiddenBy(Vec<Arc<str>>),
    /// None permits and none forbids.
    NobodyPermits,
    /// Evaluation failed, so nothing is permitted.
    Failed {
        /// In these; empty where no policy was reached.
        policies: Vec<Arc<str>>,
        /// What happened.
        error: String,
    },
}

impl Answer {
    /// Whether it is a yes.
    pub fn permits(&self) -> bool {
        matches!(self, Self::PermittedBy(_))
    }

    /// The policies that it names.
    pub fn policies(&self) -> &[Arc<str>] {
        match self {
            Self::PermittedBy(ids) | Self::ForbiddenBy(ids) => ids,
            Self::Failed { policies, .. } => policies,
            Self::NobodyPermits => &[],
        }
    }
}

impl Explanation {
    /// The permits that this workload lacks, in Cedar: of a denial, each question that nobody would say yes to, also if
    /// somebody approved. Empty where it is denied by rules alone.
    pub fn missing(&self, workload: &str) -> Vec<String> {
        let refused = |asked: &&Asked| {
            let last = asked.if_approved.as_ref().unwrap_or(&asked.answer);
            *last == Answer::NobodyPermits && !asked.maskable
        };
        let asked = self.asked.iter().filter(|_| self.effect == Effect::Deny);
        asked
            .filter(refused)
            .map(|asked| {
                let (action, resource) = (asked.action, &asked.resource);
                format!(
                    "permit (principal in Workload::{workload:?}, action == Action::\"{action}\", resource == {resource});"
                )
            })
            .collect()
    }

    /// The decision alone.
    pub fn into_decision(self) -> Decision {
        Decision {
            effect: self.effect,
            terms: Terms {
                masks: self.masks,
                limit: self.limit,
                kept: self.recorded == Recorded::Full,
                ..Terms::default()
            },
            recorded: self.recorded,
            durability: self.durability,
            lasts: self.lasts,
            because: self.because,
        }
    }
}

fn as_text<S: Serializer>(uid: &EntityUid, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(uid)
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.effect.name(), self.because.explanation)?;
        if !self.because.approvers.is_empty() {
            writeln!(f, "  approvers: {}", self.because.approvers.join(", "))?;
        }
        if self.because.reason_required {
            writeln!(f, "  who approves must say why")?;
        }
        if let Some(hint) = &self.because.hint {
            writeln!(f, "  hint: {hint}")?;
        }
        for asked in &self.asked {
            writeln!(f, "  {asked}")?;
        }
        if let Some(limit) = &self.limit {
            let by = limit.by.join(", ");
            writeln!(f, "  at most {} rows (by {by})", limit.rows)?;
        }
        for mask in self.masks.shown.iter() {
            match mask.place {
                Some(place) => writeln!(
                    f,
                    "  masked: {} ({}) in column {} of the result",
                    mask.name,
                    mask.class,
                    place.output.saturating_add(1)
                )?,
                None => writeln!(f, "  masked: {} ({})", mask.name, mask.class)?,
            }
        }
        for mask in self.masks.told.iter() {
            writeln!(f, "  withheld from errors: {} ({})", mask.name, mask.class)?;
        }
        write!(f, "  policy set: {}", self.policy)
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}: {}", self.action, self.object, self.answer)?;
        match &self.if_approved {
            Some(approved) => write!(f, "; once approved: {approved}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PermittedBy(ids) => write!(f, "permitted by {}", ids.join(", ")),
            Self::ForbiddenBy(ids) => write!(f, "forbidden by {}", ids.join(", ")),
            Self::NobodyPermits => f.write_str("nobody permits"),
            Self::Failed { policies, error } if policies.is_empty() => write!(f, "failed: {error}"),
            Self::Failed { policies, error } => {
                write!(f, "failed in {}: {error}", policies.join(", "))
            }
        }
    }
}
