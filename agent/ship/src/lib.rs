//! Evidence off the host: objects that are created once in an object store, and never written again.
//!
//! Knows no archive: it is told what there is and in which order it has to arrive ([`Parcel`]), so that what is there
//! always hangs together. Knows no clock either: who calls decides when to try again.
//!
//! ```text
//! parcels, in order -> put, only if there is none -> ask the store what it has -> ledger, fsync
//!                      there is one already       -> read it back: the same, or Different
//! ```
//!
//! A store that goes away in the middle costs nothing but time: what the ledger names is not sent again, and what was
//! sent without getting into the ledger is found to be there already.

mod destination;
mod error;
mod fetch;
mod ledger;
mod parcel;
mod shipper;

pub use destination::{Destination, Written};
pub use error::ShipError;
pub use fetch::fetch;
pub use parcel::{Content, Parcel};
pub use shipper::{Shipped, Shipper};
