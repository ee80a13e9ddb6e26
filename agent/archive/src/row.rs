//! One row of the archive as plain values.

use crate::column::{Column, Kind};

/// A value of a column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Value {
    /// NULL.
    #[default]
    Null,
    /// Of a [`Kind::Text`] column.
    Text(String),
    /// Of a [`Kind::Int`] column.
    Int(i32),
    /// Of a [`Kind::Long`] or [`Kind::Time`] column.
    Long(i64),
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    values: Vec<Value>,
}

impl Row {
    /// A row of NULLs.
    pub(crate) fn empty() -> Self {
        Self {
            values: vec![Value::Null; Column::ALL.len()],
        }
    }

    /// The value of a column.
    pub fn get(&self, column: Column) -> &Value {
        self.values.get(column as usize).unwrap_or(&Value::Null)
    }

    /// The value of a text column. None: NULL.
    pub fn text(&self, column: Column) -> Option<&str> {
        match self.get(column) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a column of numbers or times. None: NULL.
    pub fn number(&self, column: Column) -> Option<i64> {
        match self.get(column) {
            Value::Int(number) => Some((*number).into()),
            Value::Long(number) => Some(*number),
            _ => None,
        }
    }

    /// Number of the record.
    pub fn sequence(&self) -> u64 {
        let number = self.number(Column::Sequence);
        number
            .and_then(|number| u64::try_from(number).ok())
            .unwrap_or_default()
    }

    /// Microseconds since the Unix epoch.
    pub fn time(&self) -> i64 {
        self.number(Column::TimeDt).unwrap_or_default()
    }

    /// Columns with their values, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = (Column, &Value)> {
        Column::ALL.iter().copied().zip(&self.values)
    }

    /// About how many bytes it holds.
    pub(crate) fn size(&self) -> usize {
        let text = |value: &Value| match value {
            Value::Text(text) => text.len(),
            _ => 0,
        };
        self.values.iter().map(text).sum()
    }

    pub(crate) fn set(&mut self, column: Column, value: Value) {
        debug_assert!(fits(column.kind(), &value), "{column:?} is not {value:?}");
        if let Some(place) = self.values.get_mut(column as usize) {
            *place = value;
        }
    }

    pub(crate) fn put(&mut self, column: Column, value: impl Into<Value>) {
        self.set(column, value.into());
    }
}

fn fits(kind: Kind, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Text(_) => kind == Kind::Text,
        Value::Int(_) => kind == Kind::Int,
        Value::Long(_) => matches!(kind, Kind::Long | Kind::Time),
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Int(number)
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Int(number.into())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Long(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Long(number.into())
    }
}

/// NULL where it does not fit into 63 bits: the row's record still has it.
impl From<u64> for Value {
    fn from(number: u64) -> Self {
        i64::try_from(number).map_or(Self::Null, Self::Long)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
