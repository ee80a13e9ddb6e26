-- What people do with psql: played once past the agent and once through it, and compared byte by byte.
-- Nothing here may depend on the time, on process ids or on anything else that differs between two fresh clusters.
\cd :directory
\set VERBOSITY verbose
\set SHOW_CONTEXT always

-- Definitions
CREATE SCHEMA shop;
CREATE TYPE shop.mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE shop.address AS (street text, number int);
CREATE DOMAIN shop.positive AS int CHECK (VALUE > 0);
CREATE TABLE shop.customers (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL,
  mood shop.mood DEFAULT 'ok',
  home shop.address,
  tags text[] DEFAULT '{}',
  extra jsonb
);
COMMENT ON TABLE shop.customers IS 'People who buy';
COMMENT ON COLUMN shop.customers.name IS 'As they write it: ünïcödé 漢字 🐘';
CREATE TABLE shop.orders (
  id serial PRIMARY KEY,
  customer int REFERENCES shop.customers ON DELETE CASCADE,
  total numeric(12, 2) CHECK (total >= 0),
  quantity shop.positive,
  placed date NOT NULL DEFAULT '2026-01-01',
  doubled numeric GENERATED ALWAYS AS (total * 2) STORED
);
CREATE INDEX orders_customer ON shop.orders (customer);
CREATE UNIQUE INDEX customers_name ON shop.customers (lower(name));
CREATE VIEW shop.spending AS
  SELECT c.name, sum(o.total) AS total FROM shop.customers c JOIN shop.orders o ON o.customer = c.id GROUP BY c.name;
