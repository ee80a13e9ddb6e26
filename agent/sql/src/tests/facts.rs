//! What statements touch.

use model::Verb;

use super::{check, facts, snapshot, told};
use crate::analyse_call;

#[test]
fn plain_columns_are_shown_and_expressions_are_derived() {
    check(&[
        ("SELECT 1", &[]),
        ("", &[]),
        ("-- nothing\n/* at /* all */ */ ;", &[]),
        ("SELECT ssn FROM emp", &["select public.emp(ssn!)"]),
        ("SELECT ssn AS x FROM emp e", &["select public.emp(ssn!)"]),
        (
            "SELECT * FROM emp",
            &["select public.emp(id! name! ssn! boss!)"],
        ),
        ("TABLE emp", &["select public.emp(id! name! ssn! boss!)"]),
        (
            "SELECT e.* FROM emp e",
            &["select public.emp(id! name! ssn! boss!)"],
        ),
        ("SELECT lower(ssn) FROM emp", &["select public.emp(ssn!)"]),
        (
            "SELECT ssn, ssn || 'x' FROM emp",
            &["select public.emp(ssn!)"],
        ),
        ("SELECT count(*) FROM emp", &["select public.emp"]),
        ("SELECT ctid FROM emp", &["select public.emp(ctid!)"]),
        (
            "SELECT e FROM emp e",
            &["select public.emp(id! name! ssn! boss!)"],
        ),
        (
            "SELECT row_to_json(e) FROM emp e",
            &["select public.emp(id! name! ssn! boss!)"],
        ),
        (
            "SELECT row_to_json(row(e.*)) FROM emp e",
            &["select public.emp(id! name! ssn! boss!)"],
        ),
        (
            "SELECT e.row_to_json FROM emp e",
            &["select public.emp(id! name! ssn! boss!)"],
        ),
        ("SELECT (e).ssn FROM emp e", &["select public.emp(ssn!)"]),
        (
            "SELECT ssn FROM emp UNION ALL SELECT name FROM emp",
            &["select public.emp(name! ssn!)"],
        ),
        (
            "SELECT ssn FROM emp; SELECT 1",
            &["select public.emp(ssn!)"],
        ),
        (
            "SELECT s.ssn FROM (SELECT * FROM emp) s",
            &["select public.emp(id! name! ssn! boss!)"],
        ),
        (
            "SELECT x FROM emp AS e(w, v, x)",
            &["select public.emp(ssn!)"],
        ),
        (
            "SELECT db.public.emp.ssn FROM public.emp",
            &["select public.emp(ssn!)"],
        ),
    ]);
}

#[test]
fn what_decides_about_rows_is_filtered() {
    check(&[
        (
            "SELECT 1 FROM emp WHERE ssn = 'x'",
            &["select public.emp(ssn@) where"],
        ),
        (
            "SELECT id FROM emp ORDER BY ssn",
            &["select public.emp(id! ssn?)"],
        ),
        (
            "SELECT ssn AS x FROM emp ORDER BY x",
            &["select public.emp(ssn! ssn?)"],
        ),
        (
            "SELECT id, ssn FROM emp ORDER BY 2",
            &["select public.emp(id! ssn! ssn?)"],
        ),
        (
            "SELECT name AS ssn FROM emp ORDER BY ssn",
            &["select public.emp(name! name?)"],
        ),
        (
            "SELECT name AS ssn, count(*) FROM emp GROUP BY ssn",
            &["select public.emp(name! ssn?)"],
        ),
        (
            "SELECT DISTINCT ssn FROM emp",
            &["select public.emp(ssn! ssn?)"],
        ),
        (
            "SELECT DISTINCT ON (boss) id FROM emp",
            &["select public.emp(id! boss?)"],
        ),
        (
            "SELECT count(*) FILTER (WHERE ssn > 'a') FROM emp",
            &["select public.emp(ssn?)"],
        ),
        (
            "SELECT string_agg(name, ',' ORDER BY ssn) FROM emp",
            &["select public.emp(name! ssn?)"],
        ),
        (
            "SELECT count(*) OVER (PARTITION BY ssn) FROM emp",
            &["select public.emp(ssn?)"],
        ),
        (
            "SELECT count(*) OVER w FROM emp WINDOW w AS (ORDER BY ssn)",
            &["select public.emp(ssn?)"],
        ),
        (
            "SELECT id FROM emp GROUP BY id HAVING max(ssn) > 'a'",
            &["select public.emp(id! id? ssn?)"],
        ),
        (
            "SELECT 1 LIMIT (SELECT id FROM emp)",
            &["select public.emp(id?)"],
        ),
        (
            "SELECT a.id FROM emp a JOIN hr.pay p ON a.ssn = p.iban",
            &["select public.emp(id! ssn?)", "select hr.pay(iban?)"],
        ),
        (
            "SELECT id FROM emp a JOIN emp b USING (id)",
            &["select public.emp(id! id?)"],
        ),
        (
            "SELECT a.id FROM emp a JOIN emp b USING (id)",
            &["select public.emp(id! id?)"],
        ),
        (
            "SELECT 1 FROM emp WHERE id IN (SELECT emp_id FROM hr.pay WHERE amount > 1)",
            &[
                "select public.emp(id?) where",
                "select hr.pay(emp_id? amount?) where",
            ],
        ),
        (
            "SELECT 1 FROM (SELECT ssn AS x FROM emp) s WHERE x = ''",
            &["select public.emp(ssn! ssn@)"],
        ),
        (
            "SELECT count(*) FROM (SELECT ssn FROM emp UNION SELECT iban FROM hr.pay) u(v) WHERE v > ''",
            &["select public.emp(ssn! ssn?)", "select hr.pay(iban! iban?)"],
        ),
    ]);
}

