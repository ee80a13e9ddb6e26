//! What it costs to judge a statement that this session has not seen before (parse, facts and policies), and one that it has.
//!
//! `cargo bench -p weir-proxy`. What is remembered is private to the crate, so its file is taken in here.

#![allow(
    missing_docs,
    clippy::expect_used,
    reason = "a benchmark that cannot run is to stop"
)]

use std::alloc::System;
use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use model::{Decision, Effect, Login, Request, SessionId, Subject, Target, Workload};
use policy::{Moment, PolicySet};
use protocol::Source;
use reading::{Reading, Readings};
use sql::{Session, Snapshot, analyse, schema};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    reason = "the crate uses more of it than is measured"
)]
#[path = "../src/reading.rs"]
mod reading;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const SELECT: &str = "SELECT abalance FROM pgbench_accounts WHERE aid = 4711";
const WIDE: &str = "SELECT * FROM wide";

const OURS: &str = r#"
@id("work")
permit (
  principal in Workload::"systemd:billing.service",
  action in [Action::"select", Action::"update"],
  resource in Schema::"shop/app.public"
);
@id("no-unrestricted-writes")
forbid (principal, action in Action::"write", resource) unless { context.has_where };
"#;

const CLASSES: &str = r#"
[classes.secret]
description = "what nobody sees"
mask = "redact"
columns = ["*/*.*.*.secret_*"]
"#;

/// 2024-01-01, in microseconds since the Unix epoch.
const MONDAY: i64 = 1_704_067_200_000_000;

/// Ours and those of other services.
fn policies(number: usize) -> Arc<PolicySet> {
    let mut text = OURS.to_owned();
    for service in 2..number {
        let written = writeln!(
            text,
            "@id(\"other-{service}\") permit (principal in Workload::\"systemd:other-{service}.service\", \
             action in Action::\"read\", resource in Schema::\"shop/app.other_{service}\");"
        );
        written.expect("a String takes everything");
    }
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("classes.toml"), CLASSES).expect("a file");
    fs::write(directory.path().join("all.cedar"), text).expect("a file");
    Arc::new(PolicySet::load(directory.path()).expect("valid policies"))
}

/// pgbench's table, and one of 200 columns of which ten are classified.
fn snapshot() -> Snapshot {
    let wide: Vec<_> = (1..=200)
        .map(|number| match number % 20 {
            0 => format!("secret_{number} int"),
            _ => format!("plain_{number} int"),
        })
        .collect();
    let definitions = format!(
        "CREATE TABLE pgbench_accounts (aid int, bid int, abalance int, filler char(84));\n\
         CREATE TABLE wide ({});",
        wide.join(", ")
    );
    Snapshot::new(1, schema("app", &definitions).expect("valid definitions"))
}

/// Who asks whom.
struct Stage {
    subject: Subject,
    target: Target,
    login: Login,
    snapshot: Snapshot,
    session: Session,
}

impl Stage {
    fn new() -> Self {
        let login = Login {
            user: "billing".into(),
            database: "app".into(),
            application: None,
            settings: Vec::new(),
        };
        let snapshot = snapshot();
        let workloads = [
            "systemd:billing.service",
            "user:billing",
            "exe:/usr/bin/billing",
        ];
        Self {
            subject: Subject {
                session: SessionId::now(),
                workloads: workloads.map(|name| Workload(name.to_owned())).into(),
                os_user: None,
                executable: None,
                process: None,
                address: "10.0.0.7:4000".parse().expect("an address"),
            },
            target: Target {
                server: "shop".into(),
                address: "127.0.0.1:5432".parse().expect("an address"),
            },
            session: Session::new(&login, &snapshot),
            login,
            snapshot,
        }
    }

    /// From the text to the decision, with nothing remembered.
    fn judge(&self, text: &str, policies: &PolicySet) -> Decision {
        self.decide(&self.read(text), policies)
    }

    fn read(&self, text: &str) -> Request {
        let facts = analyse(text.as_bytes(), &self.session, &self.snapshot);
        Request::Run(facts.statement(text.as_bytes(), Arc::default()))
    }

    fn decide(&self, request: &Request, policies: &PolicySet) -> Decision {
        let moment = Moment {
            time: MONDAY,
            in_transaction: false,
            approved: false,
            usage: model::Usage::default(),
        };
        policies.decide(&self.subject, &self.target, &self.login, request, &moment)
    }
}

fn unseen(criterion: &mut Criterion) {
    let stage = Stage::new();
    let mut group = criterion.benchmark_group("a statement not seen before");
    for (what, text, masked) in [("SELECT", SELECT, 0), ("SELECT * of 200 columns", WIDE, 10)] {
        for number in [10, 100, 1000] {
            let policies = policies(number);
            let decision = stage.judge(text, &policies);
            assert_eq!(
                decision.effect,
                Effect::Allow,
                "the cheap way out is not measured"
            );
            assert_eq!(decision.terms.masks.shown.len(), masked);
            group.bench_function(format!("{what}, {number} policies"), |bencher| {
                bencher.iter(|| stage.judge(black_box(text), &policies));
            });
            let request = stage.read(text);
            group.bench_function(
                format!("{what}, {number} policies: the decision alone"),
                |bencher| bencher.iter(|| stage.decide(black_box(&request), &policies)),
            );
        }
    }
    group.finish();
}

fn seen(criterion: &mut Criterion) {
    let stage = Stage::new();
    let policies = policies(1000);
    let text = Bytes::from_static(SELECT.as_bytes());
    let mut readings = Readings::default();
    let reading: Arc<Reading> = readings.read(&text, &stage.session, &stage.snapshot);
    assert!(reading.is_of(&Source::Text(text.clone())));
    let decision = stage.judge(SELECT, &policies);
    reading.memory.keep(&policies, false, &decision);
    let recall = || {
        let reading = readings.find(black_box(&text), &stage.session, &stage.snapshot)?;
        let known = reading.memory.recall(&policies, false, true)?;
        Some(known.decision.terms.clone())
    };
    let region = Region::new(ALLOCATOR);
    assert!(recall().is_some(), "it is remembered");
    assert_eq!(region.change().allocations, 0, "nothing is allocated");
    criterion.bench_function("a statement seen before, 1000 policies", |bencher| {
        bencher.iter(recall);
    });
}

criterion_group!(benches, unseen, seen);
criterion_main!(benches);
