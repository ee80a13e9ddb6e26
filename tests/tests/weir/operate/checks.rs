//! A configuration or a policy that is wrong: what is said about it, before anything runs.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use stage::Folder;
use weir_tests::{PERMIT_ALL, weir};

use super::errors;

/// Five lines; what a test adds begins at the sixth.
const CONFIG: &str = "[gateway]\nlisten = \"127.0.0.1:1\"\nupstream = \"127.0.0.1:2\"\n\
                      [agent]\npolicies = \"policies\"\n";

/// Writes a configuration with these policies; a class file is always there.
fn write(config: &str, policies: &[(&str, &str)]) -> Folder {
    let folder = Folder::new("weir-test").unwrap();
    fs::write(folder.path().join("weir.toml"), config).unwrap();
    let directory = folder.path().join("policies");
    fs::create_dir(&directory).unwrap();
    for (name, text) in [("classes.toml", "")].iter().chain(policies) {
        fs::write(directory.join(name), text).unwrap();
    }
    folder
}

/// An agent that starts after all is ended after a while, with another exit code.
fn say(folder: &Path, command: &str) -> Output {
    Command::new("timeout")
        .arg("20")
        .arg(weir())
        .arg("--config")
        .arg(folder.join("weir.toml"))
        .arg(command)
        .current_dir(folder)
        .output()
        .unwrap()
}

/// What both `weir check` and `weir run` say, without the path of the directory. Nothing was made.
fn refusal(folder: &Folder) -> String {
    let check = say(folder.path(), "check");
    let run = say(folder.path(), "run");
    assert_eq!(check.status.code(), Some(1), "{check:?}");
    assert_eq!(run.status.code(), Some(1), "{run:?}");
    assert_eq!(check.stdout, b"", "nothing is called ok");
    assert_eq!(errors(&check), errors(&run), "the same words");
    let mut left: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["policies", "weir.toml"]);
    errors(&run).replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn a_wrong_configuration_is_refused_with_its_line_and_what_to_write() {
    for (added, words) in [
        (
            "stat = \"x\"",
            "weir.toml:6:1: unknown field `stat`, expected one of `state`, `run`, `policies`, `host`",
        ),
        (
            "[session]\nmost = 1",
            "weir.toml:6:2: unknown field `session`, expected one of `agent`, `intercept`, `gateway`, `server`, \
             `tls`, `masking`, `sessions`, `approvals`, `audit`",
        ),
        (
            "[audit]\ndurability = \"never\"",
            "weir.toml:7:14: unknown variant `never`, expected one of `process`, `release`, `strict`",
        ),
        (
            "[[server]]\nname = \"a\"\naddresses = [\"127.0.0.1:1\"]\n\
             [[server]]\nname = \"b\"\naddresses = [\"127.0.0.1:1\"]",
            "weir.toml:11:14: address 127.0.0.1:1 belongs to server \"a\" and to server \"b\": keep one of them",
        ),
        (
            "[intercept]\ncgroup = \"x\"",
            "weir.toml:6:1: [intercept] and [gateway] are both there: keep one of them",
        ),
    ] {
        let folder = write(&format!("{CONFIG}{added}\n"), &[("all.cedar", PERMIT_ALL)]);
        assert_eq!(refusal(&folder), format!("weir: {words}\n"));
    }
}

#[test]
fn sections_that_contradict_themselves_are_refused_where_they_stand() {
    let policies = [("all.cedar", PERMIT_ALL)];
    let folder = write("\n[intercept]\ncgroup = \"x\"\nports = []\n", &policies);
    assert_eq!(
        refusal(&folder),
        "weir: weir.toml:2:1: [intercept] ports is empty, so nothing would be intercepted: \
         name at least one, such as [5432]\n"
    );
    let folder = write("", &policies);
    assert_eq!(
        refusal(&folder),
        "weir: weir.toml: neither [intercept] nor [gateway] is there, so no client could come in: \
         write one of them\n"
    );
}

#[test]
fn all_that_is_wrong_with_policies_is_said_at_once_each_with_its_place() {
    let misspelt = "\n@id(\"a\")\npermit (principal, action == Action::\"selct\", resource);\n\
                    permit (principal, action, resource);\n";
    let torn = "@id(\"b\")\n@hnt(\"x\")\nforbid (principal, action, resource);\n\
                @id(\"c\")\nforbid (principal, action resource);\n";
    let classes = "[classes.pii]\ndescription = \"x\"\nmask = \"nul\"\ncolumns = []\n";
    let folder = write(
        CONFIG,
        &[
            ("a.cedar", misspelt),
            ("b.cedar", torn),
            ("classes.toml", classes),
        ],
    );
    let said = refusal(&folder);
    let lines: Vec<_> = said.lines().collect();
    let expected = [
        "weir: a.cedar:3:30: unrecognized action `Action::\"selct\"`; did you mean `Action::\"select\"`?",
        "a.cedar:4:1: the policy has no @id; write @id(\"a-unique-name\") above it",
        "b.cedar:2:1: unknown annotation @hnt; write one of ",
        "b.cedar:5:27: unexpected token `resource`: expected ",
        "classes.toml:3:8: unknown variant `nul`, expected one of `null`, `redact`, `fixed`, `always`, `partial`, `email`, ",
    ];
    assert_eq!(lines.len(), expected.len(), "{said}");
    for (line, start) in lines.iter().zip(expected) {
        assert!(line.starts_with(start), "{line}\nis not\n{start}");
    }
}

#[test]
fn no_policy_is_no_set_of_policies() {
    let folder = write(CONFIG, &[]);
    assert!(refusal(&folder).contains("holds no policy; write at least one *.cedar file"));
    fs::remove_dir_all(folder.path().join("policies")).unwrap();
    let said = errors(&say(folder.path(), "check"));
    assert!(said.contains("cannot read the policy directory"), "{said}");
    assert_eq!(errors(&say(folder.path(), "run")), said);
}

#[test]
fn what_is_right_is_called_ok() {
    let folder = write(CONFIG, &[("all.cedar", PERMIT_ALL)]);
    let check = say(folder.path(), "check");
    assert!(check.status.success(), "{check:?}");
    assert_eq!(errors(&check), "");
    let said = String::from_utf8(check.stdout).unwrap();
    assert!(said.contains("weir.toml: ok\n"), "{said}");
    assert!(said.contains("policies: ok, 1 policies, hash "), "{said}");
}
