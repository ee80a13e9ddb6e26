//! Interception by the real kernel: real cgroups, real sockets, real processes.

// Tests may panic: that is how they fail. clippy.toml reaches only what is marked as a test.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

extern crate weir_intercept as intercept;

mod stage;

use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;

use intercept::{Count, Dialer, Dialled, Effective, Fail, Interception};
use model::{Origin, Process};
use stage::actor::{self, Actor};
use stage::{Bpffs, Stage, stage};
use tokio::io::AsyncWriteExt as _;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

const PORT: u16 = 5432;
const EPERM: &str = "error 1";
const ECONNRESET: &str = "error 104";
const ECONNREFUSED: &str = "error 111";

/// No test: what the other processes run.
#[test]
fn actor() {
    actor::perform();
}

#[test]
fn a_redirected_connection_arrives_with_destination_and_identity() {
    stage(
        "a_redirected_connection_arrives_with_destination_and_identity",
        |stage| {
            let runtime = runtime();
            let interception = runtime.block_on(async { start(stage, PORT) });
            for wanted in [
                "192.0.2.7:5432",
                "[2001:db8::7]:5432",
                "[::ffff:192.0.2.7]:5432",
            ] {
                let mut client = Actor::within(&stage.app());
                let answer = client.ask(&format!("connect {wanted}"));
                let accepted = runtime.block_on(interception.accept());

                let wanted: SocketAddr = wanted.parse().unwrap();
                let canonical = SocketAddr::new(wanted.ip().to_canonical(), wanted.port());
                assert_eq!(accepted.peer.destination, canonical);
                assert!(
                    answer.starts_with(&format!("peer {wanted} local ")),
                    "{answer}"
                );
                let local: SocketAddr = answer.split(' ').next_back().unwrap().parse().unwrap();
                let local = SocketAddr::new(local.ip().to_canonical(), local.port());
                assert_eq!(accepted.peer.address, local);
                assert!(accepted.stream.nodelay().unwrap());
                let Origin::Redirected(process) = accepted.peer.origin else {
                    panic!("{:?}", accepted.peer.origin)
                };
                assert_is(&process, &client, stage);
                assert_eq!(interception.pending().unwrap(), 0, "while the client lives");
            }
            assert_eq!(interception.pending().unwrap(), 0);
            assert_eq!(counted(&interception, Count::Redirected), 3);
            assert_eq!(counted(&interception, Count::HandedOver), 3);
        },
    );
}

#[test]
fn an_agent_outside_the_cgroup_is_handed_everything_too() {
    stage(
        "an_agent_outside_the_cgroup_is_handed_everything_too",
        |stage| {
            let runtime = runtime();
            let mut effective = effective(stage, PORT);
            effective.cgroup = stage.app();
            let start = async { Interception::start(&effective).unwrap() };
            let interception = runtime.block_on(start);
            let mut client = Actor::within(&stage.app());
            client.ask(&format!("connect 192.0.2.7:{PORT}"));
            let accepted = runtime.block_on(interception.accept());
            assert_eq!(accepted.peer.destination, "192.0.2.7:5432".parse().unwrap());
        },
    );
}

#[test]
fn an_agent_in_the_root_cgroup_is_told_to_move() {
    stage("an_agent_in_the_root_cgroup_is_told_to_move", |stage| {
        let bpffs = Bpffs::mount();
        let mut agent = Actor::within(&intercept::cgroup_mount().unwrap());
        let (cgroup, pins) = (stage.app(), bpffs.pins());
        let order = format!(
            "agent {} {} {PORT} {}",
            cgroup.display(),
            free_port(),
            pins.display()
        );
        let refused = agent.ask(&order);
        assert!(refused.contains("runs in the root cgroup"), "{refused}");
        assert!(!pins.exists(), "nothing is left behind");
    });
}

