//! Opens connections as another process: one in a cgroup, of another user.
//!
//! The kernel takes a client's identity when it connects. So a small process in the right place connects, and its socket
//! is taken over (pidfd_getfd(2)): from then on the test itself speaks, on a connection that belongs to somebody else.

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use stage::command_in;

/// Opens the socket, says that it did, and stays until its input ends.
const SCRIPT: &str = r#"exec 9<>"/dev/tcp/$0/$1" && echo open && read -r _"#;
/// Where the script has its socket.
const SOCKET: i32 = 9;

/// The process that opened a connection. It lives as long as the connection does, so that its identity can be seen.
#[derive(Debug)]
pub struct Opener(Child);

/// Connects as `user` (uid and gid) from inside the cgroup.
pub fn open(cgroup: &Path, user: u32, to: SocketAddr) -> anyhow::Result<(TcpStream, Opener)> {
    let mut process = command_in(cgroup, "setpriv")
        .arg(format!("--reuid={user}"))
        .arg(format!("--regid={user}"))
        .args(["--clear-groups", "--", "bash", "-c", SCRIPT])
        .arg(to.ip().to_string())
        .arg(to.port().to_string())
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let said = process.stdout.take().context("the opener says nothing")?;
    let id = Pid::from_child(&process);
    let opener = Opener(process);
    let mut line = String::new();
    BufReader::new(said).read_line(&mut line)?;
    if line != "open\n" {
        bail!("no connection to {to} from {}", cgroup.display());
    }
    let process = pidfd_open(id, PidfdFlags::empty())?;
    let socket = pidfd_getfd(process, SOCKET, PidfdGetfdFlags::empty())
        .context("the opener's socket cannot be taken over")?;
    Ok((TcpStream::from(socket), opener))
}

impl Drop for Opener {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
