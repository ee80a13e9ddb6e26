//! Files of tests: who asks what, and what must come of it. `policies/tests/README.md` explains the keys.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use model::{Effect, Login};
use serde::Deserialize;
use sql::Snapshot;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use toml::Spanned;

/// A file of tests.
pub struct Table {
    pub file: PathBuf,
    pub server: String,
    pub database: String,
    /// What it is judged against, where it says so.
    pub snapshot: Option<Snapshot>,
    /// Each with its line.
    pub tests: Vec<(usize, Test)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    server: String,
    database: String,
    /// A file beside this one.
    schema: Option<PathBuf>,
    #[serde(rename = "test")]
    tests: Vec<Spanned<Test>>,
}

/// One request and what must come of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    pub name: String,
    #[serde(default)]
    pub workloads: Vec<String>,
    #[serde(default = "anybody")]
    user: String,
    application: Option<String>,
    #[serde(default)]
    settings: Vec<String>,
    #[serde(default = "somewhere")]
    address: IpAddr,
    #[serde(default, deserialize_with = "time_of")]
    time: Option<i64>,
    #[serde(default)]
    pub in_transaction: bool,
    #[serde(default)]
    pub approved: bool,
    /// None: the request is the login.
    pub sql: Option<String>,
    pub effect: Effect,
    #[serde(default)]
    pub masked: Vec<String>,
    pub withheld: Option<Vec<String>>,
    pub max_rows: Option<u64>,
    pub policies: Option<Vec<String>>,
    #[serde(default)]
    pub approvers: Vec<String>,
    pub says: Option<String>,
}

/// Monday, 2024-01-01 13:00:00 UTC, in microseconds since the Unix epoch.
const MONDAY: i64 = 1_704_114_000_000_000;

fn anybody() -> String {
    "alice".to_owned()
}

fn somewhere() -> IpAddr {
    Ipv4Addr::new(10, 0, 0, 7).into()
}

fn time_of<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let time = OffsetDateTime::parse(&text, &Rfc3339).ok();
    let micros = time.and_then(|time| i64::try_from(time.unix_timestamp_nanos() / 1000).ok());
    let hint = "write the time like 2024-01-01T13:00:00Z";
    micros
        .map(Some)
        .ok_or_else(|| serde::de::Error::custom(hint))
}

impl Test {
    /// The login of the session, with the settings that it sends.
    pub fn login(&self, database: &str) -> Login {
        let setting = |written: &String| {
            let (name, value) = written.split_once('=').unwrap_or((written, ""));
            (name.to_owned(), value.to_owned())
        };
        Login {
            user: self.user.clone(),
            database: database.to_owned(),
            application: self.application.clone(),
            settings: self.settings.iter().map(setting).collect(),
        }
    }

    /// Where the client is.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.address, 0)
    }

    /// When it asks, in microseconds since the Unix epoch.
    pub fn time(&self) -> i64 {
        self.time.unwrap_or(MONDAY)
    }
}

impl Table {
    /// Reads a file, and the schema that it names.
    pub fn read(file: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
        let line_of =
            |offset: usize| 1 + text.get(..offset).unwrap_or_default().matches('\n').count();
        let written: Written = toml::from_str(&text).map_err(|error| {
            let line = line_of(error.span().map_or(0, |span| span.start));
            anyhow!("{}:{line}: {}", file.display(), error.message())
        })?;
        let snapshot = written.schema.map(|schema| {
            let schema = file.parent().unwrap_or(Path::new(".")).join(schema);
            snapshot(&schema, &written.database)
        });
        let tests = written.tests.into_iter();
        Ok(Self {
            file: file.to_owned(),
            server: written.server,
            snapshot: snapshot.transpose()?,
            database: written.database,
            tests: tests
                .map(|test| (line_of(test.span().start), test.into_inner()))
                .collect(),
        })
    }
}

fn snapshot(schema: &Path, database: &str) -> anyhow::Result<Snapshot> {
    let text = fs::read_to_string(schema).with_context(|| schema.display().to_string())?;
    let rows = sql::schema(database, &text)
        .map_err(|error| anyhow!("{}:{}: {}", schema.display(), error.line, error.message))?;
    Ok(Snapshot::new(1, rows))
}