#[test]
fn without_descriptors_accepting_waits_and_goes_on() {
    stage("without_descriptors_accepting_waits_and_goes_on", |stage| {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let runtime = runtime();
        let interception = runtime.block_on(async { start(stage, PORT) });
        let mut client = Actor::within(&stage.app());
        let before = getrlimit(Resource::Nofile);
        let none_left = Rlimit {
            current: Some(0),
            ..before
        };
        setrlimit(Resource::Nofile, none_left).unwrap();
        client.ask(&format!("connect 192.0.2.7:{PORT}"));
        runtime.block_on(async {
            let mut accepting = std::pin::pin!(interception.accept());
            let short = std::time::Duration::from_millis(300);
            assert!(tokio::time::timeout(short, &mut accepting).await.is_err());
            setrlimit(Resource::Nofile, before).unwrap();
            assert_eq!(accepting.await.peer.destination.port(), PORT);
        });
    });
}

#[test]
fn another_port_is_left_alone() {
    stage("another_port_is_left_alone", |stage| {
        let runtime = runtime();
        let interception = runtime.block_on(async { start(stage, PORT) });
        let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = elsewhere.local_addr().unwrap();
        let mut client = Actor::within(&stage.app());
        let answer = client.ask(&format!("connect {address}"));
        assert!(answer.starts_with(&format!("peer {address} ")), "{answer}");
        assert_eq!(counted(&interception, Count::Redirected), 0);
    });
}

#[test]
fn a_socket_used_again_for_another_destination_forgets_the_first() {
    stage(
        "a_socket_used_again_for_another_destination_forgets_the_first",
        |stage| {
            let runtime = runtime();
            let interception = runtime.block_on(async { start(stage, PORT) });
            let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let address = elsewhere.local_addr().unwrap();
            let mut client = Actor::within(&stage.app());
            let answer = client.ask(&format!("reconnect 192.0.2.7:{PORT} {address}"));
            assert_eq!(answer, format!("peer {address}"));

            let agent = interception.address();
            let answer = client.ask(&format!("reconnect 192.0.2.7:{PORT} {agent}"));
            assert_eq!(answer, format!("peer {agent}"));
            let accepting = async {
                // The two first connects; the direct one is turned away while the third is waited for.
                interception.accept().await;
                interception.accept().await;
                tokio::task::block_in_place(|| client.order(&format!("connect 192.0.2.8:{PORT}")));
                interception.accept().await
            };
            let third = runtime.block_on(accepting);
            assert_eq!(third.peer.destination, "192.0.2.8:5432".parse().unwrap());
            assert_eq!(interception.turned_away(), 1);
            assert_eq!(interception.pending().unwrap(), 0);
        },
    );
}

#[test]
fn the_dialer_passes_and_the_agents_other_sockets_do_not() {
    stage(
        "the_dialer_passes_and_the_agents_other_sockets_do_not",
        |stage| {
            let runtime = runtime();
            runtime.block_on(async {
                let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                let address = server.local_addr().unwrap();
                let interception = start(stage, address.port());

                let dialled = tcp(interception.dialer().dial(address).await.unwrap());
                let (_, seen) = server.accept().await.unwrap();
                assert_eq!(seen, dialled.local_addr().unwrap());
                assert!(dialled.nodelay().unwrap());
                assert_eq!(counted(&interception, Count::Exempt), 1);

                let plain = tcp(Dialer::plain().dial(address).await.unwrap());
                assert_reset_by(&interception, plain).await;
                assert_eq!(interception.turned_away(), 1);
            });
        },
    );
}

#[test]
fn a_direct_connection_is_reset() {
    stage("a_direct_connection_is_reset", |stage| {
        let runtime = runtime();
        let interception = runtime.block_on(async { start(stage, PORT) });
        let agent = interception.address();
        for cgroup in [stage.app(), intercept::cgroup_mount().unwrap()] {
            let mut client = Actor::within(&cgroup);
            let answer = client.ask(&format!("connect {agent}"));
            assert!(answer.starts_with("peer"), "{answer}");
            client.order("read");
            let read = runtime.spawn_blocking(move || client.answer());
            let read = runtime.block_on(serve_until(&interception, read));
            assert_eq!(read, ECONNRESET);
        }
        assert_eq!(interception.turned_away(), 2);
    });
}

