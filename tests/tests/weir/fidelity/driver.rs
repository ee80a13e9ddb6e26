//! tokio-postgres: the extended protocol with binary values, pipelining, COPY, portals, cancels and large values.

use std::error::Error;
use std::fmt::{Debug, Write as _};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::{IpAddr, TcpStream};
use std::pin::pin;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio_postgres::types::{FromSql, ToSql, Type};
use tokio_postgres::{AsyncMessage, Client, NoTls, Row, SimpleQueryMessage};
use weir_tests::{Driver, Plan, World};

use super::{Pair, assert_same, judged};

const SCHEMA: &str = "
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TYPE pair AS (one int, other text);
CREATE DOMAIN small AS int CHECK (VALUE < 10);
CREATE TABLE things (id int PRIMARY KEY, name text, mood mood, pair pair, small small);
INSERT INTO things VALUES (1, 'one', 'happy', (1, 'x'), 1), (2, NULL, NULL, NULL, NULL);
CREATE TABLE copied (id int, name text);
";

/// Values of many types, in both of PostgreSQL's formats of them.
const VALUES: &str = "SELECT 1::int2, 2::int4, 3::int8, 1.5::float4, 2.5::float8, 12345.678::numeric, true, 'c'::\"char\",
  'text', 'pad'::char(6), 'name'::name, '\\x00ff'::bytea, '2026-02-28'::date, '12:34:56.789'::time, '12:00+02'::timetz,
  '2026-02-28 12:00'::timestamp, '2026-02-28 12:00+00'::timestamptz, '1 mon 2 days 3 sec'::interval, '{\"a\": 1}'::json,
  '{\"a\": [1, null]}'::jsonb, '(1,2)'::point, '10.0.0.0/8'::cidr, '::1'::inet, '08:00:2b:01:02:03'::macaddr,
  'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, '{1,NULL,3}'::int[], '{{a,b},{c,d}}'::text[], int4range(1, 10),
  '{[1,3),[5,7)}'::int4multirange, ROW(1, 'x', NULL), 'happy'::mood, (1, 'y')::pair, 7::small, NULL::text,
  'a'::bit varying, '1'::xml, 'fox'::tsquery, 'fox'::tsvector, 'pg_class'::regclass, '16/B374D848'::pg_lsn, B'101'";

const LARGE: usize = 64 << 20;

#[test]
fn a_driver_reads_the_same() {
    let pair = Pair::of(&Plan::new().script(SCHEMA));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let direct = runtime.block_on(play(&pair.direct, Path::Direct));
    let through = runtime.block_on(play(&pair.through, Path::Through));
    assert_same(&direct, &through, "the driver's transcript");
    let judged = judged(&pair.through);
    assert!(judged > 100, "only {judged} statements passed the agent");
}

#[test]
fn values_of_64_megabytes_are_the_same() {
    let plan = Plan::new().config("[sessions]\nstatement_limit = 100_000_000\n");
    let pair = Pair::of(&plan);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let direct = runtime.block_on(play_large(&pair.direct, Path::Direct));
    let through = runtime.block_on(play_large(&pair.through, Path::Through));
    assert_same(&direct, &through, "the transcript of large values");
    assert!(direct.contains(&LARGE.to_string()), "{direct}");
}

/// Which way a client goes.
#[derive(Clone, Copy)]
enum Path {
    Direct,
    Through,
}

/// One session, and what the server says in it unasked.
struct Session {
    client: Client,
    unasked: UnboundedReceiver<AsyncMessage>,
    transcript: String,
}

impl Session {
    async fn open(world: &World, path: Path) -> Self {
        let (client, driver) = match path {
            Path::Direct => world.connect_direct().await.unwrap(),
            Path::Through => world.connect("client").await.unwrap(),
        };
        Self {
            client,
            unasked: listen(driver),
            transcript: String::new(),
        }
    }

    fn note(&mut self, what: &str, result: impl Debug) {
        writeln!(self.transcript, "{what}: {result:?}").unwrap();
    }

    async fn simple(&mut self, sql: &str) {
        let result = self.client.simple_query(sql).await;
        let lines: Result<Vec<String>, _> =
            result.map(|messages| messages.iter().map(message).collect());
        self.note(sql, lines);
    }

    async fn query(&mut self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) {
        let result = self.client.query(sql, parameters).await;
        self.note(sql, result.map(|rows| render(&rows)));
    }

    /// Waits for what the server says unasked.
    async fn hear(&mut self, number: usize) {
        for _ in 0..number {
            let heard = tokio::time::timeout(Duration::from_secs(20), self.unasked.recv());
            match heard.await.expect("nothing was heard") {
                // The process id is another one each time.
                Some(AsyncMessage::Notification(news)) => {
                    self.note("heard", (news.channel(), news.payload()));
                }
                other => self.note("heard", other),
            }
        }
    }
}

fn listen(mut driver: Driver) -> UnboundedReceiver<AsyncMessage> {
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut messages = stream::poll_fn(|context| driver.poll_message(context));
        while let Some(Ok(message)) = messages.next().await {
            // Nobody listens any more at the end.
            let _ = sender.send(message);
        }
    });
    receiver
}

