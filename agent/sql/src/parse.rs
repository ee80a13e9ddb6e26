//! The door to PostgreSQL's own grammar (libpg_query, as of PostgreSQL 18).
//!
//! What keeps a hostile text from doing harm here:
//! * Nesting: the C parser checks its stack, and prost refuses to decode messages nested deeper than 100, which is
//!   about 48 nested expressions. So neither decoding nor the analysis behind it recurses deeper than that.
//! * Panics: `pg_query` walks the tree with casts that panic, so a panic is caught and is a reason not to know.
//! * Threads: the library's state is per thread, and every new thread takes one of the process's 1,024 thread-local
//!   keys for good. Analyse in threads that stay.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pg_query::protobuf::RawStmt;

use crate::opacity::{self, Known};
use crate::session::Settings;

/// The statements of a text, as the server with these settings would read it.
pub(crate) fn parse(text: &[u8], settings: &Settings) -> Known<Vec<RawStmt>> {
    let text = readable(text, settings)?;
    let parsed = catch_unwind(AssertUnwindSafe(|| pg_query::parse(text, 0)));
    match parsed {
        Ok(Ok(result)) => Ok(result.protobuf.stmts),
        Ok(Err(pg_query::Error::Decode(_))) => Err(opacity::unsupported(
            "the statement is nested too deeply to be analysed: write it with fewer levels",
        )),
        Ok(Err(pg_query::Error::Parse(message))) if message.contains("stack depth limit") => {
            Err(opacity::unsupported(
                "the statement is nested too deeply to be analysed: write it with fewer levels",
            ))
        }
        Ok(Err(error)) => Err(opacity::of("syntax", error_text(&error))),
        Err(_) => Err(opacity::unsupported(
            "the parser does not cope with this statement",
        )),
    }
}

fn error_text(error: &pg_query::Error) -> String {
    match error {
        pg_query::Error::Parse(message) => message.clone(),
        other => other.to_string(),
    }
}

/// The text as characters, where the session's settings leave only one way to read it.
fn readable<'a>(text: &'a [u8], settings: &Settings) -> Known<&'a str> {
    if text.contains(&0) {
        return Err(opacity::of("syntax", "the text contains a NUL byte".into()));
    }
    let encoding = |explanation: &str| opacity::of("encoding", explanation.into());
    if !text.is_ascii() && settings.utf8 != Some(true) {
        return Err(encoding(
            "the text is not ASCII and client_encoding is not known to be UTF8",
        ));
    }
    if text.contains(&b'\\') && settings.standard_strings != Some(true) {
        return Err(encoding(
            "the text contains a backslash and standard_conforming_strings is not known to be on",
        ));
    }
    std::str::from_utf8(text).map_err(|_| encoding("the text is not UTF-8"))
}
