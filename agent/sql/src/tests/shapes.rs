//! The form of statements: whether rows are chosen, how many there may be, and which functions are called.

use model::{Object, Touches, Use};

use super::{facts, told};

#[test]
fn a_where_that_is_always_true_restricts_nothing() {
    let restricted = |condition: &str| {
        let facts = facts(&format!("DELETE FROM emp WHERE {condition}"));
        told(&facts).iter().any(|line| line.ends_with("where"))
    };
    let open = [
        "true",
        "1=1",
        "NOT false",
        "id = id",
        "id >= id",
        "id = id OR ssn = 'x'",
        "ssn = 'x' OR true",
        "true AND 1 < 2",
        "NOT (id = 1 AND false)",
        "emp.id = emp.id",
        "id BETWEEN id AND id",
        "id IN (id)",
        "$1",
        "(SELECT true)",
        "'a' LIKE '%'",
        "now() IS NOT NULL",
        "coalesce(true, false)",
        "(1=1)::bool",
        "id IS NOT NULL OR true",
        "EXISTS (SELECT 1)",
        "current_user = 'app'",
        "emp.id = id",
        "public.emp.id = emp.id",
        "(id, ssn) = (emp.id, ssn)",
        "id + 1 = id + 2",
        "coalesce(id, 0) = coalesce(id, 0)",
        "lower(name) = lower(name::varchar)",
        "id IS NULL OR id IS NOT NULL",
        "id = 1 OR name IS NOT NULL OR name IS NULL",
        "(VALUES (true))",
        "EXISTS (VALUES (1), (2))",
        "1 IN (SELECT 1 UNION SELECT 2)",
        "EXISTS (SELECT FROM generate_series(1, 2))",
        "EXISTS (SELECT FROM (SELECT 1) one)",
    ];
    for condition in open {
        assert!(!restricted(condition), "{condition}");
    }
    let closed = [
        "id = 1",
        "id = $1",
        "id = 1 AND true",
        "id = 1 OR ssn = 'x'",
        "lower(name) = 'x'",
        "id IN (1, 2)",
        "id IN (SELECT emp_id FROM hr.pay)",
        "NOT (id = 1)",
        "name IS NULL",
        "id = boss",
        "EXISTS (SELECT 1 FROM hr.pay WHERE emp_id = id)",
        "EXISTS (SELECT FROM generate_series(1, id))",
        "(VALUES (id)) = 1",
        "id IS NULL OR name IS NOT NULL",
        "id + 1 = boss + 1",
        "lower(name) = upper(name)",
    ];
    for condition in closed {
        assert!(restricted(condition), "{condition}");
    }
}

#[test]
fn an_upsert_of_rows_that_nobody_chose_is_not_restricted() {
    let restricted = |source: &str| {
        let text = format!("INSERT INTO emp {source}");
        let is_update = |line: &&String| line.starts_with("update");
        let told = told(&facts(&text));
        told.iter().find(is_update).unwrap().ends_with("where")
    };
    let update = "ON CONFLICT (id) DO UPDATE SET name = 'x'";
    for source in [
        "SELECT * FROM emp",
        "TABLE emp",
        "SELECT * FROM emp WHERE true",
        "SELECT * FROM (SELECT * FROM emp) e",
        "SELECT emp.* FROM emp, unnest($1::int[]) u",
        "SELECT * FROM emp WHERE id = 1 UNION ALL SELECT * FROM emp",
        "WITH e AS (TABLE emp) SELECT * FROM e",
    ] {
        let own = |condition: &str| format!("{source} {update} WHERE {condition}");
        assert!(!restricted(&format!("{source} {update}")), "{source}");
        assert!(!restricted(&own("true")), "{source}");
        assert!(restricted(&own("emp.id = 1")), "{source}");
    }
    for source in [
        "DEFAULT VALUES",
        "VALUES (1), (2)",
        "SELECT 1 UNION ALL SELECT 2",
        "SELECT * FROM unnest($1::int[])",
        "SELECT * FROM (VALUES (1), (2)) v (id)",
        "SELECT * FROM emp WHERE id = 1",
    ] {
        assert!(restricted(&format!("{source} {update}")), "{source}");
    }
}

