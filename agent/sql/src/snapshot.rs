//! An immutable picture of one database's catalog, for resolving names as the server would.
//!
//! Knows nothing of connections: [`Rows`] is what the catalog tables say, [`Snapshot`] is the same, indexed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use model::Login;

use crate::path;
use crate::rows::{
    ColumnRow, FunctionRow, Kind, ReadRow, RelationRow, Rows, SettingRow, Volatility,
};
use crate::types::Types;

/// A relation with everything that resolving needs.
#[derive(Clone, Debug)]
pub struct Relation {
    /// Its name and oid.
    pub name: model::Relation,
    /// What it is.
    pub kind: Kind,
    /// Whether it has rewrite rules of its own.
    pub rules: bool,
    /// Columns in the order of `attnum`.
    pub columns: Vec<Column>,
    /// Every relation that it reads as a view, directly or through other views, with the columns that it reaches.
    pub reaches: Vec<(u32, BTreeSet<i16>)>,
    /// What its columns are made of as a view, by `attnum`; nothing for one of which that is not known.
    pub made_of: BTreeMap<i16, MadeOf>,
}

/// What a column of a view is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeOf {
    /// Relation and `attnum` of every column that can flow into it.
    pub from: Vec<(u32, i16)>,
    /// Whether its values are those of one of them as they are.
    pub plain: bool,
}

/// Where the values of a column come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// Every column of a view, a parent or a table that they may be of, beside the column itself.
    pub columns: BTreeSet<(u32, i16)>,
    /// Whether they are those of one of them as they are.
    pub plain: bool,
}

/// A column of a relation.
#[derive(Clone, Debug)]
pub struct Column {
    /// Name.
    pub name: Arc<str>,
    /// `attnum`
    pub number: i16,
    /// `pg_type.oid`
    pub type_oid: u32,
}

/// The system columns that every table has: name and `attnum` (`src/include/access/sysattr.h`).
const SYSTEM_COLUMNS: [(&str, i16); 6] = [
    ("ctid", -1),
    ("xmin", -2),
    ("cmin", -3),
    ("xmax", -4),
    ("cmax", -5),
    ("tableoid", -6),
];

impl Relation {
    /// The column of this name, also a system column.
    pub fn column(&self, name: &str) -> Option<i16> {
        self.columns
            .iter()
            .find(|column| &*column.name == name)
            .map(|column| column.number)
            .or_else(|| system_column(name))
    }

    /// The name of the column with this number.
    pub fn column_name(&self, number: i16) -> Option<Arc<str>> {
        let system = SYSTEM_COLUMNS.iter().find(|(_, n)| *n == number);
        match system {
            Some((name, _)) => Some(Arc::from(*name)),
            None => self
                .columns
                .iter()
                .find(|column| column.number == number)
                .map(|column| column.name.clone()),
        }
    }
}

/// The `attnum` of the system column of this name.
pub(crate) fn system_column(name: &str) -> Option<i16> {
    SYSTEM_COLUMNS
        .iter()
        .find(|(n, _)| *n == name)
        .map(|(_, number)| *number)
}

/// A function, procedure or aggregate.
#[derive(Clone, Debug)]
pub struct Function {
    /// Schema and name.
    pub name: model::Function,
    /// What it promises.
    pub volatility: Volatility,
    /// Name of its language.
    pub language: Arc<str>,
    /// Whether it came with the server (its oid is one that initdb gives).
    pub built_in: bool,
    /// `pg_type.oid` of each argument that a call passes.
    pub arguments: Box<[u32]>,
}

/// One database's catalog at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    version: u64,
    database: String,
    schemas: BTreeSet<Arc<str>>,
    relations: HashMap<u32, Arc<Relation>>,
    by_name: HashMap<Arc<str>, Vec<u32>>,
    parents: HashMap<u32, Vec<u32>>,
    cascades: HashMap<u32, Vec<u32>>,
    functions: HashMap<u32, Arc<Function>>,
    functions_by_name: HashMap<Arc<str>, Vec<u32>>,
    operators: HashMap<Arc<str>, Vec<(Arc<str>, u32)>>,
    types: Types,
    settings: Vec<SettingRow>,
    defaults: BTreeMap<String, String>,
}

