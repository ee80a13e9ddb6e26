//! What the tests of this crate share: a subject, a target, a login, and policy directories on disk.

use std::path::Path;
use std::sync::Arc;

use model::{
    Column, ColumnUse, Digest, Login, Object, Opacity, Relation, Request, SessionId, Shape,
    Statement, Subject, Target, Touch, Touches, Use, Verb, Workload,
};

use crate::{Explanation, Moment, PolicyError, PolicySet};

/// Monday, 2024-01-01 13:00:00 UTC.
pub(crate) const MONDAY: i64 = 1_704_114_000_000_000;

pub(crate) const PII: &str = r#"
[classes.pii]
description = "who somebody is"
mask = "redact"
columns = ["*/*.*.*.ssn"]
"#;

/// A directory with these files; `classes.toml` is empty where none is given.
pub(crate) fn load(files: &[(&str, &str)]) -> Result<PolicySet, PolicyError> {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("classes.toml"), "").unwrap();
    for (name, text) in files {
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    PolicySet::load(directory.path())
}

/// A set of one file and the class `pii`.
pub(crate) fn set(policies: &str) -> PolicySet {
    load(&[("a.cedar", policies), ("classes.toml", PII)]).unwrap()
}

pub(crate) fn shipped() -> PolicySet {
    PolicySet::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies")).unwrap()
}

pub(crate) fn subject(workloads: &[&str]) -> Subject {
    Subject {
        session: SessionId::now(),
        workloads: workloads
            .iter()
            .map(|name| Workload((*name).to_owned()))
            .collect(),
        os_user: None,
        executable: None,
        process: None,
        address: "10.0.0.7:4000".parse().unwrap(),
    }
}

pub(crate) fn target() -> Target {
    Target {
        server: "shop".into(),
        address: "127.0.0.1:5432".parse().unwrap(),
    }
}

pub(crate) fn login(user: &str) -> Login {
    Login {
        user: user.into(),
        database: "app".into(),
        application: None,
        settings: vec![],
    }
}

pub(crate) fn table(name: &str) -> Relation {
    Relation {
        schema: "public".into(),
        name: name.into(),
        oid: Some(7),
    }
}

pub(crate) fn touch(verb: Verb, name: &str, columns: &[(&str, Use)]) -> Touch {
    let columns = columns
        .iter()
        .zip(1..)
        .map(|((name, how), number)| ColumnUse {
            column: Column {
                name: (*name).into(),
                number: Some(number),
            },
            how: *how,
        });
    Touch {
        verb,
        object: Object::Relation(table(name)),
        columns: columns.collect(),
        restricted: true,
        through: None,
    }
}

pub(crate) fn run(touches: Vec<Touch>) -> Request {
    Request::Run(statement(Touches::Known(touches)))
}

pub(crate) fn opaque() -> Request {
    let explanation = "DO runs a text".into();
    Request::Run(statement(Touches::Opaque(Opacity {
        kind: "dynamic".into(),
        explanation,
    })))
}

pub(crate) fn statement(touches: Touches) -> Statement {
    Statement {
        text: "".into(),
        fingerprint: Digest::of(b""),
        verbs: vec![],
        outputs: Arc::default(),
        touches,
        shape: Shape {
            statements: 1,
            ..Shape::default()
        },
        parameters: Arc::new([]),
        types: Arc::default(),
        values: None,
    }
}

/// What the set says to the subject `in Workload::"w"`.
pub(crate) fn ask(set: &PolicySet, request: &Request, approved: bool) -> Explanation {
    let moment = Moment {
        time: MONDAY,
        in_transaction: false,
        approved,
        usage: model::Usage::default(),
    };
    set.explain(
        &subject(&["w"]),
        &target(),
        &login("alice"),
        request,
        &moment,
    )
}
