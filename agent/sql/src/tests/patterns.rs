//! Texts that are alike, and texts that only look so.

use proptest::prelude::*;

use super::*;
use crate::{Pattern, analyse_alike};

fn pattern(text: &str) -> Pattern {
    let snapshot = snapshot();
    analyse_alike(text.as_bytes(), &session(&snapshot), &snapshot).1
}

/// Whether one text's facts are taken for the other's.
fn fits(text: &str, other: &str) -> bool {
    let fits = pattern(text).fits(other.as_bytes());
    if fits {
        let (one, two) = (text.as_bytes(), other.as_bytes());
        assert_eq!(Pattern::skeleton(one), Pattern::skeleton(two), "{other}");
    }
    fits
}

#[test]
fn values_beside_columns_may_differ() {
    for (text, other) in [
        (
            "SELECT name FROM emp WHERE id = 1",
            "SELECT name FROM emp WHERE id = 123456789",
        ),
        (
            "SELECT name FROM emp WHERE 1 = id AND name LIKE 'a%'",
            "SELECT name FROM emp WHERE 77 = id AND name LIKE ''",
        ),
        (
            "SELECT name FROM emp WHERE id IN (1, 2) OR NOT id BETWEEN 3 AND 4",
            "SELECT name FROM emp WHERE id IN (10, 20) OR NOT id BETWEEN 30 AND 40",
        ),
        (
            "UPDATE emp SET boss = boss + -5, name = 'x' WHERE id = 1",
            "UPDATE emp SET boss = boss + -77, name = 'yy' WHERE id = 2",
        ),
        (
            "INSERT INTO emp (id, name) VALUES (1, 'a'), (2, 'b')",
            "INSERT INTO emp (id, name) VALUES (3, 'Zoë'), (4, '-- 5')",
        ),
        (
            "DELETE FROM emp WHERE id <> -1; DELETE FROM emp WHERE id=2",
            "DELETE FROM emp WHERE id <> -2; DELETE FROM emp WHERE id=3",
        ),
    ] {
        assert!(fits(text, text), "{text}");
        assert!(fits(text, other), "{text}\n{other}");
        assert_eq!(without_values(facts(text)), without_values(facts(other)));
    }
}

#[test]
fn what_a_fact_may_depend_on_has_to_be_the_same() {
    for (text, other) in [
        ("SELECT id FROM emp LIMIT 1", "SELECT id FROM emp LIMIT 2"),
        (
            "SELECT id, ssn FROM emp ORDER BY 1",
            "SELECT id, ssn FROM emp ORDER BY 2",
        ),
        ("DELETE FROM emp WHERE 1 = 2", "DELETE FROM emp WHERE 1 = 1"),
        (
            "SELECT set_config('search_path', 'a', false)",
            "SELECT set_config('search_path', 'b', false)",
        ),
        ("SET search_path = 'a'", "SET search_path = 'b'"),
        (
            "SELECT set_config(name, 'a', true) FROM pg_settings WHERE name = 'jit'",
            "SELECT set_config(name, 'a', true) FROM pg_settings WHERE name = 'role'",
        ),
        (
            "SELECT id FROM emp WHERE name = lower('A')",
            "SELECT id FROM emp WHERE name = lower('B')",
        ),
        (
            "SELECT id FROM emp WHERE name -> 'a'",
            "SELECT id FROM emp WHERE name -> 'b'",
        ),
        ("SELECT id FROM emp -- 1", "SELECT id FROM emp -- 2"),
        ("SELECT 1", "SELECT 2"),
    ] {
        assert!(!fits(text, other), "{text}\n{other}");
    }
}

#[test]
fn a_value_cannot_end_its_own_token() {
    let text = "SELECT name FROM emp WHERE id = 1 AND name = 'a'";
    for other in [
        // More than a value.
        "SELECT name FROM emp WHERE id = 1 OR 1 AND name = 'a'",
        "SELECT name FROM emp WHERE id = 1 AND name = 'a' OR name = 'b'",
        "SELECT name FROM emp WHERE id = 1 AND name = 'a''b'",
        "SELECT name FROM emp WHERE id = 1 AND name = 'a\\' OR true --'",
        "SELECT name FROM emp WHERE id = 1 AND name = 'a",
        "SELECT name FROM emp WHERE id = 1 AND name = 'a';",
        // Of another type.
        "SELECT name FROM emp WHERE id = 1234567890 AND name = 'a'",
        "SELECT name FROM emp WHERE id = 1.5 AND name = 'a'",
        "SELECT name FROM emp WHERE id = 1e5 AND name = 'a'",
        "SELECT name FROM emp WHERE id = 0x1 AND name = 'a'",
        "SELECT name FROM emp WHERE id = 1_0 AND name = 'a'",
        "SELECT name FROM emp WHERE id = -1 AND name = 'a'",
        "SELECT name FROM emp WHERE id = ssn AND name = 'a'",
        "SELECT name FROM emp WHERE id =  AND name = 'a'",
        // Of another kind.
        "SELECT name FROM emp WHERE id = 1 AND name = E'a'",
        "SELECT name FROM emp WHERE id = '1' AND name = 'a'",
        "SELECT name FROM emp WHERE id = 1 AND name = 5",
    ] {
        assert!(!fits(text, other), "{other}");
    }
}

