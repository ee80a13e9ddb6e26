//! Claims about drafts: they permit what was seen, and nothing else.

use model::{Effect, Use, Verb};
use proptest::prelude::*;
use proptest::sample::subsequence;

use super::*;
use crate::Explanation;
use crate::fixture::{MONDAY, PII, ask, load, login, opaque, run, subject, target, touch};

const NOTHING: &str = "@id(\"nothing\")\nforbid (principal, action, resource);\n";

fn moment() -> Moment {
    Moment {
        time: MONDAY,
        in_transaction: false,
        approved: false,
        usage: model::Usage::default(),
    }
}

/// A statement with one touch: the verb, the table, what becomes of its classified column, and whether it has a WHERE.
type Simple = (Verb, &'static str, Option<Use>, bool);

fn request((verb, table, how, restricted): Simple) -> Request {
    let columns: Vec<_> = how.into_iter().map(|how| ("ssn", how)).collect();
    let mut touch = touch(verb, table, &columns);
    touch.restricted = restricted;
    run(vec![touch])
}

fn everything() -> Vec<Simple> {
    let mut all = Vec::new();
    for table in ["a", "B \"c\"", "d"] {
        for verb in [Verb::Select, Verb::Insert, Verb::Update, Verb::CopyOut] {
            for how in [
                None,
                Some(Use::Shown),
                Some(Use::Filtered),
                Some(Use::Derived),
            ] {
                all.extend([true, false].map(|restricted| (verb, table, how, restricted)));
            }
        }
    }
    all
}

/// The policies that are drafted from these requests.
fn drafted(requests: &[Request], user: &str) -> String {
    let set = load(&[("a.cedar", NOTHING), ("classes.toml", PII)]).unwrap();
    let mut draft = set.draft("w").unwrap();
    for request in requests {
        let login = login(user);
        let learnt = draft.learn(&subject(&["w"]), &target(), &login, request, &[], &moment());
        learnt.unwrap();
    }
    draft.policies()
}

fn says(policies: &str, request: &Request) -> Explanation {
    let set = load(&[("a.cedar", policies), ("classes.toml", PII)]).unwrap();
    ask(&set, request, false)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_draft_permits_what_was_seen_and_nothing_else(seen in subsequence(everything(), 1..8)) {
        let requests: Vec<_> = seen.iter().copied().map(request).collect();
        let policies = drafted(&requests, "alice");
        let set = load(&[("a.cedar", &*policies), ("classes.toml", PII)]).unwrap();
        for other in everything() {
            let (verb, table, how, restricted) = other;
            let any = |is: &dyn Fn(&Simple) -> bool| seen.iter().any(|seen| seen.1 == table && is(seen));
            let is_done = any(&|seen| {
                let is_looser = verb != Verb::Update || restricted || !seen.3;
                seen.0 == verb && is_looser
            });
            let in_clear = any(&|seen| matches!(seen.2, Some(Use::Shown | Use::Derived)));
            let is_filtered = any(&|seen| seen.2 == Some(Use::Filtered));
            let may = is_done && match how {
                None | Some(Use::Shown) => true,
                Some(Use::Filtered) => is_filtered || in_clear,
                _ => in_clear,
            };
            let found = ask(&set, &request(other), false);
            prop_assert_eq!(found.effect == Effect::Allow, may, "{:?} by\n{}\n{}", other, policies, found);
            if may && how == Some(Use::Shown) {
                prop_assert_eq!(found.masks.is_empty(), in_clear, "{:?} by\n{}", other, policies);
            }
        }
    }
}

#[test]
fn a_login_is_learnt_with_its_user_and_settings() {
    let with = |user: &str, setting: &str| {
        let mut login = login(user);
        login.settings = vec![(setting.to_owned(), String::new())];
        Request::Connect(login)
    };
    let policies = drafted(&[with("alice", "datestyle")], "alice");
    assert_eq!(
        says(&policies, &with("alice", "datestyle")).effect,
        Effect::Allow
    );
    assert_eq!(says(&policies, &with("alice", "role")).effect, Effect::Deny);
    let as_other = drafted(&[with("o'\"x\\", "datestyle")], "o'\"x\\");
    assert_eq!(
        says(&as_other, &with("alice", "datestyle")).effect,
        Effect::Deny
    );
}

#[test]
fn what_came_back_masked_is_not_learnt_as_seen() {
    let set = load(&[("a.cedar", NOTHING), ("classes.toml", PII)]).unwrap();
    let mut draft = set.draft("w").unwrap();
    let select = request((Verb::Select, "a", Some(Use::Shown), true));
    let (login, subject) = (login("alice"), subject(&["w"]));
    let masks = says(
        &drafted(&[request((Verb::Select, "a", None, true))], "alice"),
        &select,
    )
    .masks;
    assert_eq!(masks.shown.len(), 1);
    let learnt = draft.learn(
        &subject,
        &target(),
        &login,
        &select,
        &masks.shown,
        &moment(),
    );
    learnt.unwrap();
    assert_eq!(says(&draft.policies(), &select).masks, masks);
}

#[test]
fn what_is_opaque_is_not_drafted() {
    let set = load(&[("a.cedar", NOTHING), ("classes.toml", PII)]).unwrap();
    let mut draft = set.draft("w").unwrap();
    let (login, subject) = (login("alice"), subject(&["w"]));
    let learnt = draft.learn(&subject, &target(), &login, &opaque(), &[], &moment());
    assert_eq!(learnt, Err(Undrafted::Opaque));
    assert!(draft.is_empty());
}

#[test]
fn a_draft_reads_like_this() {
    let seen = [
        (Verb::Select, "a", None, true),
        (Verb::Select, "b", Some(Use::Filtered), true),
        (Verb::Update, "b", None, true),
    ];
    let policies = drafted(&seen.map(request), "alice");
    let expected = r#"@id("learned-w-1")
@description("Learned from what was recorded: filter on one column.")
permit (
  principal in Workload::"w",
  action in [Action::"filter"],
  resource == Column::"shop/app.public.b.ssn"
);

@id("learned-w-2")
@description("Learned from what was recorded: select on 2 tables.")
permit (
  principal in Workload::"w",
  action in [Action::"select"],
  resource is Table
)
when {
  [
    Table::"shop/app.public.a",
    Table::"shop/app.public.b"
  ].contains(resource)
};

@id("learned-w-3")
@description("Learned from what was recorded: update on one table, always with WHERE.")
permit (
  principal in Workload::"w",
  action in [Action::"update"],
  resource == Table::"shop/app.public.b"
)
when {
  context.has_where
};

"#;
    assert_eq!(policies, expected);
}
