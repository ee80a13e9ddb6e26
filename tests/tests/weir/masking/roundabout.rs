//! Ways around a mask: other forms of the value, questions about it, and names that mean something else by now.

use weir_tests::messages::{error, function_call};

use super::*;

#[test]
fn a_value_in_another_form_is_masked_or_refused() {
    let (_world, mut wire) = world(POWERFUL);
    for sql in [
        // Expressions, functions, casts.
        "SELECT upper(ssn) FROM customers",
        "SELECT ssn || '' FROM customers",
        "SELECT ssn::varchar FROM customers",
        "SELECT CAST(ssn AS text) FROM customers",
        "SELECT ssn COLLATE \"C\" FROM customers",
        "SELECT coalesce(ssn, '') FROM customers",
        "SELECT nullif(ssn, 'x'), greatest(ssn, 'a') FROM customers",
        "SELECT CASE WHEN true THEN ssn END FROM customers",
        "SELECT length(ssn) FROM customers",
        "SELECT md5(ssn) FROM customers",
        "SELECT format('%s', ssn) FROM customers",
        "SELECT ssn = '536-90-4398' FROM customers",
        "SELECT ssn IS NULL FROM customers",
        "SELECT ARRAY[ssn] FROM customers",
        "SELECT ROW(ssn) FROM customers",
        "SELECT ssn::int FROM customers",
        "SELECT 1 / (ssn = 'x')::int FROM customers",
        "SELECT jsonb_build_object('a', ssn) FROM customers",
        "SELECT xmlelement(name a, ssn) FROM customers",
        "SELECT xmlforest(ssn AS x) FROM customers",
        "SELECT generate_series(1, substr(ssn, 1, 3)::int) FROM customers",
        "SELECT set_config('application_name', ssn, false) FROM customers",
        "VALUES ((SELECT ssn FROM customers LIMIT 1))",
        // Aggregates and windows.
        "SELECT max(ssn) FROM customers",
        "SELECT string_agg(ssn, ',') FROM customers",
        "SELECT array_agg(ssn) FROM customers",
        "SELECT json_agg(c) FROM customers c",
        "SELECT json_object_agg(name, ssn) FROM customers",
        "SELECT percentile_disc(0) WITHIN GROUP (ORDER BY ssn) FROM customers",
        "SELECT lag(ssn) OVER () FROM customers",
        "SELECT first_value(ssn) OVER (ORDER BY id) FROM customers",
        // Whole rows.
        "SELECT c FROM customers c",
        "SELECT customers FROM customers",
        "SELECT (c).ssn FROM customers c",
        "SELECT (c).* FROM customers c",
        "SELECT c.*::text FROM customers c",
        "SELECT ROW(c.*) FROM customers c",
        "SELECT row_to_json(c) FROM customers c",
        "SELECT to_jsonb(c) FROM customers c",
        "SELECT concat(c) FROM customers c",
        "SELECT json_populate_record(c, '{}') FROM customers c",
        // Subqueries, CTE, set operations, joins, views.
        "SELECT (SELECT ssn FROM customers LIMIT 1)",
        "SELECT ARRAY(SELECT ssn FROM customers)",
        "SELECT unnest(ARRAY(SELECT ssn FROM customers))",
        "SELECT * FROM (SELECT ssn FROM customers) x",
        "SELECT ssn FROM (TABLE customers) t",
        "WITH x AS (SELECT ssn FROM customers) SELECT * FROM x",
        "WITH x AS MATERIALIZED (TABLE customers) SELECT ssn FROM x",
        "WITH RECURSIVE r (s) AS (SELECT ssn FROM customers UNION ALL SELECT s FROM r WHERE false) \
         SELECT s FROM r",
        "SELECT l.* FROM customers c, LATERAL (SELECT c.ssn) l",
        "SELECT l.* FROM customers c, LATERAL (VALUES (c.ssn)) l",
        "SELECT u FROM customers c, LATERAL unnest(ARRAY[c.ssn]) u",
        "SELECT ssn FROM customers UNION SELECT 'x'",
        "SELECT ssn FROM customers UNION ALL SELECT ssn FROM customers",
        "SELECT ssn FROM customers EXCEPT SELECT 'x'",
        "SELECT ssn FROM customers INTERSECT SELECT ssn FROM customers",
        "SELECT ssn FROM customers a JOIN customers b USING (ssn)",
        "SELECT ssn FROM customers a FULL JOIN customers b USING (ssn)",
        "SELECT * FROM customers a NATURAL JOIN customers b",
        "SELECT * FROM people",
        "SELECT number FROM people",
        "SELECT upper(number) FROM people",
        // What does not come as rows of the table.
        "COPY customers TO STDOUT",
        "COPY customers (ssn) TO STDOUT WITH (FORMAT binary)",
        "COPY (SELECT ssn FROM customers) TO STDOUT",
        "COPY (SELECT * FROM people) TO STDOUT",
        "CREATE TABLE t AS SELECT ssn FROM customers",
        "CREATE TABLE t AS TABLE customers",
        "CREATE TEMP TABLE t AS SELECT ssn AS x FROM customers",
        "SELECT ssn AS x INTO TEMP t FROM customers",
        "CREATE VIEW v AS SELECT ssn AS x FROM customers",
        "CREATE MATERIALIZED VIEW v AS SELECT ssn AS x FROM customers",
        "INSERT INTO orders (id, status) SELECT 99, ssn FROM customers WHERE id = 1",
        "UPDATE orders SET status = (SELECT ssn FROM customers LIMIT 1) WHERE id = 1",
        "UPDATE customers SET city = ssn WHERE id = 1",
        "MERGE INTO orders USING customers c ON false WHEN NOT MATCHED THEN INSERT (id, status) VALUES (9, c.ssn)",
        "DECLARE c CURSOR WITH HOLD FOR SELECT ssn FROM customers",
        "EXPLAIN ANALYZE SELECT upper(ssn) FROM customers",
        "EXPLAIN (ANALYZE, VERBOSE) SELECT ssn FROM customers",
        "EXPLAIN SELECT 1 FROM customers WHERE ssn > '5'",
        // What reads by itself.
        "SELECT tell()",
        "SELECT query_to_xml('SELECT ssn FROM customers', true, true, '')",
        "SELECT table_to_xml('customers', true, true, '')",
        "SELECT database_to_xml(true, true, '')",
        "SELECT cursor_to_xml('c', 9, true, true, '')",
        "SELECT * FROM ts_stat('SELECT to_tsvector(ssn) FROM customers')",
        "DO $$ BEGIN RAISE NOTICE '%', (SELECT ssn FROM customers LIMIT 1); END $$",
        "EXECUTE something",
    ] {
        for answer in in_every_way(&mut wire, sql) {
            let told = told(&answer);
            let is_masked = told.contains("C:") && !told.contains("E:");
            assert!(is_masked || told == "E:42501 Z:I", "{sql}: {told}");
        }
    }
}

