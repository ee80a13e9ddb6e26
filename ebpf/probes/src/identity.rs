//! Who the current task is. Only meaningful inside the task's own system call.

use abi::{Original, feature};
use aya_ebpf::helpers::{
    bpf_get_current_cgroup_id, bpf_get_current_comm, bpf_get_current_pid_tgid,
    bpf_get_current_task, bpf_get_current_uid_gid,
};

use crate::kernel::{
    DEVICE, EXE, INODE, LEADER, LOGIN_UID, MM, NUMBER, STARTED, SUPER, Struct, has,
};

/// Writes the identity of the current task. What cannot be read takes the value that says so.
#[inline(always)]
pub fn capture(into: &mut Original) {
    let owner = bpf_get_current_uid_gid();
    into.pid = (bpf_get_current_pid_tgid() >> 32) as u32;
    into.uid = owner as u32;
    into.gid = (owner >> 32) as u32;
    // SAFETY: no arguments, no preconditions.
    into.cgroup = unsafe { bpf_get_current_cgroup_id() };
    into.comm = bpf_get_current_comm().unwrap_or_default();
    into.started = 0;
    into.login_uid = u32::MAX;
    into.exe_inode = 0;
    into.exe_device = 0;
    if has(feature::TASK) {
        read_task(into);
    }
}

#[inline(always)]
fn read_task(into: &mut Original) {
    // SAFETY: no arguments, no preconditions; the pointer is only followed by checked reads.
    let task = Struct(unsafe { bpf_get_current_task() });
    into.started = task.follow(LEADER).read(STARTED).unwrap_or(0);
    into.login_uid = task.read(LOGIN_UID).unwrap_or(u32::MAX);
    let inode = task.follow(MM).follow(EXE).follow(INODE);
    into.exe_inode = inode.read(NUMBER).unwrap_or(0);
    into.exe_device = inode.follow(SUPER).read(DEVICE).unwrap_or(0);
}
