//! What outlives the agent: maps and links, pinned on a BPF file system.
//!
//! ```text
//!  /sys/fs/bpf/weir/            the configured directory
//!    v1-10542/                  ABI version, id of the cgroup
//!      map_SETTINGS ...         opened again by the next agent
//!      link_connect4 ...        given the next agent's programs
//! ```
//!
//! The version is in the name because aya opens whatever map is pinned without looking at its layout; the cgroup is,
//! because a link stays with the cgroup that it was made for.

use std::fs;
use std::io;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use rustix::fs::statfs;

use crate::{InterceptError, sys};

/// `linux/magic.h`.
const BPF_FS_MAGIC: i64 = 0xcafe_4a11;

/// The directory of one version and one cgroup.
pub struct Pins {
    base: PathBuf,
    directory: PathBuf,
}

impl Pins {
    /// Opens the directory for this cgroup, and makes it where it is not there yet.
    pub fn open(base: &Path, cgroup: u64) -> Result<Self, InterceptError> {
        if !is_bpffs(base) {
            return Err(InterceptError::NoBpffs {
                path: base.to_owned(),
            });
        }
        let directory = directory(base, cgroup);
        // Links and maps grant what only the agent may do: nobody else looks in.
        make(base)
            .and_then(|()| make(&directory))
            .map_err(pin("make", &directory))?;
        Ok(Self {
            base: base.to_owned(),
            directory,
        })
    }

    /// Where this map is pinned.
    pub fn map(&self, name: &str) -> PathBuf {
        self.directory.join(format!("map_{name}"))
    }

    /// Where the link of this program is pinned.
    pub fn link(&self, program: &str) -> PathBuf {
        self.directory.join(format!("link_{program}"))
    }

    /// Removes what earlier agents pinned for other cgroups or in other versions.
    pub fn retire_others(&self) -> Result<usize, InterceptError> {
        let mut links = 0;
        for directory in directories(&self.base)? {
            if directory != self.directory {
                links += remove(&directory)?;
            }
        }
        Ok(links)
    }
}

/// Removes everything that agents pinned below this directory, so that nothing is intercepted any more. Gives the
/// number of links removed; a directory that is not there holds none.
pub fn release(base: &Path) -> Result<usize, InterceptError> {
    if !base.exists() {
        return Ok(0);
    }
    let mut links = 0;
    for directory in directories(base)? {
        links += remove(&directory)?;
    }
    fs::remove_dir(base).map_err(pin("remove", base))?;
    Ok(links)
}

/// Whether the path, or the nearest directory above it that exists, is on a BPF file system.
pub fn is_bpffs(path: &Path) -> bool {
    path.ancestors()
        .find(|path| path.exists())
        .and_then(|path| statfs(path).ok())
        .is_some_and(|fs| fs.f_type == BPF_FS_MAGIC)
}

/// Where this version pins a map for this cgroup.
pub fn map(base: &Path, cgroup: u64, name: &str) -> PathBuf {
    directory(base, cgroup).join(format!("map_{name}"))
}

fn directory(base: &Path, cgroup: u64) -> PathBuf {
    base.join(format!("v{}-{cgroup}", abi::ABI_VERSION))
}

/// Our directories below the base: nothing else there is touched.
fn directories(base: &Path) -> Result<Vec<PathBuf>, InterceptError> {
    let list = || -> io::Result<Vec<PathBuf>> {
        let entries: Vec<_> = fs::read_dir(base)?.collect::<io::Result<_>>()?;
        let ours = |name: &str| {
            let numbers = name.strip_prefix('v').and_then(|name| name.split_once('-'));
            numbers.is_some_and(|(version, cgroup)| {
                version.parse::<u32>().is_ok() && cgroup.parse::<u64>().is_ok()
            })
        };
        let named = entries
            .into_iter()
            .filter(|entry| entry.file_name().to_str().is_some_and(ours));
        Ok(named.map(|entry| entry.path()).collect())
    };
    list().map_err(pin("list", base))
}

/// The connect links go first: a redirected connection without its handover would be refused.
fn remove(directory: &Path) -> Result<usize, InterceptError> {
    let entries = || -> io::Result<Vec<PathBuf>> {
        fs::read_dir(directory)?
            .map(|entry| Ok(entry?.path()))
            .collect()
    };
    let mut paths = entries().map_err(pin("list", directory))?;
    let name = |path: &Path| {
        path.file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    paths.sort_by_key(|path| (!name(path).starts_with("link_connect"), name(path)));
    let mut links = 0;
    for path in &paths {
        if name(path).starts_with("link_") {
            detach(path)?;
            links += 1;
        }
        fs::remove_file(path).map_err(pin("remove", path))?;
    }
    fs::remove_dir(directory).map_err(pin("remove", directory))?;
    Ok(links)
}

/// A link whose cgroup is gone is detached already.
fn detach(path: &Path) -> Result<(), InterceptError> {
    let link = sys::pinned(path).map_err(pin("open", path))?;
    match sys::detach_link(link.as_fd()) {
        Err(error) if error.raw_os_error() != Some(libc::ENOLINK) => {
            Err(pin("detach", path)(error))
        }
        _ => Ok(()),
    }
}

fn make(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
}

fn pin(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> InterceptError {
    let path = path.to_owned();
    move |source| InterceptError::Pin {
        doing,
        path,
        source,
    }
}
