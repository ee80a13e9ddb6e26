//! `getpeername(2)`: a redirected client sees the peer that it asked for.

use aya_ebpf::programs::SockAddrContext;

use crate::address::{self, Family};
use crate::maps;

/// Answers with the original destination, where there is one. The hook cannot refuse.
#[inline(always)]
pub fn answer(ctx: &SockAddrContext, family: Family) -> i32 {
    if let Some(original) = maps::original(address::socket(ctx)) {
        // SAFETY: the storage of this socket, alive as long as the socket.
        let original = unsafe { &*original };
        address::replace(ctx, family, &original.ip, original.port);
    }
    1
}
