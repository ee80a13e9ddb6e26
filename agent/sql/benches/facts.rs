//! What it costs to understand a text that was not seen before.
//!
//! `cargo bench -p weir-sql`. Parsing by PostgreSQL's grammar is in it.

#![allow(missing_docs, reason = "a benchmark has no users")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use model::Login;
use weir_sql::{ColumnRow, Kind, RelationRow, Rows, Session, Snapshot, analyse};

/// A name, and the statement behind it.
const TEXTS: [(&str, &str); 4] = [
    (
        "pgbench's SELECT",
        "SELECT abalance FROM pgbench_accounts WHERE aid = $1",
    ),
    (
        "UPDATE",
        "UPDATE pgbench_accounts SET abalance = abalance + $1 WHERE aid = $2",
    ),
    (
        "join and aggregate",
        "SELECT b.bid, count(*), sum(a.abalance) FROM pgbench_accounts a JOIN pgbench_branches b ON a.bid = b.bid \
         WHERE b.bbalance > 0 GROUP BY b.bid ORDER BY 2 DESC LIMIT 10",
    ),
    (
        "WITH and a window",
        "WITH rich AS (SELECT aid, bid, rank() OVER (PARTITION BY bid ORDER BY abalance DESC) AS place \
         FROM pgbench_accounts) SELECT r.aid, t.tbalance FROM rich r LEFT JOIN pgbench_tellers t USING (bid) \
         WHERE r.place <= 3 AND t.tid IN (SELECT tid FROM pgbench_tellers WHERE tbalance < 0)",
    ),
];

const RELATIONS: [(&str, &str); 3] = [
    ("pgbench_accounts", "aid bid abalance filler"),
    ("pgbench_branches", "bid bbalance filler"),
    ("pgbench_tellers", "tid bid tbalance filler"),
];

fn snapshot() -> Snapshot {
    let mut rows = Rows {
        database: "bench".into(),
        schemas: ["pg_catalog", "public"].map(String::from).into(),
        defaults: [
            ("search_path", "\"$user\", public"),
            ("standard_conforming_strings", "on"),
            ("client_encoding", "UTF8"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into(),
        ..Rows::default()
    };
    for (oid, (name, columns)) in (20_001..).zip(RELATIONS) {
        rows.relations.push(RelationRow {
            oid,
            schema: "public".into(),
            name: name.into(),
            kind: Kind::Table,
            rules: false,
        });
        for (number, column) in (1..).zip(columns.split(' ')) {
            rows.columns.push(ColumnRow {
                relation: oid,
                number,
                name: column.into(),
                type_oid: 23,
            });
        }
    }
    Snapshot::new(1, rows)
}

fn facts(criterion: &mut Criterion) {
    let snapshot = snapshot();
    let login = Login {
        user: "ann".into(),
        database: "bench".into(),
        application: None,
        settings: Vec::new(),
    };
    let session = Session::new(&login, &snapshot);
    let mut group = criterion.benchmark_group("facts of a text");
    for (name, text) in TEXTS {
        group.bench_function(name, |bencher| {
            bencher.iter(|| analyse(black_box(text.as_bytes()), &session, &snapshot));
        });
    }
    group.finish();
}

criterion_group!(benches, facts);
criterion_main!(benches);
