//! From tokens to statements: sqlparser's grammar, and a few forms that it does not have.
//!
//! What neither knows is opaque: sqlparser takes less than MySQL does, so a text that it refuses may well run.

use std::panic::{AssertUnwindSafe, catch_unwind};

use sqlparser::ast::Statement;
use sqlparser::dialect::MySqlDialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::forms::{Assigned, Load, load, set, show};
use super::piece::{Piece, keyword};
use crate::opacity::{self, Known};

/// One statement of a text.
#[derive(Debug)]
pub(super) enum Parsed {
    /// A statement of sqlparser's.
    Sql(Box<Statement>),
    /// `SELECT ... INTO`: the query without it, and the file that it writes, or none where it sets variables.
    Into(Box<Statement>, Option<String>),
    /// `DO`: the query that gives the same values.
    Do(Box<Statement>),
    /// `SET` of variables: each with its scope and value.
    Set(Vec<Assigned>),
    /// `LOAD DATA`
    Load(Load),
    /// `SHOW`: the table of `information_schema` that tells the same; none where everybody may know it.
    Show(Option<&'static str>),
}

/// More operators in one statement than sqlparser's trees, which they make deep, may have.
const MOST_OPERATORS: usize = 2_000;
/// sqlparser tries several readings of what is in brackets, within each other.
const MOST_BRACKETS: usize = 24;

/// The statements of these tokens.
pub(super) fn statements(tokens: &[Token]) -> Known<Vec<Parsed>> {
    let pieces = tokens.split(|token| *token == Token::SemiColon);
    let pieces = pieces.filter(|piece| !piece.is_empty());
    pieces.map(statement).collect()
}

fn statement(tokens: &[Token]) -> Known<Parsed> {
    bounded(tokens)?;
    let tokens = &plainer(tokens);
    let word = |place: usize| tokens.get(place).and_then(keyword).unwrap_or_default();
    match word(0).as_str() {
        "PREPARE" | "EXECUTE" => Err(opacity::dynamic(
            "a prepared statement's text is not known here",
        )),
        "CREATE" | "ALTER" if makes_routine(tokens) => Err(opacity::unsupported(
            "routines, triggers and events hold statements that are not analysed",
        )),
        "SHOW" => show(tokens),
        "SET" => set(tokens),
        "LOAD" => load(&mut Piece(tokens)).map(Parsed::Load),
        "DO" => {
            let values = tokens.get(1..).unwrap_or_default();
            let query = [&[Token::make_word("SELECT", None)], values].concat();
            Ok(Parsed::Do(Box::new(sql(query)?)))
        }
        _ => match into(tokens)? {
            Some((query, file)) => Ok(Parsed::Into(Box::new(sql(query)?), file)),
            None => Ok(Parsed::Sql(Box::new(sql(tokens.clone())?))),
        },
    }
}

/// The same statement without what sqlparser does not take and no fact depends on.
fn plainer(tokens: &[Token]) -> Vec<Token> {
    let words = |words: &[&str]| {
        words
            .iter()
            .map(|word| Token::make_word(word, None))
            .collect::<Vec<_>>()
    };
    let first = tokens.first().and_then(keyword).unwrap_or_default();
    let priorities: &[&str] = match first.as_str() {
        "DELETE" => &["LOW_PRIORITY", "QUICK", "IGNORE"],
        "INSERT" | "REPLACE" | "UPDATE" => &["LOW_PRIORITY", "HIGH_PRIORITY", "DELAYED", "IGNORE"],
        _ => &[],
    };
    let is_priority =
        |token: &&Token| keyword(token).is_some_and(|word| priorities.contains(&word.as_str()));
    let rest = tokens.get(1..).unwrap_or_default();
    let skipped = rest.iter().take_while(is_priority).count();
    let rest = rest.get(skipped..).unwrap_or_default();
    let start = match first.as_str() {
        // `TABLE t` is short for `SELECT * FROM t`.
        "TABLE" => [words(&["SELECT"]), vec![Token::Mul], words(&["FROM"])].concat(),
        _ => tokens.first().cloned().into_iter().collect(),
    };
    let mut plainer = [start.as_slice(), rest].concat();
    let share = words(&["LOCK", "IN", "SHARE", "MODE"]);
    let is_share = |part: &[Token]| part.iter().map(keyword).eq(share.iter().map(keyword));
    while let Some(place) = plainer.windows(share.len()).position(is_share) {
        plainer.splice(place..place + share.len(), words(&["FOR", "SHARE"]));
    }
    plainer
}

fn bounded(tokens: &[Token]) -> Known<()> {
    let mut depth = 0_usize;
    let mut operators = 0_usize;
    let mut before = &Token::Comma;
    for token in tokens {
        match token {
            Token::LParen => depth = depth.saturating_add(1),
            Token::RParen => depth = depth.saturating_sub(1),
            Token::Minus if matches!(before, Token::Comma | Token::LParen) => {}
            Token::Comma | Token::Period | Token::Number(..) | Token::SingleQuotedString(_) => {}
            Token::Placeholder(_) | Token::HexStringLiteral(_) => {}
            Token::Word(word) if word.keyword == sqlparser::keywords::Keyword::NoKeyword => {}
            Token::Word(word)
                if matches!(
                    word.value.to_ascii_uppercase().as_str(),
                    "NULL" | "DEFAULT" | "TRUE" | "FALSE"
                ) => {}
            _ => operators = operators.saturating_add(1),
        }
        before = token;
        if depth > MOST_BRACKETS || operators > MOST_OPERATORS {
            return Err(opacity::unsupported(
                "the statement is nested too deeply to be analysed: write it with fewer levels",
            ));
        }
    }
    Ok(())
}

/// What this part of the grammar makes of all these tokens.
pub(super) fn parsed<T>(
    tokens: Vec<Token>,
    parse: impl FnOnce(&mut Parser<'_>) -> Result<T, ParserError>,
) -> Known<T> {
    let dialect = MySqlDialect {};
    let result = catch_unwind(AssertUnwindSafe(|| {
        let mut parser = Parser::new(&dialect).with_tokens(tokens);
        let parsed = parse(&mut parser)?;
        parser.expect_token(&Token::EOF)?;
        Ok(parsed)
    }));
    match result {
        Ok(Ok(parsed)) => Ok(parsed),
        Ok(Err(ParserError::RecursionLimitExceeded)) => Err(opacity::unsupported(
            "the statement is nested too deeply to be analysed: write it with fewer levels",
        )),
        Ok(Err(ParserError::ParserError(message) | ParserError::TokenizerError(message))) => {
            Err(opacity::of("syntax", message))
        }
        Err(_) => Err(opacity::unsupported(
            "the parser does not cope with this statement",
        )),
    }
}

fn sql(tokens: Vec<Token>) -> Known<Statement> {
    parsed(tokens, |parser| parser.parse_statement())
}

/// `CREATE [OR REPLACE] [DEFINER = ...] PROCEDURE` and its kin, whose bodies have semicolons of their own.
fn makes_routine(tokens: &[Token]) -> bool {
    let before_name = tokens.iter().take(16).map_while(|token| match token {
        Token::LParen => None,
        token => Some(keyword(token).unwrap_or_default()),
    });
    let kinds = ["PROCEDURE", "FUNCTION", "TRIGGER", "EVENT", "PACKAGE"];
    let mut words = before_name.skip(1);
    words.any(|word| kinds.contains(&word.as_str()))
}

/// Cuts `INTO OUTFILE`, `INTO DUMPFILE` and `INTO @variable` out of a query.
fn into(tokens: &[Token]) -> Known<Option<(Vec<Token>, Option<String>)>> {
    let mut depth = 0_i32;
    let is_query = matches!(
        tokens.first().and_then(keyword).as_deref(),
        Some("SELECT" | "WITH" | "TABLE" | "VALUES") | None
    );
    for (place, token) in tokens.iter().enumerate() {
        match token {
            Token::LParen => depth = depth.saturating_add(1),
            Token::RParen => depth = depth.saturating_sub(1),
            token if is_query && depth == 0 && keyword(token).as_deref() == Some("INTO") => {
                let (head, tail) = tokens.split_at(place);
                let mut piece = Piece(tail.get(1..).unwrap_or_default());
                let file = if piece.word(&["OUTFILE", "DUMPFILE"]) {
                    let file = Some(piece.string()?);
                    piece.file_options();
                    file
                } else {
                    piece.variables()?;
                    None
                };
                return Ok(Some(([head, piece.0].concat(), file)));
            }
            _ => {}
        }
    }
    Ok(None)
}
