//! What a cgroup's path says about who runs in it. Pure.
//!
//! A path is read from the root, as far as it was made by those who rule the host:
//!
//! ```text
//!  /system.slice/billing.service/anything/below.service      systemd:billing.service
//!  \____________/\_____________/\_____________________/
//!   slices        the unit       delegated: its owner makes what names it likes, so nothing here counts
//! ```
//!
//! systemd nests slices by their names (`a-b.slice` lies in `a.slice`), and what is not a slice ends the trust: the
//! service, the scope, or any directory that somebody else made. So a user's own `user@1000.service/system.slice/
//! billing.service` is `systemd:user@1000.service`, and a container's systemd names nothing.
//! See systemd.slice(5), systemd.scope(5) and <https://systemd.io/CGROUP_DELEGATION>.

use std::path::{Component, Path};

/// What a path says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// Id of the container, 64 hexadecimal digits.
    pub container: Option<String>,
    /// The system manager's unit; none inside a container.
    pub unit: Option<String>,
    /// Slices from the outside in.
    pub slices: Vec<String>,
    /// The whole path from the root, beginning with a slash.
    pub path: String,
}

impl Placement {
    /// Reads a path below the cgroup2 mount. `None` where it is not text: names could then look alike.
    pub fn of(path: &Path) -> Option<Self> {
        let parts = parts(path)?;
        let depth = trusted_slices(&parts);
        let (slices, rest) = parts.split_at_checked(depth)?;
        let container = container(slices, rest);
        let unit = match &container {
            Some(_) => None,
            None => rest.first().and_then(|name| unit(name)),
        };
        Some(Self {
            container,
            unit,
            slices: slices.iter().map(|&slice| slice.to_owned()).collect(),
            path: format!("/{}", parts.join("/")),
        })
    }

    /// Whether it is a person's session or user manager, whose unit says less than the person's name.
    pub fn is_login(&self) -> bool {
        self.slices
            .first()
            .is_some_and(|slice| slice == "user.slice")
    }
}

fn parts(path: &Path) -> Option<Vec<&str>> {
    path.components()
        .filter(|part| !matches!(part, Component::RootDir))
        .map(|part| match part {
            Component::Normal(name) => name.to_str(),
            _ => None,
        })
        .collect()
}

/// How many leading parts are slices that lie where systemd puts them.
fn trusted_slices(parts: &[&str]) -> usize {
    let mut outer = None;
    let mut depth = 0;
    for part in parts {
        match part.strip_suffix(".slice") {
            Some(inner) if is_nested(inner, outer) => outer = Some(inner),
            _ => break,
        }
        depth += 1;
    }
    depth
}

/// `a-b` lies in `a`, and `a` in the root. A dash that is part of a name is written `\x2d`.
fn is_nested(inner: &str, outer: Option<&str>) -> bool {
    let own = match outer {
        None => Some(inner),
        Some(outer) => inner
            .strip_prefix(outer)
            .and_then(|rest| rest.strip_prefix('-')),
    };
    own.is_some_and(|own| !own.is_empty() && !own.contains('-'))
}

/// The name of a service or scope. systemd puts `_` before a name that would be taken for a kernel file.
fn unit(name: &str) -> Option<String> {
    let name = name.strip_prefix('_').unwrap_or(name);
    let (stem, kind) = name.rsplit_once('.')?;
    let kinds = ["service", "scope", "socket", "mount", "swap"];
    (!stem.is_empty() && kinds.contains(&kind)).then(|| name.to_owned())
}

/// The container, by the shapes that the runtimes use.
///
/// | runtime | systemd driver | cgroupfs driver |
/// | --- | --- | --- |
/// | Docker | `/system.slice/docker-ID.scope` | `/docker/ID` |
/// | Podman, by root | `/machine.slice/libpod-ID.scope` | `/libpod_parent/libpod-ID` |
/// | containerd (Kubernetes) | `/kubepods.slice/.../cri-containerd-ID.scope` | `/kubepods/.../podUID/ID` |
/// | CRI-O (Kubernetes) | `/kubepods.slice/.../crio-ID.scope` | `/kubepods/.../podUID/crio-ID` |
fn container(slices: &[&str], rest: &[&str]) -> Option<String> {
    match slices.first() {
        // A person's slice is the person's: whatever it calls itself, the host vouches for no container in it.
        Some(&"user.slice") => None,
        Some(_) => id(rest.first()?.strip_suffix(".scope")?, &PREFIXES),
        None => match rest {
            ["docker", name, ..] => id(name, &[""]),
            ["libpod_parent", name, ..] => id(name, &["libpod-"]),
            ["kubepods", "burstable" | "besteffort", pod, name, ..]
            | ["kubepods", pod, name, ..]
                if pod.starts_with("pod") =>
            {
                id(name, &["", "crio-"])
            }
            _ => None,
        },
    }
}

