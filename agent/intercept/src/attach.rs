//! Loads the probes and puts them to work: attached anew, or in place of the ones that an earlier agent left.

use std::os::fd::AsFd as _;
use std::path::Path;

use aya::programs::links::FdLink;
use aya::programs::{CgroupAttachMode, Program, ProgramError, ProgramFd};
use aya::{Ebpf, EbpfLoader};

use crate::cgroup::Cgroup;
use crate::kernel::Kernel;
use crate::maps::PINNED;
use crate::pins::Pins;
use crate::{InterceptError, object, sys};

/// The callbacks that carry the original destination to the agent.
pub const HANDOVER: &str = "handover";

/// In this order: a redirected connection must find everything else in place.
const PROGRAMS: [&str; 7] = [
    HANDOVER,
    "getpeername4",
    "getpeername6",
    "bind4",
    "bind6",
    "connect4",
    "connect6",
];

/// Links may stand beside others' whatever the mode says, and the kernel refuses the mode that aya names for it.
const MODE: CgroupAttachMode = CgroupAttachMode::Single;

/// Loads the object with the kernel's constants; its maps are the pinned ones where there are pins.
pub fn load(kernel: &Kernel, pins: Option<&Pins>) -> Result<Ebpf, InterceptError> {
    let mut loader = EbpfLoader::new();
    loader.override_global("FEATURES", &kernel.features, true);
    for (global, offset) in &kernel.offsets {
        loader.override_global(global, offset, true);
    }
    for name in PINNED {
        if let Some(pins) = pins {
            loader.map_pin_path(name, pins.map(name));
        }
    }
    Ok(loader.load(object::embedded()?)?)
}

/// Has the verifier look at every program.
pub fn verify(object: &mut Ebpf) -> Result<(), InterceptError> {
    for name in PROGRAMS {
        let loaded = match find(object, name)? {
            Program::CgroupSockAddr(program) => program.load(),
            Program::SockOps(program) => program.load(),
            _ => return Err(InterceptError::Incomplete { name }),
        };
        loaded.map_err(failed(name, "load"))?;
    }
    Ok(())
}

/// Attaches the verified programs to the cgroup, through the pinned links where there are pins. Without pins the
/// links live as long as the object.
pub fn attach(
    object: &mut Ebpf,
    cgroup: &Cgroup,
    pins: Option<&Pins>,
) -> Result<(), InterceptError> {
    for name in PROGRAMS {
        match pins.map(|pins| pins.link(name)) {
            Some(pin) if pin.exists() => replace(find(object, name)?, name, &pin)?,
            Some(pin) => keep(link(find(object, name)?, name, cgroup)?, &pin)?,
            None => link_for_life(find(object, name)?, name, cgroup)?,
        }
    }
    Ok(())
}

/// Attaches the handover alone, to the cgroup that the agent's own sockets belong to. Never pinned: it serves this
/// agent's listeners only.
pub fn attach_handover(object: &mut Ebpf, cgroup: &Cgroup) -> Result<(), InterceptError> {
    link_for_life(find(object, HANDOVER)?, HANDOVER, cgroup)
}

fn find<'a>(object: &'a mut Ebpf, name: &'static str) -> Result<&'a mut Program, InterceptError> {
    object
        .program_mut(name)
        .ok_or(InterceptError::Incomplete { name })
}

fn link_for_life(
    program: &mut Program,
    name: &'static str,
    cgroup: &Cgroup,
) -> Result<(), InterceptError> {
    let attached = match program {
        Program::CgroupSockAddr(program) => program.attach(&cgroup.directory, MODE).map(drop),
        Program::SockOps(program) => program.attach(&cgroup.directory, MODE).map(drop),
        _ => return Err(InterceptError::Incomplete { name }),
    };
    attached.map_err(failed(name, "attach"))
}

fn link(
    program: &mut Program,
    name: &'static str,
    cgroup: &Cgroup,
) -> Result<FdLink, InterceptError> {
    match program {
        Program::CgroupSockAddr(program) => program
            .attach(&cgroup.directory, MODE)
            .and_then(|id| program.take_link(id))
            .map(FdLink::try_from),
        Program::SockOps(program) => program
            .attach(&cgroup.directory, MODE)
            .and_then(|id| program.take_link(id))
            .map(FdLink::try_from),
        _ => return Err(InterceptError::Incomplete { name }),
    }
    .map_err(failed(name, "attach"))?
    .map_err(|_| InterceptError::NoLink { program: name })
}

fn keep(link: FdLink, pin: &Path) -> Result<(), InterceptError> {
    let pinned = link.pin(pin);
    pinned.map(drop).map_err(|error| InterceptError::Pin {
        doing: "make",
        path: pin.to_owned(),
        source: std::io::Error::other(error),
    })
}

fn replace(program: &Program, name: &'static str, pin: &Path) -> Result<(), InterceptError> {
    let program: &ProgramFd = match program {
        Program::CgroupSockAddr(program) => program.fd(),
        Program::SockOps(program) => program.fd(),
        _ => return Err(InterceptError::Incomplete { name }),
    }
    .map_err(failed(name, "be replaced"))?;
    let link = sys::pinned(pin).map_err(|source| InterceptError::Pin {
        doing: "open",
        path: pin.to_owned(),
        source,
    })?;
    sys::update_link(link.as_fd(), program.as_fd()).map_err(|source| InterceptError::Replace {
        program: name,
        source,
    })
}

fn failed(
    program: &'static str,
    doing: &'static str,
) -> impl FnOnce(ProgramError) -> InterceptError {
    move |source| InterceptError::Program {
        program,
        doing,
        source,
    }
}
