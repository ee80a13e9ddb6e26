//! Values that were encrypted before they came into the database: nobody reads them without a key.
//!
//! A guess by form alone. What only looks like it passes, so a class of such columns is for columns that an application
//! encrypts, and a value that it forgot to encrypt does not look like it.

use crate::Format;
use crate::kind::Kind;

/// Fewer bytes are no ciphertext: an initialization vector or tag alone has as many.
const SHORTEST: usize = 16;
/// What tokens of ciphers begin with: `enc:`, Fernet and Vault's transit engine. Base64 follows.
const STARTS: [&str; 3] = ["enc:", "gAAAAA", "vault:v"];
/// ASCII armor: RFC 9580, section 6.2.
const ARMOR: [&str; 2] = ["-----BEGIN PGP MESSAGE-----", "-----END PGP MESSAGE-----"];

pub(crate) fn is_encrypted(kind: Kind, format: Format, value: &[u8]) -> bool {
    match (kind, format) {
        (Kind::Bytea, Format::Binary) => is_cipher(value),
        (Kind::Bytea, Format::Text) => {
            let digits = value.strip_prefix(b"\\x").unwrap_or_default();
            let byte = |pair: &[u8]| {
                let pair = std::str::from_utf8(pair).ok()?;
                u8::from_str_radix(pair, 16).ok()
            };
            let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
            bytes.is_some_and(|bytes| is_cipher(&bytes))
        }
        (Kind::Text, _) => std::str::from_utf8(value).is_ok_and(is_armoured),
        _ => false,
    }
}

/// Bytes that are no text: of random ones so many are UTF-8 without control characters in one case out of thousands.
fn is_cipher(bytes: &[u8]) -> bool {
    let is_text = std::str::from_utf8(bytes).is_ok_and(|text| {
        !text
            .chars()
            .any(|char| char.is_control() && !char.is_whitespace())
    });
    bytes.len() >= SHORTEST && !is_text
}

fn is_armoured(text: &str) -> bool {
    let [begin, end] = ARMOR;
    let is_armor = text.starts_with(begin) && text.trim_end().ends_with(end);
    is_armor || STARTS.iter().any(|start| is_token(text, start)) || is_jwe(text)
}

fn is_token(text: &str, start: &str) -> bool {
    let is_base64 = |c: u8| c.is_ascii_alphanumeric() || b"+/=-_:".contains(&c);
    text.strip_prefix(start)
        .is_some_and(|rest| rest.len() >= SHORTEST && rest.bytes().all(is_base64))
}

/// RFC 7516, section 7.1: five parts in base64url, of which the first begins like `{"`.
fn is_jwe(text: &str) -> bool {
    let is_part = |part: &str| {
        part.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    text.starts_with("eyJ") && text.split('.').count() == 5 && text.split('.').all(is_part)
}
