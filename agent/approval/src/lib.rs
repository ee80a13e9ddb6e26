//! Held requests and the people who release them.
//!
//! Must not know sockets, policies or the journal, and asks no clock but for the time-out: who somebody is and which
//! groups they are in comes from the caller. An answer is bound to the one request that is held.
//!
//! ```text
//!                        settle: approved, denied
//!   ask --> [open] ----> time-out: expired            --> answer() of the `Waiting`
//!              |-------> the desk is gone: withdrawn
//!              '-------> the `Waiting` is dropped: gone from the list, nobody is told
//! ```

mod desk;
mod error;
mod question;

pub use desk::{Desk, Waiting};
pub use error::ApprovalError;
pub use question::{Answer, Approver, Question, QuestionId, Requester};
