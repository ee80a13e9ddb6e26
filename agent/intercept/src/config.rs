//! This crate's part of the configuration: what the file says ([`Written`]) and what is meant ([`Effective`]).
//!
//! Looks at nothing but the values themselves, so a file can be checked on another machine.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Deserialize;

/// The section as it stands in the file. Unknown fields are refused.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// The cgroup whose processes are intercepted, with all below it: absolute, or relative to the cgroup2 mount.
    pub cgroup: PathBuf,
    /// Destination ports that are intercepted.
    #[serde(default = "default_ports")]
    pub ports: Vec<u16>,
    /// The agent's own port on the loopback addresses.
    #[serde(default = "default_port")]
    pub port: u16,
    /// What happens to protected connections while the agent is dead.
    #[serde(default)]
    pub fail: Fail,
    /// Directory on a BPF file system for what outlives the agent.
    #[serde(default = "default_pins")]
    pub pins: PathBuf,
    /// Whether `cgroup` may be the root cgroup, that is the whole host.
    #[serde(default)]
    pub allow_root: bool,
}

/// What happens to protected connections while the agent is dead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fail {
    /// They are refused: the probes outlive the agent, and the next one adopts them.
    #[default]
    Closed,
    /// They reach their destination: the probes die with the agent.
    Open,
}

/// Complete and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// As written.
    pub cgroup: PathBuf,
    /// At least one, at most [`abi::MAX_PORTS`], none of them `port`.
    pub ports: BTreeSet<u16>,
    /// As written. 0 lets the kernel choose, where `fail` is open.
    pub port: u16,
    /// As written.
    pub fail: Fail,
    /// As written; absolute.
    pub pins: PathBuf,
    /// As written.
    pub allow_root: bool,
}

/// The section contradicts itself.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// No port.
    #[error("ports is empty, so nothing would be intercepted: name at least one, such as [5432]")]
    NoPorts,
    /// More than the probes can hold.
    #[error("ports names {count} ports: at most {} are possible", abi::MAX_PORTS)]
    TooManyPorts {
        /// How many.
        count: usize,
    },
    /// Port 0 among the intercepted.
    #[error("ports contains 0, which nobody can connect to: remove it")]
    PortZero,
    /// The agent would intercept what it hands over to itself.
    #[error("port {port} is also in ports: give the agent a port of its own")]
    OwnPort {
        /// Which.
        port: u16,
    },
    /// The next agent could not know the port.
    #[error("port is 0, and with fail = \"closed\" the port must outlive the agent: name one")]
    NoPort,
    /// A relative directory.
    #[error("pins is {pins}: name an absolute path, such as /sys/fs/bpf/weir")]
    RelativePins {
        /// Which.
        pins: PathBuf,
    },
}

impl Written {
    /// Checks the values against each other.
    pub fn effective(self) -> Result<Effective, ConfigError> {
        let ports: BTreeSet<u16> = self.ports.into_iter().collect();
        if ports.is_empty() {
            return Err(ConfigError::NoPorts);
        }
        if ports.len() > abi::MAX_PORTS as usize {
            return Err(ConfigError::TooManyPorts { count: ports.len() });
        }
        if ports.contains(&0) {
            return Err(ConfigError::PortZero);
        }
        if ports.contains(&self.port) {
            return Err(ConfigError::OwnPort { port: self.port });
        }
        if self.port == 0 && self.fail == Fail::Closed {
            return Err(ConfigError::NoPort);
        }
        if self.pins.is_relative() {
            return Err(ConfigError::RelativePins { pins: self.pins });
        }
        Ok(Effective {
            cgroup: self.cgroup,
            ports,
            port: self.port,
            fail: self.fail,
            pins: self.pins,
            allow_root: self.allow_root,
        })
    }
}

fn default_ports() -> Vec<u16> {
    vec![5432]
}

/// Outside the range from which the kernel takes client ports (32768 to 60999), so that it is free after a restart.
fn default_port() -> u16 {
    15432
}

fn default_pins() -> PathBuf {
    PathBuf::from("/sys/fs/bpf/weir")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> Written {
        Written {
            cgroup: "system.slice".into(),
            ports: default_ports(),
            port: default_port(),
            fail: Fail::Closed,
            pins: default_pins(),
            allow_root: false,
        }
    }

    #[test]
    fn the_defaults_agree_with_each_other() {
        assert!(written().effective().is_ok());
    }

    #[test]
    fn ports_that_contradict_themselves_are_refused() {
        let refused = |change: fn(&mut Written)| {
            let mut section = written();
            change(&mut section);
            section.effective().unwrap_err()
        };
        assert_eq!(refused(|w| w.ports.clear()), ConfigError::NoPorts);
        assert_eq!(refused(|w| w.ports.push(0)), ConfigError::PortZero);
        assert_eq!(
            refused(|w| w.port = 5432),
            ConfigError::OwnPort { port: 5432 }
        );
        assert_eq!(refused(|w| w.port = 0), ConfigError::NoPort);
        assert_eq!(
            refused(|w| w.ports = (1..=300).collect()),
            ConfigError::TooManyPorts { count: 300 }
        );
    }

    #[test]
    fn a_relative_pin_directory_is_refused() {
        let section = Written {
            pins: "weir".into(),
            ..written()
        };
        let pins = PathBuf::from("weir");
        assert_eq!(section.effective(), Err(ConfigError::RelativePins { pins }));
    }
}
