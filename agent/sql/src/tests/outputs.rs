//! What the output columns of statements are made of.

use model::{Derivation, Outputs};

use super::facts;

/// One line per statement: `name <- emp.ssn emp.name; other <~ emp.ssn`, or `unknown`. `<~`: computed, `<10`: a statistic
/// over at least ten values.
fn lines(text: &str) -> Vec<String> {
    facts(text).outputs.iter().map(line).collect()
}

fn line(outputs: &Outputs) -> String {
    let (outputs, form) = match outputs {
        Outputs::Unknown => return "unknown".to_owned(),
        Outputs::Known(outputs) => (outputs, String::new()),
        Outputs::Copied(outputs, form) => (outputs, format!(" as {form:?}")),
    };
    let outputs = outputs.iter().map(|output| {
        let from = output.from.iter().map(|base| {
            let (relation, column) = (&base.relation, &base.column);
            format!(" {}.{}", relation.name, column.name)
        });
        let how = match output.how {
            Derivation::Plain => "-".to_owned(),
            Derivation::Computed => "~".to_owned(),
            Derivation::Aggregated(least) => least.to_string(),
        };
        format!("{} <{how}{}", output.name, from.collect::<String>())
    });
    outputs.collect::<Vec<_>>().join("; ") + &form
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
            &["ssn <~ emp.ssn; lower <~ emp.name"],
        ),
        (
            "SELECT ssn || name AS both FROM emp",
            &["both <~ emp.name emp.ssn"],
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
        ("SELECT e FROM hr.emp e", &["e <~ emp.secret"]),
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
            &["m <~ pay.iban"],
        ),
        (
            "SELECT CASE WHEN true THEN ssn ELSE name END FROM emp",
            &["name <~ emp.name emp.ssn"],
        ),
        ("SELECT s FROM staff", &["s <~ staff.s emp.id emp.ssn"]),
        ("VALUES (1), (2)", &["column1 <-"]),
        (
            "SELECT v FROM (VALUES ((SELECT ssn FROM emp))) x (v)",
            &["v <~ emp.ssn"],
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
fn only_what_is_not_computed_is_plain() {
    check(&[
        ("SELECT 1 UNION ALL SELECT NULL", &["?column? <-"]),
        (
            "SELECT ssn FROM emp UNION ALL SELECT 'x'",
            &["ssn <- emp.ssn"],
        ),
        (
            "SELECT ssn FROM emp UNION ALL SELECT lower(ssn) FROM emp",
            &["ssn <~ emp.ssn"],
        ),
        (
            "SELECT lower(x) AS l FROM (SELECT ssn AS x FROM emp) s",
            &["l <~ emp.ssn"],
        ),
        (
            "SELECT x FROM (SELECT lower(ssn) AS x FROM emp) s",
            &["x <~ emp.ssn"],
        ),
        ("SELECT (e).ssn FROM emp e", &["ssn <- emp.ssn"]),
        (
            "SELECT ssn COLLATE \"C\" AS c, ssn::text AS t FROM emp",
            &["c <~ emp.ssn; t <~ emp.ssn"],
        ),
        (
            "SELECT ssn FROM emp a FULL JOIN emp b USING (ssn)",
            &["ssn <- emp.ssn"],
        ),
        (
            "SELECT count(ssn), count(*), ssn IS NULL AS n FROM emp",
            &["count <-; count <-; n <-"],
        ),
        (
            "SELECT count(DISTINCT ssn), count(lower(ssn)) FROM emp",
            &["count <~ emp.ssn; count <~ emp.ssn"],
        ),
        ("EXPLAIN SELECT ssn FROM emp", &["QUERY PLAN <-"]),
        (
            "TABLE log_1",
            &["who <- log_1.who log.who; at <- log_1.at log.at"],
        ),
        ("SELECT nullif(ssn, 'x') AS n FROM emp", &["n <~ emp.ssn"]),
    ]);
}

#[test]
fn what_a_recursive_query_adds_is_in_every_column_that_it_reads() {
    check(&[
        (
            "WITH RECURSIVE r (a, b) AS (SELECT 'x', 'y' UNION ALL SELECT e.ssn, r.a FROM emp e, r) SELECT b FROM r",
            &["b <- emp.ssn"],
        ),
        (
            "WITH RECURSIVE r (a, b) AS (SELECT id, ssn FROM emp UNION ALL SELECT e.id, e.ssn FROM emp e JOIN r ON true) SELECT b FROM r",
            &["b <- emp.ssn"],
        ),
    ]);
}

#[test]
fn a_statistic_is_one_over_as_many_values_as_having_demands() {
    check(&[
        (
            "SELECT avg(ssn) FROM emp HAVING count(ssn) >= 10",
            &["avg <10 emp.ssn"],
        ),
        (
            "SELECT name, sum(ssn) FROM emp GROUP BY name HAVING name > 'a' AND count(ssn) > 9",
            &["name <- emp.name; sum <10 emp.ssn"],
        ),
        (
            "SELECT avg(ssn) FROM emp HAVING count(*) >= 10",
            &["avg <~ emp.ssn"],
        ),
        (
            "SELECT avg(ssn) FROM emp HAVING count(name) >= 10",
            &["avg <~ emp.ssn"],
        ),
        (
            "SELECT avg(ssn) FROM emp HAVING count(ssn) >= 10 OR true",
            &["avg <~ emp.ssn"],
        ),
        (
            "SELECT avg(ssn) FROM emp HAVING count(ssn) FILTER (WHERE true) >= 10",
            &["avg <~ emp.ssn"],
        ),
        (
            "SELECT avg(ssn) FILTER (WHERE id = 1) FROM emp HAVING count(ssn) >= 10",
            &["avg <~ emp.ssn"],
        ),
        (
            "SELECT avg(CASE WHEN id = 1 THEN ssn END) FROM emp HAVING count(ssn) >= 10",
            &["avg <~ emp.id emp.ssn"],
        ),
        (
            "SELECT avg(ssn) OVER () FROM emp GROUP BY ssn HAVING count(ssn) >= 10",
            &["avg <~ emp.ssn"],
        ),
        (
            "SELECT max(ssn) FROM emp HAVING count(ssn) >= 10",
            &["max <~ emp.ssn"],
        ),
        (
            "SELECT avg(ssn) + 1 FROM emp HAVING count(ssn) >= 10",
            &["?column? <~ emp.ssn"],
        ),
        (
            "SELECT avg(ssn) FROM emp, generate_series(1, 20) HAVING count(ssn) >= 10",
            &["avg <~ emp.ssn"],
        ),
        (
            "SELECT avg(a.ssn) FROM emp a JOIN emp b ON true HAVING count(a.ssn) >= 10",
            &["avg <~ emp.ssn"],
        ),
        (
            "SELECT avg(s) FROM (SELECT ssn AS s FROM emp) x HAVING count(s) >= 10",
            &["avg <~ emp.ssn"],
        ),
        (
            "WITH w AS (SELECT ssn AS s FROM emp) SELECT avg(s) FROM w HAVING count(s) >= 10",
            &["avg <~ emp.ssn"],
        ),
        (
            "SELECT avg(s) FROM staff HAVING count(s) >= 10",
            &["avg <~ staff.s emp.id emp.ssn"],
        ),
    ]);
}

#[test]
fn a_stream_has_columns_and_a_form() {
    check(&[
        (
            "COPY hr.emp TO STDOUT",
            &["secret <- emp.secret as Text { delimiter: 9, null: \"\\\\N\", header: false }"],
        ),
        (
            "COPY emp (ssn, id) TO STDOUT WITH (FORMAT csv, HEADER, NULL '-', FORCE_QUOTE *)",
            &[
                "ssn <- emp.ssn; id <- emp.id as Csv { delimiter: 44, null: \"-\", header: true, quote: 34, escape: 34 }",
            ],
        ),
        (
            "COPY (SELECT lower(ssn) FROM emp) TO STDOUT (FORMAT binary)",
            &["lower <~ emp.ssn as Binary"],
        ),
        (
            "COPY hr.emp TO STDOUT CSV HEADER DELIMITER ';' QUOTE '''' ESCAPE '\\'",
            &[
                "secret <- emp.secret as Csv { delimiter: 59, null: \"\", header: true, quote: 39, escape: 92 }",
            ],
        ),
        ("COPY hr.emp TO STDOUT (ENCODING 'sjis')", &["unknown"]),
        ("COPY hr.emp TO '/tmp/x'", &["unknown"]),
        ("COPY hr.emp FROM STDIN", &["unknown"]),
    ]);
}

#[test]
fn what_cannot_be_known_is_unknown_and_not_nothing() {
    check(&[
        ("SELECT * FROM generate_series(1, 3)", &["unknown"]),
        ("DECLARE c CURSOR FOR SELECT ssn FROM emp", &["unknown"]),
        ("PREPARE p AS SELECT ssn FROM emp", &["unknown"]),
        ("SHOW search_path", &["unknown"]),
    ]);
}
