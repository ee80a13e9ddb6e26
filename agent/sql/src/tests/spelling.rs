//! The same statement, written otherwise: spaces, comments, case and quotes that mean nothing change no fact.
//!
//! Texts are respelled by the scanner's own tokens, so that strings, dollar quotes, operators and numbers stay as they
//! are.

use pg_query::protobuf::{KeywordKind, ScanToken, Token};
use proptest::prelude::*;

use super::*;
use crate::{Pattern, analyse_alike};

/// One statement (or text of several) per line.
const STATEMENTS: &str = include_str!("statements.sql");

/// What may stand between any two tokens.
const GAPS: [&str; 6] = [
    " ",
    "\n\t ",
    " /* DELETE FROM emp; ' \" $$ */ ",
    " /* a /* nested */ ; */ ",
    " -- where true; ' \" /*\n",
    "\x0c\r\n",
];

/// Decisions, one after the other, that begin anew when there are no more.
struct Choices<'a>(std::iter::Cycle<std::slice::Iter<'a, u8>>);

impl<'a> Choices<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self(bytes.iter().cycle())
    }

    fn below(&mut self, end: usize) -> usize {
        usize::from(*self.0.next().unwrap()) % end
    }
}

/// A token and whether it stands behind a dot, where only names can.
#[derive(Clone, Copy)]
struct Word<'a> {
    text: &'a str,
    token: Token,
    keyword: bool,
    behind_dot: bool,
}

/// The tokens of a text without its comments; nothing where the scanner refuses it.
fn words(text: &str) -> Vec<Word<'_>> {
    let is_comment =
        |token: &ScanToken| matches!(token.token(), Token::SqlComment | Token::CComment);
    let mut words: Vec<Word<'_>> = Vec::new();
    let scanned = pg_query::scan(text).map(|result| result.tokens);
    for token in scanned
        .unwrap_or_default()
        .iter()
        .filter(|t| !is_comment(t))
    {
        words.push(Word {
            text: &text[token.start as usize..token.end as usize],
            token: token.token(),
            keyword: token.keyword_kind() != KeywordKind::NoKeyword,
            behind_dot: words.last().is_some_and(|before| before.text == "."),
        });
    }
    words
}

impl Word<'_> {
    fn respelled(&self, choices: &mut Choices<'_>) -> String {
        if let Some(name) = self
            .text
            .strip_prefix('"')
            .and_then(|name| name.strip_suffix('"'))
        {
            let bare = self.token == Token::Ident && is_bare(name) && choices.below(2) == 0;
            return match bare {
                true => recased(name, choices),
                false => self.text.to_owned(),
            };
        }
        let is_name = self.token == Token::Ident || (self.keyword && self.behind_dot);
        match is_name || self.keyword {
            true if is_name && choices.below(3) == 0 => {
                format!("\"{}\"", self.text.to_ascii_lowercase())
            }
            true => recased(self.text, choices),
            false => self.text.to_owned(),
        }
    }
}

/// Whether a quoted name means the same without its quotes.
fn is_bare(name: &str) -> bool {
    let is_small = |c: char| c.is_ascii_lowercase() || c == '_';
    name.starts_with(is_small)
        && name.chars().all(|c| is_small(c) || c.is_ascii_digit())
        && matches!(words(name).as_slice(), [word] if !word.keyword)
}

fn recased(text: &str, choices: &mut Choices<'_>) -> String {
    let recase = |c: char| match choices.below(2) {
        0 => c.to_ascii_uppercase(),
        _ => c.to_ascii_lowercase(),
    };
    text.chars().map(recase).collect()
}

