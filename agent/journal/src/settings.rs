//! What can be chosen about a journal.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What can be chosen about a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// When `append` returns.
    pub durability: Durability,
    /// Room of a segment, bytes, taken on the disk when it is made. A record that does not fit goes to the next one; one
    /// that fits into none gets one of its own.
    pub segment_bytes: u64,
    /// A segment is sealed this long after its first record.
    pub segment_age: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            durability: Durability::Process,
            segment_bytes: 64 << 20,
            segment_age: Duration::from_secs(60),
        }
    }
}

/// What a record survives once `append` has returned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// The end of the agent's process, in any way: the kernel has the record. A sync follows within 20 ms.
    #[default]
    Process,
    /// The end of the host: the disk has the record.
    Strict,
}
