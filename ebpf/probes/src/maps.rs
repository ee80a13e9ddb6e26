//! The maps, shared by all programs and pinned under the names that they have here.

use abi::{Count, MAX_PENDING, MAX_PORTS, Original, Settings, Tuple};
use aya_ebpf::bindings::{BPF_SK_STORAGE_GET_F_CREATE, bpf_sock};
use aya_ebpf::btf_maps::SkStorage;
use aya_ebpf::helpers::{bpf_sk_storage_delete, bpf_sk_storage_get};
use aya_ebpf::macros::{btf_map, map};
use aya_ebpf::maps::{Array, HashMap, PerCpuArray};

/// On a redirected client's socket: where it wanted to go, and who it is.
#[btf_map]
static ORIGINAL: SkStorage<Original> = SkStorage::new();

/// On the agent's end of a redirected connection: the same, for the agent to read.
#[btf_map]
static ACCEPTED: SkStorage<Original> = SkStorage::new();

/// On the agent's own sockets: [`abi::OWN`]. Written by the agent only.
#[btf_map]
static OWN: SkStorage<u32> = SkStorage::new();

/// From the client's SYN to the agent's handshake. A plain hash: an LRU would evict live entries.
#[map]
pub static PENDING: HashMap<Tuple, Original> = HashMap::with_max_entries(MAX_PENDING, 0);

/// Destination ports that are intercepted, in host order.
#[map]
static PORTS: HashMap<u16, u8> = HashMap::with_max_entries(MAX_PORTS, 0);

/// One element.
#[map]
static SETTINGS: Array<Settings> = Array::with_max_entries(1, 0);

/// Indexed by [`Count`].
#[map]
static COUNTERS: PerCpuArray<u64> = PerCpuArray::with_max_entries(Count::ALL.len() as u32, 0);

/// A socket in the kernel's memory, which stays valid for the run of a program.
pub type Socket = *mut bpf_sock;

/// The client's storage on this socket, if it has one.
#[inline(always)]
pub fn original(socket: Socket) -> Option<*mut Original> {
    stored(&ORIGINAL, socket, 0)
}

/// The client's storage on this socket, made where there is none; `None` without memory.
#[inline(always)]
pub fn original_or_new(socket: Socket) -> Option<*mut Original> {
    stored(&ORIGINAL, socket, BPF_SK_STORAGE_GET_F_CREATE)
}

/// Takes the client's storage off this socket.
#[inline(always)]
pub fn forget_original(socket: Socket) {
    // SAFETY: the map is a socket storage, and the verifier proves the socket.
    unsafe { bpf_sk_storage_delete(definition(&ORIGINAL), socket.cast()) };
}

/// Copies what the client left to the agent's socket; false without memory.
#[inline(always)]
pub fn accept(socket: Socket, original: *mut Original) -> bool {
    // SAFETY: the map is a socket storage, and `original` points to a whole value of another map.
    let value = unsafe {
        bpf_sk_storage_get(
            definition(&ACCEPTED),
            socket.cast(),
            original.cast(),
            BPF_SK_STORAGE_GET_F_CREATE.into(),
        )
    };
    !value.is_null()
}

/// Whether the agent marked this socket as its own.
#[inline(always)]
pub fn is_own(socket: Socket) -> bool {
    stored(&OWN, socket, 0).is_some()
}

/// Whether connections to this port are intercepted.
#[inline(always)]
pub fn is_intercepted(port: u16) -> bool {
    PORTS.get_ptr(port).is_some()
}

/// The settings; `None` until the agent has written them.
#[inline(always)]
pub fn settings() -> Option<&'static Settings> {
    SETTINGS.get(0).filter(|settings| settings.port != 0)
}

/// Counts one.
#[inline(always)]
pub fn count(what: Count) {
    if let Some(counter) = COUNTERS.get_ptr_mut(what as u32) {
        // SAFETY: the element of this CPU, which nobody else writes while the program runs on it.
        unsafe { *counter += 1 };
    }
}

#[inline(always)]
fn stored<T>(map: &'static SkStorage<T>, socket: Socket, flags: u32) -> Option<*mut T> {
    // SAFETY: the map is a socket storage, and the verifier proves the socket.
    let value = unsafe {
        bpf_sk_storage_get(
            definition(map),
            socket.cast(),
            core::ptr::null_mut(),
            flags.into(),
        )
    };
    (!value.is_null()).then_some(value.cast())
}

/// What a helper takes for the map. aya's own methods are for `SockAddrContext` alone.
#[inline(always)]
fn definition<T>(map: &'static SkStorage<T>) -> *mut core::ffi::c_void {
    (&raw const *map).cast_mut().cast()
}