CREATE MATERIALIZED VIEW shop.frozen AS SELECT 1 AS one, 'ice'::text AS text;
CREATE SEQUENCE shop.tickets START 100 INCREMENT 10 MAXVALUE 120;
CREATE TABLE shop.events (at date, what text) PARTITION BY RANGE (at);
CREATE TABLE shop.events_2026 PARTITION OF shop.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE shop.nothing ();
CREATE TEMPORARY TABLE scratch (n int) ON COMMIT DELETE ROWS;
CREATE UNLOGGED TABLE shop.cache (key text PRIMARY KEY, value bytea);
CREATE FUNCTION shop.twice(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT n * 2';
CREATE FUNCTION shop.people(OUT id int, OUT name text) RETURNS SETOF record LANGUAGE sql
  AS $$ SELECT id, name FROM shop.customers ORDER BY id $$;
CREATE PROCEDURE shop.commit_halfway(n int) LANGUAGE plpgsql AS $body$
BEGIN
  FOR i IN 1..n LOOP
    INSERT INTO shop.events VALUES ('2026-02-01', 'step ' || i);
    IF i % 2 = 0 THEN COMMIT; END IF;
  END LOOP;
END $body$;
CREATE FUNCTION shop.stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE NOTICE 'trigger % on %', TG_OP, TG_TABLE_NAME;
  RETURN NEW;
END $$;
CREATE TRIGGER stamp BEFORE UPDATE ON shop.customers FOR EACH ROW EXECUTE FUNCTION shop.stamp();
CREATE RULE quiet AS ON DELETE TO shop.cache DO INSTEAD NOTHING;
CREATE ROLE reader;
GRANT USAGE ON SCHEMA shop TO reader;
GRANT SELECT ON ALL TABLES IN SCHEMA shop TO reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO reader;
SET search_path = shop, public;
SHOW search_path;

-- Rows
INSERT INTO customers (name, mood, home, tags, extra) VALUES
  ('Ada', 'happy', ROW('St James''s Square', 12), '{math,engine}', '{"born": 1815, "nested": [1, {"a": null}]}'),
  ('Grace', 'ok', ('Arlington', NULL), ARRAY['cobol', 'with "quotes"', NULL], '[]'),
  ('Edsger', DEFAULT, NULL, DEFAULT, NULL)
  RETURNING id, name, mood;
INSERT INTO orders (customer, total, quantity) SELECT 1 + n % 3, n * 1.25, n + 1 FROM generate_series(0, 20) n;
INSERT INTO orders (customer, total, quantity) VALUES (1, 5, 0);
INSERT INTO orders (customer, total, quantity) VALUES (1, -5, 1);
INSERT INTO orders (customer, total, quantity) VALUES (99, 5, 1);
INSERT INTO orders (customer, doubled) VALUES (1, 5);
INSERT INTO customers (id, name) VALUES (7, 'No');
INSERT INTO customers (id, name) OVERRIDING SYSTEM VALUE VALUES (7, 'Barbara');
INSERT INTO customers (name) VALUES ('ADA');
INSERT INTO customers (name) VALUES ('ADA') ON CONFLICT DO NOTHING;
INSERT INTO customers AS c (name) VALUES ('ADA') ON CONFLICT (lower(name)) DO UPDATE SET tags = c.tags || 'again' RETURNING *;
INSERT INTO customers (name) VALUES (NULL);
INSERT INTO cache VALUES ('empty', ''), ('bytes', '\x00ff10'), ('null', NULL);
INSERT INTO nothing DEFAULT VALUES;
UPDATE customers SET mood = 'sad' WHERE name = 'Grace' RETURNING id, mood;
UPDATE orders SET total = total + 1 FROM customers c WHERE c.id = customer AND c.name = 'Ada';
UPDATE customers SET mood = 'angry';
DELETE FROM cache;
DELETE FROM orders WHERE id > 20 RETURNING id, total, doubled;
MERGE INTO orders o USING (VALUES (1, 9.5), (500, 7)) AS v (id, total) ON o.id = v.id
  WHEN MATCHED THEN UPDATE SET total = v.total
  WHEN NOT MATCHED THEN INSERT (customer, total, quantity) VALUES (1, v.total, 1);
TRUNCATE events;
REFRESH MATERIALIZED VIEW frozen;
CALL commit_halfway(3);
SELECT * FROM events ORDER BY what;

-- Questions
SELECT * FROM customers ORDER BY id;
SELECT id, total, quantity, placed, doubled FROM orders ORDER BY id LIMIT 5 OFFSET 2;
SELECT c.name AS "Who", count(*) AS "How many", sum(total) FROM customers c LEFT JOIN orders o ON o.customer = c.id GROUP BY 1 ORDER BY 1;
SELECT * FROM spending ORDER BY name;
SELECT name, rank() OVER (ORDER BY total DESC) FROM spending ORDER BY name;
SELECT customer, total FROM orders WHERE total > ALL (SELECT total FROM orders WHERE customer = 2) ORDER BY 2;
WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < 10) SELECT sum(n) FROM t;
WITH gone AS (DELETE FROM orders WHERE id = 20 RETURNING *) SELECT count(*) FROM gone;
SELECT GROUPING(customer), customer, count(*) FROM orders GROUP BY ROLLUP (customer) ORDER BY 1, 2;
SELECT * FROM people();
SELECT twice(21), (ROW('a', 1)::address).street, 'sad'::mood < 'happy'::mood;
SELECT * FROM nothing;
SELECT;
SELECT FROM customers;
SELECT NULL, '' AS empty, ' ' AS blank;
VALUES (1, 'one'), (2, NULL) ORDER BY 1;
TABLE frozen;
SELECT 1 UNION SELECT 2 EXCEPT SELECT 2;
SELECT x FROM unnest(ARRAY[3, 1, 2]) WITH ORDINALITY AS u(x, i) ORDER BY i;
SELECT DISTINCT ON (customer) customer, id FROM orders ORDER BY customer, id;
SELECT string_agg(name, ', ' ORDER BY id) FILTER (WHERE id < 3) FROM customers;
SELECT * FROM customers c CROSS JOIN LATERAL (SELECT max(total) FROM orders WHERE customer = c.id) m ORDER BY id;
SELECT extra -> 'nested' -> 1 ->> 'a', extra #>> '{nested,0}', jsonb_path_query_array(extra, '$.**') FROM customers WHERE id = 1;
SELECT nextval('tickets'), currval('tickets'), lastval();
SELECT nextval('tickets');
SELECT nextval('tickets');
SELECT nextval('tickets');
SELECT count(*) FROM generate_series(1, 100000);
SELECT repeat('wide ', 2000) AS wide, n FROM generate_series(1, 3) n;
SELECT setseed(0.5);
SELECT round(random()::numeric, 6) FROM generate_series(1, 3);
SELECT "weird ""name""" FROM (SELECT 1 AS "weird ""name""") x;
SELECT $$dollar 'quoted'$$, $tag$with $$ inside$tag$, E'tab\there\nline', U&'\0061\+01F418', B'1010', X'1F';
SELECT /* comment /* nested */ here */ 1 -- and there
;

