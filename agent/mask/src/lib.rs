//! Mask functions over one value, keeping its type and wire format.
//!
//! Knows no protocol: an engine says what kind of value it holds, and writes what comes back in its own framing.
//! A value that cannot be masked within its type becomes NULL, never clear.

use std::borrow::Cow;

use model::MaskFunction;

/// What stands for a value whose text is not shown.
const REDACTED: &str = "***";

/// What a value is, as far as masking cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text in the client's encoding; its text and binary formats are the same bytes.
    Text,
    /// JSON in its text form.
    Json,
    /// Every other type.
    Other,
}

/// The masked form of a value that is not NULL, or `None` for NULL.
pub fn apply<'a>(function: &'a MaskFunction, kind: Kind, value: &[u8]) -> Option<Cow<'a, [u8]>> {
    match (function, kind) {
        (MaskFunction::Null, _) | (_, Kind::Other) => None,
        (MaskFunction::Redact, Kind::Json) => Some(Cow::Borrowed(b"null")),
        (_, Kind::Json) => None,
        (MaskFunction::Redact, Kind::Text) => Some(Cow::Borrowed(REDACTED.as_bytes())),
        (MaskFunction::Fixed(text), Kind::Text) => Some(Cow::Borrowed(text.as_bytes())),
        (
            MaskFunction::Partial {
                prefix,
                pad,
                suffix,
            },
            Kind::Text,
        ) => Some(partial(value, *prefix, pad, *suffix)),
        (MaskFunction::Email, Kind::Text) => Some(email(value)),
    }
}

/// Keeps `prefix` and `suffix` characters. What is too short to hide anything, or is not UTF-8, becomes the padding.
fn partial<'a>(value: &[u8], prefix: usize, pad: &'a str, suffix: usize) -> Cow<'a, [u8]> {
    let Ok(text) = std::str::from_utf8(value) else {
        return Cow::Borrowed(pad.as_bytes());
    };
    let length = text.chars().count();
    if length <= prefix.saturating_add(suffix) {
        return Cow::Borrowed(pad.as_bytes());
    }
    let masked: String = text
        .chars()
        .take(prefix)
        .chain(pad.chars())
        .chain(text.chars().skip(length - suffix))
        .collect();
    Cow::Owned(masked.into_bytes())
}

/// `alice@example.com` -> `a***@***.com`.
fn email(value: &[u8]) -> Cow<'static, [u8]> {
    let redacted = Cow::Borrowed(REDACTED.as_bytes());
    let Ok(text) = std::str::from_utf8(value) else {
        return redacted;
    };
    let Some((local, domain)) = text.split_once('@') else {
        return redacted;
    };
    let (Some(first), Some((_, top_level))) = (local.chars().next(), domain.rsplit_once('.'))
    else {
        return redacted;
    };
    let is_top_level = !top_level.is_empty() && top_level.bytes().all(|b| b.is_ascii_alphabetic());
    if !is_top_level {
        return redacted;
    }
    Cow::Owned(format!("{first}{REDACTED}@{REDACTED}.{top_level}").into_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn masked(function: &MaskFunction, kind: Kind, value: &str) -> Option<String> {
        apply(function, kind, value.as_bytes())
            .map(|value| String::from_utf8(value.into_owned()).unwrap())
    }

    fn card() -> MaskFunction {
        MaskFunction::Partial {
            prefix: 0,
            pad: "XXXX-".into(),
            suffix: 4,
        }
    }

    #[test]
    fn partial_keeps_the_ends() {
        assert_eq!(
            masked(&card(), Kind::Text, "4012888888881881").as_deref(),
            Some("XXXX-1881")
        );
    }

    #[test]
    fn partial_hides_a_value_that_its_ends_would_show_whole() {
        assert_eq!(
            masked(&card(), Kind::Text, "1881").as_deref(),
            Some("XXXX-")
        );
    }

    #[test]
    fn partial_counts_characters_not_bytes() {
        assert_eq!(
            masked(&card(), Kind::Text, "äöüßäöüß").as_deref(),
            Some("XXXX-äöüß")
        );
    }

    #[test]
    fn an_address_keeps_its_first_letter_and_top_level_domain() {
        let email = MaskFunction::Email;
        assert_eq!(
            masked(&email, Kind::Text, "alice@example.com").as_deref(),
            Some("a***@***.com")
        );
        for no_address in ["alice", "@example.com", "alice@localhost", "a@b.", "a@b.c4"] {
            assert_eq!(
                masked(&email, Kind::Text, no_address).as_deref(),
                Some("***")
            );
        }
    }

    #[test]
    fn a_type_that_cannot_hold_the_mask_becomes_null() {
        for function in [MaskFunction::Redact, card(), MaskFunction::Email] {
            assert_eq!(masked(&function, Kind::Other, "42"), None);
        }
        assert_eq!(
            masked(&MaskFunction::Redact, Kind::Json, "{}").as_deref(),
            Some("null")
        );
        assert_eq!(masked(&card(), Kind::Json, "{}"), None);
    }

    proptest! {
        #[test]
        fn no_mask_but_partial_and_email_lets_any_part_of_the_value_through(value: Vec<u8>) {
            let fixed = MaskFunction::Fixed("hidden".into());
            prop_assert_eq!(apply(&fixed, Kind::Text, &value), Some(Cow::Borrowed(&b"hidden"[..])));
            prop_assert_eq!(apply(&MaskFunction::Redact, Kind::Text, &value), Some(Cow::Borrowed(&b"***"[..])));
            prop_assert_eq!(apply(&MaskFunction::Null, Kind::Text, &value), None);
        }

        #[test]
        fn partial_never_shows_more_than_it_says(value in "\\PC{0,40}", prefix in 0usize..6, suffix in 0usize..6) {
            let function = MaskFunction::Partial { prefix, pad: "".into(), suffix };
            let shown = masked(&function, Kind::Text, &value).unwrap();
            let length = value.chars().count();
            let expected = if length <= prefix + suffix { 0 } else { prefix + suffix };
            prop_assert_eq!(shown.chars().count(), expected);
        }
    }
}
