//! Which names a part of a query sees, and which base columns they stand for.
//!
//! The rules are those of `src/backend/parser/parse_relation.c` and `parse_expr.c`: columns are looked for from the
//! innermost query outwards, then whole rows.

use std::rc::Rc;
use std::sync::Arc;

use model::Derivation;

use crate::opacity::{self, Known};
use crate::record::Origin;
use crate::snapshot::{Relation, system_column};

/// An output or input column with every base column that can flow into it.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: Arc<str>,
    pub(crate) origins: Vec<Origin>,
    pub(crate) how: Derivation,
}

impl Column {
    /// A column of values that were computed from these.
    pub(crate) fn computed(name: &str, origins: Vec<Origin>) -> Self {
        Self {
            name: Arc::from(name),
            origins,
            how: Derivation::Computed,
        }
    }

    /// Whether its values are those of its base columns as they are. What has none is nobody's value.
    pub(crate) fn is_plain(&self) -> bool {
        self.origins.is_empty() || self.how == Derivation::Plain
    }

    /// Its values are also those of another column.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.how = match self.is_plain() && other.is_plain() {
            true => Derivation::Plain,
            false => Derivation::Computed,
        };
        self.origins.extend(&other.origins);
        self.origins.sort_unstable();
        self.origins.dedup();
    }
}

/// The columns of a query or of something in FROM.
#[derive(Clone, Debug, Default)]
pub(crate) struct Columns {
    pub(crate) list: Vec<Column>,
    /// Set where there may be more columns than are listed: a function's result. What flows into all of them.
    pub(crate) open: Option<Vec<Origin>>,
}

impl Columns {
    /// These, and no others.
    pub(crate) fn of(list: Vec<Column>) -> Self {
        Self { list, open: None }
    }

    /// Everything that flows into any of the columns.
    pub(crate) fn origins(&self) -> Vec<Origin> {
        let listed = self.list.iter().flat_map(|column| &column.origins);
        let mut origins: Vec<Origin> = listed.chain(self.open.iter().flatten()).copied().collect();
        origins.sort_unstable();
        origins.dedup();
        origins
    }

    /// Whether every column has the same base columns as in these.
    pub(crate) fn is_made_of_the_same(&self, other: &Self) -> bool {
        let sorted = |column: &Column| {
            let mut origins = column.origins.clone();
            origins.sort_unstable();
            origins.dedup();
            origins
        };
        let same = |(one, other): (&Column, &Column)| {
            sorted(one) == sorted(other) && one.is_plain() == other.is_plain()
        };
        self.open == other.open
            && self.list.len() == other.list.len()
            && self.list.iter().zip(&other.list).all(same)
    }

    /// Gives the first columns other names, as an alias with a column list does.
    pub(crate) fn rename(&mut self, names: &[&str]) {
        for (column, name) in self.list.iter_mut().zip(names) {
            column.name = Arc::from(*name);
        }
        if let Some(open) = &self.open {
            for name in names.iter().skip(self.list.len()) {
                self.list.push(Column::computed(name, open.clone()));
            }
        }
    }
}

/// How much of an item a name can reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// `a` and `t.a`.
    Full,
    /// Only `t.a`: what `excluded` and the alias of a USING clause are.
    Qualified,
    /// Only `a`: the merged columns of a join.
    Unqualified,
}

/// Something in FROM.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// The schema, where the item is a table without an alias.
    pub(crate) schema: Option<Arc<str>>,
    pub(crate) alias: Arc<str>,
    pub(crate) columns: Rc<Columns>,
    /// The touch of a base relation: its columns are the server's own.
    pub(crate) base: Option<usize>,
    /// Whether it has system columns, which `*` leaves out.
    pub(crate) system: bool,
    pub(crate) reach: Reach,
    /// Columns that a join merged: to be reached only by `t.a`.
    pub(crate) merged: Vec<Arc<str>>,
}

impl Item {
    /// A table as it stands.
    pub(crate) fn base(relation: &Relation, touch: usize, alias: Option<&str>) -> Self {
        let column = |column: &crate::snapshot::Column| Column {
            name: column.name.clone(),
            origins: vec![Origin {
                touch,
                number: column.number,
            }],
            how: Derivation::Plain,
        };
        let columns = Columns {
            list: relation.columns.iter().map(column).collect(),
            open: None,
        };
        Self {
            schema: match alias {
                Some(_) => None,
                None => Some(relation.name.schema.clone()),
            },
            alias: alias.map_or_else(|| relation.name.name.clone(), Arc::from),
            columns: Rc::new(columns),
            base: Some(touch),
            system: true,
            reach: Reach::Full,
            merged: Vec::new(),
        }
    }

    /// Anything that is not a table: its columns are not named by RowDescription for certain.
    pub(crate) fn derived(alias: &str, columns: Columns) -> Self {
        Self {
            schema: None,
            alias: Arc::from(alias),
            columns: Rc::new(columns),
            base: None,
            system: false,
            reach: Reach::Full,
            merged: Vec::new(),
        }
    }

