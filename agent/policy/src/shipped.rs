//! Runs the tables in `policies/tests` against the shipped policies.

use std::path::Path;
use std::sync::Arc;

use model::{
    Column, ColumnUse, Effect, Login, Object, Opacity, Relation, Request, Shape, Statement, Touch,
    Touches, Use, Verb,
};
use serde::Deserialize;

use crate::fixture::{self, MONDAY};
use crate::{Explanation, Moment, PolicySet};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    test: Vec<Case>,
}

/// One request and what must come of it. `policies/tests/README.md` explains the keys.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    workload: String,
    #[serde(default = "anybody")]
    user: String,
    #[serde(default)]
    login: bool,
    #[serde(default)]
    settings: Vec<String>,
    opaque: Option<String>,
    #[serde(default)]
    touches: Vec<WrittenTouch>,
    limit: Option<u64>,
    #[serde(default)]
    approved: bool,
    effect: Effect,
    #[serde(default)]
    masked: Vec<String>,
    policies: Option<Vec<String>>,
    #[serde(default)]
    approvers: Vec<String>,
    says: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTouch {
    verb: Verb,
    relation: Option<String>,
    function: Option<String>,
    setting: Option<String>,
    role: Option<String>,
    #[serde(default)]
    columns: Vec<(String, Use)>,
    #[serde(default = "yes")]
    restricted: bool,
    through: Option<String>,
}

fn anybody() -> String {
    "alice".to_owned()
}

fn yes() -> bool {
    true
}

fn relation(name: &str) -> Relation {
    let (schema, name) = name.split_once('.').expect("schema.name");
    Relation {
        schema: schema.into(),
        name: name.into(),
        oid: Some(100),
    }
}

impl WrittenTouch {
    fn object(&self) -> Object {
        match (&self.relation, &self.function, &self.setting, &self.role) {
            (Some(name), ..) => Object::Relation(relation(name)),
            (_, Some(name), ..) => {
                let Relation { schema, name, .. } = relation(name);
                Object::Function(model::Function { schema, name })
            }
            (_, _, Some(name), _) => Object::Setting(name.as_str().into()),
            (_, _, _, Some(name)) => Object::Role(name.as_str().into()),
            _ => Object::Database,
        }
    }

    fn touch(&self) -> Touch {
        let columns = self
            .columns
            .iter()
            .zip(1..)
            .map(|((name, how), number)| ColumnUse {
                column: Column {
                    name: name.as_str().into(),
                    number: Some(number),
                },
                how: *how,
            });
        Touch {
            verb: self.verb,
            object: self.object(),
            columns: columns.collect(),
            restricted: self.restricted,
            through: self.through.as_deref().map(relation),
        }
    }
}

impl Case {
    fn login(&self) -> Login {
        let settings = self
            .settings
            .iter()
            .map(|name| (name.clone(), String::new()))
            .collect();
        Login {
            settings,
            ..fixture::login(&self.user)
        }
    }

    fn request(&self) -> Request {
        if self.login {
            return Request::Connect(self.login());
        }
        let touches = match &self.opaque {
            Some(why) => Touches::Opaque(Opacity {
                kind: "dynamic".into(),
                explanation: why.clone(),
            }),
            None => Touches::Known(self.touches.iter().map(WrittenTouch::touch).collect()),
        };
        let shape = Shape {
            statements: 1,
            limit: self.limit,
            ..Shape::default()
        };
        Request::Run(Statement {
            shape,
            ..fixture::statement(touches)
        })
    }

    fn explain(&self, set: &PolicySet) -> Explanation {
        let moment = Moment {
            time: MONDAY,
            in_transaction: false,
            approved: self.approved,
            usage: model::Usage::default(),
        };
        let subject = fixture::subject(&[&self.workload]);
        set.explain(
            &subject,
            &fixture::target(),
            &self.login(),
            &self.request(),
            &moment,
        )
    }

    fn differences(&self, found: &Explanation) -> Vec<String> {
        let masked: Vec<_> = found
            .masks
            .shown
            .iter()
            .chain(found.masks.told.iter())
            .map(|mask| mask.name.to_string())
            .collect();
        let policies = &found.because.policies;
        let explanation = &found.because.explanation;
        let mut differences = Vec::new();
        let mut check = |same: bool, what: &str| {
            if !same {
                differences.push(format!("{}: wrong {what}\n{found}", self.name));
            }
        };
        check(found.effect == self.effect, "effect");
        check(masked == self.masked, "masks");
        check(
            names(&found.because.approvers) == self.approvers,
            "approvers",
        );
        check(
            self.policies
                .as_ref()
                .is_none_or(|ids| *ids == names(policies)),
            "policies",
        );
        check(
            self.says
                .as_ref()
                .is_none_or(|part| explanation.contains(part)),
            "explanation",
        );
        differences
    }
}

fn names(names: &[Arc<str>]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

#[test]
fn every_table_of_requests_comes_out_as_written() {
    let set = fixture::shipped();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/tests");
    let mut differences = Vec::new();
    let mut cases = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let table: Table =
            toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        cases += table.test.len();
        differences.extend(
            table
                .test
                .iter()
                .flat_map(|case| case.differences(&case.explain(&set))),
        );
    }
    assert!(cases > 20, "only {cases} cases were found");
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

#[test]
fn every_shipped_policy_says_what_it_is_for() {
    let set = fixture::shipped();
    for rule in set.rules.values() {
        assert!(rule.description.is_some(), "{} has no description", rule.id);
    }
}
