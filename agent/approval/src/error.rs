//! Why a question was not taken, or an answer not accepted.

use crate::QuestionId;

/// Why a question was not taken, or an answer not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApprovalError {
    /// Too many questions are open.
    #[error("{limit} requests are already waiting for approval; settle some of them first")]
    DeskFull {
        /// How many may be open.
        limit: usize,
    },
    /// The id is taken by a question that is still open.
    #[error("a request with the id {id} is already waiting; ask with a new id")]
    IdTaken {
        /// Which.
        id: QuestionId,
    },
    /// Nothing of this id waits: it never did, was settled, ran out of time, or its client went away.
    #[error(
        "no request {id} is waiting; it may be settled, expired or withdrawn: list the open ones"
    )]
    NotOpen {
        /// Which.
        id: QuestionId,
    },
    /// Somebody wants to approve what they asked for themselves.
    #[error("request {id} was made by {approver} (uid {uid}); somebody else must approve it")]
    OwnRequest {
        /// Which.
        id: QuestionId,
        /// Name of the approver.
        approver: String,
        /// What they share with the requester: the uid, or the login uid behind it.
        uid: u32,
    },
    /// The approver is none of those whom the policies name.
    #[error("request {id} may be settled by {}; {approver} is none of them", approvers.join(", "))]
    NotEntitled {
        /// Which.
        id: QuestionId,
        /// Name of the approver.
        approver: String,
        /// Whom the policies name.
        approvers: Vec<String>,
    },
    /// A policy wants to know why the request is approved.
    #[error("request {id} may only be approved with a reason; give one with --reason")]
    ReasonMissing {
        /// Which.
        id: QuestionId,
    },
}
