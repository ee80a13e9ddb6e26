//! tokio-postgres: the extended protocol with binary values, pipelining, COPY, portals, cancels and large values.

mod requests;
mod session;
mod states;

use bytes::Bytes;
use weir_tests::{Plan, World};

use self::session::{Path, Session, render};
use super::{Pair, assert_same, judged};

const SCHEMA: &str = "
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TYPE pair AS (one int, other text);
CREATE DOMAIN small AS int CHECK (VALUE < 10);
CREATE TABLE things (id int PRIMARY KEY, name text, mood mood, pair pair, small small);
INSERT INTO things VALUES (1, 'one', 'happy', (1, 'x'), 1), (2, NULL, NULL, NULL, NULL);
CREATE TABLE copied (id int, name text);
";

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

async fn play(world: &World, path: Path) -> String {
    let mut session = Session::open(world, path).await;
    requests::simple(&mut session).await;
    requests::prepared(&mut session).await;
    requests::parameters(&mut session).await;
    requests::pipelined(&mut session).await;
    states::transactions(&mut session).await;
    states::portals(&mut session).await;
    states::copies(&mut session).await;
    states::unasked(&mut session).await;
    states::cancelled(&mut session, world, path).await;
    session.transcript
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
    states::copy_in(&mut session, "COPY large FROM STDIN", copied).await;
    states::copy_out(&mut session, "COPY large TO STDOUT").await;
    session
        .query("SELECT length(value), md5(value) FROM large", &[])
        .await;
    session.transcript
}
