//! Claims about the columns: what they are called, that each is described, and what a record becomes.

use super::*;
use crate::{DICTIONARY, Kind, Value};

/// The table of COLUMNS.md, as the code has it.
fn table() -> String {
    let line = |column: &Column| {
        let (name, kind) = (column.name(), column.kind().name());
        format!("| `{name}` | {kind} | {} |\n", column.about())
    };
    let lines: String = Column::ALL.iter().map(line).collect();
    format!("| column | type | what it holds |\n| --- | --- | --- |\n{lines}")
}

#[test]
fn every_column_is_described_in_the_dictionary() {
    assert!(
        DICTIONARY.contains(&table()),
        "the table of COLUMNS.md should be:\n{}",
        table()
    );
}

#[test]
fn the_schema_does_not_change_by_accident() {
    let code = |column: &Column| {
        let kind = match column.kind() {
            Kind::Text => 't',
            Kind::Int => 'i',
            Kind::Long => 'l',
            Kind::Time => 'z',
        };
        format!("{}:{kind}", column.name())
    };
    let found: Vec<String> = Column::ALL.iter().map(code).collect();
    assert_eq!(found.join(" "), include_str!("schema.txt").trim_end());
}

#[test]
fn a_story_has_these_columns_row_by_row() {
    let mut house = House::new();
    house.write(Some(SessionId::now()), story());
    house.absorb();
    let rows = house.rows();
    let numbers = |column: Column| {
        rows.iter()
            .map(|row| row.number(column))
            .collect::<Vec<_>>()
    };
    let events = [
        "opened", "decided", "decided", "finished", "decided", "settled", "decided", "closed",
    ];
    assert_eq!(texts(&rows, Column::Event), events.map(Some));
    assert_eq!(
        numbers(Column::ActivityId),
        [3, 3, 4, 99, 4, 99, 4, 99].map(Some)
    );
    assert_eq!(numbers(Column::TypeUid)[2], Some(600_504));
    assert_eq!(
        numbers(Column::ActionId),
        [
            None,
            Some(1),
            Some(4),
            None,
            Some(1),
            Some(1),
            Some(2),
            None
        ]
    );
    assert_eq!(
        numbers(Column::DispositionId),
        [
            None,
            Some(1),
            Some(11),
            None,
            Some(14),
            Some(8),
            Some(2),
            None
        ]
    );
    assert_eq!(
        numbers(Column::StatusId),
        [None, None, None, Some(1), None, None, Some(2), None]
    );
    let masks = r#"[{"class":"pii","column":"public.customers.email","function":"email","output":2,"statement":1}]"#;
    assert_eq!(rows[2].text(Column::Masks), Some(masks));
    assert_eq!(
        rows[2].text(Column::Objects),
        Some(r#"["public.customers"]"#)
    );
    let parameters = r#"[{"text":"7"},"null",{"binary":"00ff"}]"#;
    assert_eq!(rows[2].text(Column::Parameters), Some(parameters));
    let values = concat!(
        r#"[{"type":"int4","format":"text","value":"7"},{"type":"text","value":null},"#,
        r#"{"type":"int2","format":"binary","value":"255"}]"#
    );
    assert_eq!(rows[2].text(Column::Values), Some(values));
    assert_eq!(rows[3].number(Column::Rows), Some(2));
    assert_eq!(rows[5].text(Column::ApprovalBy), Some("ana"));
    assert_eq!(rows[0].number(Column::Time), Some(EVENING / 1000));
}

#[test]
fn rows_of_a_session_say_which_of_its_sides_are_encrypted() {
    let mut house = House::new();
    let encrypted = |side| AuditEvent::Encrypted {
        side,
        version: "TLSv1.3".to_owned(),
    };
    house.write(
        Some(SessionId::now()),
        [
            opened(),
            encrypted(model::Side::Client),
            decided(Effect::Allow, Stage::Connect),
            encrypted(model::Side::Server),
            closed(),
        ],
    );
    house.write(Some(SessionId::now()), [opened()]);
    house.absorb();
    let (rows, tls) = (house.rows(), Some("TLSv1.3"));
    assert_eq!(texts(&rows, Column::Event)[1], Some("encrypted"));
    assert_eq!(
        texts(&rows, Column::ClientTls),
        [None, tls, tls, tls, tls, None]
    );
    assert_eq!(
        texts(&rows, Column::ServerTls),
        [None, None, None, tls, tls, None]
    );
}

#[test]
fn what_is_not_known_is_null_and_says_why() {
    let mut house = House::new();
    let AuditEvent::Decided(mut decided) = decided(Effect::Deny, Stage::Run) else {
        panic!("no decision");
    };
    decided.verbs.clear();
    decided.touches = Some(Touches::Opaque(model::Opacity {
        kind: "syntax".into(),
        explanation: "it does not parse".to_owned(),
    }));
    house.write(Some(SessionId::now()), [AuditEvent::Decided(decided)]);
    let rows = house.rows();
    assert_eq!(rows[0].get(Column::Objects), Value::Null);
    assert_eq!(
        rows[0].text(Column::Opaque),
        Some("syntax: it does not parse")
    );
    assert_eq!(rows[0].number(Column::ActivityId), Some(0));
    // Nobody saw the session open, so nobody says who it was.
    assert_eq!(rows[0].get(Column::ActorUserName), Value::Null);
}
