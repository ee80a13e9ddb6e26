//! Claims about a catalog that is read from definitions.

use super::*;
use crate::{SchemaError, schema};

const SHOP: &str = r#"
\restrict x
SET client_min_messages = warning;
SELECT pg_catalog.set_config('search_path', '', false);
CREATE SCHEMA hr;
CREATE TABLE public.emp (id serial PRIMARY KEY, name text, ssn text, CHECK (id > 0));
COMMENT ON TABLE public.emp IS 'people; and more';
CREATE TABLE hr.emp (LIKE public.emp, secret text);
CREATE VIEW staff AS SELECT id, ssn AS s FROM public.emp WHERE name IS NOT NULL;
CREATE VIEW outer_staff (number) AS SELECT s FROM staff;
CREATE TABLE log (at date, who text) PARTITION BY RANGE (at);
CREATE TABLE log_1 (who text, at date);
ALTER TABLE ONLY public.log ATTACH PARTITION public.log_1 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE more (extra int) INHERITS (emp);
ALTER TABLE emp ADD COLUMN phone text, DROP COLUMN name, ADD COLUMN city text;
ALTER TABLE log ALTER COLUMN who TYPE int;
CREATE FUNCTION hr.raise(int) RETURNS int LANGUAGE plpgsql AS 'BEGIN END';
CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2 * $1';
CREATE OPERATOR public.<<< (PROCEDURE = twice, RIGHTARG = int);
CREATE MATERIALIZED VIEW totals AS SELECT count(*) AS n FROM hr.emp;
CREATE TABLE ruled (a int);
CREATE RULE r AS ON INSERT TO ruled DO ALSO NOTIFY x;
CREATE INDEX ON emp (ssn);
"#;

fn told_in(text: &str) -> Vec<String> {
    let snapshot = Snapshot::new(1, schema("db", SHOP).unwrap());
    told(&analyse(text.as_bytes(), &session(&snapshot), &snapshot))
}

#[test]
fn statements_mean_what_they_would_after_the_definitions() {
    for (text, expected) in [
        (
            "SELECT * FROM emp",
            &["select public.emp(id! ssn! phone! city!)"][..],
        ),
        (
            "SELECT secret FROM hr.emp WHERE ssn = '1'",
            &["select hr.emp(ssn@ secret!) where"],
        ),
        (
            "SELECT s FROM staff",
            &[
                "select public.staff(s!)",
                "select public.emp(ssn!) through staff",
            ],
        ),
        (
            "SELECT number FROM outer_staff",
            &[
                "select public.outer_staff(number!)",
                "select public.emp(ssn!) through outer_staff",
                "select public.staff(s!) through outer_staff",
            ],
        ),
        (
            "SELECT who FROM log_1",
            &[
                "select public.log_1(who!)",
                "select public.log(who!) through log_1",
            ],
        ),
        (
            "SELECT extra FROM more",
            &[
                "select public.more(extra!)",
                "select public.emp through more",
            ],
        ),
        ("SELECT hr.raise(1)", &["call hr.raise()"]),
        ("SELECT <<< 1", &["call public.twice()"]),
        (
            "SELECT n FROM totals",
            &["select public.totals(n!)", "select hr.emp through totals"],
        ),
        (
            "SELECT last_value FROM emp_id_seq",
            &["select public.emp_id_seq(last_value!)"],
        ),
        ("INSERT INTO ruled VALUES (1)", &["opaque unsupported"]),
        (
            "SELECT rolname, upper(rolname) FROM pg_roles",
            &["select pg_catalog.pg_roles(rolname!)"],
        ),
        (
            "SELECT pg_read_file('x')",
            &["call pg_catalog.pg_read_file()"],
        ),
        ("SELECT name FROM nowhere", &["opaque unresolved"]),
    ] {
        assert_eq!(told_in(text), expected, "{text}");
    }
}

#[test]
fn what_cannot_be_followed_is_refused_with_its_line() {
    for (text, line, words) in [
        (
            "CREATE TABLE a (x int);\n\n-- b\nCREATE VIEW v AS SELECT y FROM b;",
            4,
            "there is no relation b",
        ),
        (
            "CREATE TABLE a ();\nSET search_path = hr;",
            2,
            "write the schema before each name",
        ),
        (
            "CREATE TABLE a ();\nCREATE TABLE public.a ();",
            2,
            "public.a is defined twice",
        ),
        (
            "CREATE TABLE hr.a ();",
            1,
            "there is no schema hr: create it first",
        ),
        ("DO 'BEGIN END';", 1, "DoStmt is not analysed: take it out"),
        ("CREATE TABL a ();", 1, "syntax error"),
        (
            "ALTER TABLE a RENAME TO b;",
            1,
            "RenameStmt is not analysed",
        ),
        (
            "CREATE VIEW v AS SELECT * FROM json_each('{}');",
            1,
            "name them",
        ),
    ] {
        let SchemaError {
            line: found,
            message,
        } = schema("db", text).unwrap_err();
        assert!(
            found == line && message.contains(words),
            "{text}: line {found}: {message}"
        );
    }
}

#[test]
fn columns_have_types_by_which_values_beside_them_are_read() {
    let snapshot = Snapshot::new(1, schema("db", SHOP).unwrap());
    let read = |text: &str| {
        let facts = analyse(text.as_bytes(), &session(&snapshot), &snapshot);
        let equals = facts.values(&[], &[], false).equals;
        equals
            .into_iter()
            .map(|equal| equal.value)
            .collect::<Vec<_>>()
    };
    for text in [
        "SELECT name FROM hr.emp WHERE id = 0042",
        "SELECT phone FROM emp WHERE id = 42",
        "SELECT id FROM emp WHERE city = '42'",
        "SELECT extra FROM more WHERE id = 42",
        "SELECT id FROM emp WHERE phone = '42'",
        "SELECT at FROM log WHERE who = 0042",
    ] {
        assert_eq!(read(text), ["42"], "{text}");
    }
}
