//! Whether a WHERE clause restricts anything: constants and `x = x` do not.
//!
//! Conservative in one direction only, like [`crate::restriction`]: what is not understood restricts nothing.

use sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, InTarget, Query,
    Select, SelectItem, SetExpr, UnaryOperator,
};

use super::analysis::is_variable;

/// Whether this condition can tell one row from another.
pub(super) fn restricts(condition: Option<&Expr>) -> bool {
    condition.is_some_and(|condition| holds(condition, true))
}

/// Whether the rows of an INSERT's source are chosen, rather than all that some table has.
pub(super) fn chooses(source: &SetExpr) -> bool {
    match source {
        SetExpr::Values(_) => true,
        SetExpr::Query(query) => chooses(&query.body),
        SetExpr::SetOperation { left, right, .. } => chooses(left) && chooses(right),
        SetExpr::Select(select) => select.from.is_empty() || restricts(select.selection.as_ref()),
        _ => false,
    }
}

/// `wanted`: whether the condition is to hold, or under a NOT, to fail.
fn holds(condition: &Expr, wanted: bool) -> bool {
    let mut condition = condition;
    // Chains lean to the left and may be long.
    loop {
        match condition {
            Expr::Nested(inner) => condition = inner,
            Expr::BinaryOp { left, op, right } => {
                let any = match op {
                    BinaryOperator::And => wanted,
                    BinaryOperator::Or => !wanted,
                    op if compares(op) => {
                        return !same_column(left, right) && (varies(left) || varies(right));
                    }
                    _ => return varies(condition),
                };
                let right = holds(right, wanted);
                if right == any {
                    return any;
                }
                condition = left;
            }
            Expr::UnaryOp {
                op: UnaryOperator::Not | UnaryOperator::BangNot,
                expr,
            } => return holds(expr, !wanted),
            Expr::Between {
                expr, low, high, ..
            } => {
                let same = same_column(expr, low) && same_column(expr, high);
                return !same && (varies(expr) || varies(low) || varies(high));
            }
            Expr::In {
                expr,
                target: InTarget::List(list),
                ..
            } => {
                let same = list.iter().any(|item| same_column(expr, item));
                return !same && (varies(expr) || list.iter().any(varies));
            }
            Expr::Like { expr, pattern, .. } | Expr::RLike { expr, pattern, .. } => {
                return !same_column(expr, pattern) && (varies(expr) || varies(pattern));
            }
            other => return varies(other),
        }
    }
}

fn compares(op: &BinaryOperator) -> bool {
    use BinaryOperator as Op;
    matches!(
        op,
        Op::Eq | Op::NotEq | Op::Lt | Op::Gt | Op::LtEq | Op::GtEq | Op::Spaceship
    )
}

/// Whether these may be the same column: `id` and `emp.id` are, where nothing else has an `id`.
fn same_column(left: &Expr, right: &Expr) -> bool {
    let (Some(left), Some(right)) = (name_of(left), name_of(right)) else {
        return false;
    };
    let both = left.iter().rev().zip(right.iter().rev());
    both.into_iter().all(|(left, right)| left == right)
}

/// A column's name with what stands before it, lower case.
fn name_of(expr: &Expr) -> Option<Vec<String>> {
    let folded = |ident: &Ident| ident.value.to_lowercase();
    match expr {
        Expr::Identifier(ident) => Some(vec![folded(ident)]),
        Expr::CompoundIdentifier(parts) => Some(parts.iter().map(folded).collect()),
        Expr::Nested(inner) => name_of(inner),
        _ => None,
    }
}

/// Whether the value can differ from row to row: it has a column in it, or a query that may have one.
fn varies(expr: &Expr) -> bool {
    let mut expr = expr;
    loop {
        match expr {
            Expr::Identifier(ident) => return !is_variable(ident),
            Expr::CompoundIdentifier(parts) => return !parts.first().is_some_and(is_variable),
            Expr::BinaryOp {
                op: BinaryOperator::And | BinaryOperator::Or,
                ..
            } => {
                return holds(expr, true);
            }
            Expr::BinaryOp { left, op, right } => {
                if compares(op) && same_column(left, right) {
                    return false;
                }
                if varies(right) {
                    return true;
                }
                expr = left;
            }
            Expr::Nested(inner)
            | Expr::UnaryOp { expr: inner, .. }
            | Expr::Cast { expr: inner, .. }
            | Expr::Convert { expr: inner, .. }
            | Expr::Collate { expr: inner, .. }
            | Expr::IsNull(inner)
            | Expr::IsNotNull(inner)
            | Expr::IsTrue(inner)
            | Expr::IsNotTrue(inner)
            | Expr::IsFalse(inner)
            | Expr::IsNotFalse(inner)
            | Expr::Extract { expr: inner, .. } => expr = inner,
            Expr::Like { .. }
            | Expr::RLike { .. }
            | Expr::In {
                target: InTarget::List(_),
                ..
            }
            | Expr::Between { .. } => {
                return holds(expr, true);
            }
            Expr::In {
                expr: left,
                target: InTarget::Subquery(query),
                ..
            } => {
                return varies(left) || reads(query);
            }
            Expr::AnyOp { left, right, .. } | Expr::AllOp { left, right, .. } => {
                return varies(left) || varies(right);
            }
            Expr::Tuple(parts) => return parts.iter().any(varies),
            Expr::Function(function) => match &function.args {
                FunctionArguments::List(list) => return list.args.iter().any(argument_varies),
                FunctionArguments::Subquery(query) => return reads(query),
                FunctionArguments::None => return false,
            },
            Expr::Case {
                operand,
                conditions,
                else_result,
                ..
            } => {
                let outer = [operand, else_result];
                return outer.into_iter().flatten().any(|part| varies(part))
                    || conditions
                        .iter()
                        .any(|when| varies(&when.condition) || varies(&when.result));
            }
            Expr::Subquery(query)
            | Expr::Exists {
                subquery: query, ..
            } => return reads(query),
            Expr::MatchAgainst { columns, .. } => return !columns.is_empty(),
            _ => return false,
        }
    }
}

fn argument_varies(argument: &FunctionArg) -> bool {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => varies(expr),
        _ => false,
    }
}

/// A query without FROM and without columns is a constant.
fn reads(query: &Query) -> bool {
    match &*query.body {
        SetExpr::Select(select) => select_varies(select),
        SetExpr::Query(query) => reads(query),
        _ => true,
    }
}

fn select_varies(select: &Select) -> bool {
    let target = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => varies(expr),
        _ => true,
    };
    !select.from.is_empty()
        || select.projection.iter().any(target)
        || select.selection.as_ref().is_some_and(varies)
}
