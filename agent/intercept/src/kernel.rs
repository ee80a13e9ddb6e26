//! What the running kernel offers the probes: features by version, and offsets from its type information.

use std::path::Path;

use abi::{feature, offset};
use aya::util::KernelVersion;

use crate::btf::Btf;

/// The values of the probes' globals, for this kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// Bits of [`abi::feature`].
    pub features: u32,
    /// Byte offsets by the name of their global.
    pub offsets: Vec<(&'static str, u32)>,
}

/// The kernel's own type information.
pub const BTF: &str = "/sys/kernel/btf/vmlinux";
/// What the kernel hides even from root.
pub const LOCKDOWN: &str = "/sys/kernel/security/lockdown";

const MEMBERS: [(&str, &str, &str); 9] = [
    (offset::TASK_LEADER, "task_struct", "group_leader"),
    (offset::TASK_STARTED, "task_struct", "start_boottime"),
    (offset::TASK_LOGIN_UID, "task_struct", "loginuid"),
    (offset::TASK_MM, "task_struct", "mm"),
    (offset::MM_EXE, "mm_struct", "exe_file"),
    (offset::FILE_INODE, "file", "f_inode"),
    (offset::INODE_NUMBER, "inode", "i_ino"),
    (offset::INODE_SUPER, "inode", "i_sb"),
    (offset::SUPER_DEVICE, "super_block", "s_dev"),
];

impl Kernel {
    /// The running one.
    pub fn running() -> Self {
        let offsets = offsets();
        let version = KernelVersion::current().ok();
        let since = |minimum| version.is_some_and(|version| version >= minimum);
        let mut features = 0;
        if since(KernelVersion::new(5, 15, 0)) {
            features |= feature::SOCKOPS_NETNS;
        }
        if since(KernelVersion::new(5, 18, 0)) {
            features |= feature::SET_RETVAL;
        }
        if reads_tasks() && is_complete(&offsets) {
            features |= feature::TASK;
        }
        Self { features, offsets }
    }

    /// Whether the hook can see when a process started and what it executes.
    pub fn sees_tasks(&self) -> bool {
        self.features & feature::TASK != 0
    }
}

fn offsets() -> Vec<(&'static str, u32)> {
    let btf = std::fs::read(BTF).ok().and_then(|file| Btf::parse(&file));
    let offset = |structure, member| btf.as_ref().and_then(|btf| btf.offset(structure, member));
    MEMBERS
        .into_iter()
        .map(|(global, structure, member)| {
            (global, offset(structure, member).unwrap_or(offset::ABSENT))
        })
        .collect()
}

/// A kernel without audit has no login uid, and that is no reason to see nothing.
fn is_complete(offsets: &[(&str, u32)]) -> bool {
    offsets
        .iter()
        .all(|(global, at)| *at != offset::ABSENT || *global == offset::TASK_LOGIN_UID)
}

/// Lockdown for confidentiality forbids `bpf_probe_read_kernel`.
fn reads_tasks() -> bool {
    let state = std::fs::read_to_string(Path::new(LOCKDOWN)).unwrap_or_default();
    !state.contains("[confidentiality]")
}
