//! Columns that have one value in every row, and texts that only look so.

use model::{Parameter, ParameterType, Values};

use super::*;
use crate::{Form, TypeRow};

const MOOD: u32 = 20_100;
const TENANT: u32 = 20_101;
const CITEXT: u32 = 20_102;

fn tenants() -> Rows {
    let relation = |oid, name: &str| RelationRow {
        oid,
        schema: "public".into(),
        name: name.into(),
        kind: Kind::Table,
        rules: false,
    };
    let column = |relation, number, name: &str, type_oid| ColumnRow {
        relation,
        number,
        name: name.into(),
        type_oid,
    };
    let kind = |oid, name: &str, form| TypeRow {
        oid,
        schema: "public".into(),
        name: name.into(),
        form,
    };
    Rows {
        database: "db".into(),
        schemas: vec!["pg_catalog".into(), "public".into()],
        relations: vec![relation(20_001, "orders"), relation(20_002, "lines")],
        columns: vec![
            column(20_001, 1, "id", 23),
            column(20_001, 2, "tenant", TENANT),
            column(20_001, 3, "note", 1043),
            column(20_001, 4, "price", 1700),
            column(20_001, 5, "at", 1184),
            column(20_001, 6, "feels", MOOD),
            column(20_001, 7, "code", 1042),
            column(20_001, 8, "nick", CITEXT),
            column(20_001, 9, "paid", 16),
            column(20_002, 1, "order_id", 23),
            column(20_002, 2, "tenant", 20),
        ],
        types: vec![
            kind(MOOD, "mood", Form::Enum),
            kind(TENANT, "tenant_id", Form::Domain(23)),
            kind(CITEXT, "citext", Form::Other),
        ],
        defaults: vec![
            ("search_path".into(), "public".into()),
            ("standard_conforming_strings".into(), "on".into()),
            ("client_encoding".into(), "UTF8".into()),
        ],
        ..Rows::default()
    }
}

fn analysed(text: &str, rows: Rows) -> (Facts, Snapshot) {
    let snapshot = Snapshot::new(1, rows);
    let facts = analyse(text.as_bytes(), &session(&snapshot), &snapshot);
    assert!(
        matches!(facts.touches, Touches::Known(_)),
        "{text}: {facts:?}"
    );
    (facts, snapshot)
}

/// What is equal, as `verb relation.column=value`.
fn equals(values: &Values) -> Vec<String> {
    let equals = values.equals.iter().map(|equal| {
        let verb = equal.verb.name();
        format!("{verb} {}.{}={}", equal.relation, equal.column, equal.value)
    });
    equals.collect()
}

/// The same of this text with these values of these types, where 0 is left to the statement.
fn with(text: &str, parameters: &[(Parameter, u32)]) -> Vec<String> {
    let (facts, snapshot) = analysed(text, tenants());
    let (parameters, named): (Vec<_>, Vec<_>) = parameters.iter().cloned().unzip();
    let types = snapshot.types().of_parameters(&named, &facts.placeholders);
    equals(&facts.values(&parameters, &types, false))
}

fn of(text: &str) -> Vec<String> {
    with(text, &[])
}

fn text(value: &str) -> Parameter {
    Parameter::Text(value.into())
}

#[test]
fn a_comparison_that_must_hold_is_an_equality() {
    for (text, expected) in [
        (
            "SELECT id FROM orders WHERE tenant = 42",
            "select 20001.tenant=42",
        ),
        (
            "SELECT id FROM orders o WHERE 42 = o.tenant",
            "select 20001.tenant=42",
        ),
        (
            "SELECT id FROM orders WHERE (id > 1 AND (tenant = '042'))",
            "select 20001.tenant=42",
        ),
        (
            "SELECT id FROM orders WHERE tenant OPERATOR(pg_catalog.=) 42",
            "select 20001.tenant=42",
        ),
        (
            "SELECT id FROM orders WHERE tenant = '42'::int",
            "select 20001.tenant=42",
        ),
        (
            "SELECT id FROM orders WHERE price = 42.0",
            "select 20001.price=42",
        ),
        (
            "SELECT id FROM orders WHERE note = 'a b'",
            "select 20001.note=a b",
        ),
        (
            "SELECT id FROM orders WHERE note = 'a b'::text",
            "select 20001.note=a b",
        ),
        (
            "SELECT id FROM orders WHERE code = 'x  '",
            "select 20001.code=x",
        ),
        (
            "SELECT id FROM orders WHERE feels = 'glad'",
            "select 20001.feels=glad",
        ),
        (
            "SELECT id FROM orders WHERE paid = true",
            "select 20001.paid=t",
        ),
        (
            "UPDATE orders SET note = 'x' WHERE tenant = 42",
            "update 20001.tenant=42",
        ),
        (
            "DELETE FROM orders WHERE tenant = -42",
            "delete 20001.tenant=-42",
        ),
        (
            "SELECT (SELECT id FROM orders WHERE tenant = 42)",
            "select 20001.tenant=42",
        ),
        (
            "COPY (SELECT id FROM orders WHERE tenant = 42) TO STDOUT",
            "select 20001.tenant=42",
        ),
        (
            "SELECT x FROM orders AS o (x, y) WHERE y = 42",
            "select 20001.tenant=42",
        ),
        (
            "SELECT 1 FROM lines l LEFT JOIN orders o ON o.id = l.order_id WHERE o.tenant = 42",
            "select 20001.tenant=42",
        ),
    ] {
        assert_eq!(of(text), [expected], "{text}");
    }
}

