//! The words that every other crate speaks in: plain values, no behaviour.
//!
//! Knows no protocol, no SQL grammar, no policy language and no clock. A value that cannot be
//! known is a variant of its own ([`Touches::Opaque`]), never an empty list.

mod decision;
mod durability;
mod event;
mod mask;
mod object;
mod output;
mod peer;
mod request;
mod subject;
mod usage;
mod values;

pub use decision::{
    Decision, Effect, Reason, Recorded, Refusal, RefusalKind, RowLimit, Terms, Verdict,
};
pub use durability::Durability;
pub use event::{
    Approval, AuditEvent, AuditRecord, Circumstances, Content, Decided, Finished, Heading, Opened,
    SCHEMA_VERSION, Shown, Side, Stage,
};
pub use mask::{Detect, Floor, MaskFunction, MaskedColumn, Masks, Place, Spread};
pub use object::{Column, Function, Object, Relation};
pub use output::{BaseColumn, CopyForm, Derivation, Output, Outputs};
pub use peer::{Origin, Peer, Process};
pub use request::{
    ColumnUse, Digest, Hashing, Login, Opacity, Outcome, Parameter, ParameterType, ParameterTypes,
    Replication, Request, Shape, Statement, Status, Touch, Touches, Use, Verb,
};
pub use subject::{SessionId, Subject, Target, Workload};
pub use usage::{Count, Usage};
pub use values::{Equal, Values};
