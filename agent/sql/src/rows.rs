//! What the catalog tables say, row by row: what a [`crate::Snapshot`] is made of.

use std::sync::Arc;

/// What a relation is (`pg_class.relkind`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `r`
    Table,
    /// `p`
    Partitioned,
    /// `v`
    View,
    /// `m`
    Materialized,
    /// `f`
    Foreign,
    /// `S`
    Sequence,
}

impl Kind {
    /// The kind of this `relkind`, if it is one that statements can name.
    pub fn of(relkind: char) -> Option<Self> {
        Some(match relkind {
            'r' => Kind::Table,
            'p' => Kind::Partitioned,
            'v' => Kind::View,
            'm' => Kind::Materialized,
            'f' => Kind::Foreign,
            'S' => Kind::Sequence,
            _ => return None,
        })
    }
}

/// `pg_proc.provolatile`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Volatility {
    /// `i`
    Immutable,
    /// `s`
    Stable,
    /// `v`
    Volatile,
}

impl Volatility {
    /// What this `provolatile` promises.
    pub fn of(provolatile: char) -> Self {
        match provolatile {
            'i' => Self::Immutable,
            's' => Self::Stable,
            _ => Self::Volatile,
        }
    }
}

/// The catalog as plain rows. Rows that refer to nothing in the other lists are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rows {
    /// Name of the database.
    pub database: String,
    /// Schema names.
    pub schemas: Vec<String>,
    /// Relations of every schema that statements can name.
    pub relations: Vec<RelationRow>,
    /// Columns that are not dropped, without the system columns, of relations that are not [`BuiltIn`].
    pub columns: Vec<ColumnRow>,
    /// Domains, enums and base types that are not [`BuiltIn`], and their arrays.
    pub types: Vec<TypeRow>,
    /// `pg_inherits`: child, parent. Partitions are children.
    pub inherits: Vec<(u32, u32)>,
    /// Foreign keys that change rows (`pg_constraint.confdeltype`, `confupdtype`): the relation whose change does so, and
    /// the relation whose rows are changed.
    pub cascades: Vec<(u32, u32)>,
    /// What views read.
    pub reads: Vec<ReadRow>,
    /// What the columns of views are made of, as far as their queries tell.
    pub view_columns: Vec<ViewColumnRow>,
    /// Functions, procedures and aggregates that are not [`BuiltIn`].
    pub functions: Vec<FunctionRow>,
    /// What came with the server.
    pub built_in: Arc<BuiltIn>,
    /// Operators outside `pg_catalog`: schema, name, `pg_proc.oid` of the function behind it.
    pub operators: Vec<(String, String, u32)>,
    /// `pg_db_role_setting` for this database or all databases.
    pub settings: Vec<SettingRow>,
    /// The server's own defaults of settings that matter here, by lower-case name; absent where not known.
    pub defaults: Vec<(String, String)>,
}

/// The larger part of a small database's catalog, which hardly ever changes: what initdb made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct BuiltIn {
    /// Columns of relations with an oid below [`FIRST_NORMAL_OID`].
    pub columns: Vec<ColumnRow>,
    /// Functions, procedures and aggregates with such an oid.
    pub functions: Vec<FunctionRow>,
}

/// A row of `pg_class`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RelationRow {
    /// `pg_class.oid`
    pub oid: u32,
    /// Schema name.
    pub schema: String,
    /// Relation name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Whether it has rewrite rules beside the one that makes a view a view: a write to it does something else.
    pub rules: bool,
}

/// A row of `pg_attribute`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ColumnRow {
    /// `pg_class.oid`
    pub relation: u32,
    /// `attnum`, from 1.
    pub number: i16,
    /// Name.
    pub name: String,
    /// `pg_type.oid`
    pub type_oid: u32,
}

/// A column of a view, and what its query makes it of. There is none for a column of which that is not known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ViewColumnRow {
    /// `pg_class.oid` of the view.
    pub view: u32,
    /// `attnum` of its column.
    pub column: i16,
    /// Relation and `attnum` of every column that can flow into it.
    pub from: Vec<(u32, i16)>,
    /// Whether its values are those of one of them as they are.
    pub plain: bool,
}

/// A row of `pg_type`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TypeRow {
    /// `pg_type.oid`
    pub oid: u32,
    /// Schema name.
    pub schema: String,
    /// Type name.
    pub name: String,
    /// What it is made of.
    pub form: Form,
}

/// What a type is made of, as far as its formats follow from it. Types are `pg_type.oid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// A domain over this type.
    Domain(u32),
    /// An enum.
    Enum,
    /// An array of this type.
    Array(u32),
    /// Something else.
    Other,
}

/// One view reads one relation, directly (`pg_depend` of its rewrite rule).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReadRow {
    /// The view's `pg_class.oid`.
    pub view: u32,
    /// The relation's `pg_class.oid`.
    pub relation: u32,
    /// `attnum`; 0 for the relation as such, -1 for all of its columns (the view uses whole rows).
    pub column: i16,
}

/// A row of `pg_proc`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FunctionRow {
    /// `pg_proc.oid`
    pub oid: u32,
    /// Schema name.
    pub schema: String,
    /// Function name.
    pub name: String,
    /// What it promises.
    pub volatility: Volatility,
    /// Name of its language.
    pub language: String,
    /// `pg_type.oid` of each argument that a call passes (`pg_proc.proargtypes`).
    pub arguments: Vec<u32>,
}

/// One setting of a row of `pg_db_role_setting`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SettingRow {
    /// The role; none for all roles.
    pub role: Option<String>,
    /// Whether it is for this database only.
    pub database: bool,
    /// Lower-case name.
    pub name: String,
    /// Value, as written.
    pub value: String,
}
