//! What the output columns of statements are made of.

use model::Outputs;

use super::facts;

/// One line per statement: `name <- emp.ssn emp.name; other <-`, or `unknown`.
fn lines(text: &str) -> Vec<String> {
    facts(text).outputs.iter().map(line).collect()
}

fn line(outputs: &Outputs) -> String {
    let Outputs::Known(outputs) = outputs else {
        return "unknown".to_owned();
    };
    let outputs = outputs.iter().map(|output| {
        let from = output.from.iter().map(|base| {
            let (relation, column) = (&base.relation, &base.column);
            format!(" {}.{}", relation.name, column.name)
        });
        format!("{} <-{}", output.name, from.collect::<String>())
    });
    outputs.collect::<Vec<_>>().join("; ")
}

#[track_caller]
fn check(cases: &[(&str, &[&str])]) {
    let mut wrong = String::new();
    for (text, expected) in cases {
        let found = lines(text);
        if found != *expected {
            wrong += &format!("{text}\n  expected {expected:?}\n  but found {found:?}\n");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn columns_are_followed_through_everything_that_carries_them() {
    check(&[
        ("SELECT 1", &["?column? <-"]),
        (
            "SELECT ssn AS x, name FROM emp",
            &["x <- emp.ssn; name <- emp.name"],
        ),
        (
            "SELECT * FROM hr.emp JOIN hr.pay ON true",
            &["secret <- emp.secret; emp_id <- pay.emp_id; amount <- pay.amount; iban <- pay.iban"],
        ),
        (
            "SELECT ssn::int, lower(name) FROM emp",
            &["ssn <- emp.ssn; lower <- emp.name"],
        ),
        (
            "SELECT ssn || name AS both FROM emp",
            &["both <- emp.name emp.ssn"],
        ),
        (
            "SELECT x FROM (SELECT ssn AS x FROM emp) s",
            &["x <- emp.ssn"],
        ),
        (
            "WITH c (y) AS (SELECT ssn FROM emp) SELECT y FROM c",
            &["y <- emp.ssn"],
        ),
        (
            "WITH RECURSIVE r AS (SELECT boss AS b FROM emp UNION SELECT e.id FROM emp e JOIN r ON true) SELECT b FROM r",
            &["b <- emp.id emp.boss"],
        ),
        (
            "SELECT name FROM emp UNION ALL SELECT iban FROM hr.pay",
            &["name <- emp.name pay.iban"],
        ),
        ("SELECT e FROM hr.emp e", &["e <- emp.secret"]),
        (
            "SELECT l.s FROM emp, LATERAL (SELECT ssn AS s) l",
            &["s <- emp.ssn"],
        ),
        (
            "SELECT id FROM emp JOIN (SELECT emp_id AS id FROM hr.pay) p USING (id)",
            &["id <- emp.id pay.emp_id"],
        ),
        (
            "SELECT (SELECT max(iban) FROM hr.pay) AS m FROM emp",
            &["m <- pay.iban"],
        ),
        (
            "SELECT CASE WHEN true THEN ssn ELSE name END FROM emp",
            &["name <- emp.name emp.ssn"],
        ),
        ("SELECT s FROM staff", &["s <- staff.s emp.id emp.ssn"]),
        ("VALUES (1), (2)", &["column1 <-"]),
        (
            "SELECT v FROM (VALUES ((SELECT ssn FROM emp))) x (v)",
            &["v <- emp.ssn"],
        ),
        (
            "INSERT INTO emp (id) VALUES (1) RETURNING id, ssn",
            &["id <- emp.id; ssn <- emp.ssn"],
        ),
        ("UPDATE emp SET name = ssn WHERE id = 1", &[""]),
        (
            "DELETE FROM emp WHERE id = 1 RETURNING *",
            &["id <- emp.id; name <- emp.name; ssn <- emp.ssn; boss <- emp.boss"],
        ),
        (
            "SELECT ssn FROM emp; BEGIN; SELECT 2 AS two",
            &["ssn <- emp.ssn", "unknown", "two <-"],
        ),
    ]);
}

#[test]
fn what_cannot_be_known_is_unknown_and_not_nothing() {
    check(&[
        ("SELECT * FROM generate_series(1, 3)", &["unknown"]),
        ("EXPLAIN SELECT ssn FROM emp", &["unknown"]),
        ("DECLARE c CURSOR FOR SELECT ssn FROM emp", &["unknown"]),
        ("PREPARE p AS SELECT ssn FROM emp", &["unknown"]),
        ("COPY emp TO STDOUT", &["unknown"]),
        ("SHOW search_path", &["unknown"]),
    ]);
}
