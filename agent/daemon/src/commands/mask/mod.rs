//! `weir mask`: what classes would be in the database itself.

mod expression;

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use policy::{ColumnName, PolicySet};
use sql::{Relation, Snapshot};

use super::explain;
use crate::cli::{Mask, MaskPlan};
use crate::config::Config;
use crate::screen::one_line;
use expression::{Shown, shown};

const HEAD: &str = "\
-- What classes.toml says, for the database to enforce by itself: the role reads classified columns by views that mask
-- them, and the other columns as before. Run it as the owner of the tables. It does not bind owners and superusers, nor
-- roles that get SELECT in another way (membership in a role that has it).
";

/// Runs the command that was typed.
pub fn mask(config: &Config, command: &Mask) -> anyhow::Result<ExitCode> {
    let Mask::Plan(wanted) = command;
    let policies = PolicySet::load(&config.policies)?;
    let target = explain::target(config, wanted.server.as_deref())?;
    let (runtime, catalog) = explain::catalog(config)?;
    let snapshot = runtime.block_on(catalog.snapshot(&target, &wanted.database));
    let snapshot = snapshot.with_context(|| {
        format!(
            "the columns of {}/{} are not known",
            target.server, wanted.database
        )
    })?;
    let plan = Plan {
        policies: &policies,
        server: &target.server,
        snapshot: &snapshot,
        wanted,
    };
    print!("{}", plan.script()?);
    Ok(ExitCode::SUCCESS)
}

struct Plan<'a> {
    policies: &'a PolicySet,
    server: &'a str,
    snapshot: &'a Snapshot,
    wanted: &'a MaskPlan,
}

/// A column of a relation, and what the view has in its place.
struct Planned<'a> {
    name: &'a str,
    /// Its class, and what is shown.
    masked: Option<(&'a str, Shown)>,
}

impl Plan<'_> {
    fn script(&self) -> Result<String, std::fmt::Error> {
        let mut relations: Vec<&Relation> = self
            .snapshot
            .relations()
            .map(|relation| &**relation)
            .filter(|relation| !self.is_other(&relation.name.schema))
            .collect();
        relations.sort_by(|a, b| a.name.cmp(&b.name));
        let mut script = String::from(HEAD);
        script.push_str("BEGIN;\n");
        let mut schemas: Vec<String> = Vec::new();
        for relation in relations {
            let columns = self.columns(relation);
            if columns.iter().all(|column| column.masked.is_none()) {
                continue;
            }
            let schema = format!("{}_{}", self.wanted.prefix, relation.name.schema);
            if !schemas.contains(&schema) {
                let (schema, role) = (quoted(&schema), self.role());
                writeln!(script, "\nCREATE SCHEMA IF NOT EXISTS {schema};")?;
                writeln!(script, "GRANT USAGE ON SCHEMA {schema} TO {role};")?;
            }
            self.relation(relation, &columns, &schema, &mut script)?;
            schemas.push(schema);
        }
        if schemas.is_empty() {
            script.push_str("-- No column of this database is in a class.\n");
        }
        script.push_str("\nCOMMIT;\n");
        Ok(script)
    }

    /// Whether the schema is the server's, or one that an earlier plan made.
    fn is_other(&self, schema: &str) -> bool {
        let made = schema.strip_prefix(&self.wanted.prefix);
        made.is_some_and(|rest| rest.starts_with('_'))
            || matches!(schema, "pg_catalog" | "information_schema" | "pg_toast")
    }

    fn columns<'r>(&'r self, relation: &'r Relation) -> Vec<Planned<'r>> {
        let types = self.snapshot.types();
        let planned = relation.columns.iter().map(|column| {
            let name = ColumnName {
                server: self.server,
                database: self.snapshot.database(),
                schema: &relation.name.schema,
                table: &relation.name.name,
                column: &column.name,
            };
            let masked = self.policies.mask_of(name).map(|(class, mask)| {
                let base = types.base(column.type_oid).unwrap_or_default();
                let type_name = types.find(base).map(|found| sql_type(&found.name));
                (class, shown(mask, &quoted(&column.name), base, type_name))
            });
            Planned {
                name: &column.name,
                masked,
            }
        });
        planned.collect()
    }

    fn relation(
        &self,
        relation: &Relation,
        columns: &[Planned<'_>],
        schema: &str,
        script: &mut String,
    ) -> std::fmt::Result {
        let role = self.role();
        let name = &relation.name;
        let table = format!("{}.{}", quoted(&name.schema), quoted(&name.name));
        let view = format!("{}.{}", quoted(schema), quoted(&name.name));
        writeln!(script)?;
        for column in columns {
            if let Some((class, shown)) = &column.masked {
                let note = shown.note.map_or(String::new(), |note| format!(": {note}"));
                let line = format!("{table}.{} is in class {class}{note}", quoted(column.name));
                writeln!(script, "-- {}", one_line(&line, COMMENT))?;
            }
        }
        let from = match role.as_str() {
            PUBLIC => PUBLIC.to_owned(),
            role => format!("{PUBLIC}, {role}"),
        };
        writeln!(script, "REVOKE SELECT ON {table} FROM {from};")?;
        let clear: Vec<String> = columns
            .iter()
            .filter(|column| column.masked.is_none())
            .map(|column| quoted(column.name))
            .collect();
        if !clear.is_empty() {
            let clear = clear.join(", ");
            writeln!(script, "GRANT SELECT ({clear}) ON {table} TO {role};")?;
        }
        writeln!(
            script,
            "CREATE OR REPLACE VIEW {view} WITH (security_barrier) AS"
        )?;
        let columns = columns.iter().map(|column| {
            let name = quoted(column.name);
            match &column.masked {
                None => format!("  {name}"),
                Some((_, shown)) => format!("  {} AS {name}", shown.expression),
            }
        });
        let columns: Vec<String> = columns.collect();
        writeln!(script, "SELECT\n{}\nFROM {table};", columns.join(",\n"))?;
        writeln!(script, "GRANT SELECT ON {view} TO {role};")
    }

    fn role(&self) -> String {
        let role = self.wanted.role.as_deref();
        role.map_or_else(|| PUBLIC.to_owned(), quoted)
    }
}

/// Characters of the longest comment: a name may have anything in it, also the end of a line.
const COMMENT: usize = 400;
/// Every role.
const PUBLIC: &str = "PUBLIC";

/// A name as SQL reads it, whatever is in it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `schema.name`, or the name of a built-in type; of an array with brackets.
fn sql_type(name: &str) -> String {
    let (name, brackets) = match name.strip_suffix("[]") {
        Some(element) => (element, "[]"),
        None => (name, ""),
    };
    let name = match name.split_once('.') {
        Some((schema, name)) => format!("{}.{}", quoted(schema), quoted(name)),
        None => name.to_owned(),
    };
    format!("{name}{brackets}")
}
