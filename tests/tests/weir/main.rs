//! Weir against real kernels, servers and clients. One module per claim; the harness is the package's library.

mod approvals;
mod block;
mod bypass;
mod crash;
mod fidelity;
mod masking;
mod operate;
mod wire;
