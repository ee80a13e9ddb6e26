//! What statements touch.

use model::{Outputs, Touches, Use, Verb};

use super::{Catalog, analyse, check, facts, session, told};

#[test]
fn plain_columns_are_shown_and_expressions_are_derived() {
    check(&[
        ("", &[]),
        ("-- nothing\n# nothing\n/* at all */ ;", &[]),
        ("SELECT 1", &[]),
        ("SELECT 1 FROM DUAL", &[]),
        ("SELECT ssn FROM emp", &["select app.emp(ssn!)"]),
        ("select `ssn` from `emp`", &["select app.emp(ssn!)"]),
        ("SELECT SSN FROM app.emp", &["select app.emp(ssn!)"]),
        ("SELECT e.ssn AS x FROM emp e", &["select app.emp(ssn!)"]),
        ("SELECT app.emp.ssn FROM emp", &["select app.emp(ssn!)"]),
        (
            "SELECT * FROM emp",
            &["select app.emp(id! name! ssn! boss!)"],
        ),
        (
            "SELECT e.*, 1 FROM emp e",
            &["select app.emp(id! name! ssn! boss!)"],
        ),
        ("TABLE emp", &["select app.emp(id! name! ssn! boss!)"]),
        ("SELECT (ssn) FROM emp", &["select app.emp(ssn~)"]),
        ("SELECT LOWER(ssn) FROM emp", &["select app.emp(ssn~)"]),
        (
            "SELECT concat(name, ssn), id FROM emp",
            &["select app.emp(id! name~ ssn~)"],
        ),
        (
            "SELECT ssn, ssn + 0 FROM emp",
            &["select app.emp(ssn! ssn~)"],
        ),
        ("SELECT count(*) FROM emp", &["select app.emp"]),
        (
            "SELECT CASE WHEN ssn > 'a' THEN 1 ELSE name END FROM emp",
            &["select app.emp(name~ ssn~)"],
        ),
        (
            "SELECT CAST(ssn AS CHAR), CONVERT(name USING utf8mb4) FROM emp",
            &["select app.emp(name~ ssn~)"],
        ),
        (
            "SELECT substring(ssn, 1, 3), trim(name) FROM emp",
            &["select app.emp(name~ ssn~)"],
        ),
        (
            "SELECT ssn FROM emp UNION ALL SELECT name FROM emp",
            &["select app.emp(name~ ssn~)"],
        ),
        ("(SELECT ssn FROM emp)", &["select app.emp(ssn!)"]),
        ("SELECT ssn FROM emp; SELECT 1", &["select app.emp(ssn~)"]),
        (
            "SELECT s.ssn FROM (SELECT * FROM emp) s",
            &["select app.emp(id~ name~ ssn~ boss~)"],
        ),
        (
            "SELECT x.b FROM (SELECT ssn, id FROM emp) x (a, b)",
            &["select app.emp(id~ ssn~)"],
        ),
        ("SELECT @a := ssn FROM emp", &["select app.emp(ssn~)"]),
        ("SELECT @a, @@version, @@session.sql_mode", &[]),
        (
            "SELECT name->'$.a', ssn->>'$.b' FROM emp",
            &["select app.emp(name~ ssn~)"],
        ),
        (
            "SELECT id DIV 2, id % 2, id & 1, id << 1, ~id FROM emp",
            &["select app.emp(id~)"],
        ),
        (
            "SELECT group_concat(name ORDER BY ssn SEPARATOR ',') FROM emp",
            &["select app.emp(name~ ssn?)"],
        ),
        (
            "SELECT row_number() OVER (PARTITION BY boss ORDER BY ssn) FROM emp",
            &["select app.emp(ssn? boss?)"],
        ),
        (
            "SELECT id FROM emp WHERE MATCH (name) AGAINST ('x')",
            &["select app.emp(id! name?) where"],
        ),
        (
            "SELECT j.a FROM emp, JSON_TABLE(ssn, '$[*]' COLUMNS (a INT PATH '$')) AS j",
            &["select app.emp(ssn~)"],
        ),
        (
            "SELECT date_add(name, INTERVAL id DAY) FROM emp",
            &["select app.emp(id~ name~)"],
        ),
        (
            "SELECT _utf8mb4'x', N'y', x'41', 0x41, b'1', 1.5e3, .5",
            &[],
        ),
        (
            "SELECT utc_date, current_date, now(), current_timestamp(6)",
            &[],
        ),
        (
            "SELECT STRAIGHT_JOIN SQL_CALC_FOUND_ROWS id FROM emp",
            &["select app.emp(id!)"],
        ),
        (
            "SELECT id FROM emp USE INDEX (i) WHERE id = 1",
            &["select app.emp(id! id?) where"],
        ),
    ]);
}