#[test]
fn names_mean_what_the_server_would_take_them_for() {
    check(&[
        ("WITH emp AS (SELECT 1 AS ssn) SELECT ssn FROM emp", &[]),
        (
            "WITH emp AS (SELECT ssn FROM emp) SELECT ssn FROM emp",
            &["select public.emp(ssn!)"],
        ),
        (
            "WITH emp AS (SELECT 1 AS ssn) SELECT ssn FROM public.emp",
            &["select public.emp(ssn!)"],
        ),
        (
            "WITH RECURSIVE r AS (SELECT boss FROM emp UNION ALL SELECT boss FROM r) SELECT boss FROM r",
            &["select public.emp(boss!)"],
        ),
        (
            "WITH RECURSIVE a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a",
            &["opaque unsupported"],
        ),
        (
            "SELECT relname FROM pg_class",
            &["select pg_catalog.pg_class(relname!)"],
        ),
        ("SELECT secret FROM hr.emp", &["select hr.emp(secret!)"]),
        ("SELECT \"SSN\" FROM emp", &["opaque unresolved"]),
        ("SELECT SSN FROM \"emp\"", &["select public.emp(ssn!)"]),
        (
            "SELECT U&\"\\0073sn\" FROM emp",
            &["select public.emp(ssn!)"],
        ),
        ("SELECT ssn FROM nothing", &["opaque unresolved"]),
        ("SELECT emp.ssn FROM emp e", &["opaque unresolved"]),
        ("SELECT id FROM emp a, emp b", &["opaque unresolved"]),
        ("SELECT 1 FROM other.public.emp", &["opaque unresolved"]),
        ("SELECT (SELECT ssn) FROM emp", &["select public.emp(ssn!)"]),
        ("SELECT 1 FROM emp, (SELECT ssn) s", &["opaque unresolved"]),
        (
            "SELECT 1 FROM emp, LATERAL (SELECT ssn) s",
            &["select public.emp(ssn!)"],
        ),
        (
            "SELECT g.x FROM emp, unnest(ssn) AS g(x)",
            &["select public.emp(ssn! ssn?)"],
        ),
        (
            "SELECT (SELECT ssn FROM generate_series(1, 2) g) FROM emp",
            &["select public.emp(ssn!)"],
        ),
    ]);
}

#[test]
fn views_and_children_bring_what_they_reach() {
    check(&[
        (
            "SELECT s FROM staff",
            &[
                "select public.staff(s!)",
                "select public.emp(id! ssn!) through staff",
            ],
        ),
        ("SELECT who FROM log", &["select public.log(who!)"]),
        (
            "SELECT who FROM log_1 WHERE at > now()",
            &[
                "select public.log_1(who! at?) where",
                "select public.log(at? who!) where through log_1",
            ],
        ),
    ]);
}

