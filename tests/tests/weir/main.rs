//! Weir against real kernels, servers and clients. One module per claim; the harness is the package's library.

mod agreement;
mod approvals;
mod block;
mod bypass;
mod cancel;
mod crash;
mod ends;
mod fidelity;
mod harmless;
mod limits;
mod masking;
mod monitor;
mod operate;
mod policies;
mod poolers;
mod pressure;
mod refusals;
mod replication;
mod rows;
mod ship;
mod tls;
mod upstream;
mod usage;
mod values;
mod versions;
mod wire;
