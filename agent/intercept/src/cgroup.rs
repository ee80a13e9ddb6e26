//! The cgroup whose processes are intercepted.
//!
//! Knows directories and their ids, and no name of a workload.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::fstatfs;

use crate::{Effective, InterceptError};

/// `linux/magic.h`.
const CGROUP2_SUPER_MAGIC: i64 = 0x6367_7270;

/// An open cgroup.
pub struct Cgroup {
    /// The directory.
    pub directory: File,
    /// Its absolute path.
    pub path: PathBuf,
    /// Its id: the inode number of the directory.
    pub id: u64,
}

/// Where cgroup v2 is mounted: hybrid hosts do not mount it at `/sys/fs/cgroup`.
pub fn mount() -> Result<PathBuf, InterceptError> {
    let path = PathBuf::from("/proc/self/mountinfo");
    match std::fs::read_to_string(&path) {
        Ok(text) => mounted(&text).ok_or(InterceptError::NoCgroup2),
        Err(source) => Err(InterceptError::Unreadable { path, source }),
    }
}

/// The configured cgroup. The root needs to be allowed.
pub fn find(effective: &Effective) -> Result<Cgroup, InterceptError> {
    let mount = mount()?;
    let cgroup = open(&mount, &effective.cgroup)?;
    if is_root(&mount, &cgroup) && !effective.allow_root {
        return Err(InterceptError::RootCgroup { path: cgroup.path });
    }
    Ok(cgroup)
}

/// The agent's own cgroup, where it lies outside the configured one: its end of each connection belongs to it, and
/// must be watched too. None where the configured one covers it.
pub fn outside(effective: &Effective, cgroup: &Cgroup) -> Result<Option<Cgroup>, InterceptError> {
    let mount = mount()?;
    let path = PathBuf::from("/proc/self/cgroup");
    let text = std::fs::read_to_string(&path)
        .map_err(|source| InterceptError::Unreadable { path, source })?;
    let own = own(&text).ok_or(InterceptError::NoCgroup2)?;
    let own = open(&mount, Path::new(own.trim_start_matches('/')))?;
    if own.path.starts_with(&cgroup.path) {
        return Ok(None);
    }
    if is_root(&mount, &own) && !effective.allow_root {
        return Err(InterceptError::AgentInRoot {
            cgroup: cgroup.path.clone(),
        });
    }
    Ok(Some(own))
}

fn open(mount: &Path, path: &Path) -> Result<Cgroup, InterceptError> {
    let path = mount.join(path);
    let absent = |source: io::Error| InterceptError::NoSuchCgroup {
        path: path.clone(),
        source,
    };
    // Symbolic links and `..` are gone after this, so that paths can be compared.
    let path = path.canonicalize().map_err(absent)?;
    let absent = |source: io::Error| InterceptError::NoSuchCgroup {
        path: path.clone(),
        source,
    };
    let directory = File::open(&path).map_err(absent)?;
    let id = directory.metadata().map_err(absent)?.ino();
    let on_cgroup2 = fstatfs(&directory).is_ok_and(|fs| fs.f_type == CGROUP2_SUPER_MAGIC);
    if !on_cgroup2 {
        return Err(InterceptError::NotACgroup {
            path,
            mount: mount.to_owned(),
        });
    }
    Ok(Cgroup {
        directory,
        path,
        id,
    })
}

fn is_root(mount: &Path, cgroup: &Cgroup) -> bool {
    // The root of a cgroup namespace looks like the root, and is the whole of what can be seen from here.
    mount.metadata().is_ok_and(|root| root.ino() == cgroup.id)
}

/// The mount point of the first cgroup2 file system; see proc_pid_mountinfo(5).
///
/// `31 23 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw`
fn mounted(mountinfo: &str) -> Option<PathBuf> {
    mountinfo.lines().find_map(|line| {
        let (place, kind) = line.split_once(" - ")?;
        let point = place.split(' ').nth(4)?;
        (kind.split(' ').next() == Some("cgroup2")).then(|| PathBuf::from(unescaped(point)))
    })
}

/// The kernel writes space, tab, newline and backslash in a path as `\` and three octal digits.
fn unescaped(path: &str) -> String {
    [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ]
    .into_iter()
    .fold(path.to_owned(), |path, (code, plain)| {
        path.replace(code, plain)
    })
}

/// The path of the line `0::/PATH`; see cgroups(7).
fn own(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("0::"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cgroup2_is_found_where_a_hybrid_host_mounts_it() {
        let text = "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw\n\
                    32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
                    41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw\n";
        assert_eq!(mounted(text), Some("/sys/fs/cgroup/unified".into()));
        assert_eq!(
            mounted("32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"),
            None
        );
    }

    #[test]
    fn a_mount_point_with_a_space_is_read() {
        let text = "41 31 0:38 / /a\\040b rw - cgroup2 none rw\n";
        assert_eq!(mounted(text), Some("/a b".into()));
    }

    #[test]
    fn the_own_cgroup_is_the_one_of_hierarchy_zero() {
        assert_eq!(
            own("9:name=systemd:/x\n0::/system.slice/weir.service\n"),
            Some("/system.slice/weir.service")
        );
        assert_eq!(own("4:memory:/x\n"), None);
    }
}