#[test]
fn a_question_about_a_value_is_refused() {
    let (_world, mut wire) = world(POWERFUL);
    for sql in [
        "SELECT name FROM customers WHERE ssn = '536-90-4398'",
        "SELECT count(*) FROM customers WHERE ssn LIKE '536%'",
        "SELECT count(*) FILTER (WHERE ssn LIKE '5%') FROM customers",
        "SELECT name FROM customers WHERE customers::text LIKE '%536%'",
        "SELECT name FROM customers c WHERE c > ROW(1, 'Ada', '', '', '', 1)::customers",
        "SELECT name FROM customers WHERE id IN (SELECT id FROM customers WHERE ssn > '5')",
        "SELECT 1 WHERE EXISTS (SELECT FROM customers WHERE ssn > '5')",
        "SELECT a.name FROM customers a JOIN customers b USING (ssn)",
        "SELECT c.name FROM customers c JOIN (VALUES ('5')) v (x) ON c.ssn > v.x",
        "SELECT name FROM customers ORDER BY ssn",
        "SELECT ssn FROM customers ORDER BY 1",
        "SELECT ssn AS x FROM customers ORDER BY x",
        "SELECT * FROM customers ORDER BY 4",
        "SELECT name FROM customers c ORDER BY c",
        "SELECT count(*) FROM customers GROUP BY ssn",
        "SELECT count(*) FROM customers GROUP BY ROLLUP (ssn)",
        "SELECT count(*) FROM customers HAVING max(ssn) > ''",
        "SELECT DISTINCT ssn FROM customers",
        "SELECT DISTINCT ON (ssn) name FROM customers",
        "SELECT id, row_number() OVER (ORDER BY ssn) FROM customers",
        "SELECT id, rank() OVER w FROM customers WINDOW w AS (PARTITION BY ssn)",
        "SELECT string_agg(name, ',' ORDER BY ssn) FROM customers",
        "SELECT name FROM customers LIMIT (SELECT count(*) FROM customers WHERE ssn LIKE '5%')",
        "SELECT 1 / 0 FROM customers WHERE ssn = '536-90-4398'",
        "SELECT name FROM customers WHERE CASE WHEN ssn LIKE '5%' THEN 1 / 0 ELSE 1 END = 1",
        "SELECT name FROM customers WHERE ssn::int > 0",
        "SELECT name FROM people WHERE number LIKE '5%'",
        "UPDATE customers SET visits = 9 WHERE ssn LIKE '5%'",
        "UPDATE customers SET visits = CASE WHEN ssn LIKE '5%' THEN 1 ELSE 2 END WHERE id = 1",
        "DELETE FROM customers WHERE ssn = '536-90-4398'",
        "INSERT INTO customers (id, name, ssn) VALUES (9, 'x', '5') ON CONFLICT (ssn) DO NOTHING",
        "MERGE INTO orders o USING customers c ON c.ssn > '5' WHEN MATCHED THEN DO NOTHING",
        "COPY customers (id) FROM STDIN WHERE ssn > '5'",
        "CREATE INDEX ON customers (id) WHERE ssn > '5'",
    ] {
        for answer in in_every_way(&mut wire, sql) {
            assert_eq!(told(&answer), "E:42501 Z:I", "{sql}");
        }
    }
}

