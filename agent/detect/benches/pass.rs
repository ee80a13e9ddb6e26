//! How fast texts are searched: bytes per second, on one core.
//!
//! `cargo bench -p weir-detect`. Values are of 100 bytes, as a column of notes has them: without anything in them, with
//! numbers and dates that could be something, and with an address in each.

#![allow(
    missing_docs,
    clippy::expect_used,
    reason = "a benchmark that cannot run is to stop"
)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use weir_detect::Scanner;

const VALUES: usize = 1000;
const TEXTS: [(&str, &str); 3] = [
    (
        "nothing",
        "Ada Lovelace from Saint James Square in London called about her invoice and wants a call back soon ..",
    ),
    (
        "numbers",
        "Invoice 2024-0042 of 2024-05-17 12:30, 1234567890123 pieces for 4711.00, order 98-76-5432, box 12-34",
    ),
    (
        "an address in each",
        "Ada Lovelace from Saint James Square, London, ada@analytical.org, called about an invoice of last week",
    ),
];

fn pass(criterion: &mut Criterion) {
    let scanner = Scanner::new().expect("the patterns are right");
    let mut group = criterion.benchmark_group("text of 100 bytes");
    for (name, text) in TEXTS {
        group.throughput(Throughput::Bytes((text.len() * VALUES) as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for _ in 0..VALUES {
                    black_box(scanner.find(black_box(text.as_bytes())).count());
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, pass);
criterion_main!(benches);
