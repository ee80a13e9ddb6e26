//! A validated policy set: immutable, and pure to ask.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use cedar_policy::{Authorizer, PolicyId, Schema};

use crate::annotations::Rule;
use crate::classes::Classes;
use crate::slice::Slices;
use crate::vocabulary::Vocabulary;

/// Policies, their annotations and the column classes, loaded from one directory and validated together.
pub struct PolicySet {
    pub(crate) slices: Slices,
    pub(crate) rules: HashMap<String, Rule>,
    pub(crate) classes: Classes,
    pub(crate) schema: Schema,
    pub(crate) vocabulary: Vocabulary,
    pub(crate) authorizer: Authorizer,
    pub(crate) hash: Arc<str>,
    /// Policies whose answers change by time passing, or by what is read meanwhile.
    pub(crate) of_moment: HashSet<PolicyId>,
    /// Policies that read the statement's values.
    pub(crate) of_values: HashSet<PolicyId>,
}

impl PolicySet {
    /// SHA-256, hex, over the names and contents of all files of the set, the agent's schema among them.
    pub fn hash(&self) -> Arc<str> {
        Arc::clone(&self.hash)
    }

    /// Whether a decision can change with the statement's values alone: then it takes `Statement::values`.
    pub fn depends_on_values(&self) -> bool {
        !self.of_values.is_empty()
    }

    /// Number of policies.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there is no policy; a loaded set has at least one.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }
}

/// Without Cedar's trees, which fill pages.
impl fmt::Debug for PolicySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicySet")
            .field("policies", &self.len())
            .field("hash", &self.hash)
            .finish_non_exhaustive()
    }
}
