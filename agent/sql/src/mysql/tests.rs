//! Statements of MySQL's and what they do, over a small catalog.

mod bypass;
mod facts;
mod limits;
mod sessions;
mod utility;

use model::Login;

use super::{Catalog, Modes, Session, Table, analyse};
use crate::Facts;
use crate::tests::{check_by, told};

fn catalog() -> Catalog {
    let table = |database: &str, name: &str, columns: &str| Table {
        database: database.to_owned(),
        name: name.to_owned(),
        columns: columns.split(' ').map(str::to_owned).collect(),
        ..Table::default()
    };
    let view = |name: &str, columns: &str, reads: &[(&str, &str)]| Table {
        view: true,
        reads: reads
            .iter()
            .map(|(d, n)| ((*d).to_owned(), (*n).to_owned()))
            .collect(),
        ..table("app", name, columns)
    };
    let tables = [
        table("app", "emp", "id name ssn boss"),
        table("app", "Mixed", "id Secret"),
        table("hr", "pay", "emp_id amount iban"),
        table("hr", "emp", "secret"),
        table("twin", "T", "a"),
        table("twin", "t", "b"),
        view("staff", "id s", &[("app", "emp")]),
        view("boss", "id", &[("app", "staff")]),
        table("information_schema", "TABLES", "TABLE_SCHEMA TABLE_NAME"),
        table("mysql", "user", "Host User authentication_string"),
    ];
    let routines = [
        ("app", "archive"),
        ("app", "soundex"),
        ("hr", "raise"),
        ("hr", "bin"),
    ];
    Catalog::new(
        ["app", "hr", "twin", "information_schema", "mysql"].map(String::from),
        tables,
        routines.map(|(d, n)| (d.to_owned(), n.to_owned())),
        None,
    )
}

fn login() -> Login {
    Login {
        user: "app".into(),
        database: "app".into(),
        application: None,
        settings: Vec::new(),
    }
}

fn session() -> Session {
    Session::new(&login(), Some(Modes::default()), Some(true))
}

fn facts(text: &str) -> Facts {
    analyse(text.as_bytes(), &session(), &catalog())
}

#[track_caller]
fn check(cases: &[(&str, &[&str])]) {
    check_by(facts, cases);
}
