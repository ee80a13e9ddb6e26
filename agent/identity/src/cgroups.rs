//! From a cgroup's id to its path.
//!
//! The id is the inode number of the cgroup's directory, and is never given twice while the host runs, so an answer
//! holds for ever, and so does the absence of one.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::{DirEntryExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::placement::Placement;

/// Directories that one search looks at: a host with more has its newest cgroups unnamed.
const MOST_DIRECTORIES: usize = 65_536;
/// Answers that are kept; then all are forgotten and found again.
const MOST_ANSWERS: usize = 16_384;

/// The cgroup2 tree below a mount point, with what was found in it before.
pub struct Cgroups {
    mount: PathBuf,
    answers: Mutex<HashMap<u64, Option<Arc<Placement>>>>,
}

impl Cgroups {
    /// The tree that is mounted there.
    pub fn new(mount: PathBuf) -> Self {
        Self {
            mount,
            answers: Mutex::default(),
        }
    }

    /// What the path of this cgroup says. `hint` is where the cgroup may lie, and is looked at first.
    pub fn placement(&self, id: u64, hint: Option<&Path>) -> Option<Arc<Placement>> {
        if let Some(answer) = self.answers().get(&id) {
            return answer.clone();
        }
        let path = hint
            .and_then(|hint| self.hinted(id, hint))
            .or_else(|| self.search(id));
        let answer = path
            .as_deref()
            .and_then(|path| self.read(path))
            .map(Arc::new);
        let mut answers = self.answers();
        if answers.len() >= MOST_ANSWERS {
            answers.clear();
        }
        answers.insert(id, answer.clone());
        answer
    }

    fn read(&self, path: &Path) -> Option<Placement> {
        Placement::of(path.strip_prefix(&self.mount).ok()?)
    }

    fn hinted(&self, id: u64, hint: &Path) -> Option<PathBuf> {
        let path = self.mount.join(hint.strip_prefix("/").unwrap_or(hint));
        // A hint from another cgroup namespace may climb out of the mount.
        let plain = !path
            .components()
            .any(|part| part == std::path::Component::ParentDir);
        (plain && path.metadata().ok()?.ino() == id).then_some(path)
    }

    /// Looks at every directory, those near the root first.
    fn search(&self, id: u64) -> Option<PathBuf> {
        if self.mount.metadata().ok()?.ino() == id {
            return Some(self.mount.clone());
        }
        let mut level = vec![self.mount.clone()];
        let mut seen = 0;
        while !level.is_empty() && seen < MOST_DIRECTORIES {
            let mut next = Vec::new();
            for entry in level
                .iter()
                .filter_map(|path| fs::read_dir(path).ok())
                .flatten()
                .flatten()
            {
                if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    continue;
                }
                if entry.ino() == id {
                    return Some(entry.path());
                }
                seen += 1;
                next.push(entry.path());
            }
            level = next;
        }
        None
    }

    fn answers(&self) -> MutexGuard<'_, HashMap<u64, Option<Arc<Placement>>>> {
        // Every entry is whole: it is made before it is inserted.
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Directories of any file system have inode numbers.
    fn tree() -> (tempfile::TempDir, u64) {
        let root = tempfile::tempdir().unwrap();
        let unit = root.path().join("system.slice/billing.service");
        fs::create_dir_all(&unit).unwrap();
        fs::create_dir_all(root.path().join("user.slice/user-1000.slice")).unwrap();
        let id = unit.metadata().unwrap().ino();
        (root, id)
    }

    #[test]
    fn a_cgroup_is_found_by_its_id() {
        let (root, id) = tree();
        let cgroups = Cgroups::new(root.path().to_owned());
        let placement = cgroups.placement(id, None).unwrap();
        assert_eq!(placement.path, "/system.slice/billing.service");
        let root_id = root.path().metadata().unwrap().ino();
        assert_eq!(cgroups.placement(root_id, None).unwrap().path, "/");
    }

    #[test]
    fn a_hint_that_names_another_cgroup_is_not_believed() {
        let (root, id) = tree();
        let cgroups = Cgroups::new(root.path().to_owned());
        let hint = Path::new("/user.slice/user-1000.slice");
        assert_eq!(
            cgroups.placement(id, Some(hint)).unwrap().path,
            "/system.slice/billing.service"
        );
        let climbing = Path::new("/../system.slice/billing.service");
        assert_eq!(cgroups.hinted(id, climbing), None);
    }

    #[test]
    fn what_was_found_is_known_after_the_cgroup_is_gone() {
        let (root, id) = tree();
        let cgroups = Cgroups::new(root.path().to_owned());
        assert_eq!(cgroups.placement(1, None), None);
        let before = cgroups.placement(id, None);
        fs::remove_dir_all(root.path().join("system.slice")).unwrap();
        assert_eq!(cgroups.placement(id, None), before);
    }
}
