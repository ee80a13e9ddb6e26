//! What must hold for every mask function over the bytes of every value, of every type, in both formats.
//!
//! * nothing panics, and what was in the buffer before stays;
//! * NULL appends nothing;
//! * a value in binary format is shown as a value of its type;
//! * what does not depend on the value shows the same for every value.
//!
//! ```text
//! input    the function's number, 1 byte; the format, 1 byte; the type's oid, 2 bytes, big-endian; the value
//! ```

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::BytesMut;
use mask::{Column, Format, Key, Keyring, Mask, Shown};
use model::{Detect, Floor, MaskFunction, Spread};

const BEFORE: &[u8] = b"before";

/// Checks all claims for one value.
pub fn check(input: &[u8]) {
    let Some(([number, format, high, low], value)) = input.split_first_chunk::<4>() else {
        return;
    };
    let functions = functions();
    let function = &functions[usize::from(*number) % functions.len()];
    let column = Column {
        name: "public.t.c",
        type_oid: u16::from_be_bytes([*high, *low]).into(),
        format: match format % 2 {
            0 => Format::Text,
            _ => Format::Binary,
        },
    };
    let mask = Mask::new(function, &column, &keys());
    let shown = shown(&mask, Some(value));
    let is_constant = matches!(
        function,
        MaskFunction::Null
            | MaskFunction::Redact
            | MaskFunction::Fixed(_)
            | MaskFunction::Always(_)
    );
    let is_array = value::element_of(column.type_oid).is_some();
    if is_constant && !is_array {
        assert_eq!(
            shown,
            self::shown(&mask, Some(b"")),
            "{function:?} shows a part"
        );
    }
    let was_valid = value::text(column.type_oid, value).is_ok();
    if let (Some(shown), Format::Binary, true) = (&shown, column.format, was_valid) {
        let text = value::text(column.type_oid, shown);
        assert!(text.is_ok(), "{function:?} breaks type {}", column.type_oid);
    }
}

fn shown(mask: &Mask, value: Option<&[u8]>) -> Option<Vec<u8>> {
    let mut out = BytesMut::from(BEFORE);
    let shown = mask.apply(value, &mut out);
    let appended = out.strip_prefix(BEFORE).expect("what was there stays");
    match shown {
        Shown::Null => {
            assert!(appended.is_empty(), "NULL with bytes");
            None
        }
        Shown::Masked | Shown::Unchanged | Shown::Reported => Some(appended.to_vec()),
    }
}

/// One of each.
fn functions() -> Vec<MaskFunction> {
    let key: Arc<str> = "k".into();
    let paths = BTreeMap::from([
        ("a".into(), MaskFunction::Redact),
        ("b.*.c".into(), MaskFunction::Email),
    ]);
    vec![
        MaskFunction::Null,
        MaskFunction::Redact,
        MaskFunction::Fixed("7".into()),
        MaskFunction::Always("2000-01-01".into()),
        MaskFunction::Partial {
            prefix: 1,
            pad: "*".into(),
            suffix: 2,
        },
        MaskFunction::Email,
        MaskFunction::Hash {
            key: key.clone(),
            joinable: false,
        },
        MaskFunction::Tokenize {
            key: key.clone(),
            joinable: true,
        },
        MaskFunction::Date {
            floor: Floor::Quarter,
        },
        MaskFunction::Number { bucket: 10 },
        MaskFunction::Noise {
            key: key.clone(),
            spread: Spread::Percent(50),
        },
        MaskFunction::Noise {
            key,
            spread: Spread::Days(400),
        },
        MaskFunction::Json(paths),
        MaskFunction::Encrypted(MaskFunction::Redact.into()),
        MaskFunction::Detect(Detect::Mask),
        MaskFunction::Detect(Detect::Report),
    ]
}

fn keys() -> Keyring {
    let keys = Keyring::default();
    let key = Key::parse(&"5a".repeat(32)).expect("a key");
    keys.replace(HashMap::from([("k".into(), Arc::new(key))]));
    keys
}
