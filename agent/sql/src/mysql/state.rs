//! Statements about the session: transactions, variables, locks, upkeep, and calls of procedures.

use std::sync::Arc;

use model::{Object, Use, Verb};
use sqlparser::ast::{ObjectName, Statement, Use as UseTree};

use super::analysis::{Analysis, parts};
use super::expression::Place;
use super::forms::{Assignable, Assigned};
use super::session::Modes;
use crate::facts::{Assignment, Change};
use crate::opacity::{self, Known};
use crate::scope::Scope;

impl Analysis<'_> {
    /// Whether the statement is about the session, and then its facts.
    pub(super) fn state(&mut self, statement: &Statement) -> Known<bool> {
        match statement {
            Statement::StartTransaction {
                statements,
                exception: None,
                has_end_keyword: false,
                ..
            } if statements.is_empty() => {}
            Statement::Commit { .. } => self.changes.push(Change::Committed),
            Statement::Rollback {
                savepoint: None, ..
            } => self.changes.push(Change::RolledBack),
            Statement::Rollback { .. } => self.changes.push(Change::RolledBackTo),
            Statement::Savepoint { .. }
            | Statement::ReleaseSavepoint { .. }
            | Statement::UnlockTables
            | Statement::Deallocate { .. } => {}
            Statement::Use(UseTree::Object(name)) => self.uses(name)?,
            Statement::LockTables { tables } => {
                for table in tables {
                    let relation = self.named(&[&table.table.value])?;
                    self.record.relation(Verb::Lock, &relation, true);
                }
            }
            Statement::ExplainTable { table_name, .. } => {
                self.table(table_name)?;
                self.shows("COLUMNS");
            }
            Statement::Call(function) => {
                self.call(&parts(&function.name)?)?;
                self.forget_modes();
                let scope = Scope::default();
                let place = Place {
                    scope: &scope,
                    how: Use::Derived,
                };
                self.arguments(function, place, &mut Vec::new())?;
            }
            Statement::Kill { .. } => {
                let function = model::Function {
                    schema: Arc::from("mysql"),
                    name: Arc::from("kill"),
                };
                self.record.object(Verb::Call, Object::Function(function));
            }
            Statement::Flush { .. } => self.record.object(Verb::Maintain, Object::Server),
            Statement::Analyze(analyze) => {
                let Some(name) = &analyze.table_name else {
                    return Err(opacity::unsupported(
                        "ANALYZE without a table is not analysed",
                    ));
                };
                let relation = self.table(name)?;
                self.record.relation(Verb::Maintain, &relation, true);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn uses(&mut self, name: &ObjectName) -> Known<()> {
        let [database] = *parts(name)?.as_slice() else {
            return Err(opacity::unresolved("the name of a database has one part"));
        };
        let path: Arc<[Arc<str>]> = Arc::from([Arc::from(database)]);
        self.changes.push(Change::Set {
            local: false,
            to: Assignment::Path(Some(path)),
        });
        Ok(())
    }

    /// `SET`: what is set is told, but for variables of the user, and what its value reads.
    pub(super) fn set(&mut self, assignments: &[Assigned]) -> Known<()> {
        for assigned in assignments {
            if let Assignable::Value(expr) = &assigned.value {
                let scope = Scope::default();
                let place = Place {
                    scope: &scope,
                    how: Use::Derived,
                };
                self.expression(expr, place, &mut Vec::new())?;
            }
            if assigned.name.starts_with('@') {
                continue;
            }
            let name = Arc::from(assigned.name.as_str());
            if assigned.global {
                let kind = Arc::from("system");
                self.record
                    .object(Verb::Alter, Object::Other { kind, name });
                continue;
            }
            self.record.object(Verb::Set, Object::Setting(name));
            if let Some(to) = decisive(assigned) {
                self.changes.push(Change::Set { local: false, to });
            }
        }
        Ok(())
    }
}

/// The assignment of a variable that decides what later texts mean.
fn decisive(assigned: &Assigned) -> Option<Assignment> {
    let text = match &assigned.value {
        Assignable::Text(text) if !text.eq_ignore_ascii_case("default") => Some(text.as_str()),
        Assignable::Text(_) | Assignable::Value(_) => None,
    };
    match assigned.name.as_str() {
        "sql_mode" => Some(Assignment::SqlMode(text.and_then(Modes::parse))),
        "character_set_client" => {
            let utf8 = |text: &str| matches!(&*text.to_lowercase(), "utf8" | "utf8mb3" | "utf8mb4");
            Some(Assignment::Utf8(text.map(utf8)))
        }
        _ => None,
    }
}
