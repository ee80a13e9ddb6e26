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
const CLASSES: &str = r#"
[classes.secret]
description = "what nobody sees"
mask = "redact"
columns = ["*/*.*.*.secret_*"]
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
    fs::write(directory.path().join("classes.toml"), CLASSES).expect("a file");
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
        outputs: Arc::default(),
        touches: Touches::Known(vec![touch]),
        shape: Shape {
            statements: 1,
            ..Shape::default()
        },
        parameters: Arc::new([]),
        types: Arc::default(),
        values: None,
    })
}

/// `SELECT *` of a table of 200 columns, ten of them classified.
fn select_wide() -> Request {
    let columns = (1..=200_i16).map(|number| ColumnUse {
        column: Column {
            name: match number % 20 {
                0 => format!("secret_{number}").into(),
                _ => format!("plain_{number}").into(),
            },
            number: Some(number),
        },
        how: Use::Shown,
    });
    let Request::Run(statement) = select() else {
        panic!("a SELECT is run");
    };
    let touch = Touch {
        verb: Verb::Select,
        object: Object::Relation(Relation {
            schema: "public".into(),
            name: "wide".into(),
            oid: Some(16_500),
        }),
        columns: columns.collect(),
        restricted: false,
        through: None,
    };
    Request::Run(Statement {
        touches: Touches::Known(vec![touch]),
        ..statement
    })
}

fn decisions(criterion: &mut Criterion) {
    let subject = subject();
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
        usage: model::Usage::default(),
    };
    let mut group = criterion.benchmark_group("decision");
    for (what, request, masked) in [
        ("a SELECT", select(), 0),
        ("SELECT * of 200 columns", select_wide(), 10),
    ] {
        for number in [10, 100, 1000] {
            let set = policies(number);
            let decide = || set.decide(&subject, &target, &login, &request, &moment);
            let decision = decide();
            assert_eq!(
                decision.effect,
                Effect::Allow,
                "the cheap way out is not measured"
            );
            assert_eq!(decision.terms.masks.shown.len(), masked);
            group.bench_function(format!("{what}, {number} policies"), |bencher| {
                bencher.iter(decide)
            });
        }
    }
    group.finish();
}

criterion_group!(benches, decisions);
criterion_main!(benches);