#[test]
fn what_decides_about_rows_is_filtered() {
    check(&[
        (
            "SELECT 1 FROM emp WHERE ssn = 'x'",
            &["select app.emp(ssn?) where"],
        ),
        (
            "SELECT id FROM emp ORDER BY ssn",
            &["select app.emp(id! ssn?)"],
        ),
        (
            "SELECT id, ssn FROM emp ORDER BY 2",
            &["select app.emp(id! ssn! ssn?)"],
        ),
        (
            "SELECT name AS ssn FROM emp ORDER BY ssn",
            &["select app.emp(name! name? ssn?)"],
        ),
        (
            "SELECT ssn AS x FROM emp ORDER BY x + 1",
            &["select app.emp(ssn! ssn?)"],
        ),
        (
            "SELECT ssn AS x, count(*) FROM emp GROUP BY x",
            &["select app.emp(ssn! ssn?)"],
        ),
        (
            "SELECT boss FROM emp GROUP BY boss WITH ROLLUP HAVING max(ssn) > 'a'",
            &["select app.emp(ssn? boss! boss?)"],
        ),
        (
            "SELECT ssn AS x FROM emp HAVING x > 'a'",
            &["select app.emp(ssn! ssn?)"],
        ),
        (
            "SELECT DISTINCT ssn FROM emp",
            &["select app.emp(ssn! ssn?)"],
        ),
        (
            "SELECT ssn FROM emp UNION SELECT iban FROM hr.pay",
            &["select app.emp(ssn~ ssn?)", "select hr.pay(iban~ iban?)"],
        ),
        (
            "SELECT e.id FROM emp e JOIN hr.pay p ON e.ssn = p.iban",
            &["select app.emp(id! ssn?)", "select hr.pay(iban?)"],
        ),
        (
            "SELECT id FROM emp a JOIN emp b USING (id)",
            &["select app.emp(id~ id?)"],
        ),
        (
            "SELECT a.id FROM emp a NATURAL JOIN emp b",
            &["select app.emp(id! id? name? ssn? boss?)"],
        ),
        (
            "SELECT e.id FROM emp e LEFT JOIN hr.pay p ON p.emp_id = e.id WHERE p.iban IS NULL",
            &[
                "select app.emp(id! id?) where",
                "select hr.pay(emp_id? iban?) where",
            ],
        ),
        (
            "SELECT 1 FROM emp WHERE id IN (SELECT emp_id FROM hr.pay WHERE amount > 1)",
            &[
                "select app.emp(id?) where",
                "select hr.pay(emp_id? amount?) where",
            ],
        ),
        (
            "SELECT 1 FROM emp e WHERE EXISTS (SELECT 1 FROM hr.pay WHERE iban = e.ssn)",
            &["select app.emp(ssn?) where", "select hr.pay(iban?) where"],
        ),
        (
            "SELECT 1 FROM emp WHERE ssn > ALL (SELECT iban FROM hr.pay)",
            &["select app.emp(ssn?) where", "select hr.pay(iban?)"],
        ),
        (
            "SELECT 1 FROM emp WHERE name LIKE 'a%' OR name RLIKE 'b' OR ssn BETWEEN 1 AND 2",
            &["select app.emp(name? ssn?) where"],
        ),
        (
            "SELECT count(*) FROM emp WINDOW w AS (ORDER BY ssn)",
            &["select app.emp(ssn?)"],
        ),
        (
            "SELECT id FROM emp FOR UPDATE",
            &["select app.emp(id!)", "lock app.emp"],
        ),
        (
            "SELECT id FROM emp WHERE id = 1 LOCK IN SHARE MODE",
            &["select app.emp(id! id?) where", "lock app.emp where"],
        ),
    ]);
}

