//! What is asked of a catalog. Works on PostgreSQL 12 to 18.
//!
//! A client's own session can carry these too, so they must mean the same whatever the client did to its session: names
//! and operators are looked for in `pg_catalog` only, and last where it could have put its own (`pg_temp`). What is asked
//! before that is set names everything in full.

use std::time::Duration;

use sql::FIRST_NORMAL_OID;

/// How many statements [`settle`].
pub const SETTLING: usize = 3;

/// What must hold before anything else is asked: what names and bytes mean, and how long an answer may take. Nothing of it
/// outlives the transaction: behind a pooler, others use the same session of the server.
pub fn settle(limit: Duration) -> [String; SETTLING] {
    [
        "SET LOCAL search_path = pg_catalog, pg_temp".into(),
        "SET LOCAL client_encoding = 'UTF8'".into(),
        format!("SET LOCAL statement_timeout = {}", limit.as_millis()),
    ]
}

/// What a session starts with before any role's or database's own settings. Where this session started with something of
/// its own, the server's is hidden, and left out. It is asked first, because setting it hides it as well.
pub const DEFAULTS: &str = "
    SELECT name, reset_val FROM pg_catalog.pg_settings
    WHERE name OPERATOR(pg_catalog.=) ANY (
            '{search_path,standard_conforming_strings}'::pg_catalog.text[])
      AND source OPERATOR(pg_catalog.=) ANY (
            '{default,dynamic default,environment variable,configuration file,command line,override}'
            ::pg_catalog.text[])";

/// The encoding that a session has where neither it nor its role says another.
pub const ENCODING: &str = "
    SELECT 'client_encoding', pg_catalog.pg_encoding_to_char(encoding)::text
    FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()";

pub const SCHEMAS: &str = "
    SELECT nspname::text FROM pg_catalog.pg_namespace
    WHERE nspname !~ '^pg_(toast|temp_|toast_temp_)' ORDER BY oid";

/// A rule that is not a view's own (`_RETURN`) makes a write to the relation something else.
pub const RELATIONS: &str = "
    SELECT c.oid, n.nspname::text, c.relname::text, c.relkind,
           EXISTS (SELECT FROM pg_catalog.pg_rewrite r
                   WHERE r.ev_class = c.oid AND r.rulename <> '_RETURN')
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname !~ '^pg_(toast|temp_|toast_temp_)'
    ORDER BY c.oid";

/// The queries of views and materialized views, as the server keeps them: no lock is taken to read them.
pub const VIEWS: &str = "
    SELECT ev_class, ev_action::text FROM pg_catalog.pg_rewrite
    WHERE rulename = '_RETURN' AND ev_class >= 16384 ORDER BY ev_class";

/// Columns of the relations with such oids.
pub fn columns(oids: &str) -> String {
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
pub const TYPES: &str = "
    SELECT t.oid, n.nspname::text, t.typname::text, t.typtype,
           CASE WHEN t.typtype = 'd' THEN t.typbasetype WHEN t.typcategory = 'A' THEN t.typelem
                ELSE 0 END AS part
    FROM pg_catalog.pg_type t
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem
    WHERE t.oid >= 16384 AND t.typtype IN ('b', 'd', 'e') AND (e.oid IS NULL OR e.typtype IN ('b', 'd', 'e'))
    ORDER BY t.oid";

pub const INHERITS: &str = "
    SELECT inhrelid, inhparent FROM pg_catalog.pg_inherits ORDER BY inhrelid, inhseqno";

/// Foreign keys that change the rows which refer to a changed row (CASCADE, SET NULL, SET DEFAULT).
pub const CASCADES: &str = "
    SELECT DISTINCT confrelid, conrelid FROM pg_catalog.pg_constraint
    WHERE contype = 'f' AND (confdeltype IN ('c', 'n', 'd') OR confupdtype IN ('c', 'n', 'd'))
    ORDER BY 1, 2";

/// Whole rows in a view's query (`varattno 0`) leave no column in pg_depend, so such a view reaches all columns.
/// System views are left out: their dependencies are not recorded.
pub const READS: &str = "
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

/// Functions with such oids. An aggregate's own row promises what nobody keeps: it is as volatile as the worst of its
/// support functions, and in a language as one of them that a superuser did not have to make.
pub fn functions(oids: &str) -> String {
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
pub const MARK: &str = "
    SELECT f.number, f.sum + s.sum + l.sum, c.number, c.sum
    FROM (SELECT count(*) AS number, sum(xmin::text::bigint)::bigint AS sum
          FROM pg_catalog.pg_proc WHERE oid < 16384) f,
         (SELECT count(*) AS number, sum(xmin::text::bigint)::bigint AS sum
          FROM pg_catalog.pg_attribute WHERE attrelid < 16384) c,
         (SELECT sum(xmin::text::bigint)::bigint AS sum FROM pg_catalog.pg_namespace
          WHERE nspname !~ '^pg_(toast|temp_|toast_temp_)') s,
         (SELECT sum(xmin::text::bigint)::bigint AS sum FROM pg_catalog.pg_language) l";

pub const OPERATORS: &str = "
    SELECT n.nspname::text, o.oprname::text, o.oprcode::pg_catalog.oid
    FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
    WHERE n.nspname <> 'pg_catalog' ORDER BY o.oid";

pub const SETTINGS: &str = "
    SELECT r.rolname::text, s.setdatabase <> 0, s.setconfig
    FROM pg_catalog.pg_db_role_setting s
    LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
    WHERE (s.setrole = 0 OR r.rolname IS NOT NULL)
      AND s.setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database
                                WHERE datname = pg_catalog.current_database()))
    ORDER BY s.setdatabase, s.setrole";
