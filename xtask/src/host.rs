//! What this machine is and what it lets this process do.
//!
//! Reads `/proc` and `/etc` only; changes nothing.

use std::fs;
use std::path::Path;

/// CAP_BPF and CAP_SYS_ADMIN, capabilities(7).
const CAP_SYS_ADMIN: u32 = 21;
const CAP_BPF: u32 = 39;

/// Whether this runs as root.
pub fn is_root() -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|status| effective_uid(&status) == Some(0))
}

/// Whether `CI=true` is set: then a test that cannot run fails, and nothing is skipped.
pub fn is_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

/// Whether packages come from apt.
pub fn is_debian() -> bool {
    fs::read_to_string("/etc/os-release").is_ok_and(|text| names_debian(&text))
}

/// Why connections cannot be redirected here, in one phrase; none where they can.
pub fn interception_obstacle() -> Option<&'static str> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    if !has_capability(&status, CAP_BPF) && !has_capability(&status, CAP_SYS_ADMIN) {
        Some("this process may not load BPF programs (root, or CAP_BPF and CAP_NET_ADMIN)")
    } else if !Path::new("/sys/kernel/btf/vmlinux").exists() {
        Some("the kernel does not describe its types (CONFIG_DEBUG_INFO_BTF)")
    } else if !has_cgroup2(&mounts) {
        Some("no cgroup v2 hierarchy is mounted")
    } else {
        None
    }
}

/// Second number of the `Uid:` line: real, effective, saved, file system (proc_pid_status(5)).
fn effective_uid(status: &str) -> Option<u32> {
    field(status, "Uid:")?
        .split_whitespace()
        .nth(1)?
        .parse()
        .ok()
}

fn has_capability(status: &str, capability: u32) -> bool {
    field(status, "CapEff:")
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & (1 << capability) != 0)
}

fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(name))
}

/// The file system type is the first word after the lone hyphen (proc_pid_mountinfo(5)).
fn has_cgroup2(mountinfo: &str) -> bool {
    mountinfo.lines().any(|line| {
        line.split_once(" - ")
            .is_some_and(|(_, rest)| rest.starts_with("cgroup2 "))
    })
}

fn names_debian(os_release: &str) -> bool {
    os_release.lines().any(|line| {
        line.strip_prefix("ID=")
            .or_else(|| line.strip_prefix("ID_LIKE="))
            .is_some_and(|ids| ids.trim_matches('"').split(' ').any(|id| id == "debian"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str =
        "Name:\txtask\nUid:\t1000\t0\t1000\t1000\nCapEff:\t0000008000000000\nSeccomp:\t0\n";

    #[test]
    fn the_effective_user_counts() {
        assert_eq!(effective_uid(STATUS), Some(0));
        assert_eq!(effective_uid("Uid:\t0"), None);
    }

    #[test]
    fn capabilities_are_read_from_the_effective_mask() {
        assert!(has_capability(STATUS, CAP_BPF));
        assert!(!has_capability(STATUS, CAP_SYS_ADMIN));
        assert!(!has_capability("CapEff:\tx", CAP_BPF));
    }

    #[test]
    fn the_type_counts_and_not_a_mount_point_of_that_name() {
        assert!(has_cgroup2(
            "36 25 0:31 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate"
        ));
        assert!(!has_cgroup2(
            "36 25 0:31 / /mnt/cgroup2 rw - tmpfs cgroup2 rw"
        ));
    }

    #[test]
    fn derivatives_of_debian_count_as_debian() {
        assert!(names_debian("NAME=x\nID=debian\n"));
        assert!(names_debian("ID=ubuntu\nID_LIKE=\"debian\"\n"));
        assert!(!names_debian("ID=fedora\nNAME=\"not debian\"\n"));
    }
}
