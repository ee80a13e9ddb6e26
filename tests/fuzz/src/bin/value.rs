//! Bind values of arbitrary types and bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzz::value::check(bytes));
