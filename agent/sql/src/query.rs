//! SELECT: what its output columns are made of, and which columns decide about its rows.

use std::rc::Rc;
use std::sync::Arc;

use model::{Derivation, Use};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    CommonTableExpr, LimitOption, Node, SelectStmt, SetOperation, WithClause,
};

use crate::aggregate::group_of;
use crate::analysis::Analysis;
use crate::expression::Place;
use crate::opacity::{self, Known};
use crate::restriction::restricts;
use crate::scope::{Column, Columns, Cte, Scope};
use crate::tree::{boxed, constant, inner, string, strings};

/// How often the second branch of a recursive query is walked before its columns are no longer told apart.
const PASSES: usize = 8;

impl Analysis<'_> {
    /// A query or a data-modifying statement inside another, by what becomes of its output.
    pub(crate) fn query(
        &mut self,
        node: Option<&NodeEnum>,
        outer: &Scope<'_>,
        how: Use,
    ) -> Known<Columns> {
        match node {
            Some(NodeEnum::SelectStmt(select)) => self.select(select, outer, how),
            Some(NodeEnum::InsertStmt(insert)) => self.insert(insert, outer, how),
            Some(NodeEnum::UpdateStmt(update)) => self.update(update, outer, how),
            Some(NodeEnum::DeleteStmt(delete)) => self.delete(delete, outer, how),
            Some(NodeEnum::MergeStmt(merge)) => self.merge(merge, outer, how),
            // CREATE TABLE ... AS EXECUTE.
            Some(NodeEnum::ExecuteStmt(execute)) => self.execute(execute, how, false),
            Some(other) => Err(opacity::unknown_node(other)),
            None => Ok(Columns::default()),
        }
    }

    /// One SELECT, VALUES, TABLE or set operation.
    pub(crate) fn select(
        &mut self,
        select: &SelectStmt,
        outer: &Scope<'_>,
        how: Use,
    ) -> Known<Columns> {
        let mut scope = Scope::inside(outer);
        self.with(&select.with_clause, &mut scope)?;
        if let Some(into) = &select.into_clause {
            self.creates_table(into)?;
        }
        let columns = if is_set_operation(select) {
            self.set_operation(select, &scope, how)?
        } else if !select.values_lists.is_empty() {
            self.values(&select.values_lists, &scope, how)?
        } else {
            self.plain(select, &mut scope, how)?
        };
        // INTO may stand in the first branch of a set operation, whose other branches are stored with it.
        if stores(select) {
            self.record.columns(&columns.origins(), Use::Derived)?;
        }
        self.order(&select.sort_clause, &columns, &scope)?;
        self.filter(&select.limit_count, &scope)?;
        self.filter(&select.limit_offset, &scope)?;
        self.locks(select, &scope)?;
        Ok(columns)
    }

    /// `WITH`: each common table expression sees the earlier ones, or with RECURSIVE itself.
    pub(crate) fn with(&mut self, with: &Option<WithClause>, scope: &mut Scope<'_>) -> Known<()> {
        let Some(with) = with else { return Ok(()) };
        let expressions: Vec<&CommonTableExpr> = with
            .ctes
            .iter()
            .filter_map(|node| match inner(node) {
                Some(NodeEnum::CommonTableExpr(cte)) => Some(&**cte),
                _ => None,
            })
            .collect();
        if with.recursive {
            // All names are visible to all: one that is not analysed yet must not be taken for a table.
            scope.ctes.extend(expressions.iter().map(|cte| Cte {
                name: Arc::from(cte.ctename.as_str()),
                columns: None,
            }));
        }
        for cte in expressions {
            let columns = self.common_table(cte, scope, with.recursive)?;
            scope.ctes.push(Cte {
                name: Arc::from(cte.ctename.as_str()),
                columns: Some(Rc::new(columns)),
            });
        }
        Ok(())
    }

    fn common_table(
        &mut self,
        cte: &CommonTableExpr,
        scope: &Scope<'_>,
        recursive: bool,
    ) -> Known<Columns> {
        let names = strings(&cte.aliascolnames).unwrap_or_default();
        let mut columns = match boxed(&cte.ctequery) {
            Some(NodeEnum::SelectStmt(select)) if recursive && is_set_operation(select) => {
                self.recursive(select, &cte.ctename, &names, scope)?
            }
            query => self.query(query, scope, Use::Shown)?,
        };
        columns.rename(&names);
        let mut add = |name: &str| {
            if !name.is_empty() {
                let column = Column::computed(name, columns.origins());
                columns.list.push(column);
            }
        };
        if let Some(search) = &cte.search_clause {
            add(&search.search_seq_column);
        }
        if let Some(cycle) = &cte.cycle_clause {
            add(&cycle.cycle_mark_column);
            add(&cycle.cycle_path_column);
        }
        Ok(columns)
    }

    /// The first branch of a recursive query gives the columns that its second branch sees. What the second adds to them
    /// it sees too, the next time round, until nothing is added any more.
    fn recursive(
        &mut self,
        select: &SelectStmt,
        name: &str,
        names: &[&str],
        outer: &Scope<'_>,
    ) -> Known<Columns> {
        let mut scope = Scope::inside(outer);
        self.with(&select.with_clause, &mut scope)?;
        let (Some(left), Some(right)) = (&select.larg, &select.rarg) else {
            return Err(opacity::unsupported("a set operation lacks a branch"));
        };
        let mut columns = self.select(left, &scope, Use::Shown)?;
        columns.rename(names);
        for pass in 1.. {
            self.record.spend(columns.list.len().saturating_add(1))?;
            scope.ctes.push(Cte {
                name: Arc::from(name),
                columns: Some(Rc::new(columns.clone())),
            });
            let seen = columns.clone();
            let second = self.select(right, &scope, Use::Shown)?;
            self.merge_branches(&mut columns, &second)?;
            if columns.is_made_of_the_same(&seen) {
                break;
            }
            if pass >= PASSES {
                self.blend(&mut columns)?;
            }
        }
        if !select.all {
            self.record.columns(&columns.origins(), Use::Filtered)?;
        }
        self.order(&select.sort_clause, &columns, &scope)?;
        self.filter(&select.limit_count, &scope)?;
        self.filter(&select.limit_offset, &scope)?;
        Ok(columns)
    }

    /// Any column may hold what any other does.
    fn blend(&mut self, columns: &mut Columns) -> Known<()> {
        let all = columns.origins();
        let width = columns.list.len();
        self.record.spend(all.len().saturating_mul(width))?;
        for column in &mut columns.list {
            column.origins.clone_from(&all);
            column.how = Derivation::Computed;
        }
        Ok(())
    }

    fn set_operation(
        &mut self,
        select: &SelectStmt,
        scope: &Scope<'_>,
        how: Use,
    ) -> Known<Columns> {
        let (Some(left), Some(right)) = (&select.larg, &select.rarg) else {
            return Err(opacity::unsupported("a set operation lacks a branch"));
        };
        let mut columns = self.select(left, scope, how)?;
        let second = self.select(right, scope, how)?;
        self.merge_branches(&mut columns, &second)?;
        let keeps_all =
            select.all && SetOperation::try_from(select.op) == Ok(SetOperation::SetopUnion);
        if !keeps_all {
            self.record.columns(&columns.origins(), Use::Filtered)?;
        }
        Ok(columns)
    }

    fn merge_branches(&mut self, columns: &mut Columns, second: &Columns) -> Known<()> {
        if columns.open.is_some() || second.open.is_some() {
            let mut all = columns.origins();
            all.extend(second.origins());
            self.record.spend(all.len())?;
            for column in &mut columns.list {
                column.origins.clone_from(&all);
                column.how = Derivation::Computed;
            }
            columns.open = Some(all);
            return Ok(());
        }
        for (column, other) in columns.list.iter_mut().zip(&second.list) {
            self.record.spend(other.origins.len())?;
            column.merge(other);
        }
        Ok(())
    }

    fn values(&mut self, lists: &[Node], scope: &Scope<'_>, how: Use) -> Known<Columns> {
        let mut columns = Columns::default();
        for row in lists {
            let Some(NodeEnum::List(row)) = inner(row) else {
                continue;
            };
            for (index, value) in row.items.iter().enumerate() {
                let mut origins = Vec::new();
                self.expression(inner(value), Place::of(scope, how), &mut origins)?;
                let name = format!("column{}", index.saturating_add(1));
                let value = Column::computed(&name, origins);
                match columns.list.get_mut(index) {
                    Some(column) => column.merge(&value),
                    None => columns.list.push(value),
                }
            }
        }
        Ok(columns)
    }

    fn plain(&mut self, select: &SelectStmt, scope: &mut Scope<'_>, how: Use) -> Known<Columns> {
        let restricted = boxed(&select.where_clause).is_some_and(restricts);
        let outer_setting = self.only_setting.take();
        self.from(&select.from_clause, scope, restricted)?;
        let outermost = scope.outer.is_some_and(|outer| outer.outer.is_none());
        self.plain_call = outermost && !self.deferred && is_plain_call(select);
        self.only_setting = self.only_setting(select, scope);
        let outer_group = std::mem::replace(&mut self.group, group_of(select));
        let columns = self.targets(&select.target_list, scope, how);
        self.only_setting = None;
        self.plain_call = false;
        self.group = outer_group;
        let columns = columns?;
        self.restriction(boxed(&select.where_clause), scope)?;
        self.equalities(boxed(&select.where_clause), scope);
        self.group(&select.group_clause, &columns, scope)?;
        self.filter(&select.having_clause, scope)?;
        self.filters(&select.window_clause, scope)?;
        self.distinct(&select.distinct_clause, &columns, scope)?;
        self.only_setting = outer_setting;
        Ok(columns)
    }

    /// `ORDER BY`: a bare name means an output column first, a number its place.
    fn order(&mut self, sorts: &[Node], columns: &Columns, scope: &Scope<'_>) -> Known<()> {
        for node in sorts {
            let Some(NodeEnum::SortBy(sort)) = inner(node) else {
                continue;
            };
            self.operator(&sort.use_op)?;
            match sort.node.as_deref() {
                Some(key) => self.key(key, columns, scope, true)?,
                None => continue,
            }
        }
        Ok(())
    }

    /// `GROUP BY`: a bare name means an input column first.
    fn group(&mut self, keys: &[Node], columns: &Columns, scope: &Scope<'_>) -> Known<()> {
        for key in keys {
            match inner(key) {
                Some(NodeEnum::GroupingSet(set)) => self.group(&set.content, columns, scope)?,
                Some(NodeEnum::RowExpr(row)) => self.group(&row.args, columns, scope)?,
                _ => self.key(key, columns, scope, false)?,
            }
        }
        Ok(())
    }

    /// `DISTINCT` compares all output columns, `DISTINCT ON` what it names.
    fn distinct(&mut self, keys: &[Node], columns: &Columns, scope: &Scope<'_>) -> Known<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let mut named = keys.iter().filter(|key| inner(key).is_some()).peekable();
        if named.peek().is_none() {
            return self.record.columns(&columns.origins(), Use::Filtered);
        }
        for key in named {
            self.key(key, columns, scope, true)?;
        }
        Ok(())
    }

    fn key(
        &mut self,
        key: &Node,
        columns: &Columns,
        scope: &Scope<'_>,
        output_first: bool,
    ) -> Known<()> {
        match inner(key) {
            Some(NodeEnum::AConst(_)) => {
                self.record.columns(&by_place(key, columns), Use::Filtered)
            }
            Some(NodeEnum::ColumnRef(reference)) if reference.fields.len() == 1 => {
                let name = reference
                    .fields
                    .first()
                    .and_then(string)
                    .unwrap_or_default();
                let output = by_name(name, columns);
                if output_first && let Some(origins) = &output {
                    return self.record.columns(origins, Use::Filtered);
                }
                match (self.resolve(reference, scope), output) {
                    (Ok(found), _) => self.record.columns(&found.origins, Use::Filtered),
                    (Err(_), Some(origins)) => self.record.columns(&origins, Use::Filtered),
                    (Err(missing), None) => Err(missing),
                }
            }
            other => self.expression(other, Place::filtered(scope), &mut Vec::new()),
        }
    }

    /// `FOR UPDATE` and its kin lock rows of the tables in FROM.
    fn locks(&mut self, select: &SelectStmt, scope: &Scope<'_>) -> Known<()> {
        if select.locking_clause.is_empty() {
            return Ok(());
        }
        let restricted = boxed(&select.where_clause).is_some_and(restricts);
        self.lock_items(
            &select.from_clause,
            &select.locking_clause,
            scope,
            restricted,
        )
    }
}

