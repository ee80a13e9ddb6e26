//! What tables, columns and routines a MySQL server has, as its `information_schema` tells them.
//!
//! MySQL's databases are schemas here: `app.emp` is the relation `emp` of the schema `app`, as `information_schema` puts
//! it too. Relations have no oid, because nothing on MySQL's wire has one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::opacity::{self, Known};
use crate::rows::Kind;
use crate::snapshot::{Column, Relation};

/// A row of `information_schema.TABLES` with its columns in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Database.
    pub database: String,
    /// Name, as stored.
    pub name: String,
    /// Columns in the order of `ORDINAL_POSITION`.
    pub columns: Vec<String>,
    /// Of a view: database and name of each table or view that it reads (`information_schema.VIEW_TABLE_USAGE`).
    pub reads: Vec<(String, String)>,
    /// Whether it is a view.
    pub view: bool,
}

/// A server's catalog at one moment.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    tables: HashMap<String, Vec<Arc<Relation>>>,
    /// What a view reads, directly, by lower-case database and name.
    reads: HashMap<(String, String), Vec<(String, String)>>,
    databases: BTreeSet<String>,
    routines: BTreeSet<(String, String)>,
    lower_case: Option<bool>,
}

/// Views of views that are followed.
const MOST_READS: usize = 1_000;

impl Catalog {
    /// Indexes tables and routines (database and name). `lower_case`: whether the server keeps the names of tables in
    /// lower case (`lower_case_table_names` is not 0), where that is known.
    pub fn new(
        databases: impl IntoIterator<Item = String>,
        tables: impl IntoIterator<Item = Table>,
        routines: impl IntoIterator<Item = (String, String)>,
        lower_case: Option<bool>,
    ) -> Self {
        let mut catalog = Self {
            databases: databases.into_iter().collect(),
            lower_case,
            ..Self::default()
        };
        for (database, name) in routines {
            catalog
                .routines
                .insert((database.to_lowercase(), name.to_lowercase()));
        }
        for table in tables {
            catalog.add(table);
        }
        catalog
    }

    fn add(&mut self, table: Table) {
        let key = (table.database.to_lowercase(), table.name.to_lowercase());
        let lower =
            |(database, name): &(String, String)| (database.to_lowercase(), name.to_lowercase());
        self.reads
            .insert(key.clone(), table.reads.iter().map(lower).collect());
        self.databases.insert(table.database.clone());
        let column = |(number, name): (i16, String)| Column {
            name: Arc::from(name),
            number,
            type_oid: 0,
        };
        let relation = Relation {
            name: model::Relation {
                schema: Arc::from(table.database),
                name: Arc::from(table.name),
                oid: None,
            },
            kind: if table.view { Kind::View } else { Kind::Table },
            rules: false,
            columns: (1..).zip(table.columns).map(column).collect(),
            reaches: Vec::new(),
            made_of: BTreeMap::new(),
        };
        self.tables
            .entry(key.1)
            .or_default()
            .push(Arc::new(relation));
    }

    /// The table that the server would find under this name. Whether case matters depends on `lower_case_table_names`;
    /// where it does not, or is not known, a name that differs in nothing else is taken too, because a server that
    /// tells them apart would find nothing.
    pub(super) fn table(&self, database: &str, name: &str) -> Known<Arc<Relation>> {
        let same = self.tables.get(&name.to_lowercase()).into_iter().flatten();
        let same: Vec<&Arc<Relation>> = same
            .filter(|relation| relation.name.schema.to_lowercase() == database.to_lowercase())
            .collect();
        let exact = |relation: &&&Arc<Relation>| {
            &*relation.name.schema == database && &*relation.name.name == name
        };
        if let Some(relation) = same.iter().find(exact) {
            return Ok((*relation).clone());
        }
        match same.as_slice() {
            [relation] => Ok((*relation).clone()),
            [] => Err(opacity::unresolved(&format!(
                "there is no table {database}.{name} in the catalog"
            ))),
            _ => Err(opacity::unresolved(&format!(
                "several tables are called {database}.{name} but for their case"
            ))),
        }
    }

    /// Whether there is a stored function or procedure of this name.
    pub(super) fn has_routine(&self, database: &str, name: &str) -> bool {
        self.routines
            .contains(&(database.to_lowercase(), name.to_lowercase()))
    }

    /// Whether any database has a stored function or procedure of this name, in lower case.
    pub(super) fn names_routine(&self, name: &str) -> bool {
        self.routines.iter().any(|(_, routine)| routine == name)
    }

    /// The name that a new table or database would get.
    pub(super) fn new_name(&self, name: &str) -> Known<Arc<str>> {
        match self.lower_case {
            Some(true) => Ok(Arc::from(name.to_lowercase())),
            Some(false) => Ok(Arc::from(name)),
            None if name == name.to_lowercase() => Ok(Arc::from(name)),
            None => Err(opacity::unresolved(&format!(
                "lower_case_table_names is not known, so the case of {name} is not: write it in lower case"
            ))),
        }
    }

    /// The database of this name as it is stored, or as a new one would be.
    pub(super) fn database(&self, name: &str) -> Known<Arc<str>> {
        if self.databases.contains(name) {
            return Ok(Arc::from(name));
        }
        let same = |other: &&String| other.to_lowercase() == name.to_lowercase();
        let mut found = self.databases.iter().filter(same);
        match (found.next(), found.next()) {
            (Some(only), None) => Ok(Arc::from(only.as_str())),
            _ => self.new_name(name),
        }
    }

    /// Every table that this view reads, directly or through other views. A table that the catalog does not have makes
    /// the view one that is not known.
    pub(super) fn reached(&self, view: &Relation) -> Known<Vec<Arc<Relation>>> {
        let mut seen: BTreeSet<(String, String)> = BTreeSet::new();
        let mut next = vec![(
            view.name.schema.to_lowercase(),
            view.name.name.to_lowercase(),
        )];
        let mut reached = Vec::new();
        while let Some(key) = next.pop() {
            for read in self.reads.get(&key).into_iter().flatten() {
                if seen.insert(read.clone()) {
                    reached.push(self.table(&read.0, &read.1)?);
                    next.push(read.clone());
                }
            }
            if seen.len() > MOST_READS {
                return Err(opacity::unsupported(
                    "a view reads too many tables to be followed",
                ));
            }
        }
        Ok(reached)
    }
}
