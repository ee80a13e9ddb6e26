//! Statements and what they do, over a small catalog.

mod bypass;
mod equality;
mod facts;
mod limits;
mod outputs;
mod patterns;
mod prepared;
mod run;
mod schemas;
mod sessions;
mod shapes;
mod spelling;

use std::sync::Arc;

use model::{Login, Object, Touch, Touches, Use};

use crate::{
    ColumnRow, Facts, FunctionRow, Kind, ReadRow, RelationRow, Rows, Session, Snapshot, Volatility,
    analyse,
};

const RELATIONS: &[(u32, &str, &str, Kind, &str)] = &[
    (20_001, "public", "emp", Kind::Table, "id name ssn boss"),
    (20_002, "hr", "pay", Kind::Table, "emp_id amount iban"),
    (20_003, "public", "staff", Kind::View, "id s"),
    (20_004, "public", "log", Kind::Partitioned, "at who"),
    (20_005, "public", "log_1", Kind::Table, "who at"),
    (20_006, "public", "ruled", Kind::Table, "a"),
    (20_007, "hr", "emp", Kind::Table, "secret"),
    (20_008, "public", "seq", Kind::Sequence, "last_value"),
    (1_259, "pg_catalog", "pg_class", Kind::Table, "oid relname"),
    (20_009, "public", "pg_class", Kind::Table, "trap"),
    (
        12_100,
        "pg_catalog",
        "pg_settings",
        Kind::View,
        "name setting",
    ),
    (20_010, "hr", "pg_settings", Kind::Table, "name"),
    (20_011, "public", "Emp", Kind::Table, "id Ssn"),
];

const FUNCTIONS: &[(u32, &str, &str, Volatility, &str)] = &[
    (1, "pg_catalog", "lower", Volatility::Immutable, "internal"),
    (2, "pg_catalog", "upper", Volatility::Immutable, "internal"),
    (3, "pg_catalog", "count", Volatility::Immutable, "internal"),
    (4, "pg_catalog", "max", Volatility::Immutable, "internal"),
    (5, "pg_catalog", "now", Volatility::Stable, "internal"),
    (
        6,
        "pg_catalog",
        "row_to_json",
        Volatility::Stable,
        "internal",
    ),
    (
        7,
        "pg_catalog",
        "query_to_xml",
        Volatility::Volatile,
        "internal",
    ),
    (
        8,
        "pg_catalog",
        "table_to_xml",
        Volatility::Stable,
        "internal",
    ),
    (
        9,
        "pg_catalog",
        "pg_read_file",
        Volatility::Volatile,
        "internal",
    ),
    (
        10,
        "pg_catalog",
        "pg_sleep",
        Volatility::Volatile,
        "internal",
    ),
    (
        11,
        "pg_catalog",
        "set_config",
        Volatility::Volatile,
        "internal",
    ),
    (
        12,
        "pg_catalog",
        "lo_import",
        Volatility::Volatile,
        "internal",
    ),
    (
        13,
        "pg_catalog",
        "generate_series",
        Volatility::Immutable,
        "internal",
    ),
    (14, "pg_catalog", "random", Volatility::Volatile, "internal"),
    (
        15,
        "pg_catalog",
        "nextval",
        Volatility::Volatile,
        "internal",
    ),
    (
        16,
        "pg_catalog",
        "current_setting",
        Volatility::Stable,
        "internal",
    ),
    (
        17,
        "pg_catalog",
        "string_agg",
        Volatility::Immutable,
        "internal",
    ),
    (
        18,
        "pg_catalog",
        "unnest",
        Volatility::Immutable,
        "internal",
    ),
    (
        19,
        "pg_catalog",
        "pg_advisory_unlock_all",
        Volatility::Volatile,
        "internal",
    ),
    (
        20,
        "pg_catalog",
        "pg_advisory_lock",
        Volatility::Volatile,
        "internal",
    ),
    (21, "pg_catalog", "avg", Volatility::Immutable, "internal"),
    (22, "pg_catalog", "sum", Volatility::Immutable, "internal"),
    (30_001, "public", "upper", Volatility::Immutable, "sql"),
    (30_002, "public", "archive", Volatility::Volatile, "plpgsql"),
    (30_003, "public", "dblink", Volatility::Volatile, "c"),
    (30_004, "public", "similarity", Volatility::Immutable, "c"),
    (30_005, "hr", "raise", Volatility::Volatile, "plpgsql"),
    (30_006, "public", "leak", Volatility::Immutable, "plpgsql"),
];

