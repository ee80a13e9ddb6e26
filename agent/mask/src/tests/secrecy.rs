//! No part of a value passes beyond what its function promises, whatever the bytes are.

use model::{Floor, Spread};
use proptest::prelude::*;

use super::*;

/// Every type that is known, and some that are not.
const TYPES: [u32; 20] = [
    TEXT,
    BYTEA,
    INT2,
    INT4,
    INT8,
    FLOAT8,
    NUMERIC,
    DATE,
    TIMESTAMP,
    TIMESTAMPTZ,
    UUID,
    JSON,
    JSONB,
    TEXTS,
    INTS,
    POINT,
    16,
    700,
    869,
    99_999,
];

fn functions() -> Vec<MaskFunction> {
    let keyed = |joinable| {
        [
            MaskFunction::Hash {
                key: "k".into(),
                joinable,
            },
            MaskFunction::Tokenize {
                key: "k".into(),
                joinable,
            },
        ]
    };
    let mut functions = vec![
        MaskFunction::Null,
        MaskFunction::Redact,
        MaskFunction::Fixed("7".into()),
        MaskFunction::Always("7".into()),
        MaskFunction::Email,
        MaskFunction::Partial {
            prefix: 1,
            pad: "*".into(),
            suffix: 1,
        },
        MaskFunction::Number { bucket: 1000 },
        MaskFunction::Date { floor: Floor::Year },
    ];
    functions.extend(keyed(true));
    functions.extend(keyed(false));
    for spread in [Spread::Percent(10), Spread::Days(30)] {
        functions.push(MaskFunction::Noise {
            key: "k".into(),
            spread,
        });
    }
    functions
}

proptest! {
    #[test]
    fn whatever_comes_is_masked_into_a_value_of_its_type(value: Vec<u8>) {
        for function in functions() {
            for oid in TYPES {
                let shown = shown(&function, oid, Format::Binary, Some(&value));
                if let Some(shown) = shown {
                    // Text that was not UTF-8 does not become so by its ends.
                    prop_assert!(value::text(oid, &shown).is_ok(), "{function:?} {oid} {shown:?}");
                }
            }
        }
    }

    #[test]
    fn redact_and_fixed_depend_on_nothing(value: Vec<u8>, other: Vec<u8>) {
        for function in [MaskFunction::Null, MaskFunction::Redact, MaskFunction::Fixed("x".into())] {
            for format in [Format::Text, Format::Binary] {
                prop_assert_eq!(
                    shown(&function, TEXT, format, Some(&value)),
                    shown(&function, TEXT, format, Some(&other))
                );
            }
        }
    }

    #[test]
    fn partial_never_shows_more_than_it_says(value in "\\PC{0,40}", prefix in 0usize..6, suffix in 0usize..6) {
        let function = MaskFunction::Partial { prefix, pad: "".into(), suffix };
        let shown = text(&function, TEXT, &value).unwrap();
        let length = value.chars().count();
        let expected = if length <= prefix + suffix { 0 } else { prefix + suffix };
        prop_assert_eq!(shown.chars().count(), expected);
    }

    #[test]
    fn an_array_of_texts_is_read_back_as_it_is_meant(elements in proptest::collection::vec("[a-z\"\\\\{}, ]{0,6}", 1..5)) {
        let quote = |element: &String| format!("\"{}\"", element.replace('\\', "\\\\").replace('"', "\\\""));
        let array = format!("{{{}}}", elements.iter().map(quote).collect::<Vec<_>>().join(","));
        let function = MaskFunction::Partial { prefix: 1, pad: "\"".into(), suffix: 0 };
        let shown = text(&function, TEXTS, &array).unwrap();
        let unmasked = MaskFunction::Fixed("x".into());
        let count = text(&unmasked, TEXTS, &shown).unwrap().matches('x').count();
        prop_assert_eq!(count, elements.len());
    }

    #[test]
    fn tokens_of_different_numbers_differ(a in 100_000i32.., b in 100_000i32..) {
        let function = MaskFunction::Tokenize { key: "k".into(), joinable: true };
        let token = |number: i32| text(&function, INT4, &number.to_string()).unwrap();
        prop_assert_eq!(a == b, token(a) == token(b));
    }

    #[test]
    fn noise_stays_within_its_width(value in -1_000_000_000i32..1_000_000_000) {
        let function = MaskFunction::Noise { key: "k".into(), spread: Spread::Percent(10) };
        let near: i64 = text(&function, INT4, &value.to_string()).unwrap().parse().unwrap();
        prop_assert!((near - i64::from(value)).abs() <= (i64::from(value).abs() / 10).max(1));
    }
}
