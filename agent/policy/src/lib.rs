//! Cedar policies and column classes: one pure, total decision.
//!
//! Must not know wire protocols, SQL text or sockets, and asks no clock: what is known about a request
//! comes in as `model` values, the time as a [`Moment`]. The only I/O is reading the policy directory.
//!
//! ```text
//!   directory --load--> PolicySet
//!                          |
//!   subject, target,       v
//!   login, request --> plan: asks --> Cedar, once per ask --> Decision
//!   moment                 (without approval; if that denies, once more with it: allowed then is a hold)
//! ```

mod annotations;
mod case;
mod circumstances;
mod classes;
mod decide;
mod dependence;
mod draft;
mod entities;
mod entitled;
mod error;
mod explain;
mod hidden;
mod live;
mod load;
mod login;
mod names;
mod pattern;
mod plan;
mod reading;
mod set;
mod slice;
mod source;
mod suggest;
mod vocabulary;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod shipped;

pub use circumstances::Moment;
pub use draft::{Draft, Undrafted};
pub use error::{Flaw, PolicyError, Position, Problem};
pub use explain::{Answer, Asked, Explanation};
pub use pattern::ColumnName;
pub use set::PolicySet;
pub use suggest::{Candidate, Suggestion, suggest};

/// The schema that every policy is validated against, in Cedar's human syntax.
pub const SCHEMA: &str = include_str!("../../../policies/schema.cedarschema");
