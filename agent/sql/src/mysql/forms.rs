//! Statements that sqlparser takes in other dialects' forms, or not at all: LOAD DATA, SHOW, SET.

use sqlparser::ast::Expr;
use sqlparser::tokenizer::Token;

use super::parse::{Parsed, parsed};
use super::piece::{Piece, keyword, unknown};
use crate::opacity::Known;

/// One assignment of a SET.
#[derive(Debug)]
pub(super) struct Assigned {
    /// Lower case, without scope; variables of the user begin with `@`.
    pub(super) name: String,
    pub(super) global: bool,
    pub(super) value: Assignable,
}

#[derive(Debug)]
pub(super) enum Assignable {
    /// A word or string.
    Text(String),
    Value(Box<Expr>),
}

/// `LOAD DATA INFILE`
#[derive(Debug)]
pub(super) struct Load {
    /// The server's file; none where the client sends its own.
    pub(super) file: Option<String>,
    pub(super) replace: bool,
    pub(super) table: Vec<String>,
    /// None: all.
    pub(super) columns: Option<Vec<String>>,
}

/// <https://dev.mysql.com/doc/refman/8.4/en/load-data.html>
pub(super) fn load(piece: &mut Piece<'_>) -> Known<Load> {
    piece.next();
    if !piece.word(&["DATA"]) {
        return Err(unknown("LOAD"));
    }
    piece.word(&["LOW_PRIORITY", "CONCURRENT"]);
    let local = piece.word(&["LOCAL"]);
    if !piece.word(&["INFILE"]) {
        return Err(unknown("LOAD DATA"));
    }
    let file = piece.string()?;
    let replace = piece.word(&["REPLACE"]);
    piece.word(&["IGNORE"]);
    if !(piece.word(&["INTO"]) && piece.word(&["TABLE"])) {
        return Err(unknown("LOAD DATA"));
    }
    let table = piece.dotted()?;
    piece.file_options();
    if piece.word(&["IGNORE"]) {
        piece.next();
        piece.word(&["LINES", "ROWS"]);
    }
    let columns = match piece.0.first() {
        Some(Token::LParen) => Some(piece.list()?),
        _ => None,
    };
    match piece.0 {
        [] => Ok(Load {
            file: (!local).then_some(file),
            replace,
            table,
            columns,
        }),
        _ => Err(unknown("LOAD DATA")),
    }
}

/// <https://dev.mysql.com/doc/refman/8.4/en/show.html>
pub(super) fn show(tokens: &[Token]) -> Known<Parsed> {
    let words: Vec<String> = tokens.iter().filter_map(keyword).collect();
    if words.iter().any(|word| word == "WHERE") || tokens.contains(&Token::LParen) {
        return Err(unknown("SHOW"));
    }
    let is_prefix = |word: &&String| {
        matches!(
            word.as_str(),
            "FULL" | "EXTENDED" | "GLOBAL" | "SESSION" | "LOCAL" | "STORAGE"
        )
    };
    let mut words = words
        .iter()
        .skip(1)
        .skip_while(is_prefix)
        .map(String::as_str);
    Ok(Parsed::Show(
        match (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        ) {
            ("TABLES" | "TABLE" | "OPEN", _) | ("CREATE", "TABLE") => Some("TABLES"),
            ("COLUMNS" | "FIELDS", _) => Some("COLUMNS"),
            ("INDEX" | "INDEXES" | "KEYS", _) => Some("STATISTICS"),
            ("DATABASES" | "SCHEMAS", _) | ("CREATE", "DATABASE" | "SCHEMA") => Some("SCHEMATA"),
            ("CREATE", "VIEW") => Some("VIEWS"),
            ("TRIGGERS", _) | ("CREATE", "TRIGGER") => Some("TRIGGERS"),
            ("EVENTS", _) | ("CREATE", "EVENT") => Some("EVENTS"),
            ("PROCEDURE" | "FUNCTION", "STATUS") | ("CREATE", "PROCEDURE" | "FUNCTION") => {
                Some("ROUTINES")
            }
            ("PROCESSLIST", _) => Some("PROCESSLIST"),
            (
                "VARIABLES" | "STATUS" | "WARNINGS" | "ERRORS" | "COUNT" | "COLLATION" | "CHARSET",
                _,
            )
            | ("CHARACTER", "SET")
            | ("ENGINES" | "PLUGINS" | "PRIVILEGES", _) => None,
            _ => return Err(unknown("SHOW")),
        },
    ))
}

