//! What must hold for the facts of every statement, in every state that earlier statements left the session in.
//!
//! Knows no SQL. The claims:
//!
//! * nothing panics, and the same question has the same answer;
//! * what is named with an oid is in the catalog under that oid and that name, and so is every numbered column;
//! * only a text of exactly one statement shows columns that RowDescription names: the others could not be masked;
//! * a line break at the end changes nothing.
//!
//! ```text
//! input    texts, separated by bytes of 0; each is run, and completed
//! ```

use model::{Column, Login, Object, Outcome, Relation, Status, Touch, Touches, Use};
use sql::{
    ColumnRow, Facts, FunctionRow, Kind, ReadRow, RelationRow, Rows, Session, Snapshot, Volatility,
};

/// Checks all claims for these texts, one after the other.
pub fn check(input: &[u8], snapshot: &Snapshot) {
    let mut session = Session::new(&login(), snapshot);
    for text in input.split(|byte| *byte == 0) {
        let facts = sql::analyse(text, &session, snapshot);
        assert_eq!(facts, sql::analyse(text, &session, snapshot), "twice asked");
        check_known(&facts, snapshot);
        check_line_break(text, &facts, &session, snapshot);
        session.forwarded(&facts);
        session.finished(&facts, &completed());
        session.settled();
    }
}

fn check_known(facts: &Facts, snapshot: &Snapshot) {
    let Touches::Known(touches) = &facts.touches else {
        return;
    };
    for touch in touches {
        if let Object::Relation(relation) = &touch.object {
            check_relation(relation, snapshot);
            check_columns(touch, relation, snapshot);
        }
        if let Some(view) = &touch.through {
            check_relation(view, snapshot);
        }
        let shows = touch.columns.iter().any(|used| used.how == Use::Shown);
        let is_one = facts.shape.statements == 1;
        assert!(is_one || !shows, "columns shown by several statements");
    }
}

fn check_relation(relation: &Relation, snapshot: &Snapshot) {
    let Some(oid) = relation.oid else { return };
    let known = snapshot
        .relation_by_oid(oid)
        .expect("an oid of the catalog");
    assert_eq!(known.name, *relation, "an oid under another name");
}

fn check_columns(touch: &Touch, relation: &Relation, snapshot: &Snapshot) {
    for used in &touch.columns {
        let Column { name, number } = &used.column;
        let numbered = relation.oid.zip(*number);
        assert!(
            used.how != Use::Shown || numbered.is_some(),
            "a column is shown that cannot be masked"
        );
        if let Some((oid, number)) = numbered {
            let known = snapshot
                .relation_by_oid(oid)
                .expect("an oid of the catalog");
            assert_eq!(
                known.column_name(number).as_ref(),
                Some(name),
                "a column's number"
            );
        }
    }
}

fn check_line_break(text: &[u8], facts: &Facts, session: &Session, snapshot: &Snapshot) {
    let longer = sql::analyse(&[text, b"\n"].concat(), session, snapshot);
    let is_known = |facts: &Facts| matches!(facts.touches, Touches::Known(_));
    // Explanations of what is opaque may quote the text.
    assert_eq!(
        is_known(facts),
        is_known(&longer),
        "a line break hides or shows"
    );
    if is_known(facts) {
        assert_eq!(*facts, longer, "a line break changes the facts");
    }
}

/// Two tables, a partition of one, a view over the other, and a function that does anything.
pub fn snapshot() -> Snapshot {
    let relation = |oid, name: &str, kind| RelationRow {
        oid,
        schema: "public".to_owned(),
        name: name.to_owned(),
        kind,
        rules: false,
    };
    let columns = |relation, names: &[&str]| -> Vec<ColumnRow> {
        let numbered = (1..).zip(names);
        let row = |(number, name): (i16, &&str)| ColumnRow {
            relation,
            number,
            name: (*name).to_owned(),
            type_oid: 25,
        };
        numbered.map(row).collect()
    };
    let function = |oid, schema: &str, name: &str, volatility| FunctionRow {
        oid,
        schema: schema.to_owned(),
        name: name.to_owned(),
        volatility,
        language: "internal".to_owned(),
        arguments: Vec::new(),
    };
    let rows = Rows {
        database: "shop".to_owned(),
        schemas: ["pg_catalog", "public", "app"].map(str::to_owned).to_vec(),
        relations: vec![
            relation(20_001, "t", Kind::Table),
            relation(20_002, "p", Kind::Partitioned),
            relation(20_003, "p1", Kind::Table),
            relation(20_004, "v", Kind::View),
        ],
        columns: [
            columns(20_001, &["a", "b", "c"]),
            columns(20_002, &["a", "k"]),
            columns(20_003, &["a", "k"]),
            columns(20_004, &["a"]),
        ]
        .concat(),
        inherits: vec![(20_003, 20_002)],
        reads: vec![ReadRow {
            view: 20_004,
            relation: 20_001,
            column: 1,
        }],
        functions: vec![
            function(870, "pg_catalog", "lower", Volatility::Immutable),
            function(2078, "pg_catalog", "set_config", Volatility::Volatile),
            function(20_009, "public", "f", Volatility::Volatile),
        ],
        ..Rows::default()
    };
    Snapshot::new(1, rows)
}

fn login() -> Login {
    Login {
        user: "app".to_owned(),
        database: "shop".to_owned(),
        application: None,
        settings: vec![],
    }
}

fn completed() -> Outcome {
    Outcome {
        status: Status::Completed,
        tags: vec![],
        rows: 0,
        bytes: 0,
        masked: 0,
        masked_values: Vec::new(),
    }
}
