//! From what the kernel saw of a peer to the subject that policy knows.
//!
//! Knows cgroups, users and processes of this host, and no policy: it says what a peer is a member of, and never
//! what that allows. Names must not be forgeable, so a name is given only where the kernel and those who rule the
//! host (systemd, a container runtime) leave no room for another reading; where there is room, the name is missing.
//!
//! ```text
//!  cgroup id -> path ---> container:ID  systemd:UNIT  slice:NAME  cgroup:/PATH
//!  uid -----------------> user:NAME     uid:NUMBER
//!  pid, start, inode ---> exe:/PATH
//!  loopback 4-tuple ----> uid           (gateway)
//! ```

mod cgroups;
mod diag;
mod executable;
mod owner;
mod placement;
mod resolver;
mod users;

pub use resolver::Resolver;
pub use users::own_user;
