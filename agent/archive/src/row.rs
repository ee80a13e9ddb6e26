//! One row of the archive as plain values.

use std::fmt;
use std::ops::Range;

use crate::column::{Column, Kind, Schema};

/// A value of a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Value<'a> {
    /// NULL.
    #[default]
    Null,
    /// Of a [`Kind::Text`] column.
    Text(&'a str),
    /// Of a [`Kind::Int`] column.
    Int(i32),
    /// Of a [`Kind::Long`] or [`Kind::Time`] column.
    Long(i64),
}

/// One row. Its texts lie behind each other in one piece of memory: a row has dozens of them.
#[derive(Clone)]
pub struct Row {
    schema: Schema,
    places: Vec<Place>,
    texts: String,
}

/// A value, or where it is.
#[derive(Clone)]
enum Place {
    Null,
    Text(Range<usize>),
    Int(i32),
    Long(i64),
}

impl Row {
    /// A row of NULLs, as they are written now.
    pub(crate) fn empty() -> Self {
        Self::empty_of(Schema::NEWEST)
    }

    /// A row of NULLs that has these columns.
    pub(crate) fn empty_of(schema: Schema) -> Self {
        Self {
            schema,
            places: vec![Place::Null; schema.width()],
            texts: String::with_capacity(TEXT_BYTES),
        }
    }

    /// Which columns it has.
    pub(crate) fn schema(&self) -> Schema {
        self.schema
    }

    /// The value of a column; NULL for one that came later than the row.
    pub fn get(&self, column: Column) -> Value<'_> {
        let place = self.places.get(column as usize);
        place.map_or(Value::Null, |place| self.at(place))
    }

    fn at(&self, place: &Place) -> Value<'_> {
        match place {
            Place::Null => Value::Null,
            Place::Text(range) => self.texts.get(range.clone()).into(),
            Place::Int(number) => Value::Int(*number),
            Place::Long(number) => Value::Long(*number),
        }
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
            Value::Int(number) => Some(number.into()),
            Value::Long(number) => Some(number),
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
    pub fn iter(&self) -> impl Iterator<Item = (Column, Value<'_>)> {
        let values = self.places.iter().map(|place| self.at(place));
        Column::ALL.iter().copied().zip(values)
    }

    /// About how many bytes it holds.
    pub(crate) fn size(&self) -> usize {
        self.texts.len()
    }

    pub(crate) fn put<'a>(&mut self, column: Column, value: impl Into<Value<'a>>) {
        let value = value.into();
        debug_assert!(fits(column.kind(), value), "{column:?} is not {value:?}");
        let Some(place) = self.places.get_mut(column as usize) else {
            return;
        };
        *place = match value {
            Value::Null => Place::Null,
            Value::Text(text) => {
                let start = self.texts.len();
                self.texts.push_str(text);
                Place::Text(start..self.texts.len())
            }
            Value::Int(number) => Place::Int(number),
            Value::Long(number) => Place::Long(number),
        };
    }
}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        self.schema == other.schema && self.iter().eq(other.iter())
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// What the texts of most rows take.
const TEXT_BYTES: usize = 2048;

fn fits(kind: Kind, value: Value<'_>) -> bool {
    match value {
        Value::Null => true,
        Value::Text(_) => kind == Kind::Text,
        Value::Int(_) => kind == Kind::Int,
        Value::Long(_) => matches!(kind, Kind::Long | Kind::Time),
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl From<i32> for Value<'_> {
    fn from(number: i32) -> Self {
        Self::Int(number)
    }
}

impl From<u16> for Value<'_> {
    fn from(number: u16) -> Self {
        Self::Int(number.into())
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Long(number)
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Self::Long(number.into())
    }
}

/// NULL where it does not fit into 63 bits: the row's record still has it.
impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        i64::try_from(number).map_or(Self::Null, Self::Long)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
