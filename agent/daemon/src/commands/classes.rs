//! `weir classes`: compares `classes.toml` with the columns that a database has.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use catalog::{Catalog, Samples};
use mask::Mask;
use model::{MaskFunction, Target};
use policy::{Candidate, ColumnName, PolicySet, Problem, Suggestion};
use serde_json::json;
use sql::{Relation, Snapshot};
use tokio::runtime::Runtime;

use super::explain;
use crate::cli::{Classes, ClassesOf};
use crate::config::Config;
use crate::screen::one_line;

/// Schemas that the server brings; what is in them is PostgreSQL's own.
const OWN: [&str; 2] = ["pg_catalog", "information_schema"];

/// Runs the command that was typed.
pub fn classes(config: &Config, command: &Classes) -> anyhow::Result<ExitCode> {
    match command {
        Classes::Check(of) => check(&Live::read(config, of)?, of.json),
        Classes::Suggest { of, sample } => suggest(&Live::read(config, of)?, *sample, of.json),
    }
}

/// Policies beside the databases that they are about.
struct Live {
    policies: PolicySet,
    target: Target,
    runtime: Runtime,
    catalog: Catalog,
    databases: Vec<Arc<Snapshot>>,
}

impl Live {
    fn read(config: &Config, of: &ClassesOf) -> anyhow::Result<Self> {
        let policies = PolicySet::load(&config.policies)?;
        let target = explain::target(config, of.server.as_deref())?;
        let (runtime, catalog) = explain::catalog(config)?;
        let mut databases = Vec::new();
        for database in &of.databases {
            let snapshot = runtime.block_on(catalog.snapshot(&target, database));
            databases.push(snapshot.with_context(|| {
                format!("the columns of {}/{database} are not known", target.server)
            })?);
        }
        Ok(Self {
            policies,
            target,
            runtime,
            catalog,
            databases,
        })
    }

    /// Everything that has columns, in order of its name.
    fn relations<'a>(&self, database: &'a Snapshot) -> Vec<&'a Relation> {
        let mut relations: Vec<&Relation> =
            database.relations().map(|relation| &**relation).collect();
        relations.sort_by(|a, b| a.name.cmp(&b.name));
        relations
    }

    fn columns<'a>(
        &'a self,
        database: &'a Snapshot,
        relation: &'a Relation,
    ) -> impl Iterator<Item = ColumnName<'a>> {
        relation.columns.iter().map(|column| ColumnName {
            server: &self.target.server,
            database: database.database(),
            schema: &relation.name.schema,
            table: &relation.name.name,
            column: &column.name,
        })
    }
}

/// Masks that are not for the types of columns that have them: what they show is nothing, and not what was meant.
fn unfit(live: &Live) -> Vec<Problem> {
    let mut problems = Vec::new();
    for database in &live.databases {
        let types = database.types();
        for relation in live.relations(database) {
            let names = live.columns(database, relation);
            for (name, column) in names.zip(&relation.columns) {
                let oid = types.base(column.type_oid).unwrap_or_default();
                let type_name = types.find(oid).map(|found| found.name);
                let type_name = type_name.unwrap_or_else(|| "unknown".into());
                let fits = |function: &MaskFunction| Mask::fits(function, oid);
                problems.extend(live.policies.unfit(name, &type_name, fits));
            }
        }
    }
    problems
}

/// Exits with 1 where a pattern fits no column. A mask that does not fit is only told: nothing is shown in clear for it.
fn check(live: &Live, json: bool) -> anyhow::Result<ExitCode> {
    let names: Vec<&str> = live
        .databases
        .iter()
        .map(|database| database.database())
        .collect();
    let mut columns = Vec::new();
    for database in &live.databases {
        for relation in live.relations(database) {
            columns.extend(live.columns(database, relation));
        }
    }
    let problems = live
        .policies
        .unmatched(&live.target.server, &names, &columns);
    let unfit = unfit(live);
    if json {
        let told = problems.iter().chain(&unfit).map(|problem| {
            let place = problem.position;
            json!({
                "file": problem.file,
                "line": place.map(|place| place.line),
                "column": place.map(|place| place.column),
                "problem": problem.flaw.to_string(),
            })
        });
        println!(
            "{}",
            serde_json::to_string_pretty(&told.collect::<Vec<_>>())?
        );
    } else {
        let told = problems.iter().chain(&unfit);
        told.for_each(|problem| println!("{problem}"));
        if problems.is_empty() {
            println!(
                "classes.toml: ok, every pattern fits a column of {}",
                names.join(", ")
            );
        }
    }
    Ok(match problems.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn suggest(live: &Live, rows: Option<u32>, json: bool) -> anyhow::Result<ExitCode> {
    let mut suggestions = Vec::new();
    for database in &live.databases {
        suggestions.extend(suggestions_for(live, database, rows)?);
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&suggestions)?);
    } else {
        print(&live.policies, &suggestions);
    }
    Ok(ExitCode::SUCCESS)
}

fn suggestions_for(
    live: &Live,
    database: &Snapshot,
    rows: Option<u32>,
) -> anyhow::Result<Vec<Suggestion>> {
    // A partition's columns are those of its parent, which is told of.
    let is_own = |relation: &&Relation| {
        let has_parent = relation
            .name
            .oid
            .is_some_and(|oid| !database.ancestors(oid).is_empty());
        !has_parent && !OWN.contains(&&*relation.name.schema)
    };
    let relations: Vec<&Relation> = live
        .relations(database)
        .into_iter()
        .filter(is_own)
        .collect();
    let samples = match rows {
        None => Samples::default(),
        Some(rows) => {
            let reading = live
                .catalog
                .sample(&live.target, database.database(), &relations, rows);
            live.runtime.block_on(reading)?
        }
    };
    for (table, why) in &samples.unread {
        let why = one_line(why, 200);
        eprintln!(
            "weir: {}.{} was not sampled: {why}",
            table.schema, table.name
        );
    }
    let mut candidates = Vec::new();
    for relation in relations {
        for (column, name) in relation
            .columns
            .iter()
            .zip(live.columns(database, relation))
        {
            if !live.policies.is_classified(name) {
                candidates.push(Candidate {
                    column: name,
                    type_oid: column.type_oid,
                    values: relation
                        .name
                        .oid
                        .map_or(&[], |oid| samples.of(oid, column.number)),
                });
            }
        }
    }
    Ok(policy::suggest(&candidates))
}

/// As TOML for `classes.toml`. A class of a name that is taken gets another, so that all of it can be pasted as it is.
fn print(policies: &PolicySet, suggestions: &[Suggestion]) {
    if suggestions.is_empty() {
        println!("# no column that is in no class looks like one");
    }
    let mut classes: BTreeMap<&str, Vec<&Suggestion>> = BTreeMap::new();
    for suggestion in suggestions {
        classes
            .entry(suggestion.class)
            .or_default()
            .push(suggestion);
    }
    for (class, columns) in classes {
        let mut name = class.to_owned();
        while policies.classes().any(|taken| taken == name) {
            name.push_str("-more");
        }
        if name != class {
            println!("# or into the columns of [classes.{class}], which is there already");
        }
        let description = columns.first().map_or("", |first| first.description);
        println!("[classes.{name}]\ndescription = {}", quoted(description));
        println!("mask = \"redact\"\ncolumns = [");
        for column in columns {
            println!(
                "  {{ column = {}, mask = {} }}, # {}",
                quoted(&column.column),
                column.mask,
                column.reasons.join("; ")
            );
        }
        println!("]\n");
    }
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
