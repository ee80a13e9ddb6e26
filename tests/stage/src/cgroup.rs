//! Child cgroups of one run.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// A cgroup made by this run, with those below it. Removed when dropped.
#[derive(Debug)]
pub struct Cgroup {
    path: PathBuf,
    mount: PathBuf,
}

impl Cgroup {
    /// Makes `/<name>` below the cgroup2 mount. A left-over of an earlier run is removed first, if nothing runs in it.
    pub fn new(name: &str) -> anyhow::Result<Self> {
        let mount = mount()?;
        let path = mount.join(name);
        if path.exists() {
            remove(&path).with_context(|| {
                format!(
                    "{} is left over from another run, which may still be there",
                    path.display()
                )
            })?;
        }
        fs::create_dir(&path)
            .with_context(|| format!("cannot make the cgroup {}", path.display()))?;
        Ok(Self { path, mount })
    }

    /// Makes a cgroup below this one.
    pub fn child(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.path.join(name);
        fs::create_dir(&path)
            .with_context(|| format!("cannot make the cgroup {}", path.display()))?;
        Ok(path)
    }

    /// Where it is in the file system.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its name as the kernel says it: the path below the mount, with a leading slash.
    pub fn name(&self) -> String {
        let below = self.path.strip_prefix(&self.mount).unwrap_or(&self.path);
        format!("/{}", below.display())
    }

    /// Leaves it in place.
    pub fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.path) {
            eprintln!("{} stays: {error:#}", self.path.display());
        }
    }
}

/// A command that moves itself into the cgroup before it becomes the program.
pub fn command_in(cgroup: &Path, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", r#"echo $$ > "$0/cgroup.procs" && exec "$@""#])
        .arg(cgroup)
        .arg(program);
    command
}

/// Where cgroup2 is mounted: hybrid hosts have it below /sys/fs/cgroup.
fn mount() -> anyhow::Result<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    mounts
        .lines()
        .find_map(|line| {
            let (left, right) = line.split_once(" - ")?;
            right
                .starts_with("cgroup2 ")
                .then(|| left.split(' ').nth(4).map(PathBuf::from))?
        })
        .context("cgroup2 is not mounted on this host")
}

/// Removes a cgroup with those below it. Processes that were just reaped keep it busy for a moment.
fn remove(path: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove(&entry.path())?;
        }
    }
    let patience = Instant::now() + Duration::from_secs(5);
    loop {
        match fs::remove_dir(path) {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() > patience => {
                let inside = fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default();
                bail!(
                    "{error}; processes in it: {}",
                    inside.split_whitespace().collect::<Vec<_>>().join(" ")
                );
            }
            Err(_) => std::thread::yield_now(),
        }
    }
}
