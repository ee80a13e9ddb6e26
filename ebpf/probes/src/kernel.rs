//! What the loader knows about the running kernel: features, and where members of its structs lie.
//!
//! rustc emits no CO-RE relocations, so the loader reads the offsets from the kernel's BTF and writes them into
//! these globals before the object is loaded. They are frozen then, and the verifier sees constants.
//! They are read with `read_volatile`, or the compiler would fold in the zeros that stand here.

use aya_ebpf::helpers::bpf_probe_read_kernel;

/// Read by the loader from the object itself, never by a program.
#[used]
#[unsafe(no_mangle)]
static ABI_VERSION: u32 = abi::ABI_VERSION;

#[unsafe(no_mangle)]
static FEATURES: u32 = 0;

#[unsafe(no_mangle)]
static TASK_LEADER: u32 = 0;
#[unsafe(no_mangle)]
static TASK_STARTED: u32 = 0;
#[unsafe(no_mangle)]
static TASK_LOGIN_UID: u32 = 0;
#[unsafe(no_mangle)]
static TASK_MM: u32 = 0;
#[unsafe(no_mangle)]
static MM_EXE: u32 = 0;
#[unsafe(no_mangle)]
static FILE_INODE: u32 = 0;
#[unsafe(no_mangle)]
static INODE_NUMBER: u32 = 0;
#[unsafe(no_mangle)]
static INODE_SUPER: u32 = 0;
#[unsafe(no_mangle)]
static SUPER_DEVICE: u32 = 0;

/// A struct's member, by the global that holds its offset.
#[derive(Clone, Copy)]
pub struct Member(*const u32);

pub const LEADER: Member = Member(&raw const TASK_LEADER);
pub const STARTED: Member = Member(&raw const TASK_STARTED);
pub const LOGIN_UID: Member = Member(&raw const TASK_LOGIN_UID);
pub const MM: Member = Member(&raw const TASK_MM);
pub const EXE: Member = Member(&raw const MM_EXE);
pub const INODE: Member = Member(&raw const FILE_INODE);
pub const NUMBER: Member = Member(&raw const INODE_NUMBER);
pub const SUPER: Member = Member(&raw const INODE_SUPER);
pub const DEVICE: Member = Member(&raw const SUPER_DEVICE);

/// Whether the loader set this bit of [`abi::feature`].
#[inline(always)]
pub fn has(feature: u32) -> bool {
    constant(&raw const FEATURES) & feature != 0
}

/// A struct in kernel memory, by its address; null where the way to it was lost.
#[derive(Clone, Copy)]
pub struct Struct(pub u64);

impl Struct {
    /// The struct that this pointer member points to.
    #[inline(always)]
    pub fn follow(self, member: Member) -> Self {
        Self(self.read(member).unwrap_or(0))
    }

    /// The member's value; `None` where the kernel has no such member or the memory cannot be read.
    #[inline(always)]
    pub fn read<T>(self, member: Member) -> Option<T> {
        let offset = constant(member.0);
        if self.0 == 0 || offset == abi::offset::ABSENT {
            return None;
        }
        // SAFETY: the helper checks the address itself and fails on one that cannot be read.
        unsafe { bpf_probe_read_kernel((self.0 + u64::from(offset)) as *const T) }.ok()
    }
}

#[inline(always)]
fn constant(global: *const u32) -> u32 {
    // SAFETY: every caller passes one of the statics above.
    unsafe { core::ptr::read_volatile(global) }
}
