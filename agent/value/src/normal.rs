//! One text for all values that a type's `=` calls equal.

use crate::types::{Scalar, Type};

/// `NAMEDATALEN` without its end: what is longer is cut by the server.
const LONGEST_NAME: usize = 63;
/// Digits of a number that is looked at.
const MOST_DIGITS: usize = 1_000;

/// The text by which equal values of this built-in type are known: `42` for ` +042` of a number type, `f` for `off`. None
/// where the type has no such text, or where the server may read it as something else than it looks like.
pub fn normal(oid: u32, text: &str) -> Option<String> {
    let Type::Scalar(scalar) = Type::of(oid)? else {
        return None;
    };
    match scalar {
        Scalar::Bool => boolean(text),
        Scalar::Int2 => integer(text, i16::MIN.into(), i16::MAX.into()),
        Scalar::Int4 => integer(text, i32::MIN.into(), i32::MAX.into()),
        Scalar::Int8 => integer(text, i64::MIN, i64::MAX),
        Scalar::Unsigned => integer(text, 0, u32::MAX.into()),
        Scalar::Numeric => decimal(text),
        // `json` has no equality, and no column of it is ever compared.
        Scalar::Text => Some(text.to_owned()),
        Scalar::Padded => Some(text.trim_end_matches(' ').to_owned()),
        Scalar::Name => (text.len() <= LONGEST_NAME).then(|| text.to_owned()),
        Scalar::Uuid => uuid(text),
        Scalar::Date => date(text),
        _ => None,
    }
}

/// What `isspace` of the C library knows.
fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c'])
}

/// `parse_bool_with_len` in `bool.c`, without the shorter words.
fn boolean(text: &str) -> Option<String> {
    let value = match trimmed(text).to_ascii_lowercase().as_str() {
        "t" | "true" | "y" | "yes" | "on" | "1" => "t",
        "f" | "false" | "n" | "no" | "off" | "0" => "f",
        _ => return None,
    };
    Some(value.to_owned())
}

/// Sign and digits. Other bases and underscores, which newer servers read, are left alone.
fn integer(text: &str, least: i64, most: i64) -> Option<String> {
    let (is_negative, digits) = signed(trimmed(text));
    if digits.len() > MOST_DIGITS || !is_number(digits) {
        return None;
    }
    let sign = if is_negative { "-" } else { "" };
    let number: i64 = format!("{sign}{digits}").parse().ok()?;
    (least..=most).contains(&number).then(|| number.to_string())
}

/// Sign, digits, point and digits: without zeros that change nothing.
fn decimal(text: &str) -> Option<String> {
    let (is_negative, digits) = signed(trimmed(text));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    if digits.len() > MOST_DIGITS || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let (whole, fraction) = (
        whole.trim_start_matches('0'),
        fraction.trim_end_matches('0'),
    );
    let sign = match (is_negative, whole, fraction) {
        (false, ..) | (_, "", "") => "",
        _ => "-",
    };
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{sign}{whole}{point}{fraction}"))
}

fn signed(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn is_number(digits: &str) -> bool {
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// With or without all of its hyphens. The other ways to write one are left alone.
fn uuid(text: &str) -> Option<String> {
    const PLACES: [usize; 4] = [8, 13, 18, 23];
    let is_at_place = |(place, char): (usize, char)| (char == '-') == PLACES.contains(&place);
    let text = text.to_ascii_lowercase();
    let digits = match text.len() {
        32 => text,
        36 if text.char_indices().all(is_at_place) => text.replace('-', ""),
        _ => return None,
    };
    if digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let part = |from: usize, to: usize| digits.get(from..to);
    Some(format!(
        "{}-{}-{}-{}-{}",
        part(0, 8)?,
        part(8, 12)?,
        part(12, 16)?,
        part(16, 20)?,
        part(20, 32)?
    ))
}

/// `YYYY-MM-DD`, which no `DateStyle` reads as anything else.
fn date(text: &str) -> Option<String> {
    let mut parts = text.split('-');
    let [year, month, day] = [parts.next()?, parts.next()?, parts.next()?];
    let lengths = [year.len(), month.len(), day.len()];
    let is_iso = lengths == [4, 2, 2]
        && parts.next().is_none()
        && [year, month, day].into_iter().all(is_number)
        && year != "0000";
    is_iso.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOL: u32 = 16;
    const INT4: u32 = 23;
    const TEXT: u32 = 25;
    const BPCHAR: u32 = 1042;
    const DATE: u32 = 1082;
    const NUMERIC: u32 = 1700;
    const UUID: u32 = 2950;

    #[test]
    fn equal_values_have_one_text() {
        for (oid, texts, one) in [
            (INT4, &["42", " +42\n", "042"][..], "42"),
            (INT4, &["0", "-0", "+00"], "0"),
            (NUMERIC, &["42", "42.0", "042.00"], "42"),
            (NUMERIC, &["-0.50", "-00.5"], "-0.5"),
            (NUMERIC, &["-0.0", "0"], "0"),
            (BOOL, &["t", "TRUE", " on ", "1"], "t"),
            (BPCHAR, &["ab", "ab  "], "ab"),
            (
                UUID,
                &[
                    "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
                    "a0eebc999c0b4ef8bb6d6bb9bd380a11",
                ],
                "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            ),
            (TEXT, &["ab "], "ab "),
            (DATE, &["2026-01-31"], "2026-01-31"),
        ] {
            for text in texts {
                assert_eq!(normal(oid, text).as_deref(), Some(one), "{text:?}");
            }
        }
    }

    #[test]
    fn what_may_be_read_otherwise_has_none() {
        for (oid, text) in [
            (INT4, "0x2a"),
            (INT4, "4_2"),
            (INT4, "4 2"),
            (INT4, "2147483648"),
            (INT4, ""),
            (INT4, "42.0"),
            (NUMERIC, "1e3"),
            (NUMERIC, "NaN"),
            (NUMERIC, "."),
            (BOOL, "maybe"),
            (DATE, "01-02-2026"),
            (DATE, "infinity"),
            (UUID, "{a0eebc999c0b4ef8bb6d6bb9bd380a1}"),
            (701, "1"),
            (1007, "{42}"),
        ] {
            assert_eq!(normal(oid, text), None, "{text:?}");
        }
    }
}
