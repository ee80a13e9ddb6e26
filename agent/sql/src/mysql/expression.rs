//! Expressions: which columns a value is made of, and which functions run for it.
//!
//! A form that is not named here makes the statement opaque.

use model::Use;
use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArguments, InTarget, OrderByExpr, WindowSpec, WindowType,
};

use super::analysis::{Analysis, is_variable, parts};
use crate::opacity::{self, Known};
use crate::record::Origin;
use crate::scope::Scope;

/// Where an expression stands, and what becomes of its columns.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) scope: &'a Scope<'a>,
    pub(super) how: Use,
}

type Origins = Vec<Origin>;

impl Analysis<'_> {
    /// An expression that only decides something.
    pub(super) fn filter(&mut self, expr: Option<&Expr>, scope: &Scope<'_>) -> Known<()> {
        let place = Place {
            scope,
            how: Use::Filtered,
        };
        expr.map_or(Ok(()), |expr| self.expression(expr, place, &mut Vec::new()))
    }

    pub(super) fn expression(
        &mut self,
        expr: &Expr,
        place: Place<'_>,
        into: &mut Origins,
    ) -> Known<()> {
        let mut expr = expr;
        // Chains of operators lean to the left and may be long.
        while let Expr::BinaryOp { left, op, right } = expr {
            // MySQL's XOR binds less than a comparison, sqlparser's more.
            if *op == BinaryOperator::Xor {
                return Err(opacity::unknown_node(op));
            }
            self.expression(right, place, into)?;
            expr = left;
        }
        self.record.spend(1)?;
        if let Some(found) = self.column(expr, place.scope)? {
            self.record.columns(&found.origins, place.how)?;
            into.extend(found.origins);
            return Ok(());
        }
        match expr {
            Expr::Value(_) | Expr::TypedString(_) => Ok(()),
            // A variable, or a word that stands for a value.
            Expr::Identifier(_) => Ok(()),
            Expr::CompoundIdentifier(names) if names.first().is_some_and(is_variable) => Ok(()),
            Expr::Function(function) => self.function(function, place, into),
            Expr::Subquery(query)
            | Expr::Exists {
                subquery: query, ..
            } => {
                let columns = self.query(query, place.scope, place.how)?;
                into.extend(columns.origins());
                Ok(())
            }
            Expr::In { expr, target, .. } => {
                self.expression(expr, place, into)?;
                match target {
                    InTarget::List(list) => self.all(list, place, into),
                    InTarget::Subquery(query) => {
                        let columns = self.query(query, place.scope, place.how)?;
                        into.extend(columns.origins());
                        Ok(())
                    }
                    other => Err(opacity::unknown_node(other)),
                }
            }
            Expr::AnyOp { left, right, .. } | Expr::AllOp { left, right, .. } => {
                self.expression(left, place, into)?;
                self.expression(right, place, into)
            }
            Expr::MatchAgainst { columns, .. } => {
                for column in columns {
                    let names: Vec<_> = column
                        .0
                        .iter()
                        .filter_map(|part| part.as_ident().cloned())
                        .collect();
                    let found = self.resolve(&names, place.scope)?;
                    self.record.columns(&found.origins, place.how)?;
                    into.extend(found.origins);
                }
                Ok(())
            }
            other
                if is_function(other)
                    && SPELLED.iter().any(|name| self.catalog.names_routine(name)) =>
            {
                Err(opacity::unsupported(
                    "a stored function is called like one of the server's own, and which of them is meant is not analysed",
                ))
            }
            other => match operands(other) {
                Some(operands) => self.all(operands, place, into),
                None => Err(opacity::unknown_node(other)),
            },
        }
    }

    fn all<'e>(
        &mut self,
        exprs: impl IntoIterator<Item = &'e Expr>,
        place: Place<'_>,
        into: &mut Origins,
    ) -> Known<()> {
        for expr in exprs {
            self.expression(expr, place, into)?;
        }
        Ok(())
    }

    /// A call with its arguments.
    pub(super) fn function(
        &mut self,
        function: &Function,
        place: Place<'_>,
        into: &mut Origins,
    ) -> Known<()> {
        let name = parts(&function.name)?;
        let odd = function.uses_odbc_syntax
            || !matches!(function.parameters, FunctionArguments::None)
            || !function.within_group.is_empty()
            || function.filter.is_some();
        if odd {
            return Err(opacity::unsupported(
                "a call has a part that is not analysed",
            ));
        }
        self.call(&name)?;
        // What `VALUES(a)` holds is the proposed value, which the insert's source accounts for.
        if matches!(name.as_slice(), [name] if name.eq_ignore_ascii_case("values")) {
            return Ok(());
        }
        self.arguments(function, place, into)?;
        match &function.over {
            Some(WindowType::WindowSpec(spec)) => self.window(spec, place.scope),
            Some(WindowType::NamedWindow(_)) | None => Ok(()),
        }
    }

    pub(super) fn arguments(
        &mut self,
        function: &Function,
        place: Place<'_>,
        into: &mut Origins,
    ) -> Known<()> {
        match &function.args {
            FunctionArguments::None => {}
            FunctionArguments::Subquery(query) => {
                let columns = self.query(query, place.scope, place.how)?;
                into.extend(columns.origins());
            }
            FunctionArguments::List(list) => {
                for argument in &list.args {
                    match argument {
                        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => {
                            self.expression(expr, place, into)?
                        }
                        FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => {}
                        _ => {
                            return Err(opacity::unsupported(
                                "an argument has a form that is not analysed",
                            ));
                        }
                    }
                }
                for clause in &list.clauses {
                    match clause {
                        FunctionArgumentClause::OrderBy(keys) => self.sorts(keys, place.scope)?,
                        FunctionArgumentClause::Limit(limit) => {
                            self.filter(Some(limit), place.scope)?
                        }
                        FunctionArgumentClause::Separator(_) => {}
                        _ => {
                            return Err(opacity::unsupported(
                                "a call has a part that is not analysed",
                            ));
                        }
                    }
                }
            }
        }
        Ok(())
    }

    pub(super) fn window(&mut self, window: &WindowSpec, scope: &Scope<'_>) -> Known<()> {
        for key in &window.partition_by {
            self.filter(Some(key), scope)?;
        }
        self.sorts(&window.order_by, scope)
    }

    pub(super) fn sorts(&mut self, keys: &[OrderByExpr], scope: &Scope<'_>) -> Known<()> {
        for key in keys {
            self.filter(Some(&key.expr), scope)?;
        }
        Ok(())
    }
}

