-- What the queries of this corpus are about. Every classified value is a canary (see tests/weir/masking/canaries.rs).
CREATE DOMAIN phone_number AS text CHECK (value ~ '^canary');
CREATE TYPE address AS (street text, town text);
CREATE TABLE staff (
  id int PRIMARY KEY, name text NOT NULL, city text, boss int, hired date,
  ssn text, email varchar(80), phone phone_number, salary numeric, bonus bigint, ratio float8, born date, badge uuid,
  profile jsonb, tags text[], secret bytea, host inet, seen timestamptz, home address
);
INSERT INTO staff VALUES
  (1, 'Ada', 'London', NULL, '2020-01-01', 'canary-ssn-ada', 'canary-mail-ada@example.org', 'canary-phone-ada',
   774422331.17, 774422331, 7744.25, '1951-07-17', '5ca1ab1e-0bad-4bad-8bad-c0ffeec0ffee', '{"key": "canary-json-ada", "n": 774422331}',
   '{canary-tag-ada,second}', 'canary-bytes-ada', '203.0.113.77', '1987-06-05 04:03:02+00', '("canary-street-ada",Town)'),
  (2, 'Grace', 'London', 1, '2021-01-01', 'canary-ssn-grace', 'canary-mail-grace@example.org', 'canary-phone-grace',
   774422332.17, 774422332, 7745.25, '1951-07-18', '5ca1ab1e-0bad-4bad-8bad-c0ffeec0ffef', '{"key": "canary-json-grace"}',
   '{canary-tag-grace}', 'canary-bytes-grace', '203.0.113.78', '1987-06-05 04:03:03+00', '("canary-street-grace",Town)'),
  (3, 'Nobody', 'Paris', 1, '2022-01-01', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE orders (id int PRIMARY KEY, staff int REFERENCES staff, total numeric, note text, card text);
INSERT INTO orders VALUES (1, 1, 120.5, 'paid', 'canary-card-1'), (2, 1, 17, 'open', 'canary-card-2'), (3, 2, 80, 'open', NULL);
CREATE TABLE contractors (agency text) INHERITS (staff);
INSERT INTO contractors (id, name, city, ssn, agency) VALUES (4, 'Temp', 'Rome', 'canary-ssn-temp', 'Agency');
CREATE TABLE visits (at date, staff int, token text) PARTITION BY RANGE (at);
CREATE TABLE visits_2020 PARTITION OF visits FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE visits_2021 PARTITION OF visits FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
INSERT INTO visits VALUES ('2020-02-02', 1, 'canary-token-20'), ('2021-02-02', 2, 'canary-token-21');
CREATE TABLE notes (id int, body text);
INSERT INTO notes VALUES (1, 'harmless'), (2, NULL);
CREATE VIEW people AS SELECT id, name, ssn AS number FROM staff;
CREATE VIEW cities AS SELECT id, city FROM staff WHERE ssn IS NOT NULL;
CREATE VIEW loud AS SELECT id, upper(ssn) AS shout, length(email) AS size FROM staff;
CREATE VIEW nested AS SELECT p.id, p.number AS inner_number, c.city FROM people p JOIN cities c USING (id);
CREATE VIEW both_kinds AS SELECT id, ssn AS value FROM staff UNION ALL SELECT id, note FROM orders;
CREATE VIEW summary AS SELECT city, count(*) AS people, max(salary) AS most FROM staff GROUP BY city;
CREATE VIEW rows_of AS SELECT s AS whole FROM staff s;
CREATE VIEW sub AS SELECT o.id, (SELECT ssn FROM staff s WHERE s.id = o.staff) AS of_whom, o.note FROM orders o;
CREATE VIEW with_cte AS WITH x AS (SELECT id, ssn FROM staff) SELECT id, ssn AS cte_number FROM x;
CREATE MATERIALIZED VIEW frozen AS SELECT id, name, ssn AS cold FROM staff;
CREATE FUNCTION tell() RETURNS text LANGUAGE sql AS 'SELECT string_agg(ssn, '','') FROM staff';
CREATE FUNCTION same(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''%'', OLD; RETURN NEW; END';
CREATE TRIGGER loud BEFORE UPDATE ON staff FOR EACH ROW WHEN (OLD.id = 2) EXECUTE FUNCTION shout();
ANALYZE;
