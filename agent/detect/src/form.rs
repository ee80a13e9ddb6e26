//! What a whole text has to be to be of a kind.

use email_address::EmailAddress;
use iban::Iban;

/// What access keys begin with, and how many letters and digits follow: AWS, Google, GitHub, Slack, Stripe, GitLab.
const ACCESS_KEYS: [(&str, usize); 15] = [
    ("AKIA", 16),
    ("ASIA", 16),
    ("AIza", 35),
    ("ghp_", 36),
    ("gho_", 36),
    ("ghu_", 36),
    ("ghs_", 36),
    ("ghr_", 36),
    ("github_pat_", 36),
    ("xoxb-", 10),
    ("xoxp-", 10),
    ("xapp-", 10),
    ("sk_live_", 16),
    ("rk_live_", 16),
    ("glpat-", 20),
];

/// PEM: RFC 7468. PGP: RFC 9580, section 6.2.
pub(crate) fn is_private_key(text: &str) -> bool {
    text.split_once("-----BEGIN ")
        .and_then(|(_, rest)| rest.split_once("-----"))
        .is_some_and(|(label, _)| {
            label.ends_with("PRIVATE KEY") || label.ends_with("PRIVATE KEY BLOCK")
        })
}

/// RFC 7519, in the compact form: three parts in base64url, of which the first begins like `{"`.
pub(crate) fn is_web_token(text: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(is_word);
    let parts = text.split('.');
    text.starts_with("eyJ") && parts.clone().count() == 3 && parts.into_iter().all(is_part)
}

pub(crate) fn is_access_key(text: &str) -> bool {
    ACCESS_KEYS.iter().any(|(start, least)| {
        let rest = text.strip_prefix(start);
        rest.is_some_and(|rest| rest.len() >= *least && rest.bytes().all(is_word))
    })
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// One that is delivered beyond its own host.
pub(crate) fn is_email(text: &str) -> bool {
    EmailAddress::is_valid(text)
        && text
            .rsplit_once('@')
            .is_some_and(|(_, domain)| domain.contains('.'))
}

/// ISO 13616, with the check digits and the form that the country gives it.
pub(crate) fn is_iban(text: &str) -> bool {
    let bare: String = text.chars().filter(|c| *c != ' ').collect();
    bare.to_ascii_uppercase().parse::<Iban>().is_ok()
}

/// ISO/IEC 7812: 13 to 19 digits of a payment network, the last of which checks the others.
pub(crate) fn is_card(text: &str) -> bool {
    let Some(digits) = digits(text, "- ") else {
        return false;
    };
    let is_network = digits.first().is_some_and(|first| (2..=6).contains(first));
    (13..=19).contains(&digits.len()) && is_network && luhn(&digits)
}

/// ISO/IEC 7812-1, annex B.
fn luhn(digits: &[u32]) -> bool {
    let value = |(place, digit): (usize, &u32)| match (place % 2, digit * 2) {
        (0, _) => *digit,
        (_, doubled) if doubled > 9 => doubled - 9,
        (_, doubled) => doubled,
    };
    let sum: u32 = digits.iter().rev().enumerate().map(value).sum();
    sum.is_multiple_of(10)
}

/// The digits of a text that has nothing else but these separators.
fn digits(text: &str, separators: &str) -> Option<Vec<u32>> {
    text.chars()
        .filter(|c| !separators.contains(*c))
        .map(|c| c.to_digit(10))
        .collect()
}

/// `AAA-GG-SSSS`, of which the administration gives out no area 000, 666 or from 900, no group 00 and no serial 0000.
/// <https://www.ssa.gov/employer/randomization.html>
pub(crate) fn is_social_security(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [area, group, serial] = *parts.as_slice() else {
        return false;
    };
    let number = |text: &str, length| {
        let is_number = text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse::<u32>().ok()).flatten()
    };
    let given = (number(area, 3), number(group, 2), number(serial, 4));
    matches!(given, (Some(1..=665 | 667..=899), Some(1..), Some(1..)))
}

/// E.164: a plus sign, a country code that does not begin with 0, 8 to 15 digits.
pub(crate) fn is_phone(text: &str) -> bool {
    let digits = text
        .strip_prefix('+')
        .and_then(|rest| digits(rest, " -.()/"));
    digits.is_some_and(|digits| (8..=15).contains(&digits.len()) && digits.first() != Some(&0))
}