#[test]
fn writes_tell_what_they_write_and_what_flows_into_it() {
    check(&[
        (
            "INSERT INTO emp VALUES (1)",
            &["insert public.emp(id= name= ssn= boss=) where"],
        ),
        (
            "INSERT INTO emp (id) SELECT emp_id FROM hr.pay RETURNING ssn",
            &[
                "insert public.emp(id= ssn!) where",
                "select hr.pay(emp_id~)",
            ],
        ),
        (
            "INSERT INTO emp (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET name = excluded.name || emp.ssn",
            &[
                "insert public.emp(id? id=) where",
                "update public.emp(name= ssn~) where",
            ],
        ),
        (
            "UPDATE emp SET name = ssn WHERE id = 1",
            &["update public.emp(id? name= ssn~) where"],
        ),
        ("UPDATE emp SET name = 'x'", &["update public.emp(name=)"]),
        (
            "UPDATE emp SET (name, boss) = (SELECT iban, 1 FROM hr.pay) WHERE id = 1",
            &[
                "update public.emp(id? name= boss=) where",
                "select hr.pay(iban~)",
            ],
        ),
        (
            "UPDATE emp e SET name = p.iban FROM hr.pay p WHERE p.emp_id = e.id RETURNING *",
            &[
                "update public.emp(id! id? name! name= ssn! boss!) where",
                "select hr.pay(emp_id! emp_id? amount! iban! iban~) where",
            ],
        ),
        ("DELETE FROM emp", &["delete public.emp"]),
        (
            "DELETE FROM emp WHERE ssn = 'x' RETURNING ssn",
            &["delete public.emp(ssn! ssn?) where"],
        ),
        (
            "TRUNCATE emp, hr.pay",
            &["truncate public.emp", "truncate hr.pay"],
        ),
        (
            "MERGE INTO emp e USING hr.pay p ON e.id = p.emp_id WHEN MATCHED AND p.amount > 1 THEN DELETE \
          WHEN NOT MATCHED THEN INSERT (id) VALUES (p.emp_id)",
            &[
                "merge public.emp(id?) where",
                "select hr.pay(emp_id~ emp_id? amount?)",
                "delete public.emp where",
                "insert public.emp(id=) where",
            ],
        ),
        ("INSERT INTO ruled VALUES (1)", &["opaque unsupported"]),
        (
            "SELECT ssn FROM emp FOR UPDATE",
            &["select public.emp(ssn!)", "lock public.emp"],
        ),
    ]);
}