#[test]
fn every_table_has_its_own() {
    let text = "SELECT 1 FROM orders o JOIN lines l ON o.id = l.order_id WHERE o.tenant = 42 AND l.tenant = 7";
    assert_eq!(
        of(text),
        ["select 20001.tenant=42", "select 20002.tenant=7"]
    );
    let text = "DELETE FROM orders USING lines WHERE orders.tenant = 42 AND order_id = id AND lines.tenant = 42";
    assert_eq!(
        of(text),
        ["delete 20001.tenant=42", "select 20002.tenant=42"]
    );
}

#[test]
fn a_table_that_appears_twice_has_what_both_appearances_have() {
    for (text, expected) in [
        (
            "SELECT 1 FROM orders a, orders b WHERE a.tenant = 42 AND b.tenant = 42",
            1,
        ),
        ("SELECT 1 FROM orders a, orders b WHERE a.tenant = 42", 0),
        (
            "SELECT 1 FROM orders a, orders b WHERE a.tenant = 42 AND a.tenant = 42",
            0,
        ),
        (
            "SELECT 1 FROM orders a, orders b WHERE a.tenant = 42 AND b.tenant = 43",
            0,
        ),
        (
            "SELECT id FROM orders WHERE tenant = 42 UNION SELECT id FROM orders",
            0,
        ),
        (
            "SELECT id FROM orders WHERE tenant = 42 UNION SELECT id FROM orders WHERE tenant = 42",
            1,
        ),
        (
            "SELECT id FROM orders WHERE tenant = 42 AND id IN (SELECT id FROM orders)",
            0,
        ),
        (
            "WITH all_of AS (SELECT * FROM orders) SELECT * FROM orders WHERE tenant = 42",
            0,
        ),
        (
            "SELECT id FROM orders WHERE tenant = 42; SELECT id FROM orders",
            0,
        ),
    ] {
        assert_eq!(of(text).len(), expected, "{text}");
    }
}

#[test]
fn what_need_not_hold_for_every_row_is_none() {
    for text in [
        "SELECT id FROM orders",
        "SELECT id FROM orders WHERE tenant = 42 OR true",
        "SELECT id FROM orders WHERE NOT tenant = 42",
        "SELECT id FROM orders WHERE NOT (tenant = 42 AND id = 1)",
        "SELECT id FROM orders WHERE (tenant = 42) IS NOT true",
        "SELECT id FROM orders WHERE coalesce(tenant = 42, true)",
        "SELECT id FROM orders WHERE tenant = 42 IS NULL",
        "SELECT id FROM orders WHERE tenant <> 42",
        "SELECT id FROM orders WHERE tenant = ANY ('{42}')",
        "SELECT id FROM orders WHERE tenant IN (42)",
        "SELECT id FROM orders WHERE tenant IS DISTINCT FROM 42",
        "SELECT id FROM orders WHERE tenant = tenant",
        "SELECT id FROM orders WHERE tenant = NULL",
        "SELECT id FROM orders WHERE tenant = 42.5",
        "SELECT id FROM orders WHERE tenant = 40 + 2",
        "SELECT id FROM orders WHERE tenant + 0 = 42",
        "SELECT id FROM orders WHERE tenant::text = '42'",
        "SELECT id FROM orders WHERE note = 'ab'::varchar(1)",
        "SELECT id FROM orders WHERE note = 1.50::text",
        "SELECT id FROM orders WHERE note = 'x' COLLATE \"C\"",
        "SELECT id FROM orders WHERE at = '2026-01-01'",
        "SELECT id FROM orders WHERE nick = 'x'",
        "SELECT id FROM orders GROUP BY id, tenant HAVING tenant = 42",
        "SELECT id, tenant = 42 FROM orders",
        "SELECT 1 FROM lines LEFT JOIN orders o ON o.tenant = 42",
        "SELECT id FROM (SELECT id, tenant FROM orders) o WHERE tenant = 42",
        "WITH o AS (SELECT id, tenant FROM orders) SELECT id FROM o WHERE tenant = 42",
        "SELECT id FROM orders o WHERE EXISTS (SELECT 1 FROM lines WHERE o.tenant = 42)",
        "SELECT 1 FROM orders JOIN lines USING (tenant) WHERE tenant = 42",
        "INSERT INTO orders (tenant) VALUES (42)",
        "INSERT INTO orders (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET note = '' WHERE orders.tenant = 42",
        "UPDATE orders SET tenant = 42",
        "MERGE INTO orders o USING lines l ON o.tenant = 42 WHEN MATCHED THEN DELETE",
    ] {
        assert_eq!(of(text), [""; 0], "{text}");
    }
}

