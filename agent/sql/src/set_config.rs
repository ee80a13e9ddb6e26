//! `set_config(name, value, is_local)`: a SET that is written as a function.

use std::sync::Arc;

use model::{Object, Verb};
use pg_query::NodeEnum;
use pg_query::protobuf::{AExprKind, ColumnRef, Node, SelectStmt};

use crate::analysis::Analysis;
use crate::facts::{Assignment, Change};
use crate::function::is_harmless;
use crate::scope::Scope;
use crate::tree::{boxed, constant, inner, strings};

pub(crate) const SET_CONFIG: &str = "set_config";

/// Whether this call may mean the built-in `set_config`.
pub(crate) fn is_set_config(name: &[Node]) -> bool {
    strings(name).is_some_and(|parts| parts.last() == Some(&SET_CONFIG))
}

impl Analysis<'_> {
    /// Its value counts only where the statement is this call and nothing else, so that it certainly runs, once.
    pub(crate) fn set_config(&mut self, args: &[Node]) {
        let text = |index: usize| args.get(index).and_then(inner).and_then(constant);
        let Some(name) = text(0).or_else(|| self.only_setting_named(args.first())) else {
            self.record
                .object(Verb::Set, Object::Setting(Arc::from("any")));
            self.changes.push(Change::Anything);
            return;
        };
        let name = name.to_ascii_lowercase();
        let local = text(2).is_none_or(|local| local != "false" && local != "f");
        let to = match text(1).filter(|_| self.plain_call) {
            Some(value) => Assignment::parse(&name, &value),
            None => Assignment::unknown(&name),
        };
        self.record
            .object(Verb::Set, Object::Setting(Arc::from(name)));
        if let Some(to) = to {
            self.changes.push(Change::Set { local, to });
        }
    }

    fn only_setting_named(&mut self, argument: Option<&Node>) -> Option<String> {
        let name = self.only_setting.clone()?;
        is_name(argument.and_then(inner)?).then_some(name)?;
        // From here on the facts are about a value in the WHERE clause.
        self.of_this_text = true;
        self.only_setting.clone()
    }

    /// The `jit` of `SELECT ... FROM pg_settings WHERE name = 'jit'`. pg_dump says so what an older server does not know.
    pub(crate) fn only_setting(&self, select: &SelectStmt, scope: &Scope<'_>) -> Option<String> {
        let [item] = select.from_clause.as_slice() else {
            return None;
        };
        let range = match inner(item)? {
            NodeEnum::RangeVar(range) if range.alias.is_none() => range,
            _ => return None,
        };
        let is_cte = range.schemaname.is_empty() && scope.cte(&range.relname).is_some();
        let relation = self.relation(range).ok().filter(|_| !is_cte)?;
        if (&*relation.name.schema, &*relation.name.name) != ("pg_catalog", "pg_settings") {
            return None;
        }
        let condition = match boxed(&select.where_clause)? {
            NodeEnum::AExpr(expr) if expr.kind == AExprKind::AexprOp as i32 => expr,
            _ => return None,
        };
        let path = self.session.schemas(self.snapshot)?;
        let mut equals = self.snapshot.operators("=");
        let is_equal = strings(&condition.name)? == ["="]
            && equals.all(|(schema, function)| !path.contains(schema) || is_harmless(function));
        match boxed(&condition.rexpr)? {
            NodeEnum::AConst(_) if is_equal && is_name(boxed(&condition.lexpr)?) => {
                constant(boxed(&condition.rexpr)?)
            }
            _ => None,
        }
    }
}

/// The column `name`, written so.
fn is_name(node: &NodeEnum) -> bool {
    match node {
        NodeEnum::ColumnRef(ColumnRef { fields, .. }) => {
            strings(fields).is_some_and(|parts| parts == ["name"])
        }
        _ => false,
    }
}
