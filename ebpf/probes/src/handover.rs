//! TCP callbacks: carry the original destination from the client's socket to the agent's end.
//!
//! ```text
//!  TCP_CONNECT_CB (client, source port chosen, SYN not sent) ---> PENDING[tuple] <- ORIGINAL
//!  PASSIVE_ESTABLISHED (agent's end, not yet accepted) ---------> ACCEPTED <- PENDING[tuple], removed
//!  STATE_CB to TCP_CLOSE (client) ------------------------------> PENDING[tuple] removed
//! ```
//!
//! TCP_CONNECT_CB and not ACTIVE_ESTABLISHED: with TCP Fast Open the agent can accept on the SYN.

use abi::{Count, Settings, Tuple, feature};
use aya_ebpf::EbpfContext;
use aya_ebpf::bindings::{
    BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB, BPF_SOCK_OPS_STATE_CB, BPF_SOCK_OPS_STATE_CB_FLAG,
    BPF_SOCK_OPS_TCP_CONNECT_CB, bpf_sock_ops,
};
use aya_ebpf::helpers::bpf_get_netns_cookie;
use aya_ebpf::programs::SockOpsContext;
use aya_log_ebpf::warn;

use crate::address::{load, mapped};
use crate::kernel;
use crate::maps::{self, PENDING, Socket, count};

const TCP_CLOSE: u32 = 7;

/// Looks at one callback.
#[inline(always)]
pub fn observe(ctx: &SockOpsContext) {
    let op = load!(ctx.ops, op);
    if op != BPF_SOCK_OPS_TCP_CONNECT_CB
        && op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB
        && op != BPF_SOCK_OPS_STATE_CB
    {
        return;
    }
    let Some(settings) = maps::settings() else {
        return;
    };
    let connection = tuple(ctx, settings);
    let agent_end = op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB;
    let port = if agent_end {
        connection.local_port
    } else {
        connection.remote_port
    };
    let socket: Socket = load!(ctx.ops, __bindgen_anon_2.sk);
    if port != settings.port || socket.is_null() {
        return;
    }
    match op {
        BPF_SOCK_OPS_TCP_CONNECT_CB => leave(ctx, socket, &connection),
        BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB => collect(ctx, socket, &connection.mirrored()),
        _ => {
            if load!(ctx.ops, __bindgen_anon_1.args[1]) == TCP_CLOSE {
                let _ = PENDING.remove(connection);
            }
        }
    }
}

/// The client leaves its original destination for the agent's end, before the SYN goes out.
#[inline(always)]
fn leave(ctx: &SockOpsContext, socket: Socket, connection: &Tuple) {
    let Some(original) = maps::original(socket) else {
        // A direct connect to the agent's port inherits nothing.
        let _ = PENDING.remove(connection);
        return;
    };
    // SAFETY: the storage of this socket, alive as long as the socket.
    if PENDING
        .insert(connection, unsafe { &*original }, 0)
        .is_err()
    {
        count(Count::HandoverFailed);
        warn!(
            ctx,
            "a connection loses its original destination: the table of pending connections is full"
        );
        return;
    }
    let flags = ctx.cb_flags() | BPF_SOCK_OPS_STATE_CB_FLAG;
    let _ = ctx.set_cb_flags(flags as i32);
}

/// The agent's end takes what its client left.
#[inline(always)]
fn collect(ctx: &SockOpsContext, socket: Socket, connection: &Tuple) {
    let Some(original) = PENDING.get_ptr_mut(connection) else {
        count(Count::Direct);
        return;
    };
    if maps::accept(socket, original) {
        count(Count::HandedOver);
    } else {
        count(Count::HandoverFailed);
        warn!(
            ctx,
            "a connection loses its original destination: no memory for the socket's storage"
        );
    }
    let _ = PENDING.remove(connection);
}

/// The connection as this socket sees it. Every member is loaded before any is chosen, or the compiler would
/// compute the member's offset, which the verifier refuses.
#[inline(always)]
fn tuple(ctx: &SockOpsContext, settings: &Settings) -> Tuple {
    const AF_INET: u32 = 2;
    let ops: *mut bpf_sock_ops = ctx.ops;
    let family = load!(ops, family);
    let (local4, remote4) = (load!(ops, local_ip4), load!(ops, remote_ip4));
    let local6 = [
        load!(ops, local_ip6[0]),
        load!(ops, local_ip6[1]),
        load!(ops, local_ip6[2]),
        load!(ops, local_ip6[3]),
    ];
    let remote6 = [
        load!(ops, remote_ip6[0]),
        load!(ops, remote_ip6[1]),
        load!(ops, remote_ip6[2]),
        load!(ops, remote_ip6[3]),
    ];
    let v4 = family == AF_INET;
    Tuple {
        netns: netns(ctx, settings),
        local_ip: if v4 { mapped(local4) } else { local6 },
        remote_ip: if v4 { mapped(remote4) } else { remote6 },
        local_port: load!(ops, local_port),
        remote_port: u32::from_be(load!(ops, remote_port)),
    }
}

/// The network namespace; where the kernel does not tell, the agent's: connects from another are refused anyway.
#[inline(always)]
fn netns(ctx: &SockOpsContext, settings: &Settings) -> u64 {
    if kernel::has(feature::SOCKOPS_NETNS) {
        // SAFETY: the context is the program's own.
        unsafe { bpf_get_netns_cookie(ctx.as_ptr()) }
    } else {
        settings.netns
    }
}
