//! FROM: the items that a query reads, and how joins merge their columns.

use std::rc::Rc;
use std::sync::Arc;

use model::{Use, Verb};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    Alias, JoinExpr, JsonTable, LockingClause, Node, RangeFunction, RangeSubselect, RangeTableFunc,
    RangeTableSample, RangeVar, SelectStmt,
};

use crate::analysis::Analysis;
use crate::derivation::Handling;
use crate::expression::Place;
use crate::opacity::{self, Known};
use crate::record::Origin;
use crate::restriction::restricts;
use crate::scope::{Column, Columns, Cte, Found, Item, Reach, Scope};
use crate::tree::{boxed, inner, string, strings};

impl Analysis<'_> {
    /// Adds the items of a FROM list to the scope. `restricted`: whether the query's WHERE restricts their rows.
    pub(crate) fn from(
        &mut self,
        list: &[Node],
        scope: &mut Scope<'_>,
        restricted: bool,
    ) -> Known<()> {
        for node in list {
            let items = self.items_of(node, scope, restricted)?;
            scope.items.extend(items);
        }
        Ok(())
    }

    /// The items that one part of FROM adds. `scope` holds what stands to the left of it.
    pub(crate) fn items_of(
        &mut self,
        node: &Node,
        scope: &Scope<'_>,
        restricted: bool,
    ) -> Known<Vec<Item>> {
        match inner(node) {
            Some(NodeEnum::RangeVar(range)) => Ok(vec![self.table(range, scope, restricted)?]),
            Some(NodeEnum::RangeSubselect(select)) => Ok(vec![self.subselect(select, scope)?]),
            Some(NodeEnum::JoinExpr(join)) => self.join(join, scope, restricted),
            Some(NodeEnum::RangeFunction(function)) => {
                Ok(vec![self.function_item(function, scope)?])
            }
            Some(NodeEnum::RangeTableSample(sample)) => self.sample(sample, scope, restricted),
            Some(NodeEnum::RangeTableFunc(table)) => Ok(vec![self.xml_table(table, scope)?]),
            Some(NodeEnum::JsonTable(table)) => Ok(vec![self.json_table(table, scope)?]),
            Some(other) => Err(opacity::unknown_node(other)),
            None => Ok(Vec::new()),
        }
    }

    fn table(&mut self, range: &RangeVar, scope: &Scope<'_>, restricted: bool) -> Known<Item> {
        let alias = range.alias.as_ref();
        let name = alias.map_or(range.relname.as_str(), |alias| alias.aliasname.as_str());
        if range.schemaname.is_empty()
            && let Some(cte) = scope.cte(&range.relname)
        {
            let columns = cte.columns.as_ref().ok_or_else(|| {
                opacity::unsupported("a common table expression is used before its own definition")
            })?;
            self.record.spend(columns.list.len())?;
            return Ok(aliased(Item::derived(name, (**columns).clone()), alias));
        }
        let relation = self.relation(range)?;
        let touch = self.record.relation(Verb::Select, &relation, restricted);
        self.record.spend(relation.columns.len())?;
        let item = Item::base(
            &relation,
            touch,
            alias.map(|alias| alias.aliasname.as_str()),
        );
        Ok(aliased(item, alias))
    }

    fn subselect(&mut self, select: &RangeSubselect, scope: &Scope<'_>) -> Known<Item> {
        let hidden = scope.with_items(Vec::new());
        let visible = if select.lateral { scope } else { &hidden };
        let columns = self.query(boxed(&select.subquery), visible, Use::Shown)?;
        let alias = select.alias.as_ref();
        let name = alias.map_or("", |alias| alias.aliasname.as_str());
        Ok(aliased(Item::derived(name, columns), alias))
    }

    fn join(&mut self, join: &JoinExpr, scope: &Scope<'_>, restricted: bool) -> Known<Vec<Item>> {
        let (Some(larg), Some(rarg)) = (join.larg.as_deref(), join.rarg.as_deref()) else {
            return Err(opacity::unsupported("a join lacks a side"));
        };
        let left = self.items_of(larg, scope, restricted)?;
        let mut seen = scope.items.clone();
        seen.extend(left.iter().cloned());
        let right = self.items_of(rarg, &scope.with_items(seen), restricted)?;
        let (mut left, mut right) = (scope.with_items(left), scope.with_items(right));
        let merged = self.merge_columns(join, &mut left, &mut right)?;
        let mut items: Vec<Item> = Vec::new();
        items.extend(merged);
        items.append(&mut left.items);
        items.append(&mut right.items);
        self.filter(&join.quals, &scope.with_items(items.clone()))?;
        match &join.alias {
            Some(alias) => Ok(vec![aliased(
                flatten(&items, &alias.aliasname),
                Some(alias),
            )]),
            None => Ok(items),
        }
    }

    /// USING and NATURAL: the named columns become one, which is found by its bare name.
    fn merge_columns(
        &mut self,
        join: &JoinExpr,
        left: &mut Scope<'_>,
        right: &mut Scope<'_>,
    ) -> Known<Vec<Item>> {
        let names: Vec<Arc<str>> = match (join.is_natural, strings(&join.using_clause)) {
            (true, _) => shared_names(left, right)?,
            (false, names) => names
                .unwrap_or_default()
                .into_iter()
                .map(Arc::from)
                .collect(),
        };
        if names.is_empty() {
            return Ok(Vec::new());
        }
        self.equality()?;
        let mut columns = Columns::default();
        for name in &names {
            let mut column = column_of(left, name)?.column(name.clone());
            column.merge(&column_of(right, name)?.column(name.clone()));
            self.record.columns(&column.origins, Use::Filtered)?;
            columns.list.push(column);
        }
        for item in left.items.iter_mut().chain(&mut right.items) {
            item.merged.extend(names.iter().cloned());
        }
        let mut merged = Item::derived("", columns);
        merged.reach = Reach::Unqualified;
        let mut items = vec![merged.clone()];
        if let Some(alias) = &join.join_using_alias {
            merged.reach = Reach::Qualified;
            merged.alias = Arc::from(alias.aliasname.as_str());
            items.push(merged);
        }
        Ok(items)
    }

    /// A function in FROM. Its columns are not known from here: what flows into it may come out of any of them.
    fn function_item(&mut self, function: &RangeFunction, scope: &Scope<'_>) -> Known<Item> {
        let mut origins = Vec::new();
        let mut definitions: Vec<&Node> = function.coldeflist.iter().collect();
        let mut name = None;
        for node in &function.functions {
            let Some(NodeEnum::List(parts)) = inner(node) else {
                return Err(opacity::unsupported(
                    "a function in FROM has an unknown form",
                ));
            };
            let mut parts = parts.items.iter();
            let call = parts.next().and_then(inner);
            if let Some(NodeEnum::FuncCall(call)) = call {
                name = call.funcname.last().and_then(string);
            }
            self.expression(call, Place::of(scope, Use::Shown), &mut origins)?;
            // How many rows a function gives can depend on its arguments.
            self.given(&origins, Handling::Telling)?;
            for part in parts {
                if let Some(NodeEnum::List(list)) = inner(part) {
                    definitions.extend(&list.items);
                }
            }
        }
        let mut columns = Columns::default();
        for definition in &definitions {
            if let Some(NodeEnum::ColumnDef(column)) = inner(definition) {
                let column = Column::computed(&column.colname, origins.clone());
                columns.list.push(column);
            }
        }
        if definitions.is_empty() {
            columns.open = Some(origins);
        }
        let alias = function.alias.as_ref();
        let name = alias.map_or(name.unwrap_or_default(), |alias| alias.aliasname.as_str());
        Ok(aliased(Item::derived(name, columns), alias))
    }

    fn sample(
        &mut self,
        sample: &RangeTableSample,
        scope: &Scope<'_>,
        restricted: bool,
    ) -> Known<Vec<Item>> {
        self.call(&sample.method)?;
        self.filters(&sample.args, scope)?;
        self.filter(&sample.repeatable, scope)?;
        match sample.relation.as_deref() {
            Some(relation) => self.items_of(relation, scope, restricted),
            None => Ok(Vec::new()),
        }
    }

    fn xml_table(&mut self, table: &RangeTableFunc, scope: &Scope<'_>) -> Known<Item> {
        let mut origins = Vec::new();
        let place = Place::of(scope, Use::Shown);
        self.expression(boxed(&table.docexpr), place, &mut origins)?;
        self.expression(boxed(&table.rowexpr), place, &mut origins)?;
        self.expressions(&table.namespaces, place, &mut origins)?;
        let mut names = Vec::new();
        for node in &table.columns {
            let Some(NodeEnum::RangeTableFuncCol(column)) = inner(node) else {
                return Err(opacity::unsupported("XMLTABLE has an unknown column"));
            };
            self.expression(boxed(&column.colexpr), place, &mut origins)?;
            self.expression(boxed(&column.coldefexpr), place, &mut origins)?;
            names.push(column.colname.as_str());
        }
        self.given(&origins, Handling::Telling)?;
        Ok(tabular("xmltable", &names, &origins, table.alias.as_ref()))
    }

    fn json_table(&mut self, table: &JsonTable, scope: &Scope<'_>) -> Known<Item> {
        let mut origins = Vec::new();
        let place = Place::of(scope, Use::Shown);
        self.json_value(table.context_item.as_deref(), place, &mut origins)?;
        self.expressions(&table.passing, place, &mut origins)?;
        self.json_behavior(table.on_error.as_deref(), place, &mut origins)?;
        let mut names = Vec::new();
        self.json_columns(&table.columns, place, &mut names, &mut origins)?;
        self.given(&origins, Handling::Telling)?;
        Ok(tabular(
            "json_table",
            &names,
            &origins,
            table.alias.as_ref(),
        ))
    }

    fn json_columns<'n>(
        &mut self,
        columns: &'n [Node],
        place: Place<'_>,
        names: &mut Vec<&'n str>,
        origins: &mut Vec<Origin>,
    ) -> Known<()> {
        for node in columns {
            let Some(NodeEnum::JsonTableColumn(column)) = inner(node) else {
                return Err(opacity::unsupported("JSON_TABLE has an unknown column"));
            };
            if !column.name.is_empty() {
                names.push(&column.name);
            }
            self.json_behavior(column.on_empty.as_deref(), place, origins)?;
            self.json_behavior(column.on_error.as_deref(), place, origins)?;
            self.json_columns(&column.columns, place, names, origins)?;
        }
        Ok(())
    }

    /// Records the locks of `FOR UPDATE` on the tables that stand in FROM.
    pub(crate) fn lock_items(
        &mut self,
        from: &[Node],
        clauses: &[Node],
        scope: &Scope<'_>,
        restricted: bool,
    ) -> Known<()> {
        for node in from {
            match inner(node) {
                Some(NodeEnum::RangeVar(range)) => {
                    let is_cte = range.schemaname.is_empty() && scope.cte(&range.relname).is_some();
                    let alias = range.alias.as_ref();
                    let name = alias.map_or(&range.relname, |alias| &alias.aliasname);
                    if !is_cte && clauses.iter().any(|clause| locks(clause, name)) {
                        let relation = self.relation(range)?;
                        self.record.relation(Verb::Lock, &relation, restricted);
                    }
                }
                Some(NodeEnum::JoinExpr(join)) => {
                    for side in [&join.larg, &join.rarg].into_iter().flatten() {
                        self.lock_items(std::slice::from_ref(side), clauses, scope, restricted)?;
                    }
                }
                Some(NodeEnum::RangeTableSample(sample)) => {
                    let sampled = sample.relation.as_deref();
                    let sampled = sampled.map_or(&[][..], std::slice::from_ref);
                    self.lock_items(sampled, clauses, scope, restricted)?;
                }
                Some(NodeEnum::RangeSubselect(derived)) => {
                    self.lock_derived(derived, clauses, scope, restricted)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A lock of a derived table is one of all tables in it (`transformLockingClause` in
    /// `src/backend/parser/analyze.c`).
    fn lock_derived(
        &mut self,
        derived: &RangeSubselect,
        clauses: &[Node],
        scope: &Scope<'_>,
        restricted: bool,
    ) -> Known<()> {
        let name = derived
            .alias
            .as_ref()
            .map_or("", |alias| alias.aliasname.as_str());
        let Some(clause) = clauses.iter().find(|clause| locks(clause, name)) else {
            return Ok(());
        };
        let Some(NodeEnum::SelectStmt(select)) = boxed(&derived.subquery) else {
            return Ok(());
        };
        let all = match inner(clause) {
            Some(NodeEnum::LockingClause(clause)) => LockingClause {
                locked_rels: Vec::new(),
                ..clause.clone()
            },
            _ => return Ok(()),
        };
        let all = Node {
            node: Some(NodeEnum::LockingClause(all)),
        };
        let mut inside = Scope::inside(scope);
        inside.ctes.extend(named_in(select));
        let restricted = restricted || boxed(&select.where_clause).is_some_and(restricts);
        self.lock_items(&select.from_clause, &[all], &inside, restricted)
    }
}

/// The common table expressions of a query, by their names.
fn named_in(select: &SelectStmt) -> Vec<Cte> {
    let ctes = select.with_clause.iter().flat_map(|with| &with.ctes);
    let named = |node: &Node| match inner(node) {
        Some(NodeEnum::CommonTableExpr(cte)) => Some(Cte {
            name: Arc::from(cte.ctename.as_str()),
            columns: None,
        }),
        _ => None,
    };
    ctes.filter_map(named).collect()
}

/// Whether this locking clause is about what has this name in FROM: it names it, or it names none.
fn locks(clause: &Node, name: &str) -> bool {
    let Some(NodeEnum::LockingClause(LockingClause { locked_rels, .. })) = inner(clause) else {
        return false;
    };
    let names =
        |node: &Node| matches!(inner(node), Some(NodeEnum::RangeVar(r)) if r.relname == name);
    locked_rels.is_empty() || locked_rels.iter().any(names)
}

fn aliased(mut item: Item, alias: Option<&Alias>) -> Item {
    let names = alias.and_then(|alias| strings(&alias.colnames));
    if let Some(names) = names.filter(|names| !names.is_empty()) {
        Rc::make_mut(&mut item.columns).rename(&names);
    }
    item
}

/// What `(... JOIN ...) AS alias` makes of its items.
fn flatten(items: &[Item], alias: &str) -> Item {
    let mut columns = Columns::default();
    for item in items.iter().filter(|item| item.reach != Reach::Qualified) {
        let shown = item.columns.list.iter().filter(|c| item.shows(&c.name));
        columns.list.extend(shown.cloned());
        if let Some(origins) = &item.columns.open {
            columns.open.get_or_insert_default().extend(origins);
        }
    }
    Item::derived(alias, columns)
}

pub(crate) fn shared_names(left: &Scope<'_>, right: &Scope<'_>) -> Known<Vec<Arc<str>>> {
    let mut names: Vec<Arc<str>> = Vec::new();
    for item in left.items.iter().chain(&right.items) {
        if item.columns.open.is_some() {
            return Err(opacity::unsupported(
                "a natural join with a function is not analysed: write USING",
            ));
        }
    }
    for item in &left.items {
        for column in item.columns.list.iter().filter(|c| item.shows(&c.name)) {
            if right.column_here(&column.name)?.is_some() && !names.contains(&column.name) {
                names.push(column.name.clone());
            }
        }
    }
    Ok(names)
}

pub(crate) fn column_of(side: &Scope<'_>, name: &str) -> Known<Found> {
    let alone = Scope {
        outer: None,
        items: side.items.clone(),
        ctes: Vec::new(),
    };
    let missing =
        || opacity::unresolved(&format!("there is no column {name} on one side of a join"));
    alone.column(name)?.ok_or_else(missing)
}

fn tabular(name: &str, columns: &[&str], origins: &[Origin], alias: Option<&Alias>) -> Item {
    let columns = Columns {
        list: columns
            .iter()
            .map(|name| Column::computed(name, origins.to_vec()))
            .collect(),
        open: None,
    };
    let name = alias.map_or(name, |alias| alias.aliasname.as_str());
    aliased(Item::derived(name, columns), alias)
}