#[test]
fn names_mean_what_the_server_would_take_them_for() {
    check(&[
        ("WITH emp AS (SELECT 1 AS ssn) SELECT ssn FROM emp", &[]),
        (
            "WITH x (a) AS (SELECT ssn FROM emp) SELECT a FROM x",
            &["select app.emp(ssn~)"],
        ),
        (
            "WITH emp AS (SELECT 1 AS ssn) SELECT ssn FROM app.emp",
            &["select app.emp(ssn!)"],
        ),
        (
            "WITH RECURSIVE r AS (SELECT boss FROM emp UNION ALL SELECT boss + 1 FROM r) SELECT boss FROM r",
            &["select app.emp(boss~ boss?)"],
        ),
        (
            "WITH RECURSIVE a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a",
            &["opaque unresolved"],
        ),
        ("SELECT secret FROM hr.emp", &["select hr.emp(secret!)"]),
        ("SELECT ssn FROM nothing", &["opaque unresolved"]),
        ("SELECT nothing FROM emp", &["opaque unresolved"]),
        ("SELECT emp.ssn FROM emp e", &["opaque unresolved"]),
        ("SELECT id FROM emp a, emp b", &["opaque unresolved"]),
        ("SELECT ctid FROM emp", &["opaque unresolved"]),
        ("SELECT x.y.z.ssn FROM emp", &["opaque unresolved"]),
        ("SELECT (SELECT ssn) FROM emp", &["select app.emp(ssn~)"]),
        (
            "SELECT 1 FROM emp, LATERAL (SELECT ssn) s",
            &["select app.emp(ssn~)"],
        ),
        ("SELECT 1 FROM emp, (SELECT ssn) s", &["opaque unresolved"]),
        // Case: of columns and aliases never, of tables where nothing else has the name.
        ("SELECT sSn FROM EMP", &["select app.emp(ssn!)"]),
        ("SELECT E.ssn FROM emp e", &["select app.emp(ssn!)"]),
        ("SELECT secret FROM mixed", &["select app.Mixed(Secret!)"]),
        ("SELECT a FROM twin.T", &["select twin.T(a!)"]),
        ("SELECT b FROM twin.t", &["select twin.t(b!)"]),
        (
            "SELECT table_name FROM information_schema.tables",
            &["select information_schema.TABLES(TABLE_NAME!)"],
        ),
        (
            "SELECT authentication_string FROM mysql.user",
            &["select mysql.user(authentication_string!)"],
        ),
    ]);
}

#[test]
fn views_bring_what_they_reach() {
    let all = "(id~ name~ ssn~ boss~)";
    check(&[
        (
            "SELECT s FROM staff",
            &[
                "select app.staff(s!)",
                &format!("select app.emp{all} through staff"),
            ],
        ),
        (
            "SELECT id FROM boss WHERE id = 1",
            &[
                "select app.boss(id! id?) where",
                "select app.staff(id~ s~) where through boss",
                &format!("select app.emp{all} where through boss"),
            ],
        ),
        (
            "DELETE FROM staff WHERE id = 1",
            &[
                "delete app.staff(id?) where",
                &format!("delete app.emp{all} where through staff"),
            ],
        ),
    ]);
}

