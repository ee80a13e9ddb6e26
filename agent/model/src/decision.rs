//! What the policies say about a request (`Decision`), and what is done (`Verdict`): two types, so
//! that a hold cannot leak into the code that forwards.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Durability, Masks, Outputs};

/// What the policies say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Allow, deny, or ask somebody.
    pub effect: Effect,
    /// On which terms, where it goes through.
    pub terms: Terms,
    /// How much of it the evidence keeps.
    pub recorded: Recorded,
    /// What its record has to survive at least.
    pub durability: Durability,
    /// Whether the same request would be decided the same at any other moment.
    pub lasts: bool,
    /// Why, for the evidence and for the refused client.
    pub because: Reason,
}

/// On which terms a request goes through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Columns of its result that are masked.
    pub masks: Masks,
    /// How many rows its result may have, where that is limited.
    pub limit: Option<RowLimit>,
    /// Whether the evidence keeps what its client sees of the result.
    pub kept: bool,
    /// What the output of each statement of the text was understood to be: the server must say the same.
    pub outputs: Arc<[Outputs]>,
}

impl From<Masks> for Terms {
    fn from(masks: Masks) -> Self {
        Self {
            masks,
            ..Self::default()
        }
    }
}

/// How many rows a result may have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowLimit {
    /// At most so many rows, or messages of a COPY.
    pub rows: u64,
    /// Ids of the policies that say so.
    pub by: Arc<[Arc<str>]>,
}

/// How much of a statement the evidence keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Recorded {
    /// What it touches and its fingerprint, but neither its text nor its values.
    Metadata,
    /// Its text and its values, too.
    #[default]
    Statements,
    /// What its client saw of the result, too.
    Full,
}

/// The policies' answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Every object is permitted and none is forbidden.
    Allow,
    /// Something is forbidden, not permitted, or not known.
    Deny,
    /// Would be allowed if somebody approved it.
    Hold,
}

impl Effect {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Hold => "hold",
        }
    }
}

/// Why a decision came out as it did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Ids of the deciding policies; empty for a denial by default.
    pub policies: Vec<Arc<str>>,
    /// One sentence in lower case: which permit is missing for which object, or what the rule is for.
    pub explanation: String,
    /// What the client can do about it, if anything.
    pub hint: Option<String>,
    /// Who may approve, for a hold: names from `@approvers`.
    pub approvers: Vec<Arc<str>>,
    /// Whether who approves must say why.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reason_required: bool,
}

/// What is done with a request. Only the proxy's gate makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its bytes go to the server, and its result comes back on these terms.
    Forward(Terms),
    /// The client reads this instead.
    Refuse(Refusal),
}

/// What a refused client may read, whatever the protocol. Nothing else of the agent's inside gets out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of refusal: engines choose the protocol's own code for it.
    pub kind: RefusalKind,
    /// One line that names the rule.
    pub message: String,
    /// More on it, if anything.
    pub detail: Option<String>,
    /// What to do about it, if anything.
    pub hint: Option<String>,
}

/// The kinds of refusal that a client can tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// Policy said no, or nobody said yes. PostgreSQL: 42501.
    NotPermitted,
    /// The login cannot be accepted the way it came: without encryption, or bound to it. PostgreSQL: 28000.
    LoginInvalid,
    /// What was sent is not the protocol. PostgreSQL: 08P01.
    Malformed,
    /// A limit of the agent: too large, too many. PostgreSQL: 54000.
    TooLarge,
    /// The agent cannot do its duty (no record, no policy, no upstream). PostgreSQL: 57P03.
    Unavailable,
    /// The client cancelled it. PostgreSQL: 57014.
    Cancelled,
    /// The agent is stopping. PostgreSQL: 57P01.
    Stopping,
    /// Nothing that Weir speaks yet. PostgreSQL: 0A000.
    Unsupported,
}
