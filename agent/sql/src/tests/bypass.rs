//! Ways around rivals' filters, and what they are here.

use super::{check, facts};

#[test]
fn a_delete_is_told_however_it_is_dressed() {
    let delete: &[&str] = &["delete public.emp"];
    check(&[
        ("SELECT 1; DELETE FROM emp", delete),
        ("/*x*/ DELETE FROM emp", delete),
        ("-- c\nDELETE FROM emp", delete),
        (
            "WITH d AS (DELETE FROM emp RETURNING *) SELECT 1",
            &["delete public.emp(id! name! ssn! boss!)"],
        ),
        ("DELETE FROM emp -- where", delete),
        ("DELETE FROM emp WHERE true", delete),
        ("DELETE FROM emp WHERE 1=1", delete),
        ("EXPLAIN ANALYZE DELETE FROM emp", delete),
        ("BEGIN; DELETE FROM emp; COMMIT", delete),
        ("DELETE/**/FROM/**/ONLY\"emp\"", delete),
        (
            "MERGE INTO emp USING hr.pay ON true WHEN MATCHED THEN DELETE",
            &[
                "merge public.emp where",
                "select hr.pay",
                "delete public.emp",
            ],
        ),
        ("DO $$ BEGIN DELETE FROM emp; END $$", &["opaque dynamic"]),
        ("SELECT 'drop table x', 'DELETE FROM emp'", &[]),
    ]);
}

#[test]
fn a_definition_is_told_however_it_is_spaced() {
    check(&[
        ("TRUNCATE emp", &["truncate public.emp"]),
        ("DROP/**/TABLE emp", &["drop public.emp where"]),
        ("DROP OWNED BY app", &["drop database", "grant role app"]),
        ("DROP ROLE app", &["grant role app"]),
        ("ALTER/**/TABLE emp ADD x int", &["alter public.emp where"]),
    ]);
}

#[test]
fn a_column_is_told_by_whatever_name_it_leaves() {
    let all: &[&str] = &["select public.emp(id! name! ssn! boss!)"];
    check(&[
        ("SELECT emp.* FROM emp", all),
        ("SELECT *, 1 FROM emp", all),
        ("SELECT/**/*FROM emp", all),
        ("TABLE emp", all),
        ("SELECT id, name, ssn, boss FROM emp", all),
        (
            "SELECT name AS ssn, ssn AS name FROM emp",
            &["select public.emp(name! ssn!)"],
        ),
        ("SELECT max(ssn) FROM emp", &["select public.emp(ssn!)"]),
        (
            "SELECT e::text FROM emp e",
            &["select public.emp(id! name! ssn! boss!)"],
        ),
        (
            "SELECT xmlforest(ssn AS x) FROM emp",
            &["select public.emp(ssn!)"],
        ),
        (
            "SELECT ARRAY(SELECT ssn FROM emp)",
            &["select public.emp(ssn!)"],
        ),
        (
            "SELECT json_object('a': ssn) FROM emp",
            &["select public.emp(ssn! ssn?)"],
        ),
        (
            "SELECT 1/(ssn = 'x')::int FROM emp",
            &["select public.emp(ssn! ssn?)"],
        ),
        (
            "SELECT CASE WHEN ssn > 'a' THEN 1 END FROM emp",
            &["select public.emp(ssn! ssn?)"],
        ),
        (
            "SELECT (SELECT e.ssn) FROM emp e",
            &["select public.emp(ssn!)"],
        ),
        ("SELECT ssn(e) FROM emp e", &["opaque unresolved"]),
        (
            "INSERT INTO hr.pay (iban) SELECT ssn FROM emp",
            &["insert hr.pay(iban=) where", "select public.emp(ssn~)"],
        ),
    ]);
}

#[test]
fn what_reads_by_name_at_run_time_is_a_call() {
    check(&[
        (
            "SELECT query_to_xml('SELECT ssn FROM emp', true, true, '')",
            &["call pg_catalog.query_to_xml()"],
        ),
        (
            "SELECT table_to_xml('emp', true, true, '')",
            &["call pg_catalog.table_to_xml()"],
        ),
        (
            "SELECT pg_read_file('/etc/passwd')",
            &["call pg_catalog.pg_read_file()"],
        ),
        (
            "SELECT PG_CATALOG . \"pg_read_file\"('x')",
            &["call pg_catalog.pg_read_file()"],
        ),
        (
            "SELECT lo_import('/etc/passwd')",
            &["call pg_catalog.lo_import()"],
        ),
        (
            "SELECT 1 WHERE pg_sleep(9) IS NULL",
            &["call pg_catalog.pg_sleep()"],
        ),
        (
            "SELECT * FROM dblink('x') AS t(a int)",
            &["call public.dblink()"],
        ),
        (
            "UPDATE emp SET id = id WHERE id = 1 AND archive(1) IS NULL",
            &[
                "update public.emp(id~ id? id=) where",
                "call public.archive()",
            ],
        ),
    ]);
}

