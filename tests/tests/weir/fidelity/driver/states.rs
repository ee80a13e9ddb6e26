//! What outlives a request: transactions, portals, COPY, notices and notifications, cancels.

use std::net::TcpStream;
use std::pin::pin;

use bytes::Bytes;
use futures_util::{SinkExt as _, TryStreamExt as _};
use tokio_postgres::NoTls;
use weir_tests::World;

use super::session::{Path, Session, digest, render};

pub async fn transactions(session: &mut Session) {
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

pub async fn portals(session: &mut Session) {
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

pub async fn copies(session: &mut Session) {
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

pub async fn copy_in(session: &mut Session, sql: &str, parts: Vec<Bytes>) {
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

pub async fn copy_out(session: &mut Session, sql: &str) {
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

pub async fn unasked(session: &mut Session) {
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
pub async fn cancelled(session: &mut Session, world: &World, path: Path) {
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