#[test]
fn every_verb_of_a_text_is_told() {
    check(&[
        (
            "WITH d AS (DELETE FROM emp RETURNING ssn) SELECT ssn FROM d",
            &["delete public.emp(ssn!)"],
        ),
        ("EXPLAIN ANALYZE DELETE FROM emp", &["delete public.emp"]),
        ("EXPLAIN SELECT ssn FROM emp", &["select public.emp(ssn!)"]),
        (
            "COPY emp TO STDOUT",
            &["copy_out public.emp(id! name! ssn! boss!)"],
        ),
        (
            "COPY emp (id) FROM STDIN",
            &["copy_in public.emp(id=) where"],
        ),
        (
            "COPY emp (id) TO '/tmp/x'",
            &["copy_out file /tmp/x", "copy_out public.emp(id! id~)"],
        ),
        (
            "COPY emp FROM PROGRAM 'id'",
            &[
                "copy_in program id",
                "copy_in public.emp(id= name= ssn= boss=) where",
            ],
        ),
        (
            "COPY (DELETE FROM emp RETURNING ssn) TO STDOUT",
            &["copy_out database", "delete public.emp(ssn!)"],
        ),
        (
            "CREATE TABLE t AS SELECT ssn FROM emp",
            &["create public.t where", "select public.emp(ssn~)"],
        ),
        (
            "SELECT ssn INTO t FROM emp",
            &["create public.t where", "select public.emp(ssn! ssn~)"],
        ),
        (
            "CREATE TEMP TABLE t AS SELECT ssn FROM emp",
            &["create pg_temp.t where", "select public.emp(ssn~)"],
        ),
        (
            "CREATE VIEW hr.v AS SELECT ssn FROM emp",
            &["create hr.v where", "select public.emp(ssn~)"],
        ),
        (
            "PREPARE p AS SELECT ssn FROM emp",
            &["select public.emp(ssn!)"],
        ),
        ("EXECUTE p", &["opaque dynamic"]),
        ("CREATE TABLE t AS EXECUTE p", &["opaque dynamic"]),
        ("DO $$ BEGIN DELETE FROM emp; END $$", &["opaque dynamic"]),
        ("CALL archive(1)", &["call public.archive()"]),
        (
            "DECLARE c CURSOR FOR SELECT ssn FROM emp",
            &["select public.emp(ssn! ssn~)"],
        ),
        ("FETCH ALL FROM c", &[]),
        ("BEGIN; COMMIT", &[]),
        ("SHOW search_path", &[]),
        (
            "SET statement_timeout = 1",
            &["set setting statement_timeout"],
        ),
        ("SET ROLE boss", &["set setting role"]),
        ("RESET ALL", &["set setting all"]),
        ("DISCARD ALL", &["set setting all"]),
        ("LISTEN c", &["notify channel c"]),
        ("PREPARE TRANSACTION 'two'", &["lock transaction two"]),
        ("COMMIT PREPARED 'two'", &["lock transaction two"]),
        ("ROLLBACK PREPARED 'two'", &["lock transaction two"]),
        ("NOTIFY c, 'x'", &["notify channel c"]),
        ("UNLISTEN *", &[]),
        (
            "SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL",
            &["set setting all"],
        ),
        (
            "SELECT pg_advisory_lock(1)",
            &["call pg_catalog.pg_advisory_lock()"],
        ),
        ("LOCK TABLE emp", &["lock public.emp where"]),
        ("LOCK TABLE emp IN SHARE MODE", &["lock public.emp where"]),
        (
            "LOCK TABLE emp IN ACCESS SHARE MODE",
            &["select public.emp where"],
        ),
        ("VACUUM emp", &["maintain public.emp where"]),
        ("VACUUM", &["maintain database"]),
        ("CHECKPOINT", &["maintain database"]),
        ("GRANT SELECT ON emp TO app", &["grant public.emp where"]),
        ("GRANT boss TO app", &["grant role boss", "grant role app"]),
        (
            "ALTER TABLE emp OWNER TO app",
            &["alter public.emp where", "grant public.emp where"],
        ),
        ("CREATE ROLE x SUPERUSER", &["grant role x"]),
        ("ALTER ROLE app SUPERUSER", &["grant role app"]),
        (
            "DROP TABLE emp, hr.pay",
            &["drop public.emp where", "drop hr.pay where"],
        ),
        (
            "DROP TABLE IF EXISTS nothing",
            &["drop public.nothing where"],
        ),
        ("DROP SCHEMA hr CASCADE", &["drop schema hr"]),
        ("DROP FUNCTION archive(int)", &["drop public.archive()"]),
        (
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            &["create public.f()"],
        ),
        ("CREATE EXTENSION dblink", &["create extension dblink"]),
        (
            "CREATE INDEX i ON emp (ssn)",
            &["create index i", "alter public.emp where"],
        ),
        (
            "CREATE TRIGGER t BEFORE INSERT ON emp EXECUTE FUNCTION archive()",
            &[
                "create trigger t",
                "alter public.emp(id~ name~ ssn~ boss~) where",
            ],
        ),
        (
            "ALTER SYSTEM SET archive_command = 'x'",
            &["alter system archive_command"],
        ),
        (
            "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p",
            &["create subscription s"],
        ),
        (
            "CREATE SCHEMA s CREATE TABLE t (a int)",
            &["create schema s", "create s.t where"],
        ),
    ]);
}

#[test]
fn verbs_come_in_order_and_once() {
    let facts = facts(
        "WITH d AS (DELETE FROM emp RETURNING id) INSERT INTO hr.pay (emp_id) SELECT id FROM d",
    );
    assert_eq!(facts.verbs, [Verb::Delete, Verb::Insert]);
}

