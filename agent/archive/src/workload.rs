//! Where a client runs, read from the names of its workloads.

use model::Workload;

/// What the names say, each where they do.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    /// systemd's unit.
    pub unit: Option<&'a str>,
    /// The container's id.
    pub container: Option<&'a str>,
    /// The Kubernetes pod's UID.
    pub pod: Option<String>,
}

impl<'a> Place<'a> {
    pub(crate) fn of(workloads: &'a [Workload]) -> Self {
        let named = |kind| workloads.iter().find_map(|name| name.0.strip_prefix(kind));
        Self {
            unit: named("systemd:"),
            container: named("container:"),
            pod: named("cgroup:").and_then(pod),
        }
    }
}

/// The pod in a cgroup's path: `pod<UID>` as the kubelet's cgroupfs driver writes it, or `kubepods-...-pod<UID>.slice`
/// as its systemd driver does, with underscores for the UID's hyphens.
fn pod(path: &str) -> Option<String> {
    let parts = path
        .split('/')
        .skip_while(|part| !part.starts_with("kubepods"));
    let uid = parts.filter_map(|part| {
        let part = part.strip_suffix(".slice").unwrap_or(part);
        let uid = part.rsplit_once("pod")?.1.replace('_', "-");
        is_uid(&uid).then_some(uid)
    });
    uid.last()
}

/// A UUID, or the hash that static pods have for one.
fn is_uid(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_hexdigit).count();
    let hyphens = text.bytes().filter(|byte| *byte == b'-').count();
    digits == 32 && digits + hyphens == text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(names: &[&str]) -> (Option<String>, Option<String>, Option<String>) {
        let workloads: Vec<_> = names
            .iter()
            .map(|name| Workload((*name).to_owned()))
            .collect();
        let Place {
            unit,
            container,
            pod,
        } = Place::of(&workloads);
        (unit.map(str::to_owned), container.map(str::to_owned), pod)
    }

    #[test]
    fn a_unit_and_a_container_are_told_from_their_names() {
        let (unit, container, pod) = place(&["container:ab12", "systemd:docker.service", "uid:7"]);
        assert_eq!(unit.as_deref(), Some("docker.service"));
        assert_eq!(container.as_deref(), Some("ab12"));
        assert_eq!(pod, None);
        assert_eq!(place(&["gateway"]), (None, None, None));
    }

    #[test]
    fn a_pod_is_told_from_the_cgroup_whichever_driver_made_it() {
        const UID: &str = "8c1ddfb1-2ab4-4a4e-9a0c-0d0b6a1d1b11";
        let underscored = UID.replace('-', "_");
        for path in [
            format!("cgroup:/kubepods/burstable/pod{UID}/ab12"),
            format!(
                "cgroup:/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{underscored}.slice/cri-containerd-ab12.scope"
            ),
        ] {
            assert_eq!(place(&[&path]).2.as_deref(), Some(UID), "{path}");
        }
        for path in [
            "cgroup:/system.slice/podman.service",
            "cgroup:/kubepods/burstable",
            "cgroup:/home/pod1",
        ] {
            assert_eq!(place(&[path]).2, None, "{path}");
        }
    }
}
