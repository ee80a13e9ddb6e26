//! Why a session ended other than by its client's wish.

use std::io;
use std::time::Duration;

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
    #[error("the server at {endpoint} could not be reached: {source}")]
    Unreachable {
        /// Where the agent dialled.
        endpoint: intercept::Endpoint,
        /// Why.
        source: io::Error,
    },
    /// The server has no TLS, and is not spoken to without.
    #[error(
        "the server at {endpoint} offers no TLS, and its tls.mode is {mode}: turn ssl on there, or choose another mode"
    )]
    NoServerTls {
        /// Where the agent dialled.
        endpoint: intercept::Endpoint,
        /// What the configuration demands.
        mode: tls::Mode,
    },
    /// The server's side could not be encrypted as it is demanded.
    #[error("the server at {endpoint} was not spoken to: {source}")]
    ServerTls {
        /// Where the agent dialled.
        endpoint: intercept::Endpoint,
        /// Why.
        source: tls::TlsError,
    },
    /// The client's handshake failed. It was told so in TLS's own words, and would understand no others.
    #[error(transparent)]
    ClientTls(tls::TlsError),
    /// A handshake was begun that the agent has no certificate for.
    #[error("the client began a TLS handshake, and there is no certificate to show it")]
    NoCertificate,
    /// The kernel gave no random bytes for a cancel key.
    #[error("no cancel key could be made: {0}")]
    NoKey(#[source] io::Error),
    /// Evidence could not be written.
    #[error("the journal did not take a record: {0}")]
    Journal(#[from] JournalError),
    /// The client did not say what it wants in time.
    #[error("the client sent no complete startup packet in time")]
    StartupTimeout,
    /// The server did not answer what the agent asked it through the session.
    #[error("the server did not tell its catalog within {0:?}")]
    Overdue(Duration),
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
            Self::NoServerTls { .. } | Self::ServerTls { .. } => "server_tls",
            Self::ClientTls(_) | Self::NoCertificate => "client_tls",
            Self::NoKey(_) => "no_key",
            Self::Journal(_) => "journal",
            Self::StartupTimeout => "startup_timeout",
            Self::Overdue(_) => "overdue",
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
            Self::NoServerTls { .. } | Self::ServerTls { .. } => (
                RefusalKind::Unavailable,
                "weir: the connection to the server could not be encrypted as it has to be",
                Some(
                    "Weir's log has the details; its configuration says what is demanded of the server.",
                ),
            ),
            Self::ClientTls(_) | Self::NoCertificate => (
                RefusalKind::Malformed,
                "weir: the TLS handshake failed",
                None,
            ),
            Self::NoKey(_) => (
                RefusalKind::Unavailable,
                "weir: no cancel key could be made for the session",
                None,
            ),
            Self::Journal(_) => return unrecorded(),
            Self::StartupTimeout => (
                RefusalKind::Malformed,
                "weir: no complete startup packet came in time",
                None,
            ),
            Self::Overdue(_) => (
                RefusalKind::Unavailable,
                "weir: the server did not tell its catalog in time",
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
