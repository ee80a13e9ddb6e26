//! Reading a catalog: one session, one consistent look, only `pg_catalog`. Works on PostgreSQL 12 to 18.

use std::sync::Arc;
use std::time::Duration;

use model::Target;
use sql::{
    BuiltIn, ColumnRow, FIRST_NORMAL_OID, Form, FunctionRow, Kind, ReadRow, RelationRow, Rows,
    SettingRow, TypeRow, Volatility, view_columns,
};
use tokio_postgres::{Client, Config, NoTls, Row};

use crate::{CatalogError, Credentials, Dial};

/// What came with the server, and the mark by which a change of it shows.
#[derive(Clone)]
pub(crate) struct Known {
    mark: Mark,
    rows: Arc<BuiltIn>,
}

/// Number of rows and sum of their `xmin`, of functions and columns. A row that changes gets a new `xmin`, and those
/// only ever grow; one that is gone is missing in the number.
type Mark = [Option<i64>; 4];

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

/// Everything that a snapshot is made of. Of what came with the server only what is not `known`.
pub(crate) async fn rows(
    reader: &Reader,
    database: &str,
    known: Option<Known>,
    limit: Duration,
) -> Result<(Rows, Known), CatalogError> {
    let rows = read(reader, database, known, limit).await;
    rows.map_err(refused(database))
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

async fn read(
    client: &Client,
    database: &str,
    known: Option<Known>,
    limit: Duration,
) -> Read<(Rows, Known)> {
    // Nothing outlives the transaction: behind a pooler, others use the same session of the server.
    let begin = format!(
        "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
         SET LOCAL search_path = ''; SET LOCAL statement_timeout = {}",
        limit.as_millis()
    );
    client.batch_execute(&begin).await?;
    let own = format!(">= {FIRST_NORMAL_OID}");
    let (columns_query, functions_query) = (columns(&own), functions(&own));
    // Sent together: the server answers in order, and nobody waits for the network in between.
    let (
        schemas,
        relations,
        columns,
        types,
        inherits,
        cascades,
        reads,
        views,
        functions,
        operators,
        settings,
        defaults,
        known,
    ) = tokio::try_join!(
        list(client, SCHEMAS, |row| row.try_get(0)),
        list(client, RELATIONS, relation),
        list(client, &columns_query, column),
        list(client, TYPES, type_row),
        list(client, INHERITS, |row| Ok((
            row.try_get(0)?,
            row.try_get(1)?
        ))),
        list(client, CASCADES, |row| Ok((
            row.try_get(0)?,
            row.try_get(1)?
        ))),
        list(client, READS, view_read),
        list(client, VIEWS, |row| Ok(view_columns(
            row.try_get(0)?,
            row.try_get(1)?
        ))),
        list(client, &functions_query, function),
        list(client, OPERATORS, |row| {
            Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
        }),
        list(client, SETTINGS, settings),
        list(client, DEFAULTS, |row| Ok((
            row.try_get(0)?,
            row.try_get(1)?
        ))),
        built_in(client, known),
    )?;
    client.batch_execute("COMMIT").await?;
    let rows = Rows {
        database: database.to_owned(),
        schemas,
        relations: relations.into_iter().flatten().collect(),
        columns,
        types,
        inherits,
        cascades,
        reads,
        view_columns: views.into_iter().flatten().collect(),
        functions,
        built_in: known.rows.clone(),
        operators,
        settings: settings.into_iter().flatten().collect(),
        defaults,
    };
    Ok((rows, known))
}

/// What came with the server, read only where it is not known as it is.
async fn built_in(client: &Client, known: Option<Known>) -> Read<Known> {
    let mark = list(client, MARK, |row| {
        Ok([
            row.try_get(0)?,
            row.try_get(1)?,
            row.try_get(2)?,
            row.try_get(3)?,
        ])
    })
    .await?;
    let mark = mark.into_iter().next().unwrap_or_default();
    if let Some(known) = known.filter(|known| known.mark == mark) {
        return Ok(known);
    }
    let theirs = format!("< {FIRST_NORMAL_OID}");
    let rows = BuiltIn {
        columns: list(client, &columns(&theirs), column).await?,
        functions: list(client, &functions(&theirs), function).await?,
    };
    Ok(Known {
        mark,
        rows: Arc::new(rows),
    })
}

type Read<T> = Result<T, tokio_postgres::Error>;

async fn list<T>(client: &Client, query: &str, read: impl Fn(&Row) -> Read<T>) -> Read<Vec<T>> {
    client.query(query, &[]).await?.iter().map(read).collect()
}

const SCHEMAS: &str = "
    SELECT nspname::text FROM pg_catalog.pg_namespace
    WHERE nspname !~ '^pg_(toast|temp_|toast_temp_)' ORDER BY oid";

/// A rule that is not a view's own (`_RETURN`) makes a write to the relation something else.
const RELATIONS: &str = "
    SELECT c.oid, n.nspname::text, c.relname::text, c.relkind,
           EXISTS (SELECT FROM pg_catalog.pg_rewrite r
                   WHERE r.ev_class = c.oid AND r.rulename <> '_RETURN')
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname !~ '^pg_(toast|temp_|toast_temp_)'
    ORDER BY c.oid";

/// Columns of the relations with such oids.
fn columns(oids: &str) -> String {
    format!(
        "SELECT a.attrelid, a.attnum, a.attname::text, a.atttypid
         FROM pg_catalog.pg_attribute a
         JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE a.attnum > 0 AND NOT a.attisdropped AND c.oid {oids}
           AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
           AND n.nspname !~ '^pg_(toast|temp_|toast_temp_)'
         ORDER BY a.attrelid, a.attnum"
    )
}

/// Domains, enums, base types and arrays of these; not the types that every table brings along.
const TYPES: &str = "
    SELECT t.oid, n.nspname::text, t.typname::text, t.typtype,
           CASE WHEN t.typtype = 'd' THEN t.typbasetype WHEN t.typcategory = 'A' THEN t.typelem
                ELSE 0 END AS part
    FROM pg_catalog.pg_type t
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem
    WHERE t.oid >= 16384 AND t.typtype IN ('b', 'd', 'e') AND (e.oid IS NULL OR e.typtype IN ('b', 'd', 'e'))
    ORDER BY t.oid";

const INHERITS: &str = "
    SELECT inhrelid, inhparent FROM pg_catalog.pg_inherits ORDER BY inhrelid, inhseqno";

/// Foreign keys that change the rows which refer to a changed row (CASCADE, SET NULL, SET DEFAULT).
const CASCADES: &str = "
    SELECT DISTINCT confrelid, conrelid FROM pg_catalog.pg_constraint
    WHERE contype = 'f' AND (confdeltype IN ('c', 'n', 'd') OR confupdtype IN ('c', 'n', 'd'))
    ORDER BY 1, 2";

/// Whole rows in a view's query (`varattno 0`) leave no column in pg_depend, so such a view reaches all columns.
/// System views are left out: their dependencies are not recorded.
const READS: &str = "
    WITH view AS (
        SELECT oid, ev_class, strpos(ev_action::text, ':varattno 0 ') > 0 AS whole
        FROM pg_catalog.pg_rewrite
        WHERE rulename = '_RETURN' AND ev_class >= 16384)
    SELECT DISTINCT v.ev_class, d.refobjid,
           CASE WHEN v.whole THEN -1 ELSE d.refobjsubid END AS refobjsubid
    FROM view v
    JOIN pg_catalog.pg_depend d
      ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = v.oid
     AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> v.ev_class
    ORDER BY 1, 2, 3";

/// The queries of views and materialized views, as the server keeps them: no lock is taken to read them.
const VIEWS: &str = "
    SELECT ev_class, ev_action::text FROM pg_catalog.pg_rewrite
    WHERE rulename = '_RETURN' AND ev_class >= 16384 ORDER BY ev_class";

/// Functions with such oids. An aggregate's own row promises what nobody keeps: it is as volatile as the worst of its
/// support functions, and in a language as one of them that a superuser did not have to make.
fn functions(oids: &str) -> String {
    format!(
        "SELECT p.oid, n.nspname::text, p.proname::text,
                coalesce(s.volatility, p.provolatile::text)::\"char\", coalesce(s.language, l.lanname::text),
                p.proargtypes::pg_catalog.oid[]
         FROM pg_catalog.pg_proc p
         JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
         JOIN pg_catalog.pg_language l ON l.oid = p.prolang
         LEFT JOIN (
             SELECT a.aggfnoid, max(f.provolatile::text) AS volatility,
                    max(fl.lanname::text) FILTER (WHERE fl.lanname NOT IN ('c', 'internal')) AS language
             FROM pg_catalog.pg_aggregate a
             JOIN pg_catalog.pg_proc f ON f.oid IN (
                 a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn,
                 a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn)
             JOIN pg_catalog.pg_language fl ON fl.oid = f.prolang
             WHERE a.aggfnoid >= {FIRST_NORMAL_OID}
             GROUP BY a.aggfnoid) s ON s.aggfnoid = p.oid
         WHERE p.oid {oids} ORDER BY p.oid"
    )
}

/// A schema or a language that gets another name changes what the rows say as well.
const MARK: &str = "
    SELECT f.number, f.sum + s.sum + l.sum, c.number, c.sum
    FROM (SELECT count(*) AS number, sum(xmin::text::bigint)::bigint AS sum
          FROM pg_catalog.pg_proc WHERE oid < 16384) f,
         (SELECT count(*) AS number, sum(xmin::text::bigint)::bigint AS sum
          FROM pg_catalog.pg_attribute WHERE attrelid < 16384) c,
         (SELECT sum(xmin::text::bigint)::bigint AS sum FROM pg_catalog.pg_namespace
          WHERE nspname !~ '^pg_(toast|temp_|toast_temp_)') s,
         (SELECT sum(xmin::text::bigint)::bigint AS sum FROM pg_catalog.pg_language) l";

const OPERATORS: &str = "
    SELECT n.nspname::text, o.oprname::text, o.oprcode::pg_catalog.oid
    FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
    WHERE n.nspname <> 'pg_catalog' ORDER BY o.oid";

const SETTINGS: &str = "
    SELECT r.rolname::text, s.setdatabase <> 0, s.setconfig
    FROM pg_catalog.pg_db_role_setting s
    LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
    WHERE (s.setrole = 0 OR r.rolname IS NOT NULL)
      AND s.setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database
                                WHERE datname = pg_catalog.current_database()))
    ORDER BY s.setdatabase, s.setrole";