-- Types
SELECT 32767::int2, -2147483648::int4, 9223372036854775807::int8, 1.5::float4, 'NaN'::float8, '-Infinity'::float8;
SELECT 1e300::float8, 123456789012345678901234567890.123456789::numeric, 0.000000000000000001::numeric, 'NaN'::numeric;
SELECT true, false, NULL::bool, 'x'::"char", 'padded'::char(10), 'varying'::varchar(3), 'name'::name;
SELECT '\xdeadbeef'::bytea, 'esc\\ape\000'::bytea;
SET bytea_output = escape;
SELECT '\xdeadbeef'::bytea;
RESET bytea_output;
SELECT '2026-02-28'::date, '23:59:59.999999'::time, '12:00+02'::timetz, '2026-02-28 12:00'::timestamp;
SET TIME ZONE 'Europe/Berlin';
SELECT '2026-07-01 12:00+00'::timestamptz, 'infinity'::timestamptz, '4713-01-01 BC'::date;
SET datestyle = 'German, DMY';
SELECT '2026-07-01 12:00+00'::timestamptz, '31.12.2026'::date;
SET intervalstyle = 'iso_8601';
SELECT '1 year 2 mons -3 days 04:05:06.7'::interval;
RESET datestyle;
RESET intervalstyle;
SET extra_float_digits = 0;
SELECT 0.1::float8 + 0.2::float8;
RESET extra_float_digits;
SELECT '{"a":1,  "a":2}'::json, '{"a":1,  "a":2}'::jsonb;
SELECT '<a>b</a>'::xml;
SELECT '(1,2)'::point, '[(0,0),(1,1)]'::lseg, '<(0,0),5>'::circle, '((0,0),(1,1),(1,0))'::polygon;
SELECT '10.0.0.0/8'::cidr, '::1'::inet, '08:00:2b:01:02:03'::macaddr;
SELECT 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, '$1,234.50'::money;
SELECT '{1,2,NULL}'::int[], '{{a,b},{c,"d e"}}'::text[], '[0:1]={7,8}'::int[];
SELECT int4range(1, 10), '[2026-01-01,)'::daterange, '{[1,3),[5,7)}'::int4multirange;
SELECT to_tsvector('english', 'The quick brown foxes'), 'fox & quick'::tsquery;
SELECT 'pg_class'::regclass, 'int4in'::regproc, '16/B374D848'::pg_lsn, 'customers'::regclass;
SELECT ROW(1, 'x', NULL), ROW(ROW(1, 2), ARRAY[ROW('a', 1)::address]);

-- Errors
SELECT 1 / 0;
SELECT * FROM missing;
SELECT missing FROM customers;
SELEC 1;
SELECT 'unfinished' || ;
SELECT 'abc'::int;
SELECT twice('a', 'b');
SELECT repeat('x', -1)::int + 99999999999::int;
SELECT * FROM customers WHERE id = ANY ('{1,x}');
CREATE TABLE customers (id int);
DROP TABLE missing;
DROP TABLE IF EXISTS missing, also_missing;
DROP TYPE mood;
ALTER TABLE customers ADD COLUMN name text;
CREATE UNIQUE INDEX ON orders (customer);
SET nonsense = 1;
SET statement_timeout = 'soon';
COPY missing TO STDOUT;
SELECT pg_sleep(0) \; SELECT 1 / 0;
\errverbose
DO $$ BEGIN RAISE EXCEPTION 'own words: %', 'ünïcödé' USING ERRCODE = 'WE001', DETAIL = 'the detail', HINT = 'the hint', COLUMN = 'c', CONSTRAINT = 'k', DATATYPE = 'd', TABLE = 't', SCHEMA = 's'; END $$;
DO $$ BEGIN RAISE NOTICE 'notice %', 1; RAISE WARNING 'warning'; RAISE INFO 'info'; RAISE LOG 'log'; RAISE DEBUG 'debug'; END $$;
SET client_min_messages = debug1;
DO $$ BEGIN RAISE DEBUG 'now seen'; END $$;
RESET client_min_messages;
DO LANGUAGE plpgsql $$ DECLARE n int; BEGIN SELECT id INTO STRICT n FROM shop.customers; END $$;

