//! One reading of a catalog: what is asked, and rows made of the answers. Who carries the questions to the server and
//! the answers back is not known here.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sql::{
    BuiltIn, ColumnRow, FIRST_NORMAL_OID, Form, FunctionRow, Kind, ReadRow, RelationRow, Rows,
    SettingRow, TypeRow, ViewColumnRow, Volatility,
};
use tokio_postgres::types::{FromSql, Type};

use crate::queries::{self, columns, functions};

/// One row: values in the server's binary format, none for NULL.
pub type Row = Vec<Option<Bytes>>;

/// The rows that one statement gave.
pub type Answer = Vec<Row>;

/// An answer that is not of the kind that was asked for, from something that is no PostgreSQL.
pub(crate) type Misread = Box<dyn std::error::Error + Send + Sync>;

/// What came with the server, and the mark by which a change of it shows.
#[derive(Clone)]
pub(crate) struct Known {
    mark: Mark,
    rows: Arc<BuiltIn>,
}

/// Number of rows and sum of their `xmin`, of functions and columns. A row that changes gets a new `xmin`, and those
/// only ever grow; one that is gone is missing in the number.
type Mark = [Option<i64>; 4];

/// A reading that waits for answers to its statements.
pub(crate) struct Reading {
    statements: Vec<String>,
    database: String,
    known: Option<Known>,
    limit: Duration,
    /// Everything but what came with the server, once it is there.
    own: Option<Rows>,
}

/// What answers lead to.
pub(crate) enum Step {
    /// More is to be asked.
    More(Box<Reading>),
    /// Everything is there.
    Done(Box<Rows>, Known),
}

impl Reading {
    /// Of everything that a snapshot is made of; of what came with the server only what is not `known`. A statement may
    /// take so long.
    pub fn new(database: &str, known: Option<Known>, limit: Duration) -> Self {
        let own = format!(">= {FIRST_NORMAL_OID}");
        let asked = [
            queries::ENCODING.into(),
            queries::SCHEMAS.into(),
            queries::RELATIONS.into(),
            columns(&own),
            queries::TYPES.into(),
            queries::INHERITS.into(),
            queries::CASCADES.into(),
            queries::READS.into(),
            queries::VIEWS.into(),
            functions(&own),
            queries::OPERATORS.into(),
            queries::SETTINGS.into(),
            queries::MARK.into(),
        ];
        let first = [queries::DEFAULTS.to_owned()].into_iter();
        Self {
            statements: first.chain(queries::settle(limit)).chain(asked).collect(),
            database: database.to_owned(),
            known,
            limit,
            own: None,
        }
    }

    /// What is to be run, in order and in one look.
    pub fn statements(&self) -> &[String] {
        &self.statements
    }

    /// Takes an answer to each of the statements.
    pub fn answered(self, answers: Vec<Answer>) -> Result<Step, Misread> {
        let mut answers = Answers(answers.into_iter());
        match self.own {
            None => self.own(&mut answers),
            Some(own) => built_in(own, &mut answers),
        }
    }

    fn own(self, answers: &mut Answers) -> Result<Step, Misread> {
        let mut defaults = answers.list(pair)?;
        answers.pass_settling();
        defaults.append(&mut answers.list(pair)?);
        let rows = Rows {
            database: self.database.clone(),
            defaults,
            schemas: answers.list(|row| value(row, 0))?,
            relations: answers.list(relation)?.into_iter().flatten().collect(),
            columns: answers.list(column)?,
            types: answers.list(type_row)?,
            inherits: answers.list(|row| Ok((value(row, 0)?, value(row, 1)?)))?,
            cascades: answers.list(|row| Ok((value(row, 0)?, value(row, 1)?)))?,
            reads: answers.list(view_read)?,
            view_columns: answers.list(view)?.into_iter().flatten().collect(),
            functions: answers.list(function)?,
            operators: answers.list(|row| Ok((value(row, 0)?, value(row, 1)?, value(row, 2)?)))?,
            settings: answers.list(settings)?.into_iter().flatten().collect(),
            built_in: Arc::default(),
        };
        let mark = answers.mark()?;
        if let Some(known) = self.known.clone().filter(|known| known.mark == mark) {
            return Ok(done(rows, known));
        }
        let theirs = format!("< {FIRST_NORMAL_OID}");
        let asked = [queries::MARK.into(), columns(&theirs), functions(&theirs)];
        let settle = queries::settle(self.limit).into_iter();
        Ok(Step::More(Box::new(Self {
            statements: settle.chain(asked).collect(),
            own: Some(rows),
            ..self
        })))
    }
}

fn built_in(own: Rows, answers: &mut Answers) -> Result<Step, Misread> {
    answers.pass_settling();
    let known = Known {
        mark: answers.mark()?,
        rows: Arc::new(BuiltIn {
            columns: answers.list(column)?,
            functions: answers.list(function)?,
        }),
    };
    Ok(done(own, known))
}

