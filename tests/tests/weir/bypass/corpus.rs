//! The corpus of ways around: `tests/corpus/bypass`. Each of them does harm past the agent, and none through it.

mod family;
mod past;
mod run;
mod server;
mod through;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::time::Duration;

use weir_tests::{Frame, Plan, Wire, World, shop};

use self::family::{Effect, Family, Policy, Technique, Try, families};
use self::run::{Places, Way};
use self::server::{Bystander, KEPT, Observer, PAST, make_other, quieten, restore};
use super::{MORE, REFUSED, session};

const BASE: &str = include_str!("../../../../policies/base.cedar");
const CLASSES: &str = include_str!("../../../../policies/classes.toml");
const ANALYST: &str = include_str!("../../../../policies/analyst.cedar");
const AGENT: &str = include_str!("../../../../policies/agent.cedar");
const ONCALL: &str = include_str!("../../../../policies/oncall.cedar");

/// Reads and changes rows; base.cedar wants a WHERE clause for that.
const CLERK: &str = r#"
@id("clerk-connect")
permit (principal, action == Action::"connect", resource == Database::"shop/app");
@id("clerk-work")
permit (
  principal,
  action in [Action::"select", Action::"insert", Action::"update", Action::"delete", Action::"merge"],
  resource in Schema::"shop/app.public"
);
"#;

/// Canaries beside the shop's: of files, other sessions, roles and other schemas.
const OUTSIDE: &str = "canary-outside";

/// What every family may speak of: more rows than anybody may ask for, a place for files, and somebody who is only there.
const SCRIPT: &str = "
CREATE TABLE events (id int, what text);
INSERT INTO events SELECT n, 'event ' || n FROM generate_series(1, 1100) n;
COPY (SELECT 1) TO PROGRAM 'mkdir loot; printf canary-outside > secret';
SELECT lo_from_bytea(4242, 'canary-outside');
ANALYZE;
";

/// The longest that an answer takes without waiting on purpose.
const QUICK: Duration = Duration::from_millis(200);

/// More rows than this is what the policy for agents refuses.
const MANY: usize = 1_000;

#[test]
fn no_statement_of_the_corpus_passes() {
    let families = families();
    let mut corpus = Corpus::new(&families);
    let mut failures = Vec::new();
    let mut seen = HashSet::new();
    for policy in Policy::ALL {
        corpus.permit(policy);
        for family in families.iter().filter(|family| family.policy == policy) {
            for (technique, attempt) in family.tries() {
                let name = format!("{}: {}: {attempt:?}", family.name, technique.name);
                if !seen.insert(format!("{policy:?} {attempt:?}")) {
                    failures.push(format!("{name}\n    it is here twice"));
                }
                let wrong = corpus.check(technique, attempt);
                failures.extend(wrong.iter().map(|why| format!("{name}\n    {why}")));
            }
        }
    }
    let techniques: usize = families.iter().map(|family| family.technique.len()).sum();
    let count = seen.len();
    println!("{count} statements of {techniques} techniques, each past the agent and through it");
    let several = failures.len();
    assert!(
        failures.is_empty(),
        "{several} failures\n{}",
        failures.join("\n")
    );
    assert!(count >= 400, "the corpus shrank to {count} statements");
}

/// The databases that everything is tried in.
struct Corpus {
    world: World,
    bystander: Bystander,
    /// The database behind the agent, and a session through the agent that has no state.
    app: Observer,
    idle: Option<Wire>,
    /// Sessions past the agent that have no state, by database.
    resting: HashMap<&'static str, Wire>,
    /// The database past the agent, and how it looks untouched.
    past: Observer,
    untouched: String,
    noticed: String,
}

impl Corpus {
    fn new(families: &[Family]) -> Self {
        let scripts = families.iter().map(|family| family.script.as_str());
        let plan = [shop::TABLES, MORE, SCRIPT]
            .into_iter()
            .chain(scripts)
            .fold(Plan::new(), Plan::script);
        let world = plan
            .script(&format!("CREATE DATABASE {KEPT} TEMPLATE app"))
            .classes(CLASSES)
            .policy("base.cedar", BASE)
            .policy("rules.cedar", CLERK)
            .gateway()
            .unwrap();
        quieten(&world);
        make_other(&world);
        restore(&world);
        let bystander = Bystander::new(&world);
        let app = Observer::of(&world, "app");
        let mut past = Observer::of(&world, PAST);
        let untouched = past.look();
        let noticed = past.notice();
        Self {
            world,
            bystander,
            app,
            idle: None,
            resting: HashMap::new(),
            past,
            untouched,
            noticed,
        }
    }

    /// Puts a policy in force.
    fn permit(&self, policy: Policy) {
        let rules = match policy {
            Policy::Analyst => ANALYST.replace("cgroup:/weir-demo/analyst", "gateway"),
            Policy::Clerk => CLERK.to_owned(),
            Policy::Agent => AGENT.replace("cgroup:/weir-demo/agent", "gateway"),
            Policy::Oncall => ONCALL.replace("cgroup:/weir-demo/oncall", "gateway"),
        };
        fs::write(self.world.folder().join("policies/rules.cedar"), rules).unwrap();
        let (said, is_loaded) = self.world.weir(&["reload"]);
        assert!(is_loaded, "{said}");
    }

    /// What tries in this database cannot name themselves.
    fn places(&self, database: &str) -> Places {
        let data = self.world.database().data();
        let port = self.world.database().port();
        let there = format!(
            "host={} port={port} dbname={database} user=postgres",
            data.display()
        );
        Places(vec![
            ("{loot}", data.join("loot/it").display().to_string()),
            ("{secret}", data.join("secret").display().to_string()),
            ("{there}", there),
            ("{bystander}", self.bystander.id().to_owned()),
        ])
    }

    /// Everything that is wrong with one try.
    fn check(&mut self, technique: &Technique, attempt: &Try) -> Vec<String> {
        let steps = attempt.steps();
        let ways: &[Way] = match technique.simple_only {
            true => &[Way::Simple],
            false => &[Way::Simple, Way::Text, Way::Binary],
        };
        let mut wrong = Vec::new();
        for way in ways {
            let closed = self.closed(technique, &steps, *way);
            wrong.extend(
                closed
                    .err()
                    .map(|why| format!("{way:?}, through the agent: {why}")),
            );
        }
        // A change is undone at some cost, and is the same one however it was asked for.
        let is_dear = matches!(technique.does, Effect::Changes | Effect::Waits);
        for way in ways.iter().take(if is_dear { 1 } else { 2 }) {
            let open = self.open(technique.does, &steps, *way);
            wrong.extend(
                open.err()
                    .map(|why| format!("{way:?}, past the agent: {why}")),
            );
        }
        wrong
    }
}

/// The canary in what a client received, also where bytes are written in hex.
fn canary(answer: &[Frame]) -> Option<&'static str> {
    let hex = |text: &str| {
        text.bytes()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let is_in = |canary: &&str| {
        answer.iter().any(|frame| {
            let text = String::from_utf8_lossy(&frame.body);
            text.contains(canary) || text.contains(&hex(canary))
        })
    };
    shop::CANARIES.into_iter().chain([OUTSIDE]).find(is_in)
}

/// Rows among these, also those of a COPY.
fn count(answer: &[Frame]) -> usize {
    let is_row = |frame: &&Frame| matches!(frame.tag, 'D' | 'd');
    answer.iter().filter(is_row).count()
}
