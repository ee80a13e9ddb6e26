//! FROM: tables, derived tables and joins, and the names that they give.

use std::rc::Rc;
use std::sync::Arc;

use model::{Use, Verb};
use sqlparser::ast::{
    JoinConstraint, JoinOperator, JsonTableColumn, TableAlias, TableFactor, TableWithJoins,
};

use super::analysis::{Analysis, folded, parts};
use super::expression::Place;
use super::query::odd;
use crate::from::{column_of, shared_names};
use crate::opacity::{self, Known};
use crate::record::Origin;
use crate::rows::Kind;
use crate::scope::{Column, Columns, Item, Reach, Scope};
use crate::snapshot::Relation;

/// What a statement does to the tables in its FROM: `verb` to those under these aliases, `Select` to the others.
pub(super) struct Doing<'a> {
    pub(super) verb: Verb,
    pub(super) aliases: &'a [Arc<str>],
    pub(super) restricted: bool,
}

impl Analysis<'_> {
    /// What stands in FROM. The tables that are named in it directly are returned.
    pub(super) fn from(
        &mut self,
        from: &[TableWithJoins],
        scope: &mut Scope<'_>,
        doing: &Doing<'_>,
    ) -> Known<Vec<Arc<Relation>>> {
        let mut tables = Vec::new();
        for joined in from {
            let items = self.joined(joined, scope, doing, &mut tables)?;
            scope.items.extend(items);
        }
        Ok(tables)
    }

    fn joined(
        &mut self,
        joined: &TableWithJoins,
        scope: &Scope<'_>,
        doing: &Doing<'_>,
        tables: &mut Vec<Arc<Relation>>,
    ) -> Known<Vec<Item>> {
        let mut left = self.factor(&joined.relation, scope, doing, tables)?;
        for join in &joined.joins {
            let mut seen = scope.items.clone();
            seen.extend(left.iter().cloned());
            self.record.spend(seen.len())?;
            let right = self.factor(&join.relation, &scope.with_items(seen), doing, tables)?;
            let constraint = match &join.join_operator {
                JoinOperator::Join(on)
                | JoinOperator::Inner(on)
                | JoinOperator::Left(on)
                | JoinOperator::LeftOuter(on)
                | JoinOperator::Right(on)
                | JoinOperator::RightOuter(on)
                | JoinOperator::CrossJoin(on)
                | JoinOperator::StraightJoin(on) => on,
                _ => return Err(odd("a join")),
            };
            left = self.constrained(constraint, left, right, scope)?;
        }
        Ok(left)
    }

    fn constrained(
        &mut self,
        constraint: &JoinConstraint,
        left: Vec<Item>,
        right: Vec<Item>,
        scope: &Scope<'_>,
    ) -> Known<Vec<Item>> {
        let (mut left, mut right) = (scope.with_items(left), scope.with_items(right));
        let names: Vec<Arc<str>> = match constraint {
            JoinConstraint::Natural => shared_names(&left, &right)?,
            JoinConstraint::Using(names) => {
                let name = |name| parts(name).map(|parts| folded(&parts.join(".")));
                names.iter().map(name).collect::<Known<_>>()?
            }
            JoinConstraint::On(_) | JoinConstraint::None => Vec::new(),
            JoinConstraint::UsingAlias(..) => return Err(odd("a join")),
        };
        let mut merged = Columns::default();
        for name in names {
            let mut origins = Vec::new();
            for side in [&left, &right] {
                origins.extend(column_of(side, &name)?.origins);
            }
            self.record.columns(&origins, Use::Filtered)?;
            for item in left.items.iter_mut().chain(&mut right.items) {
                item.merged.push(name.clone());
            }
            merged.list.push(Column::computed(&name, origins));
        }
        let mut items = Vec::new();
        if !merged.list.is_empty() {
            let mut item = Item::derived("", merged);
            item.reach = Reach::Unqualified;
            items.push(item);
        }
        items.append(&mut left.items);
        items.append(&mut right.items);
        if let JoinConstraint::On(on) = constraint {
            self.filter(Some(on), &scope.with_items(items.clone()))?;
        }
        Ok(items)
    }

    fn factor(
        &mut self,
        factor: &TableFactor,
        scope: &Scope<'_>,
        doing: &Doing<'_>,
        tables: &mut Vec<Arc<Relation>>,
    ) -> Known<Vec<Item>> {
        match factor {
            TableFactor::Table {
                name,
                alias,
                args: None,
                with_hints,
                version: None,
                with_ordinality: false,
                json_path: None,
                sample: None,
                inheritance: None,
                ..
            } if with_hints.is_empty() => {
                self.table_item(&parts(name)?, alias.as_ref(), scope, doing, tables)
            }
            TableFactor::Derived {
                lateral,
                subquery,
                alias,
                sample: None,
            } => {
                let hidden = scope.with_items(Vec::new());
                let visible = if *lateral { scope } else { &hidden };
                let mut columns = self.query(subquery, visible, Use::Derived)?;
                rename(&mut columns, alias.as_ref());
                Ok(vec![Item::derived(&alias_of(alias.as_ref()), columns)])
            }
            TableFactor::NestedJoin {
                table_with_joins,
                alias: None,
            } => self.joined(table_with_joins, scope, doing, tables),
            TableFactor::JsonTable {
                json_expr,
                columns,
                alias,
                ..
            } => {
                let mut origins = Vec::new();
                self.expression(
                    json_expr,
                    Place {
                        scope,
                        how: Use::Derived,
                    },
                    &mut origins,
                )?;
                let mut list = Columns::default();
                json_columns(columns, &origins, &mut list);
                Ok(vec![Item::derived(&alias_of(alias.as_ref()), list)])
            }
            other => Err(opacity::unknown_node(other)),
        }
    }

    fn table_item(
        &mut self,
        name: &[&str],
        alias: Option<&TableAlias>,
        scope: &Scope<'_>,
        doing: &Doing<'_>,
        tables: &mut Vec<Arc<Relation>>,
    ) -> Known<Vec<Item>> {
        if let [bare] = *name {
            if bare.eq_ignore_ascii_case("dual") {
                return Ok(Vec::new());
            }
            if let Some(cte) = scope.cte(&folded(bare)) {
                let columns = cte.columns.as_ref().ok_or_else(|| {
                    opacity::unsupported(
                        "only the last branch of a recursive query may refer to itself",
                    )
                })?;
                self.record.spend(columns.list.len())?;
                let mut columns = (**columns).clone();
                rename(&mut columns, alias);
                let known = alias.map_or_else(|| folded(bare), |alias| alias_of(Some(alias)));
                return Ok(vec![Item::derived(&known, columns)]);
            }
        }
        let relation = self.named(name)?;
        self.sees_views |= relation.kind == Kind::View;
        let known = alias.map(|alias| alias_of(Some(alias)));
        let called = known.clone().unwrap_or_else(|| folded(&relation.name.name));
        let verb = match doing.aliases.contains(&called) {
            true => doing.verb,
            false => Verb::Select,
        };
        let touch = self.record.relation(verb, &relation, doing.restricted);
        self.record.spend(relation.columns.len())?;
        let mut item = item(&relation, touch, known);
        if let Some(alias) = alias.filter(|alias| !alias.columns.is_empty()) {
            rename(Rc::make_mut(&mut item.columns), Some(alias));
        }
        tables.push(relation);
        Ok(vec![item])
    }
}