#[test]
fn the_shape_has_the_constant_limit_of_a_single_query() {
    let limit = |text: &str| facts(text).shape.limit;
    assert_eq!(limit("SELECT 1 FROM emp LIMIT 10"), Some(10));
    assert_eq!(limit("SELECT 1 FROM emp FETCH FIRST 5 ROWS ONLY"), Some(5));
    assert_eq!(limit("SELECT 1 UNION SELECT 2 LIMIT 3"), Some(3));
    for text in [
        "SELECT 1 FROM emp",
        "SELECT 1 FROM emp -- limit 1",
        "SELECT 1 FROM emp LIMIT $1",
        "SELECT 1 FROM emp LIMIT ALL",
        "SELECT 1 FROM emp ORDER BY 1 FETCH FIRST 5 ROWS WITH TIES",
        "SELECT 1 FROM (SELECT 1 FROM emp LIMIT 1) s",
        "SELECT 1 LIMIT 1; SELECT 1 FROM emp",
    ] {
        assert_eq!(limit(text), None, "{text}");
    }
    assert_eq!(facts("SELECT 1; SELECT 2").shape.statements, 2);
    assert_eq!(facts("-- none").shape.statements, 0);
}

#[test]
fn a_new_relation_has_no_oid_and_an_existing_one_has() {
    let object = |text: &str| match facts(text).touches {
        model::Touches::Known(touches) => touches[0].object.clone(),
        opaque => panic!("{opaque:?}"),
    };
    let Object::Relation(new) = object("CREATE TABLE fresh (a int)") else {
        panic!()
    };
    assert_eq!(new.oid, None);
    let Object::Relation(old) = object("CREATE TABLE IF NOT EXISTS emp (a int)") else {
        panic!()
    };
    assert_eq!(old.oid, Some(20_001));
}

#[test]
fn an_error_may_tell_every_column_of_a_row_that_is_written() {
    let told = |text: &str| -> Vec<String> {
        let Touches::Known(touches) = facts(text).touches else {
            panic!("{text} is opaque");
        };
        let told = touches.iter().flat_map(|touch| {
            let columns = touch.columns.iter().filter(|used| used.how == Use::Told);
            columns.map(|used| format!("{} {}", touch.verb.name(), used.column.name))
        });
        told.collect()
    };
    let emp = |verb: &str| ["id", "name", "ssn", "boss"].map(|name| format!("{verb} {name}"));
    assert_eq!(told("UPDATE emp SET id = NULL WHERE id = 1"), emp("update"));
    assert_eq!(told("DELETE FROM emp WHERE id = 1"), emp("delete"));
    assert_eq!(told("INSERT INTO emp (id) VALUES (1)"), emp("insert"));
    assert_eq!(told("COPY emp (id) FROM STDIN"), emp("copy_in"));
    assert!(told("SELECT * FROM emp").is_empty());
    // Rows of other tables, which foreign keys change along.
    let along = told("DELETE FROM log WHERE at < now()");
    assert!(
        along.contains(&"delete trap".to_owned()) && along.contains(&"delete iban".to_owned()),
        "{along:?}"
    );
    assert!(!told("INSERT INTO log (who) VALUES ('x')").contains(&"insert trap".to_owned()));
    // The row of the table under a view, also where the view does not show all of it.
    assert!(told("DELETE FROM staff WHERE id = 1").contains(&"delete boss".to_owned()));
}

#[test]
fn rows_that_an_insert_lists_are_counted() {
    for (text, rows) in [
        ("INSERT INTO emp (id) VALUES (1)", Some(1)),
        ("INSERT INTO emp (id) VALUES (1), (2), (3)", Some(3)),
        ("INSERT INTO emp DEFAULT VALUES", Some(1)),
        ("INSERT INTO emp (id) SELECT 1", None),
        ("INSERT INTO emp (id) VALUES (1); SELECT 1", None),
        ("SELECT 1", None),
    ] {
        assert_eq!(facts(text).shape.inserted, rows, "{text}");
    }
}

#[test]
fn every_function_that_is_called_is_told_with_its_schema() {
    let called = |text: &str| {
        let functions = facts(text).functions;
        let names = functions.iter().map(|f| format!("{}.{}", f.schema, f.name));
        names.collect::<Vec<_>>().join(" ")
    };
    for (text, functions) in [
        (
            "SELECT lower(name), count(*) FROM emp",
            "pg_catalog.count pg_catalog.lower",
        ),
        // Which of the two it is depends on types.
        (
            "SELECT upper(name) FROM emp",
            "pg_catalog.upper public.upper",
        ),
        ("SELECT pg_catalog.upper(name) FROM emp", "pg_catalog.upper"),
        ("SELECT 1 FROM emp WHERE now() > now()", "pg_catalog.now"),
        ("SELECT archive()", "public.archive"),
        ("SELECT id FROM emp", ""),
    ] {
        assert_eq!(called(text), functions, "{text}");
    }
}