#[test]
fn writes_tell_what_they_write_and_what_flows_into_it() {
    check(&[
        (
            "INSERT INTO emp VALUES (1, 'a', 'b', 2)",
            &["insert app.emp(id= name= ssn= boss=) where"],
        ),
        (
            "INSERT emp (id, name) VALUES (1, DEFAULT), (2, ?)",
            &["insert app.emp(id= name=) where"],
        ),
        (
            "INSERT IGNORE INTO emp SET id = 1, name = 'x'",
            &["insert app.emp(id= name=) where"],
        ),
        (
            "INSERT INTO emp (id) SELECT emp_id FROM hr.pay",
            &["insert app.emp(id=) where", "select hr.pay(emp_id~)"],
        ),
        (
            "INSERT INTO emp (id) VALUES (1) ON DUPLICATE KEY UPDATE name = VALUES(name), ssn = boss",
            &[
                "insert app.emp(id=) where",
                "update app.emp(name= ssn= boss~) where",
            ],
        ),
        (
            "INSERT INTO emp (id) VALUES (1) AS new ON DUPLICATE KEY UPDATE name = new.name",
            &["insert app.emp(id=) where", "update app.emp(name=) where"],
        ),
        (
            "INSERT INTO emp (id) SELECT emp_id FROM hr.pay ON DUPLICATE KEY UPDATE name = 'x'",
            &[
                "insert app.emp(id=) where",
                "select hr.pay(emp_id~)",
                "update app.emp(name=)",
            ],
        ),
        (
            "INSERT INTO emp (id) VALUES (1) RETURNING ssn",
            &["insert app.emp(id= ssn!) where"],
        ),
        (
            "REPLACE INTO emp (id) VALUES (1)",
            &["insert app.emp(id=) where", "delete app.emp where"],
        ),
        (
            "REPLACE INTO emp SELECT * FROM emp",
            &[
                "insert app.emp(id= name= ssn= boss=) where",
                "select app.emp(id~ name~ ssn~ boss~)",
                "delete app.emp",
            ],
        ),
        (
            "UPDATE emp SET name = ssn WHERE id = 1",
            &["update app.emp(id? name= ssn~) where"],
        ),
        ("UPDATE emp SET name = 'x'", &["update app.emp(name=)"]),
        (
            "UPDATE emp SET name = 'x' ORDER BY ssn LIMIT 1",
            &["update app.emp(name= ssn?)"],
        ),
        (
            "UPDATE emp e JOIN hr.pay p ON p.emp_id = e.id SET e.name = p.iban WHERE p.amount > 1",
            &[
                "update app.emp(id? name=) where",
                "select hr.pay(emp_id? amount? iban~) where",
            ],
        ),
        (
            "UPDATE emp e, hr.pay p SET e.name = 'x', p.amount = 0 WHERE e.id = p.emp_id",
            &["opaque syntax"],
        ),
        (
            "UPDATE emp e JOIN hr.pay p ON p.emp_id = e.id SET name = 'x', amount = 0",
            &[
                "update app.emp(id? name=)",
                "update hr.pay(emp_id? amount=)",
            ],
        ),
        (
            "UPDATE emp SET nothing = 1 WHERE id = 1",
            &["opaque unresolved"],
        ),
        ("DELETE FROM emp", &["delete app.emp"]),
        (
            "DELETE FROM emp WHERE ssn = 'x' LIMIT 1",
            &["delete app.emp(ssn?) where"],
        ),
        (
            "DELETE FROM emp WHERE id = 1 RETURNING ssn",
            &["delete app.emp(id? ssn!) where"],
        ),
        (
            "DELETE e FROM emp e JOIN hr.pay p ON p.emp_id = e.id WHERE p.amount = 0",
            &[
                "delete app.emp(id?) where",
                "select hr.pay(emp_id? amount?) where",
            ],
        ),
        (
            "DELETE FROM e USING emp e JOIN hr.pay p ON p.emp_id = e.id WHERE p.amount = 0",
            &[
                "delete app.emp(id?) where",
                "select hr.pay(emp_id? amount?) where",
            ],
        ),
        (
            "DELETE FROM emp USING emp JOIN hr.pay p ON p.emp_id = emp.id",
            &["delete app.emp(id?)", "select hr.pay(emp_id?)"],
        ),
        (
            "DELETE e, p FROM emp e JOIN hr.pay p ON p.emp_id = e.id",
            &["delete app.emp(id?)", "delete hr.pay(emp_id?)"],
        ),
        ("DELETE x FROM emp e", &["opaque unresolved"]),
        ("TRUNCATE TABLE emp", &["truncate app.emp"]),
        ("TRUNCATE hr.pay", &["truncate hr.pay"]),
    ]);
}

#[test]
fn functions_are_harmless_or_told() {
    check(&[
        (
            "SELECT lower('A'), now(), rand(), database(), last_insert_id()",
            &[],
        ),
        ("SELECT archive(1)", &["call app.archive()"]),
        ("SELECT `soundex`(1), bin(1)", &["call app.soundex()"]),
        ("SELECT hr.raise(1)", &["call hr.raise()"]),
        ("SELECT hr.lower('A')", &["call hr.lower()"]),
        ("SELECT sys_exec('id')", &["call mysql.sys_exec()"]),
        ("SELECT SLEEP(5)", &["call mysql.sleep()"]),
        (
            "SELECT benchmark(1000, md5('a'))",
            &["call mysql.benchmark()"],
        ),
        ("SELECT get_lock('a', 1)", &["call mysql.get_lock()"]),
        (
            "SELECT id FROM emp WHERE id = 1 AND sleep(5)",
            &["select app.emp(id! id?) where", "call mysql.sleep()"],
        ),
        (
            "SELECT archive(ssn) FROM emp",
            &["select app.emp(ssn~)", "call app.archive()"],
        ),
    ]);
}

#[test]
fn a_stored_function_that_is_called_like_the_servers_own_is_not_overlooked() {
    let routine = ("app".to_owned(), "substring".to_owned());
    let catalog = Catalog::new(["app".to_owned()], [], [routine], None);
    let say = |text: &str| told(&analyse(text.as_bytes(), &session(), &catalog));
    assert_eq!(say("SELECT substring ('a', 1)"), ["opaque unsupported"]);
    assert_eq!(say("SELECT lower('a')"), Vec::<String>::new());
}

