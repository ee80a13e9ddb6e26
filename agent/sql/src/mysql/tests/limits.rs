//! Texts that cannot or should not be read.

use super::{analyse, catalog, facts, session, told};
use crate::tests::told_on_a_small_stack;

#[test]
fn nesting_costs_neither_the_stack_nor_much_time() {
    let shapes: [&dyn Fn(usize) -> String; 14] = [
        &|n| format!("SELECT {}1{}", "(".repeat(n), ")".repeat(n)),
        &|n| format!("SELECT {}true", "NOT ".repeat(n)),
        &|n| format!("SELECT {}1", "- ".repeat(n)),
        &|n| format!("SELECT 1{}", "+1".repeat(n)),
        &|n| format!("SELECT {}1{}", "(SELECT ".repeat(n), ")".repeat(n)),
        &|n| format!("SELECT {}1{}", "lower(".repeat(n), ")".repeat(n)),
        &|n| {
            format!(
                "SELECT {}1{}",
                "CASE WHEN true THEN 1 ELSE ".repeat(n),
                " END".repeat(n)
            )
        },
        &|n| format!("SELECT 1{}", " UNION SELECT 1".repeat(n)),
        &|n| format!("SELECT 1 FROM emp{}", " JOIN emp ON true".repeat(n)),
        &|n| format!("SELECT 1 FROM {}emp{}", "(".repeat(n), ")".repeat(n)),
        &|n| {
            format!(
                "SELECT 1 FROM {}emp{}",
                "(SELECT 1 FROM ".repeat(n),
                ") x".repeat(n)
            )
        },
        &|n| format!("{}SELECT 1", "EXPLAIN ".repeat(n)),
        &|n| format!("DELETE FROM emp WHERE id = 1{}", " OR id = 1".repeat(n)),
        &|n| {
            format!(
                "DELETE FROM emp WHERE {}1{}",
                "id = (1 OR (".repeat(n),
                "))".repeat(n)
            )
        },
    ];
    for (index, shape) in shapes.iter().enumerate() {
        for depth in [10, 20, 24, 30, 46, 50, 100, 500, 1_900, 20_000] {
            let begin = std::time::Instant::now();
            let told = told_on_a_small_stack(facts, shape(depth));
            let fine = [
                "",
                "opaque unsupported",
                "opaque syntax",
                "opaque unresolved",
            ];
            let known = ["select app.emp", "delete app.emp"]
                .iter()
                .any(|start| told.starts_with(start));
            assert!(
                fine.contains(&&*told) || known,
                "shape {index}, depth {depth}: {told}"
            );
            assert!(
                begin.elapsed().as_secs() < 2,
                "shape {index}, depth {depth}: {:?}",
                begin.elapsed()
            );
        }
    }
}

#[test]
fn ordinary_size_is_analysed() {
    let conditions: Vec<String> = (0..400).map(|n| format!("id = {n}")).collect();
    let text = format!("SELECT 1 FROM emp WHERE {}", conditions.join(" OR "));
    assert_eq!(told(&facts(&text)), ["select app.emp(id?) where"]);
    let rows = vec!["(-1, 'a', NULL, DEFAULT)"; 5_000].join(", ");
    let text = format!("INSERT INTO emp VALUES {rows}");
    assert_eq!(
        told(&facts(&text)),
        ["insert app.emp(id= name= ssn= boss=) where"]
    );
}

#[test]
fn columns_that_multiply_are_bounded() {
    let mut text = "WITH c0 AS (SELECT * FROM emp)".to_owned();
    for n in 1..40 {
        text += &format!(
            ", c{n} AS (SELECT a.*, b.* FROM c{} a, c{} b)",
            n - 1,
            n - 1
        );
    }
    text += " SELECT * FROM c39";
    assert_eq!(told(&facts(&text)), ["opaque unsupported"]);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[a-zA-Z0-9_ ,.*()'\"`$;:=<>+!@#/|&-]{0,80}") {
        analyse(text.as_bytes(), &session(), &catalog());
    }

    #[test]
    fn no_order_of_words_makes_it_panic(words in proptest::collection::vec(proptest::sample::select(WORDS.to_vec()), 0..24)) {
        analyse(words.join(" ").as_bytes(), &session(), &catalog());
    }
}

const WORDS: [&str; 48] = [
    "SELECT", "FROM", "emp", "id", "ssn", "*", "WHERE", "=", "1", "'a'", "(", ")", ",", "AND",
    "OR", "NOT", "UPDATE", "SET", "DELETE", "INSERT", "INTO", "VALUES", "JOIN", "ON", "USING",
    "UNION", "ALL", "ORDER", "BY", "GROUP", "LIMIT", "AS", "CREATE", "TABLE", "DROP", "WITH", "x",
    ".", "IN", "EXISTS", "CASE", "END", ";", "OUTFILE", "LOAD", "DATA", "INFILE", "SHOW",
];
