//! Masks over `COPY ... TO STDOUT`: the stream is read row by row, and written again with masked values.
//!
//! The server sends one row per message, but nothing here depends on it: what is not a whole row yet waits for the rest.
//! Columns that are not masked keep their bytes.
//! <https://www.postgresql.org/docs/current/sql-copy.html>, `CopyAttributeOutText` and `CopyAttributeOutCSV` in PostgreSQL's
//! `commands/copyto.c`

mod binary;
mod csv;
mod text;

use bytes::BytesMut;
use model::{CopyForm, Outcome};

use crate::reader::Malformed;
use crate::rows::Plan;

/// A stream that is being masked.
#[derive(Debug)]
pub struct Copying {
    plan: Plan,
    form: CopyForm,
    /// Whether what comes next is the stream's own beginning, and no row.
    begins: bool,
    /// What came of the next row.
    waiting: BytesMut,
}

/// Where a part of the stream ends, and what it is.
enum Part {
    /// A row, with the place of each value in it.
    Row(usize),
    /// The stream's beginning or end.
    Frame(usize),
}

impl Copying {
    /// A stream in this form, before its first byte.
    pub fn new(plan: Plan, form: CopyForm) -> Self {
        let begins = match &form {
            CopyForm::Text { header, .. } | CopyForm::Csv { header, .. } => *header,
            CopyForm::Binary => true,
        };
        Self {
            plan,
            form,
            begins,
            waiting: BytesMut::new(),
        }
    }

    /// Whether it is binary.
    pub fn is_binary(&self) -> bool {
        self.form == CopyForm::Binary
    }

    /// Takes the next bytes of the stream, and appends what the client may see of them.
    pub fn apply(
        &mut self,
        data: &[u8],
        out: &mut BytesMut,
        outcome: &mut Outcome,
    ) -> Result<(), Malformed> {
        self.waiting.extend_from_slice(data);
        while let Some(part) = self.part()? {
            match part {
                Part::Frame(end) => {
                    out.extend_from_slice(&self.waiting.split_to(end));
                    self.begins = false;
                }
                Part::Row(end) => {
                    let row = self.waiting.split_to(end);
                    match &self.form {
                        CopyForm::Text {
                            delimiter, null, ..
                        } => text::mask(&row, *delimiter, null, &self.plan, out, outcome)?,
                        CopyForm::Csv {
                            delimiter,
                            null,
                            quote,
                            escape,
                            ..
                        } => {
                            let marks = csv::Marks {
                                delimiter: *delimiter,
                                quote: *quote,
                                escape: *escape,
                                null: null.as_bytes(),
                            };
                            csv::mask(&row, &marks, &self.plan, out, outcome)?;
                        }
                        CopyForm::Binary => binary::mask(&row, &self.plan, out, outcome)?,
                    }
                }
            }
        }
        Ok(())
    }

    /// The stream is over.
    pub fn finish(&self) -> Result<(), Malformed> {
        match self.waiting.is_empty() {
            true => Ok(()),
            false => Err(Malformed("a COPY that ends within a row")),
        }
    }

    /// The next whole part that waits.
    fn part(&self) -> Result<Option<Part>, Malformed> {
        let line_end = match &self.form {
            CopyForm::Text { .. } => text::row_end(&self.waiting),
            CopyForm::Csv { quote, escape, .. } => csv::row_end(&self.waiting, *quote, *escape),
            CopyForm::Binary => return binary::part(&self.waiting, self.begins),
        };
        Ok(line_end.map(|end| match self.begins {
            true => Part::Frame(end),
            false => Part::Row(end),
        }))
    }
}

/// What is wrong with a row that has more or fewer values than columns.
const OTHER_WIDTH: Malformed = Malformed("a row of a COPY with other columns than expected");

#[cfg(test)]
mod tests;