#[test]
fn a_parameter_is_what_was_bound() {
    let int = |number: i32| Parameter::Binary(format!("{number:08x}"));
    let sql = "SELECT id FROM orders WHERE tenant = $1";
    for value in [
        (text(" 042"), 0),
        (text("42"), 20),
        (int(42), 0),
        (int(42), 23),
    ] {
        assert_eq!(with(sql, &[value]), ["select 20001.tenant=42"]);
    }
    let cast = "SELECT id FROM orders WHERE tenant = $1::int";
    assert_eq!(with(cast, &[(int(42), 0)]), ["select 20001.tenant=42"]);
    let second = "SELECT id FROM orders WHERE id > $1 AND tenant = $2";
    let values = [(text("1"), 0), (text("42"), 0)];
    assert_eq!(with(second, &values), ["select 20001.tenant=42"]);
}

#[test]
fn a_parameter_that_cannot_be_read_for_certain_is_none() {
    let sql = "SELECT id FROM orders WHERE tenant = $1";
    for value in [
        (Parameter::Null, 0),
        (text("0x2a"), 0),
        (text("42"), 701),
        (text("42"), 25),
        (Parameter::Binary("2a".into()), 0),
        (Parameter::Encoded("e9".into()), 0),
    ] {
        assert_eq!(
            with(sql, std::slice::from_ref(&value)),
            [""; 0],
            "{value:?}"
        );
    }
    assert_eq!(with(sql, &[]), [""; 0]);
    // The column is compared with the text without its spaces.
    let note = "SELECT id FROM orders WHERE note = $1";
    assert_eq!(with(note, &[(text("x  "), 1042)]), [""; 0]);
}

#[test]
fn an_operator_of_somebody_elses_is_none() {
    for (types, expected) in [([23, 23], 0), ([25, CITEXT], 0), ([CITEXT, CITEXT], 1)] {
        let mut rows = tenants();
        rows.functions.push(FunctionRow {
            oid: 30_001,
            schema: "public".into(),
            name: "same".into(),
            volatility: Volatility::Immutable,
            language: "c".into(),
            arguments: types.into(),
        });
        rows.operators = vec![("public".into(), "=".into(), 30_001)];
        let (facts, _) = analysed("SELECT id FROM orders WHERE id = 42", rows);
        let values = facts.values(&[], &[], false);
        assert_eq!(values.equals.len(), expected, "{types:?}");
    }
}

#[test]
fn parameters_have_the_types_of_the_columns_beside_them() {
    let given = |text: &str| analysed(text, tenants()).0.placeholders;
    for (text, types) in [
        (
            "SELECT 1 FROM orders WHERE at > $1 AND $2 = note",
            &[1184, 1043][..],
        ),
        ("SELECT $2::uuid, $1", &[0, 2950]),
        (
            "INSERT INTO orders (note, at) VALUES ($1, $2), ($3, DEFAULT)",
            &[1043, 1184, 1043],
        ),
        ("INSERT INTO lines VALUES ($1, $2)", &[23, 20]),
        (
            "UPDATE orders SET price = $1, feels = $2 WHERE tenant = $3",
            &[1700, MOOD, 23],
        ),
        ("SELECT id FROM orders LIMIT $1", &[0]),
    ] {
        assert_eq!(given(text), types, "{text}");
    }
}

#[test]
fn values_are_known_where_all_of_them_are() {
    let kind = |like| {
        let name = "any".into();
        Some(ParameterType { name, like })
    };
    let (facts, _) = analysed("SELECT $1, $2", tenants());
    let of = |parameters: &[Parameter]| facts.values(parameters, &[kind(23), kind(1184)], false);
    let known = of(&[text("07"), Parameter::Null]);
    assert_eq!(
        (known.are_known, known.parameters),
        (true, vec![(1, "7".to_owned())])
    );
    // What it means depends on the session's time zone.
    let unknown = of(&[text("7"), text("2026-01-01 00:00")]);
    assert_eq!((unknown.are_known, unknown.parameters.len()), (false, 1));
    assert!(facts.values(&[], &[], true).awaited);
}
