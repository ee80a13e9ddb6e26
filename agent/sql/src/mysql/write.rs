//! Statements that write rows: INSERT, REPLACE, UPDATE, DELETE, LOAD DATA.

use std::sync::Arc;

use model::{Object, Use, Verb};
use sqlparser::ast::{
    Assignment, AssignmentTarget, Delete, FromTable, Ident, Insert, ObjectName, OnInsert, SetExpr,
    TableFactor, TableObject, TableWithJoins, Update,
};

use super::analysis::{Analysis, folded, parts};
use super::expression::Place;
use super::forms::Load;
use super::from::{Doing, item};
use super::query::odd;
use super::restriction::{chooses, restricts};
use crate::opacity::{self, Known};
use crate::scope::{Columns, Item, Scope};
use crate::snapshot::Relation;

impl Analysis<'_> {
    /// INSERT and REPLACE.
    pub(super) fn insert(&mut self, insert: &Insert, how: Use) -> Known<()> {
        let plain = insert.or.is_none()
            && !insert.by_name
            && !insert.overwrite
            && insert.overriding.is_none()
            && insert.output.is_none()
            && insert.settings.is_none()
            && insert.format_clause.is_none()
            && insert.multi_table_insert_type.is_none()
            && insert.after_columns.is_empty()
            && insert.table_alias.is_none();
        let TableObject::TableName(name) = &insert.table else {
            return Err(odd("an INSERT"));
        };
        if !plain {
            return Err(odd("an INSERT"));
        }
        let relation = self.table(name)?;
        let target = self.target_item(Verb::Insert, &relation, true, None)?;
        let mut scope = Scope::default();
        scope.items.push(target.clone());
        for column in &insert.columns {
            self.writes(&target, &parts(column)?)?;
        }
        if insert.columns.is_empty() && insert.assignments.is_empty() {
            self.record
                .columns(&target.columns.origins(), Use::Written)?;
        }
        self.assignments(&insert.assignments, &scope)?;
        let mut chosen = true;
        if let Some(source) = &insert.source {
            chosen = chooses(&source.body);
            self.query(source, &scope, Use::Derived)?;
        }
        if insert.replace_into {
            self.record.relation(Verb::Delete, &relation, chosen);
        }
        match &insert.on {
            Some(OnInsert::DuplicateKeyUpdate(assignments)) => {
                self.duplicates(insert, assignments, &relation, chosen)?;
            }
            Some(_) => return Err(odd("an INSERT")),
            None => {}
        }
        if let Some(returning) = &insert.returning {
            self.targets(returning, &scope, how)?;
        }
        Ok(())
    }

    /// `ON DUPLICATE KEY UPDATE`: an UPDATE of the rows that are there, which are those of the insert's source.
    fn duplicates(
        &mut self,
        insert: &Insert,
        assignments: &[Assignment],
        relation: &Arc<Relation>,
        chosen: bool,
    ) -> Known<()> {
        let updated = self.target_item(Verb::Update, relation, chosen, None)?;
        let mut scope = Scope::default();
        if let Some(alias) = &insert.insert_alias {
            // What the alias holds are the proposed values, which the insert's source accounts for.
            let mut columns = Columns::default();
            for column in &updated.columns.list {
                let proposed = crate::scope::Column::computed(&column.name, Vec::new());
                columns.list.push(proposed);
            }
            if alias
                .col_aliases
                .as_ref()
                .is_some_and(|names| !names.is_empty())
            {
                return Err(odd("an INSERT"));
            }
            let mut proposed = Item::derived(&folded(&parts(&alias.row_alias)?.join(".")), columns);
            proposed.reach = crate::scope::Reach::Qualified;
            scope.items.push(proposed);
        }
        scope.items.push(updated);
        self.assignments(assignments, &scope)
    }

    fn target_item(
        &mut self,
        verb: Verb,
        relation: &Arc<Relation>,
        restricted: bool,
        alias: Option<Arc<str>>,
    ) -> Known<Item> {
        let touch = self.record.relation(verb, relation, restricted);
        self.record.spend(relation.columns.len())?;
        Ok(item(relation, touch, alias))
    }

    /// A column of this item is written to.
    fn writes(&mut self, item: &Item, name: &[&str]) -> Known<()> {
        let name = name.last().map(|name| folded(name)).unwrap_or_default();
        let found = item
            .column(&name)?
            .ok_or_else(|| opacity::unresolved(&format!("{} has no column {name}", item.alias)))?;
        self.record.columns(&found.origins, Use::Written)
    }

    /// `SET a = x, t.b = y`
    fn assignments(&mut self, assignments: &[Assignment], scope: &Scope<'_>) -> Known<()> {
        for assignment in assignments {
            let names = idents(assigned(assignment)?);
            let found = self.resolve(&names, scope)?;
            if !found.base {
                return Err(opacity::unresolved(
                    "what is assigned to is no column of a table",
                ));
            }
            self.record.columns(&found.origins, Use::Written)?;
            let place = Place {
                scope,
                how: Use::Derived,
            };
            self.expression(&assignment.value, place, &mut Vec::new())?;
        }
        Ok(())
    }

    /// UPDATE of one table or of joined ones.
    pub(super) fn update(&mut self, update: &Update, how: Use) -> Known<()> {
        let plain = update.from.is_none()
            && update.output.is_none()
            && update.or.is_none()
            && update.settings.is_none()
            && update.on_cluster.is_none();
        if !plain {
            return Err(odd("an UPDATE"));
        }
        let from = std::slice::from_ref(&update.table);
        let aliases = self.updated(&update.assignments, from)?;
        let restricted = restricts(update.selection.as_ref());
        let doing = Doing {
            verb: Verb::Update,
            aliases: &aliases,
            restricted,
        };
        let mut scope = Scope::default();
        self.from(from, &mut scope, &doing)?;
        self.assignments(&update.assignments, &scope)?;
        self.filter(update.selection.as_ref(), &scope)?;
        self.sorts(&update.order_by, &scope)?;
        self.filter(update.limit.as_ref(), &scope)?;
        if let Some(returning) = &update.returning {
            self.targets(returning, &scope, how)?;
        }
        Ok(())
    }

    /// The aliases of the tables that assignments write to.
    fn updated(&self, assignments: &[Assignment], from: &[TableWithJoins]) -> Known<Vec<Arc<str>>> {
        let tables = named(from)?;
        let mut aliases = Vec::new();
        for assignment in assignments {
            let name = parts(assigned(assignment)?)?;
            let alias = match *name.as_slice() {
                [.., table, _] => folded(table),
                [column] => self.owner(column, &tables)?,
                [] => return Err(odd("an UPDATE")),
            };
            if !tables.iter().any(|(known, _)| *known == alias) {
                return Err(opacity::unresolved(&format!(
                    "there is no table {alias} to update"
                )));
            }
            aliases.push(alias);
        }
        Ok(aliases)
    }

    /// The only table that has this column.
    fn owner(&self, column: &str, tables: &[(Arc<str>, &ObjectName)]) -> Known<Arc<str>> {
        let mut owners = Vec::new();
        for (alias, name) in tables {
            let relation = self.table(name)?;
            if relation
                .columns
                .iter()
                .any(|c| folded(&c.name) == folded(column))
            {
                owners.push(alias.clone());
            }
        }
        match owners.as_slice() {
            [owner] => Ok(owner.clone()),
            _ => Err(opacity::unresolved(&format!(
                "the table of column {column} is not known"
            ))),
        }
    }

    /// DELETE from one table, or from several by a join.
    pub(super) fn delete(&mut self, delete: &Delete, how: Use) -> Known<()> {
        if delete.output.is_some() || delete.settings.is_some() || delete.on_cluster.is_some() {
            return Err(odd("a DELETE"));
        }
        let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
        let (mut aliases, source) = match (&delete.using, delete.tables.as_slice()) {
            (Some(using), []) => (
                named(from)?.into_iter().map(|(alias, _)| alias).collect(),
                using,
            ),
            (None, []) if from.len() == 1 && from.iter().all(|table| table.joins.is_empty()) => (
                named(from)?.into_iter().map(|(alias, _)| alias).collect(),
                from,
            ),
            (None, tables) if !tables.is_empty() => {
                let alias = |name| {
                    parts(name).map(|parts| folded(parts.last().copied().unwrap_or_default()))
                };
                (tables.iter().map(alias).collect::<Known<Vec<_>>>()?, from)
            }
            _ => return Err(odd("a DELETE")),
        };
        aliases.dedup();
        let known = named(source)?;
        if !aliases
            .iter()
            .all(|alias| known.iter().any(|(known, _)| known == alias))
        {
            return Err(opacity::unresolved("a table to delete from is not in FROM"));
        }
        let doing = Doing {
            verb: Verb::Delete,
            aliases: &aliases,
            restricted: restricts(delete.selection.as_ref()),
        };
        let mut scope = Scope::default();
        self.from(source, &mut scope, &doing)?;
        self.filter(delete.selection.as_ref(), &scope)?;
        self.sorts(&delete.order_by, &scope)?;
        self.filter(delete.limit.as_ref(), &scope)?;
        if let Some(returning) = &delete.returning {
            self.targets(returning, &scope, how)?;
        }
        Ok(())
    }

    /// `LOAD DATA`: a file of the server's, or one that the client sends.
    pub(super) fn load(&mut self, load: &Load) -> Known<()> {
        if let Some(file) = &load.file {
            let kind = Arc::from("file");
            let name = Arc::from(file.as_str());
            self.record
                .object(Verb::CopyIn, Object::Other { kind, name });
        }
        let table: Vec<&str> = load.table.iter().map(String::as_str).collect();
        let relation = self.named(&table)?;
        let target = self.target_item(Verb::CopyIn, &relation, true, None)?;
        match &load.columns {
            None => self
                .record
                .columns(&target.columns.origins(), Use::Written)?,
            Some(columns) => {
                for column in columns.iter().filter(|column| !column.starts_with('@')) {
                    self.writes(&target, &[column])?;
                }
            }
        }
        if load.replace {
            self.record.relation(Verb::Delete, &relation, true);
        }
        Ok(())
    }
}

