//! The cold half of the evidence: sealed segments as Parquet, in a Merkle log, verifiable.
//!
//! Knows the journal's segments and audit records; knows no policy, no protocol and no proxy. Blocking code: it
//! belongs on a thread of its own.
//!
//! ```text
//! <archive>/v1/host=<id>/day=YYYY-MM-DD/<first>-<last>.parquet    one row per record, one file per segment and day (UTC)
//! <archive>/manifest/<id>.jsonl                                   one line per file, in order: what the trail should be
//! <archive>/log/<id>/checkpoint                                   the newest signed head of the log (tlog-checkpoint)
//! <archive>/log/<id>/checkpoints/<size>                           heads that were signed when a file was finished
//! <archive>/log/<id>/keys/<number>                                verifier keys: the first, then each endorsed by the last
//! <archive>/log/<id>/leaf/<first>-<last>                          leaf hashes of a file's rows, 32 bytes each
//! <archive>/log/<id>/tile/<level>/...                             full tiles of the levels from 1 on (tlog-tiles)
//! <archive>/state/<id>.sessions.json                              facts of sessions that are open at the head
//! <archive>/state/<id>.lock                                       held by the agent that writes
//! ```
//!
//! How a sealed segment becomes a file, and what a crash after each step leaves behind:
//!
//! ```text
//! write <first>.parquet.tmp, fsync     -> a temporary file: removed on the next open
//! rename, fsync the directory          -> a file that no line names: written again, with the same rows
//! read back, verify                    -> the same
//! write the leaf hashes, fsync         -> the same
//! append the manifest's line, fsync    -> the line decides: the file is part of the trail
//! write tiles                          -> made again from the leaf hashes
//! write the sessions' facts            -> made again from the files
//! unlink the segment                   -> a segment that is known: compared row by row, then unlinked
//! ```
//!
//! The columns are described in COLUMNS.md ([`DICTIONARY`]), with the log and how to verify it without Weir.

mod archive;
mod chain;
mod checkpoints;
mod column;
mod compare;
mod condition;
mod error;
mod facts;
mod finding;
mod flatten;
mod growing;
mod heads;
mod layout;
mod leaf;
mod log;
mod manifest;
mod nested;
mod ocsf;
mod outgoing;
mod prove;
mod row;
mod table;
mod trail;
mod values;
mod verify;
mod views;
mod workload;

#[cfg(test)]
mod tests;

pub use archive::{Absorbed, Archive};
pub use checkpoints::endorse;
pub use column::{Column, Kind, Schema};
pub use condition::{Condition, NoCondition};
pub use error::ArchiveError;
pub use finding::{Finding, Report, Signed};
pub use heads::Trust;
pub use layout::hosts;
pub use nested::event;
pub use outgoing::{Outgoing, gather, outgoing};
pub use prove::Proven;
pub use row::{Row, Value};
pub use table::TableWriter;
pub use trail::{Filter, Trail};
pub use views::views;

/// The data dictionary, as Markdown.
pub const DICTIONARY: &str = include_str!("../COLUMNS.md");
