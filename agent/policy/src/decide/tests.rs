//! Claims about decisions.

use model::{Column, ColumnUse, Effect, MaskFunction, Object, Relation, Request, Touch, Use, Verb};

use crate::fixture::{MONDAY, ask, login, opaque, run, set, subject, table, target, touch};
use crate::{Answer, Moment};

const READ: &str = r#"@id("read") permit(principal in Workload::"w", action, resource in Server::"shop")
    unless { [Action::"unmask", Action::"filter"].contains(action) };"#;

pub(super) fn with_read(more: &str) -> crate::PolicySet {
    set(&format!("{READ}\n{more}"))
}

#[test]
fn a_forbid_on_one_object_wins_over_permits_on_all() {
    let set = with_read(
        r#"@id("no") forbid(principal, action, resource == Table::"shop/app.public.b");"#,
    );
    let request = run(vec![
        touch(Verb::Select, "a", &[]),
        touch(Verb::Select, "b", &[]),
    ]);
    let found = ask(&set, &request, false);
    assert_eq!(found.effect, Effect::Deny);
    assert_eq!(*found.because.policies, ["no".into()]);
    assert_eq!(
        found.because.explanation,
        "no forbids select on table shop/app.public.b"
    );
    assert_eq!(
        found.asked[0].answer,
        Answer::PermittedBy(vec!["read".into()])
    );
}

