//! Whether two expressions are one and the same, so that comparing them tells nothing about a row.
//!
//! Values of constants are not compared: a [`crate::Pattern`] stands for all of them.

use pg_query::NodeEnum;
use pg_query::protobuf::{ColumnRef, Node};

use crate::tree::{boxed, inner, strings};

/// Whether these are the same but for casts, collations and the values of constants.
pub(crate) fn alike(left: Option<&NodeEnum>, right: Option<&NodeEnum>) -> bool {
    use NodeEnum as N;
    let (Some(left), Some(right)) = (left.and_then(bare), right.and_then(bare)) else {
        return left.is_none() && right.is_none();
    };
    match (left, right) {
        (N::ColumnRef(left), N::ColumnRef(right)) => same_column(left, right),
        (N::AConst(_) | N::ParamRef(_), N::AConst(_) | N::ParamRef(_)) => true,
        (N::FuncCall(left), N::FuncCall(right)) => {
            strings(&left.funcname) == strings(&right.funcname)
                && all_alike(&left.args, &right.args)
        }
        (N::AExpr(left), N::AExpr(right)) => {
            left.kind == right.kind
                && strings(&left.name) == strings(&right.name)
                && alike(boxed(&left.lexpr), boxed(&right.lexpr))
                && alike(boxed(&left.rexpr), boxed(&right.rexpr))
        }
        (N::NullTest(left), N::NullTest(right)) => {
            left.nulltesttype == right.nulltesttype && alike(boxed(&left.arg), boxed(&right.arg))
        }
        (N::RowExpr(left), N::RowExpr(right)) => all_alike(&left.args, &right.args),
        (N::CoalesceExpr(left), N::CoalesceExpr(right)) => all_alike(&left.args, &right.args),
        (N::AArrayExpr(left), N::AArrayExpr(right)) => all_alike(&left.elements, &right.elements),
        _ => false,
    }
}

fn all_alike(left: &[Node], right: &[Node]) -> bool {
    left.len() == right.len()
        && left
            .iter()
            .zip(right)
            .all(|(left, right)| alike(inner(left), inner(right)))
}

/// The expression without casts and collations around it.
fn bare(node: &NodeEnum) -> Option<&NodeEnum> {
    match node {
        NodeEnum::TypeCast(cast) => bare(boxed(&cast.arg)?),
        NodeEnum::CollateClause(collate) => bare(boxed(&collate.arg)?),
        node => Some(node),
    }
}

/// `id` and `orders.id` are the same column, as far as a condition on one table goes.
fn same_column(left: &ColumnRef, right: &ColumnRef) -> bool {
    match (strings(&left.fields), strings(&right.fields)) {
        // A `*` is no column.
        (Some(left), Some(right)) => left.ends_with(&right) || right.ends_with(&left),
        _ => false,
    }
}