#[test]
fn nobody_else_binds_the_agents_port() {
    stage("nobody_else_binds_the_agents_port", |stage| {
        let runtime = runtime();
        let interception = runtime.block_on(async { start(stage, PORT) });
        let port = interception.address().port();
        let mut client = Actor::within(&stage.app());
        for address in ["127.0.0.1", "127.0.0.2", "0.0.0.0", "[::1]", "[::]"] {
            assert_eq!(
                client.ask(&format!("bind {address}:{port}")),
                EPERM,
                "{address}"
            );
        }
        assert_eq!(client.ask("bind 127.0.0.1:0"), "bound");
        assert_eq!(counted(&interception, Count::Squatter), 5);
    });
}

#[test]
fn an_open_interception_dies_with_its_agent() {
    stage("an_open_interception_dies_with_its_agent", |stage| {
        let runtime = runtime();
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        drop(runtime.block_on(async { start(stage, address.port()) }));
        let answer = Actor::within(&stage.app()).ask(&format!("connect {address}"));
        assert!(answer.starts_with(&format!("peer {address} ")), "{answer}");
        assert!(server.accept().is_ok());
    });
}

#[test]
fn a_closed_interception_refuses_until_the_next_agent_adopts_it() {
    stage(
        "a_closed_interception_refuses_until_the_next_agent_adopts_it",
        |stage| {
            let bpffs = Bpffs::mount();
            let port = free_port();
            let cgroup = stage.cgroup.display();
            let pins = bpffs.pins();
            let order = format!("agent {cgroup} {port} {PORT} {}", pins.display());
            let mut client = Actor::within(&stage.app());

            let mut agent = Actor::within(&stage.cgroup.join("agent"));
            assert_eq!(agent.ask(&order), "ready");
            let told = format!("read 192.0.2.7:{PORT} {}", client.id());
            client.ask(&format!("connect 192.0.2.7:{PORT}"));
            assert_eq!(client.ask("read"), told);

            agent.kill();
            assert_eq!(
                client.ask(&format!("connect 192.0.2.7:{PORT}")),
                ECONNREFUSED
            );
            assert_eq!(client.ask(&format!("bind 127.0.0.1:{port}")), EPERM);
            // Outside the cgroup the port can be taken, and still nothing is delivered to who took it.
            let squatter = std::net::TcpListener::bind(("127.0.0.1", port));
            assert!(squatter.is_err(), "the play itself is inside");
            let mut outside = Actor::within(&intercept::cgroup_mount().unwrap());
            assert_eq!(outside.ask(&format!("hold 127.0.0.1:{port}")), "held");
            assert_eq!(
                client.ask(&format!("connect 192.0.2.7:{PORT}")),
                ECONNREFUSED
            );
            drop(outside);

            let mut next = Actor::within(&stage.cgroup.join("agent"));
            assert_eq!(next.ask(&order), "ready");
            client.ask(&format!("connect 192.0.2.7:{PORT}"));
            assert_eq!(client.ask("read"), told);

            let mut second = Actor::within(&stage.cgroup.join("agent"));
            let refused = second.ask(&order);
            assert!(refused.contains("cannot listen on 127.0.0.1"), "{refused}");
            client.ask(&format!("connect 192.0.2.7:{PORT}"));
            assert_eq!(
                client.ask("read"),
                told,
                "a second agent must not disturb the first"
            );

            let effective = Effective {
                fail: Fail::Closed,
                pins: pins.clone(),
                ..effective(stage, PORT)
            };
            let counters = intercept::host::counters(&effective).unwrap().unwrap();
            assert!(counters.contains(&(Count::HandedOver, 3)), "{counters:?}");

            next.kill();
            assert_eq!(intercept::release(&pins).unwrap(), 7);
            assert_eq!(client.ask(&format!("bind 127.0.0.1:{port}")), "bound");
            assert!(!pins.exists());
        },
    );
}

