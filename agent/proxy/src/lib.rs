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
mod handshakes;
mod inquiries;
mod pool;
mod pump;
mod reading;
mod refusals;
mod relay;
mod scene;
mod serve;
mod session;
mod settings;
mod stop;
mod upstreams;
mod usage;
mod wire;
mod workers;

pub use cancels::Cancels;
pub use error::SessionError;
pub use gate::{Gate, now};
pub use serve::{Proxy, Servers};
pub use session::Shared;
pub use settings::{Settings, Written};
pub use stop::Stop;
pub use upstreams::{Reached, Shown, Upstreams};
pub use usage::Usages;
pub use wire::{Duplex, Stream};
pub use workers::Workers;
