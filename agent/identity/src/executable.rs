//! What a process executes, where it can be proven to be the process that connected.
//!
//! The hook saw pid, start time, inode and device. Here is only a pid, and perhaps another process has it by now, or
//! the same one executes something else. So: the directory of /proc is opened once (it stays with its process),
//! start time and inode must agree, and the path must lead to the same file from here: a process in a mount
//! namespace of its own can lay any file at any path.

use std::fs;
use std::io::Read as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use model::Process;
use rustix::fs::{AtFlags, Mode, OFlags};

/// A process that still lives and is the one that the hook saw.
pub struct Living {
    directory: OwnedFd,
}

impl Living {
    /// Opens it; `None` where it is gone, or where it cannot be told from another.
    pub fn open(process: &Process) -> Option<Self> {
        if process.started == 0 {
            return None;
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let path = format!("/proc/{}", process.pid);
        let directory = rustix::fs::open(path, flags, Mode::empty()).ok()?;
        let living = Self { directory };
        let started = start_ticks(&living.read("stat")?)?;
        (started == ticks(process.started)).then_some(living)
    }

    /// Path of its cgroup v2 as this process sees it; not proven.
    pub fn cgroup(&self) -> Option<PathBuf> {
        let text = self.read("cgroup")?;
        text.lines()
            .find_map(|line| line.strip_prefix("0::"))
            .map(PathBuf::from)
    }

    /// Path of the executable, where it is the file that the hook saw and lies there for this process too.
    pub fn executable(&self, process: &Process) -> Option<String> {
        let seen = rustix::fs::statat(self.directory.as_fd(), "exe", AtFlags::empty()).ok()?;
        if seen.st_ino != process.exe_inode || device(seen.st_dev) != process.exe_device {
            return None;
        }
        let link = rustix::fs::readlinkat(self.directory.as_fd(), "exe", Vec::new()).ok()?;
        let path = PathBuf::from(std::ffi::OsString::from_vec(link.into_bytes()));
        let here = fs::metadata(&path).ok()?;
        let same = (here.ino(), here.dev()) == (seen.st_ino, seen.st_dev);
        (same && path.is_absolute()).then(|| path.to_str().map(str::to_owned))?
    }

    fn read(&self, name: &str) -> Option<String> {
        const LONGEST: u64 = 64 << 10;
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let file = rustix::fs::openat(
            self.directory.as_fd(),
            Path::new(name),
            flags,
            Mode::empty(),
        );
        let mut bytes = Vec::new();
        fs::File::from(file.ok()?)
            .take(LONGEST)
            .read_to_end(&mut bytes)
            .ok()?;
        // The command's name may be any bytes; what is looked for is ASCII.
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Field 22 of proc_pid_stat(5): start in clock ticks since boot. The second field is the command's name in
/// parentheses and may hold anything, so counting begins behind the last one.
fn start_ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// Nanoseconds as the kernel shows them in /proc: USER_HZ is 100 on every architecture that has BPF.
fn ticks(nanoseconds: u64) -> u64 {
    nanoseconds / 10_000_000
}

/// A device number in the kernel's own encoding.
fn device(number: u64) -> u32 {
    rustix::fs::major(number) << 20 | rustix::fs::minor(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn this_process() -> Process {
        let stat = fs::read_to_string("/proc/self/stat").unwrap();
        let exe = fs::metadata("/proc/self/exe").unwrap();
        Process {
            cgroup: 0,
            pid: std::process::id(),
            uid: 0,
            gid: 0,
            login_uid: u32::MAX,
            started: start_ticks(&stat).unwrap() * 10_000_000 + 1,
            exe_inode: exe.ino(),
            exe_device: device(exe.dev()),
            comm: String::new(),
        }
    }

    #[test]
    fn a_living_process_proves_its_executable() {
        let process = this_process();
        let exe = std::env::current_exe().unwrap();
        let living = Living::open(&process).unwrap();
        assert_eq!(living.executable(&process).as_deref(), exe.to_str());
    }

    #[test]
    fn another_process_with_the_same_pid_proves_nothing() {
        let started = this_process().started;
        for started in [0, started - 10_000_000, started + 10_000_000] {
            let process = Process {
                started,
                ..this_process()
            };
            assert!(Living::open(&process).is_none(), "{started}");
        }
    }

    #[test]
    fn another_executable_is_not_named() {
        let right = this_process();
        let living = Living::open(&right).unwrap();
        let exe_inode = right.exe_inode + 1;
        assert_eq!(
            living.executable(&Process {
                exe_inode,
                ..right.clone()
            }),
            None
        );
        let exe_device = right.exe_device + 1;
        assert_eq!(
            living.executable(&Process {
                exe_device,
                ..right
            }),
            None
        );
    }

    #[test]
    fn a_deleted_executable_is_not_named() {
        let directory = tempfile::tempdir().unwrap();
        let copy = directory.path().join("sleep");
        fs::copy("/bin/sleep", &copy).unwrap();
        let mut child = std::process::Command::new(&copy).arg("60").spawn().unwrap();
        let exe = fs::metadata(&copy).unwrap();
        let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        let process = Process {
            pid: child.id(),
            started: start_ticks(&stat).unwrap() * 10_000_000,
            exe_inode: exe.ino(),
            exe_device: device(exe.dev()),
            ..this_process()
        };
        let living = Living::open(&process).unwrap();
        assert_eq!(living.executable(&process).as_deref(), copy.to_str());
        fs::remove_file(&copy).unwrap();
        assert_eq!(living.executable(&process), None);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(living.executable(&process), None);
    }

    #[test]
    fn a_command_name_cannot_shift_the_fields() {
        let fields = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20";
        assert_eq!(start_ticks(&format!("7 (sh) {fields}")), Some(4242));
        assert_eq!(start_ticks(&format!("7 (a) S 1 (b) {fields}")), Some(4242));
        assert_eq!(start_ticks("7 (sh) S 1"), None);
    }
}