/// `FirstNormalObjectId`: oids below are given by initdb (`src/include/access/transam.h`).
pub const FIRST_NORMAL_OID: u32 = 16384;

impl Snapshot {
    /// Indexes the rows. `version` is the caller's own count: equal versions of one database are equal snapshots.
    pub fn new(version: u64, rows: Rows) -> Self {
        let mut snapshot = Snapshot {
            version,
            database: rows.database,
            schemas: rows.schemas.into_iter().map(Arc::from).collect(),
            types: Types::new(rows.types),
            settings: rows.settings,
            defaults: rows.defaults.into_iter().collect(),
            ..Self::default()
        };
        for (child, parent) in &rows.inherits {
            snapshot.parents.entry(*child).or_default().push(*parent);
        }
        for (changed, along) in rows.cascades {
            snapshot.cascades.entry(changed).or_default().push(along);
        }
        snapshot.add_functions(&rows.built_in.functions);
        snapshot.add_functions(&rows.functions);
        for (schema, name, function) in rows.operators {
            let schema = snapshot.shared(&schema);
            let operators = snapshot.operators.entry(Arc::from(name)).or_default();
            operators.push((schema, function));
        }
        let columns = rows.built_in.columns.iter().chain(&rows.columns);
        let mut made_of: HashMap<u32, BTreeMap<i16, MadeOf>> = HashMap::new();
        for row in rows.view_columns {
            let (from, plain) = (row.from, row.plain);
            let columns = made_of.entry(row.view).or_default();
            columns.insert(row.column, MadeOf { from, plain });
        }
        snapshot.add_relations(rows.relations, columns, &rows.reads, made_of);
        // Partitions have no other columns than what they are partitions of.
        let is_partitioned = |oid: &u32| {
            let relation = snapshot.relations.get(oid);
            relation.is_some_and(|relation| relation.kind == Kind::Partitioned)
        };
        let mut inherits = rows.inherits;
        inherits.retain(|(_, parent)| !is_partitioned(parent));
        for (child, parent) in inherits {
            snapshot.cascades.entry(parent).or_default().push(child);
        }
        snapshot
    }

    fn shared(&self, schema: &str) -> Arc<str> {
        match self.schemas.get(schema) {
            Some(shared) => shared.clone(),
            None => Arc::from(schema),
        }
    }

    fn add_functions(&mut self, rows: &[FunctionRow]) {
        for row in rows {
            let name: Arc<str> = match self.functions_by_name.get_key_value(row.name.as_str()) {
                Some((name, _)) => name.clone(),
                None => Arc::from(row.name.as_str()),
            };
            let overloads = self.functions_by_name.entry(name.clone()).or_default();
            overloads.push(row.oid);
            let function = Function {
                name: model::Function {
                    schema: self.shared(&row.schema),
                    name,
                },
                volatility: row.volatility,
                language: Arc::from(row.language.as_str()),
                built_in: row.oid < FIRST_NORMAL_OID,
                arguments: row.arguments.as_slice().into(),
            };
            self.functions.insert(row.oid, Arc::new(function));
        }
    }