#[test]
fn the_servers_own_notes_on_values_are_refused() {
    let connect = r#"@id("door") permit (principal, action == Action::"connect", resource);"#;
    let world = Plan::new()
        .script("CREATE TABLE customers AS SELECT 'canary-ada' AS ssn FROM generate_series(1, 9); ANALYZE")
        .policy("door.cedar", connect)
        .policy("base.cedar", include_str!("../../../../policies/base.cedar"))
        .gateway()
        .unwrap();
    let mut wire = session(&world);
    for sql in [
        "SELECT * FROM pg_stats",
        "SELECT most_common_vals FROM pg_stats WHERE tablename = 'customers'",
        "SELECT stavalues1 FROM pg_statistic",
        "SELECT query FROM pg_stat_activity",
        "SELECT * FROM pg_largeobject",
        "SELECT rolpassword FROM pg_authid",
    ] {
        for answer in in_every_way(&mut wire, sql) {
            assert_eq!(told(&answer), "E:42501 Z:I", "{sql}");
        }
    }
}

/// Two tables of one name, and only one of them is harmless.
fn two_notes(policy: &str) -> (World, Wire) {
    let world = Plan::new()
        .script(
            "CREATE TABLE notes (id int, body text);
             INSERT INTO notes VALUES (1, 'buy milk');
             CREATE SCHEMA vault;
             CREATE TABLE vault.notes (id int, body text);
             INSERT INTO vault.notes VALUES (1, 'canary-ada');
             CREATE FUNCTION go() RETURNS text LANGUAGE sql AS
               'SELECT set_config(''search_path'', ''vault'', false)';",
        )
        .classes(
            "[classes.secret]\ndescription = \"The vault.\"\nmask = \"redact\"\n\
             columns = [\"*/*.vault.notes.body\"]\n",
        )
        .policy("door.cedar", weir_tests::shop::DOOR)
        .policy("rules.cedar", policy)
        .gateway()
        .unwrap();
    let wire = session(&world);
    (world, wire)
}

const HARMLESS: &str = "SELECT body FROM notes";

#[test]
fn a_search_path_that_changes_within_a_batch_misleads_nobody() {
    let policy = format!(
        "{POWERFUL}\n@id(\"calls\") permit (principal, action == Action::\"call\", resource);"
    );
    let (world, mut wire) = two_notes(&policy);
    wire.send(&query(HARMLESS)).unwrap();
    assert_eq!(rows(&wire.until_ready().unwrap()), [["buy milk"]]);
    for change in [
        "SET search_path = vault",
        "SET LOCAL search_path = vault",
        "SET search_path TO 'vault', public",
        "SELECT set_config('search_path', 'vault', false)",
        "SELECT set_config('search_' || 'path', 'vault', false)",
        "SELECT go()",
        "SELECT * FROM go()",
        "SELECT body, go() FROM notes",
        "WITH x AS (SELECT go()) SELECT * FROM x",
        "ALTER SCHEMA public RENAME TO elsewhere",
        "ALTER TABLE notes RENAME TO elsewhere",
    ] {
        let batches = [
            query(&format!("{change}; {HARMLESS}")),
            query(&format!("BEGIN; {change}; {HARMLESS}; ROLLBACK")),
            [
                query("BEGIN"),
                query(change),
                query(HARMLESS),
                query("ROLLBACK"),
            ]
            .concat(),
            [query(change), query(HARMLESS)].concat(),
            [extended(change, &[], 0), extended(HARMLESS, &[], 0), sync()].concat(),
            [
                parse("change", change),
                parse("look", HARMLESS),
                bind("", "change", &[], 0),
                execute(""),
                bind("", "look", &[], 0),
                execute(""),
                sync(),
            ]
            .concat(),
            [
                query("BEGIN"),
                query("SAVEPOINT s"),
                query(change),
                query("ROLLBACK TO s"),
                query(change),
                query(HARMLESS),
                query("ROLLBACK"),
            ]
            .concat(),
            [
                parse("early", HARMLESS),
                sync(),
                query(change),
                bind("", "early", &[], 1),
                execute(""),
                sync(),
            ]
            .concat(),
        ];
        for batch in batches {
            let mut wire = session(&world);
            wire.send(&batch).unwrap();
            wire.finish().unwrap();
            assert_nothing_leaks(&wire.until_end().unwrap(), change);
        }
    }
}

