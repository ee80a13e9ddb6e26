//! Statement facts of arbitrary texts of MySQL's.
#![no_main]

use std::sync::OnceLock;

use fuzz::mysql;
use libfuzzer_sys::fuzz_target;
use sql::mysql::Catalog;

static CATALOG: OnceLock<Catalog> = OnceLock::new();

fuzz_target!(|bytes: &[u8]| mysql::check(bytes, CATALOG.get_or_init(mysql::catalog)));
