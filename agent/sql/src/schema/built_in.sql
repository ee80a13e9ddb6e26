-- Writes built_in.txt: psql -X -f built_in.sql > built_in.txt
\set QUIET on
\pset format unaligned
\pset tuples_only on
\pset fieldsep ' '
SELECT 'function', n.nspname, l.lanname, p.provolatile, string_agg(DISTINCT p.proname, ' ' ORDER BY p.proname)
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_language l ON l.oid = p.prolang
WHERE p.oid < 16384
GROUP BY n.nspname, l.lanname, p.provolatile
ORDER BY n.nspname, l.lanname, p.provolatile;
SELECT 'relation', n.nspname, c.relkind,
       CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid AND r.rulename <> '_RETURN')
            THEN 'rules' ELSE 'plain' END,
       c.relname, string_agg(a.attname, ' ' ORDER BY a.attnum)
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
WHERE c.oid < 16384 AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'v')
  AND n.nspname IN ('pg_catalog', 'information_schema')
GROUP BY n.nspname, c.oid, c.relkind, c.relname
ORDER BY n.nspname, c.relname;
