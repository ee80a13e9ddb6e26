//! What may not be in an answer, in every form in which the server could write it.

use weir_tests::Frame;

/// In every classified text, JSON, array, composite and bytea.
const TEXT: &str = "canary";

/// Classified values of other types, as they are printed.
const PRINTED: [&str; 14] = [
    "774422331",
    "774422332",
    "7744.25",
    "7745.25",
    "1951-07-17",
    "1951-07-18",
    "5ca1ab1e-0bad",
    "203.0.113.7",
    "1987-06-05 04:03:0",
    "774,422,33",
    "YRANAC",
    "yranac",
    // The beginning of "canary" in base64, and in hex.
    "Y2FuYXJ5",
    "63616e617279",
];

/// The same as bytes.
const BINARY: [&[u8]; 8] = [
    // bigint: 774422331 and 774422332.
    &774_422_331_i32.to_be_bytes(),
    &774_422_332_i32.to_be_bytes(),
    // numeric, in digits of ten thousand: 7 7442 2331 and 2332.
    &[0, 7, 29, 18, 9, 27],
    &[0, 7, 29, 18, 9, 28],
    // double precision.
    &7744.25_f64.to_be_bytes(),
    &7745.25_f64.to_be_bytes(),
    // uuid and inet.
    &[0x5c, 0xa1, 0xab, 0x1e],
    &[203, 0, 113],
];

/// The canary in what a client received.
pub fn canary(answer: &[Frame]) -> Option<String> {
    answer.iter().find_map(|frame| {
        let text = String::from_utf8_lossy(&frame.body);
        let is_printed = |canary: &&str| text.contains(canary);
        if text.to_lowercase().contains(TEXT) {
            return Some(format!("{TEXT} in {}: {text}", frame.tag));
        }
        if let Some(printed) = PRINTED.into_iter().find(is_printed) {
            return Some(format!("{printed} in {}: {text}", frame.tag));
        }
        let is_in = |bytes: &&[u8]| frame.body.windows(bytes.len()).any(|part| part == *bytes);
        let bytes = BINARY.into_iter().find(is_in)?;
        Some(format!("{bytes:?} in {}: {:?}", frame.tag, frame.body))
    })
}
