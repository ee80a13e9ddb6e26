//! Looking at some values of tables, where the catalog's role may read them.
//!
//! Only tables are read: a view would run what its owner wrote. Each in a transaction of its own that can write nothing.

use std::collections::HashMap;
use std::time::Duration;

use sql::{Kind, Relation};

use crate::load::Reader;

/// Characters of a value that are read.
const LENGTH: usize = 4_096;

/// Text, character types, numbers and network addresses that came with the server (`pg_type.dat`): to show any other as
/// text may run what somebody wrote.
const READABLE: [u32; 8] = [20, 25, 650, 869, 1042, 1043, 1700, 114];

/// What was seen.
#[derive(Debug, Default)]
pub struct Samples {
    values: HashMap<(u32, i16), Vec<String>>,
    /// Tables of which no value was read, with the reason.
    pub unread: Vec<(model::Relation, String)>,
}

impl Samples {
    /// The values of a column, by the table's oid and the column's number, without NULLs. Empty where none were read.
    pub fn of(&self, table: u32, column: i16) -> &[String] {
        self.values.get(&(table, column)).map_or(&[], Vec::as_slice)
    }
}

/// Up to so many rows of each of these tables.
pub(crate) async fn sample(
    reader: &Reader,
    relations: &[&Relation],
    rows: u32,
    limit: Duration,
) -> Result<Samples, tokio_postgres::Error> {
    let mut samples = Samples::default();
    let is_table = |kind| matches!(kind, Kind::Table | Kind::Partitioned | Kind::Materialized);
    for relation in relations.iter().filter(|relation| is_table(relation.kind)) {
        let Some(oid) = relation.name.oid else {
            continue;
        };
        let begin = format!(
            "BEGIN TRANSACTION READ ONLY; SET LOCAL search_path = ''; SET LOCAL statement_timeout = {}",
            limit.as_millis()
        );
        reader.batch_execute(&begin).await?;
        let read = table(reader, relation, oid, rows, &mut samples).await;
        reader.batch_execute("ROLLBACK").await?;
        match read {
            Ok(true) => {}
            Ok(false) => samples.unread.push((
                relation.name.clone(),
                "the catalog's role may not SELECT from it".to_owned(),
            )),
            Err(error) if error.is_closed() => return Err(error),
            Err(error) => samples
                .unread
                .push((relation.name.clone(), crate::said(&error))),
        }
    }
    Ok(samples)
}

/// Whether the role may read any column of it.
async fn table(
    reader: &Reader,
    relation: &Relation,
    oid: u32,
    rows: u32,
    samples: &mut Samples,
) -> Result<bool, tokio_postgres::Error> {
    let mut permitted: Vec<i16> = Vec::new();
    for row in reader.query(PERMITTED, &[&oid]).await? {
        permitted.push(row.try_get(0)?);
    }
    let readable = |column: &&sql::Column| {
        permitted.contains(&column.number) && READABLE.contains(&column.type_oid)
    };
    let columns: Vec<&sql::Column> = relation.columns.iter().filter(readable).collect();
    if columns.is_empty() {
        return Ok(!permitted.is_empty());
    }
    let values = columns.iter().map(|column| {
        let name = quoted(&column.name);
        format!("pg_catalog.left({name}::pg_catalog.text, {LENGTH})")
    });
    let query = format!(
        "SELECT {} FROM {}.{} LIMIT {rows}",
        values.collect::<Vec<_>>().join(", "),
        quoted(&relation.name.schema),
        quoted(&relation.name.name),
    );
    for row in reader.query(query.as_str(), &[]).await? {
        for (index, column) in columns.iter().enumerate() {
            if let Some(value) = row.try_get(index)? {
                let values = samples.values.entry((oid, column.number)).or_default();
                values.push(value);
            }
        }
    }
    Ok(true)
}

/// Numbers of the columns that the role may read.
const PERMITTED: &str = "
    SELECT a.attnum FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
    WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
      AND pg_catalog.has_schema_privilege(c.relnamespace, 'USAGE')
      AND pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'SELECT')";

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