/// What a session starts with before any role's or database's own settings. A setting of this very role would hide the
/// server's, and is then left out.
const DEFAULTS: &str = "
    SELECT name, reset_val FROM pg_catalog.pg_settings p
    WHERE name IN ('search_path', 'standard_conforming_strings')
      AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_db_role_setting s, unnest(s.setconfig) c
        WHERE s.setrole = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = CURRENT_USER)
          AND lower(split_part(c, '=', 1)) = p.name)
    UNION ALL
    SELECT 'client_encoding', pg_catalog.pg_encoding_to_char(encoding)::text
    FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()
    ORDER BY 1";

fn letter(row: &Row, index: usize) -> Read<char> {
    let byte: i8 = row.try_get(index)?;
    Ok(char::from(byte.cast_unsigned()))
}

fn relation(row: &Row) -> Read<Option<RelationRow>> {
    let Some(kind) = Kind::of(letter(row, 3)?) else {
        return Ok(None);
    };
    Ok(Some(RelationRow {
        oid: row.try_get(0)?,
        schema: row.try_get(1)?,
        name: row.try_get(2)?,
        kind,
        rules: row.try_get(4)?,
    }))
}

fn column(row: &Row) -> Read<ColumnRow> {
    Ok(ColumnRow {
        relation: row.try_get(0)?,
        number: row.try_get(1)?,
        name: row.try_get(2)?,
        type_oid: row.try_get(3)?,
    })
}