/// What becomes of a value that passes through an expression, where the result is masked by its columns' numbers: it is not
/// an output column as it is any more.
pub(crate) fn inside(how: Use) -> Use {
    match how {
        Use::Shown => Use::Derived,
        how => how,
    }
}

/// Whether its rows go into a table that it makes.
fn stores(select: &SelectStmt) -> bool {
    select.into_clause.is_some() || select.larg.as_deref().is_some_and(stores)
}

fn is_set_operation(select: &SelectStmt) -> bool {
    select.larg.is_some() || select.rarg.is_some()
}

/// `SELECT f(...)` without anything that could keep f from running exactly once.
fn is_plain_call(select: &SelectStmt) -> bool {
    let calls = |target: &Node| match inner(target) {
        Some(NodeEnum::ResTarget(target)) => {
            matches!(boxed(&target.val), Some(NodeEnum::FuncCall(_)))
        }
        _ => false,
    };
    select.target_list.iter().all(calls)
        && select.from_clause.is_empty()
        && select.where_clause.is_none()
        && select.group_clause.is_empty()
        && select.having_clause.is_none()
        && select.limit_count.is_none()
        && select.limit_offset.is_none()
        && select.with_clause.is_none()
        && select.into_clause.is_none()
}

fn by_place(key: &Node, columns: &Columns) -> Vec<crate::record::Origin> {
    let place = inner(key).and_then(constant);
    let place = place.and_then(|text| text.parse::<usize>().ok());
    match (place, &columns.open) {
        (Some(place), None) => columns
            .list
            .get(place.wrapping_sub(1))
            .map(|column| column.origins.clone())
            .unwrap_or_default(),
        (Some(_), Some(_)) => columns.origins(),
        (None, _) => Vec::new(),
    }
}

pub(crate) fn by_name(name: &str, columns: &Columns) -> Option<Vec<crate::record::Origin>> {
    let mut origins = Vec::new();
    let mut found = false;
    for column in columns.list.iter().filter(|column| &*column.name == name) {
        found = true;
        origins.extend(&column.origins);
    }
    found.then_some(origins)
}

/// The constant LIMIT of a query, also of `FETCH FIRST n ROWS`; `WITH TIES` may give more.
pub(crate) fn constant_limit(select: &SelectStmt) -> Option<u64> {
    if LimitOption::try_from(select.limit_option) == Ok(LimitOption::WithTies) {
        return None;
    }
    constant(boxed(&select.limit_count)?)?.parse().ok()
}
