//! The PostgreSQL engine: protocol version 3, without socket, clock or policy.
//!
//! Bytes of either side go in, questions and bytes come out ([`protocol::Session`]). What needs no look passes as it
//! came: rows without a mask, COPY data, authentication. What a client asks for stops the client's side until there is
//! a verdict, while the server's side flows on.
//!
//! ```text
//!  Upgrade
//!   ╭──╮
//! startup ──Ask(Connect)──> authentication ──ReadyForQuery──> running
//!    │                       (relayed as it is)                  │ Query, Parse, Execute, FunctionCall: Ask
//!    └──Ask(Cancel)──> done                                      └ all else: bookkeeping and forward
//! ```
//!
//! Protocol: <https://www.postgresql.org/docs/current/protocol.html>.

mod agreement;
mod answers;
mod binding;
mod copying;
mod encryption;
mod extended;
mod failures;
mod frame;
mod inquiry;
mod limit;
mod messages;
mod pipeline;
mod reader;
mod recording;
mod refusal;
mod requests;
mod rows;
mod session;
mod startup;
mod statements;
mod verdicts;
mod wording;

pub use encryption::{SSL_REQUEST, SslAnswer, Tls};
pub use session::{Engine, Limits};