#[test]
fn a_changed_path_or_a_temporary_table_does_not_mislead_later_statements() {
    check(&[
        (
            "SET search_path = hr; SELECT secret FROM emp",
            &["set setting search_path", "select hr.emp(secret!)"],
        ),
        (
            "SET \"Search_Path\" TO 'hr'; SELECT secret FROM emp",
            &["set setting search_path", "select hr.emp(secret!)"],
        ),
        (
            "SELECT set_config('search_path', 'hr', false); SELECT secret FROM emp",
            &["set setting search_path", "select hr.emp(secret!)"],
        ),
        (
            "SELECT set_config('search_path', 'hr', false) FROM emp; SELECT secret FROM emp",
            &["opaque search_path"],
        ),
        (
            "SELECT set_config(name, 'hr', false) FROM emp; SELECT 1 FROM emp",
            &["opaque search_path"],
        ),
        (
            "SELECT archive(1); SELECT secret FROM emp",
            &["opaque search_path"],
        ),
        (
            "SELECT archive(1); SELECT ssn FROM public.emp",
            &["call public.archive()", "select public.emp(ssn!)"],
        ),
        (
            "CREATE TEMP TABLE emp (a int); SELECT a FROM emp",
            &["opaque unresolved"],
        ),
        (
            "SELECT 1 AS a INTO TEMP emp; SELECT a FROM emp",
            &["opaque unresolved"],
        ),
        ("SELECT 1 FROM pg_temp.emp", &["opaque unresolved"]),
        (
            "ALTER TABLE emp RENAME TO x; SELECT * FROM emp",
            &["opaque catalog"],
        ),
        (
            "SET search_path = hr, public; SELECT 1 FROM emp",
            &["opaque search_path"],
        ),
        (
            "SET search_path = public, pg_catalog; SELECT trap FROM pg_class",
            &["opaque search_path"],
        ),
        (
            "SET search_path = hr; ROLLBACK; SELECT ssn FROM emp",
            &["opaque search_path"],
        ),
    ]);
}

#[test]
fn an_equality_that_nobody_writes_is_told() {
    let path: &str = "set setting search_path";
    let raise: &str = "call hr.raise()";
    check(&[
        (
            "SET search_path = hr; SELECT CASE 1 WHEN 2 THEN 3 END",
            &[path, raise],
        ),
        (
            "SET search_path = hr; SELECT 1 IN (SELECT 2)",
            &[path, raise],
        ),
        (
            "SET search_path = hr; SELECT 1 FROM (SELECT 1) a (b) JOIN (SELECT 2) c (b) USING (b)",
            &[path, raise],
        ),
        (
            "SET search_path = hr; SELECT 1 FROM (SELECT 1) a (b) NATURAL JOIN (SELECT 2) c (b)",
            &[path, raise],
        ),
        (
            "SET search_path = hr; SELECT CASE WHEN true THEN 3 END, EXISTS (SELECT 1)",
            &[path],
        ),
    ]);
}

#[test]
fn a_lock_of_what_is_derived_locks_its_tables() {
    let locked: &[&str] = &["select public.emp(id!)", "lock public.emp"];
    check(&[
        ("SELECT id FROM (SELECT id FROM emp) e FOR UPDATE", locked),
        (
            "SELECT id FROM (SELECT id FROM emp) e FOR SHARE OF e",
            locked,
        ),
        (
            "SELECT 1 FROM (SELECT 1) x, (SELECT id FROM (SELECT id FROM emp) a) e FOR KEY SHARE OF e",
            locked,
        ),
        (
            "SELECT id FROM (SELECT id FROM emp) e, hr.pay FOR UPDATE OF pay",
            &["select public.emp(id!)", "select hr.pay", "lock hr.pay"],
        ),
        (
            "SELECT 1 FROM emp TABLESAMPLE lower (1) FOR UPDATE",
            &["select public.emp", "lock public.emp"],
        ),
        (
            "SELECT * FROM (WITH emp AS (SELECT 1) SELECT * FROM emp) e FOR UPDATE",
            &[],
        ),
    ]);
}

#[test]
fn what_is_not_in_the_snapshot_may_be_there_when_it_is_dropped() {
    check(&[
        (
            "DROP TABLE IF EXISTS fresh, hr.fresh, emp",
            &[
                "drop public.fresh where",
                "drop hr.fresh where",
                "drop public.emp where",
            ],
        ),
        (
            "DROP FUNCTION IF EXISTS fresh(int)",
            &["drop public.fresh()"],
        ),
        (
            "DROP TRIGGER IF EXISTS t ON fresh",
            &["drop public.fresh where"],
        ),
        (
            "SET search_path = hr, public; DROP VIEW IF EXISTS fresh",
            &[
                "set setting search_path",
                "drop hr.fresh where",
                "drop public.fresh where",
            ],
        ),
        (
            "CREATE TEMP TABLE fresh (a int); DROP TABLE IF EXISTS fresh",
            &["create pg_temp.fresh where"],
        ),
        ("DROP TABLE IF EXISTS pg_temp.fresh", &[]),
    ]);
}

#[test]
fn a_cursor_and_a_fetch_are_told_whatever_stands_around_them() {
    for text in [
        "FETCH ALL c",
        "MOVE 1 IN c",
        "SELECT 1; FETCH NEXT FROM \"c\"",
    ] {
        assert!(facts(text).fetches, "{text}");
    }
    for text in [
        "DECLARE c CURSOR FOR SELECT 1",
        "CLOSE c",
        "SELECT 'FETCH ALL c'",
    ] {
        assert!(!facts(text).fetches, "{text}");
    }
    assert!(facts("DECLARE c CURSOR FOR SELECT 1").shape.declares);
    assert!(!facts("SELECT 1").shape.declares);
}
