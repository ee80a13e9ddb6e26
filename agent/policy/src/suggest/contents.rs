//! What a column's values say.

use std::net::IpAddr;

use email_address::EmailAddress;
use iban::Iban;

use super::kind::{Kind, What};

/// Fewer values tell nothing, but of secrets one is enough.
const FEWEST: usize = 3;
/// Of five values, how many have to be of a kind.
const OF_FIVE: usize = 4;

/// Why these values are of this kind; none where they are not. Empty values do not count.
pub(super) fn reason(values: &[String], kind: &Kind) -> Option<String> {
    let (is_one, one, many, single): (fn(&str) -> bool, _, _, _) = match kind.what {
        What::PrivateKey => (is_private_key, "a private key", "private keys", true),
        What::WebToken => (is_web_token, "a JSON web token", "JSON web tokens", true),
        What::Email => (is_email, "an e-mail address", "e-mail addresses", false),
        What::Iban => (is_iban, "an IBAN", "IBANs", false),
        What::Card => (
            is_card,
            "a payment card number",
            "payment card numbers",
            false,
        ),
        What::NationalId => (
            is_social_security,
            "a US social security number",
            "US social security numbers",
            false,
        ),
        What::Ip => (is_ip, "an IP address", "IP addresses", false),
        What::Phone => (is_phone, "a phone number", "phone numbers", false),
        What::Secret | What::Birth | What::Name | What::Address => return None,
    };
    let filled = values
        .iter()
        .map(|value| value.trim())
        .filter(|value| !value.is_empty());
    let all = filled.clone().count();
    let found = filled.filter(|value| is_one(value)).count();
    let enough = match single {
        true => found > 0,
        false => all >= FEWEST && found.saturating_mul(5) >= all.saturating_mul(OF_FIVE),
    };
    let phrase = if found == 1 {
        format!("is {one}")
    } else {
        format!("are {many}")
    };
    enough.then(|| format!("{found} of {all} sampled values {phrase}"))
}

/// PEM: RFC 7468.
fn is_private_key(value: &str) -> bool {
    value
        .split_once("-----BEGIN ")
        .and_then(|(_, rest)| rest.split_once("-----"))
        .is_some_and(|(label, _)| label.ends_with("PRIVATE KEY"))
}

/// RFC 7519, in the compact form: three parts in base64url, of which the first begins like `{"`.
fn is_web_token(value: &str) -> bool {
    let is_part = |part: &str| {
        let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        !part.is_empty() && part.chars().all(is_letter)
    };
    let parts: Vec<&str> = value.split('.').collect();
    value.starts_with("eyJ") && parts.len() == 3 && parts.into_iter().all(is_part)
}

/// One that is delivered beyond its own host.
fn is_email(value: &str) -> bool {
    EmailAddress::is_valid(value)
        && value
            .rsplit_once('@')
            .is_some_and(|(_, domain)| domain.contains('.'))
}

/// ISO 13616, with the check digits and the form that the country gives it.
fn is_iban(value: &str) -> bool {
    let bare: String = value.chars().filter(|c| *c != ' ').collect();
    bare.to_ascii_uppercase().parse::<Iban>().is_ok()
}

/// ISO/IEC 7812: 13 to 19 digits of a payment network, the last of which checks the others.
fn is_card(value: &str) -> bool {
    let Some(digits) = digits(value, "- ") else {
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

/// The digits of a value that has nothing else but these separators.
fn digits(value: &str, separators: &str) -> Option<Vec<u32>> {
    value
        .chars()
        .filter(|c| !separators.contains(*c))
        .map(|c| c.to_digit(10))
        .collect()
}

/// `AAA-GG-SSSS`, of which the administration gives out no area 000, 666 or from 900, no group 00 and no serial 0000.
/// <https://www.ssa.gov/employer/randomization.html>
fn is_social_security(value: &str) -> bool {
    let parts: Vec<&str> = value.split('-').collect();
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
fn is_phone(value: &str) -> bool {
    let digits = value
        .strip_prefix('+')
        .and_then(|rest| digits(rest, " -.()/"));
    digits.is_some_and(|digits| (8..=15).contains(&digits.len()) && digits.first() != Some(&0))
}

/// An address, also with the length of its network behind it.
fn is_ip(value: &str) -> bool {
    let address = value.split_once('/').map_or(value, |(address, _)| address);
    address.parse::<IpAddr>().is_ok()
}
