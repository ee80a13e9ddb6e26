//! What no input may break, one module per fuzz target. A broken claim is a panic.
//!
//! The programs in `bin` only hand libFuzzer's bytes over, so that every claim can also be called from elsewhere.

pub mod engine;
pub mod facts;
pub mod mask;
pub mod mysql;
pub mod script;
pub mod segment;
pub mod value;
pub mod wire;
