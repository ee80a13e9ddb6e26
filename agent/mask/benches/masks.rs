//! How fast values are masked: bytes of values per second, on one core.
//!
//! `cargo bench -p weir-mask`. A value is what a column of notes holds: 100 bytes.

#![allow(
    missing_docs,
    clippy::expect_used,
    reason = "a benchmark that cannot run is to stop"
)]

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

use bytes::BytesMut;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use model::MaskFunction;
use weir_mask::{Column, Format, Key, Keyring, Mask};

const VALUE: &[u8] = b"Ada Lovelace, 12 St James's Square, London, called about invoice 4711 and wants a call back today ...";
const VALUES: usize = 1000;

fn functions() -> [(&'static str, MaskFunction); 6] {
    let key: Arc<str> = "k".into();
    [
        ("null", MaskFunction::Null),
        ("redact", MaskFunction::Redact),
        (
            "partial",
            MaskFunction::Partial {
                prefix: 2,
                pad: "***".into(),
                suffix: 4,
            },
        ),
        ("email", MaskFunction::Email),
        (
            "hash",
            MaskFunction::Hash {
                key: key.clone(),
                joinable: true,
            },
        ),
        (
            "tokenize",
            MaskFunction::Tokenize {
                key,
                joinable: true,
            },
        ),
    ]
}

fn masks(criterion: &mut Criterion) {
    let keys = Keyring::default();
    let key = Key::parse(&"5a".repeat(32)).expect("a key");
    keys.replace(HashMap::from([("k".into(), Arc::new(key))]));
    let mut group = criterion.benchmark_group("text of 100 bytes");
    group.throughput(Throughput::Bytes((VALUE.len() * VALUES) as u64));
    for (name, function) in functions() {
        let column = Column {
            name: "public.notes.note",
            type_oid: 25,
            format: Format::Text,
        };
        let mask = Mask::new(&function, &column, &keys);
        let mut out = BytesMut::new();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                out.clear();
                for _ in 0..VALUES {
                    black_box(mask.apply(Some(black_box(VALUE)), &mut out));
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, masks);
criterion_main!(benches);