#[test]
fn every_object_must_be_permitted() {
    let set = set(r#"@id("a") permit(principal, action, resource == Table::"shop/app.public.a");"#);
    let request = run(vec![
        touch(Verb::Select, "a", &[]),
        touch(Verb::Delete, "b", &[]),
    ]);
    let found = ask(&set, &request, false);
    assert_eq!(found.effect, Effect::Deny);
    assert_eq!(
        found.because.explanation,
        "nobody permits delete on table shop/app.public.b"
    );
    assert!(found.because.policies.is_empty());
}

#[test]
fn what_fails_to_evaluate_denies_also_in_a_forbid_that_cedar_would_skip() {
    let overflow = "context.statements + 9223372036854775807 > 0";
    for effect in ["permit", "forbid"] {
        let set = with_read(&format!(
            "@id(\"broken\") {effect}(principal, action, resource) when {{ {overflow} }};"
        ));
        let found = ask(&set, &run(vec![touch(Verb::Select, "a", &[])]), false);
        assert_eq!(found.effect, Effect::Deny, "{effect}");
        assert_eq!(*found.because.policies, ["broken".into()]);
        assert!(
            found.because.explanation.contains("overflow"),
            "{}",
            found.because.explanation
        );
    }
}

#[test]
fn a_failing_unmask_denies_and_does_not_only_mask() {
    let set = with_read(
        r#"@id("broken") permit(principal, action == Action::"unmask", resource)
        when { context.statements + 9223372036854775807 > 0 };"#,
    );
    let found = ask(
        &set,
        &run(vec![touch(Verb::Select, "a", &[("ssn", Use::Shown)])]),
        false,
    );
    assert_eq!(found.effect, Effect::Deny);
}

#[test]
fn a_time_that_cannot_be_told_denies() {
    let moment = Moment {
        time: i64::MAX,
        in_transaction: false,
        approved: true,
        usage: model::Usage::default(),
    };
    let request = run(vec![]);
    let found = with_read("").decide(&subject(&["w"]), &target(), &login("a"), &request, &moment);
    assert_eq!(found.effect, Effect::Deny);
    assert!(
        found
            .because
            .explanation
            .contains("cannot be put to the policies")
    );
}

#[test]
fn denied_without_and_allowed_with_approval_is_a_hold() {
    let set = with_read(
        r#"@id("four-eyes") @approvers("leads, dba")
        forbid(principal, action == Action::"update", resource) unless { context.approved };"#,
    );
    let request = run(vec![touch(Verb::Update, "a", &[])]);
    let found = ask(&set, &request, false);
    assert_eq!(found.effect, Effect::Hold);
    assert_eq!(found.because.approvers, ["leads".into(), "dba".into()]);
    assert_eq!(found.because.policies, ["four-eyes".into(), "read".into()]);
    assert_eq!(
        found.asked[0].if_approved,
        Some(Answer::PermittedBy(vec!["read".into()]))
    );
    assert_eq!(ask(&set, &request, true).effect, Effect::Allow);
}

#[test]
fn an_approver_must_be_named_by_everything_that_is_released() {
    let forbid = |id: &str, table: &str, who: &str| {
        format!(
            "@id(\"{id}\") @approvers(\"{who}\") forbid(principal, action, \
             resource == Table::\"shop/app.public.{table}\") unless {{ context.approved }};"
        )
    };
    let request = run(vec![
        touch(Verb::Update, "a", &[]),
        touch(Verb::Update, "b", &[]),
    ]);
    let both = with_read(&(forbid("a", "a", "x, y") + &forbid("b", "b", "y, z")));
    assert_eq!(ask(&both, &request, false).because.approvers, ["y".into()]);
    let neither = with_read(&(forbid("a", "a", "x") + &forbid("b", "b", "z")));
    let found = ask(&neither, &request, false);
    assert_eq!(found.effect, Effect::Deny);
    assert!(
        found
            .because
            .explanation
            .contains("nobody may approve all of it")
    );
}

#[test]
fn any_of_the_permits_that_release_a_request_names_its_approvers() {
    let set = set(
        r#"@id("a") @approvers("x") permit(principal, action, resource) when { context.approved };
        @id("b") @approvers("y") permit(principal, action, resource) when { context.approved };"#,
    );
    let found = ask(&set, &run(vec![touch(Verb::Update, "a", &[])]), false);
    assert_eq!(found.because.approvers, ["x".into(), "y".into()]);
}

#[test]
fn a_shown_column_is_masked_unless_unmask_is_permitted() {
    let request = run(vec![touch(
        Verb::Select,
        "t",
        &[("id", Use::Shown), ("ssn", Use::Shown)],
    )]);
    let found = ask(&with_read(""), &request, false);
    assert_eq!(found.effect, Effect::Allow);
    let [mask] = &*found.masks.shown else {
        panic!("{found}")
    };
    assert_eq!(
        (mask.table, mask.column, &*mask.name, &*mask.class),
        (7, 2, "public.t.ssn", "pii")
    );
    assert_eq!(mask.function, MaskFunction::Redact);
    let clear = with_read(
        r#"@id("u") permit(principal, action == Action::"unmask", resource in Class::"pii");"#,
    );
    assert!(ask(&clear, &request, false).masks.is_empty());
}

#[test]
fn forbidding_unmask_only_masks() {
    let set = with_read(
        r#"@id("u") permit(principal, action == Action::"unmask", resource);
        @id("m") forbid(principal, action == Action::"unmask", resource == Column::"shop/app.public.t.ssn");"#,
    );
    let found = ask(
        &set,
        &run(vec![touch(Verb::Select, "t", &[("ssn", Use::Shown)])]),
        false,
    );
    assert_eq!((found.effect, found.masks.shown.len()), (Effect::Allow, 1));
}

#[test]
fn a_shown_column_without_a_number_cannot_be_masked_and_is_denied() {
    let mut unnumbered = touch(Verb::Select, "t", &[]);
    unnumbered.columns = vec![ColumnUse {
        column: Column {
            name: "ssn".into(),
            number: None,
        },
        how: Use::Shown,
    }];
    let mut no_oid = touch(Verb::Select, "t", &[("ssn", Use::Shown)]);
    no_oid.object = Object::Relation(Relation {
        oid: None,
        ..table("t")
    });
    for touch in [unnumbered, no_oid] {
        let found = ask(&with_read(""), &run(vec![touch]), false);
        assert_eq!(found.effect, Effect::Deny);
        assert!(
            found
                .because
                .explanation
                .contains("its number is not known")
        );
    }
}

#[test]
fn a_derived_column_is_denied_also_when_it_is_shown_as_well() {
    let uses = [("ssn", Use::Shown), ("ssn", Use::Derived)];
    let found = ask(
        &with_read(""),
        &run(vec![touch(Verb::Select, "t", &uses)]),
        false,
    );
    assert_eq!(found.effect, Effect::Deny);
    assert!(
        found
            .because
            .explanation
            .contains("column shop/app.public.t.ssn")
    );
    assert!(found.because.hint.unwrap().contains("shown masked"));
}

#[test]
fn filter_or_unmask_lets_a_statement_search_by_a_column() {
    let request = run(vec![touch(Verb::Select, "t", &[("ssn", Use::Filtered)])]);
    let effect = |more: &str| ask(&with_read(more), &request, false).effect;
    assert_eq!(effect(""), Effect::Deny);
    assert_eq!(
        effect(r#"@id("f") permit(principal, action == Action::"filter", resource);"#),
        Effect::Allow
    );
    let unmask = r#"@id("u") permit(principal, action == Action::"unmask", resource);"#;
    assert_eq!(effect(unmask), Effect::Allow);
    let forbidden = r#"@id("n") forbid(principal, action == Action::"filter", resource);"#;
    assert_eq!(effect(&format!("{unmask}{forbidden}")), Effect::Deny);
}

#[test]
fn a_written_column_needs_the_verb_alone() {
    let request = run(vec![touch(Verb::Update, "t", &[("ssn", Use::Written)])]);
    assert_eq!(ask(&with_read(""), &request, false).effect, Effect::Allow);
}

#[test]
fn what_an_error_may_tell_is_withheld_beside_the_masks_of_the_result() {
    let uses = [("ssn", Use::Told), ("id", Use::Told), ("ssn", Use::Shown)];
    let request = run(vec![touch(Verb::Update, "t", &uses)]);
    let found = ask(&with_read(""), &request, false);
    assert_eq!(found.effect, Effect::Allow);
    assert_eq!(found.masks.told.len(), 1);
    let shown: Vec<_> = found.masks.shown.iter().map(|mask| mask.column).collect();
    assert_eq!(shown, [3]);
    let unmask = r#"@id("u") permit(principal, action == Action::"unmask", resource);"#;
    assert!(ask(&with_read(unmask), &request, false).masks.is_empty());
}

#[test]
fn through_a_view_only_the_columns_are_asked_about() {
    let set = set(
        r#"@id("view") permit(principal, action == Action::"select", resource == Table::"shop/app.public.v");"#,
    );
    let base = |columns: &[(&str, Use)]| Touch {
        through: Some(table("v")),
        ..touch(Verb::Select, "secret", columns)
    };
    let view = touch(Verb::Select, "v", &[]);
    let harmless = run(vec![view.clone(), base(&[("id", Use::Derived)])]);
    assert_eq!(ask(&set, &harmless, false).effect, Effect::Allow);
    let carried = run(vec![view.clone(), base(&[("ssn", Use::Derived)])]);
    assert_eq!(ask(&set, &carried, false).effect, Effect::Deny);
    let shown = ask(&set, &run(vec![view, base(&[("ssn", Use::Shown)])]), false);
    assert_eq!((shown.effect, shown.masks.shown.len()), (Effect::Allow, 1));
}

#[test]
fn an_opaque_statement_needs_opaque_and_every_class_unmasked() {
    let found = ask(&with_read(""), &opaque(), false);
    assert_eq!(found.effect, Effect::Deny);
    assert!(
        found
            .because
            .explanation
            .starts_with("nobody permits unmask on class pii")
    );
    let unmask = r#"@id("u") permit(principal, action == Action::"unmask", resource in Database::"shop/app");"#;
    assert_eq!(
        ask(&with_read(unmask), &opaque(), false).effect,
        Effect::Allow
    );
    assert_eq!(ask(&set(unmask), &opaque(), false).effect, Effect::Deny);
}

#[test]
fn an_opaque_statement_does_not_need_classes_of_other_databases() {
    let classes = crate::fixture::PII.replace("*/*.", "other/*.");
    let set = crate::fixture::load(&[("a.cedar", READ), ("classes.toml", &classes)]).unwrap();
    assert_eq!(ask(&set, &opaque(), false).effect, Effect::Allow);
}

#[test]
fn a_statement_that_touches_nothing_is_allowed() {
    let set = set(r#"@id("n") forbid(principal, action, resource);"#);
    assert_eq!(ask(&set, &run(vec![]), false).effect, Effect::Allow);
}

#[test]
fn a_login_is_asked_about_with_the_settings_it_sends() {
    let set = with_read(
        r#"@id("n") forbid(principal, action == Action::"set", resource == Setting::"role");"#,
    );
    let mut login = login("alice");
    let effect = |login: &model::Login| ask(&set, &Request::Connect(login.clone()), false).effect;
    assert_eq!(effect(&login), Effect::Allow);
    login.settings = vec![("options".into(), "-c ROLE=admin".into())];
    assert_eq!(effect(&login), Effect::Deny);
}

fn replicating(value: &str) -> Request {
    Request::Connect(model::Login {
        settings: vec![("replication".into(), value.into())],
        ..login("alice")
    })
}

#[test]
fn replication_is_permitted_by_name_and_only_where_everything_is_unmasked() {
    let effects = |policies: &str| {
        let set = set(policies);
        ["true", "database", "off"].map(|value| ask(&set, &replicating(value), false).effect)
    };
    let connect = r#"@id("c") permit(principal, action == Action::"connect", resource);"#;
    let replicate = r#"@id("r") permit(principal, action == Action::"replicate", resource);"#;
    let unmask = r#"@id("u") permit(principal, action == Action::"unmask", resource);"#;
    let of_database = r#"@id("d") permit(principal, action == Action::"replicate", resource is Database in Server::"shop");"#;
    use Effect::{Allow, Deny};
    assert_eq!(effects(connect), [Deny, Deny, Allow]);
    assert_eq!(effects(&[connect, unmask].concat()), [Deny, Deny, Allow]);
    assert_eq!(effects(&[connect, replicate].concat()), [Deny, Deny, Allow]);
    assert_eq!(effects(&[replicate, unmask].concat()), [Allow, Deny, Deny]);
    assert_eq!(
        effects(&[connect, replicate, unmask].concat()),
        [Allow, Allow, Allow]
    );
    assert_eq!(
        effects(&[connect, of_database, unmask].concat()),
        [Deny, Allow, Allow]
    );
}

#[test]
fn a_command_of_replication_is_asked_about_like_the_login() {
    let command = |object| {
        run(vec![Touch {
            verb: Verb::Replicate,
            object,
            columns: vec![],
            restricted: true,
            through: None,
        }])
    };
    let replicate = r#"@id("r") permit(principal, action == Action::"replicate", resource);"#;
    let unmask = r#"@id("u") permit(principal, action == Action::"unmask", resource);"#;
    for object in [Object::Server, Object::Database] {
        let masked = ask(&set(replicate), &command(object.clone()), false);
        assert_eq!(masked.effect, Effect::Deny);
        let set = set(&[replicate, unmask].concat());
        assert_eq!(ask(&set, &command(object), false).effect, Effect::Allow);
    }
}

#[test]
fn every_verb_can_be_asked_of_every_object() {
    use Verb::*;
    let set = set(r#"@id("all") permit(principal, action, resource);"#);
    let objects = [
        Object::Database,
        Object::Schema("s".into()),
        Object::Relation(table("t")),
        Object::Function(model::Function {
            schema: "s".into(),
            name: "f".into(),
        }),
        Object::Setting("x".into()),
        Object::Role("r".into()),
        Object::Other {
            kind: "file".into(),
            name: "/etc/passwd".into(),
        },
    ];
    for verb in [
        Select, Insert, Update, Delete, Truncate, Merge, CopyIn, CopyOut, Create, Alter, Drop,
        Grant, Set, Call, Lock, Maintain, Notify,
    ] {
        for object in objects.clone() {
            let request = run(vec![Touch {
                object,
                ..touch(verb, "t", &[])
            }]);
            let found = ask(&set, &request, false);
            assert_eq!(found.effect, Effect::Allow, "{found}");
        }
    }
}

#[test]
fn policies_see_the_circumstances() {
    let set = set(r#"@id("all") permit(principal, action, resource) when {
            context.hour == 13 && context.weekday == 1 && context.time < datetime("2024-01-01T13:00:01Z") &&
            context.source.isInRange(ip("10.0.0.0/8")) && context.db_user == "alice" && !(context has application) &&
            !context.in_transaction && context.statements == 1 && context.has_where
        };"#);
    let found = ask(&set, &run(vec![touch(Verb::Select, "t", &[])]), false);
    assert_eq!(found.effect, Effect::Allow, "{found}");
}

#[test]
fn the_same_names_quoted_apart_are_different_tables() {
    let set =
        set(r#"@id("all") permit(principal, action, resource == Table::"shop/app.a.\"b.c\"");"#);
    let touch = |schema: &str, name: &str| Touch {
        object: Object::Relation(Relation {
            schema: schema.into(),
            name: name.into(),
            oid: None,
        }),
        ..touch(Verb::Select, "t", &[])
    };
    assert_eq!(
        ask(&set, &run(vec![touch("a", "b.c")]), false).effect,
        Effect::Allow
    );
    assert_eq!(
        ask(&set, &run(vec![touch("a.b", "c")]), false).effect,
        Effect::Deny
    );
}

#[test]
fn an_explanation_lists_every_question_as_text_and_as_json() {
    let set = with_read(
        r#"@id("w") @approvers("leads") forbid(principal, action == Action::"update", resource) unless { context.approved };"#,
    );
    let request = run(vec![touch(Verb::Update, "t", &[("ssn", Use::Shown)])]);
    let found = ask(&set, &request, false);
    let text = found.to_string();
    assert!(
        text.starts_with(
            "hold: update on table shop/app.public.t needs approval\n  approvers: leads\n"
        ),
        "{text}"
    );
    assert!(text.contains(
        "update on table shop/app.public.t: forbidden by w; once approved: permitted by read"
    ));
    assert!(text.contains("unmask on column shop/app.public.t.ssn: nobody permits"));
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json["effect"], "hold");
    assert_eq!(json["asked"][0]["answer"]["forbidden_by"][0], "w");
    assert_eq!(json["asked"][1]["answer"], "nobody_permits");
}

#[test]
fn a_decision_is_the_same_every_time() {
    let set = with_read(
        r#"@id("b") permit(principal, action, resource); @id("a") permit(principal, action, resource);"#,
    );
    let request = run(vec![touch(Verb::Select, "t", &[("ssn", Use::Derived)])]);
    let moment = Moment {
        time: MONDAY,
        in_transaction: true,
        approved: false,
        usage: model::Usage::default(),
    };
    let decide = || set.decide(&subject(&["w"]), &target(), &login("a"), &request, &moment);
    let first = decide();
    assert!((0..20).all(|_| decide() == first));
}
