//! `tokenize`: another value of the same form.
//!
//! Digits become other digits where a value has no letters, letters and digits become others where it has some, and what
//! stands between them stays: `4012-8888-8888-1881` is shown as `0358-9971-2260-4417`. Of numbers the sign, the point and
//! the count of digits stay. What could only have a million forms would be found by trying (NIST SP 800-38G revision 1
//! forbids it), and what is long takes too much time; both are shown like `redact`.

use aes::Aes256;
use bytes::{BufMut as _, BytesMut};
use fpe::ff1::{FF1, FlexibleNumeralString};
use std::sync::Arc;

use crate::Format;
use crate::constant::REDACTED;
use crate::key::Key;
use crate::kind::Kind;
use crate::number::{self, Number};
use crate::step::Typed;

/// Symbols of the longest value.
const LONGEST: usize = 256;
/// How often what came out is encrypted again to have the form of a number of its type. Of numbers of the widest range
/// that is one out of ten, so that hardly any needs so many.
const TURNS: usize = 512;

/// Encrypts within a form.
#[derive(Clone)]
pub(crate) struct Token {
    digits: Arc<FF1<Aes256>>,
    hex: Arc<FF1<Aes256>>,
    letters: Arc<FF1<Aes256>>,
    /// What makes a value of one column another one than of others.
    tweak: Box<[u8]>,
    kind: Kind,
    format: Format,
}

// Without the keys.
impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    pub(crate) fn new(key: &Key, joinable: bool, typed: &Typed<'_>) -> Option<Self> {
        let tweak = if joinable { "" } else { typed.column };
        Some(Self {
            digits: Arc::new(key.cipher(10)?),
            hex: Arc::new(key.cipher(16)?),
            letters: Arc::new(key.cipher(62)?),
            tweak: tweak.as_bytes().into(),
            kind: typed.kind,
            format: typed.format,
        })
    }

    pub(crate) fn put(&self, value: &[u8], out: &mut BytesMut) -> Option<()> {
        match (self.kind, self.format) {
            (Kind::Text, _) => {
                let before = out.len();
                if self.text(value, out).is_none() {
                    out.truncate(before);
                    out.put_slice(REDACTED);
                }
                Some(())
            }
            (Kind::Uuid, Format::Binary) => {
                out.put_slice(&self.uuid(value.try_into().ok()?)?);
                Some(())
            }
            (Kind::Uuid, Format::Text) => {
                let digits: String = std::str::from_utf8(value).ok()?.replace('-', "");
                let bits = u128::from_str_radix(&digits, 16).ok()?;
                number::put_uuid(&self.uuid(bits.to_be_bytes())?, out);
                Some(())
            }
            _ => self.number(value)?.put(self.kind, self.format, out),
        }
    }

    fn text(&self, value: &[u8], out: &mut BytesMut) -> Option<()> {
        // Letters of other alphabets would stay in clear.
        if !value.is_ascii() || value.len() > LONGEST {
            return None;
        }
        let has_letters = value.iter().any(u8::is_ascii_alphabetic);
        let cipher = if has_letters {
            &self.letters
        } else {
            &self.digits
        };
        let symbols = value.iter().filter_map(|byte| symbol(*byte)).collect();
        let mut shown = self.encrypt(cipher, symbols)?.into_iter();
        for byte in value {
            out.put_u8(match symbol(*byte) {
                Some(_) => letter(shown.next()?)?,
                None => *byte,
            });
        }
        Some(())
    }

    fn uuid(&self, bytes: [u8; 16]) -> Option<[u8; 16]> {
        let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let shown = self.encrypt(&self.hex, nibbles.map(u16::from).collect())?;
        let bits = shown
            .into_iter()
            .fold(0u128, |bits, nibble| bits << 4 | u128::from(nibble));
        Some(bits.to_be_bytes())
    }

    /// Cycle walking: encrypts until there are as many digits, and the type can hold them, so that no two numbers become
    /// the same one.
    fn number(&self, value: &[u8]) -> Option<Number> {
        let Number::Exact { digits, scale } = Number::read(self.kind, self.format, value)? else {
            return None;
        };
        let most = match self.kind {
            Kind::Int4 => i32::MAX.into(),
            Kind::Int8 => i64::MAX.into(),
            _ => i128::MAX,
        };
        let text = digits.unsigned_abs().to_string();
        let mut symbols: Vec<u16> = text.bytes().filter_map(symbol).collect();
        for _ in 0..TURNS {
            symbols = self.encrypt(&self.digits, symbols)?;
            let number = symbols.iter().try_fold(0i128, |number, digit| {
                number.checked_mul(10)?.checked_add((*digit).into())
            });
            let number = number.filter(|number| *number <= most);
            if let (Some(number), Some(1..)) = (number, symbols.first()) {
                let digits = if digits < 0 { -number } else { number };
                return Some(Number::Exact { digits, scale });
            }
        }
        None
    }

    fn encrypt(&self, cipher: &FF1<Aes256>, symbols: Vec<u16>) -> Option<Vec<u16>> {
        let symbols = FlexibleNumeralString::from(symbols);
        cipher.encrypt(&self.tweak, &symbols).ok().map(Into::into)
    }
}

/// Digits first, so that those alone are an alphabet too.
fn symbol(byte: u8) -> Option<u16> {
    let symbol = match byte {
        b'0'..=b'9' => byte - b'0',
        b'A'..=b'Z' => byte - b'A' + 10,
        b'a'..=b'z' => byte - b'a' + 36,
        _ => return None,
    };
    Some(symbol.into())
}

fn letter(symbol: u16) -> Option<u8> {
    let symbol = u8::try_from(symbol).ok()?;
    match symbol {
        0..10 => Some(b'0' + symbol),
        10..36 => Some(b'A' + symbol - 10),
        36..62 => Some(b'a' + symbol - 36),
        _ => None,
    }
}