fn snapshot() -> Snapshot {
    let mut rows = Rows {
        database: "db".into(),
        schemas: ["pg_catalog", "information_schema", "public", "hr"]
            .map(String::from)
            .into(),
        inherits: vec![(20_005, 20_004)],
        cascades: vec![(20_004, 20_009), (20_009, 20_002)],
        operators: vec![
            ("public".into(), "%".into(), 30_004),
            ("hr".into(), "+".into(), 30_005),
            ("hr".into(), "=".into(), 30_005),
            ("public".into(), "<<<".into(), 30_006),
        ],
        defaults: vec![
            ("search_path".into(), "\"$user\", public".into()),
            ("standard_conforming_strings".into(), "on".into()),
            ("client_encoding".into(), "UTF8".into()),
        ],
        ..Rows::default()
    };
    for (oid, schema, name, kind, columns) in RELATIONS {
        rows.relations.push(RelationRow {
            oid: *oid,
            schema: (*schema).into(),
            name: (*name).into(),
            kind: *kind,
            rules: *name == "ruled",
        });
        for (number, column) in (1..).zip(columns.split(' ')) {
            rows.columns.push(ColumnRow {
                relation: *oid,
                number,
                name: column.into(),
                type_oid: 25,
            });
        }
    }
    rows.reads = [(20_003, 20_001, 1), (20_003, 20_001, 3)]
        .map(|(view, relation, column)| ReadRow {
            view,
            relation,
            column,
        })
        .into();
    for (oid, schema, name, volatility, language) in FUNCTIONS {
        rows.functions.push(FunctionRow {
            oid: *oid,
            schema: (*schema).into(),
            name: (*name).into(),
            volatility: *volatility,
            language: (*language).into(),
            arguments: Vec::new(),
        });
    }
    Snapshot::new(1, rows)
}

fn login(settings: &[(&str, &str)]) -> Login {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Login {
        user: "app".into(),
        database: "db".into(),
        application: None,
        settings: settings.iter().map(own).collect(),
    }
}

fn session(snapshot: &Snapshot) -> Session {
    Session::new(&login(&[]), snapshot)
}

fn facts(text: &str) -> Facts {
    let snapshot = snapshot();
    analyse(text.as_bytes(), &session(&snapshot), &snapshot)
}

/// The facts but for the values that columns are equal to, which are each text's own.
fn without_values(mut facts: Facts) -> Facts {
    for equality in &mut facts.equals {
        equality.value = crate::Written::Constant(String::new());
    }
    facts
}

/// One line per touch: `select public.emp(ssn! id~) where through public.staff`, where `!` is shown, `~` derived,
/// `?` filtered, `@` matched and `=` written. What errors may tell is left out: it is every column of what is written. An opaque
/// text is its kind.
pub(crate) fn told(facts: &Facts) -> Vec<String> {
    match &facts.touches {
        Touches::Known(touches) => touches.iter().map(line).collect(),
        Touches::Opaque(opacity) => vec![format!("opaque {}", opacity.kind)],
    }
}

fn line(touch: &Touch) -> String {
    let object = match &touch.object {
        Object::Server => "server".to_owned(),
        Object::Database => "database".to_owned(),
        Object::Schema(name) => format!("schema {name}"),
        Object::Relation(relation) => format!("{}.{}", relation.schema, relation.name),
        Object::Function(function) => format!("{}.{}()", function.schema, function.name),
        Object::Setting(name) => format!("setting {name}"),
        Object::Role(name) => format!("role {name}"),
        Object::Other { kind, name } => format!("{kind} {name}"),
    };
    let mut line = format!("{} {object}", touch.verb.name());
    let columns: Vec<String> = touch
        .columns
        .iter()
        .filter_map(|used| {
            let mark = match used.how {
                Use::Shown => '!',
                Use::Derived => '~',
                Use::Filtered => '?',
                Use::Matched => '@',
                Use::Written => '=',
                Use::Told => return None,
            };
            Some(format!("{}{mark}", used.column.name))
        })
        .collect();
    if !columns.is_empty() {
        line += &format!("({})", columns.join(" "));
    }
    if touch.restricted && matches!(touch.object, Object::Relation(_)) {
        line += " where";
    }
    if let Some(through) = &touch.through {
        line += &format!(" through {}", through.name);
    }
    line
}

#[track_caller]
fn check(cases: &[(&str, &[&str])]) {
    check_by(facts, cases);
}

/// Holds what this way to read texts tells of each against what is expected, and names all that differ.
#[track_caller]
pub(crate) fn check_by(read: impl Fn(&str) -> Facts, cases: &[(&str, &[&str])]) {
    let mut wrong = String::new();
    for (text, expected) in cases {
        let facts = read(text);
        let told = told(&facts);
        if told != *expected {
            wrong += &format!(
                "{text}\n  expected {expected:?}\n  but told {told:?} {:?}\n",
                facts.touches
            );
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// What is told in a thread with the stack that tokio gives its workers, and then some taken away.
pub(crate) fn told_on_a_small_stack(read: fn(&str) -> Facts, text: String) -> String {
    let reading = move || told(&read(&text)).join(",");
    let thread = std::thread::Builder::new().stack_size(1_792 * 1_024);
    thread.spawn(reading).unwrap().join().unwrap()
}

fn shared(text: &str) -> Arc<str> {
    Arc::from(text)
}
