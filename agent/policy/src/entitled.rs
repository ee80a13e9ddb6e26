//! Who may approve a held request, when several policies hold it.
//!
//! Must not know requests: it only joins what the policies' `@approvers` say.

use std::sync::Arc;

/// Who may approve.
pub(crate) enum Entitled {
    /// Anybody but the requester.
    Anybody,
    /// Those with one of these names.
    Only(Vec<Arc<str>>),
}

impl Entitled {
    /// Those whom both name.
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Anybody, other) => other,
            (this, Self::Anybody) => this,
            (Self::Only(mut these), Self::Only(those)) => {
                these.retain(|name| those.contains(name));
                Self::Only(these)
            }
        }
    }

    /// Those whom either names.
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Only(mut these), Self::Only(those)) => {
                these.extend(those);
                these.sort();
                these.dedup();
                Self::Only(these)
            }
            _ => Self::Anybody,
        }
    }
}
