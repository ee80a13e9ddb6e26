//! What a column's values say.

use std::net::IpAddr;

use detect::Content;

use super::kind::{Kind, What};

/// Fewer values tell nothing, but of secrets one is enough.
const FEWEST: usize = 3;
/// Of five values, how many have to be of a kind.
const OF_FIVE: usize = 4;

/// Why these values are of this kind; none where they are not. Empty values do not count.
pub(super) fn reason(values: &[String], kind: &Kind) -> Option<String> {
    let (content, one, many) = match kind.what {
        What::PrivateKey => (Some(Content::PrivateKey), "a private key", "private keys"),
        What::WebToken => (
            Some(Content::WebToken),
            "a JSON web token",
            "JSON web tokens",
        ),
        What::Email => (
            Some(Content::Email),
            "an e-mail address",
            "e-mail addresses",
        ),
        What::Iban => (Some(Content::Iban), "an IBAN", "IBANs"),
        What::Card => (
            Some(Content::Card),
            "a payment card number",
            "payment card numbers",
        ),
        What::NationalId => (
            Some(Content::SocialSecurity),
            "a US social security number",
            "US social security numbers",
        ),
        What::Phone => (Some(Content::Phone), "a phone number", "phone numbers"),
        What::AccessKey => (Some(Content::AccessKey), "an access key", "access keys"),
        What::Ip => (None, "an IP address", "IP addresses"),
        What::Secret | What::Birth | What::Name | What::Address => return None,
    };
    let is_one = |value: &str| match content {
        Some(content) => content.is_whole(value),
        None => is_ip(value),
    };
    let single = matches!(
        kind.what,
        What::PrivateKey | What::WebToken | What::AccessKey
    );
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

/// An address, also with the length of its network behind it.
fn is_ip(value: &str) -> bool {
    let address = value.split_once('/').map_or(value, |(address, _)| address);
    address.parse::<IpAddr>().is_ok()
}