/// <https://dev.mysql.com/doc/refman/8.4/en/set-variable.html>
pub(super) fn set(tokens: &[Token]) -> Known<Parsed> {
    let mut piece = Piece(tokens);
    piece.next();
    if let Some(names) = set_names(&mut piece)? {
        return Ok(Parsed::Set(vec![names]));
    }
    let mut depth = 0_i32;
    let assignments = piece.0.split(|token| {
        match token {
            Token::LParen => depth = depth.saturating_add(1),
            Token::RParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && *token == Token::Comma
    });
    let assignments: Known<Vec<Assigned>> = assignments.map(assigned).collect();
    assignments.map(Parsed::Set)
}

/// `SET NAMES` and `SET CHARACTER SET` set the encoding, `SET TRANSACTION` what it says.
fn set_names(piece: &mut Piece<'_>) -> Known<Option<Assigned>> {
    let text = |name: &str, text: String| {
        Ok(Some(Assigned {
            name: name.to_owned(),
            global: false,
            value: Assignable::Text(text),
        }))
    };
    let words: Vec<String> = piece.0.iter().filter_map(keyword).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let charset = match words.as_slice() {
        ["TRANSACTION", ..] | ["SESSION" | "LOCAL", "TRANSACTION", ..] => {
            return text("transaction", String::new());
        }
        ["NAMES", ..] => piece.0.get(1..),
        ["CHARACTER", "SET", ..] => piece.0.get(2..),
        ["CHARSET", ..] => piece.0.get(1..),
        _ => return Ok(None),
    };
    let mut charset = Piece(charset.unwrap_or_default());
    let name = match charset.next() {
        Some(Token::Word(word)) => word.value.clone(),
        Some(Token::SingleQuotedString(text)) => text.clone(),
        _ => return Err(unknown("SET NAMES")),
    };
    if charset.word(&["COLLATE"]) {
        charset.next();
    }
    match charset.0 {
        [] => text("character_set_client", name),
        _ => Err(unknown("SET NAMES")),
    }
}

fn assigned(tokens: &[Token]) -> Known<Assigned> {
    let mut piece = Piece(tokens);
    let mut global = piece.word(&["GLOBAL", "PERSIST", "PERSIST_ONLY"]);
    if !global {
        piece.word(&["SESSION", "LOCAL"]);
    }
    let mut name = piece.dotted()?.join(".").to_lowercase();
    for (prefix, is_global) in [
        ("@@global.", true),
        ("@@persist.", true),
        ("@@persist_only.", true),
        ("@@session.", false),
        ("@@local.", false),
        ("@@", false),
    ] {
        if let Some(bare) = name.strip_prefix(prefix) {
            name = bare.to_owned();
            global |= is_global;
            break;
        }
    }
    match piece.next() {
        Some(Token::Eq | Token::Assignment) => {}
        _ => return Err(unknown("SET")),
    }
    let value = match piece.0 {
        [Token::Word(word)] if !word.value.starts_with('@') => Assignable::Text(word.value.clone()),
        [Token::SingleQuotedString(text)] => Assignable::Text(text.clone()),
        expression => Assignable::Value(Box::new(parsed(expression.to_vec(), |parser| {
            parser.parse_expr()
        })?)),
    };
    Ok(Assigned {
        name,
        global,
        value,
    })
}
