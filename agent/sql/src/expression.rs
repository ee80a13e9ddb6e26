//! Expressions: which columns a value is made of, and which functions run for it.
//!
//! Recursion is bounded by the depth that [`crate::parse`] lets through.

use model::Use;
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AExpr, AExprKind, AIndirection, ColumnRef, FuncCall, JsonAggConstructor, JsonBehavior,
    JsonFuncExpr, JsonValueExpr, Node, SubLink, WindowDef,
};

use crate::aggregate::counted;
use crate::analysis::Analysis;
use crate::derivation::{Handling, is_constant};
use crate::equality::sides;
use crate::opacity::{self, Known};
use crate::record::Origin;
use crate::scope::{Found, Scope};
use crate::set_config::is_set_config;
use crate::tree::{boxed, inner, string};

/// Where an expression stands, and what becomes of its columns.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) scope: &'a Scope<'a>,
    pub(crate) how: Use,
}

impl<'a> Place<'a> {
    pub(crate) fn of(scope: &'a Scope<'a>, how: Use) -> Self {
        Self { scope, how }
    }

    pub(crate) fn derived(scope: &'a Scope<'a>) -> Self {
        Self {
            scope,
            how: Use::Derived,
        }
    }

    pub(crate) fn filtered(scope: &'a Scope<'a>) -> Self {
        Self {
            scope,
            how: Use::Filtered,
        }
    }
}

type Origins = Vec<Origin>;