fn done(own: Rows, known: Known) -> Step {
    let rows = Rows {
        built_in: known.rows.clone(),
        ..own
    };
    Step::Done(Box::new(rows), known)
}

/// The answers that are left.
struct Answers(std::vec::IntoIter<Answer>);

impl Answers {
    /// What the next one says.
    fn list<T>(&mut self, read: impl Fn(&Row) -> Result<T, Misread>) -> Result<Vec<T>, Misread> {
        let answer = self.0.next().ok_or("fewer answers than questions")?;
        answer.iter().map(read).collect()
    }

    /// Settings answer nothing.
    fn pass_settling(&mut self) {
        self.0.by_ref().take(queries::SETTLING).for_each(drop);
    }

    fn mark(&mut self) -> Result<Mark, Misread> {
        let marks = self.list(|row| {
            Ok([
                maybe(row, 0)?,
                maybe(row, 1)?,
                maybe(row, 2)?,
                maybe(row, 3)?,
            ])
        })?;
        Ok(marks.into_iter().next().unwrap_or_default())
    }
}

/// What a column can be read as, and the type that is asked for then.
trait Readable: for<'a> FromSql<'a> {
    const TYPE: Type;
}

macro_rules! readable {
    ($($rust:ty: $type:ident),*) => {
        $(impl Readable for $rust {
            const TYPE: Type = Type::$type;
        })*
    };
}

readable!(
    bool: BOOL, i8: CHAR, i16: INT2, i32: INT4, i64: INT8, u32: OID, String: TEXT,
    Vec<u32>: OID_ARRAY, Vec<String>: TEXT_ARRAY
);

fn value<T: Readable>(row: &Row, index: usize) -> Result<T, Misread> {
    maybe(row, index)?.ok_or_else(|| format!("column {index} is NULL").into())
}

fn maybe<T: Readable>(row: &Row, index: usize) -> Result<Option<T>, Misread> {
    let bytes = row
        .get(index)
        .ok_or_else(|| format!("a row without column {index}"))?;
    bytes
        .as_ref()
        .map(|bytes| T::from_sql(&T::TYPE, bytes))
        .transpose()
}

fn pair(row: &Row) -> Result<(String, String), Misread> {
    Ok((value(row, 0)?, value(row, 1)?))
}

fn letter(row: &Row, index: usize) -> Result<char, Misread> {
    let byte: i8 = value(row, index)?;
    Ok(char::from(byte.cast_unsigned()))
}

fn relation(row: &Row) -> Result<Option<RelationRow>, Misread> {
    let Some(kind) = Kind::of(letter(row, 3)?) else {
        return Ok(None);
    };
    Ok(Some(RelationRow {
        oid: value(row, 0)?,
        schema: value(row, 1)?,
        name: value(row, 2)?,
        kind,
        rules: value(row, 4)?,
    }))
}

fn column(row: &Row) -> Result<ColumnRow, Misread> {
    Ok(ColumnRow {
        relation: value(row, 0)?,
        number: value(row, 1)?,
        name: value(row, 2)?,
        type_oid: value(row, 3)?,
    })
}

fn type_row(row: &Row) -> Result<TypeRow, Misread> {
    let part: u32 = value(row, 4)?;
    Ok(TypeRow {
        oid: value(row, 0)?,
        schema: value(row, 1)?,
        name: value(row, 2)?,
        form: match (letter(row, 3)?, part) {
            ('d', over) => Form::Domain(over),
            ('e', _) => Form::Enum,
            (_, 0) => Form::Other,
            (_, element) => Form::Array(element),
        },
    })
}

fn view_read(row: &Row) -> Result<ReadRow, Misread> {
    let column: i32 = value(row, 2)?;
    Ok(ReadRow {
        view: value(row, 0)?,
        relation: value(row, 1)?,
        // A number that does not fit cannot be a column's: then all of them.
        column: i16::try_from(column).unwrap_or(-1),
    })
}

fn view(row: &Row) -> Result<Vec<ViewColumnRow>, Misread> {
    let query: String = value(row, 1)?;
    Ok(sql::view_columns(value(row, 0)?, &query))
}

fn function(row: &Row) -> Result<FunctionRow, Misread> {
    Ok(FunctionRow {
        oid: value(row, 0)?,
        schema: value(row, 1)?,
        name: value(row, 2)?,
        volatility: Volatility::of(letter(row, 3)?),
        language: value(row, 4)?,
        arguments: value(row, 5)?,
    })
}

fn settings(row: &Row) -> Result<Vec<SettingRow>, Misread> {
    let role: Option<String> = maybe(row, 0)?;
    let database: bool = value(row, 1)?;
    let assignments: Vec<String> = value(row, 2)?;
    let setting = |assignment: String| {
        let (name, value) = assignment.split_once('=')?;
        Some(SettingRow {
            role: role.clone(),
            database,
            name: name.to_ascii_lowercase(),
            value: value.to_owned(),
        })
    };
    Ok(assignments.into_iter().filter_map(setting).collect())
}
