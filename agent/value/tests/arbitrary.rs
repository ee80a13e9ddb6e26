//! No bytes make the decoder panic or print without end.

use proptest::prelude::*;

/// Every type that is known, and some that are not.
fn oid() -> impl Strategy<Value = u32> {
    let known: Vec<u32> = (0..5_000)
        .filter(|oid| weir_value::is_built_in(*oid))
        .collect();
    prop_oneof![9 => prop::sample::select(known), 1 => any::<u32>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn any_bytes_are_a_value_or_none(oid in oid(), bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(text) = weir_value::text(oid, &bytes) {
            prop_assert!(text.len() <= weir_value::LONGEST);
            let _ = weir_value::normal(oid, &text);
        }
    }

    #[test]
    fn any_array_is_a_value_or_none(
        oid in oid(),
        dimensions in prop::collection::vec((-1..4i32, any::<i32>()), 0..8),
        elements in prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..12)), 0..16),
    ) {
        let mut bytes = (dimensions.len() as u32).to_be_bytes().to_vec();
        bytes.extend([0; 8]);
        for (length, first) in dimensions {
            bytes.extend(length.to_be_bytes());
            bytes.extend(first.to_be_bytes());
        }
        for element in elements {
            let length = element.as_ref().map_or(-1, |element| element.len() as i32);
            bytes.extend(length.to_be_bytes());
            bytes.extend(element.unwrap_or_default());
        }
        let _ = weir_value::text(oid, &bytes);
    }

    #[test]
    fn any_text_is_normal_or_not(oid in oid(), text in any::<String>()) {
        let _ = weir_value::normal(oid, &text);
    }
}