async fn play(world: &World, path: Path) -> String {
    let mut session = Session::open(world, path).await;
    simple(&mut session).await;
    prepared(&mut session).await;
    parameters(&mut session).await;
    pipelined(&mut session).await;
    transactions(&mut session).await;
    portals(&mut session).await;
    copies(&mut session).await;
    unasked(&mut session).await;
    cancelled(&mut session, world, path).await;
    session.transcript
}

async fn simple(session: &mut Session) {
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

async fn prepared(session: &mut Session) {
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

async fn parameters(session: &mut Session) {
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

async fn pipelined(session: &mut Session) {
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

async fn transactions(session: &mut Session) {
    let transaction = session.client.transaction().await.unwrap();
    let inserted = transaction
        .execute("INSERT INTO things (id) VALUES (50)", &[])
        .await;
    let failed = transaction
        .query("SELECT 1 / 0", &[])
        .await
        .map(|rows| render(&rows));
    let after = transaction
        .query("SELECT 1", &[])
        .await
        .map(|rows| render(&rows));
    let committed = transaction.commit().await;
    session.note("transaction", (inserted, failed, after, committed));
    session
        .query("SELECT count(*) FROM things WHERE id = 50", &[])
        .await;
    let mut transaction = session.client.transaction().await.unwrap();
    let savepoint = transaction.transaction().await.unwrap();
    let failed = savepoint
        .query("SELECT missing", &[])
        .await
        .map(|rows| render(&rows));
    let undone = savepoint.rollback().await;
    let inserted = transaction
        .execute("INSERT INTO things (id) VALUES (51)", &[])
        .await;
    let committed = transaction.commit().await;
    session.note("savepoint", (failed, undone, inserted, committed));
    let dropped = session.client.transaction().await.unwrap();
    dropped.execute("DELETE FROM things", &[]).await.unwrap();
    drop(dropped);
    session
        .query("SELECT id FROM things ORDER BY id", &[])
        .await;
    let serializable = session
        .client
        .build_transaction()
        .isolation_level(tokio_postgres::IsolationLevel::Serializable)
        .read_only(true)
        .deferrable(true)
        .start()
        .await
        .unwrap();
    let refused = serializable.execute("DELETE FROM things", &[]).await;
    let ended = serializable.rollback().await;
    session.note("read only", (refused, ended));
}

async fn portals(session: &mut Session) {
    let transaction = session.client.transaction().await.unwrap();
    let portal = transaction
        .bind("SELECT n, 100 / (8 - n) FROM generate_series(1, 20) n", &[])
        .await
        .unwrap();
    let mut pages = Vec::new();
    for most in [3, 1, 3, 5] {
        let page = transaction.query_portal(&portal, most).await;
        pages.push(page.map(|rows| render(&rows)));
    }
    drop(portal);
    let ended = transaction.rollback().await;
    session.note("pages", (pages, ended));
}

async fn copies(session: &mut Session) {
    let rows: String = (0..50_000).map(|n| format!("{n}\tname of {n}\n")).collect();
    let parts = rows.as_bytes().chunks(10_007).map(Bytes::copy_from_slice);
    copy_in(session, "COPY copied FROM STDIN", parts.collect()).await;
    copy_in(
        session,
        "COPY copied FROM STDIN (FORMAT csv)",
        vec!["1,\"a\"\n2,".into(), "b\n".into()],
    )
    .await;
    copy_in(
        session,
        "COPY copied FROM STDIN",
        vec!["not a number\tx\n".into()],
    )
    .await;
    copy_in(
        session,
        "COPY copied FROM STDIN (FORMAT binary)",
        vec!["no header".into()],
    )
    .await;
    copy_in(session, "COPY copied FROM STDIN", Vec::new()).await;
    let given_up = session
        .client
        .copy_in::<_, Bytes>("COPY copied FROM STDIN")
        .await;
    session.note("given up", given_up.map(drop));
    session
        .query("SELECT count(*), sum(id) FROM copied", &[])
        .await;
    for sql in [
        "COPY copied TO STDOUT",
        "COPY copied TO STDOUT (FORMAT binary)",
        "COPY (SELECT * FROM copied ORDER BY id LIMIT 3) TO STDOUT (FORMAT csv, HEADER)",
        "COPY (SELECT 1 / (3 - n) FROM generate_series(1, 5) n) TO STDOUT",
        "COPY (SELECT 1 WHERE false) TO STDOUT",
        "COPY missing TO STDOUT",
    ] {
        copy_out(session, sql).await;
    }
}

async fn copy_in(session: &mut Session, sql: &str, parts: Vec<Bytes>) {
    let result = async {
        let mut sink = pin!(session.client.copy_in(sql).await?);
        for part in parts {
            sink.send(part).await?;
        }
        sink.finish().await
    };
    let result = result.await;
    session.note(sql, result);
}

async fn copy_out(session: &mut Session, sql: &str) {
    let result = async {
        let stream = session.client.copy_out(sql).await?;
        let parts: Vec<Bytes> = stream.try_collect().await?;
        let whole = parts.concat();
        let begin = String::from_utf8_lossy(&whole[..whole.len().min(100)]).into_owned();
        Ok::<_, tokio_postgres::Error>((parts.len(), whole.len(), digest(&whole), begin))
    };
    let result = result.await;
    session.note(sql, result);
}

async fn unasked(session: &mut Session) {
    session.simple("DO $$ BEGIN RAISE NOTICE 'first'; RAISE WARNING 'second' USING HINT = 'a hint'; END $$").await;
    session.hear(2).await;
    session
        .simple("LISTEN news; NOTIFY news, 'one'; NOTIFY news, 'two'")
        .await;
    session.hear(2).await;
    session
        .query("SELECT pg_notify('news', $1)", &[&"three".repeat(1000)])
        .await;
    session.hear(1).await;
    session.simple("UNLISTEN *").await;
}

/// A cancel comes on another connection, with the key of this one.
async fn cancelled(session: &mut Session, world: &World, path: Path) {
    let token = session.client.cancel_token();
    let running = session.client.query("SELECT pg_sleep(600)", &[]);
    let cancelling = async {
        until_active(world, "SELECT pg_sleep(600)").await;
        let address = match path {
            Path::Direct => world.direct_address(),
            Path::Through => world.address(),
        };
        let stream = match path {
            Path::Through if world.cgroup("client").is_some() => {
                world.wire("client").unwrap().stream().try_clone().unwrap()
            }
            _ => TcpStream::connect(address).unwrap(),
        };
        stream.set_nonblocking(true).unwrap();
        let stream = tokio::net::TcpStream::from_std(stream).unwrap();
        token.cancel_query_raw(stream, NoTls).await
    };
    let (ended, sent) = tokio::join!(running, cancelling);
    session.note("cancelled", (ended.map(|rows| render(&rows)), sent));
    session.query("SELECT 'lives on'", &[]).await;
}

/// The server says what it is doing; the question is asked past the agent.
async fn until_active(world: &World, sql: &str) {
    let question = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query = '{sql}' AND wait_event = 'PgSleep'"
    );
    while world.database().run("app", &question).unwrap().trim() != "1" {
        tokio::task::yield_now().await;
    }
}

async fn play_large(world: &World, path: Path) -> String {
    let mut session = Session::open(world, path).await;
    let text = "0123456789abcdef".repeat(LARGE / 16);
    let bytes = text.clone().into_bytes();
    let row = session
        .client
        .query_one("SELECT $1::text, length($1::text)", &[&text])
        .await;
    session.note("text", row.map(|row| render(&[row])));
    let row = session
        .client
        .query_one("SELECT $1::bytea, length($1::bytea)", &[&bytes])
        .await;
    session.note("bytea", row.map(|row| render(&[row])));
    session.query("SELECT repeat('x', 67108864)", &[]).await;
    session.simple("SELECT repeat('y', 67108864)").await;
    session.simple("CREATE TABLE large (value text)").await;
    session
        .simple(&format!("INSERT INTO large VALUES ('{text}')"))
        .await;
    let copied = vec![Bytes::from(text), Bytes::from_static(b"\n")];
    copy_in(&mut session, "COPY large FROM STDIN", copied).await;
    copy_out(&mut session, "COPY large TO STDOUT").await;
    session
        .query("SELECT length(value), md5(value) FROM large", &[])
        .await;
    session.transcript
}

fn message(message: &SimpleQueryMessage) -> String {
    match message {
        SimpleQueryMessage::Row(row) => {
            let values: Vec<_> = (0..row.len()).map(|n| row.get(n).map(short)).collect();
            format!("{values:?}")
        }
        other => format!("{other:?}"),
    }
}

/// Rows with their columns' descriptions and the bytes of their values.
fn render(rows: &[Row]) -> String {
    let mut text = String::new();
    if let Some(row) = rows.first() {
        for column in row.columns() {
            let of = (column.table_oid(), column.column_id());
            write!(text, "{} {} {of:?}; ", column.name(), column.type_()).unwrap();
        }
    }
    for row in rows {
        let values: Vec<Value<'_>> = (0..row.len()).map(|n| row.get(n)).collect();
        write!(text, "{values:?}").unwrap();
    }
    text
}

/// The bytes of a value, whatever its type.
struct Value<'a>(Option<&'a [u8]>);

impl<'a> FromSql<'a> for Value<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(Some(raw)))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(None))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

impl Debug for Value<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            None => formatter.write_str("NULL"),
            Some(bytes) if bytes.len() > 1000 => formatter.write_str(&long(bytes)),
            Some(bytes) => write!(formatter, "\"{}\"", bytes.escape_ascii()),
        }
    }
}

fn short(text: &str) -> String {
    if text.len() > 1000 {
        long(text.as_bytes())
    } else {
        text.to_owned()
    }
}

fn long(bytes: &[u8]) -> String {
    format!("{} bytes, {:x}", bytes.len(), digest(bytes))
}

fn digest(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}