fn type_row(row: &Row) -> Read<TypeRow> {
    let part: u32 = row.try_get(4)?;
    Ok(TypeRow {
        oid: row.try_get(0)?,
        schema: row.try_get(1)?,
        name: row.try_get(2)?,
        form: match (letter(row, 3)?, part) {
            ('d', over) => Form::Domain(over),
            ('e', _) => Form::Enum,
            (_, 0) => Form::Other,
            (_, element) => Form::Array(element),
        },
    })
}

fn view_read(row: &Row) -> Read<ReadRow> {
    let column: i32 = row.try_get(2)?;
    Ok(ReadRow {
        view: row.try_get(0)?,
        relation: row.try_get(1)?,
        // A number that does not fit cannot be a column's: then all of them.
        column: i16::try_from(column).unwrap_or(-1),
    })
}

fn function(row: &Row) -> Read<FunctionRow> {
    Ok(FunctionRow {
        oid: row.try_get(0)?,
        schema: row.try_get(1)?,
        name: row.try_get(2)?,
        volatility: Volatility::of(letter(row, 3)?),
        language: row.try_get(4)?,
        arguments: row.try_get(5)?,
    })
}

fn settings(row: &Row) -> Read<Vec<SettingRow>> {
    let role: Option<String> = row.try_get(0)?;
    let database: bool = row.try_get(1)?;
    let assignments: Vec<String> = row.try_get(2)?;
    let setting = |assignment: String| {
        let (name, value) = assignment.split_once('=')?;
        Some(SettingRow {
            role: role.clone(),
            database,
            name: name.to_ascii_lowercase(),
            value: value.to_owned(),
        })
    };
    Ok(assignments.into_iter().filter_map(setting).collect())
}
