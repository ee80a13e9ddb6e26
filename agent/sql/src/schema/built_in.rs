//! What initdb makes, as PostgreSQL 15 does: written down, so that a schema can be judged without a server.
//!
//! `built_in.sql` writes `built_in.txt`. Overloads that promise the same are one function, and oids are counted: nothing
//! but the names of relations decides by them.

use std::sync::Arc;

use super::Draft;
use crate::rows::{BuiltIn, ColumnRow, FunctionRow, Kind, RelationRow, Rows, Volatility};
use crate::snapshot::FIRST_NORMAL_OID;

const WRITTEN: &str = include_str!("built_in.txt");

/// A new database of this name, with the settings that a new cluster has.
pub(super) fn new_database(name: &str) -> Draft {
    let mut built_in = BuiltIn::default();
    let mut rows = Rows {
        database: name.to_owned(),
        schemas: ["pg_catalog", "information_schema", "public"]
            .map(String::from)
            .into(),
        defaults: [
            ("search_path", "\"$user\", public"),
            ("standard_conforming_strings", "on"),
            ("client_encoding", "UTF8"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into(),
        ..Rows::default()
    };
    for (oid, line) in (1..).zip(WRITTEN.lines()) {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["function", schema, language, promise, names @ ..] => {
                let functions = names.iter().map(|name| FunctionRow {
                    oid: 0,
                    schema: (*schema).to_owned(),
                    name: (*name).to_owned(),
                    volatility: Volatility::of(letter(promise)),
                    language: (*language).to_owned(),
                    arguments: Vec::new(),
                });
                built_in.functions.extend(functions);
            }
            ["relation", schema, kind, rules, name, columns @ ..] => {
                rows.relations.push(RelationRow {
                    oid,
                    schema: (*schema).to_owned(),
                    name: (*name).to_owned(),
                    kind: Kind::of(letter(kind)).unwrap_or(Kind::Table),
                    rules: *rules == "rules",
                });
                let columns = (1..).zip(columns).map(|(number, name)| ColumnRow {
                    relation: oid,
                    number,
                    name: (*name).to_owned(),
                    type_oid: 0,
                });
                built_in.columns.extend(columns);
            }
            _ => {}
        }
    }
    for (oid, function) in (1..).zip(&mut built_in.functions) {
        function.oid = oid;
    }
    rows.built_in = Arc::new(built_in);
    Draft {
        rows,
        next: FIRST_NORMAL_OID,
    }
}

fn letter(word: &str) -> char {
    word.chars().next().unwrap_or_default()
}