    fn add_relations<'a>(
        &mut self,
        relations: Vec<RelationRow>,
        columns: impl Iterator<Item = &'a ColumnRow>,
        reads: &[ReadRow],
        mut made_of: HashMap<u32, BTreeMap<i16, MadeOf>>,
    ) {
        let mut columns_of: HashMap<u32, Vec<Column>> = HashMap::new();
        for row in columns {
            let column = Column {
                name: Arc::from(row.name.as_str()),
                number: row.number,
                type_oid: row.type_oid,
            };
            columns_of.entry(row.relation).or_default().push(column);
        }
        for list in columns_of.values_mut() {
            list.sort_by_key(|column| column.number);
        }
        let reaches = Reads::new(reads, &columns_of);
        for row in relations {
            let name = model::Relation {
                schema: self.shared(&row.schema),
                name: Arc::from(row.name),
                oid: Some(row.oid),
            };
            let oids = self.by_name.entry(name.name.clone()).or_default();
            oids.push(row.oid);
            let relation = Relation {
                name,
                kind: row.kind,
                rules: row.rules,
                reaches: reaches.from(row.oid),
                made_of: made_of.remove(&row.oid).unwrap_or_default(),
                columns: columns_of.get(&row.oid).cloned().unwrap_or_default(),
            };
            self.relations.insert(row.oid, Arc::new(relation));
        }
    }

    /// The caller's count of this picture.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Name of the database.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Schema names, in order.
    pub fn schemas(&self) -> impl Iterator<Item = &Arc<str>> {
        self.schemas.iter()
    }

    /// Whether there is a schema of this name.
    pub fn has_schema(&self, name: &str) -> bool {
        self.schemas.contains(name)
    }

    /// Every relation, in no order.
    pub fn relations(&self) -> impl Iterator<Item = &Arc<Relation>> {
        self.relations.values()
    }

    /// The relation of this schema and name.
    pub fn relation(&self, schema: &str, name: &str) -> Option<&Arc<Relation>> {
        self.by_name
            .get(name)?
            .iter()
            .filter_map(|oid| self.relations.get(oid))
            .find(|relation| &*relation.name.schema == schema)
    }

    /// The relation of this `pg_class.oid`.
    pub fn relation_by_oid(&self, oid: u32) -> Option<&Arc<Relation>> {
        self.relations.get(&oid)
    }

    /// Every relation that this one inherits from or is a partition of, nearest first.
    pub fn ancestors(&self, oid: u32) -> Vec<&Arc<Relation>> {
        self.reached(&self.parents, oid)
    }

    /// Where the values of a column come from: through views, and in a child from what it inherits from.
    pub fn sources(&self, oid: u32, number: i16) -> Sources {
        let mut sources = Sources {
            columns: BTreeSet::new(),
            plain: true,
        };
        let mut next = vec![(oid, number)];
        while let Some((oid, number)) = next.pop() {
            for step in self.next_sources(oid, number, &mut sources.plain) {
                if sources.columns.insert(step) {
                    next.push(step);
                }
            }
        }
        sources.columns.remove(&(oid, number));
        sources
    }

    /// One step towards them.
    fn next_sources(&self, oid: u32, number: i16, plain: &mut bool) -> Vec<(u32, i16)> {
        let Some(relation) = self.relations.get(&oid) else {
            return Vec::new();
        };
        if let Some(made) = relation.made_of.get(&number) {
            *plain &= made.plain;
            return made.from.clone();
        }
        if !relation.reaches.is_empty() && number > 0 {
            *plain = false;
            let reached = relation.reaches.iter();
            let all = |(oid, numbers): &(u32, BTreeSet<i16>)| {
                let oid = *oid;
                numbers
                    .iter()
                    .map(move |number| (oid, *number))
                    .collect::<Vec<_>>()
            };
            return reached.flat_map(all).collect();
        }
        let Some(name) = relation.column_name(number).filter(|_| number > 0) else {
            return Vec::new();
        };
        let parents = self.parents.get(&oid).into_iter().flatten();
        let inherited = |parent: &u32| {
            let number = self.relations.get(parent)?.column(&name)?;
            Some((*parent, number))
        };
        parents.filter_map(inherited).collect()
    }

    /// Every other relation whose rows change along with those of this one, by foreign keys or because it inherits.
    pub fn changed_along(&self, oid: u32) -> Vec<&Arc<Relation>> {
        self.reached(&self.cascades, oid)
    }

    fn reached(&self, steps: &HashMap<u32, Vec<u32>>, from: u32) -> Vec<&Arc<Relation>> {
        let mut seen: Vec<u32> = Vec::new();
        let mut next: Vec<u32> = vec![from];
        while let Some(oid) = next.pop() {
            for step in steps.get(&oid).into_iter().flatten() {
                if *step != from && !seen.contains(step) {
                    seen.push(*step);
                    next.push(*step);
                }
            }
        }
        let relation = |oid: &u32| self.relations.get(oid);
        seen.iter().filter_map(relation).collect()
    }

    /// The function of this `pg_proc.oid`.
    pub fn function_by_oid(&self, oid: u32) -> Option<&Arc<Function>> {
        self.functions.get(&oid)
    }

    /// The types of this database.
    pub fn types(&self) -> &Types {
        &self.types
    }

    /// Every function of this name, in any schema.
    pub fn functions(&self, name: &str) -> impl Iterator<Item = &Arc<Function>> {
        let oids = self.functions_by_name.get(name);
        oids.into_iter()
            .flatten()
            .filter_map(|oid| self.functions.get(oid))
    }

    /// Every operator of this name outside `pg_catalog`: its schema and the function behind it.
    pub fn operators(&self, name: &str) -> impl Iterator<Item = (&Arc<str>, &Arc<Function>)> {
        let list = self.operators.get(name);
        list.into_iter()
            .flatten()
            .filter_map(|(schema, function)| Some((schema, self.functions.get(function)?)))
    }

    /// The value with which a session starts, if it can be known: from the login, the role's and database's settings
    /// and the server's default, in this order (`process_settings` in `src/backend/utils/init/postinit.c`).
    pub fn initial_setting(&self, login: &Login, name: &str) -> Option<String> {
        let lookup = |key: &str| login.settings.iter().rfind(|(n, _)| n == key);
        if let Some((_, value)) = lookup(name) {
            return Some(value.clone());
        }
        if let Some((_, options)) = lookup("options") {
            // Options that cannot be read may set anything.
            if let Some(value) = path::option(options, name)? {
                return Some(value);
            }
        }
        let stored = |role: Option<&str>, database: bool| {
            self.settings
                .iter()
                .find(|row| {
                    row.role.as_deref() == role && row.database == database && row.name == name
                })
                .map(|row| row.value.clone())
        };
        let user = Some(login.user.as_str());
        stored(user, true)
            .or_else(|| stored(user, false))
            .or_else(|| stored(None, true))
            .or_else(|| stored(None, false))
            .or_else(|| self.defaults.get(name).cloned())
    }
}

