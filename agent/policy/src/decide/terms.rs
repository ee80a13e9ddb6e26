//! Claims about the terms of a decision, what is recorded of it, and how long it lasts.

use std::sync::Arc;

use model::{Count, Durability, Effect, Recorded, Request, Shape, Statement, Usage, Use, Verb};

use super::tests::with_read;
use crate::Moment;
use crate::fixture::{MONDAY, ask, login, run, set, subject, target, touch};

#[test]
fn the_most_generous_permit_of_each_object_and_the_strictest_of_all_objects_limit_the_rows() {
    let set = set(r#"
        @id("few") @max_rows("10") permit(principal, action, resource == Table::"shop/app.public.a");
        @id("some") @max_rows("100") permit(principal, action, resource == Table::"shop/app.public.a");
        @id("more") @max_rows("1000") permit(principal, action, resource == Table::"shop/app.public.b");
        @id("all") permit(principal, action, resource == Table::"shop/app.public.c");
        @id("also") @max_rows("1") permit(principal, action, resource == Table::"shop/app.public.c");
    "#);
    let limit = |tables: &[&str]| {
        let touches = tables.iter().map(|name| touch(Verb::Select, name, &[]));
        let decision = ask(&set, &run(touches.collect()), false).into_decision();
        decision.terms.limit.map(|limit| (limit.rows, limit.by))
    };
    let by = |ids: &[&str]| ids.iter().map(|id| Arc::from(*id)).collect::<Arc<[_]>>();
    assert_eq!(limit(&["a"]), Some((100, by(&["few", "some"]))));
    assert_eq!(limit(&["b", "a"]), Some((100, by(&["few", "some"]))));
    assert_eq!(limit(&["b", "c"]), Some((1000, by(&["more"]))));
    assert_eq!(limit(&["c"]), None);
}

#[test]
fn a_column_may_be_seen_in_clear_in_few_rows_only() {
    let set = with_read(
        r#"@id("few") @max_rows("3") permit(principal, action == Action::"unmask", resource is Column);"#,
    );
    let limit = |column| {
        let touches = vec![touch(Verb::Select, "a", &[(column, Use::Shown)])];
        ask(&set, &run(touches), false)
            .limit
            .map(|limit| limit.rows)
    };
    assert_eq!(limit("ssn"), Some(3));
    assert_eq!(limit("name"), None);
}

#[test]
fn what_is_held_says_that_a_reason_is_needed() {
    for (annotation, needed) in [("@reason_required", true), ("", false)] {
        let set = with_read(&format!(
            r#"@id("four-eyes") {annotation}
            forbid(principal, action == Action::"update", resource) unless {{ context.approved }};"#
        ));
        let found = ask(&set, &run(vec![touch(Verb::Update, "a", &[])]), false);
        assert_eq!(found.effect, Effect::Hold);
        assert_eq!(found.because.reason_required, needed);
    }
}

#[test]
fn of_all_deciding_policies_the_one_that_records_most_counts() {
    let set = set(r#"
        @id("quiet") @record("metadata") permit(principal, action, resource == Table::"shop/app.public.a");
        @id("loud") @record("statements") permit(principal, action, resource == Table::"shop/app.public.b");
        @id("plain") permit(principal, action, resource == Table::"shop/app.public.c");
        @id("whole") @record("full") permit(principal, action, resource == Table::"shop/app.public.e");
    "#);
    let recorded = |tables: &[&str]| {
        let touches = tables.iter().map(|name| touch(Verb::Select, name, &[]));
        ask(&set, &run(touches.collect()), false).recorded
    };
    assert_eq!(recorded(&["a"]), Recorded::Metadata);
    assert_eq!(recorded(&["a", "b"]), Recorded::Statements);
    assert_eq!(recorded(&["a", "c"]), Recorded::Statements);
    assert_eq!(recorded(&["a", "e"]), Recorded::Full);
    // Nobody permits it.
    assert_eq!(recorded(&["d"]), Recorded::Statements);
}

#[test]
fn of_all_permits_the_one_that_asks_for_most_says_what_the_record_survives() {
    let set = set(r#"
        @id("reads") permit(principal, action == Action::"select", resource);
        @id("held-back") @durability("release") permit(principal, action == Action::"insert", resource);
        @id("writes") @durability("strict") permit(principal, action == Action::"update", resource);
    "#);
    let durability = |verbs: &[Verb]| {
        let touches = verbs.iter().map(|verb| touch(*verb, "a", &[]));
        let decision = ask(&set, &run(touches.collect()), false).into_decision();
        decision.durability
    };
    assert_eq!(durability(&[Verb::Select]), Durability::Process);
    assert_eq!(durability(&[Verb::Insert]), Durability::Release);
    assert_eq!(
        durability(&[Verb::Select, Verb::Insert]),
        Durability::Release
    );
    assert_eq!(
        durability(&[Verb::Insert, Verb::Update]),
        Durability::Strict
    );
}

#[test]
fn where_rows_are_limited_statements_come_one_by_one() {
    let set = set(r#"@id("few") @max_rows("10") permit(principal, action, resource);"#);
    let several = |number| match run(vec![touch(Verb::Select, "a", &[])]) {
        Request::Run(statement) => Request::Run(Statement {
            shape: Shape {
                statements: number,
                ..statement.shape
            },
            ..statement
        }),
        login => login,
    };
    assert_eq!(ask(&set, &several(1), false).effect, Effect::Allow);
    let found = ask(&set, &several(2), false);
    assert_eq!(found.effect, Effect::Deny);
    assert!(
        found.because.explanation.contains("the text has several"),
        "{found}"
    );
}

#[test]
fn where_rows_are_limited_no_cursor_is_declared() {
    let declare = || match run(vec![touch(Verb::Select, "a", &[])]) {
        Request::Run(statement) => Request::Run(Statement {
            shape: Shape {
                declares: true,
                ..statement.shape
            },
            ..statement
        }),
        login => login,
    };
    let limited = set(r#"@id("few") @max_rows("10") permit(principal, action, resource);"#);
    let found = ask(&limited, &declare(), false);
    assert_eq!(found.effect, Effect::Deny);
    assert!(found.because.explanation.contains("cursor"), "{found}");
    let unlimited = set(r#"@id("all") permit(principal, action, resource);"#);
    assert_eq!(ask(&unlimited, &declare(), false).effect, Effect::Allow);
}

#[test]
fn what_was_read_before_can_forbid_more() {
    let set = with_read(
        r#"@id("enough") forbid(principal, action in Action::"read", resource)
        when { context.usage.hour.rows > 1000 || context.usage.session.statements >= 10 };"#,
    );
    let request = run(vec![touch(Verb::Select, "a", &[])]);
    let effect = |rows, statements| {
        let (mut hour, mut session) = (Count::default(), Count::default());
        (hour.rows, session.statements) = (rows, statements);
        let usage = Usage {
            hour,
            session,
            ..Usage::default()
        };
        let moment = Moment {
            time: MONDAY,
            in_transaction: false,
            approved: false,
            usage,
        };
        let (subject, login) = (subject(&["w"]), login("alice"));
        set.decide(&subject, &target(), &login, &request, &moment)
            .effect
    };
    assert!(!ask(&set, &request, false).lasts);
    assert_eq!(effect(1000, 9), Effect::Allow);
    assert_eq!(effect(1001, 0), Effect::Deny);
    assert_eq!(effect(0, 10), Effect::Deny);
    assert_eq!(effect(u64::MAX, 0), Effect::Deny);
}

#[test]
fn a_decision_lasts_where_no_policy_that_reads_the_moment_could_have_a_say() {
    let set = with_read(
        r#"@id("night") forbid(principal in Workload::"batch", action, resource) when { context.hour < 18 };
        @id("b") forbid(principal, action, resource == Table::"shop/app.public.b") when { context.hour < 6 };"#,
    );
    let lasts = |tables: &[&str]| {
        let touches = tables.iter().map(|name| touch(Verb::Select, name, &[]));
        ask(&set, &run(touches.collect()), false).lasts
    };
    assert!(lasts(&["a"]));
    assert!(!lasts(&["a", "b"]));
}
