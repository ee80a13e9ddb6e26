//! What analysts' tools ask is answered: each statement of `corpus/harmless` gives through the agent, under the shipped
//! analyst policy, what it gives past it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde::Deserialize;
use weir_tests::messages::{extended, query, sync, told};
use weir_tests::shop::{CANARIES, CLASSES, TABLES};
use weir_tests::{Frame, Plan, Wire, World};

/// How many the corpus holds at least.
const MANY: usize = 400;
/// Sessions that are at work at once.
const WORKERS: usize = 4;

/// A file of the corpus: the statements of one tool, or of some that are alike.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Which tools, of which versions, and what they were doing.
    #[serde(rename = "source")]
    _source: String,
    statement: Vec<Statement>,
}

/// `${pg_class.orders}` in any of its texts stands for the oid of that row.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement {
    /// What ran in the same session before.
    #[serde(default)]
    before: Vec<String>,
    sql: String,
    /// The values that were bound, as text; without them the statement was a simple query.
    parameters: Option<Vec<String>>,
}

#[test]
fn nothing_harmless_is_refused() {
    let world = world();
    let oids = oids(&world);
    let corpus = corpus();
    assert!(corpus.len() >= MANY, "{} are left", corpus.len());
    let next = AtomicUsize::new(0);
    let work = || {
        let mut sessions = Sessions::new(&world);
        let mine = std::iter::from_fn(|| corpus.get(next.fetch_add(1, Ordering::Relaxed)));
        mine.filter_map(|(file, statement)| {
            let fault = sessions.fault(&statement.resolved(&oids)).err()?;
            sessions = Sessions::new(&world);
            Some(format!("{file}: {fault}\n  {}", statement.sql))
        })
        .collect::<Vec<_>>()
    };
    let faults: Vec<String> = thread::scope(|scope| {
        let workers = [(); WORKERS].map(|()| scope.spawn(work));
        let done = workers.into_iter().map(|worker| worker.join().unwrap());
        done.flatten().collect()
    });
    assert!(
        faults.is_empty(),
        "{} of {}:\n{}",
        faults.len(),
        corpus.len(),
        faults.join("\n")
    );
}

/// What the same policies are there to refuse, beside what the corpus has of the same kind.
#[test]
fn what_stands_beside_the_harmless_is_refused() {
    let world = world();
    let mut wire = logged_in(world.wire("analyst").unwrap()).unwrap();
    for sql in [
        "COPY orders TO '/tmp/weir-loot'",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "COPY orders FROM STDIN",
        "LOCK TABLE orders",
        "SELECT set_config(name, 'postgres', false) FROM pg_settings WHERE name = 'role'",
        "SELECT set_config(name, setting, false) FROM pg_settings",
        "SET ROLE postgres",
        "SET session_replication_role = replica",
        "SELECT pg_advisory_lock(1)",
        "SELECT pg_ls_waldir()",
        "SELECT query FROM pg_stat_activity",
    ] {
        let answer = wire.query(sql).unwrap();
        assert_eq!(told(&answer), "E:42501 Z:I", "{sql}");
    }
}

/// The shop, with the policies of analysts as they are shipped: clients of the gateway are the analysts.
fn world() -> World {
    let policies = root().join("policies");
    let policy = |name: &str| fs::read_to_string(policies.join(name)).unwrap();
    let analyst = policy("analyst.cedar").replace("cgroup:/weir-demo/analyst", "gateway");
    let plan = Plan::new().script(TABLES).classes(CLASSES);
    let plan = plan.policy("base.cedar", &policy("base.cedar"));
    plan.policy("analyst.cedar", &analyst).gateway().unwrap()
}

