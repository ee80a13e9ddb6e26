//! Reading a statement's tokens one by one, for forms that sqlparser does not have.

use sqlparser::tokenizer::Token;

use crate::opacity::{self, Known};

/// An unquoted word, in upper case.
pub(super) fn keyword(token: &Token) -> Option<String> {
    match token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_ascii_uppercase()),
        _ => None,
    }
}

pub(super) fn unknown(what: &str) -> model::Opacity {
    opacity::unsupported(&format!("this form of {what} is not analysed"))
}

/// What is left of a statement's tokens.
pub(super) struct Piece<'a>(pub(super) &'a [Token]);

impl Piece<'_> {
    pub(super) fn next(&mut self) -> Option<&Token> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    /// Takes one of these words, if it is next.
    pub(super) fn word(&mut self, words: &[&str]) -> bool {
        let is_next = self
            .0
            .first()
            .and_then(keyword)
            .is_some_and(|word| words.contains(&word.as_str()));
        if is_next {
            self.next();
        }
        is_next
    }

    pub(super) fn string(&mut self) -> Known<String> {
        match self.next() {
            Some(Token::SingleQuotedString(text)) => Ok(text.clone()),
            _ => Err(unknown("a file's name")),
        }
    }

    /// `CHARACTER SET x FIELDS TERMINATED BY 'a' ...`
    pub(super) fn file_options(&mut self) {
        loop {
            if self.word(&["CHARACTER", "CHARSET"]) {
                self.word(&["SET"]);
                self.next();
            } else if matches!(
                self.0.first(),
                Some(Token::SingleQuotedString(_) | Token::HexStringLiteral(_))
            ) {
                self.next();
            } else if !self.word(&[
                "FIELDS",
                "COLUMNS",
                "LINES",
                "TERMINATED",
                "OPTIONALLY",
                "ENCLOSED",
                "ESCAPED",
                "STARTING",
                "BY",
            ]) {
                return;
            }
        }
    }

    pub(super) fn variables(&mut self) -> Known<()> {
        loop {
            match self.next() {
                Some(Token::Word(word))
                    if word.quote_style.is_none() && word.value.starts_with('@') => {}
                _ => return Err(unknown("INTO")),
            }
            if self.0.first() != Some(&Token::Comma) {
                return Ok(());
            }
            self.next();
        }
    }

    /// `t` or `d.t`.
    pub(super) fn dotted(&mut self) -> Known<Vec<String>> {
        let mut parts = Vec::new();
        loop {
            match self.next() {
                Some(Token::Word(word)) => parts.push(word.value.clone()),
                _ => return Err(unknown("a name")),
            }
            if self.0.first() != Some(&Token::Period) {
                return Ok(parts);
            }
            self.next();
        }
    }

    /// `(a, @b, c)`
    pub(super) fn list(&mut self) -> Known<Vec<String>> {
        let mut names = Vec::new();
        self.next();
        loop {
            match self.next() {
                Some(Token::Word(word)) => names.push(word.value.clone()),
                _ => return Err(unknown("a list of columns")),
            }
            match self.next() {
                Some(Token::Comma) => {}
                Some(Token::RParen) => return Ok(names),
                _ => return Err(unknown("a list of columns")),
            }
        }
    }
}
