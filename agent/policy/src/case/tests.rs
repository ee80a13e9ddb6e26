//! Questions that only meet the policies that can answer them, against questions that meet all.

use cedar_policy::{Policy, PolicyId};
use model::{Object, Relation, Touch, Verb};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;
use crate::fixture::{self, MONDAY};

const PRINCIPALS: [&str; 5] = [
    "principal",
    "principal is Subject",
    "principal in Workload::\"a\"",
    "principal in Workload::\"b\"",
    "principal is Subject in Workload::\"a\"",
];
const ACTIONS: [&str; 6] = [
    "action",
    "action == Action::\"select\"",
    "action in Action::\"read\"",
    "action in Action::\"write\"",
    "action in [Action::\"read\", Action::\"insert\"]",
    "action in [Action::\"update\"]",
];
const RESOURCES: [&str; 9] = [
    "resource",
    "resource is Table",
    "resource is Table in Schema::\"shop/app.public\"",
    "resource in Server::\"shop\"",
    "resource in Database::\"shop/app\"",
    "resource in Schema::\"shop/app.public\"",
    "resource in Schema::\"shop/app.other\"",
    "resource == Table::\"shop/app.public.a\"",
    "resource in Table::\"shop/app.public.b\"",
];
const CONDITIONS: [&str; 3] = [
    "",
    "when { context.has_where }",
    "when { context.statements + 9223372036854775807 > 0 }",
];
const VERBS: [Verb; 4] = [Verb::Select, Verb::CopyOut, Verb::Insert, Verb::Update];

fn policy() -> impl Strategy<Value = String> {
    let effect = select(vec!["permit", "permit", "forbid"]);
    let scope = (
        select(&PRINCIPALS[..]),
        select(&ACTIONS[..]),
        select(&RESOURCES[..]),
    );
    (effect, scope, select(&CONDITIONS[..])).prop_map(
        |(effect, (principal, action, resource), when)| {
            format!("{effect} ({principal}, {action}, {resource}) {when};")
        },
    )
}

fn touches() -> impl Strategy<Value = Touch> {
    let object =
        (select(vec!["public", "other"]), select(vec!["a", "b"])).prop_map(|(schema, name)| {
            Object::Relation(Relation {
                schema: schema.into(),
                name: name.into(),
                oid: Some(7),
            })
        });
    let object = prop_oneof![6 => object, 1 => Just(Object::Database)];
    (select(&VERBS[..]), object, any::<bool>()).prop_map(|(verb, object, restricted)| Touch {
        verb,
        object,
        columns: vec![],
        restricted,
        through: None,
    })
}

/// All policies, as Cedar takes them when nothing is sorted.
fn unsorted(policies: &[String]) -> PolicySet {
    let numbered = policies.iter().enumerate().map(|(number, text)| {
        Policy::parse(Some(PolicyId::new(format!("p{number}"))), text).unwrap()
    });
    PolicySet::from_policies(numbered).unwrap()
}

proptest! {
    // Most of the time goes into validating the policies.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn policies_that_are_left_out_change_no_answer(
        policies in prop::collection::vec(policy(), 1..20),
        touches in prop::collection::vec(touches(), 1..5),
        workloads in subsequence(vec!["a", "b", "c"], 0..=3),
    ) {
        let named: String = policies
            .iter()
            .enumerate()
            .map(|(number, text)| format!("@id(\"p{number}\") {text}\n"))
            .collect();
        let set = fixture::set(&named);
        let (subject, target, login) =
            (fixture::subject(&workloads), fixture::target(), fixture::login("alice"));
        let request = fixture::run(touches);
        let moment = Moment { time: MONDAY, in_transaction: false, approved: false , usage: model::Usage::default()};
        let case = Case::new(&set, &subject, &target, &login, &request, &moment).unwrap();
        let all = unsorted(&policies);
        for ask in &case.asks {
            let context = case.circumstances.context(Rows::of(ask), false).unwrap();
            let query = Query::new(
                case.subject.clone(),
                set.vocabulary.action(ask.action).unwrap(),
                ask.object.uid.clone(),
                context.clone(),
                Some(&set.schema),
            );
            let expected = case.answer_of(&all, &query.unwrap());
            let found = case.answer(ask.action, ask, &context).unwrap();
            prop_assert_eq!(without_words(found), without_words(expected));
        }
    }
}

/// Which of several failures is told first is chance.
fn without_words(answer: Answer) -> Answer {
    match answer {
        Answer::Failed { policies, .. } => Answer::Failed {
            policies,
            error: String::new(),
        },
        other => other,
    }
}
