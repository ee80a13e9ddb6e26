//! What each function shows of each type, and that nothing else passes.

mod functions;
mod secrecy;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::BytesMut;
use model::MaskFunction;

use crate::{Column, Format, Key, Keyring, Mask, Shown};

const TEXT: u32 = 25;
const BYTEA: u32 = 17;
const INT2: u32 = 21;
const INT4: u32 = 23;
const INT8: u32 = 20;
const FLOAT8: u32 = 701;
const NUMERIC: u32 = 1700;
const DATE: u32 = 1082;
const TIMESTAMP: u32 = 1114;
const TIMESTAMPTZ: u32 = 1184;
const UUID: u32 = 2950;
const JSON: u32 = 114;
const JSONB: u32 = 3802;
const TEXTS: u32 = 1009;
const INTS: u32 = 1007;
const POINT: u32 = 600;

fn keys() -> Keyring {
    let keys = Keyring::default();
    let key = |byte: &str| Arc::new(Key::parse(&byte.repeat(32)).unwrap());
    keys.replace(HashMap::from([
        ("k".into(), key("5a")),
        ("other".into(), key("a5")),
    ]));
    keys
}

fn mask_of(function: &MaskFunction, type_oid: u32, format: Format, name: &str) -> Mask {
    let column = Column {
        name,
        type_oid,
        format,
    };
    Mask::new(function, &column, &keys())
}

fn shown(
    function: &MaskFunction,
    type_oid: u32,
    format: Format,
    value: Option<&[u8]>,
) -> Option<Vec<u8>> {
    let mut out = BytesMut::from(&b"before"[..]);
    let shown = mask_of(function, type_oid, format, "public.t.c").apply(value, &mut out);
    let shown_bytes = out.strip_prefix(b"before").unwrap();
    match shown {
        Shown::Null => {
            assert!(shown_bytes.is_empty());
            None
        }
        Shown::Masked | Shown::Unchanged | Shown::Reported => Some(shown_bytes.to_vec()),
    }
}

/// In text format.
fn text(function: &MaskFunction, type_oid: u32, value: &str) -> Option<String> {
    shown(function, type_oid, Format::Text, Some(value.as_bytes()))
        .map(|shown| String::from_utf8(shown).unwrap())
}

/// In binary format, and as the server would print it.
fn binary(function: &MaskFunction, type_oid: u32, value: &[u8]) -> Option<String> {
    shown(function, type_oid, Format::Binary, Some(value))
        .map(|shown| value::text(type_oid, &shown).unwrap())
}
