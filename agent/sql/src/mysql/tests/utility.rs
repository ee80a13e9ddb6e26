//! What statements about files, definitions and the session touch.

use super::check;

#[test]
fn files_are_told() {
    check(&[
        (
            "SELECT ssn FROM emp INTO OUTFILE '/tmp/x'",
            &["copy_out file /tmp/x", "select app.emp(ssn~)"],
        ),
        (
            "SELECT ssn INTO OUTFILE '/tmp/x' FIELDS TERMINATED BY ',' ENCLOSED BY '\"' LINES TERMINATED BY '\\n' FROM emp WHERE id = 1",
            &["copy_out file /tmp/x", "select app.emp(id? ssn~) where"],
        ),
        (
            "SELECT ssn FROM emp INTO DUMPFILE '/tmp/x'",
            &["copy_out file /tmp/x", "select app.emp(ssn~)"],
        ),
        (
            "SELECT ssn, id INTO @a, @b FROM emp LIMIT 1",
            &["select app.emp(id~ ssn~)"],
        ),
        (
            "SELECT ssn FROM emp INTO OUTFILE x",
            &["opaque unsupported"],
        ),
        (
            "SELECT load_file('/etc/passwd')",
            &["call mysql.load_file()"],
        ),
        (
            "LOAD DATA INFILE '/tmp/x' INTO TABLE emp",
            &[
                "copy_in file /tmp/x",
                "copy_in app.emp(id= name= ssn= boss=) where",
            ],
        ),
        (
            "LOAD DATA LOCAL INFILE 'x' REPLACE INTO TABLE hr.pay CHARACTER SET utf8 FIELDS TERMINATED BY ',' IGNORE 1 LINES (emp_id, @skip)",
            &["copy_in hr.pay(emp_id=) where", "delete hr.pay where"],
        ),
        (
            "LOAD DATA INFILE '/tmp/x' INTO TABLE emp (id) SET name = (SELECT ssn FROM emp)",
            &["opaque unsupported"],
        ),
        (
            "LOAD XML INFILE '/tmp/x' INTO TABLE emp",
            &["opaque unsupported"],
        ),
    ]);
}

#[test]
fn definitions_are_told() {
    check(&[
        (
            "CREATE TABLE fresh (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(10) NOT NULL) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
            &["create app.fresh where"],
        ),
        (
            "CREATE TABLE IF NOT EXISTS hr.emp (id INT)",
            &["create hr.emp where"],
        ),
        ("CREATE TABLE Fresh (id INT)", &["opaque unresolved"]),
        (
            "CREATE TABLE t AS SELECT ssn FROM emp",
            &["create app.t where", "select app.emp(ssn~)"],
        ),
        (
            "CREATE TABLE t LIKE emp",
            &["create app.t where", "select app.emp where"],
        ),
        (
            "CREATE TABLE t (a INT) ENGINE=FEDERATED CONNECTION='mysql://u@h/d/t'",
            &["opaque unsupported"],
        ),
        (
            "CREATE TABLE t (a INT) ENGINE=MERGE UNION=(emp)",
            &["opaque unsupported"],
        ),
        (
            "CREATE TEMPORARY TABLE emp (a INT); SELECT a FROM emp",
            &["opaque catalog"],
        ),
        (
            "CREATE VIEW v AS SELECT ssn FROM emp",
            &["create app.v where", "select app.emp(ssn~)"],
        ),
        (
            "CREATE OR REPLACE VIEW hr.v (a) AS SELECT ssn FROM emp",
            &["create hr.v where", "select app.emp(ssn~)"],
        ),
        (
            "CREATE UNIQUE INDEX i ON emp (ssn)",
            &["create index i", "alter app.emp where"],
        ),
        (
            "ALTER TABLE emp ADD COLUMN x INT AFTER id, DROP COLUMN name",
            &["alter app.emp where"],
        ),
        (
            "ALTER TABLE emp RENAME TO hr.gone",
            &["alter app.emp where", "create hr.gone where"],
        ),
        (
            "RENAME TABLE emp TO gone",
            &["alter app.emp where", "create app.gone where"],
        ),
        (
            "DROP TABLE emp, hr.pay",
            &["drop app.emp where", "drop hr.pay where"],
        ),
        ("DROP TABLE IF EXISTS nothing", &[]),
        ("DROP TABLE nothing", &["opaque unresolved"]),
        ("DROP VIEW staff", &["drop app.staff where"]),
        (
            "DROP INDEX i ON emp",
            &["drop index i", "alter app.emp where"],
        ),
        ("CREATE DATABASE fresh", &["create schema fresh"]),
        ("CREATE SCHEMA IF NOT EXISTS hr", &["create schema hr"]),
        ("DROP DATABASE HR", &["drop schema hr"]),
        ("DROP PROCEDURE archive", &["drop app.archive()"]),
        ("DROP FUNCTION IF EXISTS hr.raise", &["drop hr.raise()"]),
        ("DROP TRIGGER hr.t", &["drop trigger hr.t"]),
        (
            "CREATE PROCEDURE p() BEGIN DELETE FROM emp; END",
            &["opaque unsupported"],
        ),
        (
            "CREATE DEFINER = root@localhost FUNCTION f() RETURNS INT RETURN 1",
            &["opaque unsupported"],
        ),
        (
            "CREATE TRIGGER t BEFORE INSERT ON emp FOR EACH ROW DELETE FROM hr.pay",
            &["opaque unsupported"],
        ),
        (
            "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM emp",
            &["opaque unsupported"],
        ),
        ("GRANT ALL ON *.* TO app", &["opaque unsupported"]),
        ("CREATE USER x IDENTIFIED BY 'y'", &["opaque syntax"]),
        (
            "ALTER TABLE emp RENAME TO x; SELECT * FROM emp",
            &["opaque catalog"],
        ),
    ]);
}