/// The number of rows that an INSERT lists.
pub(super) fn listed(insert: &Insert) -> Option<u64> {
    match insert.source.as_deref().map(|source| &*source.body) {
        Some(SetExpr::Values(values)) => u64::try_from(values.rows.len()).ok(),
        Some(_) => None,
        None => Some(1),
    }
}

fn assigned(assignment: &Assignment) -> Known<&ObjectName> {
    match &assignment.target {
        AssignmentTarget::ColumnName(name) => Ok(name),
        AssignmentTarget::Tuple(_) => Err(odd("an assignment")),
    }
}

fn idents(name: &ObjectName) -> Vec<Ident> {
    name.0
        .iter()
        .filter_map(|part| part.as_ident().cloned())
        .collect()
}

/// The tables that FROM names directly, by alias.
fn named(from: &[TableWithJoins]) -> Known<Vec<(Arc<str>, &ObjectName)>> {
    let mut tables = Vec::new();
    for table in from {
        let joins = table.joins.iter().map(|join| &join.relation);
        for factor in std::iter::once(&table.relation).chain(joins) {
            if let TableFactor::Table { name, alias, .. } = factor {
                let bare = parts(name)?.last().copied().unwrap_or_default();
                let alias = alias
                    .as_ref()
                    .map_or(bare, |alias| alias.name.value.as_str());
                tables.push((folded(alias), name));
            }
        }
    }
    Ok(tables)
}