#[test]
fn a_search_path_of_the_login_counts() {
    let (world, _) = two_notes(POWERFUL);
    for (name, value) in [
        ("options", "-c search_path=vault"),
        ("options", "-csearch_path=vault"),
        ("options", "--search-path=vault"),
        ("search_path", "vault"),
    ] {
        let mut wire = world.wire("somebody").unwrap();
        let login = [("user", "postgres"), ("database", "app"), (name, value)];
        wire.send(&weir_tests::startup(&login)).unwrap();
        wire.until_ready().unwrap();
        for answer in in_every_way(&mut wire, HARMLESS) {
            assert!(told(&answer).ends_with("Z:I"), "{}", told(&answer));
        }
    }
}

#[test]
fn a_definition_that_is_not_committed_misleads_nobody() {
    let (world, _) = world(POWERFUL);
    for script in [
        &[
            "ALTER TABLE customers RENAME name TO x",
            "ALTER TABLE customers RENAME ssn TO name",
            "SELECT name FROM customers",
        ][..],
        &[
            "ALTER TABLE customers RENAME ssn TO city2",
            "SELECT city2 FROM customers",
        ],
        &[
            "ALTER TABLE customers RENAME TO c2",
            "SELECT ssn FROM c2",
            "TABLE c2",
        ],
        &[
            "ALTER TABLE customers RENAME TO c2",
            "ALTER TABLE orders RENAME TO customers",
            "ALTER TABLE c2 RENAME TO orders",
            "SELECT * FROM orders",
        ],
        &[
            "ALTER TABLE customers SET SCHEMA pg_temp",
            "SELECT ssn FROM customers",
        ],
        &["ALTER TABLE orders ADD ssn2 text", "SELECT * FROM orders"],
        &[
            "CREATE TEMP TABLE customers (id int)",
            "SELECT ssn FROM public.customers",
            "SELECT * FROM customers",
        ],
        &[
            "CREATE TEMP VIEW orders AS SELECT 1 AS id",
            "SELECT * FROM orders",
        ],
        &[
            "DROP TABLE orders",
            "ALTER TABLE customers RENAME TO orders",
            "SELECT * FROM orders",
        ],
        &[
            "CREATE TABLE heir () INHERITS (customers)",
            "SELECT * FROM heir",
            "SELECT * FROM customers",
        ],
        &[
            "CREATE TABLE twin (LIKE customers)",
            "INSERT INTO twin SELECT * FROM customers",
            "SELECT * FROM twin",
        ],
    ] {
        let mut wire = session(&world);
        let mut step = |sql: &str| {
            wire.send(&query(sql)).unwrap();
            let answer = wire.until_ready().unwrap();
            assert_nothing_leaks(&answer, &format!("{script:?}: {sql}"));
        };
        step("BEGIN");
        step("SAVEPOINT s");
        for sql in script {
            step(sql);
            step("SAVEPOINT s");
        }
        step("ROLLBACK");
        // And all of it at once.
        let text = format!("BEGIN; {}; ROLLBACK", script.join("; "));
        step(&text);
        step("ROLLBACK");
        let mut batch: Vec<u8> = script
            .iter()
            .flat_map(|sql| extended(sql, &[], 0))
            .collect();
        // What fails at the end undoes all of it.
        batch.extend([extended("SELECT 1 / 0", &[], 0), sync()].concat());
        wire.send(&batch).unwrap();
        assert_nothing_leaks(&wire.until_ready().unwrap(), &text);
    }
}

