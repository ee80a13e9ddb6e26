//! Brings together what is known of a peer.

use std::net::SocketAddr;
use std::path::PathBuf;

use model::{Origin, Peer, Process, SessionId, Subject, Workload};

use crate::cgroups::Cgroups;
use crate::executable::Living;
use crate::owner;
use crate::placement::Placement;
use crate::users::Users;

/// Knows this host. Shared by all sessions; reads files, so it belongs on a thread that may block.
pub struct Resolver {
    cgroups: Option<Cgroups>,
    users: Users,
    gateways: Vec<SocketAddr>,
}

impl Resolver {
    /// `cgroup2` is where that file system is mounted, if it is; `gateways` are the addresses on which the agent
    /// listens for clients that name it as their server.
    pub fn new(cgroup2: Option<PathBuf>, gateways: Vec<SocketAddr>) -> Self {
        Self {
            cgroups: cgroup2.map(Cgroups::new),
            users: Users::new(PathBuf::from("/etc/passwd")),
            gateways,
        }
    }

    /// Who this peer is, for the life of its session.
    pub fn subject(&self, session: SessionId, peer: &Peer) -> Subject {
        match &peer.origin {
            Origin::Redirected(process) => self.local(session, peer, process),
            Origin::Gateway => self.remote(session, peer),
        }
    }

    /// The name of a Unix user of this host.
    pub fn user_name(&self, uid: u32) -> Option<String> {
        self.users.name(uid)
    }

    fn local(&self, session: SessionId, peer: &Peer, process: &Process) -> Subject {
        let living = Living::open(process);
        let hint = living.as_ref().and_then(Living::cgroup);
        let placement = self
            .cgroups
            .as_ref()
            .and_then(|cgroups| cgroups.placement(process.cgroup, hint.as_deref()));
        let name = self.users.name(process.uid);
        let executable = living.and_then(|living| living.executable(process));
        Subject {
            session,
            workloads: workloads(
                placement.as_deref(),
                name.as_deref(),
                process.uid,
                executable.as_deref(),
            ),
            os_user: Some(name.unwrap_or_else(|| process.uid.to_string())),
            executable,
            process: Some(process.clone()),
            address: peer.address,
        }
    }

    fn remote(&self, session: SessionId, peer: &Peer) -> Subject {
        let uid = owner::uid(peer.address, &self.gateways);
        let name = uid.and_then(|uid| self.users.name(uid));
        let named = [
            name.as_ref().map(|name| format!("user:{name}")),
            uid.map(|uid| format!("uid:{uid}")),
            Some(format!("address:{}", peer.address.ip().to_canonical())),
            Some("gateway".to_owned()),
        ];
        Subject {
            session,
            workloads: named.into_iter().flatten().map(Workload).collect(),
            os_user: name.or_else(|| uid.map(|uid| uid.to_string())),
            executable: None,
            process: None,
            address: peer.address,
        }
    }
}

/// Most telling first: a container or unit, or else a cgroup of its own, says more than a user, and a user more than
/// a login session with a number.
fn workloads(
    placement: Option<&Placement>,
    user: Option<&str>,
    uid: u32,
    executable: Option<&str>,
) -> Vec<Workload> {
    let mut names = Vec::new();
    let mut later = Vec::new();
    if let Some(placement) = placement {
        let unit = placement
            .unit
            .as_ref()
            .map(|unit| format!("systemd:{unit}"));
        let container = placement
            .container
            .as_ref()
            .map(|id| format!("container:{id}"));
        let cgroup = format!("cgroup:{}", placement.path);
        let slices = placement
            .slices
            .iter()
            .rev()
            .map(|slice| format!("slice:{slice}"));
        let is_plain = unit.is_none() && container.is_none() && placement.path != "/";
        names.extend(container);
        let unit_place = if placement.is_login() {
            &mut later
        } else {
            &mut names
        };
        unit_place.extend(unit);
        later.extend(slices);
        if is_plain { &mut names } else { &mut later }.push(cgroup);
    }
    names.extend(user.map(|name| format!("user:{name}")));
    names.extend(executable.map(|path| format!("exe:{path}")));
    names.push(format!("uid:{uid}"));
    names.extend(later);
    names.into_iter().map(Workload).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn named(path: &str) -> Vec<String> {
        let placement = Placement::of(Path::new(path)).unwrap();
        let workloads = workloads(Some(&placement), Some("ann"), 1000, Some("/usr/bin/psql"));
        workloads.into_iter().map(|workload| workload.0).collect()
    }

    #[test]
    fn a_service_is_known_by_its_unit_first() {
        assert_eq!(
            named("/system.slice/billing.service/worker"),
            [
                "systemd:billing.service",
                "user:ann",
                "exe:/usr/bin/psql",
                "uid:1000",
                "slice:system.slice",
                "cgroup:/system.slice/billing.service/worker",
            ]
        );
    }

    #[test]
    fn a_person_is_known_by_name_before_session() {
        assert_eq!(
            named("/user.slice/user-1000.slice/session-3.scope"),
            [
                "user:ann",
                "exe:/usr/bin/psql",
                "uid:1000",
                "systemd:session-3.scope",
                "slice:user-1000.slice",
                "slice:user.slice",
                "cgroup:/user.slice/user-1000.slice/session-3.scope",
            ]
        );
    }

    #[test]
    fn without_a_unit_the_cgroup_itself_comes_first() {
        assert_eq!(
            named("/demo/billing").first().unwrap(),
            "cgroup:/demo/billing"
        );
        assert_eq!(named("/").first().unwrap(), "user:ann");
    }

    #[test]
    fn a_process_that_nothing_is_known_of_is_its_uid() {
        assert_eq!(
            workloads(None, None, 7, None),
            [Workload("uid:7".to_owned())]
        );
    }

    #[test]
    fn a_local_client_of_the_gateway_is_known_by_its_user() {
        let gateway = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = gateway.local_addr().unwrap();
        let client = std::net::TcpStream::connect(address).unwrap();
        let peer = Peer {
            address: client.local_addr().unwrap(),
            destination: "192.0.2.1:5432".parse().unwrap(),
            origin: Origin::Gateway,
        };
        let resolver = Resolver::new(None, vec![address]);
        let subject = resolver.subject(SessionId::now(), &peer);
        let uid = rustix::process::getuid().as_raw();
        let expected = [
            format!("uid:{uid}"),
            "address:127.0.0.1".to_owned(),
            "gateway".to_owned(),
        ];
        assert!(
            expected
                .iter()
                .all(|name| subject.workloads.contains(&Workload(name.clone())))
        );
        assert_eq!(subject.process, None);

        let strange = Peer {
            address: "192.0.2.9:1234".parse().unwrap(),
            ..peer
        };
        let subject = resolver.subject(SessionId::now(), &strange);
        assert_eq!(subject.os_user, None);
        assert_eq!(subject.workloads.first().unwrap().0, "address:192.0.2.9");
    }
}
