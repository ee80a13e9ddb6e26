//! The probes: one object, attached to one cgroup, that bends database connections to the agent.
//!
//! They know ports and sockets, and no protocol, no policy and no name.
//!
//! ```text
//!  client's socket                                          agent's socket
//!  ---------------                                          --------------
//!  connect(2) -> connect4/6: ORIGINAL <- destination + identity,
//!                destination <- agent
//!  TCP_CONNECT_CB (before the SYN): PENDING[tuple] <- ORIGINAL
//!                                                           PASSIVE_ESTABLISHED (before accept):
//!                                                           ACCEPTED <- PENDING[mirrored tuple], removed
//!  TCP_CLOSE: PENDING[tuple] removed                        accept(2): the agent reads ACCEPTED
//!  getpeername(2) -> getpeername4/6: ORIGINAL's destination
//! ```
//!
//! ORIGINAL and ACCEPTED live and die with their sockets, and PENDING holds a connection for microseconds, so
//! nothing is ever evicted or collected. Where something fails, the connection is refused, here or by the agent.

#![no_std]
#![no_main]

mod address;
mod bind;
mod connect;
mod handover;
mod identity;
mod kernel;
mod maps;
mod peername;

use aya_ebpf::macros::{cgroup_sock_addr, sock_ops};
use aya_ebpf::programs::{SockAddrContext, SockOpsContext};

use crate::address::Family;

/// IPv4 sockets connect.
#[cgroup_sock_addr(connect4)]
pub fn connect4(ctx: SockAddrContext) -> i32 {
    connect::judge(&ctx, Family::V4)
}

/// IPv6 sockets connect, to IPv6 or to a mapped IPv4 address.
#[cgroup_sock_addr(connect6)]
pub fn connect6(ctx: SockAddrContext) -> i32 {
    connect::judge(&ctx, Family::V6)
}

/// IPv4 sockets ask for their peer.
#[cgroup_sock_addr(getpeername4)]
pub fn getpeername4(ctx: SockAddrContext) -> i32 {
    peername::answer(&ctx, Family::V4)
}

/// IPv6 sockets ask for their peer.
#[cgroup_sock_addr(getpeername6)]
pub fn getpeername6(ctx: SockAddrContext) -> i32 {
    peername::answer(&ctx, Family::V6)
}

/// IPv4 sockets bind.
#[cgroup_sock_addr(bind4)]
pub fn bind4(ctx: SockAddrContext) -> i32 {
    bind::judge(&ctx)
}

/// IPv6 sockets bind.
#[cgroup_sock_addr(bind6)]
pub fn bind6(ctx: SockAddrContext) -> i32 {
    bind::judge(&ctx)
}

/// TCP sockets change state. Not named `sockops`: a function may not bear its section's name.
#[sock_ops]
pub fn handover(ctx: SockOpsContext) -> u32 {
    handover::observe(&ctx);
    0
}

/// The verifier admits no code that could panic; this only satisfies the compiler.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}

/// The kernel offers `bpf_probe_read_kernel` to GPL-compatible programs only.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
