//! Texts that cannot or should not be read.

use super::{facts, login, session, snapshot, told, told_on_a_small_stack};
use crate::{Session, analyse};

#[test]
fn what_the_parser_rejects_is_opaque_with_its_words() {
    let model::Touches::Opaque(opacity) = facts("SELEC 1").touches else {
        panic!()
    };
    assert_eq!(&*opacity.kind, "syntax");
    assert!(
        opacity.explanation.contains("SELEC"),
        "{}",
        opacity.explanation
    );
    assert_eq!(
        told(&facts("SELECT 1\0; DROP TABLE emp")),
        ["opaque syntax"]
    );
}

#[test]
fn a_text_is_read_only_where_there_is_one_way_to_read_it() {
    let snapshot = snapshot();
    let kind = |settings: &[(&str, &str)], text: &[u8]| {
        let session = Session::new(&login(settings), &snapshot);
        told(&analyse(text, &session, &snapshot)).join(",")
    };
    let utf8 = "SELECT 'ä'".as_bytes();
    assert_eq!(kind(&[], utf8), "");
    assert_eq!(kind(&[], b"SELECT '\xe4'"), "opaque encoding");
    assert_eq!(
        kind(&[("client_encoding", "LATIN1")], utf8),
        "opaque encoding"
    );
    assert_eq!(kind(&[("client_encoding", "utf-8")], utf8), "");
    let off = [("standard_conforming_strings", "off")];
    let quote = br"SELECT '\'; SELECT ssn FROM emp; --'";
    assert_eq!(kind(&off, quote), "opaque encoding");
    assert_eq!(kind(&off, b"SELECT 'x'"), "");
    assert_eq!(
        kind(&[("options", "-c standard_conforming_strings=off")], quote),
        "opaque encoding"
    );
}

#[test]
fn nesting_cannot_overflow_the_stack() {
    let shapes: [&dyn Fn(usize) -> String; 14] = [
        &|n| format!("SELECT {}1{}", "(".repeat(n), ")".repeat(n)),
        &|n| format!("SELECT {}true", "NOT ".repeat(n)),
        &|n| format!("SELECT {}1", "- ".repeat(n)),
        &|n| format!("SELECT 1{}", "+1".repeat(n)),
        &|n| format!("SELECT {}1{}", "(SELECT ".repeat(n), ")".repeat(n)),
        &|n| format!("SELECT {}1{}", "lower(".repeat(n), ")".repeat(n)),
        &|n| format!("SELECT ARRAY{}1{}", "[".repeat(n), "]".repeat(n)),
        &|n| {
            format!(
                "SELECT {}1{}",
                "CASE WHEN true THEN 1 ELSE ".repeat(n),
                " END".repeat(n)
            )
        },
        &|n| format!("SELECT 1{}", " UNION SELECT 1".repeat(n)),
        &|n| format!("SELECT 1 FROM emp{}", " JOIN emp ON true".repeat(n)),
        &|n| {
            format!(
                "SELECT 1 FROM {}emp{}",
                "(SELECT 1 FROM ".repeat(n),
                ") x".repeat(n)
            )
        },
        &|n| {
            format!(
                "{}SELECT 1{}",
                "WITH x AS (".repeat(n),
                ") SELECT 1".repeat(n)
            )
        },
        &|n| {
            format!(
                "SELECT 1 WHERE {}true{}",
                "1 = 1 OR (1 = 1 AND (".repeat(n),
                "))".repeat(n)
            )
        },
        &|n| format!("SELECT 1::int{}", "::int".repeat(n)),
    ];
    for (index, shape) in shapes.iter().enumerate() {
        for depth in [20, 46, 50, 100, 500, 3_000, 100_000] {
            let told = told_on_a_small_stack(facts, shape(depth));
            let fine = [
                "",
                "opaque unsupported",
                "opaque syntax",
                "opaque unresolved",
            ];
            let selects = told.starts_with("select public.emp");
            assert!(
                fine.contains(&&*told) || selects,
                "shape {index}, depth {depth}: {told}"
            );
        }
    }
}

#[test]
fn ordinary_nesting_is_analysed() {
    let conditions: Vec<String> = (0..2_000).map(|n| format!("id = {n}")).collect();
    let text = format!("SELECT 1 FROM emp WHERE {}", conditions.join(" OR "));
    assert_eq!(told(&facts(&text)), ["select public.emp(id@) where"]);
    let text = format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(80));
    assert_eq!(told(&facts(&text)), Vec::<String>::new());
    let text = format!("SELECT 1{}", "+1".repeat(40));
    assert_eq!(told(&facts(&text)), Vec::<String>::new());
}

#[test]
fn columns_that_multiply_are_bounded() {
    let mut text = "WITH c0 AS (SELECT * FROM emp)".to_owned();
    for n in 1..40 {
        text += &format!(", c{n} AS (SELECT * FROM c{} a, c{} b)", n - 1, n - 1);
    }
    text += " SELECT * FROM c39";
    assert_eq!(told(&facts(&text)), ["opaque unsupported"]);
    let rows = vec!["(e, e, e)::text"; 400].join(", ");
    let text = format!("SELECT {rows} FROM emp e");
    assert_eq!(
        told(&facts(&text)),
        ["select public.emp(id! name! ssn! boss!)"]
    );
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[a-zA-Z0-9_ ,.*()'\"$;:=<>+-]{0,80}") {
        let snapshot = snapshot();
        analyse(text.as_bytes(), &session(&snapshot), &snapshot);
    }
}