/// Direct reads of views, for walking through views of views.
struct Reads<'a> {
    direct: HashMap<u32, Vec<(u32, i16)>>,
    columns: &'a HashMap<u32, Vec<Column>>,
    all: HashMap<u32, BTreeSet<i16>>,
}

impl<'a> Reads<'a> {
    fn new(rows: &[ReadRow], columns: &'a HashMap<u32, Vec<Column>>) -> Self {
        let mut direct: HashMap<u32, Vec<(u32, i16)>> = HashMap::new();
        let mut all = HashMap::new();
        for row in rows.iter().filter(|row| row.view != row.relation) {
            let list = direct.entry(row.view).or_default();
            list.push((row.relation, row.column));
            all.entry(row.relation).or_insert_with(|| {
                let list = columns.get(&row.relation).into_iter().flatten();
                list.map(|column| column.number).collect()
            });
        }
        Self {
            direct,
            columns,
            all,
        }
    }

    fn from(&self, view: u32) -> Vec<(u32, BTreeSet<i16>)> {
        let mut reached: BTreeMap<u32, BTreeSet<i16>> = BTreeMap::new();
        let mut next = vec![view];
        while let Some(oid) = next.pop() {
            for (relation, column) in self.direct.get(&oid).into_iter().flatten() {
                // A pinned relation or a sequence of another kind has no columns here and is nothing to reach.
                if !self.columns.contains_key(relation) && !self.all.contains_key(relation) {
                    continue;
                }
                let known = reached.contains_key(relation);
                let numbers = reached.entry(*relation).or_default();
                match column {
                    -1 => numbers.extend(self.all.get(relation).into_iter().flatten()),
                    0 => {}
                    number => {
                        numbers.insert(*number);
                    }
                }
                if !known && *relation != view {
                    next.push(*relation);
                }
            }
        }
        reached.into_iter().collect()
    }
}
