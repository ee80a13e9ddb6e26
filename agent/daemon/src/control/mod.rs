//! The control socket: one request and one answer per connection, each a line of JSON.
//!
//! The socket belongs to the agent's user and nobody else can open it; the kernel says who connected
//! (`SO_PEERCRED`), and that is who approves.

mod client;
mod server;

pub use client::call;
pub use server::Control;

use approval::{Answer, Question};
use serde::{Deserialize, Serialize};

/// What a command asks of the running agent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// All held statements.
    Questions,
    /// Settle one.
    Settle {
        /// Its id.
        id: String,
        /// How.
        answer: Answer,
    },
    /// Load the policies again.
    Reload,
}

/// What the agent answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Held statements, oldest first.
    Questions(Vec<Question>),
    /// Done; a sentence about it.
    Done(String),
    /// Not done; why.
    Failed(String),
}
