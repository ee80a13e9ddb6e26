//! How `COPY ... TO STDOUT` writes its rows: its options, as far as a reader of the stream has to know them.
//!
//! <https://www.postgresql.org/docs/current/sql-copy.html>, `ProcessCopyOptions` in `src/backend/commands/copy.c`

use model::CopyForm;
use pg_query::NodeEnum;
use pg_query::protobuf::{CopyStmt, DefElem};

use crate::facts::is_utf8;
use crate::tree::{boxed, constant, inner};

/// The form of the stream. None where it is not known: an option that is not, or an encoding other than UTF-8, in which what
/// looks like a delimiter may be half a character.
pub(crate) fn copy_form(copy: &CopyStmt, utf8: Option<bool>) -> Option<CopyForm> {
    let mut options = Options {
        is_utf8: utf8 == Some(true),
        ..Options::default()
    };
    for node in &copy.options {
        let Some(NodeEnum::DefElem(option)) = inner(node) else {
            return None;
        };
        options.take(option)?;
    }
    options.form()
}

#[derive(Default)]
struct Options {
    format: Option<String>,
    delimiter: Option<u8>,
    null: Option<String>,
    header: bool,
    quote: Option<u8>,
    escape: Option<u8>,
    is_utf8: bool,
}

impl Options {
    fn take(&mut self, option: &DefElem) -> Option<()> {
        let value = boxed(&option.arg).and_then(constant);
        match option.defname.as_str() {
            "format" => self.format = Some(value?),
            "delimiter" => self.delimiter = Some(byte(&value?)?),
            "null" => self.null = Some(value?),
            "header" => self.header = is_on(value.as_deref())?,
            "quote" => self.quote = Some(byte(&value?)?),
            "escape" => self.escape = Some(byte(&value?)?),
            "encoding" => self.is_utf8 = is_utf8(&value?),
            // Which values are quoted shows in the stream itself.
            "force_quote" => {}
            _ => return None,
        }
        Some(())
    }

    fn form(self) -> Option<CopyForm> {
        let format = self.format.as_deref().unwrap_or("text");
        if format == "binary" {
            return Some(CopyForm::Binary);
        }
        if !self.is_utf8 {
            return None;
        }
        match format {
            "text" => Some(CopyForm::Text {
                delimiter: self.delimiter.unwrap_or(b'\t'),
                null: self.null.unwrap_or("\\N".to_owned()).into(),
                header: self.header,
            }),
            "csv" => {
                let quote = self.quote.unwrap_or(b'"');
                Some(CopyForm::Csv {
                    delimiter: self.delimiter.unwrap_or(b','),
                    null: self.null.unwrap_or_default().into(),
                    header: self.header,
                    quote,
                    escape: self.escape.unwrap_or(quote),
                })
            }
            _ => None,
        }
    }
}

/// The server takes one byte each for delimiter, quote and escape.
fn byte(value: &str) -> Option<u8> {
    match value.as_bytes() {
        [byte] if byte.is_ascii() => Some(*byte),
        _ => None,
    }
}

/// As `defGetBoolean` reads it, and `HEADER MATCH`, which only COPY FROM takes, not at all.
fn is_on(value: Option<&str>) -> Option<bool> {
    match value.map(str::to_ascii_lowercase).as_deref() {
        None | Some("1" | "true" | "on") => Some(true),
        Some("0" | "false" | "off") => Some(false),
        Some(_) => None,
    }
}
