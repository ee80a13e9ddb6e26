//! The name that the server gives to an output column (`FigureColname` in `src/backend/parser/parse_target.c`).
//!
//! It matters where an outer query refers to the column by this name.

use std::sync::Arc;

use pg_query::NodeEnum;
use pg_query::protobuf::{MinMaxOp, ResTarget, SelectStmt, SqlValueFunctionOp, SubLinkType};

use crate::tree::{boxed, inner, string, type_name};

/// The name of this output column.
pub(crate) fn output_name(target: &ResTarget) -> Arc<str> {
    if !target.name.is_empty() {
        return Arc::from(target.name.as_str());
    }
    let name = boxed(&target.val).and_then(name_of);
    Arc::from(name.map_or("?column?", |(name, _)| name))
}

/// The name and whether it is a good one: a weak one gives way to the name of a cast's type.
fn name_of(node: &NodeEnum) -> Option<(&str, bool)> {
    let good = |name| Some((name, true));
    match node {
        NodeEnum::ColumnRef(reference) => reference
            .fields
            .iter()
            .rev()
            .find_map(string)
            .and_then(good),
        NodeEnum::AIndirection(indirection) => {
            let field = indirection.indirection.iter().rev().find_map(string);
            match field {
                Some(field) => good(field),
                None => name_of(boxed(&indirection.arg)?),
            }
        }
        NodeEnum::FuncCall(call) => call.funcname.last().and_then(string).and_then(good),
        NodeEnum::AExpr(expr) => {
            let nullif = pg_query::protobuf::AExprKind::AexprNullif;
            (pg_query::protobuf::AExprKind::try_from(expr.kind) == Ok(nullif))
                .then_some(("nullif", true))
        }
        NodeEnum::TypeCast(cast) => match boxed(&cast.arg).and_then(name_of) {
            Some((name, true)) => good(name),
            weak => cast
                .type_name
                .as_ref()
                .and_then(type_name)
                .map(|name| (name, false))
                .or(weak),
        },
        NodeEnum::CollateClause(collate) => name_of(boxed(&collate.arg)?),
        NodeEnum::GroupingFunc(_) => good("grouping"),
        NodeEnum::MergeSupportFunc(_) => good("merge_action"),
        NodeEnum::SubLink(link) => match SubLinkType::try_from(link.sub_link_type).ok()? {
            SubLinkType::ExistsSublink => good("exists"),
            SubLinkType::ArraySublink => good("array"),
            SubLinkType::ExprSublink => match boxed(&link.subselect)? {
                NodeEnum::SelectStmt(select) => first_output(select),
                _ => None,
            },
            _ => None,
        },
        NodeEnum::CaseExpr(case) => match boxed(&case.defresult).and_then(name_of) {
            Some((name, true)) => good(name),
            _ => Some(("case", false)),
        },
        NodeEnum::AArrayExpr(_) => good("array"),
        NodeEnum::RowExpr(_) => good("row"),
        NodeEnum::CoalesceExpr(_) => good("coalesce"),
        NodeEnum::MinMaxExpr(expr) => match MinMaxOp::try_from(expr.op).ok()? {
            MinMaxOp::IsLeast => good("least"),
            _ => good("greatest"),
        },
        NodeEnum::SqlvalueFunction(function) => value_function(function.op).and_then(good),
        NodeEnum::XmlSerialize(_) => good("xmlserialize"),
        NodeEnum::JsonParseExpr(_) => good("json"),
        NodeEnum::JsonScalarExpr(_) => good("json_scalar"),
        NodeEnum::JsonSerializeExpr(_) => good("json_serialize"),
        NodeEnum::JsonObjectConstructor(_) => good("json_object"),
        NodeEnum::JsonArrayConstructor(_) | NodeEnum::JsonArrayQueryConstructor(_) => {
            good("json_array")
        }
        NodeEnum::JsonObjectAgg(_) => good("json_objectagg"),
        NodeEnum::JsonArrayAgg(_) => good("json_arrayagg"),
        _ => None,
    }
}

fn first_output(select: &SelectStmt) -> Option<(&str, bool)> {
    if let Some(left) = &select.larg {
        return first_output(left);
    }
    match inner(select.target_list.first()?)? {
        NodeEnum::ResTarget(target) if !target.name.is_empty() => Some((&target.name, true)),
        NodeEnum::ResTarget(target) => name_of(boxed(&target.val)?),
        _ => None,
    }
}

fn value_function(op: i32) -> Option<&'static str> {
    Some(match SqlValueFunctionOp::try_from(op).ok()? {
        SqlValueFunctionOp::SvfopCurrentDate => "current_date",
        SqlValueFunctionOp::SvfopCurrentTime | SqlValueFunctionOp::SvfopCurrentTimeN => {
            "current_time"
        }
        SqlValueFunctionOp::SvfopCurrentTimestamp | SqlValueFunctionOp::SvfopCurrentTimestampN => {
            "current_timestamp"
        }
        SqlValueFunctionOp::SvfopLocaltime | SqlValueFunctionOp::SvfopLocaltimeN => "localtime",
        SqlValueFunctionOp::SvfopLocaltimestamp | SqlValueFunctionOp::SvfopLocaltimestampN => {
            "localtimestamp"
        }
        SqlValueFunctionOp::SvfopCurrentRole => "current_role",
        SqlValueFunctionOp::SvfopCurrentUser => "current_user",
        SqlValueFunctionOp::SvfopUser => "user",
        SqlValueFunctionOp::SvfopSessionUser => "session_user",
        SqlValueFunctionOp::SvfopCurrentCatalog => "current_catalog",
        SqlValueFunctionOp::SvfopCurrentSchema => "current_schema",
        SqlValueFunctionOp::SqlvalueFunctionOpUndefined => return None,
    })
}
