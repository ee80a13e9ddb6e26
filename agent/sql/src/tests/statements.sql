SELECT ssn FROM emp
SELECT ssn AS x FROM emp e
SELECT * FROM emp
TABLE emp
SELECT e.* FROM emp e
SELECT lower(ssn) FROM emp
SELECT ssn, ssn || 'x' FROM emp
SELECT count(*) FROM emp
SELECT ctid FROM emp
SELECT e FROM emp e
SELECT row_to_json(e) FROM emp e
SELECT row_to_json(row(e.*)) FROM emp e
SELECT e.row_to_json FROM emp e
SELECT (e).ssn FROM emp e
SELECT ssn FROM emp UNION ALL SELECT name FROM emp
SELECT ssn FROM emp; SELECT 1
SELECT s.ssn FROM (SELECT * FROM emp) s
SELECT x FROM emp AS e(w, v, x)
SELECT db.public.emp.ssn FROM public.emp
SELECT 1 FROM emp WHERE ssn = 'x'
SELECT id FROM emp ORDER BY ssn
SELECT ssn AS x FROM emp ORDER BY x
SELECT id, ssn FROM emp ORDER BY 2
SELECT name AS ssn FROM emp ORDER BY ssn
SELECT name AS ssn, count(*) FROM emp GROUP BY ssn
SELECT DISTINCT ssn FROM emp
SELECT DISTINCT ON (boss) id FROM emp
SELECT count(*) FILTER (WHERE ssn > 'a') FROM emp
SELECT string_agg(name, ',' ORDER BY ssn) FROM emp
SELECT count(*) OVER (PARTITION BY ssn) FROM emp
SELECT count(*) OVER w FROM emp WINDOW w AS (ORDER BY ssn)
SELECT id FROM emp GROUP BY id HAVING max(ssn) > 'a'
SELECT 1 LIMIT (SELECT id FROM emp)
SELECT a.id FROM emp a JOIN hr.pay p ON a.ssn = p.iban
SELECT id FROM emp a JOIN emp b USING (id)
SELECT a.id FROM emp a JOIN emp b USING (id)
SELECT 1 FROM emp WHERE id IN (SELECT emp_id FROM hr.pay WHERE amount > 1)
SELECT 1 FROM (SELECT ssn AS x FROM emp) s WHERE x = ''
SELECT count(*) FROM (SELECT ssn FROM emp UNION SELECT iban FROM hr.pay) u(v) WHERE v > ''
WITH emp AS (SELECT 1 AS ssn) SELECT ssn FROM emp
WITH emp AS (SELECT ssn FROM emp) SELECT ssn FROM emp
WITH emp AS (SELECT 1 AS ssn) SELECT ssn FROM public.emp
WITH RECURSIVE r AS (SELECT boss FROM emp UNION ALL SELECT boss FROM r) SELECT boss FROM r
WITH RECURSIVE a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a
SELECT relname FROM pg_class
SELECT secret FROM hr.emp
SELECT "SSN" FROM emp
SELECT SSN FROM "emp"
SELECT ssn FROM nothing
SELECT emp.ssn FROM emp e
SELECT id FROM emp a, emp b
SELECT 1 FROM other.public.emp
SELECT (SELECT ssn) FROM emp
SELECT 1 FROM emp, (SELECT ssn) s
SELECT 1 FROM emp, LATERAL (SELECT ssn) s
SELECT g.x FROM emp, unnest(ssn) AS g(x)
SELECT (SELECT ssn FROM generate_series(1, 2) g) FROM emp
SELECT s FROM staff
SELECT who FROM log
SELECT who FROM log_1 WHERE at > now()
INSERT INTO emp VALUES (1)
INSERT INTO emp (id) SELECT emp_id FROM hr.pay RETURNING ssn
INSERT INTO emp (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET name = excluded.name || emp.ssn
UPDATE emp SET name = ssn WHERE id = 1
UPDATE emp SET name = 'x'
UPDATE emp SET (name, boss) = (SELECT iban, 1 FROM hr.pay) WHERE id = 1
UPDATE emp e SET name = p.iban FROM hr.pay p WHERE p.emp_id = e.id RETURNING *
DELETE FROM emp
DELETE FROM emp WHERE ssn = 'x' RETURNING ssn
TRUNCATE emp, hr.pay
MERGE INTO emp e USING hr.pay p ON e.id = p.emp_id WHEN MATCHED AND p.amount > 1 THEN DELETE WHEN NOT MATCHED THEN INSERT (id) VALUES (p.emp_id)
INSERT INTO ruled VALUES (1)
SELECT ssn FROM emp FOR UPDATE
WITH d AS (DELETE FROM emp RETURNING ssn) SELECT ssn FROM d
EXPLAIN ANALYZE DELETE FROM emp
EXPLAIN SELECT ssn FROM emp
COPY emp TO STDOUT
COPY emp (id) FROM STDIN
COPY emp (id) TO '/tmp/x'
COPY emp FROM PROGRAM 'id'
COPY (DELETE FROM emp RETURNING ssn) TO STDOUT
CREATE TABLE t AS SELECT ssn FROM emp
SELECT ssn INTO t FROM emp
CREATE TEMP TABLE t AS SELECT ssn FROM emp
CREATE VIEW hr.v AS SELECT ssn FROM emp
PREPARE p AS SELECT ssn FROM emp
EXECUTE p
DO $$ BEGIN DELETE FROM emp; END $$
CALL archive(1)
DECLARE c CURSOR FOR SELECT ssn FROM emp
FETCH ALL FROM c
BEGIN; COMMIT
SHOW search_path
SET statement_timeout = 1
SET ROLE boss
RESET ALL
DISCARD ALL
PREPARE TRANSACTION 'two'
COMMIT PREPARED 'two'
ROLLBACK PREPARED 'two'
NOTIFY c, 'x'
LOCK TABLE emp
VACUUM emp
CHECKPOINT
GRANT SELECT ON emp TO app
GRANT boss TO app
ALTER TABLE emp OWNER TO app
CREATE ROLE x SUPERUSER
ALTER ROLE app SUPERUSER
DROP TABLE emp, hr.pay
DROP TABLE IF EXISTS nothing
DROP SCHEMA hr CASCADE
DROP FUNCTION archive(int)
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'
CREATE EXTENSION dblink
CREATE INDEX i ON emp (ssn)
CREATE TRIGGER t BEFORE INSERT ON emp EXECUTE FUNCTION archive()
ALTER SYSTEM SET archive_command = 'x'
CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p
CREATE SCHEMA s CREATE TABLE t (a int)
WITH d AS (DELETE FROM emp RETURNING id) INSERT INTO hr.pay (emp_id) SELECT id FROM d
SELECT lower('A'), now(), random()
SELECT nextval('seq')
SELECT archive(1)
SELECT dblink('x')
SELECT similarity('a', 'b')
SELECT leak('a')
SELECT 'a' % 'b'
SELECT 'a' <<< 'b'
SELECT 1 + 1
SELECT 1 OPERATOR(hr.+) 1
SELECT nothing(1)
SELECT upper('a')
SELECT pg_catalog.upper('a')
SELECT * FROM archive(1)
SELECT archive(id) FROM emp
SELECT * FROM emp WHERE true
SELECT * FROM (SELECT * FROM emp) e
SELECT emp.* FROM emp, unnest($1::int[]) u
SELECT * FROM emp WHERE id = 1 UNION ALL SELECT * FROM emp
WITH e AS (TABLE emp) SELECT * FROM e
VALUES (1), (2)
SELECT 1 UNION ALL SELECT 2
SELECT * FROM unnest($1::int[])
SELECT * FROM (VALUES (1), (2)) v (id)
SELECT * FROM emp WHERE id = 1
SELECT 1 FROM emp LIMIT 10
SELECT 1 FROM emp FETCH FIRST 5 ROWS ONLY
SELECT 1 UNION SELECT 2 LIMIT 3
SELECT 1 FROM emp
SELECT 1 FROM emp LIMIT $1
SELECT 1 FROM emp LIMIT ALL
SELECT 1 FROM emp ORDER BY 1 FETCH FIRST 5 ROWS WITH TIES
SELECT 1 FROM (SELECT 1 FROM emp LIMIT 1) s
SELECT 1 LIMIT 1; SELECT 1 FROM emp
SELECT 1; SELECT 2
CREATE TABLE fresh (a int)
CREATE TABLE IF NOT EXISTS emp (a int)
UPDATE emp SET id = NULL WHERE id = 1
DELETE FROM emp WHERE id = 1
INSERT INTO emp (id) VALUES (1)
DELETE FROM staff WHERE id = 1
SELECT 1; DELETE FROM emp
WITH d AS (DELETE FROM emp RETURNING *) SELECT 1
DELETE FROM emp WHERE true
DELETE FROM emp WHERE 1=1
BEGIN; DELETE FROM emp; COMMIT
DELETE/**/FROM/**/ONLY"emp"
MERGE INTO emp USING hr.pay ON true WHEN MATCHED THEN DELETE
SELECT 'drop table x', 'DELETE FROM emp'
TRUNCATE emp
DROP/**/TABLE emp
DROP OWNED BY app
DROP ROLE app
ALTER/**/TABLE emp ADD x int
SELECT emp.* FROM emp
SELECT *, 1 FROM emp
SELECT/**/*FROM emp
SELECT id, name, ssn, boss FROM emp
SELECT name AS ssn, ssn AS name FROM emp
SELECT max(ssn) FROM emp
SELECT e::text FROM emp e
SELECT xmlforest(ssn AS x) FROM emp
SELECT ARRAY(SELECT ssn FROM emp)
SELECT json_object('a': ssn) FROM emp
SELECT 1/(ssn = 'x')::int FROM emp
SELECT CASE WHEN ssn > 'a' THEN 1 END FROM emp
SELECT (SELECT e.ssn) FROM emp e
SELECT ssn(e) FROM emp e
INSERT INTO hr.pay (iban) SELECT ssn FROM emp
SELECT query_to_xml('SELECT ssn FROM emp', true, true, '')
SELECT table_to_xml('emp', true, true, '')
SELECT pg_read_file('/etc/passwd')
SELECT PG_CATALOG . "pg_read_file"('x')
SELECT lo_import('/etc/passwd')
SELECT 1 WHERE pg_sleep(9) IS NULL
SELECT * FROM dblink('x') AS t(a int)
UPDATE emp SET id = id WHERE id = 1 AND archive(1) IS NULL
SET search_path = hr; SELECT secret FROM emp
SET "Search_Path" TO 'hr'; SELECT secret FROM emp
SELECT set_config('search_path', 'hr', false); SELECT secret FROM emp
SELECT set_config('search_path', 'hr', false) FROM emp; SELECT secret FROM emp
SELECT set_config(name, 'hr', false) FROM emp; SELECT 1 FROM emp
SELECT archive(1); SELECT secret FROM emp
SELECT archive(1); SELECT ssn FROM public.emp
CREATE TEMP TABLE emp (a int); SELECT a FROM emp
SELECT 1 AS a INTO TEMP emp; SELECT a FROM emp
SELECT 1 FROM pg_temp.emp
ALTER TABLE emp RENAME TO x; SELECT * FROM emp
SET search_path = hr, public; SELECT 1 FROM emp
SET search_path = public, pg_catalog; SELECT trap FROM pg_class
SET search_path = hr; ROLLBACK; SELECT ssn FROM emp
SELECT name FROM emp WHERE id = 1
SELECT name FROM emp WHERE id = 123456789
SELECT name FROM emp WHERE 1 = id AND name LIKE 'a%'
SELECT name FROM emp WHERE 77 = id AND name LIKE ''
SELECT name FROM emp WHERE id IN (1, 2) OR NOT id BETWEEN 3 AND 4
SELECT name FROM emp WHERE id IN (10, 20) OR NOT id BETWEEN 30 AND 40
UPDATE emp SET boss = boss + -5, name = 'x' WHERE id = 1
UPDATE emp SET boss = boss + -77, name = 'yy' WHERE id = 2
INSERT INTO emp (id, name) VALUES (1, 'a'), (2, 'b')
DELETE FROM emp WHERE id <> -1; DELETE FROM emp WHERE id=2
DELETE FROM emp WHERE id <> -2; DELETE FROM emp WHERE id=3
SELECT id FROM emp LIMIT 1
SELECT id FROM emp LIMIT 2
SELECT id, ssn FROM emp ORDER BY 1
DELETE FROM emp WHERE 1 = 2
DELETE FROM emp WHERE 1 = 1
SELECT set_config('search_path', 'a', false)
SELECT set_config('search_path', 'b', false)
SET search_path = 'a'
SET search_path = 'b'
SELECT id FROM emp WHERE name = lower('A')
SELECT id FROM emp WHERE name = lower('B')
SELECT id FROM emp WHERE name -> 'a'
SELECT id FROM emp WHERE name -> 'b'
SELECT name FROM emp WHERE id = 1 AND name = 'a'
SELECT name FROM emp WHERE id = 1 OR 1 AND name = 'a'
SELECT name FROM emp WHERE id = 1 AND name = 'a' OR name = 'b'
SELECT name FROM emp WHERE id = 1 AND name = 'a''b'
SELECT name FROM emp WHERE id = 1 AND name = 'a
SELECT name FROM emp WHERE id = 1 AND name = 'a';
SELECT name FROM emp WHERE id = 1234567890 AND name = 'a'
SELECT name FROM emp WHERE id = 1.5 AND name = 'a'
SELECT name FROM emp WHERE id = 1e5 AND name = 'a'
SELECT name FROM emp WHERE id = 0x1 AND name = 'a'
SELECT name FROM emp WHERE id = -1 AND name = 'a'
SELECT name FROM emp WHERE id = ssn AND name = 'a'
SELECT name FROM emp WHERE id =  AND name = 'a'
SELECT name FROM emp WHERE id = 1 AND name = E'a'
SELECT name FROM emp WHERE id = '1' AND name = 'a'
SELECT name FROM emp WHERE id = 1 AND name = 5
SELECT id FROM emp WHERE name = 'a' 'b'
SELECT id FROM emp WHERE name = 'c' 'b'
SELECT id FROM emp WHERE name = 'a''b'
SELECT id FROM emp WHERE name = 'a''c'
SELECT id FROM emp WHERE name = E'a'
SELECT id FROM emp WHERE name = E'b'
SELECT id FROM emp WHERE name = $$a$$
SELECT id FROM emp WHERE name = $$b$$
SELECT id FROM emp WHERE id = 1_000
SELECT id FROM emp WHERE id = 2_000
SELECT id FROM emp WHERE id = 0x1
SELECT id FROM emp WHERE id = 1x1
SELECT id FROM emp WHERE id = - /* 1 */ 2
SELECT id FROM emp WHERE id = - /* 2 */ 2
SELECT id FROM emp WHERE 
SELECT name, 1 FROM emp WHERE id = 1 
DELETE FROM emp WHERE 
UPDATE emp SET name = 'a', boss = 
INSERT INTO emp (id, name) VALUES (1, 
SET search_path = hr
BEGIN; SET search_path = hr; COMMIT; SELECT 1/0
COMMIT; SELECT 1/0
ROLLBACK TO s
SET search_path = public
SELECT 1/0
INSERT INTO emp (id) VALUES (NULL)
SET LOCAL search_path = hr
RESET search_path
SELECT 1 FROM nothing
DO $$ BEGIN END $$
CREATE TEMP TABLE emp (a int)
ALTER TABLE emp RENAME TO x
SET standard_conforming_strings = on
SET ROLE hr
SET ROLE NONE
SELECT 'ä'
WITH x AS (
WITH c0 AS (SELECT * FROM emp)
 SELECT * FROM c39
SELECT e.id AS "Id", e.name AS "name of it" FROM emp AS e
SELECT "Emp"."Ssn" FROM "Emp"
SELECT e."Ssn", e.id FROM "Emp" e WHERE e."Ssn" <> 'Select'
SELECT "Ssn" FROM public."Emp" ORDER BY "Ssn" DESC NULLS LAST
INSERT INTO "Emp" ("Ssn") SELECT ssn FROM emp WHERE id = 3
UPDATE "Emp" SET "Ssn" = NULL WHERE id IN (1, 2)
SELECT ssn FROM "Emp"
SELECT "id", "name" FROM "public"."emp"
SELECT name FROM emp WHERE name = 'it''s -- no /* comment */ "Emp"'
SELECT name FROM emp WHERE name = $$it's -- no /* comment */ $$
SELECT name FROM emp WHERE name = $Tag$ 'x' $$ /* */ $Tag$
SELECT name FROM emp WHERE name = E'a\tb'
SELECT name FROM emp WHERE name = U&'d!0061t\00e4' UESCAPE '!'
SELECT U&"s!0073n" UESCAPE '!' FROM emp
SELECT B'101', X'1FF', 1e10, .5, 5., 1.5e-3, 0x1F, 0o17, 0b11, 1_000
SELECT - 1, - -1, + 1, 2 - - 2, 3 * -4, 5 / 2, 7 % 3, 2 ^ 3, @ -5, ~ 1
SELECT id FROM emp WHERE id = $1 AND name LIKE $2 ESCAPE '\'
SELECT id FROM emp WHERE name ~* '^a' OR name !~~ 'b%' OR name SIMILAR TO 'c'
SELECT id FROM emp WHERE (id, name) = (1, 'a') OR (id, name) IN ((1, 'a'), (2, 'b'))
SELECT id FROM emp WHERE ssn IS DISTINCT FROM name AND name IS NOT NULL
SELECT id FROM emp WHERE id = ANY (ARRAY[1, 2]) OR id > ALL (SELECT emp_id FROM hr.pay)
SELECT id::text, CAST(name AS varchar(10)), ssn::character varying(5) FROM emp
SELECT date '2020-01-01', interval '1 day' day, timestamp with time zone '2020-01-01 00:00Z'
SELECT extract(year FROM now()), position('a' IN 'b'), substring('abc' FROM 1 FOR 2)
SELECT trim(BOTH 'x' FROM name), overlay('a' PLACING 'b' FROM 1), coalesce(ssn, name) FROM emp
SELECT CASE name WHEN 'a' THEN ssn ELSE upper(name) END AS x FROM emp
SELECT count(DISTINCT ssn), max(id) FILTER (WHERE boss > 1) FROM emp
SELECT count(*) OVER (PARTITION BY boss ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM emp
SELECT id FROM emp GROUP BY GROUPING SETS ((id), (name), ()) HAVING count(*) > 1
SELECT id FROM emp ORDER BY name COLLATE "C" LIMIT 10 OFFSET 5
SELECT id FROM emp ORDER BY 1 FETCH FIRST 10 ROWS ONLY
SELECT id FROM emp LIMIT ALL
SELECT id FROM emp FOR NO KEY UPDATE OF emp SKIP LOCKED
SELECT a.id, b.amount FROM emp a LEFT OUTER JOIN hr.pay b ON (a.id = b.emp_id) WHERE b.iban IS NULL
SELECT * FROM emp NATURAL JOIN staff
SELECT * FROM emp CROSS JOIN LATERAL (SELECT iban FROM hr.pay p WHERE p.emp_id = emp.id LIMIT 1) x
SELECT x.* FROM (VALUES (1, 'a'), (2, 'b')) AS x (id, name)
SELECT * FROM generate_series(1, 10) WITH ORDINALITY AS g (n, o)
SELECT * FROM ROWS FROM (generate_series(1, 3), unnest(ARRAY['a'])) AS r (a, b)
SELECT e.id FROM emp TABLESAMPLE SYSTEM (10) e
WITH a AS MATERIALIZED (SELECT ssn FROM emp), b (x) AS (TABLE a) SELECT x FROM b
WITH RECURSIVE t (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < 9) SELECT n FROM t
WITH u AS (UPDATE emp SET boss = 1 WHERE id = 2 RETURNING ssn), d AS (DELETE FROM hr.pay WHERE emp_id = 2) SELECT ssn FROM u
SELECT 1 UNION SELECT 2 EXCEPT SELECT 3 INTERSECT ALL SELECT 4
(SELECT ssn FROM emp) UNION ALL (SELECT iban FROM hr.pay ORDER BY iban LIMIT 2)
VALUES (1, 'a'), (2, 'b')
SELECT EXISTS (SELECT FROM emp WHERE ssn = 'x')
SELECT (SELECT max(iban) FROM hr.pay WHERE emp_id = emp.id) AS m FROM emp
SELECT row(e.*)::text, (e).name, e.* FROM emp e
SELECT ARRAY(SELECT ssn FROM emp ORDER BY id), ARRAY[[1, 2], [3, 4]], (ARRAY[1, 2])[1:2]
SELECT name || ' ' || ssn AS both FROM emp
SELECT 1 AS "select", 2 AS "Order", 3 "from"
SELECT now() AT TIME ZONE 'UTC', current_user, current_date, localtimestamp(3), session_user
INSERT INTO emp DEFAULT VALUES
INSERT INTO emp AS e (id, name) VALUES (1, DEFAULT) ON CONFLICT DO NOTHING RETURNING e.id
INSERT INTO emp (id, name) OVERRIDING USER VALUE SELECT 1, 'x' RETURNING *
UPDATE ONLY emp AS e SET (name, ssn) = ('a', 'b'), boss = DEFAULT WHERE e.id = 1 RETURNING e.name AS n
UPDATE emp SET name = p.iban FROM hr.pay AS p WHERE p.emp_id = emp.id AND p.amount > 10
DELETE FROM emp AS e USING hr.pay p WHERE p.emp_id = e.id AND p.amount = 0 RETURNING e.*
DELETE FROM log WHERE "at" < now()
MERGE INTO emp e USING (SELECT emp_id, iban FROM hr.pay) p ON e.id = p.emp_id WHEN MATCHED AND e.boss = 1 THEN UPDATE SET ssn = p.iban WHEN NOT MATCHED THEN DO NOTHING
TRUNCATE TABLE ONLY emp RESTART IDENTITY CASCADE
COPY public.emp (id, name) TO STDOUT WITH (FORMAT csv, HEADER true, DELIMITER ';')
COPY (SELECT ssn FROM emp WHERE id < 10) TO PROGRAM 'gzip > /tmp/x'
COPY emp (id, name) FROM '/tmp/x' WITH (FORMAT text, NULL 'x') WHERE id > 1
CREATE TABLE IF NOT EXISTS hr.note (id bigint PRIMARY KEY, "Text" text NOT NULL DEFAULT 'x', emp_id int REFERENCES emp (id))
CREATE UNLOGGED TABLE fresh (LIKE emp INCLUDING ALL)
CREATE TABLE part PARTITION OF log FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')
CREATE OR REPLACE VIEW v (x) AS SELECT ssn FROM emp WITH CHECK OPTION
CREATE MATERIALIZED VIEW mv AS SELECT id, count(*) FROM emp GROUP BY id WITH NO DATA
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON emp USING btree (lower(name) DESC, ssn) WHERE boss IS NULL
CREATE FUNCTION f(a int, OUT b text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $Body$ BEGIN RETURN 'x'; END $Body$
CREATE OR REPLACE PROCEDURE p() LANGUAGE sql BEGIN ATOMIC DELETE FROM emp; END
CREATE RULE r AS ON INSERT TO emp DO ALSO DELETE FROM hr.pay
CREATE TYPE mood AS ENUM ('sad', 'Happy')
CREATE DOMAIN d AS text CHECK (value <> '')
CREATE POLICY p ON emp FOR SELECT TO app USING (boss = 1)
CREATE SEQUENCE s START 1 INCREMENT BY 2 OWNED BY NONE
CREATE SERVER remote FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'x', dbname 'y')
CREATE USER MAPPING FOR app SERVER remote OPTIONS (user 'x', password 'y')
CREATE ROLE "Boss" LOGIN PASSWORD 'x' IN ROLE app
CREATE DATABASE other OWNER app ENCODING 'UTF8'
CREATE PUBLICATION p FOR TABLE emp, hr.pay
CREATE EVENT TRIGGER t ON ddl_command_start EXECUTE FUNCTION archive()
CREATE AGGREGATE a (text) (SFUNC = upper, STYPE = text)
CREATE OPERATOR hr.-> (LEFTARG = text, RIGHTARG = text, FUNCTION = leak)
CREATE CAST (text AS int) WITH FUNCTION leak(text) AS IMPLICIT
ALTER TABLE ONLY public.emp ADD COLUMN IF NOT EXISTS age int, DROP COLUMN name CASCADE, ALTER COLUMN ssn TYPE text USING lower(ssn)
ALTER TABLE emp RENAME COLUMN name TO "Name"
ALTER TABLE hr.pay SET SCHEMA public
ALTER TABLE log ATTACH PARTITION log_1 FOR VALUES IN (1)
ALTER TABLE emp ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY
ALTER FUNCTION archive(int) OWNER TO app
ALTER DEFAULT PRIVILEGES IN SCHEMA hr GRANT SELECT ON TABLES TO app
ALTER DATABASE db SET search_path = hr
ALTER ROLE app SET search_path TO hr, public
ALTER ROLE ALL RESET statement_timeout
ALTER VIEW staff ALTER COLUMN s SET DEFAULT 'x'
DROP VIEW IF EXISTS staff, hr.nothing RESTRICT
DROP INDEX CONCURRENTLY IF EXISTS i
DROP FUNCTION IF EXISTS archive(integer), hr.raise(int, int) CASCADE
DROP TRIGGER t ON emp
GRANT SELECT (ssn, name), UPDATE ON emp TO PUBLIC WITH GRANT OPTION
GRANT ALL PRIVILEGES ON ALL TABLES IN SCHEMA hr TO app, boss
REVOKE EXECUTE ON FUNCTION archive(int) FROM app CASCADE
REASSIGN OWNED BY app TO boss
COMMENT ON COLUMN emp.ssn IS 'the "SSN"'
SECURITY LABEL FOR dummy ON TABLE emp IS 'x'
SET LOCAL search_path TO hr, "$user", public
SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY
SET TIME ZONE 'Europe/Vienna'
SET SESSION AUTHORIZATION DEFAULT
SET standard_conforming_strings = off; SELECT 'a'
SET NAMES 'LATIN1'
SET default_transaction_read_only TO on
SELECT set_config('search_path', 'hr', true), current_setting('search_path')
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE
START TRANSACTION; SAVEPOINT "S"; ROLLBACK TO SAVEPOINT "S"; RELEASE "S"; COMMIT AND CHAIN
PREPARE q (int, text) AS UPDATE emp SET name = $2 WHERE id = $1
DEALLOCATE ALL
DECLARE c INSENSITIVE SCROLL CURSOR WITH HOLD FOR SELECT * FROM emp
MOVE FORWARD 10 IN c
CLOSE ALL
UPDATE emp SET name = 'x' WHERE CURRENT OF c
EXPLAIN (ANALYZE, VERBOSE, FORMAT json) UPDATE emp SET ssn = NULL WHERE id = 1
EXPLAIN VERBOSE SELECT * FROM emp
LOCK TABLE ONLY emp, hr.pay IN ACCESS EXCLUSIVE MODE NOWAIT
VACUUM (FULL, ANALYZE) emp (id, name)
ANALYZE VERBOSE hr.pay
REINDEX TABLE emp
CLUSTER emp USING i
REFRESH MATERIALIZED VIEW CONCURRENTLY staff WITH DATA
NOTIFY "Channel", 'payload -- x'
UNLISTEN *
IMPORT FOREIGN SCHEMA x LIMIT TO (a, b) FROM SERVER remote INTO hr
LOAD 'library'
SELECT 1 OPERATOR(pg_catalog.+) 2, 'a' OPERATOR(public.%) 'b'
SELECT public.archive(id := 1), upper(VARIADIC ARRAY['a'])
SELECT string_agg(DISTINCT name, ',' ORDER BY name) WITHIN GROUP (ORDER BY id) FROM emp
SELECT json_object('a': ssn, 'b': 1 NULL ON NULL), xmlelement(NAME x, xmlattributes(ssn AS y), name) FROM emp
SELECT * FROM json_table('[1]', '$[*]' COLUMNS (a int PATH '$')) AS j
SELECT * FROM xmltable('/a' PASSING '<a/>' COLUMNS b text PATH 'b') AS x
SELECT ssn INTO TEMPORARY TABLE kept FROM emp WHERE id < 5
CREATE TEMPORARY TABLE emp2 ON COMMIT DROP AS SELECT * FROM emp
SELECT id FROM emp WHERE true AND NOT false OR 1 = 1
DELETE FROM emp WHERE id = id OR true
DELETE FROM emp WHERE id = id
DELETE FROM emp WHERE id BETWEEN id AND id
UPDATE emp SET name = 'x' WHERE emp.id = emp.id
DELETE FROM emp WHERE id IN (id)
DELETE FROM emp WHERE NOT (1 = 2)
DELETE FROM emp WHERE name = name AND ssn IS NOT NULL
DELETE FROM emp WHERE ssn LIKE '%' AND boss = 7
SELECT FROM WHERE
SELECT id FROM
SELECT "unterminated FROM emp
