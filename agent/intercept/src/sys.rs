//! Everything unsafe of this crate: what the kernel offers and no safe interface has.
//!
//! Knows file descriptors and plain memory, nothing of interception.

#![allow(unsafe_code)]

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use aya::Pod;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A value of the shared interface, as a map holds it.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Plain<T>(pub T);

// SAFETY: `repr(C)` without holes, as the abi crate asserts, and every bit pattern is a value.
unsafe impl Pod for Plain<abi::Original> {}
// SAFETY: as above.
unsafe impl Pod for Plain<abi::Tuple> {}
// SAFETY: as above.
unsafe impl Pod for Plain<abi::Settings> {}

/// Puts another program behind a link: `bpf(BPF_LINK_UPDATE)`, see bpf(2) and `union bpf_attr` in linux/bpf.h.
/// aya offers it for other kinds of program only.
pub fn update_link(link: BorrowedFd<'_>, program: BorrowedFd<'_>) -> io::Result<()> {
    const BPF_LINK_UPDATE: libc::c_int = 29;
    let (link, program) = (number(link), number(program));
    // { link_fd, new_prog_fd, flags, old_prog_fd }
    // SAFETY: no pointers.
    unsafe { bpf(BPF_LINK_UPDATE, &[link, program, 0, 0]) }.map(drop)
}

/// Takes a link off its cgroup now: `bpf(BPF_LINK_DETACH)`. Removing the last pin does it too, but some time later.
pub fn detach_link(link: BorrowedFd<'_>) -> io::Result<()> {
    const BPF_LINK_DETACH: libc::c_int = 34;
    // { link_fd }
    // SAFETY: no pointers.
    unsafe { bpf(BPF_LINK_DETACH, &[number(link)]) }.map(drop)
}

/// Opens what is pinned there: `bpf(BPF_OBJ_GET)`, see bpf(2).
pub fn pinned(path: &Path) -> io::Result<OwnedFd> {
    const BPF_OBJ_GET: libc::c_int = 7;
    #[repr(C)]
    struct Attributes {
        path: u64,
        fd: u32,
        flags: u32,
    }
    let path = CString::new(path.as_os_str().as_bytes())?;
    let attributes = Attributes {
        path: path.as_ptr().addr() as u64,
        fd: 0,
        flags: 0,
    };
    // SAFETY: the path outlives the call, and the kernel only reads it.
    let fd = unsafe { bpf(BPF_OBJ_GET, &attributes) }?;
    // SAFETY: the call succeeded, so this is a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn number(fd: BorrowedFd<'_>) -> u32 {
    fd.as_raw_fd().cast_unsigned()
}

/// bpf(2) with these attributes.
///
/// # Safety
///
/// Pointers among the attributes must be valid for what the command does with them.
unsafe fn bpf<A>(command: libc::c_int, attributes: &A) -> io::Result<libc::c_int> {
    // SAFETY: the attributes outlive the call and are as long as said; the caller vouches for what is in them.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, attributes, size_of::<A>()) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    libc::c_int::try_from(result).map_err(io::Error::other)
}

/// Cookie of the socket's network namespace: `SO_NETNS_COOKIE`, socket(7); `None` before Linux 5.14.
pub fn netns_cookie(socket: BorrowedFd<'_>) -> Option<u64> {
    let mut cookie = 0_u64;
    let mut length = size_of::<u64>() as libc::socklen_t;
    // SAFETY: cookie and length are valid for writes and as long as said.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_NETNS_COOKIE,
            (&raw mut cookie).cast(),
            &raw mut length,
        )
    };
    (result == 0).then_some(cookie)
}

/// Lets the runtime tell when a descriptor can be read.
pub fn readable<T: AsFd + AsRawFd>(owner: T) -> io::Result<AsyncFd<T>> {
    // SAFETY: T owns its descriptor (`AsFd`), and this crate hands in values that never replace it.
    unsafe { AsyncFd::register_with_interest(owner, Interest::READABLE) }.map_err(io::Error::from)
}
