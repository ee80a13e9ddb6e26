//! Why a session ended other than by its client's wish.

use std::io;

use journal::JournalError;
use model::{Refusal, RefusalKind};
use protocol::ProtocolError;

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// One side sent what is not the protocol.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// The connection to the client broke.
    #[error("the connection to the client broke: {0}")]
    Client(#[source] io::Error),
    /// The connection to the server broke.
    #[error("the connection to the server broke: {0}")]
    Server(#[source] io::Error),
    /// The server could not be reached.
    #[error("the server at {address} could not be reached: {source}")]
    Unreachable {
        /// Where the agent dialled.
        address: std::net::SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Evidence could not be written.
    #[error("the journal did not take a record: {0}")]
    Journal(#[from] JournalError),
    /// The client did not say what it wants in time.
    #[error("the client sent no complete startup packet in time")]
    StartupTimeout,
    /// The agent is stopping.
    #[error("the agent is stopping")]
    Stopping,
}

impl SessionError {
    /// A stable word for metrics and reports.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Protocol(_) => "protocol",
            Self::Client(_) => "client",
            Self::Server(_) => "server",
            Self::Unreachable { .. } => "unreachable",
            Self::Journal(_) => "journal",
            Self::StartupTimeout => "startup_timeout",
            Self::Stopping => "stopping",
        }
    }

    /// What the client may read of it.
    pub fn refusal(&self) -> Refusal {
        let (kind, message, hint) = match self {
            Self::Protocol(error) => return error.refusal.clone(),
            Self::Client(_) | Self::Server(_) => (
                RefusalKind::Unavailable,
                "weir: the connection to the server broke",
                None,
            ),
            Self::Unreachable { .. } => (
                RefusalKind::Unavailable,
                "weir: the server could not be reached",
                Some("Check that the database is up; weir's log has the details."),
            ),
            Self::Journal(_) => return unrecorded(),
            Self::StartupTimeout => (
                RefusalKind::Malformed,
                "weir: no complete startup packet came in time",
                None,
            ),
            Self::Stopping => (RefusalKind::Stopping, "weir: the agent is stopping", None),
        };
        Refusal {
            kind,
            message: message.into(),
            detail: None,
            hint: hint.map(str::to_owned),
        }
    }
}

/// What a client reads when its request cannot be recorded.
pub fn unrecorded() -> Refusal {
    Refusal {
        kind: RefusalKind::Unavailable,
        message: "weir: the request could not be recorded, so it was not run".into(),
        detail: None,
        hint: Some("The audit journal takes no records; weir's log says why.".into()),
    }
}