impl Analysis<'_> {
    /// A list of expressions.
    pub(crate) fn expressions(
        &mut self,
        nodes: &[Node],
        place: Place<'_>,
        into: &mut Origins,
    ) -> Known<()> {
        for node in nodes {
            self.expression(inner(node), place, into)?;
        }
        Ok(())
    }

    /// Expressions that only decide something.
    pub(crate) fn filters(&mut self, nodes: &[Node], scope: &Scope<'_>) -> Known<()> {
        self.expressions(nodes, Place::filtered(scope), &mut Vec::new())
    }

    /// An optional expression that only decides something.
    #[allow(clippy::borrowed_box)]
    pub(crate) fn filter(&mut self, node: &Option<Box<Node>>, scope: &Scope<'_>) -> Known<()> {
        self.expression(boxed(node), Place::filtered(scope), &mut Vec::new())
    }

    /// One expression: records its columns and functions, and adds its base columns to `into`.
    pub(crate) fn expression(
        &mut self,
        node: Option<&NodeEnum>,
        place: Place<'_>,
        into: &mut Origins,
    ) -> Known<()> {
        let Some(node) = node else { return Ok(()) };
        match node {
            NodeEnum::ColumnRef(reference) => self.column_reference(reference, place, into),
            NodeEnum::FuncCall(call) => self.function_call(call, place, into),
            NodeEnum::AExpr(expr) => self.operation(expr, place, into),
            NodeEnum::SubLink(link) => self.sublink(link, place, into),
            NodeEnum::ParamRef(parameter) => {
                self.placeholder(parameter, 0);
                Ok(())
            }
            NodeEnum::AConst(_)
            | NodeEnum::SqlvalueFunction(_)
            | NodeEnum::SetToDefault(_)
            | NodeEnum::CurrentOfExpr(_)
            | NodeEnum::MergeSupportFunc(_)
            | NodeEnum::Integer(_)
            | NodeEnum::Float(_)
            | NodeEnum::Boolean(_)
            | NodeEnum::String(_)
            | NodeEnum::BitString(_)
            | NodeEnum::TypeName(_) => Ok(()),
            NodeEnum::TypeCast(cast) => {
                self.cast(cast);
                let handling = Handling::of_cast(cast.type_name.as_ref());
                self.handled(boxed(&cast.arg), handling, place, into)
            }
            NodeEnum::CollateClause(collate) => self.expression(boxed(&collate.arg), place, into),
            // What stands behind AND may fail, and is not looked at where the first is false.
            NodeEnum::BoolExpr(expr) => self.deciding(&expr.args, place, into),
            NodeEnum::NullTest(test) => self.null_test(boxed(&test.arg), place, into),
            NodeEnum::BooleanTest(test) => {
                self.handled(boxed(&test.arg), Handling::Telling, place, into)
            }
            NodeEnum::NamedArgExpr(arg) => self.expression(boxed(&arg.arg), place, into),
            NodeEnum::CoalesceExpr(expr) => self.expressions(&expr.args, place, into),
            NodeEnum::MinMaxExpr(expr) => self.expressions(&expr.args, place, into),
            NodeEnum::GroupingFunc(expr) => self.expressions(&expr.args, place, into),
            NodeEnum::RowExpr(row) => self.expressions(&row.args, place, into),
            NodeEnum::AArrayExpr(array) => self.expressions(&array.elements, place, into),
            NodeEnum::List(list) => self.expressions(&list.items, place, into),
            NodeEnum::CaseExpr(case) => {
                if case.arg.is_some() {
                    self.equality()?;
                }
                self.handled(boxed(&case.arg), Handling::Telling, place, into)?;
                self.expressions(&case.args, place, into)?;
                self.expression(boxed(&case.defresult), place, into)
            }
            NodeEnum::CaseWhen(when) => {
                self.handled(boxed(&when.expr), Handling::Telling, place, into)?;
                self.expression(boxed(&when.result), place, into)
            }
            NodeEnum::AIndirection(indirection) => {
                if let Some(found) = row_field(indirection, place.scope)? {
                    return self.found(&found, place.how, into);
                }
                self.expression(boxed(&indirection.arg), place, into)?;
                self.subscripts(&indirection.indirection, place, into)
            }
            NodeEnum::AIndices(indices) => {
                self.expression(boxed(&indices.lidx), place, into)?;
                self.expression(boxed(&indices.uidx), place, into)
            }
            NodeEnum::ResTarget(target) => self.expression(boxed(&target.val), place, into),
            NodeEnum::MultiAssignRef(assign) => self.expression(boxed(&assign.source), place, into),
            NodeEnum::SortBy(sort) => {
                self.operator(&sort.use_op)?;
                self.expression(boxed(&sort.node), place, into)
            }
            NodeEnum::GroupingSet(set) => self.expressions(&set.content, place, into),
            NodeEnum::WindowDef(window) => self.window(window, place.scope),
            NodeEnum::XmlExpr(xml) => {
                let mut given = Vec::new();
                self.expressions(&xml.named_args, place, &mut given)?;
                self.expressions(&xml.args, place, &mut given)?;
                self.given(&given, Handling::of_xml(xml))?;
                into.append(&mut given);
                Ok(())
            }
            NodeEnum::XmlSerialize(xml) => {
                self.handled(boxed(&xml.expr), Handling::Telling, place, into)
            }
            // Keys may have to be unique, and a result may be too long for its type.
            other => {
                let mut given = Vec::new();
                self.json(other, place, &mut given)?;
                self.given(&given, Handling::Telling)?;
                into.append(&mut given);
                Ok(())
            }
        }
    }

    /// An expression whose value is given to something that handles it so.
    fn handled(
        &mut self,
        node: Option<&NodeEnum>,
        handling: Handling,
        place: Place<'_>,
        into: &mut Origins,
    ) -> Known<()> {
        let mut given = Vec::new();
        self.expression(node, place, &mut given)?;
        self.given(&given, handling)?;
        into.append(&mut given);
        Ok(())
    }

    /// Expressions whose values decide something.
    fn deciding(&mut self, nodes: &[Node], place: Place<'_>, into: &mut Origins) -> Known<()> {
        let mut given = Vec::new();
        self.expressions(nodes, place, &mut given)?;
        self.given(&given, Handling::Telling)?;
        into.append(&mut given);
        Ok(())
    }

    /// Which values of a column are NULL is no secret: masks leave them NULL.
    fn null_test(
        &mut self,
        node: Option<&NodeEnum>,
        place: Place<'_>,
        into: &mut Origins,
    ) -> Known<()> {
        match node {
            Some(NodeEnum::ColumnRef(reference)) if self.is_plain(reference, place.scope) => Ok(()),
            other => self.handled(other, Handling::Telling, place, into),
        }
    }

    fn is_plain(&mut self, reference: &ColumnRef, scope: &Scope<'_>) -> bool {
        if !reference.fields.iter().all(|field| string(field).is_some()) {
            return false;
        }
        let Ok(found) = self.resolve(reference, scope) else {
            return false;
        };
        let mut origins = found.origins.iter();
        found.plain && origins.all(|origin| self.record.is_plain(*origin, self.snapshot))
    }

    /// `a`, `t.a`, `s.t.a`, `t`, and where `*` is an expression (`row(t.*)`), `t.*`.
    fn column_reference(
        &mut self,
        reference: &ColumnRef,
        place: Place<'_>,
        into: &mut Origins,
    ) -> Known<()> {
        if reference.fields.iter().any(|field| string(field).is_none()) {
            for column in self.star(reference, place.scope)? {
                self.found(&column.found, place.how, into)?;
            }
            return Ok(());
        }
        let found = self.resolve(reference, place.scope)?;
        self.found(&found, place.how, into)
    }

    fn found(&mut self, found: &Found, how: Use, into: &mut Origins) -> Known<()> {
        self.record.columns(&found.origins, how)?;
        into.extend(&found.origins);
        if into.len() > 4_096 {
            into.sort_unstable();
            into.dedup();
        }
        Ok(())
    }

    /// What a column reference without `*` stands for. A name that is no column is tried as a whole row, and `t.f` as
    /// the function call `f(t)`, as the server does.
    pub(crate) fn resolve(&mut self, reference: &ColumnRef, scope: &Scope<'_>) -> Known<Found> {
        let fields: Vec<&str> = reference.fields.iter().filter_map(string).collect();
        let shown = fields.join(".");
        let missing = || opacity::unresolved(&format!("there is no column {shown} here"));
        let (item, column) = match *fields.as_slice() {
            [name] => {
                if let Some(found) = scope.column(name)? {
                    return Ok(found);
                }
                let item = scope.item(None, name)?.ok_or_else(missing)?;
                return Ok(Found::computed(item.columns.origins()));
            }
            [table, column] => (scope.item(None, table)?, column),
            [schema, table, column] => (scope.item(Some(schema), table)?, column),
            [database, schema, table, column] if database == self.snapshot.database() => {
                (scope.item(Some(schema), table)?, column)
            }
            _ => return Err(missing()),
        };
        let item = item.ok_or_else(missing)?;
        if let Some(found) = item.column(column)? {
            return Ok(found);
        }
        let whole = Found::computed(item.columns.origins());
        if item.columns.open.is_none() {
            let name = reference.fields.last().cloned();
            let handling = self
                .call(&name.into_iter().collect::<Vec<_>>())
                .map_err(|_| missing())?;
            self.given(&whole.origins, handling)?;
        }
        Ok(whole)
    }

    fn function_call(
        &mut self,
        call: &FuncCall,
        place: Place<'_>,
        into: &mut Origins,
    ) -> Known<()> {
        // Of all nodes only calls can be walked twice, and so cost more than their text is long.
        self.record.spend(1)?;
        let handling = self.call(&call.funcname)?.beside(call);
        if is_set_config(&call.funcname) {
            self.set_config(&call.args);
        }
        if let Some(counted) = counted(call)
            && self.is_built_in(&call.funcname)
            && self.is_plain(counted, place.scope)
        {
            return Ok(());
        }
        let plain = std::mem::replace(&mut self.plain_call, false);
        let mut given = Vec::new();
        let result = self.arguments(call, place, &mut given);
        self.plain_call = plain;
        result?;
        self.given(&given, handling)?;
        into.append(&mut given);
        Ok(())
    }

    /// A call's arguments and everything else inside it.
    pub(crate) fn arguments(
        &mut self,
        call: &FuncCall,
        place: Place<'_>,
        into: &mut Origins,
    ) -> Known<()> {
        self.expressions(&call.args, place, into)?;
        self.filters(&call.agg_order, place.scope)?;
        // In `WITHIN GROUP (ORDER BY x)` the sorted value is the aggregate's argument.
        if call.agg_within_group {
            self.expressions(&call.agg_order, place, into)?;
        }
        self.filter(&call.agg_filter, place.scope)?;
        match &call.over {
            Some(window) => self.window(window, place.scope),
            None => Ok(()),
        }
    }

    /// A window: what it partitions and orders by decides, and is not shown.
    pub(crate) fn window(&mut self, window: &WindowDef, scope: &Scope<'_>) -> Known<()> {
        self.filters(&window.partition_clause, scope)?;
        self.filters(&window.order_clause, scope)?;
        self.filter(&window.start_offset, scope)?;
        self.filter(&window.end_offset, scope)
    }

    fn operation(&mut self, expr: &AExpr, place: Place<'_>, into: &mut Origins) -> Known<()> {
        let handling = match AExprKind::try_from(expr.kind) {
            Ok(AExprKind::AexprOp) => self.operator(&expr.name)?,
            _ => self.operator(&expr.name)?.max(Handling::Telling),
        };
        self.compared(expr, place.scope);
        let mut given = Vec::new();
        self.expression(boxed(&expr.lexpr), place, &mut given)?;
        self.expression(boxed(&expr.rexpr), place, &mut given)?;
        self.given(&given, handling)?;
        into.append(&mut given);
        Ok(())
    }

    /// WHERE. A column that is compared as a whole with what the statement brings along is `Matched`, all else decides.
    pub(crate) fn restriction(&mut self, node: Option<&NodeEnum>, scope: &Scope<'_>) -> Known<()> {
        match node {
            Some(NodeEnum::BoolExpr(expr)) => {
                let mut args = expr.args.iter();
                args.try_for_each(|arg| self.restriction(inner(arg), scope))
            }
            Some(NodeEnum::AExpr(expr)) => match self.matched(expr, scope) {
                Some((origins, value)) => {
                    self.operator(&expr.name)?;
                    self.compared(expr, scope);
                    self.record.columns(&origins, Use::Matched)?;
                    self.expression(Some(value), Place::filtered(scope), &mut Vec::new())
                }
                None => self.expression(node, Place::filtered(scope), &mut Vec::new()),
            },
            other => self.expression(other, Place::filtered(scope), &mut Vec::new()),
        }
    }

    /// `ssn = $1` and `ssn IN ('...', '...')`: the column, and what it is compared with.
    fn matched<'n>(
        &mut self,
        expr: &'n AExpr,
        scope: &Scope<'_>,
    ) -> Option<(Origins, &'n NodeEnum)> {
        let kind = AExprKind::try_from(expr.kind).ok()?;
        let (reference, value) = sides(expr)?;
        let is_given = match (kind, value) {
            (AExprKind::AexprOp, value) => is_constant(Some(value)),
            (AExprKind::AexprIn, NodeEnum::List(list)) => {
                list.items.iter().all(|item| is_constant(inner(item)))
            }
            _ => false,
        };
        if !is_given || !self.is_plain(reference, scope) {
            return None;
        }
        let origins = self.resolve(reference, scope).ok()?.origins;
        let compared_as_a_whole = |origin: &Origin| {
            let kind = self.record.column_type(*origin);
            kind.is_some_and(|kind| self.is_built_in_equality(&expr.name, kind))
        };
        let all = origins.iter().all(compared_as_a_whole);
        all.then_some((origins, value))
    }

    fn sublink(&mut self, link: &SubLink, place: Place<'_>, into: &mut Origins) -> Known<()> {
        let mut handling = self.operator(&link.oper_name)?;
        if link.testexpr.is_some() && link.oper_name.is_empty() {
            handling = self.equality()?;
        }
        let mut given = Vec::new();
        self.expression(boxed(&link.testexpr), place, &mut given)?;
        let columns = self.query(boxed(&link.subselect), place.scope, place.how)?;
        given.extend(columns.origins());
        if link.testexpr.is_some() {
            self.given(&given, handling.max(Handling::Telling))?;
        }
        into.append(&mut given);
        Ok(())
    }

    fn subscripts(&mut self, nodes: &[Node], place: Place<'_>, into: &mut Origins) -> Known<()> {
        for node in nodes {
            match inner(node) {
                Some(NodeEnum::AIndices(_)) => self.expression(inner(node), place, into)?,
                // `(t).f` may be the function call `f(t)`; a field of the same name is what it is otherwise.
                Some(NodeEnum::String(name))
                    if self.snapshot.functions(&name.sval).next().is_some() =>
                {
                    let handling = self.call(std::slice::from_ref(node))?;
                    self.given(into, handling)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn json(&mut self, node: &NodeEnum, place: Place<'_>, into: &mut Origins) -> Known<()> {
        match node {
            NodeEnum::JsonObjectConstructor(json) => self.expressions(&json.exprs, place, into),
            NodeEnum::JsonArrayConstructor(json) => self.expressions(&json.exprs, place, into),
            NodeEnum::JsonArrayQueryConstructor(json) => {
                let columns = self.query(boxed(&json.query), place.scope, place.how)?;
                into.extend(columns.origins());
                Ok(())
            }
            NodeEnum::JsonKeyValue(pair) => {
                self.expression(boxed(&pair.key), place, into)?;
                self.json_value(pair.value.as_deref(), place, into)
            }
            NodeEnum::JsonObjectAgg(json) => {
                self.json_aggregate(json.constructor.as_deref(), place)?;
                let Some(pair) = json.arg.as_deref() else {
                    return Ok(());
                };
                self.expression(boxed(&pair.key), place, into)?;
                self.json_value(pair.value.as_deref(), place, into)
            }
            NodeEnum::JsonArrayAgg(json) => {
                self.json_aggregate(json.constructor.as_deref(), place)?;
                self.json_value(json.arg.as_deref(), place, into)
            }
            NodeEnum::JsonValueExpr(value) => self.json_value(Some(value), place, into),
            NodeEnum::JsonArgument(arg) => self.json_value(arg.val.as_deref(), place, into),
            NodeEnum::JsonIsPredicate(json) => self.expression(boxed(&json.expr), place, into),
            NodeEnum::JsonParseExpr(json) => self.json_value(json.expr.as_deref(), place, into),
            NodeEnum::JsonScalarExpr(json) => self.expression(boxed(&json.expr), place, into),
            NodeEnum::JsonSerializeExpr(json) => self.json_value(json.expr.as_deref(), place, into),
            NodeEnum::JsonFuncExpr(json) => self.json_function(json, place, into),
            other => Err(opacity::unknown_node(other)),
        }
    }

    pub(crate) fn json_value(
        &mut self,
        value: Option<&JsonValueExpr>,
        place: Place<'_>,
        into: &mut Origins,
    ) -> Known<()> {
        match value {
            Some(value) => self.expression(boxed(&value.raw_expr), place, into),
            None => Ok(()),
        }
    }

    fn json_aggregate(
        &mut self,
        constructor: Option<&JsonAggConstructor>,
        place: Place<'_>,
    ) -> Known<()> {
        let Some(constructor) = constructor else {
            return Ok(());
        };
        self.filter(&constructor.agg_filter, place.scope)?;
        self.filters(&constructor.agg_order, place.scope)?;
        match &constructor.over {
            Some(window) => self.window(window, place.scope),
            None => Ok(()),
        }
    }

    fn json_function(
        &mut self,
        json: &JsonFuncExpr,
        place: Place<'_>,
        into: &mut Origins,
    ) -> Known<()> {
        self.json_value(json.context_item.as_deref(), place, into)?;
        self.expression(boxed(&json.pathspec), place, into)?;
        self.expressions(&json.passing, place, into)?;
        self.json_behavior(json.on_empty.as_deref(), place, into)?;
        self.json_behavior(json.on_error.as_deref(), place, into)
    }

    pub(crate) fn json_behavior(
        &mut self,
        behavior: Option<&JsonBehavior>,
        place: Place<'_>,
        into: &mut Origins,
    ) -> Known<()> {
        match behavior {
            Some(behavior) => self.expression(boxed(&behavior.expr), place, into),
            None => Ok(()),
        }
    }
}

/// What `(t).f` stands for where `t` is a whole row of something in FROM and `f` one of its columns: the server looks for a
/// column before it looks for a function.
pub(crate) fn row_field(indirection: &AIndirection, scope: &Scope<'_>) -> Known<Option<Found>> {
    let Some(NodeEnum::ColumnRef(row)) = boxed(&indirection.arg) else {
        return Ok(None);
    };
    let ([row], [field]) = (row.fields.as_slice(), indirection.indirection.as_slice()) else {
        return Ok(None);
    };
    let (Some(row), Some(field)) = (string(row), string(field)) else {
        return Ok(None);
    };
    if scope.column(row)?.is_some() {
        return Ok(None);
    }
    match scope.item(None, row)? {
        Some(item) => item.column(field),
        None => Ok(None),
    }
}
