//! What this host can do, and what is therefore missing.
//!
//! Looks and attaches nothing.

use std::fs;
use std::path::Path;

use crate::attach;
use crate::kernel::{BTF, Kernel};
use crate::maps::{self, Counters};
use crate::{Effective, InterceptError, cgroup, object, pins};

/// One thing that interception needs or wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at, two or three words in lower case.
    pub name: &'static str,
    /// Whether it is as it should be.
    pub state: State,
    /// What was found; where it is not as it should be, what that means and what to do.
    pub meaning: String,
}

/// How a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// As it should be.
    Good,
    /// Interception works, and something is lost.
    Lacking,
    /// Interception cannot start.
    Missing,
}

/// Looks at everything that interception needs. Without a configuration, what depends on one is left out.
pub fn report(effective: Option<&Effective>) -> Vec<Finding> {
    let mut findings = vec![probes(), privileges(), mounted(), tasks()];
    if let Some(effective) = effective {
        findings.push(cgroup_of(effective));
        findings.push(bpffs(&effective.pins));
    }
    if findings
        .iter()
        .all(|finding| finding.state != State::Missing)
    {
        findings.push(verifier());
    }
    findings
}

/// What became of socket operations so far, as another process sees it; `None` where no agent left counters, which
/// only one that fails closed does.
pub fn counters(effective: &Effective) -> Result<Option<Counters>, InterceptError> {
    let cgroup = cgroup::find(effective)?;
    let path = pins::map(&effective.pins, cgroup.id, "COUNTERS");
    path.exists()
        .then(|| maps::pinned_counters(&path))
        .transpose()
}

fn probes() -> Finding {
    const NAME: &str = "embedded probes";
    match object::embedded() {
        Ok(object) => good(
            NAME,
            format!("{} bytes, version {}", object.len(), abi::ABI_VERSION),
        ),
        Err(error) => missing(NAME, error.to_string()),
    }
}

/// Capabilities by their number; see capabilities(7).
fn privileges() -> Finding {
    const NAME: &str = "privileges";
    const NET_ADMIN: u64 = 1 << 12;
    const SYS_ADMIN: u64 = 1 << 21;
    const PERFMON: u64 = 1 << 38;
    const BPF: u64 = 1 << 39;
    // CAP_SYS_ADMIN includes the two that were once part of it.
    let needed = [
        (NET_ADMIN, "CAP_NET_ADMIN"),
        (PERFMON | SYS_ADMIN, "CAP_PERFMON"),
        (BPF | SYS_ADMIN, "CAP_BPF"),
    ];
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let held = effective_capabilities(&status).unwrap_or(0);
    let lacking: Vec<_> = needed
        .into_iter()
        .filter(|(sufficient, _)| held & sufficient == 0)
        .map(|(_, name)| name)
        .collect();
    if lacking.is_empty() {
        return good(NAME, "the agent may load and attach programs".to_owned());
    }
    let lacking = lacking.join(", ");
    missing(
        NAME,
        format!("{lacking} not held: run as root, or use the gateway"),
    )
}

fn mounted() -> Finding {
    const NAME: &str = "cgroup2";
    match cgroup::mount() {
        Ok(path) => good(NAME, format!("mounted at {}", path.display())),
        Err(error) => missing(NAME, error.to_string()),
    }
}

fn tasks() -> Finding {
    const NAME: &str = "process details";
    if Kernel::running().sees_tasks() {
        return good(
            NAME,
            "start time, executable and login of a client are seen".to_owned(),
        );
    }
    let why = if Path::new(BTF).exists() {
        "the kernel is locked down for confidentiality, or its types are strange"
    } else {
        "the kernel has no type information (CONFIG_DEBUG_INFO_BTF)"
    };
    lacking(
        NAME,
        format!("{why}: executables cannot be proven, so policies cannot name them"),
    )
}

fn cgroup_of(effective: &Effective) -> Finding {
    const NAME: &str = "intercepted cgroup";
    let found = cgroup::find(effective)
        .and_then(|cgroup| cgroup::outside(effective, &cgroup).map(|_| cgroup));
    match found {
        Ok(cgroup) => good(NAME, format!("{}, id {}", cgroup.path.display(), cgroup.id)),
        // A service has a cgroup of its own.
        Err(error @ InterceptError::AgentInRoot { .. }) => lacking(
            NAME,
            format!("an agent started from this shell would be refused: {error}"),
        ),
        Err(error) => missing(NAME, error.to_string()),
    }
}

fn bpffs(path: &Path) -> Finding {
    const NAME: &str = "bpf file system";
    if pins::is_bpffs(path) {
        return good(
            NAME,
            format!("{} can hold what outlives the agent", path.display()),
        );
    }
    let path = path.display();
    lacking(
        NAME,
        format!(
            "{path} is on none, so fail = \"closed\" cannot start: run `mount -t bpf bpf /sys/fs/bpf`"
        ),
    )
}

/// The only proof that the kernel takes the programs is that it took them.
fn verifier() -> Finding {
    const NAME: &str = "verifier";
    let verified =
        attach::load(&Kernel::running(), None).and_then(|mut object| attach::verify(&mut object));
    match verified {
        Ok(()) => good(NAME, "the kernel accepts every probe".to_owned()),
        Err(error) => missing(NAME, error.to_string()),
    }
}

/// `CapEff:` of proc_pid_status(5), hexadecimal.
fn effective_capabilities(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

fn good(name: &'static str, meaning: String) -> Finding {
    let state = State::Good;
    Finding {
        name,
        state,
        meaning,
    }
}

fn lacking(name: &'static str, meaning: String) -> Finding {
    let state = State::Lacking;
    Finding {
        name,
        state,
        meaning,
    }
}

fn missing(name: &'static str, meaning: String) -> Finding {
    let state = State::Missing;
    Finding {
        name,
        state,
        meaning,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_read_as_the_kernel_writes_them() {
        let status = "CapPrm:\t0\nCapEff:\t000001fffeffffff\n";
        assert_eq!(effective_capabilities(status), Some(0x1ff_feff_ffff));
        assert_eq!(effective_capabilities("Name:\tx\n"), None);
    }

    #[test]
    fn a_report_says_something_about_everything() {
        let findings = report(None);
        assert!(findings.iter().all(|finding| !finding.meaning.is_empty()));
        assert_eq!(
            findings.first().map(|finding| finding.state),
            Some(State::Good)
        );
    }
}
