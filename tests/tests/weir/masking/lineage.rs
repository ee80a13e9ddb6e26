//! The corpus of queries over classified columns, `tests/corpus/lineage`, and queries that nobody wrote.
//!
//! Whoever may not see those columns gets no canary of theirs, in whatever form a result comes; whoever may see them gets
//! what the server sends, byte for byte.

mod canaries;
mod generator;

use std::fs;
use std::path::Path;

use serde::Deserialize;
use weir_tests::messages::{error, extended, query, sync, told};
use weir_tests::{Frame, Plan, Wire, World};

use self::canaries::canary;
use self::generator::Generator;

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/lineage");

/// Of the queries that search by no classified column, so many of a hundred are answered.
const ANSWERED: usize = 85;

/// Queries that nobody wrote, where `WEIR_QUERIES` says nothing else.
const QUERIES: usize = 2_000;

/// Every column with a canary.
const CLASSES: &str = r#"
[classes.contact]
description = "Reaches a person."
mask = "email"
columns = ["*/*.*.*.email"]

[classes.pii]
description = "Says who a person is."
mask = { partial = { prefix = 0, pad = "***", suffix = 2 } }
columns = ["*/*.*.*.ssn", "*/*.*.*.phone"]

[classes.secret]
description = "Everything else."
mask = "redact"
columns = [
  "*/*.*.staff.salary", "*/*.*.staff.bonus", "*/*.*.staff.ratio", "*/*.*.staff.born", "*/*.*.staff.badge",
  "*/*.*.staff.profile", "*/*.*.staff.tags", "*/*.*.staff.secret", "*/*.*.staff.host", "*/*.*.staff.seen",
  "*/*.*.staff.home", "*/*.*.orders.card", "*/*.*.visits.token",
]
"#;

/// Does nearly everything, but sees no classified column and searches by none.
const MASKED: &str = r#"
@id("masked")
permit (
  principal,
  action in [Action::"connect", Action::"read", Action::"write", Action::"set", Action::"lock", Action::"create"],
  resource
);
"#;

/// The same, and classified columns in clear.
const PERMITTED: &str = r#"
@id("permitted")
permit (principal, action, resource);
"#;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Family {
    group: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    through: Through,
    /// Whether a classified column decides something in them.
    #[serde(default)]
    predicate: bool,
    /// Whether they are texts that a Parse does not take.
    #[serde(default)]
    simple_only: bool,
    queries: Vec<String>,
}

/// What comes of a query where classified columns are masked.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Through {
    /// The server's own answer, masked where it has to be.
    Answered,
    /// The agent's refusal.
    Refused,
}

fn groups() -> Vec<Group> {
    let mut files: Vec<_> = fs::read_dir(CORPUS).unwrap().flatten().collect();
    files.sort_by_key(fs::DirEntry::path);
    let families = files.iter().map(fs::DirEntry::path);
    let families = families.filter(|file| file.extension().is_some_and(|it| it == "toml"));
    let read = |file| toml::from_str::<Family>(&fs::read_to_string(file).unwrap()).unwrap();
    families.flat_map(|file| read(file).group).collect()
}

fn world(policy: &str) -> World {
    let schema = fs::read_to_string(Path::new(CORPUS).join("schema.sql")).unwrap();
    Plan::new()
        .script(&schema)
        .classes(CLASSES)
        .policy("rules.cedar", policy)
        .gateway()
        .unwrap()
}

fn log_in(mut wire: Wire) -> Wire {
    wire.log_in("postgres", "app").unwrap();
    wire
}

/// How it is asked, and the bytes that ask so: as a Query, and with results in text and in binary.
fn ways(sql: &str, simple_only: bool) -> Vec<Vec<u8>> {
    let mut ways = vec![query(sql)];
    if !simple_only {
        ways.extend([0, 1].map(|format| [extended(sql, &[], format), sync()].concat()));
    }
    ways
}