#[test]
fn statements_about_the_session_are_told() {
    check(&[
        ("BEGIN", &[]),
        ("START TRANSACTION READ ONLY", &[]),
        (
            "SAVEPOINT a; ROLLBACK TO a; RELEASE SAVEPOINT a; COMMIT",
            &[],
        ),
        ("USE hr", &[]),
        (
            "USE hr; SELECT secret FROM emp",
            &["select hr.emp(secret~)"],
        ),
        ("SET autocommit = 0", &["set setting autocommit"]),
        (
            "SET @a = 1, @@session.sort_buffer_size = 5",
            &["set setting sort_buffer_size"],
        ),
        ("SET @a := (SELECT ssn FROM emp)", &["select app.emp(ssn~)"]),
        ("SET GLOBAL general_log = ON", &["alter system general_log"]),
        (
            "SET @@global.general_log_file = '/tmp/x', PERSIST x = 1",
            &["alter system general_log_file", "alter system x"],
        ),
        (
            "SET NAMES utf8mb4 COLLATE utf8mb4_bin",
            &["set setting character_set_client"],
        ),
        (
            "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
            &["set setting transaction"],
        ),
        ("SET PASSWORD FOR x = 'y'", &["opaque unsupported"]),
        (
            "SET STATEMENT max_statement_time = 1 FOR DELETE FROM emp",
            &["opaque unsupported"],
        ),
        ("SHOW TABLES", &["select information_schema.TABLES where"]),
        (
            "SHOW FULL COLUMNS FROM emp",
            &["select information_schema.COLUMNS where"],
        ),
        (
            "SHOW CREATE TABLE emp",
            &["select information_schema.TABLES where"],
        ),
        (
            "SHOW DATABASES LIKE 'a%'",
            &["select information_schema.SCHEMATA where"],
        ),
        (
            "SHOW FULL PROCESSLIST",
            &["select information_schema.PROCESSLIST where"],
        ),
        ("SHOW SESSION VARIABLES LIKE 'sql_mode'", &[]),
        ("SHOW WARNINGS", &[]),
        (
            "SHOW TABLES WHERE (SELECT ssn FROM emp)",
            &["opaque unsupported"],
        ),
        ("SHOW BINLOG EVENTS", &["opaque unsupported"]),
        ("SHOW GRANTS", &["opaque unsupported"]),
        ("DESCRIBE emp", &["select information_schema.COLUMNS where"]),
        ("EXPLAIN SELECT ssn FROM emp", &["select app.emp(ssn~)"]),
        ("EXPLAIN ANALYZE DELETE FROM emp", &["delete app.emp"]),
        ("LOCK TABLES emp READ", &["lock app.emp where"]),
        ("UNLOCK TABLES", &[]),
        ("KILL 5", &["call mysql.kill()"]),
        ("FLUSH PRIVILEGES", &["maintain server"]),
        ("CALL archive(1)", &["call app.archive()"]),
        (
            "CALL hr.raise((SELECT ssn FROM emp))",
            &["call hr.raise()", "select app.emp(ssn~)"],
        ),
        ("DO sleep(5)", &["call mysql.sleep()"]),
        ("DO (SELECT ssn FROM emp)", &["select app.emp(ssn~)"]),
        ("HANDLER emp OPEN", &["opaque syntax"]),
        ("XA START 'a'", &["opaque syntax"]),
        (
            "DELETE FROM emp WHERE id = 1 XOR 1",
            &["opaque unsupported"],
        ),
    ]);
}
