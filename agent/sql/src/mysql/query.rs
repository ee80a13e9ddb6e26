//! SELECT: which rows its parts read, and what becomes of them.

use std::rc::Rc;

use model::{Use, Verb};
use sqlparser::ast::{
    Cte as CteTree, Distinct, Expr, GroupByExpr, LimitClause, NamedWindowExpr, OrderByKind, Query,
    Select, SetExpr, SetOperator, SetQuantifier, Value, With,
};

use super::analysis::{Analysis, folded};
use super::expression::Place;
use super::from::{Doing, item, rename};
use super::restriction::restricts;
use crate::opacity::{self, Known};
use crate::query::inside;
use crate::rows::Kind;
use crate::scope::{Column, Columns, Cte, Scope};

pub(super) fn odd(what: &str) -> model::Opacity {
    opacity::unsupported(&format!("{what} has a part that is not analysed"))
}

impl Analysis<'_> {
    /// A query, by what becomes of its output.
    pub(super) fn query(&mut self, query: &Query, outer: &Scope<'_>, how: Use) -> Known<Columns> {
        let plain = query.for_clause.is_none()
            && query.settings.is_none()
            && query.format_clause.is_none()
            && query.pipe_operators.is_empty();
        if !plain {
            return Err(odd("a query"));
        }
        let mut scope = Scope::inside(outer);
        self.with(&query.with, &mut scope)?;
        let lock = !query.locks.is_empty();
        let columns = match &*query.body {
            SetExpr::Select(select) => self.select(select, &mut scope, how, lock)?,
            body => self.body(body, &scope, how, lock)?,
        };
        if let Some(order) = &query.order_by {
            match &order.kind {
                OrderByKind::Expressions(keys) => self.keys(keys, &columns, &scope)?,
                OrderByKind::All(_) => return Err(odd("ORDER BY")),
            }
        }
        match &query.limit_clause {
            Some(LimitClause::LimitOffset {
                limit,
                offset,
                limit_by,
            }) if limit_by.is_empty() => {
                self.filter(limit.as_ref(), &scope)?;
                self.filter(offset.as_ref().map(|offset| &offset.value), &scope)?;
            }
            Some(LimitClause::OffsetCommaLimit { offset, limit }) => {
                self.filter(Some(offset), &scope)?;
                self.filter(Some(limit), &scope)?;
            }
            Some(_) => return Err(odd("LIMIT")),
            None => {}
        }
        let fetch = query.fetch.as_ref();
        self.filter(fetch.and_then(|fetch| fetch.quantity.as_ref()), &scope)?;
        Ok(columns)
    }

    /// What is no plain SELECT: a set operation, VALUES, TABLE, or a query in brackets.
    fn body(&mut self, body: &SetExpr, scope: &Scope<'_>, how: Use, lock: bool) -> Known<Columns> {
        // Chains lean to the left and may be long.
        let mut branches: Vec<&SetExpr> = Vec::new();
        let (mut first, mut keeps_all) = (body, true);
        while let SetExpr::SetOperation {
            left,
            op,
            set_quantifier,
            right,
        } = first
        {
            keeps_all &= *op == SetOperator::Union && *set_quantifier == SetQuantifier::All;
            branches.push(right);
            first = left;
        }
        let alone = branches.is_empty();
        let how = if alone { how } else { inside(how) };
        let mut columns = self.branch(first, scope, how, lock)?;
        for branch in branches.into_iter().rev() {
            let second = self.branch(branch, scope, how, lock)?;
            for (column, other) in columns.list.iter_mut().zip(&second.list) {
                self.record.spend(other.origins.len())?;
                column.origins.extend(&other.origins);
                column.origins.sort_unstable();
                column.origins.dedup();
            }
        }
        if !alone && !keeps_all {
            self.record.columns(&columns.origins(), Use::Filtered)?;
        }
        Ok(columns)
    }

    fn branch(
        &mut self,
        branch: &SetExpr,
        scope: &Scope<'_>,
        how: Use,
        lock: bool,
    ) -> Known<Columns> {
        match branch {
            SetExpr::Select(select) => self.select(select, &mut Scope::inside(scope), how, lock),
            SetExpr::Query(query) => self.query(query, scope, how),
            SetExpr::SetOperation { .. } => self.body(branch, scope, how, lock),
            SetExpr::Values(values) => {
                let mut columns = Columns::default();
                for row in &values.rows {
                    for (index, value) in row.content.iter().enumerate() {
                        let mut origins = Vec::new();
                        self.expression(
                            value,
                            Place {
                                scope,
                                how: inside(how),
                            },
                            &mut origins,
                        )?;
                        match columns.list.get_mut(index) {
                            Some(column) => column.origins.extend(origins),
                            None => {
                                let name = format!("column_{index}");
                                columns.list.push(Column::computed(&name, origins));
                            }
                        }
                    }
                }
                Ok(columns)
            }
            SetExpr::Table(table) => {
                let name = [&table.schema_name, &table.table_name];
                let name: Vec<&str> = name
                    .into_iter()
                    .flatten()
                    .map(|ident| ident.value.as_str())
                    .collect();
                let relation = self.named(&name)?;
                self.sees_views |= relation.kind == Kind::View;
                let touch = self.record.relation(Verb::Select, &relation, false);
                let item = item(&relation, touch, None);
                let how = if item.base.is_some() {
                    how
                } else {
                    inside(how)
                };
                self.record.columns(&item.columns.origins(), how)?;
                Ok((*item.columns).clone())
            }
            other => Err(opacity::unknown_node(other)),
        }
    }

    /// `WITH`: each common table expression sees the earlier ones, or with RECURSIVE itself.
    fn with(&mut self, with: &Option<With>, scope: &mut Scope<'_>) -> Known<()> {
        let Some(with) = with else { return Ok(()) };
        for cte in &with.cte_tables {
            let columns = self.common_table(cte, scope, with.recursive)?;
            scope.ctes.push(Cte {
                name: folded(&cte.alias.name.value),
                columns: Some(Rc::new(columns)),
            });
        }
        Ok(())
    }

    fn common_table(
        &mut self,
        cte: &CteTree,
        outer: &Scope<'_>,
        recursive: bool,
    ) -> Known<Columns> {
        let SetExpr::SetOperation { left, right, .. } = &*cte.query.body else {
            let mut columns = self.query(&cte.query, outer, Use::Derived)?;
            rename(&mut columns, Some(&cte.alias));
            return Ok(columns);
        };
        if !recursive {
            let mut columns = self.query(&cte.query, outer, Use::Derived)?;
            rename(&mut columns, Some(&cte.alias));
            return Ok(columns);
        }
        // The first branch gives the columns that the second sees; what the second adds flows into all that it sees.
        let mut scope = Scope::inside(outer);
        self.with(&cte.query.with, &mut scope)?;
        scope.ctes.push(Cte {
            name: folded(&cte.alias.name.value),
            columns: None,
        });
        let mut columns = self.body(left, &scope, Use::Derived, false)?;
        rename(&mut columns, Some(&cte.alias));
        for _ in 0..2 {
            scope.ctes.push(Cte {
                name: folded(&cte.alias.name.value),
                columns: Some(Rc::new(columns.clone())),
            });
            let second = self.body(right, &scope, Use::Derived, false)?;
            let all = second.origins();
            self.record
                .spend(all.len().saturating_mul(columns.list.len()))?;
            for column in &mut columns.list {
                column.origins.extend(&all);
                column.origins.sort_unstable();
                column.origins.dedup();
            }
        }
        self.record.columns(&columns.origins(), Use::Filtered)?;
        Ok(columns)
    }

    /// One SELECT. Its FROM is left in the scope, for ORDER BY.
    fn select(
        &mut self,
        select: &Select,
        scope: &mut Scope<'_>,
        how: Use,
        lock: bool,
    ) -> Known<Columns> {
        let plain = select.top.is_none()
            && select.exclude.is_none()
            && select.into.is_none()
            && select.lateral_views.is_empty()
            && select.prewhere.is_none()
            && select.connect_by.is_empty()
            && select.cluster_by.is_empty()
            && select.distribute_by.is_empty()
            && select.sort_by.is_empty()
            && select.qualify.is_none()
            && select.value_table_mode.is_none();
        if !plain {
            return Err(odd("a SELECT"));
        }
        let restricted = restricts(select.selection.as_ref());
        let doing = Doing {
            verb: Verb::Lock,
            aliases: &[],
            restricted,
        };
        let tables = self.from(&select.from, scope, &doing)?;
        for relation in tables.iter().filter(|_| lock) {
            self.record.relation(Verb::Lock, relation, restricted);
        }
        let columns = self.targets(&select.projection, scope, how)?;
        self.filter(select.selection.as_ref(), scope)?;
        match &select.group_by {
            GroupByExpr::Expressions(keys, _) => {
                for key in keys {
                    self.key(key, &columns, scope)?;
                }
            }
            GroupByExpr::All(_) => return Err(odd("GROUP BY")),
        }
        if let Some(having) = &select.having {
            self.key(having, &columns, scope)?;
        }
        for window in &select.named_window {
            if let NamedWindowExpr::WindowSpec(spec) = &window.1 {
                self.window(spec, scope)?;
            }
        }
        match &select.distinct {
            Some(Distinct::Distinct) => self.record.columns(&columns.origins(), Use::Filtered)?,
            Some(Distinct::On(_)) => return Err(odd("DISTINCT")),
            Some(Distinct::All) | None => {}
        }
        Ok(columns)
    }
}

/// The constant LIMIT of a query.
pub(super) fn constant_limit(query: &Query) -> Option<u64> {
    let limit = match query.limit_clause.as_ref()? {
        LimitClause::LimitOffset { limit, .. } => limit.as_ref()?,
        LimitClause::OffsetCommaLimit { limit, .. } => limit,
    };
    match limit {
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) => number.parse().ok(),
            _ => None,
        },
        _ => None,
    }
}
