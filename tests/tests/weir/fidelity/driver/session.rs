//! One session of the driver, and a transcript of everything that it hears.

use std::error::Error;
use std::fmt::{Debug, Write as _};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio_postgres::types::{FromSql, ToSql, Type};
use tokio_postgres::{AsyncMessage, Client, Row, SimpleQueryMessage};
use weir_tests::{Driver, World};

/// Which way a client goes.
#[derive(Clone, Copy)]
pub enum Path {
    Direct,
    Through,
}

/// One session, and what the server says in it unasked.
pub struct Session {
    pub client: Client,
    unasked: UnboundedReceiver<AsyncMessage>,
    pub transcript: String,
}

impl Session {
    pub async fn open(world: &World, path: Path) -> Self {
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

    pub fn note(&mut self, what: &str, result: impl Debug) {
        writeln!(self.transcript, "{what}: {result:?}").unwrap();
    }

    pub async fn simple(&mut self, sql: &str) {
        let result = self.client.simple_query(sql).await;
        let lines: Result<Vec<String>, _> =
            result.map(|messages| messages.iter().map(message).collect());
        self.note(sql, lines);
    }

    pub async fn query(&mut self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) {
        let result = self.client.query(sql, parameters).await;
        self.note(sql, result.map(|rows| render(&rows)));
    }

    /// Waits for what the server says unasked.
    pub async fn hear(&mut self, number: usize) {
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

pub fn message(message: &SimpleQueryMessage) -> String {
    match message {
        SimpleQueryMessage::Row(row) => {
            let values: Vec<_> = (0..row.len()).map(|n| row.get(n).map(short)).collect();
            format!("{values:?}")
        }
        other => format!("{other:?}"),
    }
}

/// Rows with their columns' descriptions and the bytes of their values.
pub fn render(rows: &[Row]) -> String {
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

pub fn digest(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}