fn corpus() -> Vec<(String, Statement)> {
    let files = fs::read_dir(root().join("tests/corpus/harmless")).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files
        .filter(|p| p.extension().is_some_and(|e| e == "toml"))
        .collect();
    files.sort();
    let mut corpus = Vec::new();
    for file in files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let table: Table = toml::from_str(&fs::read_to_string(&file).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        corpus.extend(table.statement.into_iter().map(|s| (name.clone(), s)));
    }
    corpus
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The oids that statements name, by the catalog's name and the object's.
fn oids(world: &World) -> BTreeMap<String, String> {
    let catalogs = [
        ("pg_class", "relname"),
        ("pg_constraint", "conname"),
        ("pg_database", "datname"),
        ("pg_proc", "proname"),
        ("pg_type", "typname"),
    ];
    let select = |(catalog, name)| {
        format!("SELECT '${{{catalog}.' || {name} || '}}', oid FROM {catalog} WHERE oid >= 16384")
    };
    let listed = catalogs.map(select).join(" UNION ALL ");
    let listed = world.database().run("app", &listed).unwrap();
    let pairs = listed.lines().filter_map(|line| line.split_once('|'));
    pairs
        .map(|(name, oid)| (name.to_owned(), oid.to_owned()))
        .collect()
}

impl Statement {
    fn resolved(&self, oids: &BTreeMap<String, String>) -> Self {
        let resolve = |text: &String| {
            oids.iter()
                .fold(text.clone(), |text, (name, oid)| text.replace(name, oid))
        };
        Self {
            before: self.before.iter().map(resolve).collect(),
            sql: resolve(&self.sql),
            parameters: self
                .parameters
                .as_ref()
                .map(|values| values.iter().map(resolve).collect()),
        }
    }

    fn message(&self) -> Vec<u8> {
        match &self.parameters {
            None => query(&self.sql),
            Some(values) => {
                let values: Vec<&str> = values.iter().map(String::as_str).collect();
                [extended(&self.sql, &values, 0), sync()].concat()
            }
        }
    }

    /// What it gives: rows, lines of COPY, and how it ended.
    fn run(&self, wire: &mut Wire) -> Result<Vec<Frame>, String> {
        for sql in &self.before {
            ask(wire, &query(sql))?;
        }
        let mut answer = ask(wire, &self.message())?;
        ask(wire, &query("ROLLBACK"))?;
        ask(wire, &query("DISCARD ALL"))?;
        answer.retain(|frame| matches!(frame.tag, 'D' | 'd' | 'C'));
        Ok(answer)
    }
}

fn ask(wire: &mut Wire, message: &[u8]) -> Result<Vec<Frame>, String> {
    wire.send(message).map_err(|error| error.to_string())?;
    let answer = wire.until_ready().map_err(|error| error.to_string())?;
    if let Some(error) = answer.iter().find(|frame| frame.tag == 'E') {
        return Err(error.field('M'));
    }
    match answer.last() {
        Some(last) if last.tag == 'Z' => Ok(answer),
        _ => Err(format!("the session ended: {}", told(&answer))),
    }
}

fn logged_in(mut wire: Wire) -> Result<Wire, String> {
    wire.log_in("postgres", "app")
        .map_err(|error| error.to_string())?;
    Ok(wire)
}

/// A session past the agent and one through it.
struct Sessions<'a> {
    world: &'a World,
    past: Wire,
    through: Wire,
}

impl<'a> Sessions<'a> {
    fn new(world: &'a World) -> Self {
        Self {
            world,
            past: logged_in(world.wire_direct().unwrap()).unwrap(),
            through: logged_in(world.wire("analyst").unwrap()).unwrap(),
        }
    }

    /// What is wrong with the statement, if anything is.
    fn fault(&mut self, statement: &Statement) -> Result<(), String> {
        let past = |answer: Result<_, String>| {
            answer.map_err(|error| format!("fails past the agent: {error}"))
        };
        let before = past(statement.run(&mut self.past))?;
        let through = statement.run(&mut self.through)?;
        if before == through {
            return Ok(());
        }
        if before.len() != through.len() {
            return Err(format!(
                "{} rows, and {} through the agent",
                before.len(),
                through.len()
            ));
        }
        // A clock, a counter or the session's own number may be in it.
        let mut other = logged_in(self.world.wire_direct().unwrap())?;
        let varies = past(statement.run(&mut other))? != before;
        match (is_secret(&before), is_secret(&through)) {
            (_, true) => Err("shows what is classified".into()),
            (false, false) if !varies => {
                Err(format!("differs: {} {}", shown(&before), shown(&through)))
            }
            _ => Ok(()),
        }
    }
}

fn is_secret(answer: &[Frame]) -> bool {
    let shown = shown(answer);
    CANARIES.iter().any(|canary| shown.contains(canary))
}

fn shown(answer: &[Frame]) -> String {
    answer
        .iter()
        .map(|frame| String::from_utf8_lossy(&frame.body))
        .collect()
}