/// The server's own functions that sqlparser knows by their arguments' form.
const SPELLED: [&str; 8] = [
    "cast",
    "convert",
    "extract",
    "mid",
    "position",
    "substr",
    "substring",
    "trim",
];

fn is_function(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::Cast { .. }
            | Expr::Convert { .. }
            | Expr::Extract { .. }
            | Expr::Position { .. }
            | Expr::Substring { .. }
            | Expr::Trim { .. }
    )
}

/// The parts of an expression that is nothing but them; none where it is not known.
fn operands(expr: &Expr) -> Option<Vec<&Expr>> {
    Some(match expr {
        Expr::Nested(inner)
        | Expr::UnaryOp { expr: inner, .. }
        | Expr::Cast { expr: inner, .. }
        | Expr::Collate { expr: inner, .. }
        | Expr::Extract { expr: inner, .. }
        | Expr::Ceil { expr: inner, .. }
        | Expr::Floor { expr: inner, .. }
        | Expr::Prefixed { value: inner, .. }
        | Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::IsTrue(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsFalse(inner)
        | Expr::IsNotFalse(inner)
        | Expr::IsUnknown(inner)
        | Expr::IsNotUnknown(inner) => vec![inner],
        Expr::Convert { expr, styles, .. } if styles.is_empty() => vec![expr],
        Expr::Interval(interval) => vec![&interval.value],
        Expr::Between {
            expr, low, high, ..
        } => vec![expr, low, high],
        Expr::Like {
            expr,
            pattern,
            escape_char,
            ..
        } => {
            let mut parts: Vec<&Expr> = vec![expr, pattern];
            parts.extend(escape_char.as_deref());
            parts
        }
        Expr::RLike { expr, pattern, .. } => vec![expr, pattern],
        Expr::Position { expr, r#in } => vec![expr, r#in],
        Expr::MemberOf(member) => vec![&member.value, &member.array],
        Expr::Substring {
            expr,
            substring_from,
            substring_for,
            ..
        } => {
            let mut parts: Vec<&Expr> = vec![expr];
            parts.extend(substring_from.as_deref());
            parts.extend(substring_for.as_deref());
            parts
        }
        Expr::Trim {
            expr,
            trim_what,
            trim_characters: None,
            ..
        } => {
            let mut parts: Vec<&Expr> = vec![expr];
            parts.extend(trim_what.as_deref());
            parts
        }
        Expr::Case {
            operand,
            conditions,
            else_result,
            ..
        } => {
            let mut parts: Vec<&Expr> = Vec::new();
            parts.extend(operand.as_deref());
            parts.extend(
                conditions
                    .iter()
                    .flat_map(|when| [&when.condition, &when.result]),
            );
            parts.extend(else_result.as_deref());
            parts
        }
        Expr::Tuple(list) => list.iter().collect(),
        _ => return None,
    })
}
