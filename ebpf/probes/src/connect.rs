//! `connect(2)`: lets pass, redirects or refuses.
//!
//! ```text
//!  no stream, port not intercepted ------------------> pass, forgetting what the socket was before
//!  marked by the agent ------------------------------> pass
//!  another network namespace, no agent, no memory ---> refuse
//!  everything else ----------------------------------> redirect
//! ```

use abi::{Count, Settings, feature};
use aya_ebpf::EbpfContext;
use aya_ebpf::bindings::{
    bpf_sock_tuple, bpf_sock_tuple__bindgen_ty_1__bindgen_ty_1,
    bpf_sock_tuple__bindgen_ty_1__bindgen_ty_2,
};
use aya_ebpf::helpers::{
    bpf_get_netns_cookie, bpf_set_retval, bpf_setsockopt, bpf_sk_lookup_tcp, bpf_sk_release,
};
use aya_ebpf::programs::SockAddrContext;
use aya_log_ebpf::{debug, warn};

use crate::address::{self, Family, Ip, LOOPBACK_MAPPED, LOOPBACK_NATIVE};
use crate::maps::{self, Socket, count};
use crate::{identity, kernel};

const PASS: i32 = 1;
/// The caller reads EPERM, or what `bpf_set_retval` said.
const REFUSE: i32 = 0;

/// Decides one connect.
#[inline(always)]
pub fn judge(ctx: &SockAddrContext, family: Family) -> i32 {
    let (socket, port) = (address::socket(ctx), address::port(ctx));
    if !address::is_stream(ctx) {
        return PASS;
    }
    if !maps::is_intercepted(port) {
        // The same socket may have been redirected before (connect to AF_UNSPEC unbinds it): what it was then
        // must not be told by getpeername, nor be inherited by a direct connect to the agent.
        maps::forget_original(socket);
        return PASS;
    }
    if maps::is_own(socket) {
        count(Count::Exempt);
        return PASS;
    }
    match maps::settings() {
        Some(settings) => redirect(ctx, family, socket, port, settings),
        None => refuse(Count::AgentAbsent),
    }
}

#[inline(always)]
fn redirect(
    ctx: &SockAddrContext,
    family: Family,
    socket: Socket,
    port: u16,
    settings: &Settings,
) -> i32 {
    if is_foreign(ctx, settings) {
        debug!(
            ctx,
            "connect to port {} refused: not the agent's network namespace", port
        );
        return refuse(Count::ForeignNetns);
    }
    let wanted = address::ip(ctx, family);
    let agent = if address::is_mapped(&wanted) {
        &LOOPBACK_MAPPED
    } else {
        &LOOPBACK_NATIVE
    };
    if !agent_listens(ctx, agent, settings.port as u16) {
        return refuse(Count::AgentAbsent);
    }
    if !leave_device(ctx, socket) {
        warn!(
            ctx,
            "connect to port {} refused: the socket cannot leave its device", port
        );
        return refuse(Count::DeviceBound);
    }
    let Some(original) = maps::original_or_new(socket) else {
        warn!(
            ctx,
            "connect to port {} refused: no memory for the socket's storage", port
        );
        return refuse(Count::NoStorage);
    };
    // SAFETY: the storage of this socket, alive as long as the socket.
    let original = unsafe { &mut *original };
    original.ip = wanted;
    original.port = port;
    original.family = family as u16;
    identity::capture(original);
    address::replace(ctx, family, agent, settings.port as u16);
    count(Count::Redirected);
    PASS
}

/// Whether the caller lives in another network namespace: the agent does not listen on its loopback, and anybody
/// else could. Where user space could not learn its own cookie, the check of the listener decides alone.
#[inline(always)]
fn is_foreign(ctx: &SockAddrContext, settings: &Settings) -> bool {
    // SAFETY: the context is the program's own.
    settings.netns != 0 && unsafe { bpf_get_netns_cookie(ctx.as_ptr()) } != settings.netns
}

/// Whether the socket that listens there carries the agent's mark: neither a dead agent's port nor somebody
/// who took it over receives a connection.
#[inline(always)]
fn agent_listens(ctx: &SockAddrContext, agent: &Ip, port: u16) -> bool {
    // Looked for in the caller's network namespace, which is the agent's.
    const CURRENT_NETNS: u64 = u64::MAX;
    // SAFETY: all zero is a tuple.
    let mut tuple: bpf_sock_tuple = unsafe { core::mem::zeroed() };
    let size = if address::is_mapped(agent) {
        tuple.__bindgen_anon_1.ipv4.daddr = agent[3];
        tuple.__bindgen_anon_1.ipv4.dport = port.to_be();
        size_of::<bpf_sock_tuple__bindgen_ty_1__bindgen_ty_1>()
    } else {
        tuple.__bindgen_anon_1.ipv6.daddr = *agent;
        tuple.__bindgen_anon_1.ipv6.dport = port.to_be();
        size_of::<bpf_sock_tuple__bindgen_ty_1__bindgen_ty_2>()
    };
    // SAFETY: the tuple is at least `size` bytes, and the socket is released below.
    let listener =
        unsafe { bpf_sk_lookup_tcp(ctx.as_ptr(), &raw mut tuple, size as u32, CURRENT_NETNS, 0) };
    if listener.is_null() {
        return false;
    }
    let own = maps::is_own(listener);
    // SAFETY: acquired above, and not used after this.
    unsafe { bpf_sk_release(listener.cast()) };
    own
}

/// Unbinds the socket from its device, if it has one: loopback cannot be reached through another device.
#[inline(always)]
fn leave_device(ctx: &SockAddrContext, socket: Socket) -> bool {
    const SOL_SOCKET: i32 = 1;
    const SO_BINDTODEVICE: i32 = 25;
    if address::load!(socket, bound_dev_if) == 0 {
        return true;
    }
    let mut none = [0_u8; 4];
    // SAFETY: the buffer is as long as said.
    let result = unsafe {
        bpf_setsockopt(
            ctx.as_ptr(),
            SOL_SOCKET,
            SO_BINDTODEVICE,
            none.as_mut_ptr().cast(),
            none.len() as i32,
        )
    };
    result == 0
}

#[inline(always)]
fn refuse(why: Count) -> i32 {
    const ECONNREFUSED: i32 = 111;
    count(why);
    if kernel::has(feature::SET_RETVAL) {
        // SAFETY: a negative errno, as the helper demands.
        unsafe { bpf_set_retval(-ECONNREFUSED) };
    }
    REFUSE
}
