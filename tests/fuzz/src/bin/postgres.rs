//! The PostgreSQL engine under arbitrary sessions.
#![no_main]

use fuzz::script::Script;
use fuzz::{engine, wire};
use libfuzzer_sys::fuzz_target;
use postgres::{Engine, Limits, Tls};

/// Small enough that a fuzzer's inputs pass them.
fn limits() -> Limits {
    Limits {
        statement: 256,
        message: 512,
        bind: 512,
        whole: 32,
        value: 16,
        names: 4,
        ..Limits::default()
    }
}

fuzz_target!(|bytes: &[u8]| {
    let run = engine::check(&Script::decode(bytes), || {
        Engine::new(limits(), Tls::default())
    });
    wire::check(&run);
});
