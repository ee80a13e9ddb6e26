//! A text as MySQL cuts it into tokens, for sqlparser's grammar.
//!
//! The cutting is not left to sqlparser, because what is a comment, a string or a name depends on the session's
//! `sql_mode`, and a firewall that cuts otherwise than the server reads another statement. What two servers or modes may
//! read in two ways is not read at all. <https://dev.mysql.com/doc/refman/8.4/en/language-structure.html>

use sqlparser::tokenizer::{Token, Word};

use super::session::Settings;
use crate::opacity::{self, Known};

/// The tokens of a text, without spaces and comments.
pub(super) fn tokens(text: &[u8], settings: &Settings) -> Known<Vec<Token>> {
    if text.contains(&0) {
        return Err(syntax("the text contains a NUL byte"));
    }
    if !text.is_ascii() && settings.utf8 != Some(true) {
        return Err(encoding(
            "the text is not ASCII and character_set_client is not known to be UTF-8",
        ));
    }
    let text = std::str::from_utf8(text).map_err(|_| encoding("the text is not UTF-8"))?;
    let mut lexer = Lexer {
        rest: text,
        settings,
        tokens: Vec::new(),
    };
    while lexer.step()? {}
    Ok(lexer.tokens)
}

fn syntax(explanation: &str) -> model::Opacity {
    opacity::of("syntax", explanation.to_owned())
}

fn encoding(explanation: &str) -> model::Opacity {
    opacity::of("encoding", explanation.to_owned())
}

/// What a text means in one `sql_mode` and not in another.
fn modal(explanation: &str) -> model::Opacity {
    opacity::of(
        "session",
        format!("{explanation} depends on sql_mode, which is not known"),
    )
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$'
}

struct Lexer<'a> {
    rest: &'a str,
    settings: &'a Settings,
    tokens: Vec<Token>,
}

/// Operators, the longer ones first.
const OPERATORS: [(&str, Token); 28] = [
    ("<=>", Token::Spaceship),
    ("->>", Token::LongArrow),
    ("->", Token::Arrow),
    ("<>", Token::Neq),
    ("!=", Token::Neq),
    ("<=", Token::LtEq),
    (">=", Token::GtEq),
    ("<<", Token::ShiftLeft),
    (">>", Token::ShiftRight),
    (":=", Token::Assignment),
    ("=", Token::Eq),
    ("<", Token::Lt),
    (">", Token::Gt),
    ("+", Token::Plus),
    ("-", Token::Minus),
    ("*", Token::Mul),
    ("/", Token::Div),
    ("%", Token::Mod),
    ("^", Token::Caret),
    ("~", Token::Tilde),
    ("|", Token::Pipe),
    ("&", Token::Ampersand),
    ("!", Token::ExclamationMark),
    ("(", Token::LParen),
    (")", Token::RParen),
    (",", Token::Comma),
    (";", Token::SemiColon),
    (".", Token::Period),
];

