//! Claims about loading: what is wrong is named with its place, all of it, and what to write instead.

use crate::fixture::{PII, load};
use crate::{PolicyError, SCHEMA};

const FINE: &str = "@id(\"fine\")\npermit (principal, action, resource);\n";

fn problems(files: &[(&str, &str)]) -> Vec<String> {
    match load(files) {
        Err(PolicyError::Invalid { problems }) => {
            problems.iter().map(ToString::to_string).collect()
        }
        other => panic!("{other:?}"),
    }
}

fn only_problem(policy: &str) -> String {
    let mut problems = problems(&[("a.cedar", policy), ("classes.toml", PII)]);
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems.remove(0)
}

#[test]
fn an_unknown_annotation_is_refused_at_its_place() {
    assert_eq!(
        only_problem("// first\n@id(\"a\")\n  @foo(\"x\")\npermit (principal, action, resource);"),
        "a.cedar:3:3: unknown annotation @foo; write one of @id, @description, @hint, @approvers, \
         @reason_required, @max_rows, @record, @durability"
    );
}

#[test]
fn a_policy_needs_an_id_that_is_a_name_and_its_own() {
    assert!(
        only_problem("\npermit (principal, action, resource);")
            .starts_with("a.cedar:2:1: the policy has no @id")
    );
    assert!(
        only_problem("@id(\"A b\") permit (principal, action, resource);")
            .contains("is not a name")
    );
    assert!(only_problem("@id permit (principal, action, resource);").contains("@id is empty"));
    let twice = problems(&[("a.cedar", FINE), ("b.cedar", &format!("\n{FINE}"))]);
    assert_eq!(
        twice,
        ["b.cedar:2:1: @id(\"fine\") is already used in a.cedar:1; write another name"]
    );
}

#[test]
fn approvers_of_a_policy_that_does_not_ask_for_approval_are_refused() {
    let found = only_problem(
        "@id(\"a\")\n@approvers(\"x\") // approved\npermit (principal, action, resource);",
    );
    assert!(
        found.starts_with("a.cedar:2:1: @approvers without effect"),
        "{found}"
    );
}

#[test]
fn syntax_errors_hide_no_other_problem() {
    let found = problems(&[
        (
            "a.cedar",
            "@id(\"a\")\npermit (principal, actoin, resource);\n@id(\"b\")\npermit (principal action);\n",
        ),
        (
            "b.cedar",
            "@bar(\"x\")\npermit (principal, action, resource)\nwhen { context.has_wher };",
        ),
        ("classes.toml", "[classes.a]\n"),
    ]);
    let starts = [
        "a.cedar:2:20: ",
        "a.cedar:4:19: ",
        "b.cedar:1:1: ",
        "b.cedar:1:1: ",
        "b.cedar:3:",
        "classes.toml:1:",
    ];
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for (found, start) in found.iter().zip(starts) {
        assert!(found.starts_with(start), "{found} is not at {start}");
    }
    assert!(found[4].contains("has_where"), "{}", found[4]);
}

#[test]
fn a_policy_that_can_never_apply_is_refused() {
    let found = only_problem(
        "@id(\"a\") permit (principal, action == Action::\"connect\", resource is Table);",
    );
    assert!(found.starts_with("a.cedar:1:1: "), "{found}");
}

#[test]
fn words_that_the_schema_lacks_are_refused() {
    assert!(
        only_problem("@id(\"a\") permit (principal, action == Action::\"slect\", resource);")
            .contains("select")
    );
    assert!(
        only_problem("@id(\"a\") permit (principal in Work::\"w\", action, resource);")
            .contains("Work")
    );
    assert!(
        only_problem("@id(\"a\") permit (principal == ?principal, action, resource);")
            .contains("template")
    );
}

#[test]
fn a_class_that_is_not_defined_is_refused_at_its_place() {
    assert_eq!(
        only_problem(
            "@id(\"a\")\npermit (principal, action == Action::\"unmask\", resource in Class::\"pi\");"
        ),
        "a.cedar:2:60: no class \"pi\" in classes.toml; write one of: pii"
    );
}

#[test]
fn a_copy_of_the_schema_must_be_the_same() {
    assert!(load(&[("a.cedar", FINE), ("schema.cedarschema", SCHEMA)]).is_ok());
    let found = problems(&[("a.cedar", FINE), ("schema.cedarschema", "entity A;")]);
    assert!(
        found[0].starts_with("schema.cedarschema: differs"),
        "{found:?}"
    );
}

#[test]
fn a_directory_without_policies_or_classes_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let error = crate::PolicySet::load(directory.path())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("classes.toml: is missing") && error.contains("holds no policy"),
        "{error}"
    );
    let missing = crate::PolicySet::load(&directory.path().join("nowhere")).unwrap_err();
    assert!(matches!(missing, PolicyError::DirectoryUnreadable { .. }));
    assert!(problems(&[("a.cedar", "// nothing")])[0].contains("holds no policy"));
}

#[test]
fn files_that_are_no_policies_are_left_alone() {
    assert!(
        load(&[
            ("a.cedar", FINE),
            (".a.cedar", "garbage"),
            ("README.md", "text")
        ])
        .is_ok()
    );
}

#[test]
fn the_hash_changes_with_every_name_and_content() {
    let hash = |files: &[(&str, &str)]| load(files).unwrap().hash();
    let base = hash(&[("a.cedar", FINE)]);
    assert_eq!(base.len(), 64);
    assert_eq!(
        base,
        hash(&[
            ("a.cedar", FINE),
            ("schema.cedarschema", SCHEMA),
            ("README.md", "x")
        ])
    );
    assert_ne!(base, hash(&[("b.cedar", FINE)]));
    assert_ne!(base, hash(&[("a.cedar", &format!("{FINE} "))]));
    assert_ne!(base, hash(&[("a.cedar", FINE), ("classes.toml", PII)]));
}

#[test]
fn an_annotation_without_a_meaning_says_what_to_write() {
    let permit = "permit (principal, action, resource);";
    for (annotation, policy, says) in [
        ("@max_rows(\"many\")", permit, "is no number of rows"),
        ("@max_rows(\"0\")", permit, "is no number of rows"),
        ("@max_rows(\"-1\")", permit, "is no number of rows"),
        (
            "@max_rows(\"1\")",
            "forbid (principal, action, resource);",
            "limits what a policy permits",
        ),
        ("@record(\"everything\")", permit, "is not known"),
        (
            "@durability(\"eternal\")",
            permit,
            "write @durability(\"process\")",
        ),
        (
            "@durability(\"strict\")",
            "forbid (principal, action, resource);",
            "above a permit",
        ),
        (
            "@reason_required",
            permit,
            "@reason_required without effect",
        ),
        ("@reason_required(\"yes\")", permit, "takes no value"),
    ] {
        let found = problems(&[("a.cedar", &format!("@id(\"a\")\n{annotation}\n{policy}"))]);
        assert!(
            found
                .iter()
                .any(|problem| problem.starts_with("a.cedar:2:1: ") && problem.contains(says)),
            "{annotation}: {found:?}"
        );
    }
}
