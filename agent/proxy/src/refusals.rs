//! What clients read where the gate says no.

use approval::ApprovalError;
use model::{Approval, Reason, Refusal, RefusalKind, SessionId};

use crate::gate::Case;

/// There is no place for the question.
pub fn unasked(error: &ApprovalError) -> Refusal {
    Refusal {
        kind: RefusalKind::Unavailable,
        message: format!("weir: nobody can be asked for approval: {error}"),
        detail: None,
        hint: None,
    }
}

/// The explanation names the rule.
pub fn denied(case: &Case<'_>, because: &Reason) -> Refusal {
    Refusal {
        kind: RefusalKind::NotPermitted,
        message: format!("weir: denied: {}", because.explanation),
        detail: Some(place(case.subject.session, case.number)),
        hint: because.hint.clone(),
    }
}

/// Nobody let it go.
pub fn not_released(case: &Case<'_>, approval: &Approval) -> Refusal {
    let with_reason = |reason: &Option<String>| {
        reason
            .as_ref()
            .map_or_else(String::new, |reason| format!(": {reason}"))
    };
    let message = match approval {
        Approval::Denied { by, reason } => {
            format!(
                "weir: {by} did not approve the statement{}",
                with_reason(reason)
            )
        }
        Approval::Expired => "weir: nobody approved the statement in time".to_owned(),
        Approval::Approved { .. } | Approval::Withdrawn => {
            "weir: the question for approval was withdrawn".to_owned()
        }
    };
    Refusal {
        kind: RefusalKind::NotPermitted,
        message,
        detail: Some(place(case.subject.session, case.number)),
        hint: None,
    }
}

/// Where the evidence of a request is found.
fn place(session: SessionId, request: u64) -> String {
    format!("Session {session}, request {request}.")
}

/// Nobody can be asked in the middle of a login.
pub fn login_not_held() -> Refusal {
    Refusal {
        kind: RefusalKind::NotPermitted,
        message: "weir: a login cannot wait for approval".into(),
        detail: None,
        hint: Some("Permit connect without approval, and ask for approval of statements.".into()),
    }
}
