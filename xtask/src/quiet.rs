//! Installing PostgreSQL's server without starting one.
//!
//! Debian's package creates a cluster and starts it on the machine's port, and starts every other cluster that
//! happens to be stopped. The programs alone are needed here, and clusters that exist are somebody's. While
//! [`Quiet`] lives, two files of Debian's own interfaces say so:
//!
//! ```text
//! /etc/postgresql-common/createcluster.d/weir-setup.conf   create no cluster     (pg_createcluster(8))
//! /usr/sbin/policy-rc.d                                    start no service      (invoke-rc.d(8))
//! ```
//!
//! A killed set-up leaves nothing in force: the second file only speaks while the process lives that wrote it,
//! and the next set-up replaces both.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

const CREATE_NOTHING: &str = "etc/postgresql-common/createcluster.d/weir-setup.conf";
const START_NOTHING: &str = "usr/sbin/policy-rc.d";
const MARK: &str = "# written by Weir's set-up, in force while it runs";

/// No server is created or started by an installation while this lives.
pub struct Quiet {
    written: Vec<PathBuf>,
}

impl Quiet {
    /// Puts the two files below this root directory.
    pub fn below(root: &Path) -> Result<Self> {
        let mut quiet = Self { written: vec![] };
        quiet.write(
            root.join(CREATE_NOTHING),
            0o644,
            &format!("{MARK}\ncreate_main_cluster = false\n"),
        )?;
        let policy = root.join(START_NOTHING);
        if !is_foreign(&policy) {
            let lives = format!("/proc/{}/exe", std::process::id());
            // 101: action forbidden by policy; 104: action allowed.
            let script = format!("#!/bin/sh\n{MARK}\n[ -e {lives} ] && exit 101\nexit 104\n");
            quiet.write(policy, 0o755, &script)?;
        }
        Ok(quiet)
    }

    fn write(&mut self, path: PathBuf, mode: u32, text: &str) -> Result<()> {
        let fail = || format!("cannot write {}", path.display());
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).with_context(fail)?;
        }
        fs::write(&path, text).with_context(fail)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).with_context(fail)?;
        self.written.push(path);
        Ok(())
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        for path in &self.written {
            if let Err(error) = remove(path) {
                eprintln!("cannot remove {}: {error}; please do", path.display());
            }
        }
    }
}

fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path)?;
    // The package does not own this directory: it goes again where nothing else came to lie in it.
    if let Some(directory) = path.parent().filter(|d| d.ends_with("createcluster.d")) {
        match fs::remove_dir(directory) {
            Err(error) if error.kind() != io::ErrorKind::DirectoryNotEmpty => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// A policy of the machine's owner stays as it is.
fn is_foreign(path: &Path) -> bool {
    path.symlink_metadata().is_ok() && !fs::read_to_string(path).is_ok_and(|t| t.contains(MARK))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// A directory of its own, removed at the end.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path =
                std::env::temp_dir().join(format!("weir-quiet-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    fn answer(policy: &Path) -> Option<i32> {
        Command::new("sh").arg(policy).status().unwrap().code()
    }

    #[test]
    fn services_stay_down_while_it_lives_and_nothing_is_left_behind() {
        let root = Scratch::new("lives");
        let quiet = Quiet::below(&root.0).unwrap();
        assert_eq!(answer(&root.0.join(START_NOTHING)), Some(101));
        drop(quiet);
        assert!(!root.0.join(START_NOTHING).exists());
        assert!(
            !root
                .0
                .join("etc/postgresql-common/createcluster.d")
                .exists()
        );
    }

    #[test]
    fn what_a_killed_set_up_left_forbids_nothing_and_is_replaced() {
        let root = Scratch::new("killed");
        let policy = root.0.join(START_NOTHING);
        drop(Quiet::below(&root.0).unwrap());
        // No process has this id: it is beyond the kernel's largest.
        let stale = format!("#!/bin/sh\n{MARK}\n[ -e /proc/4194305/exe ] && exit 101\nexit 104\n");
        fs::write(&policy, stale).unwrap();
        assert_eq!(answer(&policy), Some(104));
        drop(Quiet::below(&root.0).unwrap());
        assert!(!policy.exists());
    }

    #[test]
    fn a_policy_of_the_machines_owner_is_left_alone() {
        let root = Scratch::new("foreign");
        let policy = root.0.join(START_NOTHING);
        fs::create_dir_all(policy.parent().unwrap()).unwrap();
        fs::write(&policy, "#!/bin/sh\nexit 101\n").unwrap();
        drop(Quiet::below(&root.0).unwrap());
        assert_eq!(
            fs::read_to_string(&policy).unwrap(),
            "#!/bin/sh\nexit 101\n"
        );
    }
}
