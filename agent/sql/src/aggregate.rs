//! Statistics over groups that are known to be large: `SELECT avg(salary) FROM staff GROUP BY city HAVING count(salary) >= 10`.
//!
//! What is found is certain. The query reads one table and nothing else, so that each value comes from a row of its own; the
//! statistic is of a column as it is, of all rows of its group; and HAVING demands so many values of that very column. A
//! condition in WHERE can still tell two such groups apart by one row: the policy's author weighs that.

use pg_query::NodeEnum;
use pg_query::protobuf::{AExpr, AExprKind, BoolExprType, ColumnRef, FuncCall, SelectStmt};

use crate::analysis::Analysis;
use crate::equality::base_column;
use crate::scope::Scope;
use crate::tree::{boxed, constant, inner, strings};

/// Aggregates whose result over many values is none of them.
const STATISTICS: [&str; 8] = [
    "avg",
    "sum",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "variance",
    "var_pop",
    "var_samp",
];

/// A column, and how many of its values every group has at least.
pub(crate) type LeastValues = (ColumnRef, u64);

/// What HAVING demands of this query's groups, where it reads one table and nothing else.
pub(crate) fn group_of(select: &SelectStmt) -> Vec<LeastValues> {
    let [from] = select.from_clause.as_slice() else {
        return Vec::new();
    };
    let mut demanded = Vec::new();
    if matches!(inner(from), Some(NodeEnum::RangeVar(_))) {
        demands(boxed(&select.having_clause), &mut demanded);
    }
    demanded
}

fn demands(clause: Option<&NodeEnum>, into: &mut Vec<LeastValues>) {
    match clause {
        Some(NodeEnum::AExpr(expression)) => into.extend(least_values(expression)),
        Some(NodeEnum::BoolExpr(expression))
            if BoolExprType::try_from(expression.boolop) == Ok(BoolExprType::AndExpr) =>
        {
            for argument in &expression.args {
                demands(inner(argument), into);
            }
        }
        _ => {}
    }
}

/// `count(salary) >= 10` and `count(salary) > 9`.
fn least_values(expression: &AExpr) -> Option<LeastValues> {
    if AExprKind::try_from(expression.kind) != Ok(AExprKind::AexprOp) {
        return None;
    }
    let Some(NodeEnum::FuncCall(call)) = boxed(&expression.lexpr) else {
        return None;
    };
    let counted = counted(call)?.clone();
    let number: u64 = constant(boxed(&expression.rexpr)?)?.parse().ok()?;
    match strings(&expression.name)?.as_slice() {
        [">="] => Some((counted, number)),
        [">"] => Some((counted, number.saturating_add(1))),
        _ => None,
    }
}

/// The column whose values that are not NULL this call counts.
pub(crate) fn counted(call: &FuncCall) -> Option<&ColumnRef> {
    match strings(&call.funcname)?.as_slice() {
        ["count"] | ["pg_catalog", "count"] => only_argument(call),
        _ => None,
    }
}

/// The argument of an aggregate over all rows, where it is a column and nothing else stands in the call.
fn only_argument(call: &FuncCall) -> Option<&ColumnRef> {
    let [argument] = call.args.as_slice() else {
        return None;
    };
    let is_plain = !call.agg_distinct
        && call.agg_filter.is_none()
        && call.agg_order.is_empty()
        && call.over.is_none()
        && !call.func_variadic;
    match inner(argument) {
        Some(NodeEnum::ColumnRef(reference)) if is_plain => Some(reference),
        _ => None,
    }
}

impl Analysis<'_> {
    /// How many values this output is a statistic of at least, where that is known.
    pub(crate) fn least_group(&mut self, value: &NodeEnum, scope: &Scope<'_>) -> Option<u64> {
        let NodeEnum::FuncCall(call) = value else {
            return None;
        };
        let is_statistic = match strings(&call.funcname)?.as_slice() {
            ["pg_catalog", name] | [name] => STATISTICS.contains(name),
            _ => false,
        };
        if !is_statistic || !self.is_built_in(&call.funcname) {
            return None;
        }
        let (_, origin) = base_column(only_argument(call)?, scope)?;
        if !self.record.is_of_table(origin) {
            return None;
        }
        let of_it = |(counted, least): &LeastValues| {
            let (_, counted) = base_column(counted, scope)?;
            (counted == origin).then_some(*least)
        };
        let least = self.group.iter().filter_map(of_it).max()?;
        // Another text may demand another number.
        self.of_this_text = true;
        Some(least)
    }
}
