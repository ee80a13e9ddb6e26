//! What is asked, who asks, and who answers.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use model::{Parameter, ParameterTypes, Reason, SessionId, Subject, Workload};
use serde::{Deserialize, Serialize};

/// The audit login uid of a process that belongs to no login.
const NO_LOGIN: u32 = u32::MAX;

/// A question's short name, to be typed: eight letters and digits of Crockford's base 32 in lower case, 40 random bits.
/// It says which question is meant and proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct QuestionId(Arc<str>);

impl QuestionId {
    const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    const LENGTH: usize = 8;

    /// A new one, by chance.
    pub fn random() -> Self {
        let bits = uuid::Uuid::new_v4().as_u128();
        let letters = (0..Self::LENGTH).map(|place| {
            // The low 62 bits of a version 4 UUID are random (RFC 9562 5.4); five of them choose one of 32 letters.
            let letter = (bits >> (5 * place)) as usize % Self::LETTERS.len();
            char::from(Self::LETTERS.get(letter).copied().unwrap_or(b'0'))
        });
        Self(letters.collect::<String>().into())
    }
}

impl fmt::Display for QuestionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for QuestionId {
    fn from(typed: &str) -> Self {
        Self(typed.trim().to_ascii_lowercase().into())
    }
}

impl FromStr for QuestionId {
    type Err = std::convert::Infallible;

    fn from_str(typed: &str) -> Result<Self, Self::Err> {
        Ok(typed.into())
    }
}

/// One held request: everything that an approver must see, and what the answer is bound to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// Its name.
    pub id: QuestionId,
    /// The session whose request it is.
    pub session: SessionId,
    /// The request's number in that session.
    pub request: u64,
    /// Who wants it.
    pub requester: Requester,
    /// Name of the server.
    pub server: Arc<str>,
    /// Database.
    pub database: String,
    /// Database user.
    pub user: String,
    /// The exact text.
    pub text: Arc<str>,
    /// SHA-256 of the exact text, hex.
    pub fingerprint: String,
    /// The exact bind values.
    pub parameters: Arc<[Parameter]>,
    /// Their types.
    #[serde(default)]
    pub types: ParameterTypes,
    /// Which policies hold it, and who may release it.
    pub because: Reason,
    /// Microseconds since the Unix epoch.
    pub asked_at: i64,
    /// Microseconds since the Unix epoch; the waiting side keeps the time.
    pub expires_at: i64,
}

/// Who wants something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requester {
    /// Most telling first.
    pub workloads: Vec<Workload>,
    /// Unix user.
    pub os_user: Option<String>,
    /// Effective uid, where the kernel said it.
    pub uid: Option<u32>,
    /// Audit login uid, where the process belongs to a login.
    pub login_uid: Option<u32>,
}

impl From<&Subject> for Requester {
    fn from(subject: &Subject) -> Self {
        let process = subject.process.as_ref();
        Self {
            workloads: subject.workloads.clone(),
            os_user: subject.os_user.clone(),
            uid: process.map(|process| process.uid),
            login_uid: process.and_then(|process| login(process.login_uid)),
        }
    }
}

/// Who answers. The caller vouches for every word of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approver {
    /// Uid.
    pub uid: u32,
    /// Name of the uid.
    pub name: String,
    /// Audit login uid; `u32::MAX` where the process belongs to no login.
    pub login_uid: u32,
    /// Names by which policies may mean them: groups, and perhaps their own.
    pub groups: Vec<String>,
}

impl Approver {
    /// The uid that shows this to be the requester: the login that both came from (it survives su and sudo), or the uid
    /// that both have.
    pub(crate) fn shares_with(&self, requester: &Requester) -> Option<u32> {
        let same_login = login(self.login_uid).filter(|uid| requester.login_uid == Some(*uid));
        // A client of the gateway is known by its user's name only.
        let same_name = requester
            .os_user
            .as_ref()
            .filter(|name| **name == self.name);
        same_login
            .or_else(|| requester.uid.filter(|uid| *uid == self.uid))
            .or_else(|| same_name.map(|_| self.uid))
    }

    /// Whether the policies name them; everybody is entitled where they name nobody.
    pub(crate) fn is_among(&self, approvers: &[Arc<str>]) -> bool {
        let named = |approver: &Arc<str>| self.groups.iter().any(|group| **group == **approver);
        approvers.is_empty() || approvers.iter().any(named)
    }
}

/// What an approver says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Let it run.
    Approve {
        /// Why, in their words.
        reason: Option<String>,
    },
    /// Refuse it.
    Deny {
        /// Why, in their words.
        reason: Option<String>,
    },
}

fn login(uid: u32) -> Option<u32> {
    Some(uid).filter(|uid| *uid != NO_LOGIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_short_and_differ() {
        let ids: std::collections::HashSet<_> = (0..1000).map(|_| QuestionId::random()).collect();
        assert_eq!(ids.len(), 1000);
        for id in ids {
            assert_eq!(id.to_string().len(), 8);
            assert_eq!(
                QuestionId::from(format!(" {} ", id.to_string().to_uppercase()).as_str()),
                id
            );
        }
    }
}
