//! Statements about rows: SELECT at the top, INSERT, UPDATE, DELETE, MERGE, and what carries them: COPY, EXPLAIN,
//! PREPARE, cursors.

use std::sync::Arc;

use model::{CopyForm, Object, Use, Verb};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    CmdType, CopyStmt, DeleteStmt, InsertStmt, MergeStmt, MergeWhenClause, Node, OnConflictClause,
    ParamRef, RangeVar, ReturningClause, UpdateStmt,
};

use crate::analysis::Analysis;
use crate::copy::copy_form;
use crate::expression::Place;
use crate::opacity::{self, Known};
use crate::query::constant_limit;
use crate::record::Origin;
use crate::restriction::{chooses, restricts};
use crate::scope::{Column, Columns, Item, Reach, Scope};
use crate::snapshot::Relation;
use crate::tree::{boxed, inner, string};

impl Analysis<'_> {
    /// Whether the statement is about rows, and then its facts. `alone`: it is the whole text.
    pub(crate) fn data(&mut self, statement: &NodeEnum, alone: bool) -> Known<bool> {
        let root = Scope::default();
        let how = Use::Shown;
        match statement {
            NodeEnum::SelectStmt(select) => {
                if alone {
                    self.shape.limit = constant_limit(select);
                }
                self.output = Some(self.select(select, &root, how)?);
            }
            NodeEnum::InsertStmt(insert) => {
                if alone {
                    self.shape.inserted = listed_rows(insert);
                }
                self.output = Some(self.insert(insert, &root, how)?);
            }
            NodeEnum::UpdateStmt(update) => self.output = Some(self.update(update, &root, how)?),
            NodeEnum::DeleteStmt(delete) => self.output = Some(self.delete(delete, &root, how)?),
            NodeEnum::MergeStmt(merge) => self.output = Some(self.merge(merge, &root, how)?),
            NodeEnum::CopyStmt(copy) => self.copy(copy)?,
            // A plan shows what the statement says, and no value of a row.
            NodeEnum::ExplainStmt(explain) => {
                self.nested(boxed(&explain.query))?;
                let plan = Column::computed("QUERY PLAN", Vec::new());
                self.output = Some(Columns::of(vec![plan]));
            }
            NodeEnum::PrepareStmt(prepare) => self.prepare(prepare, alone)?,
            NodeEnum::DeclareCursorStmt(declare) => {
                self.shape.declares = true;
                let columns = self.deferred(boxed(&declare.query))?;
                // Its rows come by FETCH, which is judged by itself.
                self.record.columns(&columns.origins(), Use::Derived)?;
            }
            NodeEnum::ExecuteStmt(execute) => {
                self.output = Some(self.execute(execute, how, alone)?)
            }
            NodeEnum::DoStmt(_) => {
                return Err(opacity::dynamic("DO runs code that is not analysed"));
            }
            NodeEnum::CallStmt(call) => {
                if let Some(call) = &call.funccall {
                    self.call(&call.funcname)?;
                    self.arguments(call, Place::derived(&root), &mut Vec::new())?;
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The relation that a statement writes to, and the item under which the statement knows it.
    fn target(
        &mut self,
        verb: Verb,
        range: &Option<RangeVar>,
        restricted: bool,
    ) -> Known<(Arc<Relation>, Item)> {
        let Some(range) = range else {
            return Err(opacity::unsupported("a statement lacks its target"));
        };
        let relation = self.relation(range)?;
        if relation.rules {
            return Err(opacity::unsupported(&format!(
                "{}.{} has rewrite rules, which are not analysed",
                relation.name.schema, relation.name.name
            )));
        }
        let touch = self.record.relation(verb, &relation, restricted);
        self.record.spend(relation.columns.len())?;
        let alias = range.alias.as_ref();
        let item = Item::base(
            &relation,
            touch,
            alias.map(|alias| alias.aliasname.as_str()),
        );
        Ok((relation, item))
    }

    pub(crate) fn insert(
        &mut self,
        insert: &InsertStmt,
        outer: &Scope<'_>,
        how: Use,
    ) -> Known<Columns> {
        let mut scope = Scope::inside(outer);
        self.with(&insert.with_clause, &mut scope)?;
        let (relation, item) = self.target(Verb::Insert, &insert.relation, true)?;
        self.written(&relation, &item, &insert.cols, &scope)?;
        self.query(boxed(&insert.select_stmt), &scope, Use::Derived)?;
        self.inserted(insert, &relation);
        if let Some(conflict) = &insert.on_conflict_clause {
            let chosen = chooses(boxed(&insert.select_stmt))
                || boxed(&conflict.where_clause).is_some_and(restricts);
            self.conflict(conflict, &relation, &item, &insert.relation, chosen, &scope)?;
        }
        scope.items.push(item);
        self.returning(&insert.returning_clause, &mut scope, how)
    }

    /// The columns of an INSERT or COPY list, or all.
    fn written(
        &mut self,
        relation: &Relation,
        item: &Item,
        list: &[Node],
        scope: &Scope<'_>,
    ) -> Known<()> {
        if list.is_empty() {
            return self.record.columns(&item.columns.origins(), Use::Written);
        }
        for node in list {
            match inner(node) {
                Some(NodeEnum::ResTarget(target)) => {
                    self.write(relation, item, &target.name)?;
                    self.filters(&indices(&target.indirection), scope)?;
                }
                Some(NodeEnum::String(name)) => self.write(relation, item, &name.sval)?,
                _ => return Err(opacity::unsupported("a column list has an unknown part")),
            }
        }
        Ok(())
    }

    /// Parameters that stand in the rows of `VALUES` have the types of their columns.
    fn inserted(&mut self, insert: &InsertStmt, relation: &Relation) {
        let Some(NodeEnum::SelectStmt(select)) = boxed(&insert.select_stmt) else {
            return;
        };
        let listed = insert.cols.iter().map(|node| match inner(node) {
            Some(NodeEnum::ResTarget(target)) if target.indirection.is_empty() => {
                target.name.as_str()
            }
            _ => "",
        });
        let all = relation.columns.iter().map(|column| &*column.name);
        let names: Vec<&str> = match insert.cols.as_slice() {
            [] => all.collect(),
            _ => listed.collect(),
        };
        for row in &select.values_lists {
            let Some(NodeEnum::List(row)) = inner(row) else {
                continue;
            };
            for (value, name) in row.items.iter().zip(&names) {
                if let Some(NodeEnum::ParamRef(parameter)) = inner(value) {
                    self.stores(parameter, relation, name);
                }
            }
        }
    }

    /// A parameter that is stored in a column has its type.
    fn stores(&mut self, parameter: &ParamRef, relation: &Relation, column: &str) {
        let mut columns = relation.columns.iter();
        if let Some(column) = columns.find(|known| &*known.name == column) {
            self.placeholder(parameter, column.type_oid);
        }
    }

    fn write(&mut self, relation: &Relation, item: &Item, column: &str) -> Known<()> {
        let (Some(number), Some(touch)) = (relation.column(column), item.base) else {
            return Err(opacity::unresolved(&format!(
                "{}.{} has no column {column}",
                relation.name.schema, relation.name.name
            )));
        };
        self.record
            .columns(&[Origin { touch, number }], Use::Written)
    }

    /// `ON CONFLICT`: what it infers decides, what it updates is an UPDATE of the conflicting rows, which are those of the
    /// insert's source.
    fn conflict(
        &mut self,
        conflict: &OnConflictClause,
        relation: &Arc<Relation>,
        item: &Item,
        range: &Option<RangeVar>,
        chosen: bool,
        outer: &Scope<'_>,
    ) -> Known<()> {
        let mut scope = Scope::inside(outer);
        scope.items.push(item.clone());
        if let Some(infer) = &conflict.infer {
            for element in &infer.index_elems {
                if let Some(NodeEnum::IndexElem(element)) = inner(element) {
                    let column = scope.column(&element.name)?;
                    let origins = column.map(|found| found.origins).unwrap_or_default();
                    self.record.columns(&origins, Use::Filtered)?;
                    self.filter(&element.expr, &scope)?;
                }
            }
            self.filter(&infer.where_clause, &scope)?;
        }
        if conflict.target_list.is_empty() {
            return Ok(());
        }
        let (_, updated) = self.target(Verb::Update, range, chosen)?;
        // What `excluded` holds are the proposed values, which the insert's source accounts for.
        let mut excluded = Columns::default();
        excluded.list.extend(
            item.columns
                .list
                .iter()
                .map(|column| Column::computed(&column.name, Vec::new())),
        );
        let mut excluded = Item::derived("excluded", excluded);
        excluded.reach = Reach::Qualified;
        scope.items = vec![updated.clone(), excluded];
        self.assignments(&conflict.target_list, relation, &updated, &scope)?;
        self.filter(&conflict.where_clause, &scope)
    }

    /// `SET a = x, (b, c) = (...)`.
    fn assignments(
        &mut self,
        targets: &[Node],
        relation: &Relation,
        item: &Item,
        scope: &Scope<'_>,
    ) -> Known<()> {
        for node in targets {
            let Some(NodeEnum::ResTarget(target)) = inner(node) else {
                return Err(opacity::unsupported("a SET list has an unknown part"));
            };
            self.write(relation, item, &target.name)?;
            self.filters(&indices(&target.indirection), scope)?;
            let value = match boxed(&target.val) {
                // `(a, b) = (SELECT ...)` is one source for several targets: it is walked once, with the first.
                Some(NodeEnum::MultiAssignRef(assign)) if assign.colno > 1 => None,
                value => value,
            };
            if let Some(NodeEnum::ParamRef(parameter)) = value
                && target.indirection.is_empty()
            {
                self.stores(parameter, relation, &target.name);
            }
            self.expression(value, Place::derived(scope), &mut Vec::new())?;
        }
        Ok(())
    }

    pub(crate) fn update(
        &mut self,
        update: &UpdateStmt,
        outer: &Scope<'_>,
        how: Use,
    ) -> Known<Columns> {
        let mut scope = Scope::inside(outer);
        self.with(&update.with_clause, &mut scope)?;
        let restricted = boxed(&update.where_clause).is_some_and(restricts);
        let (relation, item) = self.target(Verb::Update, &update.relation, restricted)?;
        self.from(&update.from_clause, &mut scope, restricted)?;
        scope.items.insert(0, item.clone());
        self.assignments(&update.target_list, &relation, &item, &scope)?;
        self.filter(&update.where_clause, &scope)?;
        self.equalities(boxed(&update.where_clause), &scope);
        self.returning(&update.returning_clause, &mut scope, how)
    }

    pub(crate) fn delete(
        &mut self,
        delete: &DeleteStmt,
        outer: &Scope<'_>,
        how: Use,
    ) -> Known<Columns> {
        let mut scope = Scope::inside(outer);
        self.with(&delete.with_clause, &mut scope)?;
        let restricted = boxed(&delete.where_clause).is_some_and(restricts);
        let (_, item) = self.target(Verb::Delete, &delete.relation, restricted)?;
        self.from(&delete.using_clause, &mut scope, restricted)?;
        scope.items.insert(0, item);
        self.filter(&delete.where_clause, &scope)?;
        self.equalities(boxed(&delete.where_clause), &scope);
        self.returning(&delete.returning_clause, &mut scope, how)
    }

    pub(crate) fn merge(
        &mut self,
        merge: &MergeStmt,
        outer: &Scope<'_>,
        how: Use,
    ) -> Known<Columns> {
        let mut scope = Scope::inside(outer);
        self.with(&merge.with_clause, &mut scope)?;
        let (relation, item) = self.target(Verb::Merge, &merge.relation, true)?;
        let source = match merge.source_relation.as_deref() {
            Some(source) => self.items_of(source, &scope, false)?,
            None => Vec::new(),
        };
        scope.items.extend(source);
        scope.items.push(item.clone());
        self.filter(&merge.join_condition, &scope)?;
        for node in &merge.merge_when_clauses {
            if let Some(NodeEnum::MergeWhenClause(when)) = inner(node) {
                self.branch(when, &relation, &item, &scope)?;
            }
        }
        self.returning(&merge.returning_clause, &mut scope, how)
    }

    /// One WHEN of a MERGE. Its rows are restricted only by a condition of its own: ON pairs rows, it does not choose.
    fn branch(
        &mut self,
        when: &MergeWhenClause,
        relation: &Arc<Relation>,
        item: &Item,
        scope: &Scope<'_>,
    ) -> Known<()> {
        let restricted = boxed(&when.condition).is_some_and(restricts);
        self.filter(&when.condition, scope)?;
        let (verb, restricted) = match CmdType::try_from(when.command_type) {
            Ok(CmdType::CmdInsert) => (Verb::Insert, true),
            Ok(CmdType::CmdUpdate) => (Verb::Update, restricted),
            Ok(CmdType::CmdDelete) => (Verb::Delete, restricted),
            Ok(CmdType::CmdNothing) => return Ok(()),
            _ => return Err(opacity::unsupported("MERGE has an unknown action")),
        };
        let touch = self.record.relation(verb, relation, restricted);
        let mut target = item.clone();
        target.base = Some(touch);
        match verb {
            Verb::Update => self.assignments(&when.target_list, relation, &target, scope),
            Verb::Insert => {
                let all = Item::base(relation, touch, None);
                self.written(relation, &all, &when.target_list, scope)?;
                self.expressions(&when.values, Place::derived(scope), &mut Vec::new())
            }
            _ => Ok(()),
        }
    }

    fn returning(
        &mut self,
        returning: &Option<ReturningClause>,
        scope: &mut Scope<'_>,
        how: Use,
    ) -> Known<Columns> {
        let Some(returning) = returning else {
            return Ok(Columns::default());
        };
        self.old_and_new(returning, scope);
        self.targets(&returning.exprs, scope, how)
    }

    /// PostgreSQL 18's `old` and `new`, under their own or given names, unless a table is called so.
    fn old_and_new(&mut self, returning: &ReturningClause, scope: &mut Scope<'_>) {
        let Some(target) = scope.items.iter().find(|item| item.base.is_some()).cloned() else {
            return;
        };
        let mut names = vec!["old", "new"];
        for option in &returning.options {
            if let Some(NodeEnum::ReturningOption(option)) = inner(option) {
                names.push(&option.value);
            }
        }
        for name in names {
            if !scope.items.iter().any(|item| &*item.alias == name) {
                let mut item = Item::derived(name, (*target.columns).clone());
                item.reach = Reach::Qualified;
                scope.items.push(item);
            }
        }
    }

    fn copy(&mut self, copy: &CopyStmt) -> Known<()> {
        let verb = match copy.is_from {
            true => Verb::CopyIn,
            false => Verb::CopyOut,
        };
        if !copy.filename.is_empty() {
            let kind = if copy.is_program { "program" } else { "file" };
            let name = Arc::from(copy.filename.as_str());
            let kind = Arc::from(kind);
            self.record.object(verb, Object::Other { kind, name });
        }
        let form = match verb == Verb::CopyOut && copy.filename.is_empty() {
            true => copy_form(copy, self.session.settings().utf8),
            false => None,
        };
        if copy.relation.is_none() {
            self.record.object(verb, Object::Database);
            let columns = self.deferred(boxed(&copy.query))?;
            return self.copied_out(columns, form);
        }
        let restricted = copy.is_from || boxed(&copy.where_clause).is_some_and(restricts);
        let (relation, item) = match copy.is_from {
            true => self.target(verb, &copy.relation, restricted)?,
            false => self.copied(&copy.relation)?,
        };
        let how = match copy.is_from {
            true => Use::Written,
            false => Use::Shown,
        };
        let columns = self.copy_columns(&copy.attlist, &relation, &item, how)?;
        if !copy.is_from {
            self.copied_out(columns, form)?;
        }
        let mut scope = Scope::default();
        scope.items.push(item);
        self.filter(&copy.where_clause, &scope)
    }

    fn copied(&mut self, range: &Option<RangeVar>) -> Known<(Arc<Relation>, Item)> {
        let Some(range) = range else {
            return Err(opacity::unsupported("COPY lacks its relation"));
        };
        let relation = self.relation(range)?;
        let touch = self.record.relation(Verb::CopyOut, &relation, false);
        let item = Item::base(&relation, touch, None);
        Ok((relation, item))
    }

    fn copy_columns(
        &mut self,
        list: &[Node],
        relation: &Relation,
        item: &Item,
        how: Use,
    ) -> Known<Columns> {
        if list.is_empty() {
            self.record.columns(&item.columns.origins(), how)?;
            return Ok((*item.columns).clone());
        }
        let mut columns = Vec::new();
        for name in list.iter().filter_map(string) {
            let found = item.column(name)?.ok_or_else(|| {
                opacity::unresolved(&format!("{} has no column {name}", relation.name.name))
            })?;
            self.record.columns(&found.origins, how)?;
            columns.push(found.column(Arc::from(name)));
        }
        Ok(Columns::of(columns))
    }

    /// A query inside another statement, which may run it never, later or in parts.
    fn deferred(&mut self, query: Option<&NodeEnum>) -> Known<Columns> {
        let deferred = std::mem::replace(&mut self.deferred, true);
        let columns = self.query(query, &Scope::default(), Use::Shown);
        self.deferred = deferred;
        columns
    }

    /// What leaves as a stream, in this form where it is one that can be read on its way.
    fn copied_out(&mut self, columns: Columns, form: Option<CopyForm>) -> Known<()> {
        match form {
            Some(_) => self.output = Some(columns),
            None => self.record.columns(&columns.origins(), Use::Derived)?,
        }
        self.copies = form;
        Ok(())
    }

    /// `TABLE t INTO`, `CREATE TABLE AS` and their kin: what they make.
    pub(crate) fn creates_table(&mut self, into: &pg_query::protobuf::IntoClause) -> Known<()> {
        match &into.rel {
            Some(range) => self.creates(range),
            None => Ok(()),
        }
    }

    /// What a value becomes when it is stored.
    pub(crate) fn stored(&mut self, query: Option<&NodeEnum>) -> Known<()> {
        let columns = self.query(query, &Scope::default(), Use::Derived)?;
        self.record.columns(&columns.origins(), Use::Derived)
    }
}

/// The subscripts of an assignment target; field names decide nothing.
fn indices(indirection: &[Node]) -> Vec<Node> {
    let is_index = |node: &&Node| matches!(inner(node), Some(NodeEnum::AIndices(_)));
    indirection.iter().filter(is_index).cloned().collect()
}

/// The number of rows in VALUES, and the one of DEFAULT VALUES.
fn listed_rows(insert: &InsertStmt) -> Option<u64> {
    match boxed(&insert.select_stmt) {
        None => Some(1),
        Some(NodeEnum::SelectStmt(select)) if !select.values_lists.is_empty() => {
            u64::try_from(select.values_lists.len()).ok()
        }
        Some(_) => None,
    }
}
