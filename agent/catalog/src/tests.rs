//! Against a real PostgreSQL: what is loaded, when, and that the facts agree with what the server itself says.

mod server;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use model::{Login, Object, Outputs, Target, Touch, Touches, Use};
use sql::{Session, Snapshot, analyse};

use crate::{Access, Catalog, Credentials, Limits};
use server::Server;

const SCHEMA: &str = r#"
    CREATE SCHEMA hr;
    CREATE TABLE public.emp (gone int, id int PRIMARY KEY, name text, ssn text, boss int);
    ALTER TABLE public.emp DROP COLUMN gone;
    CREATE TABLE hr.pay (emp_id int, amount numeric, "Bank Account" text);
    CREATE TABLE public.log (at timestamptz, who text) PARTITION BY RANGE (at);
    CREATE TABLE public.log_1 PARTITION OF public.log FOR VALUES FROM ('2020-01-01') TO ('2030-01-01');
    CREATE TABLE public.animal (name text);
    CREATE TABLE public.dog (breed text) INHERITS (public.animal);
    CREATE VIEW public.staff AS SELECT id, upper(ssn) AS s FROM public.emp;
    CREATE VIEW public.chiefs AS SELECT s FROM public.staff WHERE id = 1;
    CREATE VIEW public.rows AS SELECT id, to_json(emp) AS j FROM public.emp;
    CREATE MATERIALIZED VIEW public.cache AS SELECT name FROM public.emp;
    CREATE TABLE public.ruled (a int);
    CREATE RULE also AS ON INSERT TO public.ruled DO ALSO SELECT 1;
    CREATE FUNCTION hr.raise(n int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN n; END';
    CREATE ROLE app LOGIN;
    ALTER ROLE app SET search_path = hr, public;
"#;

fn catalog(server: &Server, limits: Limits) -> (Catalog, Target) {
    let role = Credentials {
        user: "postgres".into(),
        password: None,
    };
    let name: Arc<str> = Arc::from("main");
    let credentials = HashMap::from([(name.clone(), Access::Role(role))]);
    let target = Target {
        server: name,
        address: server.address,
    };
    (Catalog::new(Server::dial(), credentials, limits), target)
}

fn login(user: &str) -> Login {
    Login {
        user: user.into(),
        database: "postgres".into(),
        application: None,
        settings: Vec::new(),
    }
}

fn touches(text: &str, session: &Session, snapshot: &Snapshot) -> Vec<Touch> {
    match analyse(text.as_bytes(), session, snapshot).touches {
        Touches::Known(touches) => touches,
        Touches::Opaque(opacity) => panic!("{text}: {opacity:?}"),
    }
}

/// The (table oid, attribute number) of every column that the facts use like one of these.
fn columns(touches: &[Touch], uses: &[Use]) -> BTreeSet<(u32, i16)> {
    let mut columns = BTreeSet::new();
    for touch in touches {
        let Object::Relation(relation) = &touch.object else {
            continue;
        };
        for used in touch.columns.iter().filter(|used| uses.contains(&used.how)) {
            columns.insert((relation.oid.unwrap(), used.column.number.unwrap()));
        }
    }
    columns
}

const QUERIES: &[&str] = &[
    "SELECT * FROM emp",
    "SELECT ssn FROM emp",
    "SELECT ssn AS harmless FROM emp",
    "SELECT e.* FROM emp e",
    "SELECT e.ssn, e.ssn AS again, upper(e.ssn) FROM public.emp e",
    "SELECT public.emp.ssn FROM public.emp",
    "SELECT postgres.public.emp.ssn FROM emp",
    "TABLE emp",
    "(SELECT ssn FROM emp)",
    "SELECT e.a, e.c FROM emp AS e(a, b, c)",
    "SELECT DISTINCT ssn FROM emp ORDER BY 1 LIMIT 3",
    "SELECT DISTINCT ON (name) ssn FROM emp ORDER BY name, id",
    "SELECT ssn, count(*) FROM emp GROUP BY ssn HAVING count(*) > 1",
    "SELECT ssn::text, ssn::varchar, ssn || '', (ssn) FROM emp",
    "SELECT ctid, tableoid, xmin, id FROM emp",
    "SELECT emp FROM emp",
    "SELECT (emp).ssn FROM emp",
    "SELECT (e).* FROM emp e",
    "SELECT row_to_json(emp), emp::text FROM emp",
    "SELECT e.row_to_json FROM emp e",
    "SELECT * FROM emp, hr.pay",
    "SELECT * FROM emp JOIN hr.pay ON id = emp_id",
    "SELECT e.ssn, p.amount FROM emp e LEFT JOIN hr.pay p ON p.emp_id = e.id",
    "SELECT * FROM emp CROSS JOIN hr.pay p",
    "SELECT * FROM emp a JOIN emp b USING (id)",
    "SELECT id, a.id, b.ssn FROM emp a FULL JOIN emp b USING (id)",
    "SELECT * FROM emp a NATURAL JOIN emp b",
    "SELECT j.* FROM (emp a JOIN hr.pay b ON a.id = b.emp_id) AS j",
    "SELECT * FROM (SELECT ssn, id FROM emp) s",
    "SELECT s.x FROM (SELECT ssn FROM emp) AS s(x)",
    "SELECT * FROM emp e, LATERAL (SELECT amount FROM hr.pay WHERE emp_id = e.id) p",
    "WITH c AS (SELECT ssn FROM emp) SELECT * FROM c",
    "WITH c AS MATERIALIZED (SELECT * FROM emp) SELECT ssn FROM c",
    "WITH emp AS (SELECT 1 AS ssn) SELECT ssn FROM emp",
    "WITH emp AS (SELECT * FROM emp) SELECT ssn FROM emp",
    "WITH RECURSIVE r(id, boss) AS (SELECT id, boss FROM emp UNION ALL SELECT e.id, e.boss FROM emp e JOIN r ON e.boss = r.id) SELECT * FROM r",
    "SELECT ssn FROM emp UNION SELECT name FROM emp",
    "SELECT (SELECT ssn FROM emp LIMIT 1), EXISTS (SELECT ssn FROM emp)",
    "SELECT max(ssn), string_agg(ssn, ',' ORDER BY id), array_agg(ssn) FROM emp",
    "SELECT id, row_number() OVER (PARTITION BY ssn ORDER BY name) FROM emp",
    "SELECT CASE WHEN id = 1 THEN ssn END, coalesce(ssn, name), greatest(ssn, name) FROM emp",
    "SELECT * FROM staff",
    "SELECT * FROM chiefs",
    "SELECT * FROM cache",
    "SELECT * FROM log",
    "SELECT who FROM log_1",
    "SELECT * FROM animal",
    "SELECT * FROM dog",
    "SELECT * FROM ONLY animal",
    "SELECT ssn FROM emp TABLESAMPLE system (10)",
    "SELECT \"Bank Account\" FROM hr.pay",
    "SELECT * FROM generate_series(1, 3) AS g(n), emp",
    "SELECT x.* FROM emp, json_each_text(row_to_json(emp)) x",
    "SELECT ssn FROM emp FOR UPDATE",
    "INSERT INTO emp (id, ssn) VALUES (1, 'x') RETURNING *",
    "INSERT INTO emp AS e (id) SELECT emp_id FROM hr.pay ON CONFLICT (id) DO UPDATE SET ssn = excluded.ssn || e.ssn RETURNING e.ssn, id",
    "UPDATE emp SET name = ssn WHERE id = 1 RETURNING name, ssn AS s",
    "UPDATE emp e SET name = p.\"Bank Account\" FROM hr.pay p WHERE p.emp_id = e.id RETURNING *",
    "DELETE FROM emp USING hr.pay p WHERE emp.id = p.emp_id RETURNING p.*, emp.ssn",
    "WITH d AS (DELETE FROM emp WHERE id = 1 RETURNING *) SELECT ssn FROM d",
    "VALUES ((SELECT ssn FROM emp LIMIT 1), 2)",
    "SELECT relname, oid FROM pg_class",
    "SELECT table_name FROM information_schema.tables",
    "EXPLAIN SELECT ssn FROM emp",
    "SHOW search_path",
];

/// The heart: a mask on the wire goes by the place of a column in the result, and what flows there is a fact.
#[tokio::test]
async fn what_the_facts_say_flows_into_a_column_is_what_row_description_names() {
    let server = Server::start();
    let client = server.connect().await;
    client.batch_execute(SCHEMA).await.unwrap();
    let (catalog, target) = catalog(&server, Limits::default());
    let snapshot = catalog.snapshot(&target, "postgres").await.unwrap();
    let session = Session::new(&login("postgres"), &snapshot);
    for query in QUERIES {
        let facts = sql::analyse(query.as_bytes(), &session, &snapshot);
        let statement = client.prepare(query).await.unwrap();
        let [Outputs::Known(outputs)] = &*facts.outputs else {
            continue;
        };
        let described = statement.columns();
        assert_eq!(outputs.len(), described.len(), "{query}");
        for (output, column) in outputs.iter().zip(described) {
            let named = column.table_oid().zip(column.column_id());
            let Some((table, number)) =
                named.filter(|(table, _)| snapshot.relation_by_oid(*table).is_some())
            else {
                continue;
            };
            let is_it = |base: &model::BaseColumn| {
                let (relation, column) = (base.relation.oid, base.column.number);
                (relation, column) == (Some(table), Some(number))
            };
            assert!(output.from.iter().any(is_it), "{query}: {}", column.name());
        }
    }
}

#[tokio::test]
async fn a_snapshot_says_what_the_columns_of_a_view_are_made_of() {
    let server = Server::start();
    let client = server.connect().await;
    client.batch_execute(SCHEMA).await.unwrap();
    client
        .batch_execute(
            "CREATE VIEW made AS
               SELECT e.id, upper(e.ssn) AS loud, 1 AS one, s.x AS inner_ssn, (SELECT max(ssn) FROM emp) AS most
               FROM emp e JOIN (SELECT id, ssn AS x FROM emp) s ON s.id = e.id;
             CREATE VIEW made_of_two AS SELECT ssn FROM emp UNION ALL SELECT lower(name) FROM emp",
        )
        .await
        .unwrap();
    let (catalog, target) = catalog(&server, Limits::default());
    let snapshot = catalog.snapshot(&target, "postgres").await.unwrap();
    let sources = |view: &str, column: &str| {
        let view = snapshot.relation("public", view).unwrap();
        let number = view.column(column).unwrap();
        let sources = snapshot.sources(view.name.oid.unwrap(), number);
        let name = |(oid, number): &(u32, i16)| {
            let relation = snapshot.relation_by_oid(*oid).unwrap();
            let column = relation.column_name(*number).unwrap();
            format!("{}.{column}", relation.name.name)
        };
        let names: Vec<String> = sources.columns.iter().map(name).collect();
        (names.join(" "), sources.plain)
    };
    for (view, column, from, plain) in [
        ("made", "id", "emp.id", true),
        ("made", "loud", "emp.ssn", false),
        ("made", "one", "", false),
        ("made", "inner_ssn", "emp.ssn", true),
        ("made_of_two", "ssn", "emp.name emp.ssn", false),
    ] {
        let expected = (from.to_owned(), plain);
        assert_eq!(sources(view, column), expected, "{view}.{column}");
    }
    // A subquery in an expression is not followed: everything that the view reads may be in it.
    let (most, plain) = sources("made", "most");
    assert!(most.contains("emp.ssn") && !plain, "{most}");
}

/// Columns that the server names and that pass as they are must be maskable, or every plain query would be refused.
#[tokio::test]
async fn plain_columns_are_shown_and_not_merely_derived() {
    let server = Server::start();
    let client = server.connect().await;
    client.batch_execute(SCHEMA).await.unwrap();
    let (catalog, target) = catalog(&server, Limits::default());
    let snapshot = catalog.snapshot(&target, "postgres").await.unwrap();
    let session = Session::new(&login("postgres"), &snapshot);
    for query in &QUERIES[..9] {
        let touches = touches(query, &session, &snapshot);
        let statement = client.prepare(query).await.unwrap();
        for column in statement.columns() {
            if let Some(named) = column.table_oid().zip(column.column_id()) {
                let shown = columns(&touches, &[Use::Shown]);
                assert!(shown.contains(&named), "{query}: {}", column.name());
            }
        }
    }
}

#[tokio::test]
async fn a_snapshot_says_what_views_reach_and_whose_children_tables_are() {
    let server = Server::start();
    let client = server.connect().await;
    client.batch_execute(SCHEMA).await.unwrap();
    let (catalog, target) = catalog(&server, Limits::default());
    let snapshot = catalog.snapshot(&target, "postgres").await.unwrap();
    let reached = |view: &str| -> Vec<(String, Vec<i16>)> {
        let view = snapshot.relation("public", view).unwrap();
        let name = |oid: u32| snapshot.relation_by_oid(oid).unwrap().name.name.to_string();
        view.reaches
            .iter()
            .map(|(oid, columns)| (name(*oid), columns.iter().copied().collect()))
            .collect()
    };
    assert_eq!(reached("staff"), [("emp".to_owned(), vec![2, 4])]);
    assert_eq!(
        reached("chiefs"),
        [
            ("emp".to_owned(), vec![2, 4]),
            ("staff".to_owned(), vec![1, 2])
        ]
    );
    assert_eq!(reached("rows"), [("emp".to_owned(), vec![2, 3, 4, 5])]);
    assert_eq!(reached("cache"), [("emp".to_owned(), vec![3])]);
    let parent = |child: &str| {
        let child = snapshot.relation("public", child).unwrap();
        let parents = snapshot.ancestors(child.name.oid.unwrap());
        parents
            .iter()
            .map(|p| p.name.name.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(parent("log_1"), ["log"]);
    assert_eq!(parent("dog"), ["animal"]);
    assert!(snapshot.relation("public", "ruled").unwrap().rules);
    assert!(!snapshot.relation("public", "staff").unwrap().rules);
    let path = Session::new(&login("app"), &snapshot)
        .settings()
        .path
        .clone();
    assert_eq!(
        path.unwrap().iter().map(|s| &**s).collect::<Vec<_>>(),
        ["hr", "public"]
    );
    let path = Session::new(&login("postgres"), &snapshot)
        .settings()
        .path
        .clone();
    assert_eq!(
        path.unwrap().iter().map(|s| &**s).collect::<Vec<_>>(),
        ["$user", "public"]
    );
}

#[tokio::test]
async fn a_snapshot_is_kept_until_it_is_invalidated_and_unchanged_ones_stay_the_same() {
    let server = Server::start();
    let client = server.connect().await;
    client.batch_execute(SCHEMA).await.unwrap();
    let (catalog, target) = catalog(&server, Limits::default());
    let first = catalog.snapshot(&target, "postgres").await.unwrap();
    client
        .batch_execute("CREATE TABLE public.late (a int)")
        .await
        .unwrap();
    let kept = catalog.snapshot(&target, "postgres").await.unwrap();
    assert!(Arc::ptr_eq(&first, &kept));
    catalog.database(&target, "postgres").invalidate();
    let fresh = catalog.snapshot(&target, "postgres").await.unwrap();
    assert!(fresh.relation("public", "late").is_some());
    assert_ne!(first.version(), fresh.version());
    catalog.database(&target, "postgres").invalidate();
    let same = catalog.snapshot(&target, "postgres").await.unwrap();
    assert!(Arc::ptr_eq(&fresh, &same));
}

#[tokio::test]
async fn an_old_snapshot_is_served_while_a_new_one_is_read() {
    let server = Server::start();
    let client = server.connect().await;
    let (catalog, target) = catalog(&server, Limits::default());
    let first = catalog.snapshot(&target, "postgres").await.unwrap();
    let create = "CREATE TABLE public.late (a int)";
    client.batch_execute(create).await.unwrap();
    let entry = catalog.shared.entry(&target, "postgres");
    let minute_ago = std::time::Instant::now().checked_sub(Duration::from_secs(60));
    crate::lock(&entry.state).loaded.as_mut().unwrap().at = minute_ago.unwrap();
    let served = catalog.snapshot(&target, "postgres").await.unwrap();
    assert!(Arc::ptr_eq(&first, &served));
    let refreshed = catalog.shared.load(&entry).await.unwrap();
    assert!(refreshed.relation("public", "late").is_some());
}

#[tokio::test]
async fn many_askers_cost_one_load() {
    let server = Server::start();
    let (catalog, target) = catalog(&server, Limits::default());
    let asks: Vec<_> = (0..8)
        .map(|_| {
            let (catalog, target) = (catalog.clone(), target.clone());
            tokio::spawn(async move { catalog.snapshot(&target, "postgres").await.unwrap() })
        })
        .collect();
    let mut versions = BTreeSet::new();
    for ask in asks {
        versions.insert(ask.await.unwrap().version());
    }
    assert_eq!(versions.len(), 1);
}

/// Backends of the sessions that read catalogs.
async fn readers(client: &tokio_postgres::Client) -> BTreeSet<i32> {
    let query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'weir catalog'";
    let rows = client.query(query, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn readings_that_follow_each_other_share_a_session_which_ends_when_nobody_reads() {
    let server = Server::start();
    let client = server.connect().await;
    client.batch_execute("CREATE DATABASE other").await.unwrap();
    let (catalog, target) = catalog(&server, Limits::default());
    let other = catalog.database(&target, "other");
    let mut seen = BTreeSet::new();
    for _ in 0..5 {
        other.invalidate();
        other.snapshot().await.unwrap();
        seen.extend(readers(&client).await);
    }
    assert_eq!(seen.len(), 1);
    // The server waits for sessions in a database that is dropped, some seconds.
    client.batch_execute("DROP DATABASE other").await.unwrap();
    assert_eq!(readers(&client).await, BTreeSet::new());
}

#[tokio::test]
async fn a_session_that_the_server_has_ended_is_replaced() {
    let server = Server::start();
    let client = server.connect().await;
    let (catalog, target) = catalog(&server, Limits::default());
    let database = catalog.database(&target, "postgres");
    database.snapshot().await.unwrap();
    for reader in readers(&client).await {
        let end = "SELECT pg_terminate_backend($1, 10000)";
        assert!(
            client
                .query_one(end, &[&reader])
                .await
                .unwrap()
                .get::<_, bool>(0)
        );
    }
    database.invalidate();
    database.snapshot().await.unwrap();
}

#[tokio::test]
async fn a_server_without_a_role_is_named_in_the_error() {
    let dial = Server::dial();
    let catalog = Catalog::new(dial, HashMap::new(), Limits::default());
    let target = Target {
        server: Arc::from("crm"),
        address: "127.0.0.1:1".parse().unwrap(),
    };
    let error = catalog.snapshot(&target, "postgres").await.unwrap_err();
    assert!(error.to_string().contains("crm"), "{error}");
}

#[tokio::test]
async fn a_change_of_what_came_with_the_server_is_seen() {
    let server = Server::start();
    let (catalog, target) = catalog(&server, Limits::default());
    let volatility = |snapshot: &Snapshot| {
        let function = snapshot.functions("md5").next().unwrap();
        function.volatility
    };
    let before = catalog.snapshot(&target, "postgres").await.unwrap();
    assert_eq!(volatility(&before), sql::Volatility::Immutable);
    let client = server.connect().await;
    let change = "ALTER FUNCTION pg_catalog.md5(text) VOLATILE; ALTER FUNCTION pg_catalog.md5(bytea) VOLATILE";
    client.batch_execute(change).await.unwrap();
    catalog.database(&target, "postgres").invalidate();
    let after = catalog.snapshot(&target, "postgres").await.unwrap();
    assert_eq!(volatility(&after), sql::Volatility::Volatile);
}

#[tokio::test]
async fn a_snapshot_says_whose_rows_change_along() {
    let server = Server::start();
    let client = server.connect().await;
    let definitions = "
        CREATE TABLE house (id int PRIMARY KEY);
        CREATE TABLE flat (id int PRIMARY KEY, house int REFERENCES house ON DELETE CASCADE);
        CREATE TABLE tenant (flat int REFERENCES flat ON UPDATE SET NULL);
        CREATE TABLE letter (house int REFERENCES house);
        CREATE TABLE villa (pool int) INHERITS (house)";
    client.batch_execute(definitions).await.unwrap();
    let (catalog, target) = catalog(&server, Limits::default());
    let snapshot = catalog.snapshot(&target, "postgres").await.unwrap();
    let along = |name: &str| {
        let relation = snapshot.relation("public", name).unwrap();
        let along = snapshot.changed_along(relation.name.oid.unwrap());
        let names = along.iter().map(|relation| relation.name.name.to_string());
        names.collect::<BTreeSet<_>>()
    };
    assert_eq!(
        along("house"),
        ["flat", "tenant", "villa"].map(String::from).into()
    );
    assert_eq!(along("flat"), ["tenant"].map(String::from).into());
    assert_eq!(along("letter"), BTreeSet::new());
}

#[tokio::test]
async fn an_aggregate_promises_no_more_than_the_functions_behind_it() {
    let server = Server::start();
    let client = server.connect().await;
    let definitions = "
        CREATE FUNCTION step(int, int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
        CREATE FUNCTION done(int) RETURNS int LANGUAGE sql STABLE AS 'SELECT $1';
        CREATE AGGREGATE wild(int) (SFUNC = step, STYPE = int);
        CREATE AGGREGATE late(int) (SFUNC = int4pl, STYPE = int, FINALFUNC = done);
        CREATE AGGREGATE tame(int) (SFUNC = int4pl, STYPE = int)";
    client.batch_execute(definitions).await.unwrap();
    let (catalog, target) = catalog(&server, Limits::default());
    let snapshot = catalog.snapshot(&target, "postgres").await.unwrap();
    let promise = |name: &str| {
        let function = snapshot.functions(name).next().unwrap();
        (function.volatility, function.language.to_string())
    };
    use sql::Volatility::{Immutable, Stable, Volatile};
    assert_eq!(promise("wild"), (Volatile, "plpgsql".to_owned()));
    assert_eq!(promise("late"), (Stable, "sql".to_owned()));
    assert_eq!(promise("tame"), (Immutable, "internal".to_owned()));
}

#[tokio::test]
async fn nothing_is_at_hand_that_may_not_be_served() {
    let server = Server::start();
    let (catalog, target) = catalog(&server, Limits::default());
    let database = catalog.database(&target, "postgres");
    let at_hand = || database.at_hand(std::time::Instant::now());
    assert!(at_hand().is_none());
    let read = database.snapshot().await.unwrap();
    assert!(at_hand().is_some_and(|snapshot| Arc::ptr_eq(&snapshot, &read)));
    catalog.database(&target, "postgres").invalidate();
    assert!(at_hand().is_none());
}

#[tokio::test]
async fn a_database_that_is_in_use_is_not_forgotten() {
    let limits = Limits {
        databases: 1,
        ..Limits::default()
    };
    let dial = Server::dial();
    let catalog = Catalog::new(dial, HashMap::new(), limits);
    let target = Target {
        server: Arc::from("crm"),
        address: "127.0.0.1:1".parse().unwrap(),
    };
    let used = catalog.database(&target, "used");
    for other in ["a", "b"] {
        drop(catalog.database(&target, other));
    }
    assert!(Arc::ptr_eq(
        &used.entry,
        &catalog.database(&target, "used").entry
    ));
    assert!(crate::lock(&catalog.shared.entries).len() <= 2);
}

#[tokio::test]
async fn definitions_that_never_stop_keep_nobody_waiting() {
    let server = Server::start();
    let (catalog, target) = catalog(&server, Limits::default());
    let database = catalog.database(&target, "postgres");
    database.snapshot().await.unwrap();
    let defining = async {
        loop {
            database.invalidate();
            tokio::task::yield_now().await;
        }
    };
    database.invalidate();
    tokio::select! {
        snapshot = database.snapshot() => drop(snapshot.unwrap()),
        () = defining => {}
    }
    assert!(database.at_hand(std::time::Instant::now()).is_none());
}

#[tokio::test]
async fn values_are_sampled_only_where_the_role_may_read_them() {
    let server = Server::start();
    let client = server.connect().await;
    let tables = r#"
        CREATE ROLE reader LOGIN;
        CREATE TABLE seen (id int, "a ""b" text, "both" text, secret text);
        INSERT INTO seen SELECT n, 'v' || n, NULL, 's' FROM generate_series(1, 9) n;
        GRANT SELECT (id, "a ""b", "both") ON seen TO reader;
        CREATE TABLE hidden (a text); INSERT INTO hidden VALUES ('x');
        CREATE FUNCTION write() RETURNS text LANGUAGE sql AS 'DELETE FROM seen; SELECT ''gone''::text';
        CREATE VIEW trap AS SELECT write() AS a; GRANT SELECT ON trap TO reader;
        CREATE TABLE failing (a text); GRANT SELECT ON failing TO reader;
        ALTER TABLE failing ENABLE ROW LEVEL SECURITY;
        CREATE POLICY p ON failing USING (1 / (SELECT 0) = 1); INSERT INTO failing VALUES ('x');
    "#;
    client.batch_execute(tables).await.unwrap();
    let role = Credentials {
        user: "reader".into(),
        password: None,
    };
    let (_, target) = catalog(&server, Limits::default());
    let credentials = HashMap::from([(target.server.clone(), Access::Role(role))]);
    let catalog = Catalog::new(Server::dial(), credentials, Limits::default());
    let snapshot = catalog.snapshot(&target, "postgres").await.unwrap();
    let relation = |name| snapshot.relation("public", name).unwrap().clone();
    let relations = ["seen", "hidden", "trap", "failing"].map(relation);
    let relations: Vec<&sql::Relation> = relations.iter().map(|relation| &**relation).collect();
    let samples = catalog
        .sample(&target, "postgres", &relations, 4)
        .await
        .unwrap();
    let oid = |name| snapshot.relation("public", name).unwrap().name.oid.unwrap();
    assert_eq!(samples.of(oid("seen"), 2), ["v1", "v2", "v3", "v4"]);
    let nothing: &[String] = &[];
    for (table, column) in [
        ("seen", 3),
        ("seen", 4),
        ("hidden", 1),
        ("trap", 1),
        ("failing", 1),
    ] {
        assert_eq!(samples.of(oid(table), column), nothing, "{table} {column}");
    }
    let unread: Vec<String> = samples
        .unread
        .iter()
        .map(|(table, why)| format!("{}: {why}", table.name))
        .collect();
    assert_eq!(
        unread[0],
        "hidden: the catalog's role may not SELECT from it"
    );
    assert!(
        unread[1].starts_with("failing: ") && unread[1].contains("division by zero"),
        "{unread:?}"
    );
    let left = client
        .query_one("SELECT count(*) FROM seen", &[])
        .await
        .unwrap();
    assert_eq!(left.get::<_, i64>(0), 9);
}
