//! What it costs to judge a statement that was not judged before, with few policies and with many.
//!
//! `cargo bench -p weir-policy`. A session asks once per text; what it remembers is another crate's.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark that cannot run is to stop"
)]

use std::fmt::Write as _;
use std::fs;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use model::{
    Column, ColumnUse, Digest, Effect, Login, Object, Relation, Request, SessionId, Shape,
    Statement, Subject, Target, Touch, Touches, Use, Verb, Workload,
};
use weir_policy::{Moment, PolicySet};

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
/// 2024-01-01, in microseconds since the Unix epoch.
const MONDAY: i64 = 1_704_067_200_000_000;

/// Ours and those of other services.
fn policies(number: usize) -> PolicySet {
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
    fs::write(directory.path().join("classes.toml"), "").expect("a file");
    fs::write(directory.path().join("all.cedar"), text).expect("a file");
    PolicySet::load(directory.path()).expect("valid policies")
}

fn subject() -> Subject {
    Subject {
        session: SessionId::now(),
        workloads: [
            "systemd:billing.service",
            "user:billing",
            "exe:/usr/bin/billing",
        ]
        .map(|name| Workload(name.to_owned()))
        .into(),
        os_user: None,
        executable: None,
        process: None,
        address: "10.0.0.7:4000".parse().expect("an address"),
    }
}

fn select() -> Request {
    let columns = [("abalance", 3, Use::Shown), ("aid", 1, Use::Filtered)];
    let columns = columns.map(|(name, number, how)| ColumnUse {
        column: Column {
            name: name.into(),
            number: Some(number),
        },
        how,
    });
    let table = Relation {
        schema: "public".into(),
        name: "pgbench_accounts".into(),
        oid: Some(16_400),
    };
    let touch = Touch {
        verb: Verb::Select,
        object: Object::Relation(table),
        columns: columns.into(),
        restricted: true,
        through: None,
    };
    let text = "SELECT abalance FROM pgbench_accounts WHERE aid = $1";
    Request::Run(Statement {
        text: text.into(),
        fingerprint: Digest::of(text.as_bytes()),
        verbs: vec![Verb::Select],
        touches: Touches::Known(vec![touch]),
        shape: Shape {
            statements: 1,
            limit: None,
        },
        parameters: Arc::new([]),
    })
}

fn decisions(criterion: &mut Criterion) {
    let (subject, request) = (subject(), select());
    let target = Target {
        server: "shop".into(),
        address: "127.0.0.1:5432".parse().expect("an address"),
    };
    let login = Login {
        user: "billing".into(),
        database: "app".into(),
        application: None,
        settings: Vec::new(),
    };
    let moment = Moment {
        time: MONDAY,
        in_transaction: false,
        approved: false,
    };
    let mut group = criterion.benchmark_group("decision about a SELECT");
    for number in [10, 1000] {
        let set = policies(number);
        let decide = || set.decide(&subject, &target, &login, &request, &moment);
        assert_eq!(
            decide().effect,
            Effect::Allow,
            "the cheap way out is not measured"
        );
        group.bench_function(format!("with {number} policies"), |bencher| {
            bencher.iter(decide)
        });
    }
    group.finish();
}

criterion_group!(benches, decisions);
criterion_main!(benches);
