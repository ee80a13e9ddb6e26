//! Everything unsafe of this crate: what the kernel offers and no safe interface has.
//!
//! Knows file descriptors and plain memory, nothing of interception.

#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

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
    #[repr(C)]
    struct Attributes {
        link: u32,
        new_program: u32,
        flags: u32,
        old_program: u32,
    }
    let attributes = Attributes {
        link: link.as_raw_fd().cast_unsigned(),
        new_program: program.as_raw_fd().cast_unsigned(),
        flags: 0,
        old_program: 0,
    };
    // SAFETY: the attributes outlive the call and are as long as said; both descriptors are borrowed.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            BPF_LINK_UPDATE,
            &raw const attributes,
            size_of::<Attributes>(),
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Opens what is pinned there: `bpf(BPF_OBJ_GET)`, see bpf(2).
pub fn pinned(path: &std::path::Path) -> io::Result<std::os::fd::OwnedFd> {
    use std::os::fd::FromRawFd as _;
    use std::os::unix::ffi::OsStrExt as _;
    const BPF_OBJ_GET: libc::c_int = 7;
    #[repr(C)]
    struct Attributes {
        path: u64,
        fd: u32,
        flags: u32,
    }
    let path = std::ffi::CString::new(path.as_os_str().as_bytes())?;
    let attributes = Attributes {
        path: path.as_ptr() as u64,
        fd: 0,
        flags: 0,
    };
    // SAFETY: the attributes and the path outlive the call, and are as long as said.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            BPF_OBJ_GET,
            &raw const attributes,
            size_of::<Attributes>(),
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded, so this is a new descriptor that nobody else owns.
    Ok(unsafe { std::os::fd::OwnedFd::from_raw_fd(result as libc::c_int) })
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
