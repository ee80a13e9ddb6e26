//! What must hold for the bytes of every bind value, of every type.
//!
//! * nothing panics, and no text is longer than the bound;
//! * what is equal is known by one text: the normal text of a normal text is itself.
//!
//! ```text
//! input    the type's oid, 2 bytes, big-endian; the value
//! ```

/// Checks all claims for one value.
pub fn check(input: &[u8]) {
    let Some((oid, bytes)) = input.split_first_chunk::<2>() else {
        return;
    };
    let oid = u32::from(u16::from_be_bytes(*oid));
    let binary = ::value::text(oid, bytes).ok();
    let sent = std::str::from_utf8(bytes).ok().map(str::to_owned);
    for text in [binary, sent].into_iter().flatten() {
        assert!(text.len() <= ::value::LONGEST, "an endless text");
        if let Some(normal) = ::value::normal(oid, &text) {
            assert_eq!(::value::normal(oid, &normal).as_ref(), Some(&normal));
        }
    }
}
