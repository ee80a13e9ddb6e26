//! How the state of a session follows what it runs.

use super::run::Run;
use super::{facts, login, shared, snapshot, told};
use crate::{Session, analyse};

impl Run {
    fn emp(&self) -> String {
        told(&self.facts("SELECT count(*) FROM emp")).join(",")
    }
}

const PUBLIC: &str = "select public.emp";
const HR: &str = "select hr.emp";
const UNKNOWN: &str = "opaque search_path";

#[test]
fn a_login_sets_the_path() {
    assert_eq!(Run::new(&[]).emp(), PUBLIC);
    assert_eq!(Run::new(&[("search_path", "hr")]).emp(), HR);
    assert_eq!(Run::new(&[("options", "-c search_path=hr")]).emp(), HR);
    assert_eq!(
        Run::new(&[("options", "-csearch_path=hr"), ("search_path", "public")]).emp(),
        PUBLIC
    );
    assert_eq!(Run::new(&[("search_path", "hr,,")]).emp(), UNKNOWN);
    assert_eq!(Run::new(&[("options", "-Z")]).emp(), UNKNOWN);
}

#[test]
fn the_users_own_schema_comes_first() {
    let mut login = login(&[]);
    login.user = "hr".into();
    let snapshot = snapshot();
    let session = Session::new(&login, &snapshot);
    let told = told(&analyse(
        b"SELECT count(*) FROM hr.emp, pay",
        &session,
        &snapshot,
    ));
    assert_eq!(told, [HR, "select hr.pay"]);
}

#[test]
fn a_path_is_unknown_until_the_server_has_set_it() {
    let mut run = Run::new(&[]);
    let facts = run.forward("SET search_path = hr");
    assert_eq!(run.emp(), UNKNOWN);
    run.finish(&facts, true, "SET");
    assert_eq!(run.emp(), HR);
    run.session.settled();
    assert_eq!(run.emp(), HR);
}

#[test]
fn a_path_that_was_refused_is_the_old_one() {
    let mut run = Run::new(&[]);
    run.step("SET search_path = hr", false);
    assert_eq!(run.emp(), PUBLIC);
}

#[test]
fn a_rollback_restores_the_path_and_a_commit_keeps_it() {
    let mut run = Run::new(&[]);
    run.step("BEGIN", true);
    run.step("SET search_path = hr", true);
    assert_eq!(run.emp(), HR);
    run.run("ROLLBACK");
    assert_eq!(run.emp(), PUBLIC);
    run.step("BEGIN", true);
    run.step("SET search_path = hr", true);
    run.run("COMMIT");
    assert_eq!(run.emp(), HR);
}

#[test]
fn a_commit_of_a_failed_transaction_is_a_rollback() {
    let mut run = Run::new(&[]);
    run.step("BEGIN", true);
    run.step("SET search_path = hr", true);
    run.step("SELECT 1", false);
    let facts = run.forward("COMMIT");
    run.finish(&facts, true, "ROLLBACK");
    run.session.settled();
    assert_eq!(run.emp(), PUBLIC);
}

#[test]
fn a_text_that_commits_and_then_fails_leaves_the_path_unknown() {
    let mut run = Run::new(&[]);
    run.step("BEGIN; SET search_path = hr; COMMIT; SELECT 1/0", false);
    run.session.settled();
    assert_eq!(run.emp(), UNKNOWN);
    let mut run = Run::new(&[]);
    run.step("BEGIN", true);
    run.step("SET search_path = hr", true);
    run.step("COMMIT; SELECT 1/0", false);
    run.session.settled();
    assert_eq!(run.emp(), UNKNOWN);
}

