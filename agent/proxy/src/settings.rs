//! What the configuration says about sessions.

use std::time::Duration;

use serde::Deserialize;

/// The `[sessions]` table as written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// Sessions at the same time; further connections are closed. Default 5000.
    pub most: Option<usize>,
    /// Seconds that a client has for its startup packet. Default 60, like PostgreSQL's `authentication_timeout`.
    pub startup_timeout: Option<u64>,
    /// Bytes of the largest statement that is judged; a larger one is refused. Default 16 MiB.
    pub statement_limit: Option<usize>,
    /// Bytes of the largest message with bind values, and of the largest row under a mask. Default 1 GiB for a Bind, which
    /// passes in pieces, and 256 MiB for what is held whole.
    pub message_limit: Option<usize>,
    /// Seconds that a held statement waits for an answer. Default 300.
    pub approval_timeout: Option<u64>,
}

/// The settings in force.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Sessions at the same time.
    pub most: usize,
    /// Time that a client has for its startup packet.
    pub startup_timeout: Duration,
    /// Time that a held statement waits for an answer.
    pub approval_timeout: Duration,
    /// Bounds of one session of PostgreSQL's protocol.
    pub postgres: postgres::Limits,
}

impl Written {
    /// Fills in the defaults.
    pub fn effective(&self) -> Settings {
        let defaults = postgres::Limits::default();
        Settings {
            most: self.most.unwrap_or(5000),
            startup_timeout: Duration::from_secs(self.startup_timeout.unwrap_or(60)),
            approval_timeout: Duration::from_secs(self.approval_timeout.unwrap_or(300)),
            postgres: postgres::Limits {
                statement: self.statement_limit.unwrap_or(defaults.statement),
                message: self.message_limit.unwrap_or(defaults.message),
                bind: self.message_limit.unwrap_or(defaults.bind),
                ..defaults
            },
        }
    }
}
