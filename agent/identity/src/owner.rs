//! Which user owns the client's end of a connection on this host: by its addresses, or from the kernel's table of sockets.
//!
//! For gateway clients, whom no hook has seen. The table, which grows with the connections of the host, is only read where
//! the address that the client named is not known, or the kernel does not answer otherwise. Format: proc_net(5), `/proc/net/tcp` and `/proc/net/tcp6`:
//!
//! ```text
//!  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
//!   0: 0100007F:C350 0100007F:1538 01 00000000:00000000 00:00000000 00000000  1000        0 8271 ...
//! ```

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::diag;

/// Lines of each table that are looked at.
const MOST_SOCKETS: usize = 262_144;

/// The owner of the established socket that is bound to `client` and connected to one of the gateways. `None` where
/// there is none, or where several fit and do not agree.
pub fn uid(client: SocketAddr, gateways: &[SocketAddr]) -> Option<u32> {
    if !client.ip().to_canonical().is_loopback() {
        return None;
    }
    let known = match gateways {
        [gateway] if !gateway.ip().is_unspecified() => diag::uid(client, *gateway).ok().flatten(),
        _ => None,
    };
    known.or_else(|| in_table(client, gateways))
}

fn in_table(client: SocketAddr, gateways: &[SocketAddr]) -> Option<u32> {
    let lines = ["/proc/net/tcp", "/proc/net/tcp6"]
        .into_iter()
        .filter_map(|table| File::open(table).ok())
        .flat_map(|table| {
            BufReader::new(table)
                .lines()
                .map_while(Result::ok)
                .take(MOST_SOCKETS)
        });
    agreed(lines, client, gateways)
}

fn agreed(
    lines: impl Iterator<Item = String>,
    client: SocketAddr,
    gateways: &[SocketAddr],
) -> Option<u32> {
    let client = canonical(client);
    let mut found = None;
    for socket in lines.filter_map(|line| Socket::read(&line)) {
        let fits = socket.local == client
            && gateways
                .iter()
                .any(|gateway| leads_to(*gateway, socket.remote));
        if fits
            && found
                .replace(socket.uid)
                .is_some_and(|other| other != socket.uid)
        {
            return None;
        }
    }
    found
}

/// A gateway on the unspecified address is reached at any address of the host.
fn leads_to(gateway: SocketAddr, remote: SocketAddr) -> bool {
    let gateway = canonical(gateway);
    gateway.port() == remote.port()
        && (gateway.ip().is_unspecified() || gateway.ip() == remote.ip())
}

struct Socket {
    local: SocketAddr,
    remote: SocketAddr,
    uid: u32,
}

impl Socket {
    /// An established socket; other states no longer know their owner.
    fn read(line: &str) -> Option<Self> {
        const ESTABLISHED: &str = "01";
        let mut fields = line.split_ascii_whitespace().skip(1);
        let (local, remote) = (fields.next()?, fields.next()?);
        if fields.next()? != ESTABLISHED {
            return None;
        }
        Some(Self {
            local: address(local)?,
            remote: address(remote)?,
            uid: fields.nth(3)?.parse().ok()?,
        })
    }
}

/// Hexadecimal: 32-bit words in the machine's byte order, a colon, the port.
fn address(field: &str) -> Option<SocketAddr> {
    let (ip, port) = field.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let digits = ip.get(at * 8..at * 8 + 8)?;
        u32::from_str_radix(digits, 16).ok().map(u32::to_ne_bytes)
    };
    let ip: IpAddr = match ip.len() {
        8 => Ipv4Addr::from(word(0)?).into(),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let octets: Vec<u8> = words.into_iter().flatten().collect();
            Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
   1: 0100007F:C350 0100007F:1538 01 00000000:00000000 00:00000000 00000000  1000        0 2 1
   2: 0100007F:1538 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 3 1
   3: 0100007F:C350 0100007F:0016 01 00000000:00000000 00:00000000 00000000     0        0 4 1
   4: 0100007F:C351 0100007F:1538 06 00000000:00000000 00:00000000 00000000     0        0 0 1
   5: 0000000000000000FFFF00000100007F:C352 0000000000000000FFFF00000100007F:1538 01 00000000:00000000 00:00000000 00000000   999        0 5 1
   6: 00000000000000000000000001000000:C353 00000000000000000000000001000000:1538 01 00000000:00000000 00:00000000 00000000    33        0 6 1
";

    fn owner(table: &str, client: &str, gateway: &str) -> Option<u32> {
        let lines = table.lines().map(str::to_owned);
        agreed(lines, client.parse().unwrap(), &[gateway.parse().unwrap()])
    }

    #[test]
    fn the_clients_end_is_found_by_both_its_addresses() {
        assert_eq!(
            owner(TABLE, "127.0.0.1:50000", "127.0.0.1:5432"),
            Some(1000)
        );
        assert_eq!(owner(TABLE, "127.0.0.1:50000", "0.0.0.0:5432"), Some(1000));
        assert_eq!(owner(TABLE, "127.0.0.1:50000", "127.0.0.1:22"), Some(0));
        assert_eq!(owner(TABLE, "127.0.0.1:50002", "127.0.0.1:5432"), Some(999));
        assert_eq!(owner(TABLE, "[::1]:50003", "[::]:5432"), Some(33));
    }

    #[test]
    fn a_socket_that_is_closing_has_no_owner() {
        assert_eq!(owner(TABLE, "127.0.0.1:50001", "127.0.0.1:5432"), None);
    }

    #[test]
    fn sockets_that_do_not_agree_have_no_owner() {
        let other = TABLE.replace("0100007F:0016", "0200007F:1538");
        assert_eq!(owner(&other, "127.0.0.1:50000", "0.0.0.0:5432"), None);
    }

    #[test]
    fn this_process_owns_its_own_connection() {
        let gateway = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = gateway.local_addr().unwrap();
        let client = std::net::TcpStream::connect(address).unwrap();
        let own = rustix::process::getuid().as_raw();
        let client = client.local_addr().unwrap();
        assert_eq!(uid(client, &[address]), Some(own));
        assert_eq!(in_table(client, &[address]), Some(own));
    }
}
