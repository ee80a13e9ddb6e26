//! Requests and their rows: simple, prepared, with values of many types, and many at once.

use std::net::IpAddr;
use std::time::{Duration, UNIX_EPOCH};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio_postgres::types::{ToSql, Type};

use super::session::{Session, message, render};

/// Values of many types, in both of PostgreSQL's formats of them.
const VALUES: &str = "SELECT 1::int2, 2::int4, 3::int8, 1.5::float4, 2.5::float8, 12345.678::numeric, true, 'c'::\"char\",
  'text', 'pad'::char(6), 'name'::name, '\\x00ff'::bytea, '2026-02-28'::date, '12:34:56.789'::time, '12:00+02'::timetz,
  '2026-02-28 12:00'::timestamp, '2026-02-28 12:00+00'::timestamptz, '1 mon 2 days 3 sec'::interval, '{\"a\": 1}'::json,
  '{\"a\": [1, null]}'::jsonb, '(1,2)'::point, '10.0.0.0/8'::cidr, '::1'::inet, '08:00:2b:01:02:03'::macaddr,
  'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, '{1,NULL,3}'::int[], '{{a,b},{c,d}}'::text[], int4range(1, 10),
  '{[1,3),[5,7)}'::int4multirange, ROW(1, 'x', NULL), 'happy'::mood, (1, 'y')::pair, 7::small, NULL::text,
  'a'::bit varying, '1'::xml, 'fox'::tsquery, 'fox'::tsvector, 'pg_class'::regclass, '16/B374D848'::pg_lsn, B'101'";

pub async fn simple(session: &mut Session) {
    for sql in [
        VALUES,
        "SELECT 1; SELECT 2, 3; SELECT",
        "",
        "  ;; -- nothing",
        "SELECT * FROM things ORDER BY id",
        "SELECT 1; SELECT 1 / 0; SELECT 3",
        "BEGIN; INSERT INTO things VALUES (3); COMMIT; SELECT count(*) FROM things",
        "UPDATE things SET name = 'drei' WHERE id = 3; DELETE FROM things WHERE id = 3",
        "SELECT * FROM missing",
        "CREATE TABLE made (id int); INSERT INTO made SELECT n FROM generate_series(1, 9) n; DROP TABLE made",
        "SET application_name = 'renamed'; SHOW application_name; RESET application_name",
        "EXPLAIN (COSTS OFF) SELECT 1",
    ] {
        session.simple(sql).await;
    }
    for n in 0..50 {
        session.simple(&format!("SELECT {n}, 'number {n}'")).await;
    }
}

pub async fn prepared(session: &mut Session) {
    session.query(VALUES, &[]).await;
    let statement = session
        .client
        .prepare("SELECT id, name, mood, pair, small FROM things WHERE id = $1 OR $2::text IS NULL")
        .await
        .unwrap();
    session.note("parameters", statement.params());
    for id in [1, 2, 3] {
        let rows = session.client.query(&statement, &[&id, &Some("x")]).await;
        session.note("prepared", rows.map(|rows| render(&rows)));
    }
    session
        .simple("ALTER TABLE things ADD COLUMN extra int")
        .await;
    session
        .query("SELECT * FROM things WHERE id = 1", &[])
        .await;
    let everything = session
        .client
        .prepare("SELECT * FROM things")
        .await
        .unwrap();
    session.simple("ALTER TABLE things DROP COLUMN extra").await;
    let rows = session.client.query(&everything, &[]).await;
    session.note("after a change", rows.map(|rows| render(&rows)));
    for wrong in [
        "SELEC 1",
        "SELECT missing",
        "SELECT $1 + $3",
        "SELECT 1; SELECT 2",
        "SELECT $1",
    ] {
        let statement = session.client.prepare(wrong).await;
        session.note(
            wrong,
            statement.map(|statement| statement.params().to_vec()),
        );
    }
    session.query("SELECT 1 / $1::int", &[&0]).await;
    session
        .query(
            "INSERT INTO things (id) VALUES ($1) RETURNING id, name",
            &[&10],
        )
        .await;
    session
        .query("INSERT INTO things (id) VALUES ($1)", &[&10])
        .await;
    session
        .query("INSERT INTO things (id, small) VALUES (11, $1)", &[&99])
        .await;
    let changed = session
        .client
        .execute("DELETE FROM things WHERE id >= $1", &[&10])
        .await;
    session.note("deleted", changed);
    let typed = session
        .client
        .query_typed(
            "SELECT $1, $2",
            &[(&5_i64, Type::INT8), (&"five", Type::TEXT)],
        )
        .await;
    session.note("typed", typed.map(|rows| render(&rows)));
    let none = session.client.query_one("SELECT 1 WHERE false", &[]).await;
    session.note("no row", none.map(|row| render(&[row])));
    for n in 0..20 {
        session.query(&format!("SELECT $1::int + {n}"), &[&n]).await;
    }
    drop(statement);
    // The driver closes what was dropped, with its next message.
    session.query("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%small FROM things%'", &[]).await;
}