-- Transactions
BEGIN;
INSERT INTO customers (name) VALUES ('Rolled back');
SELECT count(*) FROM customers;
ROLLBACK;
SELECT count(*) FROM customers;
BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE;
SHOW transaction_isolation;
INSERT INTO customers (name) VALUES ('Read only');
SELECT 1;
COMMIT;
START TRANSACTION;
SAVEPOINT one;
INSERT INTO customers (name) VALUES ('One');
SAVEPOINT two;
INSERT INTO customers (name) VALUES ('One');
SELECT 'in a failed transaction';
ROLLBACK TO SAVEPOINT two;
INSERT INTO customers (name) VALUES ('Two');
RELEASE SAVEPOINT one;
ROLLBACK TO two;
ROLLBACK;
BEGIN;
SELECT 1 / 0;
COMMIT;
COMMIT;
ROLLBACK;
BEGIN;
BEGIN;
INSERT INTO scratch VALUES (1), (2);
TABLE scratch;
COMMIT AND CHAIN;
TABLE scratch;
END;
BEGIN;
SET LOCAL search_path = pg_catalog;
SHOW search_path;
ABORT;
SHOW search_path;
BEGIN;
LOCK TABLE customers IN ACCESS EXCLUSIVE MODE;
SET CONSTRAINTS ALL DEFERRED;
PREPARE TRANSACTION 'two phases';
SELECT gid, database FROM pg_prepared_xacts;
COMMIT PREPARED 'two phases';
COMMIT PREPARED 'two phases';
SELECT 1 \; SELECT 2 \; SELECT 3;
BEGIN \; INSERT INTO customers (name) VALUES ('Several') \; SELECT 1 / 0 \; COMMIT;
SELECT count(*) FROM customers WHERE name = 'Several';
ROLLBACK;
INSERT INTO customers (name) VALUES ('Implicit') \; SELECT 1 / 0;
SELECT count(*) FROM customers WHERE name = 'Implicit';
\set AUTOCOMMIT off
SELECT 1;
INSERT INTO customers (name) VALUES ('Open');
ROLLBACK;
\set AUTOCOMMIT on
\set ON_ERROR_ROLLBACK on
BEGIN;
SELECT 1 / 0;
SELECT 'still fine';
COMMIT;
\unset ON_ERROR_ROLLBACK

-- Prepared statements and cursors
PREPARE by_name (text) AS SELECT id, name FROM customers WHERE name = $1;
EXECUTE by_name('Ada');
EXECUTE by_name(NULL);
EXECUTE by_name;
EXECUTE missing;
SELECT name, statement, parameter_types, from_sql FROM pg_prepared_statements;
ALTER TABLE customers ADD COLUMN added int DEFAULT 5;
EXECUTE by_name('Grace');
PREPARE everything AS SELECT * FROM customers;
ALTER TABLE customers DROP COLUMN added;
EXECUTE everything;
DEALLOCATE by_name;
DEALLOCATE by_name;
DEALLOCATE ALL;
BEGIN;
DECLARE walk SCROLL CURSOR FOR SELECT id, total FROM orders ORDER BY id;
FETCH 2 FROM walk;
FETCH BACKWARD 1 FROM walk;
FETCH ABSOLUTE 5 FROM walk;
FETCH LAST FROM walk;
MOVE FIRST FROM walk;
FETCH ALL FROM walk;
FETCH FORWARD 3 FROM walk;
SELECT name, is_scrollable FROM pg_cursors;
CLOSE walk;
FETCH walk;
ROLLBACK;
DECLARE outside CURSOR FOR SELECT 1;
DECLARE kept CURSOR WITH HOLD FOR SELECT n FROM generate_series(1, 5) n;
FETCH 3 FROM kept;
CLOSE ALL;
BEGIN;
DECLARE changing CURSOR FOR SELECT * FROM cache FOR UPDATE;
FETCH changing;
UPDATE cache SET value = '\xaa' WHERE CURRENT OF changing;
COMMIT;
\set FETCH_COUNT 7
SELECT n, n * n AS square FROM generate_series(1, 20) n;
SELECT n / (n - 15) FROM generate_series(1, 20) n;
\unset FETCH_COUNT

