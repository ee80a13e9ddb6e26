//! What can be chosen about a journal.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What can be chosen about a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// When `append` returns.
    pub durability: Durability,
    /// A segment that would grow beyond this many bytes is sealed first.
    pub segment_bytes: u64,
    /// A segment is sealed this long after its first record.
    pub segment_age: Duration,
    /// Bytes of records that may wait for the writer; further appends wait for room.
    pub queue_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            durability: Durability::Process,
            segment_bytes: 64 << 20,
            segment_age: Duration::from_secs(60),
            queue_bytes: 16 << 20,
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