#[test]
fn functions_are_harmless_or_told() {
    check(&[
        ("SELECT lower('A'), now(), random()", &[]),
        ("SELECT nextval('seq')", &["call pg_catalog.nextval()"]),
        ("SELECT archive(1)", &["call public.archive()"]),
        ("SELECT dblink('x')", &["call public.dblink()"]),
        ("SELECT similarity('a', 'b')", &[]),
        ("SELECT leak('a')", &["call public.leak()"]),
        ("SELECT 'a' % 'b'", &[]),
        ("SELECT 'a' <<< 'b'", &["call public.leak()"]),
        ("SELECT 1 + 1", &[]),
        ("SELECT 1 OPERATOR(hr.+) 1", &["call hr.raise()"]),
        ("SELECT nothing(1)", &["opaque unresolved"]),
        // An exact match of argument types in a later schema wins over a coercion in pg_catalog.
        ("SELECT upper('a')", &["call public.upper()"]),
        ("SELECT pg_catalog.upper('a')", &[]),
        ("SELECT * FROM archive(1)", &["call public.archive()"]),
        (
            "SELECT archive(id) FROM emp",
            &["select public.emp(id! id~)", "call public.archive()"],
        ),
    ]);
    let snapshot = snapshot();
    let session = super::session(&snapshot);
    let call = |oid| told(&analyse_call(oid, &session, &snapshot));
    assert_eq!(call(1), Vec::<String>::new());
    assert_eq!(call(9), ["call pg_catalog.pg_read_file()"]);
    assert_eq!(call(99), ["opaque unresolved"]);
}

#[test]
fn what_a_definition_takes_from_a_column_is_told() {
    check(&[
        (
            "ALTER TABLE emp ADD COLUMN copy text GENERATED ALWAYS AS (ssn) STORED",
            &["alter public.emp(ssn~) where"],
        ),
        (
            "ALTER TABLE emp ALTER COLUMN name TYPE text USING ssn",
            &["alter public.emp(ssn~) where"],
        ),
        (
            "ALTER TABLE emp ADD CHECK (ssn > 'a')",
            &["alter public.emp(ssn~ ssn?) where"],
        ),
        (
            "ALTER TABLE emp RENAME COLUMN ssn TO harmless",
            &["alter public.emp where", "alter public.emp(ssn~) where"],
        ),
        (
            "CREATE INDEX i ON emp (lower(ssn)) WHERE name > 'a'",
            &["create index i", "alter public.emp(name~ name? ssn~) where"],
        ),
        (
            "ALTER TABLE emp ADD COLUMN other text",
            &["alter public.emp where"],
        ),
        (
            "CREATE INDEX i ON emp (ssn)",
            &["create index i", "alter public.emp where"],
        ),
    ]);
}

#[test]
fn texts_that_carry_credentials_lose_their_literals() {
    let snapshot = snapshot();
    let session = super::session(&snapshot);
    for (text, kept) in [
        (
            "ALTER ROLE app PASSWORD 'pw'",
            "ALTER ROLE app PASSWORD '***'",
        ),
        (
            "CREATE ROLE x LOGIN PASSWORD 'pw'",
            "CREATE ROLE x LOGIN PASSWORD '***'",
        ),
        (
            "CREATE USER MAPPING FOR app SERVER s OPTIONS (user 'u', password 'pw')",
            "CREATE USER MAPPING FOR app SERVER s OPTIONS (user '***', password '***')",
        ),
        (
            "ALTER SUBSCRIPTION s CONNECTION 'password=pw'",
            "ALTER SUBSCRIPTION s CONNECTION '***'",
        ),
        // Opaque: there is no such function here, and no such grammar.
        (
            "SELECT dblink_connect('password=pw')",
            "SELECT dblink_connect('***')",
        ),
        (
            "ALTER ROLE app PASWORD 'pw', password",
            "ALTER ROLE app PASWORD '***', password",
        ),
        // What is only about such a word keeps what it says.
        ("SELECT 'password' FROM emp", "SELECT 'password' FROM emp"),
        (
            "ALTER ROLE app SET work_mem = '1MB'",
            "ALTER ROLE app SET work_mem = '1MB'",
        ),
    ] {
        let facts = crate::analyse(text.as_bytes(), &session, &snapshot);
        let value = model::Parameter::Text("pw".into());
        let statement = facts.statement(text.as_bytes(), [value].into());
        assert_eq!(&*statement.text, kept);
        let is_hidden = kept.contains("***");
        assert_eq!(
            statement.parameters[..] == [model::Parameter::Text("***".into())],
            is_hidden,
            "{text}"
        );
        assert_eq!(statement.fingerprint, model::Digest::of(kept.as_bytes()));
    }
}