/// Words between which other gaps and spellings are chosen.
fn joined(
    words: &[Word<'_>],
    choices: &mut Choices<'_>,
    value: impl Fn(Word<'_>) -> Option<String>,
) -> String {
    let mut out = GAPS[choices.below(GAPS.len())].to_owned();
    let mut before: Option<Word<'_>> = None;
    for word in words {
        if let Some(before) = before {
            let stuck = [before, *word]
                .iter()
                .any(|word| matches!(word.text, "(" | ")" | "," | ";" | "[" | "]"));
            // Strings with a line's end between them would be one string.
            let strings = before.token == Token::Sconst && word.token == Token::Sconst;
            out += match choices.below(3) {
                _ if strings => " ",
                0 if stuck => "",
                1 if before.keyword || stuck => "/**/",
                _ => GAPS[choices.below(GAPS.len())],
            };
        }
        out += &value(*word).unwrap_or_else(|| word.respelled(choices));
        before = Some(*word);
    }
    out + GAPS[choices.below(GAPS.len())]
}

fn respelled(text: &str, choices: &[u8]) -> String {
    joined(&words(text), &mut Choices::new(choices), |_| None)
}

/// The same with other values.
fn revalued(text: &str, choices: &[u8], digits: &str, plain: &str) -> String {
    joined(
        &words(text),
        &mut Choices::new(choices),
        |word| match word.token {
            Token::Iconst => Some(digits.to_owned()),
            Token::Sconst if word.text.starts_with('\'') => Some(format!("'{plain}'")),
            _ => None,
        },
    )
}

/// What may not differ. An opacity's explanation quotes the text, so only its kind counts.
fn comparable(text: &str) -> Facts {
    let mut facts = facts(text);
    if let Touches::Opaque(opacity) = &mut facts.touches {
        opacity.explanation.clear();
    }
    facts
}

/// Texts that the scanner can cut.
fn statements() -> impl Iterator<Item = &'static str> {
    STATEMENTS.lines().filter(|line| !words(line).is_empty())
}

#[test]
fn the_statements_are_many_and_mostly_understood() {
    let opaque = |text: &&str| matches!(facts(text).touches, Touches::Opaque(_));
    let all = statements().count();
    let understood = all - statements().filter(opaque).count();
    assert!(all >= 400 && understood >= 300, "{understood} of {all}");
}

#[test]
fn a_quoted_name_is_another_one_where_its_case_differs() {
    let emp = "select public.emp(ssn!)";
    check(&[
        ("SELECT SSN FROM EMP", &[emp]),
        ("SELECT \"ssn\" FROM \"emp\"", &[emp]),
        ("SELECT \"Ssn\" FROM \"Emp\"", &["select public.Emp(Ssn!)"]),
        ("SELECT \"Ssn\" FROM Emp", &["opaque unresolved"]),
        ("SELECT Ssn FROM \"Emp\"", &["opaque unresolved"]),
        ("SELECT \"SSN\" FROM emp", &["opaque unresolved"]),
        ("SELECT 1 FROM \"EMP\"", &["opaque unresolved"]),
        ("SELECT 1 FROM \"Public\".emp", &["opaque unresolved"]),
    ]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn spaces_comments_case_and_quotes_change_no_fact(choices in prop::collection::vec(any::<u8>(), 1..200)) {
        for text in statements() {
            let other = respelled(text, &choices);
            prop_assert_eq!(comparable(text), comparable(&other), "{}\n{}", text, other);
        }
    }

    #[test]
    fn a_text_that_fits_a_respelled_one_has_the_facts_of_the_first(
        choices in prop::collection::vec(any::<u8>(), 1..200),
        digits in "[0-9]{1,9}",
        plain in "[a-z -]{0,4}",
    ) {
        let snapshot = snapshot();
        for text in statements() {
            let one = respelled(text, &choices);
            let other = revalued(text, &choices, &digits, &plain);
            let (_, pattern): (_, Pattern) = analyse_alike(one.as_bytes(), &session(&snapshot), &snapshot);
            if pattern.fits(other.as_bytes()) {
                let (text, revalued) = (comparable(text), comparable(&other));
                prop_assert_eq!(without_values(text), without_values(revalued), "{}\n{}", one, other);
            }
        }
    }
}
