//! The order of the sentence: the gate, the pump, and nothing else.
//!
//! ```text
//! accept ─> identify ─> Opened ─┐
//!                               ▼
//!   client ⇄ pump ⇄ engine ─ Ask ─> facts ─> decide ─> Decided ─> (hold ─> Settled) ─> Verdict ─> engine ─> server
//!                               └─ Finished ─> Finished                              └─ Closed
//! ```
//!
//! Only this crate knows the order, and only its [`Gate`] makes a verdict. What the journal does not take is not
//! forwarded: no record, no verdict; no verdict, no byte.

mod cancels;

mod error;
mod gate;
mod pump;
mod reading;
mod relay;
mod scene;
mod serve;
mod session;
mod settings;
mod wire;

pub use cancels::Cancels;
pub use error::SessionError;
pub use gate::{Gate, now};
pub use serve::{Proxy, Servers};
pub use session::{Shared, Stop};
pub use settings::{Settings, Written};
