//! Output lists, the names in them, and the keys that may refer to them.

use std::sync::Arc;

use model::Use;
use sqlparser::ast::{
    Expr, Ident, OrderByExpr, SelectItem, SelectItemQualifiedWildcardKind, Value,
    WildcardAdditionalOptions,
};

use super::analysis::{Analysis, folded, is_variable, parts};
use super::expression::Place;
use super::query::odd;
use crate::opacity::{self, Known};
use crate::query::{by_name, inside};
use crate::scope::{Column, Columns, Found, Item, Reach, Scope};

/// More output columns than MySQL allows (`MAX_FIELDS` in `sql/sql_const.h`).
const MAX_COLUMNS: usize = 4_096;

impl Analysis<'_> {
    /// An output list. With `Use::Shown`, columns of tables as they are stay so; all else is `Derived`.
    pub(super) fn targets(
        &mut self,
        targets: &[SelectItem],
        scope: &Scope<'_>,
        how: Use,
    ) -> Known<Columns> {
        let mut columns = Columns::default();
        for target in targets {
            match target {
                SelectItem::UnnamedExpr(expr) => {
                    let name = match expr {
                        Expr::Identifier(ident) => folded(&ident.value),
                        Expr::CompoundIdentifier(parts) => {
                            folded(parts.last().map_or("", |ident| ident.value.as_str()))
                        }
                        other => folded(&other.to_string()),
                    };
                    self.target(expr, name, scope, how, &mut columns)?;
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    self.target(expr, folded(&alias.value), scope, how, &mut columns)?;
                }
                SelectItem::Wildcard(options) => {
                    all_of(options)?;
                    let shown = scope
                        .items
                        .iter()
                        .filter(|item| item.reach != Reach::Qualified);
                    for item in shown {
                        self.starred(item, true, how, &mut columns)?;
                    }
                }
                SelectItem::QualifiedWildcard(
                    SelectItemQualifiedWildcardKind::ObjectName(name),
                    options,
                ) => {
                    all_of(options)?;
                    let name = parts(name)?;
                    let item = self.item(&name, scope)?;
                    self.starred(item, false, how, &mut columns)?;
                }
                _ => return Err(odd("an output list")),
            }
            if columns.list.len() > MAX_COLUMNS {
                return Err(opacity::unsupported(
                    "the statement has more output columns than the server allows",
                ));
            }
        }
        Ok(columns)
    }

    fn target(
        &mut self,
        expr: &Expr,
        name: Arc<str>,
        scope: &Scope<'_>,
        how: Use,
        columns: &mut Columns,
    ) -> Known<()> {
        let column = match self.column(expr, scope)? {
            Some(found) => {
                let how = if found.base { how } else { inside(how) };
                self.record.columns(&found.origins, how)?;
                found.column(name)
            }
            None => {
                let mut origins = Vec::new();
                let how = inside(how);
                self.expression(expr, Place { scope, how }, &mut origins)?;
                Column::computed(&name, origins)
            }
        };
        columns.list.push(column);
        Ok(())
    }

    fn starred(&mut self, item: &Item, bare: bool, how: Use, columns: &mut Columns) -> Known<()> {
        let how = if item.base.is_some() {
            how
        } else {
            inside(how)
        };
        for column in item
            .columns
            .list
            .iter()
            .filter(|column| !bare || item.shows(&column.name))
        {
            self.record.columns(&column.origins, how)?;
            columns.list.push(column.clone());
        }
        Ok(())
    }

    fn item<'s>(&self, name: &[&str], scope: &'s Scope<'_>) -> Known<&'s Item> {
        let item = match *name {
            [table] => scope.item(None, &folded(table))?,
            [database, table] => scope.item(Some(&folded(database)), &folded(table))?,
            _ => None,
        };
        item.ok_or_else(|| {
            opacity::unresolved(&format!("there is no table {} here", name.join(".")))
        })
    }

    /// The column that an expression is; none where it is none.
    pub(super) fn column(&self, expr: &Expr, scope: &Scope<'_>) -> Known<Option<Found>> {
        let names: &[Ident] = match expr {
            Expr::Identifier(ident) => std::slice::from_ref(ident),
            Expr::CompoundIdentifier(parts) => parts,
            _ => return Ok(None),
        };
        if names.first().is_some_and(is_variable) || is_word(names) {
            return Ok(None);
        }
        self.resolve(names, scope).map(Some)
    }

    pub(super) fn resolve(&self, names: &[Ident], scope: &Scope<'_>) -> Known<Found> {
        let missing = || {
            let names: Vec<&str> = names.iter().map(|ident| ident.value.as_str()).collect();
            opacity::unresolved(&format!("there is no column {}", names.join(".")))
        };
        let found = match names {
            [column] => scope.column(&folded(&column.value))?,
            [table @ .., column] => {
                let table: Vec<&str> = table.iter().map(|ident| ident.value.as_str()).collect();
                self.item(&table, scope)?.column(&folded(&column.value))?
            }
            [] => None,
        };
        found.ok_or_else(missing)
    }

    pub(super) fn keys(
        &mut self,
        keys: &[OrderByExpr],
        columns: &Columns,
        scope: &Scope<'_>,
    ) -> Known<()> {
        for key in keys {
            self.key(&key.expr, columns, scope)?;
        }
        Ok(())
    }

    /// A key of ORDER BY, GROUP BY or HAVING. Where a name is that of an input and of an output column, which one the
    /// server takes depends on the clause: both are told.
    pub(super) fn key(&mut self, key: &Expr, columns: &Columns, scope: &Scope<'_>) -> Known<()> {
        if let Expr::Value(value) = key
            && let Value::Number(place, _) = &value.value
        {
            let place = place
                .parse::<usize>()
                .ok()
                .and_then(|place| place.checked_sub(1));
            let column = place.and_then(|place| columns.list.get(place));
            let origins = column.map_or_else(|| columns.origins(), |column| column.origins.clone());
            return self.record.columns(&origins, Use::Filtered);
        }
        if let Expr::Identifier(name) = key
            && let Some(origins) = by_name(&folded(&name.value), columns)
        {
            self.record.columns(&origins, Use::Filtered)?;
            if let Ok(found) = self.resolve(std::slice::from_ref(name), scope) {
                self.record.columns(&found.origins, Use::Filtered)?;
            }
            return Ok(());
        }
        let mut outputs = Item::derived("", columns.clone());
        outputs.reach = Reach::Unqualified;
        let around = scope.with_items(vec![outputs]);
        let mut input_first = Scope::inside(&around);
        input_first.items.clone_from(&scope.items);
        let input = self.filter(Some(key), &input_first);
        let mut output_first = Scope::inside(scope);
        output_first.items.clone_from(&around.items);
        match self.filter(Some(key), &output_first) {
            Ok(()) => Ok(()),
            Err(_) => input,
        }
    }
}

fn all_of(options: &WildcardAdditionalOptions) -> Known<()> {
    let plain = options.opt_ilike.is_none()
        && options.opt_exclude.is_none()
        && options.opt_except.is_none()
        && options.opt_replace.is_none()
        && options.opt_rename.is_none()
        && options.opt_alias.is_none();
    match plain {
        true => Ok(()),
        false => Err(odd("an output list")),
    }
}

/// Reserved words that stand for a value, without brackets.
fn is_word(names: &[Ident]) -> bool {
    let words = ["default", "utc_date", "utc_time", "utc_timestamp"];
    matches!(names, [name] if name.quote_style.is_none() && words.contains(&&*name.value.to_lowercase()))
}
