//! Which columns have one value in every row that a statement is about: `WHERE tenant = 42 AND ...`.
//!
//! What is found is certain; what is not found may be so all the same. Counted are only the parts of a WHERE clause that
//! must all hold, that compare a column of a table which stands in this very FROM with a constant or a parameter, and
//! that mean the server's own `=`. A table that appears twice has only the values that it has in both appearances.
//!
//! The values themselves are read where they are asked about (see `values`), because texts of one pattern differ in them.

use std::sync::Arc;

use model::Verb;
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AExpr, AExprKind, BoolExprType, ColumnRef, Node, TypeCast, TypeName, a_const,
};

use crate::analysis::Analysis;
use crate::record::Origin;
use crate::scope::Scope;
use crate::snapshot::FIRST_NORMAL_OID;
use crate::tree::{boxed, inner, string, strings};

/// Comparisons of one query that are looked at.
const MOST: usize = 64;

const CIDR: u32 = 650;

/// A column that has one value in every row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Equality {
    /// What is done with the rows.
    pub verb: Verb,
    /// `pg_class.oid` of the table.
    pub relation: u32,
    /// The column's name.
    pub column: Arc<str>,
    /// `pg_type.oid` of the built-in type with the column's formats.
    pub like: u32,
    /// The value, as it is written in this very text.
    pub value: Written,
}

/// A value in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// It stands there.
    Constant(String),
    /// It comes by Bind: `$1` is 0.
    Placeholder(usize),
}

/// One comparison: the place of the table in FROM, and what is equal.
struct Comparison {
    item: usize,
    number: i16,
    value: Written,
}

impl Analysis<'_> {
    /// Records what this WHERE clause says about the tables of this FROM.
    pub(crate) fn equalities(&mut self, clause: Option<&NodeEnum>, scope: &Scope<'_>) {
        let mut expressions = Vec::new();
        conjuncts(clause, &mut expressions);
        let comparisons = expressions.into_iter().take(MOST);
        let comparisons: Vec<_> = comparisons
            .filter_map(|expression| self.comparison(expression, scope))
            .collect();
        for (place, item) in scope.items.iter().enumerate() {
            let Some(touch) = item.base else { continue };
            let mut equal: Vec<(i16, &Written)> = Vec::new();
            for comparison in comparisons.iter().filter(|found| found.item == place) {
                let found = (comparison.number, &comparison.value);
                if !equal.contains(&found) {
                    equal.push(found);
                }
            }
            for (number, value) in equal {
                self.record.equal(touch, number, value);
            }
        }
    }

    fn comparison(&self, expression: &AExpr, scope: &Scope<'_>) -> Option<Comparison> {
        if AExprKind::try_from(expression.kind) != Ok(AExprKind::AexprOp) {
            return None;
        }
        let (reference, value) = sides(expression)?;
        let (item, origin) = base_column(reference, scope)?;
        let type_oid = self.record.column_type(origin)?;
        let family = Family::of(self.snapshot.types().like(type_oid)?)?;
        if !self.is_built_in_equality(&expression.name, type_oid) {
            return None;
        }
        Some(Comparison {
            item,
            number: origin.number,
            value: written(value, family)?,
        })
    }

    /// Whether this can only be `pg_catalog`'s operator: no other one takes this type, nor any that the server could
    /// convert it to by itself.
    pub(crate) fn is_built_in_equality(&self, name: &[Node], type_oid: u32) -> bool {
        let base = self.snapshot.types().base(type_oid);
        match strings(name).as_deref() {
            Some(["pg_catalog", "="]) => true,
            Some(["="]) => {
                let mut others = self.snapshot.operators("=");
                let takes =
                    |oid: &u32| *oid < FIRST_NORMAL_OID || *oid == type_oid || Some(*oid) == base;
                !others.any(|(_, function)| function.arguments.iter().any(takes))
            }
            _ => false,
        }
    }

    /// A parameter beside a column has the column's type: in a comparison the server takes an operand of unknown type for
    /// what the other one is (manual 10.2).
    pub(crate) fn compared(&mut self, expression: &AExpr, scope: &Scope<'_>) {
        const COMPARISONS: [&str; 6] = ["=", "<>", "<", "<=", ">", ">="];
        let is_comparison = match expression.name.as_slice() {
            [name] => string(name).is_some_and(|name| COMPARISONS.contains(&name)),
            _ => false,
        };
        if !is_comparison {
            return;
        }
        if let Some((reference, NodeEnum::ParamRef(parameter))) = sides(expression)
            && let Some((_, origin)) = base_column(reference, scope)
            && let Some(type_oid) = self.record.column_type(origin)
        {
            let base = self.snapshot.types().base(type_oid);
            // There is no `=` of `cidr`: it is compared as `inet`.
            let compared = base.filter(|oid| *oid != CIDR);
            self.placeholder(parameter, compared.unwrap_or_default());
        }
    }

    /// A parameter that is cast has the type that it is cast to.
    pub(crate) fn cast(&mut self, cast: &TypeCast) {
        if let Some(NodeEnum::ParamRef(parameter)) = boxed(&cast.arg)
            && let Some(oid) = cast.type_name.as_ref().and_then(plain_type)
        {
            self.placeholder(parameter, oid);
        }
    }
}

