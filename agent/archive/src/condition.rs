//! Conditions on rows, as people type them.

use std::str::FromStr;

use crate::column::{Column, Kind};
use crate::row::{Row, Value};

/// A condition on one column: `actor_user_name=app`, `weir_rows>=1000`, `weir_objects~public.customers`. NULL fulfils none
/// but `!=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    column: Column,
    comparison: Comparison,
    operand: Operand,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    Unequal,
    /// Of texts only.
    Contains,
    AtLeast,
    AtMost,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Operand {
    Text(String),
    Number(i64),
}

/// Longer ones first: `>=` ends in `=`.
const SIGNS: [(&str, Comparison); 5] = [
    ("!=", Comparison::Unequal),
    (">=", Comparison::AtLeast),
    ("<=", Comparison::AtMost),
    ("=", Comparison::Equal),
    ("~", Comparison::Contains),
];

impl Condition {
    /// Whether the row fulfils it.
    pub fn holds(&self, row: &Row) -> bool {
        let order = match (row.get(self.column), &self.operand) {
            (Value::Text(text), Operand::Text(operand)) => {
                if self.comparison == Comparison::Contains {
                    return text.contains(operand.as_str());
                }
                text.cmp(operand)
            }
            (Value::Int(number), Operand::Number(operand)) => i64::from(number).cmp(operand),
            (Value::Long(number), Operand::Number(operand)) => number.cmp(operand),
            _ => return self.comparison == Comparison::Unequal,
        };
        match self.comparison {
            Comparison::Equal => order.is_eq(),
            Comparison::Unequal => order.is_ne(),
            Comparison::AtLeast => order.is_ge(),
            Comparison::AtMost => order.is_le(),
            Comparison::Contains => false,
        }
    }
}

/// Text that is no condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCondition {
    /// None of the signs is in it.
    #[error("{text} is no condition: write COLUMN=VALUE, with one of = != >= <= ~ between them")]
    Sign {
        /// As written.
        text: String,
    },
    /// No column has this name.
    #[error("there is no column {name}: `weir audit schema` lists them")]
    Column {
        /// As written.
        name: String,
    },
    /// The column holds numbers.
    #[error("{column} holds numbers, and cannot be compared so with {value}")]
    Number {
        /// The column.
        column: &'static str,
        /// As written.
        value: String,
    },
}

impl FromStr for Condition {
    type Err = NoCondition;

    fn from_str(text: &str) -> Result<Self, NoCondition> {
        // The sign that comes first divides them: a value may hold others.
        let found = SIGNS.iter().filter_map(|(sign, comparison)| {
            let (name, value) = text.split_once(sign)?;
            Some((name, *comparison, value))
        });
        let first = found.min_by_key(|(name, ..)| name.len());
        let (name, comparison, value) = first.ok_or_else(|| NoCondition::Sign {
            text: text.to_owned(),
        })?;
        let column = Column::ALL
            .iter()
            .copied()
            .find(|column| column.name() == name);
        let column = column.ok_or_else(|| NoCondition::Column {
            name: name.to_owned(),
        })?;
        let operand = match (column.kind(), comparison, value.parse()) {
            (Kind::Text, ..) => Operand::Text(value.to_owned()),
            (_, Comparison::Contains, _) | (_, _, Err(_)) => {
                return Err(NoCondition::Number {
                    column: column.name(),
                    value: value.to_owned(),
                });
            }
            (_, _, Ok(number)) => Operand::Number(number),
        };
        Ok(Self {
            column,
            comparison,
            operand,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(condition: &str) -> bool {
        let mut row = Row::empty();
        row.put(Column::ActorUserName, "app");
        row.put(Column::Objects, r#"["public.customers"]"#);
        row.put(Column::Rows, 1000_i64);
        row.put(Column::ActionId, 2);
        condition.parse::<Condition>().unwrap().holds(&row)
    }

    #[test]
    fn texts_and_numbers_are_compared_each_in_its_way() {
        for condition in [
            "actor_user_name=app",
            "actor_user_name!=root",
            "weir_objects~public.customers",
            "weir_rows>=1000",
            "weir_rows<=1000",
            "weir_rows>=999",
            "action_id=2",
            "query_info_query_string!=a=b",
        ] {
            assert!(holds(condition), "{condition}");
        }
        for condition in [
            "actor_user_name=ap",
            "weir_objects~orders",
            "weir_rows>=1001",
            "action_id!=2",
            "weir_bytes>=0",
        ] {
            assert!(!holds(condition), "{condition}");
        }
    }

    #[test]
    fn what_is_no_condition_is_said_in_words_that_help() {
        let said = |text: &str| text.parse::<Condition>().unwrap_err().to_string();
        assert!(said("weir_rows").contains("COLUMN=VALUE"));
        assert!(said("rows=7").contains("no column rows"));
        assert!(said("weir_rows=many").contains("holds numbers"));
        assert!(said("weir_rows~7").contains("holds numbers"));
    }
}
