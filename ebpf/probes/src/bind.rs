//! `bind(2)`: nobody but the agent takes the agent's port, dead or alive.
//!
//! The agent marks its socket before it binds. Neither a cgroup nor a pid would do: others may share the one,
//! and the other is given to somebody else after the agent's death.

use abi::Count;
use aya_ebpf::programs::SockAddrContext;
use aya_log_ebpf::debug;

use crate::address;
use crate::maps::{self, count};

/// Decides one bind; the refused one reads EPERM.
#[inline(always)]
pub fn judge(ctx: &SockAddrContext) -> i32 {
    let port = u32::from(address::port(ctx));
    let taken = maps::settings().is_some_and(|settings| settings.port == port);
    if !taken || maps::is_own(address::socket(ctx)) {
        return 1;
    }
    count(Count::Squatter);
    debug!(ctx, "bind of the agent's port refused");
    0
}
