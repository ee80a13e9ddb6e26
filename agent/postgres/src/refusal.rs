//! How a refusal reaches the client.
//!
//! In place of a refused message the server gets one that must fail, and the words of its error are replaced by ours.
//! Whether a transaction is open, what a pipeline skips and which ReadyForQuery follows are then the server's own, and
//! right by construction:
//!
//! ```text
//! refused           sent to the server instead                fails in
//! Query             Query        "weir refused ..."           the raw parser, before anything else happens
//! Parse, Execute    Parse "weir" "weir refused ..."           the raw parser; nothing is prepared
//! FunctionCall      FunctionCall 0                            the look-up of a function that no server has
//! ```
//!
//! A syntax error is found before the server looks at the transaction's state, so it fails the same everywhere. The
//! request's number stands in the text, so that the server's log can be matched with the evidence.

use bytes::{BufMut, BytesMut};
use model::{Refusal, RefusalKind};
use protocol::{ProtocolError, Side, Ticket};

use crate::frame;
use crate::messages::error_response::{self, Words};
use crate::messages::status::text;
use crate::messages::{function_call, parse};

/// Sends a Query that must fail.
pub fn put_failing_query(out: &mut BytesMut, ticket: Ticket) {
    let mut body = BytesMut::new();
    body.put_slice(failing_text(ticket).as_bytes());
    body.put_u8(0);
    frame::put(out, frame::client::QUERY, &body);
}

/// Sends a Parse that must fail. It has a name, because a Parse without one drops the unnamed statement even if it fails.
pub fn put_failing_parse(out: &mut BytesMut, ticket: Ticket) {
    parse::put(out, "weir", &failing_text(ticket));
}

/// Sends a FunctionCall that must fail.
pub fn put_failing_call(out: &mut BytesMut) {
    function_call::put_impossible(out);
}

fn failing_text(ticket: Ticket) -> String {
    format!("weir refused request {} of this session", ticket.0)
}

/// Says no to one request.
pub fn put_error(out: &mut BytesMut, refusal: &Refusal) {
    put(out, "ERROR", refusal);
}

/// Says no to the session.
pub fn put_fatal(out: &mut BytesMut, refusal: &Refusal) {
    put(out, "FATAL", refusal);
}

fn put(out: &mut BytesMut, severity: &str, refusal: &Refusal) {
    let words = Words {
        severity,
        code: code(refusal.kind),
        message: &refusal.message,
        detail: refusal.detail.as_deref(),
        hint: refusal.hint.as_deref(),
    };
    error_response::put(out, frame::server::ERROR_RESPONSE, &words);
}

/// The SQLSTATE of a refusal: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn code(kind: RefusalKind) -> &'static str {
    match kind {
        RefusalKind::NotPermitted => "42501",
        RefusalKind::LoginInvalid => "28000",
        RefusalKind::Malformed => "08P01",
        RefusalKind::TooLarge => "54000",
        RefusalKind::Unavailable => "57P03",
        RefusalKind::Cancelled => "57014",
        RefusalKind::Stopping => "57P01",
        RefusalKind::Unsupported => "0A000",
    }
}

/// The session cannot go on because of what this side sent; `what` follows "sent".
pub fn protocol_error(side: Side, what: impl Into<String>) -> ProtocolError {
    let what = what.into();
    let (kind, message) = match side {
        Side::Client => (
            RefusalKind::Malformed,
            format!("weir: the client sent {what}"),
        ),
        Side::Server => (
            RefusalKind::Unavailable,
            format!("weir: the server sent {what}"),
        ),
    };
    ProtocolError {
        side,
        what,
        refusal: Refusal {
            kind,
            message,
            detail: None,
            hint: None,
        },
    }
}

/// A request that is larger than what is judged.
pub fn too_large(length: u64, limit: u64) -> Refusal {
    Refusal {
        kind: RefusalKind::TooLarge,
        message: format!(
            "weir: a message of {length} bytes is over the limit of {limit} bytes and was not run"
        ),
        detail: None,
        hint: Some("Send less at once, with COPY for instance, or raise sessions.statement_limit or sessions.message_limit.".into()),
    }
}

/// An Execute of a portal whose text nobody has seen.
pub fn unknown_portal(name: &[u8]) -> Refusal {
    Refusal {
        kind: RefusalKind::NotPermitted,
        message: format!(
            "weir: portal \"{}\" was not made from a statement that weir knows, and cannot be judged",
            text(name)
        ),
        detail: None,
        hint: Some(
            "Prepare the statement again through the protocol, or use SQL's EXECUTE and FETCH."
                .into(),
        ),
    }
}