#[test]
fn a_rollback_to_a_savepoint_leaves_the_path_unknown() {
    let mut run = Run::new(&[]);
    run.step("BEGIN", true);
    run.step("SET search_path = hr", true);
    run.step("SAVEPOINT s", true);
    run.step("ROLLBACK TO s", true);
    assert_eq!(run.emp(), UNKNOWN);
    run.run("COMMIT");
    assert_eq!(run.emp(), UNKNOWN);
    run.run("SET search_path = public");
    assert_eq!(run.emp(), PUBLIC);
}

#[test]
fn a_savepoint_without_settings_since_the_beginning_changes_nothing() {
    let mut run = Run::new(&[]);
    for _ in 0..2 {
        run.step("BEGIN", true);
        run.step("SAVEPOINT s", true);
        run.step("SELECT 1/0", false);
        run.step("ROLLBACK TO s", true);
        assert_eq!(run.emp(), PUBLIC);
        run.step("INSERT INTO emp (id) VALUES (NULL)", false);
        run.step("ROLLBACK TO s", true);
        assert_eq!(run.emp(), PUBLIC);
        run.run("COMMIT");
        assert_eq!(run.emp(), PUBLIC);
    }
    run.step("BEGIN", true);
    run.step("SET search_path = hr", true);
    run.step("SAVEPOINT s", true);
    run.step("SET search_path = public", true);
    run.step("ROLLBACK TO s", true);
    assert_eq!(run.emp(), UNKNOWN);
}

#[test]
fn a_rollback_that_is_under_way_hides_only_settings_that_it_undoes() {
    let mut run = Run::new(&[]);
    run.step("BEGIN", true);
    let rollback = run.forward("ROLLBACK");
    assert_eq!(run.emp(), PUBLIC);
    run.finish(&rollback, true, "ROLLBACK");
    run.session.settled();
    run.step("BEGIN", true);
    run.step("SET search_path = hr", true);
    let rollback = run.forward("ROLLBACK");
    assert_eq!(run.emp(), UNKNOWN);
    run.finish(&rollback, true, "ROLLBACK");
    assert_eq!(run.emp(), PUBLIC);
}

#[test]
fn a_local_setting_ends_with_its_transaction() {
    let mut run = Run::new(&[]);
    run.step("BEGIN", true);
    run.step("SET LOCAL search_path = hr", true);
    assert_eq!(run.emp(), HR);
    run.run("COMMIT");
    assert_eq!(run.emp(), PUBLIC);
}

#[test]
fn a_function_that_is_not_known_may_have_set_the_path() {
    let mut run = Run::new(&[]);
    run.run("SELECT archive(1)");
    assert_eq!(run.emp(), UNKNOWN);
    run.run("RESET search_path");
    assert_eq!(run.emp(), PUBLIC);
    run.run("SELECT dblink('x')");
    assert_eq!(run.emp(), PUBLIC);
}

#[test]
fn an_opaque_statement_leaves_nothing_known_unless_it_failed() {
    let mut run = Run::new(&[]);
    run.step("SELECT 1 FROM nothing", false);
    run.session.settled();
    assert_eq!(run.emp(), PUBLIC);
    run.run("DO $$ BEGIN END $$");
    assert_eq!(run.emp(), UNKNOWN);
}

#[test]
fn a_temporary_table_hides_until_it_is_discarded() {
    let mut run = Run::new(&[]);
    run.run("CREATE TEMP TABLE emp (a int)");
    assert_eq!(run.emp(), "opaque unresolved");
    run.run("DISCARD ALL");
    assert_eq!(run.emp(), PUBLIC);
}

#[test]
fn names_wait_for_a_snapshot_after_a_definition() {
    let mut run = Run::new(&[]);
    run.step("BEGIN", true);
    run.step("ALTER TABLE emp RENAME TO x", true);
    assert_eq!(run.emp(), "opaque catalog");
    run.run("COMMIT");
    assert_eq!(run.emp(), PUBLIC);
}