-- COPY
COPY customers (id, name, tags) TO STDOUT;
COPY customers TO STDOUT (FORMAT csv, HEADER, FORCE_QUOTE *);
COPY (SELECT id, name, NULL AS nothing FROM customers ORDER BY id) TO STDOUT (FORMAT csv, DELIMITER ';', NULL 'nil');
COPY (SELECT 'tab	and \ backslash', E'line\nbreak') TO STDOUT;
COPY nothing TO STDOUT;
CREATE TABLE copied (id int, name text, amount numeric);
COPY copied FROM STDIN;
1	one	1.5
2	two with \t tab	\N
3	ünïcödé 漢字	-7
\.
COPY copied FROM STDIN (FORMAT csv, HEADER);
id,name,amount
4,"quoted, with ""quotes"" and
a line break",2
5,,
\.
COPY copied (id) FROM STDIN;
6
seven
8
\.
COPY copied FROM STDIN;
9	too	1	many
\.
COPY copied FROM STDIN;
\.
TABLE copied;
COPY (SELECT 1 / (3 - n) FROM generate_series(1, 5) n) TO STDOUT;
BEGIN;
COPY copied FROM STDIN WITH (FREEZE);
\.
COPY copied FROM STDIN;
bad
\.
SELECT 'after a failed COPY';
ROLLBACK;
\copy copied TO 'text'
\copy copied TO 'binary' (FORMAT binary)
\copy (SELECT n, repeat('x', n % 50) FROM generate_series(1, 5000) n) TO 'many.csv' csv
CREATE TABLE back (LIKE copied);
\copy back FROM 'binary' (FORMAT binary)
\copy back FROM 'text'
\copy back FROM 'many.csv' csv
\copy back (id, name) FROM 'many.csv' csv
\copy missing FROM 'text'
SELECT count(*), sum(id), max(length(name)) FROM back;
\copy back TO PROGRAM 'wc -l'
SELECT * FROM copied \g selected
SELECT count(*) FROM copied \g | cat
\o spooled
SELECT 'into a file';
COPY copied TO STDOUT;
\o
SELECT 'to the terminal';

-- Notifications
LISTEN news;
NOTIFY news;
NOTIFY news, 'with payload';
SELECT pg_notify('news', 'by function');
BEGIN;
NOTIFY news, 'in a transaction';
NOTIFY news, 'in a transaction';
SELECT 'before the commit';
COMMIT;
UNLISTEN *;
NOTIFY news, 'nobody listens';

