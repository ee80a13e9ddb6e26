//! What can be chosen about a journal.

use std::time::Duration;

/// What can be chosen about a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Room of a segment, bytes, taken on the disk when it is made. A record that does not fit goes to the next one; one
    /// that fits into none gets one of its own.
    pub segment_bytes: u64,
    /// A segment is sealed this long after its first record.
    pub segment_age: Duration,
    /// Bytes of full segments that may wait to be synced before no more records are taken.
    pub backlog_bytes: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            segment_age: Duration::from_secs(60),
            backlog_bytes: 256 << 20,
        }
    }
}