#[test]
fn a_storm_of_connections_loses_nobody() {
    stage("a_storm_of_connections_loses_nobody", |stage| {
        let runtime = runtime();
        let interception = runtime.block_on(async { start(stage, PORT) });
        let mut client = Actor::within(&stage.app());
        client.order(&format!("storm 16 1250 {PORT}"));
        let answer = runtime.spawn_blocking(move || client.answer());
        let answer = runtime.block_on(serve_until(&interception, answer));
        assert_eq!(answer, "storm 20000 of 20000");
        assert_eq!(interception.turned_away(), 0);
        assert_eq!(interception.pending().unwrap(), 0);
        assert_eq!(counted(&interception, Count::HandedOver), 20_000);
    });
}

#[test]
fn the_root_cgroup_is_refused_unless_allowed() {
    stage("the_root_cgroup_is_refused_unless_allowed", |stage| {
        for root in [".", "/"] {
            let mut effective = effective(stage, PORT);
            effective.cgroup = intercept::cgroup_mount()
                .unwrap()
                .join(root.trim_start_matches('/'));
            let error = Interception::start(&effective).err().unwrap().to_string();
            assert!(error.contains("allow_root"), "{error}");
        }
    });
}

fn effective(stage: &Stage, port: u16) -> Effective {
    Effective {
        cgroup: stage.cgroup.clone(),
        ports: [port].into(),
        port: 0,
        fail: Fail::Open,
        pins: "/sys/fs/bpf/weir".into(),
        allow_root: false,
    }
}

fn start(stage: &Stage, port: u16) -> Interception {
    Interception::start(&effective(stage, port)).unwrap()
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// Tells every client where it wanted to go and who it is.
async fn serve(interception: &Interception) {
    loop {
        let mut accepted = interception.accept().await;
        let Origin::Redirected(process) = accepted.peer.origin else {
            panic!("{:?}", accepted.peer.origin)
        };
        let told = format!("{} {}", accepted.peer.destination, process.pid);
        accepted.stream.write_all(told.as_bytes()).await.unwrap();
    }
}

/// Serves while the answer is waited for.
async fn serve_until(interception: &Interception, answer: JoinHandle<String>) -> String {
    tokio::select! {
        () = serve(interception) => panic!("served to the end"),
        answer = answer => answer.unwrap(),
    }
}

async fn assert_reset_by(interception: &Interception, stream: tokio::net::TcpStream) {
    let mut buffer = [0];
    let read = async {
        stream.readable().await.unwrap();
        stream.try_read(&mut buffer)
    };
    tokio::select! {
        accepted = interception.accept() => panic!("accepted {:?}", accepted.peer),
        read = read => assert_eq!(read.unwrap_err().raw_os_error(), Some(104)),
    }
}

fn tcp(dialled: Dialled) -> tokio::net::TcpStream {
    match dialled {
        Dialled::Tcp(stream) => stream,
        Dialled::Unix(_) => panic!("an address is dialled over TCP"),
    }
}

fn counted(interception: &Interception, what: Count) -> u64 {
    let counters = interception.counters().unwrap();
    counters.iter().find(|(count, _)| *count == what).unwrap().1
}

fn free_port() -> u16 {
    let any = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    any.local_addr().unwrap().port()
}

fn assert_is(process: &Process, client: &Actor, stage: &Stage) {
    let exe = std::fs::metadata(std::env::current_exe().unwrap()).unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", client.id())).unwrap();
    // Field 22, and the second field ends with the only closing parenthesis followed by the rest.
    let started: u64 = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split(' ')
        .nth(20)
        .unwrap()
        .parse()
        .unwrap();
    let device = rustix::fs::major(exe.dev()) << 20 | rustix::fs::minor(exe.dev());
    assert_eq!(process.pid, client.id());
    assert_eq!(process.cgroup, stage.app_id());
    assert_eq!((process.uid, process.gid), (0, 0));
    assert_eq!(process.started / 10_000_000, started, "in clock ticks");
    assert_eq!((process.exe_inode, process.exe_device), (exe.ino(), device));
    assert_eq!(process.comm, "actor");
}
