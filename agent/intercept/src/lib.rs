//! The kernel's door: loads the probes, accepts what they redirect, dials past them.
