//! Output lists: what `*` stands for, and what each output column is made of.

use std::sync::Arc;

use model::{Derivation, Use};
use pg_query::NodeEnum;
use pg_query::protobuf::{ColumnRef, Node};

use crate::analysis::Analysis;
use crate::expression::{Place, row_field};
use crate::opacity::{self, Known};
use crate::output::output_name;
use crate::scope::{Column, Columns, Found, Scope};
use crate::tree::{boxed, inner, string};

/// More output columns than PostgreSQL allows (`MaxTupleAttributeNumber` in `src/include/access/htup_details.h`).
const MAX_COLUMNS: usize = 1_664;

/// A column that `*` stands for.
pub(crate) struct Starred {
    pub(crate) name: Arc<str>,
    pub(crate) found: Found,
}

impl Analysis<'_> {
    /// An output list, by what becomes of it.
    pub(crate) fn targets(
        &mut self,
        targets: &[Node],
        scope: &Scope<'_>,
        how: Use,
    ) -> Known<Columns> {
        let mut columns = Columns::default();
        for node in targets {
            let Some(NodeEnum::ResTarget(target)) = inner(node) else {
                return Err(opacity::unsupported("an output list has an unknown part"));
            };
            let value = boxed(&target.val);
            match value {
                Some(NodeEnum::ColumnRef(reference)) if is_star(reference) => {
                    self.starred(reference, scope, how, &mut columns)?;
                }
                Some(NodeEnum::ColumnRef(reference)) => {
                    let found = self.resolve(reference, scope)?;
                    self.record.columns(&found.origins, how)?;
                    columns.list.push(found.column(output_name(target)));
                }
                Some(NodeEnum::AIndirection(indirection))
                    if let Some(found) = row_field(indirection, scope)? =>
                {
                    self.record.columns(&found.origins, how)?;
                    columns.list.push(found.column(output_name(target)));
                }
                _ => {
                    let mut origins = Vec::new();
                    self.expression(value, Place::of(scope, how), &mut origins)?;
                    origins.sort_unstable();
                    origins.dedup();
                    // `(f(x)).*` has the columns of what f returns.
                    if is_expanded(value) {
                        columns.open = Some(origins.clone());
                    }
                    let group = value.and_then(|value| self.least_group(value, scope));
                    columns.list.push(Column {
                        name: output_name(target),
                        origins,
                        how: group.map_or(Derivation::Computed, Derivation::Aggregated),
                    });
                }
            }
            if columns.list.len() > MAX_COLUMNS {
                return Err(opacity::unsupported(
                    "the statement has more output columns than the server allows",
                ));
            }
        }
        Ok(columns)
    }

    fn starred(
        &mut self,
        reference: &ColumnRef,
        scope: &Scope<'_>,
        how: Use,
        columns: &mut Columns,
    ) -> Known<()> {
        for column in self.star(reference, scope)? {
            self.record.columns(&column.found.origins, how)?;
            columns.list.push(column.found.column(column.name));
        }
        for item in self.star_items(reference, scope)? {
            if let Some(origins) = &item.columns.open {
                let open = columns.open.get_or_insert_default();
                open.extend(origins);
            }
        }
        Ok(())
    }

    /// The columns that `*`, `t.*` or `s.t.*` stands for.
    pub(crate) fn star(&mut self, reference: &ColumnRef, scope: &Scope<'_>) -> Known<Vec<Starred>> {
        let bare = reference.fields.len() == 1;
        let mut columns = Vec::new();
        for item in self.star_items(reference, scope)? {
            self.record.spend(item.columns.list.len())?;
            for column in &item.columns.list {
                if !bare || item.shows(&column.name) {
                    columns.push(Starred {
                        name: column.name.clone(),
                        found: item.found(column),
                    });
                }
            }
        }
        Ok(columns)
    }

    fn star_items<'s>(
        &self,
        reference: &ColumnRef,
        scope: &'s Scope<'_>,
    ) -> Known<Vec<&'s crate::scope::Item>> {
        let fields: Vec<&str> = reference.fields.iter().map_while(string).collect();
        let missing =
            || opacity::unresolved(&format!("there is no table {} here", fields.join(".")));
        let item = match *fields.as_slice() {
            [] => {
                return Ok(scope
                    .items
                    .iter()
                    .filter(|item| item.reach != crate::scope::Reach::Qualified)
                    .collect());
            }
            [table] => scope.item(None, table)?,
            [schema, table] => scope.item(Some(schema), table)?,
            [database, schema, table] if database == self.snapshot.database() => {
                scope.item(Some(schema), table)?
            }
            _ => None,
        };
        Ok(vec![item.ok_or_else(missing)?])
    }
}

fn is_star(reference: &ColumnRef) -> bool {
    reference
        .fields
        .iter()
        .any(|field| matches!(inner(field), Some(NodeEnum::AStar(_))))
}

fn is_expanded(value: Option<&NodeEnum>) -> bool {
    match value {
        Some(NodeEnum::AIndirection(indirection)) => indirection
            .indirection
            .iter()
            .any(|part| matches!(inner(part), Some(NodeEnum::AStar(_)))),
        _ => false,
    }
}
