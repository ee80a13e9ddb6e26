//! The probes' maps as the agent uses them.
//!
//! Knows the maps' names and types, and nothing of who attached what.

use std::collections::BTreeSet;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use abi::{Count, Original, Settings, Tuple};
use aya::Ebpf;
use aya::maps::{Array, HashMap, Map, MapData, MapError, PerCpuArray, SkStorage};

use crate::InterceptError;
use crate::sys::Plain;

/// Names of the maps that outlive the agent where it fails closed.
pub const PINNED: [&str; 7] = [
    "ACCEPTED", "COUNTERS", "ORIGINAL", "OWN", "PENDING", "PORTS", "SETTINGS",
];

/// How often each [`Count`] happened since the probes were first loaded.
pub type Counters = Vec<(Count, u64)>;

/// The maps, open.
pub struct Maps {
    accepted: SkStorage<MapData, Plain<Original>>,
    counters: PerCpuArray<MapData, u64>,
    own: Mutex<SkStorage<MapData, u32>>,
    pending: HashMap<MapData, Plain<Tuple>, Plain<Original>>,
    ports: HashMap<MapData, u16, u8>,
    settings: Array<MapData, Plain<Settings>>,
}

impl Maps {
    /// Takes the maps out of the loaded object.
    pub fn take(object: &mut Ebpf) -> Result<Self, InterceptError> {
        Ok(Self {
            accepted: taken(object, "ACCEPTED")?,
            counters: taken(object, "COUNTERS")?,
            own: Mutex::new(taken(object, "OWN")?),
            pending: taken(object, "PENDING")?,
            ports: taken(object, "PORTS")?,
            settings: taken(object, "SETTINGS")?,
        })
    }

    /// Where the client of this accepted connection wanted to go; `None` where the probes know nothing of it.
    pub fn original(&self, accepted: &impl AsRawFd) -> Option<Original> {
        self.accepted.get(accepted, 0).ok().map(|plain| plain.0)
    }

    /// Marks a socket as the agent's own.
    pub fn mark(&self, socket: &impl AsRawFd) -> Result<(), MapError> {
        self.own().insert(socket, abi::OWN, 0)
    }

    /// Says where the agent listens.
    pub fn set(&mut self, settings: Settings) -> Result<(), InterceptError> {
        self.settings
            .set(0, Plain(settings), 0)
            .map_err(|source| InterceptError::Map {
                name: "SETTINGS",
                source,
            })
    }

    /// Intercepts these ports and no others. The new ones come before the old ones go, so that a port that stays
    /// is never open.
    pub fn intercept(&mut self, ports: &BTreeSet<u16>) -> Result<(), InterceptError> {
        self.replace_ports(ports)
            .map_err(|source| InterceptError::Map {
                name: "PORTS",
                source,
            })
    }

    fn replace_ports(&mut self, ports: &BTreeSet<u16>) -> Result<(), MapError> {
        for port in ports {
            self.ports.insert(port, 1, 0)?;
        }
        let there: Vec<u16> = self.ports.keys().collect::<Result<_, _>>()?;
        for port in there.iter().filter(|port| !ports.contains(port)) {
            self.ports.remove(port)?;
        }
        Ok(())
    }

    /// Connections between their SYN and the agent's end, at this moment.
    pub fn pending(&self) -> Result<usize, InterceptError> {
        let keys: Result<Vec<_>, _> = self.pending.keys().collect();
        keys.map(|keys| keys.len())
            .map_err(|source| InterceptError::Map {
                name: "PENDING",
                source,
            })
    }

    /// What became of socket operations so far.
    pub fn counters(&self) -> Result<Counters, InterceptError> {
        read(&self.counters)
    }

    fn own(&self) -> MutexGuard<'_, SkStorage<MapData, u32>> {
        // The map is in the kernel: nothing can be left half done here.
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The counters that an agent pinned here.
pub fn pinned_counters(path: &Path) -> Result<Counters, InterceptError> {
    let map = MapData::from_pin(path).map(Map::PerCpuArray);
    let counters = map.and_then(PerCpuArray::try_from);
    read(&counters.map_err(counters_unusable)?)
}

fn read(counters: &PerCpuArray<MapData, u64>) -> Result<Counters, InterceptError> {
    let count = |what: Count| {
        let values = counters.get(&(what as u32), 0)?;
        Ok((what, values.iter().sum()))
    };
    let counted: Result<_, MapError> = Count::ALL.into_iter().map(count).collect();
    counted.map_err(counters_unusable)
}

fn counters_unusable(source: MapError) -> InterceptError {
    InterceptError::Map {
        name: "COUNTERS",
        source,
    }
}

fn taken<T>(object: &mut Ebpf, name: &'static str) -> Result<T, InterceptError>
where
    T: TryFrom<Map, Error = MapError>,
{
    let map = object
        .take_map(name)
        .ok_or(InterceptError::Incomplete { name })?;
    T::try_from(map).map_err(|source| InterceptError::Map { name, source })
}
