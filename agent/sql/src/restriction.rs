//! Whether a WHERE clause restricts anything: constants, `x = x` and `x IS NULL OR x IS NOT NULL` do not.
//!
//! Conservative in one direction only: a clause that is called a restriction may still be true of every row
//! (`id > 0`), one that is not called so certainly says nothing about the rows.

use pg_query::NodeEnum;
use pg_query::protobuf::{BoolExpr, BoolExprType, Node, SelectStmt};

use crate::alike::alike;
use crate::tree::{boxed, inner};

/// Whether this condition can tell one row from another.
pub(crate) fn restricts(node: &NodeEnum) -> bool {
    condition(node, true)
}

/// Whether the rows of an INSERT's source are chosen, rather than all that some relation has: they are written down, come
/// out of a function or pass a WHERE clause. What it overwrites by `ON CONFLICT` is then chosen as well.
pub(crate) fn chooses(source: Option<&NodeEnum>) -> bool {
    match source {
        // DEFAULT VALUES.
        None => true,
        Some(NodeEnum::SelectStmt(select)) => selects(select),
        Some(_) => false,
    }
}

fn selects(select: &SelectStmt) -> bool {
    if let (Some(left), Some(right)) = (&select.larg, &select.rarg) {
        return selects(left) && selects(right);
    }
    let is_written_down = |node: &Node| match inner(node) {
        Some(NodeEnum::RangeFunction(_)) => true,
        Some(NodeEnum::RangeSubselect(derived)) => chooses(boxed(&derived.subquery)),
        _ => false,
    };
    boxed(&select.where_clause).is_some_and(restricts)
        || select.from_clause.iter().all(is_written_down)
}

/// `holds`: whether the condition is to hold, or under a NOT, to fail.
fn condition(node: &NodeEnum, holds: bool) -> bool {
    match node {
        NodeEnum::BoolExpr(expr) => logic(expr, holds),
        NodeEnum::TypeCast(cast) => boxed(&cast.arg).is_some_and(|arg| condition(arg, holds)),
        NodeEnum::CollateClause(collate) => {
            boxed(&collate.arg).is_some_and(|arg| condition(arg, holds))
        }
        NodeEnum::AExpr(expr) => {
            let (left, right) = (boxed(&expr.lexpr), boxed(&expr.rexpr));
            !same(left, right) && (varies(left) || varies(right))
        }
        other => varies(Some(other)),
    }
}

fn logic(expr: &BoolExpr, holds: bool) -> bool {
    let restricts = |node: &Node, holds| inner(node).is_some_and(|arg| condition(arg, holds));
    let mut args = expr.args.iter();
    if BoolExprType::try_from(expr.boolop) == Ok(BoolExprType::OrExpr)
        && holds
        && are_complements(&expr.args)
    {
        return false;
    }
    match (BoolExprType::try_from(expr.boolop), holds) {
        (Ok(BoolExprType::NotExpr), holds) => args.any(|arg| restricts(arg, !holds)),
        (Ok(BoolExprType::AndExpr), true) | (Ok(BoolExprType::OrExpr), false) => {
            args.any(|arg| restricts(arg, holds))
        }
        _ => args.all(|arg| restricts(arg, holds)),
    }
}

/// `x` and `x`, also as `x BETWEEN x AND x` and `x IN (x)`.
fn same(left: Option<&NodeEnum>, right: Option<&NodeEnum>) -> bool {
    match right {
        Some(NodeEnum::List(list)) => {
            !list.items.is_empty() && list.items.iter().all(|item| alike(left, inner(item)))
        }
        right => alike(left, right),
    }
}

/// `x IS NULL` beside `x IS NOT NULL`.
fn are_complements(args: &[Node]) -> bool {
    let tests = || {
        args.iter().filter_map(|arg| match inner(arg) {
            Some(NodeEnum::NullTest(test)) => Some(test),
            _ => None,
        })
    };
    tests().any(|one| {
        tests().any(|other| {
            one.nulltesttype != other.nulltesttype && alike(boxed(&one.arg), boxed(&other.arg))
        })
    })
}

/// Whether the answer of a query inside a condition can differ from row to row: it reads a table, or names a column.
fn query_varies(select: &SelectStmt) -> bool {
    if let (Some(left), Some(right)) = (&select.larg, &select.rarg) {
        return query_varies(left) || query_varies(right);
    }
    let any = |nodes: &[Node]| nodes.iter().any(|node| varies(inner(node)));
    let targets = select.target_list.iter().any(|target| match inner(target) {
        Some(NodeEnum::ResTarget(target)) => varies(boxed(&target.val)),
        _ => true,
    });
    targets
        || any(&select.values_lists)
        || select.from_clause.iter().any(source_varies)
        || varies(boxed(&select.where_clause))
}

fn source_varies(source: &Node) -> bool {
    match inner(source) {
        Some(NodeEnum::RangeFunction(function)) => {
            function.functions.iter().any(|call| varies(inner(call)))
        }
        Some(NodeEnum::RangeSubselect(derived)) => match boxed(&derived.subquery) {
            Some(NodeEnum::SelectStmt(select)) => query_varies(select),
            _ => true,
        },
        _ => true,
    }
}

/// Whether the value can differ from row to row: it has a column in it, or a query that may have one.
fn varies(node: Option<&NodeEnum>) -> bool {
    let Some(node) = node else { return false };
    let any = |nodes: &[Node]| nodes.iter().any(|node| varies(inner(node)));
    match node {
        NodeEnum::AConst(_)
        | NodeEnum::ParamRef(_)
        | NodeEnum::SqlvalueFunction(_)
        | NodeEnum::Integer(_)
        | NodeEnum::Float(_)
        | NodeEnum::Boolean(_)
        | NodeEnum::String(_) => false,
        NodeEnum::AExpr(_) | NodeEnum::BoolExpr(_) => condition(node, true),
        NodeEnum::TypeCast(cast) => varies(boxed(&cast.arg)),
        NodeEnum::CollateClause(collate) => varies(boxed(&collate.arg)),
        NodeEnum::FuncCall(call) => any(&call.args),
        NodeEnum::CoalesceExpr(expr) => any(&expr.args),
        NodeEnum::MinMaxExpr(expr) => any(&expr.args),
        NodeEnum::AArrayExpr(array) => any(&array.elements),
        NodeEnum::RowExpr(row) => any(&row.args),
        NodeEnum::List(list) => any(&list.items),
        NodeEnum::NullTest(test) => varies(boxed(&test.arg)),
        NodeEnum::BooleanTest(test) => varies(boxed(&test.arg)),
        NodeEnum::CaseExpr(case) => {
            varies(boxed(&case.arg)) || any(&case.args) || varies(boxed(&case.defresult))
        }
        NodeEnum::CaseWhen(when) => varies(boxed(&when.expr)) || varies(boxed(&when.result)),
        NodeEnum::SubLink(link) => match boxed(&link.subselect) {
            Some(NodeEnum::SelectStmt(select)) => {
                varies(boxed(&link.testexpr)) || query_varies(select)
            }
            _ => true,
        },
        _ => true,
    }
}
