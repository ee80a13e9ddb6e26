//! The door that clients do not see: what they connect to is redirected here by the probes.
//!
//! ```text
//!  maps (pinned ones adopted) -> own sockets marked, bound, listening -> settings -> programs attached or replaced
//! ```
//!
//! In this order a connect is either not intercepted yet, or refused, or served; and a second agent fails at the
//! port, before it has touched what the first one attached.

use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use abi::{Original, Settings};
use aya::Ebpf;
use model::{Origin, Peer, Process};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::kernel::Kernel;
use crate::listen::Listeners;
use crate::maps::{Counters, Maps};
use crate::pins::Pins;
use crate::{Accepted, Dialer, Effective, Fail, InterceptError, attach, cgroup, logs, sys};

/// Attached probes, and the sockets that they redirect to. Dropped, the sockets close; the probes go too where
/// interception fails open, and stay and refuse where it fails closed.
pub struct Interception {
    listeners: Listeners,
    maps: Arc<Maps>,
    address: SocketAddr,
    turned_away: AtomicU64,
    messages: Option<JoinHandle<()>>,
    /// Holds programs and unpinned links.
    _object: Ebpf,
}

impl Interception {
    /// Loads and attaches the probes. Must be called inside a runtime.
    pub fn start(effective: &Effective) -> Result<Self, InterceptError> {
        let cgroup = cgroup::find(effective)?;
        let outside = cgroup::outside(effective, &cgroup)?;
        let pins = match effective.fail {
            Fail::Closed => Some(Pins::open(&effective.pins, cgroup.id)?),
            Fail::Open => None,
        };
        let mut object = attach::load(&Kernel::running(), pins.as_ref())?;
        let mut maps = Maps::take(&mut object)?;
        let listeners = listen(effective.port, &maps)?;
        let address = local_address(&listeners)?;
        maps.intercept(&effective.ports)?;
        maps.set(Settings {
            netns: sys::netns_cookie(listeners.v4().as_fd()).unwrap_or(0),
            port: address.port().into(),
            reserved: 0,
        })?;
        attach::verify(&mut object)?;
        if let Some(outside) = &outside {
            attach::attach_handover(&mut object, outside)?;
        }
        attach::attach(&mut object, &cgroup, pins.as_ref())?;
        retire_others(pins.as_ref())?;
        let messages = logs::follow(&mut object);
        tracing::info!(cgroup = %cgroup.path.display(), %address, ports = ?effective.ports, "connections are intercepted");
        Ok(Self {
            listeners,
            maps: Arc::new(maps),
            address,
            turned_away: AtomicU64::new(0),
            messages,
            _object: object,
        })
    }

    /// The next redirected client. A connection that the probes know nothing of is reset and counted, and so is
    /// one that the agent itself opened without the dialer.
    pub async fn accept(&self) -> Accepted {
        loop {
            let (stream, address) = self.listeners.accept().await;
            match self.maps.original(&stream) {
                // The agent is nobody's client: its own connects go through the dialer, or nowhere.
                Some(original) if original.pid != std::process::id() => {
                    let peer = peer(address, &original);
                    return Accepted { stream, peer };
                }
                _ => self.turn_away(stream, address),
            }
        }
    }

    /// Connects past the probes.
    pub fn dialer(&self) -> Dialer {
        Dialer::exempt(Arc::clone(&self.maps))
    }

    /// Where the agent listens on IPv4; the port is the same on `::1`.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections that were reset because the probes knew nothing of them.
    pub fn turned_away(&self) -> u64 {
        self.turned_away.load(Ordering::Relaxed)
    }

    /// Connections between their SYN and the agent's end, at this moment.
    pub fn pending(&self) -> Result<usize, InterceptError> {
        self.maps.pending()
    }

    /// What became of socket operations since the probes were first loaded.
    pub fn counters(&self) -> Result<Counters, InterceptError> {
        self.maps.counters()
    }

    fn turn_away(&self, stream: TcpStream, address: SocketAddr) {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(%address, "a connection that was not redirected is reset");
        // Reset rather than closed: the client must not take it for a server that hung up in order.
        let _ = stream.set_zero_linger();
    }
}

impl Drop for Interception {
    fn drop(&mut self) {
        if let Some(messages) = &self.messages {
            messages.abort();
        }
    }
}

fn listen(port: u16, maps: &Maps) -> Result<Listeners, InterceptError> {
    Listeners::bind(port, |socket| maps.mark(socket).map_err(io::Error::other))
        .map_err(|(address, source)| InterceptError::Listen { address, source })
}

fn local_address(listeners: &Listeners) -> Result<SocketAddr, InterceptError> {
    let unbound = SocketAddr::from(([127, 0, 0, 1], 0));
    listeners
        .v4()
        .local_addr()
        .map_err(|source| InterceptError::Listen {
            address: unbound,
            source,
        })
}

fn retire_others(pins: Option<&Pins>) -> Result<(), InterceptError> {
    let links = pins.map_or(Ok(0), Pins::retire_others)?;
    if links > 0 {
        tracing::info!(
            links,
            "probes of another version or for another cgroup were removed"
        );
    }
    Ok(())
}

fn peer(address: SocketAddr, original: &Original) -> Peer {
    Peer {
        address,
        destination: destination(original),
        origin: Origin::Redirected(process(original)),
    }
}

fn destination(original: &Original) -> SocketAddr {
    let [a, b, c, d] = original.ip.map(u32::to_ne_bytes);
    let mut octets = [0; 16];
    for (place, byte) in octets.iter_mut().zip([a, b, c, d].into_iter().flatten()) {
        *place = byte;
    }
    SocketAddr::new(Ipv6Addr::from(octets).to_canonical(), original.port)
}

fn process(original: &Original) -> Process {
    let comm = original
        .comm
        .split(|byte| *byte == 0)
        .next()
        .unwrap_or_default();
    Process {
        cgroup: original.cgroup,
        pid: original.pid,
        uid: original.uid,
        gid: original.gid,
        login_uid: original.login_uid,
        started: original.started,
        exe_inode: original.exe_inode,
        exe_device: original.exe_device,
        comm: String::from_utf8_lossy(comm).into_owned(),
    }
}
