//! Claims about decisions that depend on a statement's values.

use model::{Effect, Equal, Function, Object, Request, Touch, Use, Values, Verb};

use crate::fixture::{ask, run, set, table, touch};

/// Reads and changes orders of tenant 42, and calls functions with anything but 7.
const TENANT: &str = r#"
@id("own-orders")
permit(principal, action in [Action::"read", Action::"write"], resource == Table::"shop/app.public.orders")
when { context.equals.contains({ column: "tenant", value: "42" }) };
@id("prices")
permit(principal, action == Action::"select", resource == Table::"shop/app.public.prices");
@id("no-calls-with-7")
forbid(principal, action == Action::"call", resource)
unless { context.values_known && !context.parameters.contains({ number: 1, value: "7" }) };
@id("calls")
permit(principal, action == Action::"call", resource);
"#;

fn with_values(mut request: Request, values: Values) -> Request {
    if let Request::Run(statement) = &mut request {
        statement.values = Some(values);
    }
    request
}

fn tenant(verb: Verb, value: &str) -> Values {
    Values {
        are_known: true,
        equals: vec![Equal {
            verb,
            relation: 7,
            column: "tenant".into(),
            value: value.into(),
        }],
        ..Values::default()
    }
}

#[test]
fn a_policy_can_bind_rows_to_a_value() {
    let set = set(TENANT);
    assert!(set.depends_on_values());
    let select = || run(vec![touch(Verb::Select, "orders", &[])]);
    for (values, effect) in [
        (tenant(Verb::Select, "42"), Effect::Allow),
        (tenant(Verb::Select, "43"), Effect::Deny),
        (tenant(Verb::Update, "42"), Effect::Deny),
        (Values::default(), Effect::Deny),
    ] {
        let found = ask(&set, &with_values(select(), values.clone()), false);
        assert_eq!(found.effect, effect, "{values:?}");
    }
}

#[test]
fn values_of_one_touch_do_not_count_for_another() {
    let set = set(TENANT);
    let request = run(vec![
        touch(Verb::Update, "orders", &[]),
        touch(Verb::Select, "orders", &[]),
    ]);
    let found = ask(
        &set,
        &with_values(request, tenant(Verb::Update, "42")),
        false,
    );
    assert_eq!(found.effect, Effect::Deny);
    assert!(
        found.because.explanation.contains("select on"),
        "{}",
        found.because.explanation
    );
}

#[test]
fn values_that_a_view_is_restricted_to_do_not_count_below_it() {
    let set = set(&format!(
        "{TENANT} @id(\"clear\") permit(principal, action == Action::\"unmask\", resource) \
         when {{ context.equals.contains({{ column: \"tenant\", value: \"42\" }}) }};"
    ));
    let own = touch(Verb::Select, "orders", &[("ssn", Use::Derived)]);
    let below = Touch {
        through: Some(table("view")),
        ..own.clone()
    };
    for (touches, effect) in [
        (vec![own.clone()], Effect::Allow),
        (vec![own, below], Effect::Deny),
    ] {
        let found = ask(
            &set,
            &with_values(run(touches), tenant(Verb::Select, "42")),
            false,
        );
        assert_eq!(found.effect, effect);
    }
}

#[test]
fn a_parameter_that_is_not_known_can_be_denied() {
    let set = set(TENANT);
    let call = || {
        let object = Object::Function(Function {
            schema: "public".into(),
            name: "refund".into(),
        });
        run(vec![Touch {
            object,
            ..touch(Verb::Call, "", &[])
        }])
    };
    for (parameters, are_known, effect) in [
        (vec![(1, "6".to_owned())], true, Effect::Allow),
        (vec![(1, "7".to_owned())], true, Effect::Deny),
        (vec![], false, Effect::Deny),
    ] {
        let values = Values {
            are_known,
            parameters,
            ..Values::default()
        };
        assert_eq!(
            ask(&set, &with_values(call(), values), false).effect,
            effect
        );
    }
}

#[test]
fn what_depends_on_values_to_come_may_be_prepared() {
    let set = set(TENANT);
    let awaited = Values {
        awaited: true,
        ..Values::default()
    };
    for (verb, name, effect) in [
        (Verb::Select, "orders", Effect::Allow),
        (Verb::Call, "orders", Effect::Allow),
        // No value would permit these.
        (Verb::Drop, "orders", Effect::Deny),
        (Verb::Select, "secrets", Effect::Deny),
    ] {
        let request = run(vec![touch(verb, name, &[])]);
        let found = ask(&set, &with_values(request, awaited.clone()), false);
        assert_eq!(found.effect, effect, "{} {name}", verb.name());
    }
    let both = run(vec![
        touch(Verb::Select, "orders", &[]),
        touch(Verb::Select, "secrets", &[]),
    ]);
    assert_eq!(
        ask(&set, &with_values(both, awaited), false).effect,
        Effect::Deny
    );
}

#[test]
fn a_statement_whose_values_nobody_read_is_denied() {
    let request = run(vec![touch(Verb::Select, "prices", &[])]);
    let found = ask(&set(TENANT), &request, false);
    assert_eq!(found.effect, Effect::Deny);
    assert!(
        found.because.explanation.contains("values"),
        "{}",
        found.because.explanation
    );
}
