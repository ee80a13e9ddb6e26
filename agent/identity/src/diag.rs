//! Asks the kernel who owns one TCP socket: sock_diag(7), which finds it by its addresses instead of telling all of them.
//!
//! ```text
//!  nlmsghdr (16)  length  type  flags  sequence  port
//!  request  (56)  family  protocol  extensions  -  states  ┌ sockid (48) ──────────────────────────────────┐
//!  answer   (72)  family  state     timer  retransmits     │ ports (2 x 2)  addresses (2 x 16)  if  cookie │
//!                 expires  read queue  write queue  uid    └───────────────────────────────────────────────┘
//!                 inode
//! ```
//!
//! Numbers are in the machine's byte order, ports and addresses in the network's (`linux/inet_diag.h`).

use std::net::{IpAddr, SocketAddr};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
};

/// `SOCK_DIAG_BY_FAMILY`
const BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST`
const REQUEST: u16 = 1;
/// `TCP_ESTABLISHED` in `net/tcp_states.h`
const ESTABLISHED: u8 = 1;
/// `INET_DIAG_NOCOOKIE`, twice
const NO_COOKIE: [u8; 8] = [0xff; 8];
/// Bytes of header and request.
const LENGTH: u32 = 72;

/// The owner of the established socket that is bound to `local` and connected to `remote`; `None` where the kernel names
/// none, or knows no such question.
pub fn uid(local: SocketAddr, remote: SocketAddr) -> Result<Option<u32>, Errno> {
    let id = socket_id(local, remote);
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        Some(netlink::SOCK_DIAG),
    )?;
    send(&socket, &request(local, &id), SendFlags::empty())?;
    let mut answer = [0; 256];
    let (length, _) = recv(&socket, &mut answer, RecvFlags::empty())?;
    Ok(answer.get(..length).and_then(|answer| owner(answer, &id)))
}

fn request(local: SocketAddr, id: &[u8]) -> Vec<u8> {
    let family = match local {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let tcp = 6;
    let family = u8::try_from(family.as_raw()).unwrap_or_default();
    let states = 1_u32 << ESTABLISHED;
    let mut request = Vec::new();
    request.extend(LENGTH.to_ne_bytes());
    request.extend(BY_FAMILY.to_ne_bytes());
    request.extend(REQUEST.to_ne_bytes());
    request.extend([0; 8]);
    request.extend([family, tcp, 0, 0]);
    request.extend(states.to_ne_bytes());
    request.extend(id);
    request.extend([0; 4]);
    request.extend(NO_COOKIE);
    request
}

/// Ports and addresses.
fn socket_id(local: SocketAddr, remote: SocketAddr) -> Vec<u8> {
    let mut id = Vec::new();
    id.extend(local.port().to_be_bytes());
    id.extend(remote.port().to_be_bytes());
    for address in [local.ip(), remote.ip()] {
        match address {
            IpAddr::V4(address) => {
                id.extend(address.octets());
                id.extend([0; 12]);
            }
            IpAddr::V6(address) => id.extend(address.octets()),
        }
    }
    id
}

/// The kernel may have found something else by these addresses, such as the listener.
fn owner(answer: &[u8], id: &[u8]) -> Option<u32> {
    let kind = answer.get(4..6)?;
    let state = *answer.get(17)?;
    let found = answer.get(20..)?.get(..id.len())?;
    let uid = answer.get(80..84)?;
    let fits = kind == BY_FAMILY.to_ne_bytes() && state == ESTABLISHED && found == id;
    fits.then(|| Some(u32::from_ne_bytes(uid.try_into().ok()?)))?
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn the_owner_of_a_connection_is_named_and_that_of_a_listener_is_not() {
        for host in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(host).unwrap();
            let remote = listener.local_addr().unwrap();
            let client = TcpStream::connect(remote).unwrap();
            let local = client.local_addr().unwrap();
            let own = rustix::process::getuid().as_raw();
            assert_eq!(uid(local, remote), Ok(Some(own)));
            let nobody = SocketAddr::new(local.ip(), 1);
            assert_eq!(uid(nobody, remote), Ok(None));
        }
    }

    #[test]
    fn an_answer_about_another_socket_or_that_ends_early_names_nobody() {
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let id = socket_id(address(1), address(2));
        let mut answer = vec![0; 16];
        answer.splice(4..6, BY_FAMILY.to_ne_bytes());
        answer.extend([2, ESTABLISHED, 0, 0]);
        answer.extend(&id);
        answer.extend([0; 24]);
        answer.extend(1000_u32.to_ne_bytes());
        answer.extend([0; 4]);
        assert_eq!(owner(&answer, &id), Some(1000));
        assert_eq!(owner(&answer, &socket_id(address(3), address(2))), None);
        assert_eq!(owner(&answer[..82], &id), None);
        answer[17] = 10;
        assert_eq!(owner(&answer, &id), None);
    }
}