/// What must all hold for the clause to hold.
fn conjuncts<'n>(clause: Option<&'n NodeEnum>, into: &mut Vec<&'n AExpr>) {
    match clause {
        Some(NodeEnum::AExpr(expression)) => into.push(expression),
        Some(NodeEnum::BoolExpr(expression))
            if BoolExprType::try_from(expression.boolop) == Ok(BoolExprType::AndExpr) =>
        {
            for argument in &expression.args {
                conjuncts(inner(argument), into);
            }
        }
        _ => {}
    }
}

/// A column and what it is compared with, whichever of them stands first.
pub(crate) fn sides(expression: &AExpr) -> Option<(&ColumnRef, &NodeEnum)> {
    match (boxed(&expression.lexpr)?, boxed(&expression.rexpr)?) {
        (NodeEnum::ColumnRef(_), NodeEnum::ColumnRef(_)) => None,
        (NodeEnum::ColumnRef(column), value) | (value, NodeEnum::ColumnRef(column)) => {
            Some((column, value))
        }
        _ => None,
    }
}

/// The table of this very FROM, by its place, whose column this is as it is.
pub(crate) fn base_column(reference: &ColumnRef, scope: &Scope<'_>) -> Option<(usize, Origin)> {
    let fields = strings(&reference.fields)?;
    let (place, column) = match *fields.as_slice() {
        [column] => {
            let mut having =
                scope.items.iter().enumerate().filter(|(_, item)| {
                    item.shows(column) && !matches!(item.column(column), Ok(None))
                });
            let (place, _) = having.next()?;
            (having.next().is_none().then_some(place)?, column)
        }
        [ref tables @ .., column] => {
            let (schema, table) = match *tables {
                [table] => (None, table),
                [schema, table] => (Some(schema), table),
                _ => return None,
            };
            let item = scope.item(schema, table).ok()??;
            let place = scope
                .items
                .iter()
                .position(|here| std::ptr::eq(here, item))?;
            (place, column)
        }
        [] => return None,
    };
    let found = scope.items.get(place)?.column(column).ok()??;
    match found.origins.as_slice() {
        [origin] if found.base && origin.number > 0 => Some((place, *origin)),
        _ => None,
    }
}

/// A value that is compared with a column of this family, where it is a constant or a parameter.
fn written(value: &NodeEnum, family: Family) -> Option<Written> {
    match value {
        NodeEnum::AConst(constant) => Some(Written::Constant(match constant.val.as_ref()? {
            a_const::Val::Ival(value) => value.ival.to_string(),
            a_const::Val::Fval(value) => value.fval.clone(),
            a_const::Val::Boolval(value) => value.boolval.to_string(),
            a_const::Val::Sval(value) => value.sval.clone(),
            a_const::Val::Bsval(_) => return None,
        })),
        NodeEnum::ParamRef(parameter) => {
            let number = usize::try_from(parameter.number).ok()?;
            number.checked_sub(1).map(Written::Placeholder)
        }
        NodeEnum::TypeCast(cast) => {
            let to = Family::of(plain_type(cast.type_name.as_ref()?)?)?;
            let arg = boxed(&cast.arg)?;
            let is_plain = match arg {
                NodeEnum::ParamRef(_) => true,
                // A number may be printed otherwise than it is written.
                NodeEnum::AConst(constant) => {
                    matches!(constant.val, Some(a_const::Val::Sval(_)))
                }
                _ => false,
            };
            (is_plain && to == family).then(|| written(arg, family))?
        }
        _ => None,
    }
}

/// Types whose values the server's `=` compares without making other values of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Bool,
    Number,
    Text,
    Padded,
    Uuid,
    Date,
}

impl Family {
    /// Of the built-in type with this `pg_type.oid`.
    pub(crate) fn of(oid: u32) -> Option<Self> {
        Some(match oid {
            16 => Self::Bool,
            20 | 21 | 23 | 26 | 1700 => Self::Number,
            19 | 25 | 1043 => Self::Text,
            1042 => Self::Padded,
            1082 => Self::Date,
            2950 => Self::Uuid,
            _ => return None,
        })
    }

    /// Whether a bind value of that family is compared with a column of this one as it is.
    pub(crate) fn takes(self, value: Self) -> bool {
        self == value || (self == Self::Padded && value == Self::Text)
    }
}

/// The `pg_type.oid` of a built-in type that is named without length or dimensions.
fn plain_type(name: &TypeName) -> Option<u32> {
    name.typmods.is_empty().then(|| built_in_type(name))?
}

/// The same, whatever its length.
pub(crate) fn built_in_type(name: &TypeName) -> Option<u32> {
    let is_one = name.array_bounds.is_empty() && !name.setof;
    let name = match *strings(&name.names)?.as_slice() {
        ["pg_catalog", name] | [name] if is_one => name,
        _ => return None,
    };
    Some(match name {
        "bool" => 16,
        "int8" => 20,
        "int2" => 21,
        "int4" => 23,
        "text" => 25,
        "oid" => 26,
        "varchar" => 1043,
        "date" => 1082,
        "numeric" => 1700,
        "uuid" => 2950,
        _ => return None,
    })
}