-- psql's own
SELECT 'Ada' AS who, 42 AS answer \gset my_
\echo :my_who :my_answer
SELECT :'my_who', :my_answer;
SELECT format('SELECT %s AS generated', n) FROM generate_series(1, 3) n \gexec
SELECT format('SELECT 1 / %s', n) FROM generate_series(-1, 1) n \gexec
SELECT customer, placed, count(*) FROM orders GROUP BY 1, 2 \crosstabview customer placed
SELECT id, name, mood, 1.5 AS constant FROM customers \gdesc
SELEC \gdesc
INSERT INTO customers (name) VALUES ('never') \gdesc
SELECT 1 AS a, 2 AS b \gx
\x auto
SELECT * FROM customers ORDER BY id LIMIT 1;
\x off
\pset null '(null)'
\pset format unaligned
SELECT NULL, 1;
\pset format html
SELECT '<b>' AS html;
\pset format aligned
\pset border 2
SELECT 1 AS boxed;
\pset border 1
\if 1
SELECT 'taken';
\else
SELECT 'not taken';
\endif
\d
\d customers
\d+ orders
\d spending
\dt shop.*
\dn+ shop
\dT+ shop.*
\df shop.*
\sf shop.twice
\sv shop.spending
\di+ shop.customers_name
\ds shop.*
\dp shop.customers
\du reader
\ddp
\dd shop.*
\dC mood
\do ~~
\dx
\l app
\dconfig search_path
\z orders
\encoding
\lo_import text 'a large object'
\set object :LASTOID
\lo_list
SELECT length(lo_get(:object));
\lo_export :object exported
\lo_unlink :object
\lo_unlink 4711
SELECT lo_creat(-1) > 0;
SELECT :ROW_COUNT, :'SQLSTATE', :'ERROR';

-- The rest
EXPLAIN (COSTS OFF) SELECT * FROM customers WHERE id = 1;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF) SELECT count(*) FROM orders;
EXPLAIN (FORMAT json, COSTS OFF) SELECT 1;
ANALYZE customers;
VACUUM (ANALYZE) orders;
REINDEX TABLE orders;
CLUSTER orders USING orders_pkey;
CHECKPOINT;
BEGIN;
VACUUM orders;
ROLLBACK;
SET ROLE reader;
SELECT current_user, session_user;
INSERT INTO customers (name) VALUES ('no');
SELECT count(*) FROM customers;
RESET ROLE;
SET SESSION AUTHORIZATION reader;
SELECT current_user, session_user;
RESET SESSION AUTHORIZATION;
REVOKE ALL ON ALL TABLES IN SCHEMA shop FROM reader;
SELECT set_config('work_mem', '8MB', false), current_setting('work_mem'), current_setting('missing.one', true);
SET work_mem TO DEFAULT;
SHOW work_mem;
SHOW ALL \g /dev/null
SELECT count(*) FROM pg_settings WHERE source = 'session';
SELECT pg_advisory_lock(1), pg_try_advisory_lock(1);
SELECT pg_advisory_unlock(1), pg_advisory_unlock(2);
SET statement_timeout = 50;
SELECT pg_sleep(60);
RESET statement_timeout;
SELECT pg_cancel_backend(pg_backend_pid());
SET standard_conforming_strings = off;
SELECT 'a\nb';
SET standard_conforming_strings = on;
SELECT 'a\nb';
SET client_encoding = 'LATIN1';
SHOW client_encoding;
SELECT 'M' || chr(252) || 'ller', length('ü');
SELECT chr(28450);
SET client_encoding = 'SJIS';
SELECT chr(28450);
SET client_encoding = 'UTF8';
ALTER TABLE customers RENAME COLUMN name TO full_name;
SELECT full_name FROM customers ORDER BY id LIMIT 1;
SELECT name FROM customers;
ALTER TABLE customers RENAME TO people_who_buy;
TABLE people_who_buy;
CREATE TABLE made AS SELECT id, full_name FROM people_who_buy ORDER BY id;
SELECT id INTO also_made FROM made;
CREATE TABLE IF NOT EXISTS made (id int);
SELECT * FROM made NATURAL JOIN also_made ORDER BY id;
CREATE EXTENSION missing_extension;
CREATE POLICY own ON made USING (id = 1);
ALTER TABLE made ENABLE ROW LEVEL SECURITY;
SECURITY LABEL ON TABLE made IS 'x';
DISCARD TEMP;
TABLE scratch;
DISCARD ALL;
SHOW search_path;
DROP OWNED BY reader;
DROP ROLE reader;
\c app
SELECT 'a new session', current_database();
DROP SCHEMA shop;
DROP SCHEMA shop CASCADE;
SELECT pg_terminate_backend(pg_backend_pid());
SELECT 'after the end';
\! echo done