#[test]
fn a_name_means_what_the_server_last_took_it_for() {
    let (world, _) = world(POWERFUL);
    let masked = "SELECT ssn FROM customers WHERE id = 1";
    let harmless = "SELECT name FROM customers WHERE id = 1";
    let failing = [
        parse("f", "SELECT 1 / 0"),
        bind("", "f", &[], 0),
        execute(""),
    ]
    .concat();
    let run = [bind("", "s", &[], 0), execute(""), sync()].concat();
    for (what, before) in [
        (
            "closed and taken again after a failure",
            [
                parse("s", masked),
                sync(),
                failing.clone(),
                close('S', "s"),
                parse("s", harmless),
                sync(),
            ]
            .concat(),
        ),
        (
            "taken after a failure",
            [
                parse("s", masked),
                sync(),
                failing.clone(),
                parse("s", harmless),
                sync(),
            ]
            .concat(),
        ),
        (
            "taken twice",
            [parse("s", masked), parse("s", harmless), sync()].concat(),
        ),
        (
            "closed by SQL in a text that fails",
            [
                parse("s", masked),
                sync(),
                query("BEGIN; DEALLOCATE s; SELECT 1 / 0"),
                query("ROLLBACK"),
                parse("s", harmless),
                sync(),
            ]
            .concat(),
        ),
        (
            "closed by SQL and taken by SQL",
            [
                parse("s", harmless),
                sync(),
                query("DEALLOCATE s"),
                query(&format!("PREPARE s AS {masked}")),
            ]
            .concat(),
        ),
        (
            "discarded, then taken by SQL",
            [
                parse("s", harmless),
                sync(),
                query("DISCARD ALL"),
                query(&format!("PREPARE s AS {masked}")),
            ]
            .concat(),
        ),
    ] {
        let mut wire = session(&world);
        wire.send(&[before, run.clone()].concat()).unwrap();
        wire.finish().unwrap();
        assert_nothing_leaks(&wire.until_end().unwrap(), what);
    }
}

#[test]
fn a_portal_shows_what_it_was_bound_to() {
    let (world, _) = world(POWERFUL);
    let masked = "SELECT ssn FROM customers";
    let harmless = "SELECT name FROM customers";
    let mut wire = session(&world);
    let batch = [
        query("BEGIN"),
        parse("m", masked),
        parse("h", harmless),
        bind("p", "m", &[], 0),
        execute_rows("p", 1),
        // The name is taken, so this fails, and the portal stays what it was for nobody.
        bind("p", "h", &[], 0),
        execute("p"),
        sync(),
        query("ROLLBACK"),
        query("BEGIN"),
        bind("p", "m", &[], 0),
        describe('P', "p"),
        parse("m2", "SELECT 1"),
        close('S', "m"),
        parse("m", harmless),
        execute_rows("p", 1),
        close('P', "p"),
        bind("p", "m", &[], 0),
        execute("p"),
        bind("", "m", &[], 0),
        sync(),
        query("FETCH ALL FROM p"),
        query("ROLLBACK"),
    ];
    wire.send(&batch.concat()).unwrap();
    wire.finish().unwrap();
    let answer = wire.until_end().unwrap();
    assert_nothing_leaks(&answer, "portals");
    let shown: Vec<_> = rows(&answer).concat();
    assert_eq!(
        shown,
        ["***-**-4399", "***-**-4399", "Ada", "Grace", "Nobody"],
        "{}",
        told(&answer)
    );
}

#[test]
fn a_function_call_message_shows_nothing() {
    let (world, mut wire) = world(POWERFUL);
    let oid = world
        .database()
        .run("app", "SELECT 'tell'::regproc::oid")
        .unwrap();
    wire.send(&function_call(oid.trim().parse().unwrap(), &[]))
        .unwrap();
    let answer = wire.until_ready().unwrap();
    assert_nothing_leaks(&answer, "tell()");
    assert!(
        error(&answer)
            .field('M')
            .contains("nobody permits call on function")
    );
}

#[test]
fn a_table_that_is_made_anew_is_masked_under_its_new_number() {
    let (world, mut wire) = world(ANALYST);
    for answer in in_every_way(&mut wire, "SELECT ssn FROM customers") {
        assert!(told(&answer).contains("C:SELECT_3"));
    }
    // By somebody else, past the agent: nothing tells the agent of it.
    world
        .database()
        .run(
            "app",
            "BEGIN; DROP VIEW people; CREATE TABLE c2 AS TABLE customers; DROP TABLE customers CASCADE; \
             ALTER TABLE c2 RENAME TO customers; COMMIT",
        )
        .unwrap();
    for sql in [
        "SELECT ssn FROM customers",
        "SELECT * FROM customers",
        "TABLE customers",
    ] {
        for bytes in [query(sql), [extended(sql, &[], 1), sync()].concat()] {
            let mut wire = session(&world);
            wire.send(&bytes).unwrap();
            assert_nothing_leaks(&wire.until_ready().unwrap(), sql);
        }
    }
}
