//! A session of the agent's own that reads a catalog, as the role that is configured for it.

use std::error::Error;

use bytes::Bytes;
use futures_util::future::try_join_all;
use model::Target;
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Client, Config, NoTls};

use crate::reading::{Answer, Known, Reading, Row, Step};
use crate::{CatalogError, Credentials, Dial};

/// A session that reads, outside of any transaction. It ends when this is dropped.
pub(crate) type Reader = Client;

/// Opens a session in this database.
pub(crate) async fn connect(
    dial: &Dial,
    target: &Target,
    database: &str,
    credentials: &Credentials,
) -> Result<Reader, CatalogError> {
    let stream = dial(target.address)
        .await
        .map_err(|error| CatalogError::Unreachable {
            address: target.address,
            error,
        })?;
    let (client, connection) = config(database, credentials)
        .connect_raw(stream, NoTls)
        .await
        .map_err(refused(database))?;
    // Ends by itself when the client is dropped.
    tokio::spawn(connection);
    Ok(client)
}

/// Asks until everything is there.
pub(crate) async fn rows(
    reader: &Reader,
    database: &str,
    mut reading: Reading,
) -> Result<(Box<sql::Rows>, Known), CatalogError> {
    loop {
        let answers = ask(reader, reading.statements()).await;
        let step = reading.answered(answers.map_err(refused(database))?);
        match step.map_err(CatalogError::misread(database))? {
            Step::More(more) => reading = *more,
            Step::Done(rows, known) => return Ok((rows, known)),
        }
    }
}

/// In one transaction. Sent together: the server answers in order, and nobody waits for the network in between.
async fn ask(reader: &Reader, statements: &[String]) -> Result<Vec<Answer>, tokio_postgres::Error> {
    let begin = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY";
    reader.batch_execute(begin).await?;
    let asked = statements.iter().map(|text| answer(reader, text));
    let answers = try_join_all(asked).await?;
    reader.batch_execute("COMMIT").await?;
    Ok(answers)
}

async fn answer(reader: &Reader, text: &str) -> Result<Answer, tokio_postgres::Error> {
    let rows = reader.query(text, &[]).await?;
    let values = |row: &tokio_postgres::Row| -> Result<Row, tokio_postgres::Error> {
        let value = |index| Ok(row.try_get::<_, Option<Raw>>(index)?.map(|raw| raw.0));
        (0..row.len()).map(value).collect()
    };
    rows.iter().map(values).collect()
}

/// A value as it came.
struct Raw(Bytes);

impl FromSql<'_> for Raw {
    fn from_sql(_: &Type, raw: &[u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(Bytes::copy_from_slice(raw)))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

fn refused(database: &str) -> impl Fn(tokio_postgres::Error) -> CatalogError {
    |error| CatalogError::Refused {
        database: database.to_owned(),
        error,
    }
}

fn config(database: &str, credentials: &Credentials) -> Config {
    let mut config = Config::new();
    config
        .user(&credentials.user)
        .dbname(database)
        .application_name("weir catalog");
    if let Some(password) = &credentials.password {
        config.password(password);
    }
    config
}
