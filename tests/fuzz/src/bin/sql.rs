//! Statement facts of arbitrary texts.
#![no_main]

use std::sync::OnceLock;

use fuzz::facts;
use libfuzzer_sys::fuzz_target;
use sql::Snapshot;

static SNAPSHOT: OnceLock<Snapshot> = OnceLock::new();

fuzz_target!(|bytes: &[u8]| facts::check(bytes, SNAPSHOT.get_or_init(facts::snapshot)));