/// Its answer within a transaction that is rolled back.
fn answer(wire: &mut Wire, bytes: &[u8]) -> Vec<Frame> {
    wire.query("BEGIN").unwrap();
    wire.send(bytes).unwrap();
    let answer = wire.until_ready().unwrap();
    wire.query("ROLLBACK").unwrap();
    answer
}

fn through(answer: &[Frame]) -> Through {
    let is_ours = |frame: &Frame| frame.tag == 'E' && frame.field('M').starts_with("weir: ");
    match answer.iter().any(is_ours) {
        true => Through::Refused,
        false => Through::Answered,
    }
}

#[test]
fn no_canary_comes_through_and_what_can_be_answered_is() {
    let world = world(MASKED);
    let mut wire = log_in(world.wire("somebody").unwrap());
    let (mut wrong, mut count, mut plain, mut answered) = (Vec::new(), 0, 0, 0);
    for group in groups() {
        for sql in &group.queries {
            count += 1;
            let mut all = Vec::new();
            for bytes in ways(sql, group.simple_only) {
                let answer = answer(&mut wire, &bytes);
                if let Some(canary) = canary(&answer) {
                    wrong.push(format!("{}: {sql}\n    shows {canary}", group.name));
                }
                all.push((through(&answer), told(&answer)));
                if group.through == Through::Answered && through(&answer) == Through::Refused {
                    let why = error(&answer).field('M');
                    wrong.push(format!("{}: {sql}\n    {why}", group.name));
                }
            }
            if group.through == Through::Refused
                && all.iter().any(|(through, _)| *through != group.through)
            {
                wrong.push(format!("{}: {sql}\n    passes: {all:?}", group.name));
            }
            if !group.predicate {
                plain += 1;
                answered +=
                    usize::from(all.iter().all(|(through, _)| *through == Through::Answered));
            }
        }
    }
    println!(
        "{count} queries; of {plain} that search by no classified column {answered} are answered"
    );
    assert!(
        wrong.is_empty(),
        "{} wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(count >= 300, "the corpus shrank to {count} queries");
    assert!(answered * 100 >= plain * ANSWERED);
}

#[test]
fn who_may_see_everything_gets_what_the_server_sends() {
    let world = world(PERMITTED);
    let mut through = log_in(world.wire("somebody").unwrap());
    let mut direct = log_in(world.wire_direct().unwrap());
    let mut canaries = 0;
    for group in groups() {
        // What is opaque, or names what only one of the two sessions has, is not of interest here.
        let carried = group.name == "values that are carried away";
        for sql in group.queries.iter().filter(|_| !carried) {
            for bytes in ways(sql, group.simple_only) {
                let expected = answer(&mut direct, &bytes);
                assert_eq!(answer(&mut through, &bytes), expected, "{sql}");
                canaries += usize::from(canary(&expected).is_some());
            }
        }
    }
    assert!(canaries >= 300, "only {canaries} answers have a canary");
}

#[test]
fn no_canary_comes_through_in_answer_to_what_nobody_wrote() {
    let world = world(MASKED);
    let mut wire = log_in(world.wire("somebody").unwrap());
    let count = std::env::var("WEIR_QUERIES").map_or(QUERIES, |count| count.parse().unwrap());
    let mut generator = Generator::new(7);
    let (mut answered, mut refused, mut failed) = (0, 0, 0);
    for number in 0..count {
        let sql = generator.query();
        let bytes = match number % 3 {
            0 => query(&sql),
            format => [extended(&sql, &[], u8::from(format == 2)), sync()].concat(),
        };
        wire.send(&bytes).unwrap();
        let answer = wire.until_ready().unwrap();
        assert_eq!(canary(&answer), None, "{sql}");
        match (
            through(&answer),
            answer.iter().any(|frame| frame.tag == 'E'),
        ) {
            (Through::Refused, _) => refused += 1,
            (Through::Answered, true) => failed += 1,
            (Through::Answered, false) => answered += 1,
        }
    }
    println!(
        "{count} queries: {answered} answered, {refused} refused, {failed} failed on the server"
    );
    assert!(
        answered * 4 > count,
        "nearly nothing is answered: {answered} of {count}"
    );
}
