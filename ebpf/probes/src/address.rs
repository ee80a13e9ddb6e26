//! Addresses in the hooks' contexts, read and written in one form: network order, IPv4 mapped into IPv6.
//!
//! The context is no ordinary memory: the verifier accepts only plain loads and stores of single members, so each
//! is volatile, and none may depend on a condition that the compiler could turn into a computed offset.

use aya_ebpf::bindings::bpf_sock_addr;
use aya_ebpf::programs::SockAddrContext;

use crate::maps::Socket;

/// The family of the socket, which decides how its context is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// AF_INET.
    V4 = 2,
    /// AF_INET6.
    V6 = 10,
}

/// An IPv6 address in network order.
pub type Ip = [u32; 4];

const MAPPED: u32 = 0xffff_u32.to_be();
const LOOPBACK4: u32 = 0x7f00_0001_u32.to_be();

/// `::ffff:127.0.0.1`.
pub const LOOPBACK_MAPPED: Ip = mapped(LOOPBACK4);
/// `::1`.
pub const LOOPBACK_NATIVE: Ip = [0, 0, 0, 1_u32.to_be()];

/// The IPv4 address, in network order, as IPv6.
#[inline(always)]
pub const fn mapped(ip: u32) -> Ip {
    [0, 0, MAPPED, ip]
}

/// Whether it is an IPv4 address.
#[inline(always)]
pub const fn is_mapped(ip: &Ip) -> bool {
    ip[0] == 0 && ip[1] == 0 && ip[2] == MAPPED
}

/// One volatile load of a context's member.
macro_rules! load {
    ($context:expr, $($member:tt)+) => {
        // SAFETY: the kernel passes a valid context, and the verifier checks the access.
        unsafe { core::ptr::read_volatile(&raw const (*$context).$($member)+) }
    };
}
pub(crate) use load;

/// One volatile store to a context's member.
macro_rules! store {
    ($value:expr, $context:expr, $($member:tt)+) => {
        // SAFETY: as for `load`.
        unsafe { core::ptr::write_volatile(&raw mut (*$context).$($member)+, $value) }
    };
}

/// The socket that the system call is about.
#[inline(always)]
pub fn socket(ctx: &SockAddrContext) -> Socket {
    load!(ctx.sock_addr, __bindgen_anon_1.sk)
}

/// Whether the socket is a stream.
#[inline(always)]
pub fn is_stream(ctx: &SockAddrContext) -> bool {
    const SOCK_STREAM: u32 = 1;
    load!(ctx.sock_addr, type_) == SOCK_STREAM
}

/// The port that the caller gave, in host order.
#[inline(always)]
pub fn port(ctx: &SockAddrContext) -> u16 {
    u16::from_be(load!(ctx.sock_addr, user_port) as u16)
}

/// The address that the caller gave.
#[inline(always)]
pub fn ip(ctx: &SockAddrContext, family: Family) -> Ip {
    match family {
        Family::V4 => mapped(load!(ctx.sock_addr, user_ip4)),
        Family::V6 => [
            load!(ctx.sock_addr, user_ip6[0]),
            load!(ctx.sock_addr, user_ip6[1]),
            load!(ctx.sock_addr, user_ip6[2]),
            load!(ctx.sock_addr, user_ip6[3]),
        ],
    }
}

/// Puts another address and port (host order) in place of the caller's, or of the kernel's answer.
#[inline(always)]
pub fn replace(ctx: &SockAddrContext, family: Family, ip: &Ip, port: u16) {
    let context: *mut bpf_sock_addr = ctx.sock_addr;
    match family {
        Family::V4 => store!(ip[3], context, user_ip4),
        Family::V6 => {
            store!(ip[0], context, user_ip6[0]);
            store!(ip[1], context, user_ip6[1]);
            store!(ip[2], context, user_ip6[2]);
            store!(ip[3], context, user_ip6[3]);
        }
    }
    store!(u32::from(port.to_be()), context, user_port);
}
