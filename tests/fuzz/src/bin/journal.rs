//! The journal's reader on arbitrary segments.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzz::segment::check(bytes));
