//! What it costs to look at what passes: rows of a result, and whole statements with their answers.
//!
//! `cargo bench -p weir-postgres`. The bytes are PostgreSQL's for pgbench's SELECT.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark that cannot run is to stop"
)]

use std::hint::black_box;

use bytes::BytesMut;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use model::{Terms, Verdict};
use protocol::{Outbox, Progress, Session as _, Side};
use weir_postgres::{Engine, Limits, Tls};

const SQL: &[u8] = b"SELECT abalance FROM pgbench_accounts WHERE aid = 48321;\0";
/// Bytes that one read of a socket brings.
const READ: usize = 64 << 10;

/// A session that is logged in, with the buffers that its caller would keep.
struct Talk {
    engine: Engine,
    input: BytesMut,
    out: Outbox,
}

impl Talk {
    fn new() -> Self {
        let mut talk = Self {
            engine: Engine::new(Limits::default(), Tls::default()),
            input: BytesMut::new(),
            out: Outbox::default(),
        };
        let mut start = 17u32.to_be_bytes().to_vec();
        start.extend(196_608u32.to_be_bytes());
        start.extend(b"user\0a\0\0");
        talk.say(Side::Client, &start);
        talk.say(Side::Server, &message(b'R', &[0; 4]));
        talk.say(Side::Server, &message(b'Z', b"I"));
        talk
    }

    /// These bytes arrive; every question is answered with yes.
    fn say(&mut self, side: Side, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        loop {
            let progress = self.engine.advance(side, &mut self.input, &mut self.out);
            match progress.expect("this is the protocol") {
                Progress::NeedMore => break,
                Progress::Ask(ticket, ask) => {
                    black_box(&ask);
                    let yes = Verdict::Forward(Terms::default());
                    let resolved = self.engine.resolve(ticket, yes, &mut self.out);
                    resolved.expect("this ticket is open");
                }
                other => drop(black_box(other)),
            }
        }
        assert!(self.input.is_empty(), "the engine left something");
        black_box(&self.out).to_client.len();
        self.out.to_client.clear();
        self.out.to_server.clear();
    }
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("a short message");
    [&[tag][..], &length.to_be_bytes(), body].concat()
}

/// One column of type int4, unmasked.
fn row_description() -> Vec<u8> {
    let mut body = 1u16.to_be_bytes().to_vec();
    body.extend(b"abalance\0");
    body.extend(16_400u32.to_be_bytes());
    body.extend(3u16.to_be_bytes());
    body.extend(23u32.to_be_bytes());
    body.extend([0, 4, 255, 255, 255, 255, 0, 0]);
    message(b'T', &body)
}

fn data_row(value: &[u8]) -> Vec<u8> {
    let mut body = 1u16.to_be_bytes().to_vec();
    body.extend(
        u32::try_from(value.len())
            .expect("a short value")
            .to_be_bytes(),
    );
    body.extend(value);
    message(b'D', &body)
}

fn rows(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rows without a mask");
    for length in [20, 150, 1500] {
        let row = data_row(&vec![b'x'; length]);
        let read = row.repeat(READ / row.len());
        let mut talk = Talk::new();
        talk.say(Side::Client, &message(b'Q', SQL));
        talk.say(Side::Server, &row_description());
        group.throughput(Throughput::Bytes(read.len() as u64));
        group.bench_function(format!("of {length} bytes"), |bencher| {
            bencher.iter(|| talk.say(Side::Server, &read));
        });
    }
    group.finish();
}

fn statements(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("one statement and its answer");
    let done = [
        data_row(b"0"),
        message(b'C', b"SELECT 1\0"),
        message(b'Z', b"I"),
    ]
    .concat();
    let mut talk = Talk::new();
    let query = message(b'Q', SQL);
    let answer = [row_description(), done.clone()].concat();
    group.bench_function("simple", |bencher| {
        bencher.iter(|| {
            talk.say(Side::Client, &query);
            talk.say(Side::Server, &answer);
        });
    });
    let mut talk = Talk::new();
    let prepare = [b"P_0\0", SQL, &[0, 0]].concat();
    talk.say(
        Side::Client,
        &[message(b'P', &prepare), message(b'S', b"")].concat(),
    );
    talk.say(
        Side::Server,
        &[message(b'1', b""), message(b'Z', b"I")].concat(),
    );
    let run = [
        message(b'B', b"\0P_0\0\0\0\0\x01\0\0\0\x0548321\0\0"),
        message(b'D', b"P\0"),
        message(b'E', b"\0\0\0\0\0"),
        message(b'S', b""),
    ]
    .concat();
    let answer = [message(b'2', b""), row_description(), done].concat();
    group.bench_function("prepared", |bencher| {
        bencher.iter(|| {
            talk.say(Side::Client, &run);
            talk.say(Side::Server, &answer);
        });
    });
    group.finish();
}

criterion_group!(benches, rows, statements);
criterion_main!(benches);