    /// Whether the bare name of this column reaches the item.
    pub(crate) fn shows(&self, name: &str) -> bool {
        self.reach != Reach::Qualified && !self.merged.iter().any(|merged| &**merged == name)
    }

    fn named(&self, schema: Option<&str>, alias: &str) -> bool {
        self.reach != Reach::Unqualified
            && &*self.alias == alias
            && schema.is_none_or(|schema| self.schema.as_deref() == Some(schema))
    }

    /// What this column of the item stands for.
    pub(crate) fn column(&self, name: &str) -> Known<Option<Found>> {
        let mut same = self.columns.list.iter().filter(|c| &*c.name == name);
        if let Some(column) = same.next() {
            if same.next().is_some() {
                return Err(opacity::unresolved(&format!(
                    "column {name} is ambiguous: name its table"
                )));
            }
            return Ok(Some(self.found(column)));
        }
        let touch = self.base.filter(|_| self.system);
        let system = touch.zip(system_column(name));
        Ok(system.map(|(touch, number)| Found {
            origins: vec![Origin { touch, number }],
            base: true,
            plain: true,
        }))
    }

    /// What one of its columns stands for.
    pub(crate) fn found(&self, column: &Column) -> Found {
        Found {
            origins: column.origins.clone(),
            base: self.base.is_some(),
            plain: column.is_plain(),
        }
    }
}

/// What a name stands for.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) origins: Vec<Origin>,
    /// Whether it is a column of a base relation that stands in this FROM.
    pub(crate) base: bool,
    /// Whether its values are those of its base columns as they are.
    pub(crate) plain: bool,
}

impl Found {
    /// A value that was made of these.
    pub(crate) fn computed(origins: Vec<Origin>) -> Self {
        Self {
            origins,
            base: false,
            plain: false,
        }
    }

    /// The column of this name that shows it.
    pub(crate) fn column(self, name: Arc<str>) -> Column {
        Column {
            name,
            how: match self.plain {
                true => Derivation::Plain,
                false => Derivation::Computed,
            },
            origins: self.origins,
        }
    }
}

/// A common table expression.
#[derive(Clone, Debug)]
pub(crate) struct Cte {
    pub(crate) name: Arc<str>,
    /// None where it is not analysed yet: a forward reference of WITH RECURSIVE.
    pub(crate) columns: Option<Rc<Columns>>,
}

/// The names that one query level sees.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope<'a> {
    pub(crate) outer: Option<&'a Scope<'a>>,
    pub(crate) items: Vec<Item>,
    pub(crate) ctes: Vec<Cte>,
}

impl<'a> Scope<'a> {
    /// An empty level inside another.
    pub(crate) fn inside(outer: &'a Scope<'a>) -> Self {
        Self {
            outer: Some(outer),
            ..Self::default()
        }
    }

    /// This level with other items.
    pub(crate) fn with_items(&self, items: Vec<Item>) -> Self {
        Self {
            outer: self.outer,
            items,
            ctes: self.ctes.clone(),
        }
    }

    fn levels(&self) -> impl Iterator<Item = &Scope<'_>> {
        std::iter::successors(Some(self), |scope| scope.outer)
    }

    /// The common table expression of this name, the innermost and latest first.
    pub(crate) fn cte(&self, name: &str) -> Option<&Cte> {
        self.levels()
            .find_map(|scope| scope.ctes.iter().rfind(|cte| &*cte.name == name))
    }

    /// What `a` stands for. A function's result may have a column of any name, so it is added to what is found.
    pub(crate) fn column(&self, name: &str) -> Known<Option<Found>> {
        let mut open: Vec<Origin> = Vec::new();
        let mut is_open = false;
        for scope in self.levels() {
            if let Some(mut found) = scope.column_here(name)? {
                found.base &= !is_open;
                found.plain &= !is_open;
                found.origins.extend(open);
                return Ok(Some(found));
            }
            for item in scope.items.iter().filter(|item| item.shows(name)) {
                if let Some(origins) = &item.columns.open {
                    is_open = true;
                    open.extend(origins);
                }
            }
        }
        Ok(is_open.then(|| Found::computed(open)))
    }

    /// What `a` stands for among the items of this level.
    pub(crate) fn column_here(&self, name: &str) -> Known<Option<Found>> {
        let mut found: Option<Found> = None;
        for item in self.items.iter().filter(|item| item.shows(name)) {
            if let Some(column) = item.column(name)? {
                if found.is_some() {
                    return Err(opacity::unresolved(&format!(
                        "column {name} is ambiguous: name its table"
                    )));
                }
                found = Some(column);
            }
        }
        Ok(found)
    }

    /// The item that `t` or `s.t` stands for.
    pub(crate) fn item(&self, schema: Option<&str>, alias: &str) -> Known<Option<&Item>> {
        for scope in self.levels() {
            let mut same = scope.items.iter().filter(|item| item.named(schema, alias));
            if let Some(item) = same.next() {
                return match same.next() {
                    None => Ok(Some(item)),
                    Some(_) => Err(opacity::unresolved(&format!(
                        "table name {alias} is ambiguous"
                    ))),
                };
            }
        }
        Ok(None)
    }
}
