//! A stage for one test: cgroups of its own, an agent that lives in one of them, clients that live in the other.
//!
//! ```text
//!  CGROUP2/weir-test-PID-NAME/        attached to
//!    agent/                           this test binary once more, running the one test
//!    app/                             clients: this test binary again, told what to do line by line
//! ```

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub mod actor;

const PLACE: &str = "WEIR_TEST_STAGE";

pub struct Stage {
    pub cgroup: PathBuf,
}

/// Runs `play` inside the agent's cgroup. `name` is the full name of the calling test. Cleans up whatever happens.
/// Without root, fails in CI and is skipped with one sentence elsewhere.
pub fn stage(name: &str, play: impl FnOnce(&Stage)) {
    if let Some(cgroup) = std::env::var_os(PLACE) {
        let stage = Stage {
            cgroup: cgroup.into(),
        };
        enter(&stage.cgroup.join("agent"), std::process::id());
        play(&stage);
        return;
    }
    if let Some(lacking) = lacking() {
        assert!(std::env::var("CI").is_err(), "cannot run {name}: {lacking}");
        eprintln!("{name} is skipped: {lacking}");
        return;
    }
    let set = Set::build(name);
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(PLACE, &set.0)
        .status()
        .unwrap();
    assert!(status.success(), "{name} failed inside its cgroup");
}

impl Stage {
    pub fn app(&self) -> PathBuf {
        self.cgroup.join("app")
    }

    pub fn app_id(&self) -> u64 {
        fs::metadata(self.app()).unwrap().ino()
    }
}

/// Moves a process.
pub fn enter(cgroup: &Path, process: u32) {
    fs::write(cgroup.join("cgroup.procs"), process.to_string()).unwrap();
}

fn lacking() -> Option<String> {
    let missing =
        |finding: &intercept::host::Finding| finding.state == intercept::host::State::Missing;
    let finding = intercept::host::report(None).into_iter().find(missing)?;
    Some(format!("{}: {}", finding.name, finding.meaning))
}

/// The cgroups, removed with all that is in them.
struct Set(PathBuf);

impl Set {
    fn build(name: &str) -> Self {
        let mount = intercept::cgroup_mount().unwrap();
        let set = Self(mount.join(format!("weir-test-{}-{name}", std::process::id())));
        for cgroup in ["", "agent", "app"] {
            fs::create_dir(set.0.join(cgroup)).unwrap();
        }
        set
    }
}

impl Drop for Set {
    fn drop(&mut self) {
        // Whatever a failed play left: only what is in these cgroups of ours.
        let _ = fs::write(self.0.join("cgroup.kill"), "1");
        for cgroup in ["app", "agent", ""] {
            let cgroup = self.0.join(cgroup);
            let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
            while fs::remove_dir(&cgroup).is_err() && std::time::Instant::now() < deadline {
                std::thread::yield_now();
            }
        }
    }
}

/// A BPF file system that nobody else uses, unmounted at the end.
pub struct Bpffs(pub tempfile::TempDir);

impl Bpffs {
    pub fn mount() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "bpf", "bpf"])
            .arg(directory.path())
            .stdin(Stdio::null())
            .status()
            .unwrap();
        assert!(mounted.success());
        Self(directory)
    }

    pub fn pins(&self) -> PathBuf {
        self.0.path().join("weir")
    }
}

impl Drop for Bpffs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}