#[test]
fn values_that_are_not_one_plain_token_are_not_marked() {
    for (text, other) in [
        (
            "SELECT id FROM emp WHERE name = 'a'\n'b'",
            "SELECT id FROM emp WHERE name = 'c'\n'b'",
        ),
        (
            "SELECT id FROM emp WHERE name = 'a''b'",
            "SELECT id FROM emp WHERE name = 'a''c'",
        ),
        (
            "SELECT id FROM emp WHERE name = E'a'",
            "SELECT id FROM emp WHERE name = E'b'",
        ),
        (
            "SELECT id FROM emp WHERE name = $$a$$",
            "SELECT id FROM emp WHERE name = $$b$$",
        ),
        (
            "SELECT id FROM emp WHERE id = 1_000",
            "SELECT id FROM emp WHERE id = 2_000",
        ),
        (
            "SELECT id FROM emp WHERE id = 0x1",
            "SELECT id FROM emp WHERE id = 1x1",
        ),
        (
            "SELECT id FROM emp WHERE id = - /* 1 */ 2",
            "SELECT id FROM emp WHERE id = - /* 2 */ 2",
        ),
    ] {
        assert!(!fits(text, other), "{text}\n{other}");
    }
}

#[test]
fn characters_beyond_ascii_fit_only_where_the_encoding_is_known() {
    let snapshot = snapshot();
    let latin = Session::new(&login(&[("client_encoding", "latin1")]), &snapshot);
    let text = b"SELECT id FROM emp WHERE name = 'a'";
    let (_, pattern) = analyse_alike(text, &latin, &snapshot);
    assert!(pattern.fits(b"SELECT id FROM emp WHERE name = 'b'"));
    assert!(!pattern.fits("SELECT id FROM emp WHERE name = 'é'".as_bytes()));
    let (_, pattern) = analyse_alike(text, &session(&snapshot), &snapshot);
    assert!(pattern.fits("SELECT id FROM emp WHERE name = 'é'".as_bytes()));
    assert!(!pattern.fits(b"SELECT id FROM emp WHERE name = '\xff'"));
}

/// Pieces of statements and values, most of them from places where values matter.
fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "id",
        "name",
        "ssn",
        " = ",
        " + ",
        " - ",
        " IN (",
        ")",
        ", ",
        " AND ",
        " OR ",
        "NOT ",
        " BETWEEN ",
        " LIKE ",
        "1",
        "22",
        "'a'",
        "'b c'",
        "''",
        "-",
        " ORDER BY ",
        " LIMIT ",
        " GROUP BY ",
        "lower(",
        "E'x'",
        "\n",
        "/* 1 */",
        "--",
        "::text",
        "true",
        "CASE WHEN ",
        " THEN ",
        " END",
        "(SELECT 3)",
        ".5",
        "e1",
        "_",
        "x",
    ])
}

/// The text with other values in it: every run of digits and every quoted text, wherever it stands.
fn disturbed(text: &str, digits: &str, plain: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c.is_ascii_digit() {
            rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            out.push_str(digits);
        } else if let Some((_, behind)) = rest.strip_prefix('\'').and_then(|r| r.split_once('\'')) {
            out.push_str(&format!("'{plain}'"));
            rest = behind;
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn a_text_that_fits_has_the_same_facts(
        start in prop::sample::select(vec![
            "SELECT id FROM emp WHERE ",
            "SELECT name, 1 FROM emp WHERE id = 1 ",
            "DELETE FROM emp WHERE ",
            "UPDATE emp SET name = 'a', boss = ",
            "INSERT INTO emp (id, name) VALUES (1, ",
        ]),
        pieces in prop::collection::vec(piece(), 0..8),
        digits in "[0-9]{1,11}",
        plain in "[a-z'\\\\é -]{0,4}",
    ) {
        let text = start.to_owned() + &pieces.concat();
        let other = disturbed(&text, &digits, &plain);
        if fits(&text, &other) {
            prop_assert_eq!(without_values(facts(&text)), without_values(facts(&other)));
        }
        prop_assert!(pattern(&text).fits(text.as_bytes()));
    }
}
