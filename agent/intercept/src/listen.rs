//! Listening sockets, and accepting from them for ever.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Connections that the kernel completes before they are accepted.
pub const BACKLOG: u32 = 4096;

/// Bytes that the kernel may hold per direction of a connection within this host (it takes twice that, for its own
/// bookkeeping). Left to itself it lets a buffer grow to many megabytes, and a sender learns as much later that nobody
/// reads.
const HELD: u32 = 256 << 10;

/// How long accepting rests where the system has no descriptor or no memory: the connections wait in the backlog.
const REST: Duration = Duration::from_millis(100);

/// How often a port that is free on one family is looked for on the other.
const ATTEMPTS: u32 = 32;

/// The agent's two ends: the same port on both loopback addresses.
pub struct Listeners {
    v4: TcpListener,
    /// None where the host has no IPv6; connects to it are refused by the probes then.
    v6: Option<TcpListener>,
}

impl Listeners {
    /// Takes the port on `127.0.0.1` and `::1`; 0 lets the kernel choose. `mark` sees each socket before it is
    /// bound, because only a marked socket may take the agent's port.
    pub fn bind(
        port: u16,
        mark: impl Fn(&TcpSocket) -> io::Result<()>,
    ) -> Result<Self, (SocketAddr, io::Error)> {
        let attempts = if port == 0 { ATTEMPTS } else { 1 };
        let mut last = None;
        for _ in 0..attempts {
            match Self::bind_both(port, &mark) {
                Err((address, error)) if error.kind() == io::ErrorKind::AddrInUse => {
                    last = Some((address, error));
                }
                result => return result,
            }
        }
        let any = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        Err(last.unwrap_or((any, io::ErrorKind::AddrInUse.into())))
    }

    fn bind_both(
        port: u16,
        mark: impl Fn(&TcpSocket) -> io::Result<()>,
    ) -> Result<Self, (SocketAddr, io::Error)> {
        let wanted = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        let v4 = listener(wanted, &mark).map_err(|error| (wanted, error))?;
        let taken = v4.local_addr().map_err(|error| (wanted, error))?;
        let wanted = SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), taken.port());
        let v6 = match listener(wanted, &mark) {
            Ok(v6) => Some(v6),
            Err(error) if has_no_ipv6(&error) => None,
            Err(error) => return Err((wanted, error)),
        };
        Ok(Self { v4, v6 })
    }

    /// The listener on `127.0.0.1`.
    pub fn v4(&self) -> &TcpListener {
        &self.v4
    }

    /// The next connection on either.
    pub async fn accept(&self) -> (TcpStream, SocketAddr) {
        match &self.v6 {
            Some(v6) => tokio::select! {
                accepted = accept(&self.v4) => accepted,
                accepted = accept(v6) => accepted,
            },
            None => accept(&self.v4).await,
        }
    }
}

/// A listening socket.
pub fn listener(
    address: SocketAddr,
    mark: impl Fn(&TcpSocket) -> io::Result<()>,
) -> io::Result<TcpListener> {
    let socket = socket(address)?;
    mark(&socket)?;
    socket.set_reuseaddr(true)?;
    // As a database server does; what is accepted inherits it.
    socket.set_keepalive(true)?;
    bound(&socket, address)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Bounds what the kernel holds of a connection by this address, if it does not leave the host. Over a network, the
/// kernel has to choose by the distance.
pub fn bound(socket: &TcpSocket, address: SocketAddr) -> io::Result<()> {
    if !address.ip().to_canonical().is_loopback() {
        return Ok(());
    }
    socket.set_recv_buffer_size(HELD)?;
    socket.set_send_buffer_size(HELD)
}

/// A socket of the address's family.
pub fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }
}

/// The next connection. An error concerns one connection or passes, so it never ends the accepting, and where the
/// same error would come again at once, it waits.
pub async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                // Without it a small answer waits for the acknowledgement of the one before.
                if stream.set_nodelay(true).is_ok() {
                    return (stream, address);
                }
            }
            Err(error) if concerns_one(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections; trying again");
                tokio::time::sleep(REST).await;
            }
        }
    }
}

/// See accept(2): these are errors of the connection that was to be accepted.
fn concerns_one(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | Interrupted
    )
}

fn has_no_ipv6(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL)
    )
}
