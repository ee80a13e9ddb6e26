//! `redact` and `fixed`: the same for every value.

use bytes::{BufMut as _, BytesMut};

use crate::Format;
use crate::kind::Kind;
use crate::moment;
use crate::number::{self, Number};
use crate::step::{Step, Typed};

/// What stands for a text that is not shown.
pub(crate) const REDACTED: &[u8] = b"***";

/// The version in front of a jsonb value in binary format.
pub(crate) const JSONB_VERSION: u8 = 1;

/// What says nothing and is of this type; NULL where only that is certain to be.
pub(crate) fn redacted(typed: &Typed<'_>) -> Step {
    match (typed.kind, typed.format) {
        (Kind::Text, _) => Step::Constant(REDACTED.into()),
        (Kind::Json | Kind::Jsonb, _) => fixed("null", typed),
        _ => Step::Null,
    }
}

/// This value in the column's format; NULL where it is none of its type.
pub(crate) fn fixed(text: &str, typed: &Typed<'_>) -> Step {
    let mut bytes = BytesMut::new();
    match put(text, typed.kind, typed.format, &mut bytes) {
        Some(()) => Step::Constant(bytes.as_ref().into()),
        None => Step::Null,
    }
}

/// Whether this text is a value of the type.
pub(crate) fn is_valid(text: &str, kind: Kind) -> bool {
    put(text, kind, Format::Binary, &mut BytesMut::new()).is_some()
}

fn put(text: &str, kind: Kind, format: Format, out: &mut BytesMut) -> Option<()> {
    // The engine reads texts up to the first zero.
    if text.contains('\0') {
        return None;
    }
    let binary = |value: &[u8], out: &mut BytesMut| match format {
        Format::Text => out.put_slice(text.as_bytes()),
        Format::Binary => out.put_slice(value),
    };
    match kind {
        Kind::Text => out.put_slice(text.as_bytes()),
        Kind::Json | Kind::Jsonb => {
            serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
            if (kind, format) == (Kind::Jsonb, Format::Binary) {
                out.put_u8(JSONB_VERSION);
            }
            out.put_slice(text.as_bytes());
        }
        Kind::Bool => match text {
            "t" | "f" => binary(&[u8::from(text == "t")], out),
            "true" | "false" => match format {
                Format::Text => out.put_slice(text.get(..1)?.as_bytes()),
                Format::Binary => out.put_u8(u8::from(text == "true")),
            },
            _ => return None,
        },
        Kind::Bytea => {
            let bytes = hex(text.strip_prefix("\\x")?)?;
            binary(&bytes, out);
        }
        Kind::Uuid => {
            let bytes: [u8; 16] = hex(&text.replace('-', ""))?.try_into().ok()?;
            match format {
                Format::Text => number::put_uuid(&bytes, out),
                Format::Binary => out.put_slice(&bytes),
            }
        }
        Kind::Inet => binary(&inet(text)?, out),
        Kind::Date | Kind::Timestamp | Kind::TimestampTz => {
            let moment = moment::read(kind, Format::Text, text.as_bytes())?;
            match (kind, format) {
                (Kind::TimestampTz, Format::Binary) => moment.in_utc()?.put(kind, format, out)?,
                _ => moment.put(kind, format, out)?,
            }
        }
        _ if kind.is_number() => {
            Number::read(kind, Format::Text, text.as_bytes())?.put(kind, format, out)?;
        }
        _ => return None,
    }
    Some(())
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    let mut pairs = digits.as_bytes().chunks(2);
    pairs.try_fold(Vec::new(), |mut bytes, pair| {
        let pair = std::str::from_utf8(pair)
            .ok()
            .filter(|pair| pair.len() == 2)?;
        let is_hex = pair.bytes().all(|digit| digit.is_ascii_hexdigit());
        bytes.push(u8::from_str_radix(pair, 16).ok().filter(|_| is_hex)?);
        Some(bytes)
    })
}

/// `inet_send`: family, bits of the network, whether it is cidr, length, address.
fn inet(text: &str) -> Option<Vec<u8>> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits.parse::<u8>().ok()?)),
        None => (text, None),
    };
    let (family, all, bytes) = match address.parse().ok()? {
        std::net::IpAddr::V4(address) => (2, 32, address.octets().to_vec()),
        std::net::IpAddr::V6(address) => (3, 128, address.octets().to_vec()),
    };
    let bits = bits.unwrap_or(all);
    let length = u8::try_from(bytes.len()).ok()?;
    (bits <= all).then(|| [&[family, bits, 0, length], bytes.as_slice()].concat())
}