pub async fn parameters(session: &mut Session) {
    let address: IpAddr = "2001:db8::1".parse().unwrap();
    let time = UNIX_EPOCH + Duration::from_millis(1_780_000_000_123);
    let values: [(&str, &(dyn ToSql + Sync)); 20] = [
        ("bool", &true),
        ("\"char\"", &7_i8),
        ("int2", &i16::MIN),
        ("int4", &i32::MAX),
        ("int8", &i64::MIN),
        ("oid", &u32::MAX),
        ("float4", &f32::MIN_POSITIVE),
        ("float8", &f64::NAN),
        ("text", &"ünïcödé 漢字 🐘"),
        ("text", &""),
        ("text", &None::<String>),
        ("varchar", &"x".repeat(10_000)),
        ("name", &"a name"),
        ("bytea", &[0_u8, 255, 10, 0].as_slice()),
        ("bytea", &vec![7_u8; 100_000]),
        ("int4[]", &vec![Some(1), None, Some(-1)]),
        ("text[]", &vec!["a", "with \"quotes\"", ""]),
        ("inet", &address),
        ("timestamptz", &time),
        ("timestamp", &time),
    ];
    for (name, value) in values {
        let sql = format!("SELECT $1::{name}, $1::{name}::text, $1::{name} IS NULL");
        session.query(&sql, &[value]).await;
    }
    // A value that the driver cannot write as this type never gets to the server.
    session.query("SELECT $1::int", &[&"text"]).await;
    session.query("SELECT $1::mood", &[&"happy"]).await;
}

pub async fn pipelined(session: &mut Session) {
    let client = &session.client;
    let (a, b, c, d, e) = tokio::join!(
        client.query("SELECT 1, repeat('a', 100000)", &[]),
        client.query("SELECT 1 / 0", &[]),
        client.query("SELECT * FROM missing", &[]),
        client.simple_query("SELECT 4; SELECT 1 / 0"),
        client.query("SELECT $1::text || 'five'", &[&"high "]),
    );
    let rows = [a, b, c, e].map(|result| result.map(|rows| render(&rows)));
    let simple: Result<Vec<String>, _> = d.map(|messages| messages.iter().map(message).collect());
    session.note("pipelined", rows);
    session.note("pipelined", simple);
    let statement = session
        .client
        .prepare("SELECT $1::int, repeat('x', 1000)")
        .await
        .unwrap();
    let client = &session.client;
    // More than fits into the buffers on the way, both ways.
    let many: Result<Vec<_>, _> = stream::iter(0..1000)
        .map(|n| {
            let statement = statement.clone();
            async move { client.query(&statement, &[&n]).await }
        })
        .buffered(1000)
        .map_ok(|rows| render(&rows))
        .try_collect()
        .await;
    session.note("a thousand at once", many);
}
