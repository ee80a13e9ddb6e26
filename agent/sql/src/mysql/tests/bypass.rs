//! Ways around rivals' filters, and what they are here.

use super::check;

#[test]
fn a_delete_is_told_however_it_is_dressed() {
    let delete: &[&str] = &["delete app.emp"];
    check(&[
        ("SELECT 1; DELETE FROM emp", delete),
        ("/*x*/ DELETE FROM emp", delete),
        ("-- c\nDELETE FROM emp", delete),
        ("# c\nDELETE FROM emp", delete),
        ("DELETE FROM emp -- where", delete),
        ("DELETE FROM emp # where id = 1", delete),
        ("DELETE FROM emp WHERE 1", delete),
        ("DELETE/**/FROM/**/`emp`", delete),
        ("DELETE LOW_PRIORITY QUICK FROM emp", delete),
        ("BEGIN; DELETE FROM emp; COMMIT", delete),
        ("BEGIN NOT ATOMIC DELETE FROM emp; END", &["opaque syntax"]),
        ("PREPARE s FROM 'DELETE FROM emp'", &["opaque dynamic"]),
        ("EXECUTE s", &["opaque dynamic"]),
        ("EXECUTE IMMEDIATE 'DELETE FROM emp'", &["opaque dynamic"]),
        ("SELECT 'DELETE FROM emp', \"drop table x\"", &[]),
        ("IF 1 THEN DELETE FROM emp; END IF", &["opaque syntax"]),
    ]);
}

#[test]
fn comments_that_the_server_runs_are_not_taken_for_comments() {
    let opaque: &[&str] = &["opaque unsupported"];
    check(&[
        ("SELECT 1 /*!50000 ; DELETE FROM emp */", opaque),
        ("SELECT id FROM emp /*! WHERE 1 */", opaque),
        ("/*!50000DELETE*/ FROM emp", opaque),
        ("SELECT /*!99999 1 */ 2", opaque),
        ("SELECT 1 /*M!100100 , ssn */ FROM emp", opaque),
        ("SELECT /*+ SET_VAR(sql_mode = 'ANSI_QUOTES') */ 1", opaque),
        (
            "SELECT /*+ NO_INDEX_MERGE(emp) */ ssn FROM emp",
            &["select app.emp(ssn!)"],
        ),
        // A comment within a comment does not nest.
        (
            "SELECT 1 /* /* */ , ssn FROM emp",
            &["select app.emp(ssn!)"],
        ),
        ("SELECT 1 /* */ */", &["opaque syntax"]),
        ("SELECT 1 /* ", &["opaque syntax"]),
    ]);
}

#[test]
fn two_dashes_are_a_comment_only_before_a_space() {
    check(&[
        ("SELECT 1 --ssn FROM emp", &["select app.emp(ssn~)"]),
        ("SELECT id--ssn FROM emp", &["select app.emp(id~ ssn~)"]),
        ("SELECT id -- ssn\nFROM emp", &["select app.emp(id!)"]),
        ("SELECT id --\tssn\nFROM emp", &["select app.emp(id!)"]),
        ("SELECT id --", &["opaque unresolved"]),
        // A carriage return ends no line.
        (
            "SELECT id FROM emp -- \rWHERE id = 1",
            &["select app.emp(id!)"],
        ),
    ]);
}

#[test]
fn quotes_and_escapes_end_where_the_server_ends_them() {
    check(&[
        (r"SELECT 'a\' FROM hr.pay -- '", &[]),
        (r"SELECT 'a\'', ssn FROM emp", &["select app.emp(ssn!)"]),
        (
            r"SELECT 'a\\', ssn FROM emp -- '",
            &["select app.emp(ssn!)"],
        ),
        ("SELECT 'a''b', ssn FROM emp", &["select app.emp(ssn!)"]),
        ("SELECT 'a' 'b', ssn FROM emp", &["select app.emp(ssn!)"]),
        ("SELECT \"a\"\"b\", \"ssn\" FROM emp", &["select app.emp"]),
        ("SELECT `a``b` FROM emp", &["opaque unresolved"]),
        ("SELECT 'a", &["opaque syntax"]),
        ("SELECT ssn FROM emp WHERE name = '\\", &["opaque syntax"]),
        ("SELECT 1\0; DELETE FROM emp", &["opaque syntax"]),
    ]);
}

#[test]
fn what_only_looks_like_a_number_or_a_name_is_not_guessed_at() {
    let opaque: &[&str] = &["opaque unsupported"];
    check(&[
        ("SELECT 1.e(ssn) FROM emp", opaque),
        ("SELECT 1.e.ssn FROM emp", opaque),
        ("SELECT 1a FROM emp", opaque),
        ("SELECT emp.1a FROM emp", opaque),
        ("SELECT 0xZZ", opaque),
        ("SELECT \\N", opaque),
        ("SELECT {d '2020-01-01'}", opaque),
        ("SELECT [ssn] FROM emp", opaque),
        ("SELECT\u{a0}ssn FROM emp", opaque),
        ("SELECT é FROM emp", opaque),
        ("SELECT ssné FROM emp", opaque),
        ("SELECT 'é', ssn FROM emp", &["select app.emp(ssn!)"]),
    ]);
}

#[test]
fn a_column_is_told_by_whatever_name_it_leaves() {
    check(&[
        (
            "SELECT name AS ssn, ssn AS name FROM emp",
            &["select app.emp(name! ssn!)"],
        ),
        ("SELECT max(ssn) FROM emp", &["select app.emp(ssn~)"]),
        (
            "SELECT hex(ssn), ssn REGEXP 'a', -ssn FROM emp",
            &["select app.emp(ssn~)"],
        ),
        (
            "SELECT if(ssn > 'a', 1, 0) FROM emp",
            &["select app.emp(ssn~)"],
        ),
        (
            "SELECT extractvalue(1, concat(0x7e, (SELECT ssn FROM emp LIMIT 1)))",
            &["select app.emp(ssn~)"],
        ),
        (
            "SELECT 1 FROM emp ORDER BY if(ssn > 'a', 1, (SELECT 1 UNION SELECT 2))",
            &["select app.emp(ssn?)"],
        ),
        ("SELECT id FROM emp PROCEDURE ANALYSE()", &["opaque syntax"]),
        (
            "SELECT id FROM emp LIMIT 1 PROCEDURE ANALYSE(extractvalue(1, ssn), 1)",
            &["opaque syntax"],
        ),
        (
            "INSERT INTO hr.pay (iban) SELECT ssn FROM emp",
            &["insert hr.pay(iban=) where", "select app.emp(ssn~)"],
        ),
        (
            "SELECT json_arrayagg(ssn), json_object('a', name) FROM emp",
            &["select app.emp(name~ ssn~)"],
        ),
    ]);
}