#[test]
fn a_where_that_is_always_true_restricts_nothing() {
    let restricted = |condition: &str| {
        let told = told(&facts(&format!("DELETE FROM emp WHERE {condition}")));
        assert!(told[0].starts_with("delete"), "{condition}: {told:?}");
        told[0].ends_with("where")
    };
    for condition in [
        "1",
        "true",
        "1=1",
        "NOT false",
        "id = id",
        "id <=> id",
        "emp.id = id",
        "id >= id",
        "id = id OR ssn = 'x'",
        "ssn = 'x' OR 1",
        "ssn = 'x' || 1",
        "true AND 1 < 2",
        "1 && 1",
        "NOT (id = 1 AND false)",
        "id BETWEEN id AND id",
        "id IN (id, 5)",
        "?",
        "(SELECT 1)",
        "'a' LIKE '%'",
        "@a = 1",
        "@a := 1",
        "rand() < 2",
        "EXISTS (SELECT 1)",
        "coalesce(1, 0)",
        "name LIKE name",
        "1 IN (1, 2)",
        "2 > 1 = 1",
    ] {
        assert!(!restricted(condition), "{condition}");
    }
    for condition in [
        "id = 1",
        "id = ?",
        "id = 1 AND 1",
        "id = 1 OR ssn = 'x'",
        "lower(name) = 'x'",
        "id IN (1, 2)",
        "name IS NULL",
        "id IN (SELECT emp_id FROM hr.pay)",
        "NOT (id = 1)",
        "id = boss",
        "id <=> NULL",
        "name LIKE 'a%'",
        "id",
        "EXISTS (SELECT 1 FROM hr.pay WHERE emp_id = id)",
        "(id, name) = (1, 'a')",
        "id BETWEEN 1 AND 5",
    ] {
        assert!(restricted(condition), "{condition}");
    }
}

#[test]
fn the_shape_has_the_constant_limit_of_a_single_query() {
    let limit = |text: &str| facts(text).shape.limit;
    assert_eq!(limit("SELECT id FROM emp LIMIT 10"), Some(10));
    assert_eq!(limit("SELECT id FROM emp LIMIT 5, 10"), Some(10));
    assert_eq!(limit("SELECT id FROM emp LIMIT 10 OFFSET 5"), Some(10));
    assert_eq!(limit("SELECT id FROM emp UNION SELECT 1 LIMIT 3"), Some(3));
    for text in [
        "SELECT id FROM emp",
        "SELECT id FROM emp -- limit 1",
        "SELECT id FROM emp LIMIT ?",
        "SELECT id FROM (SELECT id FROM emp LIMIT 1) s",
        "SELECT 1 LIMIT 1; SELECT id FROM emp",
    ] {
        assert_eq!(limit(text), None, "{text}");
    }
    assert_eq!(facts("SELECT 1; SELECT 2;").shape.statements, 2);
    assert_eq!(facts("-- none").shape.statements, 0);
}

#[test]
fn outputs_name_what_they_are_made_of_unless_a_view_is_between() {
    let output = |text: &str| match &facts(text).outputs[..] {
        [Outputs::Known(columns)] => {
            let told = columns.iter().map(|column| {
                let from = column.from.iter().map(|base| format!("{base:?}"));
                let names = from.filter(|base| base.contains("ssn")).count();
                format!("{}:{names}", column.name)
            });
            told.collect::<Vec<_>>().join(" ")
        }
        other => format!("{other:?}"),
    };
    assert_eq!(
        output("SELECT id, ssn AS x, concat(ssn, id) y FROM emp"),
        "id:0 x:1 y:1"
    );
    assert_eq!(output("SELECT a FROM (SELECT ssn a FROM emp) s"), "a:1");
    assert_eq!(output("SELECT s FROM staff"), "[Unknown]");
    assert_eq!(output("EXPLAIN SELECT ssn FROM emp"), "[Unknown]");
    assert_eq!(facts("SELECT 1; SELECT 2").outputs.len(), 2);
    assert_eq!(
        facts("INSERT INTO emp VALUES (1), (2)").shape.inserted,
        Some(2)
    );
    assert_eq!(
        facts("INSERT INTO emp SELECT * FROM emp").shape.inserted,
        None
    );
}

#[test]
fn verbs_come_in_order_and_once() {
    let facts = facts(
        "DELETE FROM emp WHERE id = 1; INSERT INTO hr.pay SELECT id, id, id FROM emp; DELETE FROM emp",
    );
    assert_eq!(facts.verbs, [Verb::Delete, Verb::Insert, Verb::Select]);
}

#[test]
fn relations_have_no_oid_and_errors_may_tell_a_written_row() {
    let Touches::Known(touches) = facts("UPDATE emp SET id = 1 WHERE id = 2").touches else {
        panic!();
    };
    let model::Object::Relation(relation) = &touches[0].object else {
        panic!();
    };
    assert_eq!(relation.oid, None);
    let told = touches[0]
        .columns
        .iter()
        .filter(|used| used.how == Use::Told);
    assert_eq!(told.count(), 4);
}
