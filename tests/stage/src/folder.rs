//! A directory of one run, where other users can reach into it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context as _;

/// A directory below the system's temporary one, removed when dropped.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    keep: bool,
}

static COUNT: AtomicU32 = AtomicU32::new(0);

impl Folder {
    /// A new one, whose name starts with this.
    pub fn new(name: &str) -> anyhow::Result<Self> {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("{name}-{}-{count}", std::process::id()));
        fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        // A database server runs as another user, and must get through to its own directory.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        Ok(Self { path, keep: false })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves it in place when dropped.
    pub fn keep(&mut self) {
        self.keep = true;
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.keep {
            // What cannot be removed is in the temporary directory.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}