/// A table as it stands, with names for comparing.
pub(super) fn item(relation: &Relation, touch: usize, alias: Option<Arc<str>>) -> Item {
    let mut item = Item::base(relation, touch, alias.as_deref());
    item.system = false;
    item.alias = alias.unwrap_or_else(|| folded(&item.alias));
    item.schema = item.schema.map(|schema| folded(&schema));
    for column in &mut Rc::make_mut(&mut item.columns).list {
        column.name = folded(&column.name);
    }
    item
}

fn alias_of(alias: Option<&TableAlias>) -> Arc<str> {
    folded(alias.map_or("", |alias| alias.name.value.as_str()))
}

pub(super) fn rename(columns: &mut Columns, alias: Option<&TableAlias>) {
    let names = alias.into_iter().flat_map(|alias| &alias.columns);
    for (column, name) in columns.list.iter_mut().zip(names) {
        column.name = folded(&name.name.value);
    }
}

fn json_columns(columns: &[JsonTableColumn], origins: &[Origin], list: &mut Columns) {
    for column in columns {
        let name = match column {
            JsonTableColumn::Named(column) => &column.name,
            JsonTableColumn::ForOrdinality(name) => name,
            JsonTableColumn::Nested(nested) => {
                json_columns(&nested.columns, origins, list);
                continue;
            }
        };
        let column = Column::computed(&folded(&name.value), origins.to_vec());
        list.list.push(column);
    }
}
