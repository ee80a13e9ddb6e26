//! Finding contents within texts: one automaton for all kinds.

use std::ops::Range;
use std::sync::Arc;

use regex_automata::meta::{BuildError, Regex};
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};

use crate::Content;

/// What candidates look like, in the order of [`Content::ALL`]. Of two that begin at one place the first counts.
const PATTERNS: [&str; 8] = [
    // To its end, or where that is missing to the text's.
    r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:(?s:.)*?-----END [A-Z0-9 ]+-----|(?s:.)*)",
    r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+",
    r"\b(?:A[KS]IA[A-Z0-9]{16}\b|AIza[\w-]{35}|gh[pousr]_\w{36,}|github_pat_\w{36,}|xox[bp]-[\w-]{10,}|xapp-[\w-]{10,}|[sr]k_live_\w{16,}|glpat-[\w-]{20,})",
    r"[A-Za-z0-9_][A-Za-z0-9._%+-]*@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}\b",
    r"\b[A-Za-z]{2}[0-9]{2}(?: ?[A-Za-z0-9]){11,30}\b",
    r"\b[2-6][0-9](?:[ -]?[0-9]){11,17}\b",
    r"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b",
    r"\+[1-9](?:[ .()/-]{0,2}[0-9]){7,14}\b",
];

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub content: Content,
    /// Where, in bytes.
    pub range: Range<usize>,
}

/// The automaton. Cloning shares what does not change; each thread works fastest with a clone of its own.
#[derive(Clone, Debug)]
pub struct Scanner(Arc<Regex>);

impl Scanner {
    /// Builds it.
    ///
    /// # Errors
    ///
    /// None that depends on anything: a broken build.
    pub fn new() -> Result<Self, Box<BuildError>> {
        let ascii = syntax::Config::new().unicode(false).utf8(false);
        let regex = Regex::builder().syntax(ascii).build_many(&PATTERNS)?;
        Ok(Self(Arc::new(regex)))
    }

    /// Everything in this text, from front to back. What is found does not overlap. Bytes that are not UTF-8 are not
    /// part of anything but a private key.
    pub fn find<'s>(&'s self, text: &'s [u8]) -> impl Iterator<Item = Found> + 's {
        let mut from = 0;
        std::iter::from_fn(move || {
            while from <= text.len() {
                let input = Input::new(text).range(from..).anchored(Anchored::No);
                let candidate = self.0.search(&input)?;
                let content = *Content::ALL.get(candidate.pattern().as_usize())?;
                if let Some(range) = checked(content, text, candidate.range()) {
                    from = range.end;
                    return Some(Found { content, range });
                }
                // Something else may begin within what is none.
                from = candidate.start() + 1;
            }
            None
        })
    }
}

/// How much of the candidate is one.
fn checked(content: Content, text: &[u8], range: Range<usize>) -> Option<Range<usize>> {
    // Its body may be of any bytes, and its frame was compared.
    if content == Content::PrivateKey {
        return Some(range);
    }
    let mut candidate = std::str::from_utf8(text.get(range.clone())?).ok()?;
    loop {
        if content.is_whole(candidate) {
            return Some(range.start..range.start + candidate.len());
        }
        // Words or numbers that stand behind it look like parts of it.
        let (shorter, _) = candidate.rsplit_once([' ', '-'])?;
        candidate = shorter;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(text: &str) -> Vec<(Content, &str)> {
        let scanner = Scanner::new().unwrap();
        let found = scanner.find(text.as_bytes());
        found
            .map(|found| (found.content, &text[found.range]))
            .collect()
    }

    #[test]
    fn everything_is_found_within_a_text() {
        for (text, content, part) in [
            (
                "pays by 4111 1111 1111 1111, he says",
                Content::Card,
                "4111 1111 1111 1111",
            ),
            (
                "card:5500-0000-0000-0004.",
                Content::Card,
                "5500-0000-0000-0004",
            ),
            (
                "card 4111111111111111 12 2027",
                Content::Card,
                "4111111111111111",
            ),
            (
                "to DE44 5001 0517 5407 3249 31 AND NOT",
                Content::Iban,
                "DE44 5001 0517 5407 3249 31",
            ),
            (
                "iban=GB33BUKB20201555555555;",
                Content::Iban,
                "GB33BUKB20201555555555",
            ),
            ("ssn 536-90-4399!", Content::SocialSecurity, "536-90-4399"),
            (
                "mail <ada@analytical.org>.",
                Content::Email,
                "ada@analytical.org",
            ),
            ("call +43 1 5880000 or", Content::Phone, "+43 1 5880000"),
            (
                "key AKIAIOSFODNN7EXAMPLE in",
                Content::AccessKey,
                "AKIAIOSFODNN7EXAMPLE",
            ),
            (
                "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP ok",
                Content::WebToken,
                "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP",
            ),
            (
                "x -----BEGIN EC PRIVATE KEY-----\nA-B\n-----END EC PRIVATE KEY----- y",
                Content::PrivateKey,
                "-----BEGIN EC PRIVATE KEY-----\nA-B\n-----END EC PRIVATE KEY-----",
            ),
        ] {
            assert_eq!(found(text), [(content, part)], "{text}");
        }
        assert_eq!(
            found("a@b.org, 536-90-4399 and c@d.org").len(),
            3,
            "more than one"
        );
    }

    #[test]
    fn a_key_without_an_end_goes_to_the_texts() {
        let text = "-----BEGIN PRIVATE KEY-----\nMHQCAQEE";
        assert_eq!(found(text), [(Content::PrivateKey, text)]);
    }

    #[test]
    fn what_only_looks_like_it_is_not_found() {
        for text in [
            "4111111111111112",
            "order 1234567890123456",
            "DE44500105175407324932",
            "000-12-3456 666-12-3456 900-12-3456",
            "536-90-43991",
            "a@b @ x@",
            "+1 +0123456789",
            "eyJ.a eyJhbGci",
            "2024-01-01 12:30:00 1.2.3",
            "AKIA AKIA123",
            "-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----",
            "",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_found_is_in_order_and_within(text: Vec<u8>) {
            let scanner = Scanner::new().unwrap();
            let mut end = 0;
            for found in scanner.find(&text) {
                prop_assert!(end <= found.range.start && found.range.start < found.range.end);
                prop_assert!(found.range.end <= text.len());
                end = found.range.end;
            }
        }

        #[test]
        fn a_number_is_found_whatever_is_around_it(before in "[^0-9A-Za-z_@+-]{0,20}", after in "[^0-9A-Za-z_ -]{0,20}") {
            let text = format!("{before}4111111111111111{after}");
            let found = found(&text);
            prop_assert!(found.contains(&(Content::Card, "4111111111111111")), "{:?}", found);
        }
    }
}
