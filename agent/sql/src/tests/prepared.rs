//! What EXECUTE runs: only what is certain to stand under its name.

use model::Outputs;

use super::run::Run;
use super::told;

const PREPARE: &str = "PREPARE p (int) AS SELECT count(*) FROM emp WHERE id = $1";
const EMP: &str = "select public.emp(id@) where";
const DYNAMIC: &str = "opaque dynamic";

impl Run {
    /// A session that has run this.
    fn after(texts: &[&str]) -> Self {
        let mut run = Self::new(&[]);
        for text in texts {
            run.run(text);
        }
        run
    }

    fn execute(&self) -> String {
        told(&self.facts("EXECUTE p (1)")).join(",")
    }
}

#[test]
fn it_does_what_was_prepared() {
    let run = Run::after(&[PREPARE]);
    assert_eq!(run.execute(), EMP);
    let facts = run.facts("EXECUTE p (1)");
    assert!(matches!(&facts.outputs[..], [Outputs::Known(outputs)] if outputs.len() == 1));
    assert!(facts.placeholders.is_empty() && facts.equals.is_empty());
    assert_eq!(
        told(&run.facts("EXPLAIN ANALYZE EXECUTE p (1)")).join(","),
        EMP
    );
    assert_eq!(
        told(&run.facts("CREATE TABLE t AS EXECUTE p (1)")),
        ["create public.t where", EMP]
    );
    assert_eq!(
        told(&run.facts(&format!("{PREPARE}; EXECUTE p (1)"))),
        [EMP]
    );
}

#[test]
fn its_limit_is_that_of_what_was_prepared() {
    let run = Run::after(&["PREPARE q AS SELECT id FROM emp LIMIT 5"]);
    assert_eq!(run.facts("EXECUTE q").shape.limit, Some(5));
    assert_eq!(run.facts("EXPLAIN EXECUTE q").shape.limit, None);
}

#[test]
fn its_arguments_are_part_of_it() {
    let run = Run::after(&[PREPARE]);
    let facts = run.facts("EXECUTE p (archive(1))");
    assert_eq!(told(&facts), ["call public.archive()", EMP]);
}

#[test]
fn a_name_that_nobody_prepared_is_not_known() {
    assert_eq!(Run::new(&[]).execute(), DYNAMIC);
}

#[test]
fn what_may_take_the_name_makes_it_unknown() {
    for text in [
        "DEALLOCATE p",
        "DEALLOCATE ALL",
        "DISCARD ALL",
        "SELECT archive(1)",
        "DO $$ BEGIN END $$",
    ] {
        assert_eq!(Run::after(&[PREPARE, text]).execute(), DYNAMIC, "{text}");
    }
    assert_eq!(Run::after(&[PREPARE, "DEALLOCATE q"]).execute(), EMP);
}

#[test]
fn the_protocol_makes_names_of_the_same_kind() {
    for (name, told) in [
        (&b"p"[..], DYNAMIC),
        (b"q", EMP),
        // In an encoding that nobody knows here.
        (b"\xfc", DYNAMIC),
    ] {
        let mut run = Run::after(&[PREPARE]);
        run.session.parsed(name);
        assert_eq!(run.execute(), told, "{name:?}");
    }
    let long = "p".repeat(70);
    let mut run = Run::after(&[&format!("PREPARE {long} AS SELECT 1")]);
    assert!(told(&run.facts(&format!("EXECUTE {long}"))).is_empty());
    run.session.parsed(format!("{}xyz", &long[..63]).as_bytes());
    assert_eq!(told(&run.facts(&format!("EXECUTE {long}"))), [DYNAMIC]);
}

#[test]
fn a_name_counts_only_when_the_server_has_answered() {
    let mut run = Run::new(&[]);
    let facts = run.forward(PREPARE);
    assert_eq!(run.execute(), "opaque session");
    run.session.parsed(b"p");
    run.finish(&facts, true, "");
    assert_eq!(run.execute(), DYNAMIC);
}

#[test]
fn a_prepare_that_failed_leaves_the_name_unknown() {
    let mut run = Run::after(&[PREPARE]);
    let facts = run.forward("PREPARE p (int) AS DELETE FROM emp");
    run.finish(&facts, false, "");
    run.session.settled();
    assert_eq!(run.execute(), DYNAMIC);
}

#[test]
fn of_several_in_flight_each_answer_belongs_to_its_own() {
    let mut run = Run::new(&[]);
    let texts = [
        PREPARE,
        "DEALLOCATE p",
        "PREPARE p (int) AS SELECT count(*) FROM hr.emp",
    ];
    let facts = texts.map(|text| run.forward(text));
    for facts in &facts {
        assert!(run.execute().starts_with("opaque"));
        run.finish(facts, true, "");
    }
    run.session.settled();
    assert_eq!(run.execute(), "select hr.emp");
}

#[test]
fn a_rollback_takes_no_name_away_and_brings_none_back() {
    let run = Run::after(&["BEGIN", PREPARE, "ROLLBACK"]);
    assert_eq!(run.execute(), EMP);
    let run = Run::after(&[PREPARE, "BEGIN", "DEALLOCATE p", "ROLLBACK"]);
    assert_eq!(run.execute(), DYNAMIC);
}

#[test]
fn what_means_something_else_by_now_is_not_known() {
    let mut run = Run::after(&[
        "PREPARE p (int) AS SELECT count(*) FROM emp",
        "SET search_path = hr",
    ]);
    assert_eq!(run.execute(), DYNAMIC);
    run.run("SET search_path = public");
    assert_eq!(run.execute(), "select public.emp");
}

#[test]
fn names_and_texts_are_bounded() {
    let mut run = Run::new(&[]);
    for number in 0..100 {
        run.run(&format!("PREPARE p{number} AS SELECT 1"));
    }
    assert_eq!(told(&run.facts("EXECUTE p99")), [DYNAMIC]);
    assert!(told(&run.facts("EXECUTE p1")).is_empty());
    let long = format!("PREPARE p AS SELECT 1 /* {} */", "x".repeat(20_000));
    assert_eq!(Run::after(&[&long]).execute(), DYNAMIC);
}