#[test]
fn two_changes_in_flight_are_known_only_together() {
    let mut run = Run::new(&[]);
    let first = run.forward("SET search_path = hr");
    let second = run.forward("SET search_path = public");
    run.finish(&first, true, "SET");
    assert_eq!(run.emp(), UNKNOWN);
    run.finish(&second, true, "SET");
    assert_eq!(run.emp(), PUBLIC);
}

#[test]
fn a_reported_setting_is_believed_when_nothing_is_in_flight() {
    let mut run = Run::new(&[]);
    run.session.reported("standard_conforming_strings", "off");
    assert_eq!(run.session.settings().standard_strings, Some(false));
    let facts = run.forward("SET standard_conforming_strings = on");
    assert_eq!(run.session.settings().standard_strings, None);
    run.session.reported("standard_conforming_strings", "on");
    assert_eq!(run.session.settings().standard_strings, None);
    run.finish(&facts, true, "SET");
    assert_eq!(run.session.settings().standard_strings, Some(true));
}

#[test]
fn a_role_decides_what_user_means() {
    let mut run = Run::new(&[]);
    run.run("SET ROLE hr");
    assert_eq!(run.session.settings().role, Some(shared("hr")));
    assert_eq!(run.emp(), UNKNOWN);
    run.run("SET ROLE NONE");
    assert_eq!(run.emp(), PUBLIC);
}

#[test]
fn the_name_of_a_setting_is_known_where_only_one_row_can_have_it() {
    const ANY: &str = "set setting any";
    for (query, setting) in [
        (
            "SELECT set_config(name, 'x', false) FROM pg_settings WHERE name = 'JIT'",
            "set setting jit",
        ),
        (
            "SELECT 1, set_config(name, 'x', false) FROM pg_catalog.pg_settings WHERE name = 'role'",
            "set setting role",
        ),
        // Another row than the named one.
        (
            "SELECT set_config(name, 'x', false) FROM pg_settings WHERE name <> 'jit'",
            ANY,
        ),
        (
            "SELECT set_config(name, 'x', false) FROM pg_settings WHERE name = 'jit' OR true",
            ANY,
        ),
        (
            "SELECT set_config(name, 'x', false) FROM pg_settings WHERE setting = 'jit'",
            ANY,
        ),
        (
            "SELECT set_config(name, 'x', false) FROM pg_settings WHERE name = $1",
            ANY,
        ),
        (
            "SELECT set_config(setting, 'x', false) FROM pg_settings WHERE name = 'jit'",
            ANY,
        ),
        (
            "SELECT set_config(name || 'e', 'x', false) FROM pg_settings WHERE name = 'rol'",
            ANY,
        ),
        // It may run before the row is chosen.
        (
            "SELECT 1 FROM pg_settings WHERE name = set_config(name, 'x', false)",
            ANY,
        ),
        (
            "SELECT 1 FROM pg_settings, set_config(name, 'x', false) WHERE name = 'jit'",
            ANY,
        ),
        // Another relation's column.
        (
            "SELECT set_config(name, 'x', false) FROM hr.pg_settings WHERE name = 'jit'",
            ANY,
        ),
        (
            "WITH pg_settings AS (SELECT name FROM emp) \
             SELECT set_config(name, 'x', false) FROM pg_settings WHERE name = 'jit'",
            ANY,
        ),
        (
            "SELECT (SELECT set_config(name, 'x', false) FROM emp) FROM pg_settings WHERE name = 'jit'",
            ANY,
        ),
        (
            "SELECT (SELECT 1 FROM emp, set_config(name, 'x', false)) FROM pg_settings WHERE name = 'jit'",
            ANY,
        ),
        (
            "SELECT set_config(name, 'x', false) FROM pg_settings s (setting, name) WHERE name = 'jit'",
            ANY,
        ),
    ] {
        let told = told(&facts(query));
        let sets: Vec<_> = told.iter().filter(|line| line.starts_with("set")).collect();
        assert_eq!(sets, [setting], "{query}: {told:?}");
    }
}
