//! Whether the server means by a statement what was judged.
//!
//! RowDescription says of which table and column each output column is. One that cannot flow there, as the statement was
//! understood, means that a name was resolved differently, and so that something else was judged than runs: nothing about
//! the result is certain then.

use model::{Output, Outputs};

use crate::messages::row_description::Field;

/// Where the server disagrees, a phrase that follows "a result".
pub fn disagreement(outputs: &Outputs, fields: &[Field]) -> Option<String> {
    let outputs = match outputs {
        Outputs::Unknown => return None,
        Outputs::Known(outputs) => outputs,
        // A stream is described in its own way, and a portal of it as one without rows.
        Outputs::Copied(..) if fields.is_empty() => return None,
        Outputs::Copied(..) => {
            return Some("of rows where the statement was understood to copy them".to_owned());
        }
    };
    if outputs.len() != fields.len() {
        return Some(format!(
            "of {} columns where the statement was understood to have {}",
            fields.len(),
            outputs.len()
        ));
    }
    let mut columns = (1..).zip(outputs.iter().zip(fields));
    let (number, (output, field)) = columns.find(|(_, (output, field))| !agree(output, field))?;
    let expected: Vec<String> = output.from.iter().map(name).collect();
    Some(format!(
        "whose column {number} ({}) is of table {}, column {}, where it was understood to come from {}",
        output.name,
        field.table,
        field.column,
        match expected.as_slice() {
            [] => "no table".to_owned(),
            names => names.join(", "),
        }
    ))
}

/// A whole row has no column number, and what was made in this session may have no known id.
fn agree(output: &Output, field: &Field) -> bool {
    field.table == 0
        || output.from.iter().any(|base| {
            base.relation.oid.is_none_or(|oid| oid == field.table)
                && (field.column == 0
                    || base
                        .column
                        .number
                        .is_none_or(|number| number == field.column))
        })
}

fn name(base: &model::BaseColumn) -> String {
    format!(
        "{}.{}.{}",
        base.relation.schema, base.relation.name, base.column.name
    )
}

#[cfg(test)]
mod tests {
    use model::{BaseColumn, Column, Derivation, Relation};

    use super::*;

    fn field(table: u32, column: i16) -> Field {
        Field {
            name: bytes::Bytes::new(),
            table,
            column,
            kind: 25,
            format: 0,
        }
    }

    /// A column that two columns of table 16400 flow into.
    fn output() -> Output {
        let base = |number| BaseColumn {
            relation: Relation {
                schema: "public".into(),
                name: "customers".into(),
                oid: Some(16400),
            },
            column: Column {
                name: format!("c{number}").into(),
                number: Some(number),
            },
        };
        Output {
            name: "c".into(),
            from: vec![base(1), base(2)],
            how: Derivation::Plain,
            like: Some(25),
        }
    }

    #[test]
    fn a_column_may_be_of_what_flows_into_it_or_of_nothing() {
        let outputs = Outputs::Known(vec![output()]);
        for field in [field(16400, 2), field(16400, 0), field(0, 0)] {
            assert_eq!(
                disagreement(&outputs, std::slice::from_ref(&field)),
                None,
                "{field:?}"
            );
        }
        for field in [field(16400, 3), field(16401, 1)] {
            assert!(
                disagreement(&outputs, std::slice::from_ref(&field)).is_some(),
                "{field:?}"
            );
        }
        assert!(disagreement(&outputs, &[]).is_some());
    }

    #[test]
    fn what_was_not_understood_contradicts_nothing() {
        assert_eq!(disagreement(&Outputs::Unknown, &[field(16400, 3)]), None);
    }
}