impl<'a> Lexer<'a> {
    /// Takes one token, space or comment; false at the end.
    fn step(&mut self) -> Known<bool> {
        let rest = self.rest;
        let Some(first) = rest.chars().next() else {
            return Ok(false);
        };
        match first {
            ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c' => {
                self.rest = rest.trim_start_matches(first)
            }
            '#' => self.line(),
            '-' if is_line_comment(rest) => self.line(),
            '/' if rest.starts_with("/*") => self.comment()?,
            '\'' | '"' => self.quoted(first)?,
            '`' => self.backticks()?,
            '@' => self.variable()?,
            '0'..='9' => self.number()?,
            '.' if rest
                .get(1..)
                .is_some_and(|r| r.starts_with(|c: char| c.is_ascii_digit())) =>
            {
                self.number()?;
            }
            '?' => self.take(1, Token::Placeholder("?".to_owned())),
            c if is_name(c) => self.word()?,
            _ => self.operator()?,
        }
        Ok(true)
    }

    fn take(&mut self, length: usize, token: Token) {
        self.skip(length);
        self.tokens.push(token);
    }

    fn skip(&mut self, length: usize) {
        self.rest = self.rest.get(length..).unwrap_or_default();
    }

    fn line(&mut self) {
        self.rest = self.rest.split_once('\n').map_or("", |(_, after)| after);
    }

    fn comment(&mut self) -> Known<()> {
        let (comment, after) = self
            .rest
            .get(2..)
            .and_then(|inside| inside.split_once("*/"))
            .ok_or_else(|| syntax("a comment has no end"))?;
        if comment.starts_with('!') || comment.starts_with("M!") {
            return Err(opacity::unsupported(
                "servers run what stands in /*! */ or not, by their version: write it without the comment",
            ));
        }
        if comment.starts_with('+') && comment.to_ascii_uppercase().contains("SET_VAR") {
            return Err(opacity::unsupported(
                "the hint SET_VAR is not analysed: use SET",
            ));
        }
        self.rest = after;
        Ok(())
    }

    fn quoted(&mut self, quote: char) -> Known<()> {
        if quote == '\'' {
            let text = self.string(quote)?;
            self.push_string(text);
            return Ok(());
        }
        let modes = self
            .settings
            .modes
            .ok_or_else(|| modal("what \" encloses"))?;
        if modes.ansi_quotes {
            let name = self.doubled(quote)?;
            self.name(name);
        } else {
            let text = self.string(quote)?;
            self.push_string(text);
        }
        Ok(())
    }

    /// Strings beside each other are one.
    fn push_string(&mut self, text: String) {
        match self.tokens.last_mut() {
            Some(Token::SingleQuotedString(before)) => before.push_str(&text),
            _ => self.tokens.push(Token::SingleQuotedString(text)),
        }
    }

    fn name(&mut self, name: String) {
        self.tokens.push(Token::Word(Word {
            value: name,
            quote_style: Some('`'),
            keyword: sqlparser::keywords::Keyword::NoKeyword,
        }));
    }

    fn backticks(&mut self) -> Known<()> {
        let name = self.doubled('`')?;
        self.name(name);
        Ok(())
    }

    /// What stands between two quotes, of which a doubled one is one.
    fn doubled(&mut self, quote: char) -> Known<String> {
        let mut text = String::new();
        self.skip(1);
        loop {
            let (part, after) = self
                .rest
                .split_once(quote)
                .ok_or_else(|| syntax("a quote has no end"))?;
            text.push_str(part);
            self.rest = after;
            if !after.starts_with(quote) {
                return Ok(text);
            }
            text.push(quote);
            self.skip(1);
        }
    }

    /// A string, with escapes where the mode has them.
    fn string(&mut self, quote: char) -> Known<String> {
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1).peekable();
        while let Some((place, c)) = chars.next() {
            match c {
                c if c == quote => match chars.peek() {
                    Some((_, next)) if *next == quote => {
                        chars.next();
                        text.push(quote);
                    }
                    _ => {
                        self.skip(place.saturating_add(1));
                        return Ok(text);
                    }
                },
                '\\' => {
                    let modes = self.settings.modes.ok_or_else(|| modal("a backslash"))?;
                    match (modes.no_backslash_escapes, chars.peek()) {
                        (false, Some((_, next))) => {
                            text.push_str(&escaped(*next));
                            chars.next();
                        }
                        _ => text.push('\\'),
                    }
                }
                c => text.push(c),
            }
        }
        Err(syntax("a string has no end"))
    }

    /// `@a`, `@'a'`, `@@a`; a name that begins so is no column.
    fn variable(&mut self) -> Known<()> {
        let signs = if self.rest.starts_with("@@") {
            "@@"
        } else {
            "@"
        };
        self.skip(signs.len());
        let name = match self.rest.chars().next() {
            Some(quote @ ('\'' | '"' | '`')) => {
                let name = self.doubled(quote)?;
                if name.contains('\\') {
                    return Err(opacity::unsupported(
                        "a variable's name has a backslash in it",
                    ));
                }
                name
            }
            _ => {
                let end = self.rest.find(|c| !is_name(c)).unwrap_or(self.rest.len());
                let name = self.rest.get(..end).unwrap_or_default().to_owned();
                self.skip(end);
                name
            }
        };
        self.tokens.push(Token::Word(Word {
            value: format!("{signs}{name}"),
            quote_style: None,
            keyword: sqlparser::keywords::Keyword::NoKeyword,
        }));
        Ok(())
    }

    fn word(&mut self) -> Known<()> {
        let end = self.rest.find(|c| !is_name(c)).unwrap_or(self.rest.len());
        let word = self.rest.get(..end).unwrap_or_default();
        let after = self.rest.get(end..).unwrap_or_default();
        if after.starts_with(|c: char| !c.is_ascii()) {
            return Err(opacity::unsupported(
                "a name has letters beyond ASCII in it: write it in backticks",
            ));
        }
        let quote = after.starts_with('\'');
        match word {
            "x" | "X" | "b" | "B" if quote => {
                self.skip(1);
                let digits = self.doubled('\'')?;
                self.tokens.push(Token::HexStringLiteral(digits));
            }
            "n" | "N" if quote => {
                self.skip(1);
                let text = self.string('\'')?;
                self.push_string(text);
            }
            _ => self.take(end, Token::make_word(word, None)),
        }
        Ok(())
    }

    /// A number. What a number begins and is none is a name (`1a`) or something that only some servers take (`1.e`).
    fn number(&mut self) -> Known<()> {
        let rest = self.rest;
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let at = |place: usize| rest.get(place..).unwrap_or_default();
        let behind_name = matches!(self.tokens.last(), Some(Token::Period | Token::Word(_)));
        let based = ["0x", "0b"].iter().any(|prefix| rest.starts_with(prefix));
        let end = if based {
            2 + at(2).bytes().take_while(u8::is_ascii_hexdigit).count()
        } else {
            let mut end = digits(rest);
            if at(end).starts_with('.') {
                end += 1 + digits(at(end + 1));
            }
            if at(end).starts_with(['e', 'E']) {
                let sign = usize::from(at(end + 1).starts_with(['+', '-']));
                let exponent = digits(at(end + 1 + sign));
                end += if exponent > 0 { 1 + sign + exponent } else { 0 };
            }
            end
        };
        let stuck = at(end).starts_with(|c: char| is_name(c) || !c.is_ascii() || c == '.');
        let dotted = rest.starts_with('.') || matches!(self.tokens.last(), Some(Token::Period));
        if stuck || (behind_name && dotted) {
            return Err(opacity::unsupported(
                "a name that begins with a digit is not analysed: write it in backticks",
            ));
        }
        let number = rest.get(..end).unwrap_or_default().to_owned();
        let token = match based {
            true => Token::HexStringLiteral(number),
            false => Token::Number(number, false),
        };
        self.take(end, token);
        Ok(())
    }

    fn operator(&mut self) -> Known<()> {
        if self.rest.starts_with("||") {
            let modes = self.settings.modes.ok_or_else(|| modal("||"))?;
            let token = match modes.pipes_as_concat {
                true => Token::StringConcat,
                false => Token::make_word("OR", None),
            };
            self.take(2, token);
            return Ok(());
        }
        if self.rest.starts_with("&&") {
            self.take(2, Token::make_word("AND", None));
            return Ok(());
        }
        for (operator, token) in OPERATORS {
            if self.rest.starts_with(operator) {
                self.take(operator.len(), token);
                return Ok(());
            }
        }
        let c = self.rest.chars().next().unwrap_or_default();
        Err(opacity::unsupported(&format!(
            "the character {} outside of quotes is not analysed",
            c.escape_default()
        )))
    }
}

/// `--` begins a comment only before a space, a control character or the end.
fn is_line_comment(rest: &str) -> bool {
    let after = rest.strip_prefix("--");
    after.is_some_and(|after| {
        after
            .chars()
            .next()
            .is_none_or(|c| c == ' ' || c.is_ascii_control())
    })
}

/// <https://dev.mysql.com/doc/refman/8.4/en/string-literals.html#character-escape-sequences>
fn escaped(c: char) -> String {
    match c {
        '0' => "\0".to_owned(),
        'b' => "\x08".to_owned(),
        'n' => "\n".to_owned(),
        'r' => "\r".to_owned(),
        't' => "\t".to_owned(),
        'Z' => "\x1a".to_owned(),
        '%' | '_' => format!("\\{c}"),
        c => c.to_string(),
    }
}
