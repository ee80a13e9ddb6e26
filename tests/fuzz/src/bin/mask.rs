//! Masks over arbitrary values of arbitrary types.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzz::mask::check(bytes));