const PREFIXES: [&str; 4] = ["docker-", "libpod-", "cri-containerd-", "crio-"];

/// 64 hexadecimal digits behind one of the prefixes.
fn id(name: &str, prefixes: &[&str]) -> Option<String> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    prefixes
        .iter()
        .filter_map(|prefix| name.strip_prefix(prefix))
        .find(|id| id.len() == 64 && id.bytes().all(is_digit))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4f1d0a5b7c9e2f3a4b5c6d7e8f9a0b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f70";

    fn placed(path: &str) -> Placement {
        Placement::of(Path::new(path)).unwrap()
    }

    #[test]
    fn system_units_are_named() {
        for (path, name) in [
            ("/system.slice/billing.service", "billing.service"),
            (
                "/system.slice/system-postgresql.slice/postgresql@15-main.service",
                "postgresql@15-main.service",
            ),
            ("/system.slice/billing.service/worker-3", "billing.service"),
            ("/init.scope", "init.scope"),
            (
                "/user.slice/user-1000.slice/session-3.scope",
                "session-3.scope",
            ),
            (
                "/machine.slice/machine-web.scope/payload/system.slice/billing.service",
                "machine-web.scope",
            ),
            ("/tenant.slice/tenant-a.slice/app.service", "app.service"),
            ("/system.slice/_cgroup.service", "cgroup.service"),
        ] {
            assert_eq!(placed(path).unit.as_deref(), Some(name), "{path}");
        }
    }

    #[test]
    fn a_user_cannot_call_a_cgroup_like_a_system_unit() {
        let own = "/user.slice/user-1000.slice/user@1000.service";
        for path in [
            format!("{own}/system.slice/billing.service"),
            format!("{own}/app.slice/billing.service"),
            format!("{own}/billing.service"),
        ] {
            assert_eq!(
                placed(&path).unit.as_deref(),
                Some("user@1000.service"),
                "{path}"
            );
            assert_eq!(
                placed(&path).slices,
                ["user.slice", "user-1000.slice"],
                "{path}"
            );
        }
    }

    #[test]
    fn nothing_below_what_systemd_did_not_make_is_named() {
        for path in [
            "/lxc.payload.web/system.slice/billing.service",
            "/garden/billing.service",
            "/user.slice/system.slice/billing.service",
            "/system.slice/other-a.slice/billing.service",
            "/tenant-a.slice/billing.service",
            "/.slice/billing.service",
            "/system.slice/.service",
            "/",
        ] {
            assert_eq!(placed(path).unit, None, "{path}");
            assert_eq!(placed(path).container, None, "{path}");
        }
    }

    #[test]
    fn containers_are_named_in_every_shape() {
        for path in [
            format!("/system.slice/docker-{ID}.scope"),
            format!("/system.slice/docker-{ID}.scope/init.scope"),
            format!("/docker/{ID}"),
            format!("/machine.slice/libpod-{ID}.scope/container"),
            format!("/libpod_parent/libpod-{ID}"),
            format!(
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0a_1b.slice/cri-containerd-{ID}.scope"
            ),
            format!("/kubepods.slice/kubepods-pod0a_1b.slice/crio-{ID}.scope"),
            format!("/kubepods/burstable/pod0a-1b/{ID}"),
            format!("/kubepods/pod0a-1b/{ID}/child"),
        ] {
            assert_eq!(placed(&path).container.as_deref(), Some(ID), "{path}");
            assert_eq!(placed(&path).unit, None, "{path}");
        }
    }

    #[test]
    fn a_container_inside_a_container_is_the_outer_one() {
        let inner = ID.replace('4', "5");
        let path = format!("/docker/{ID}/docker/{inner}");
        assert_eq!(placed(&path).container.as_deref(), Some(ID));
    }

    #[test]
    fn a_user_cannot_call_a_cgroup_like_a_container() {
        for path in [
            format!("/user.slice/user-1000.slice/user@1000.service/docker-{ID}.scope"),
            format!("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope"),
            format!("/user.slice/docker-{ID}.scope"),
            format!("/system.slice/billing.service/docker-{ID}.scope"),
            format!("/system.slice/billing.service/docker/{ID}"),
            format!("/system.slice/docker-{}.scope", ID.to_uppercase()),
            format!("/system.slice/docker-{}.scope", &ID[1..]),
        ] {
            assert_eq!(placed(&path).container, None, "{path}");
        }
    }

    #[test]
    fn a_path_that_is_no_text_is_not_read() {
        use std::os::unix::ffi::OsStrExt as _;
        let path = Path::new(std::ffi::OsStr::from_bytes(b"/system.slice/\xff.service"));
        assert_eq!(Placement::of(path), None);
    }
}
