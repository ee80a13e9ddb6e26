//! What a record of a request survives, and who waits for that.

use serde::{Deserialize, Serialize};

/// What the record of a request survives by when. Each promises what those before it do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// The end of the agent's process, in any way, before the request is forwarded: the kernel has the record. It is on the
    /// disk within 20 ms.
    #[default]
    Process,
    /// The end of the host, before the client reads anything of the reply. The server may have run the request.
    Release,
    /// The end of the host, before the request is forwarded.
    Strict,
}
