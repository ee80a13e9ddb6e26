//! `detect`: what looks like a secret in a text is replaced by `***`, or only reported.

use std::sync::LazyLock;

use bytes::{BufMut as _, BytesMut};
use detect::Scanner;
use model::Detect;

use crate::constant::{JSONB_VERSION, REDACTED};
use crate::kind::Kind;
use crate::{Format, Shown};

/// Building it takes longer than most results. None only in a build whose patterns are broken.
static SCANNER: LazyLock<Option<Scanner>> = LazyLock::new(|| Scanner::new().ok());

/// Looks through values.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    pub(crate) detect: Detect,
    pub(crate) kind: Kind,
    pub(crate) format: Format,
}

impl Search {
    /// None where the value cannot be searched and findings are not to be shown.
    pub(crate) fn put(&self, value: &[u8], out: &mut BytesMut) -> Option<Shown> {
        let before = out.len();
        let mut count = 0;
        let searched = self.replace(value, out, &mut count);
        match (self.detect, searched, count) {
            (Detect::Mask, Some(()), 1..) => Some(Shown::Masked),
            (Detect::Mask, None, _) => None,
            (detect, _, count) => {
                out.truncate(before);
                out.put_slice(value);
                Some(match (detect, count) {
                    (_, 0) | (Detect::Mask, _) => Shown::Unchanged,
                    (Detect::Report, _) => Shown::Reported,
                })
            }
        }
    }

    fn replace(&self, value: &[u8], out: &mut BytesMut, count: &mut usize) -> Option<()> {
        match (self.kind, self.format) {
            (Kind::Text, _) => text(value, out, count),
            (Kind::Jsonb, Format::Binary) => {
                out.put_u8(JSONB_VERSION);
                json(value.strip_prefix(&[JSONB_VERSION])?, out, count)
            }
            (Kind::Json | Kind::Jsonb, _) => json(value, out, count),
            _ => Some(()),
        }
    }
}

/// Replaces what is found.
fn text(value: &[u8], out: &mut BytesMut, count: &mut usize) -> Option<()> {
    let scanner = SCANNER.as_ref()?;
    let mut from = 0;
    for found in scanner.find(value) {
        out.put_slice(value.get(from..found.range.start)?);
        out.put_slice(REDACTED);
        *count += 1;
        from = found.range.end;
    }
    out.put_slice(value.get(from..)?);
    Some(())
}

/// The same within every string; a number that is something becomes `null`.
fn json(value: &[u8], out: &mut BytesMut, count: &mut usize) -> Option<()> {
    let scanner = SCANNER.as_ref()?;
    let mut rest = value;
    while let Some(byte) = rest.first() {
        let length = match byte {
            b'"' => string(rest)?,
            b'-' | b'0'..=b'9' => {
                let is_part = |byte: &u8| b"+-.eE".contains(byte) || byte.is_ascii_digit();
                rest.iter().take_while(|byte| is_part(byte)).count()
            }
            _ => 1,
        };
        let (token, behind) = rest.split_at_checked(length)?;
        rest = behind;
        match byte {
            b'"' if token.contains(&b'\\') => {
                let decoded: String = serde_json::from_slice(token).ok()?;
                let mut shown = BytesMut::new();
                text(decoded.as_bytes(), &mut shown, count)?;
                match shown == decoded.as_bytes() {
                    true => out.put_slice(token),
                    false => {
                        let shown = std::str::from_utf8(&shown).ok()?;
                        serde_json::to_writer(out.writer(), shown).ok()?;
                    }
                }
            }
            b'"' => text(token, out, count)?,
            _ if scanner.find(token).next().is_some() => {
                *count += 1;
                out.put_slice(b"null");
            }
            _ => out.put_slice(token),
        }
    }
    Some(())
}

/// Bytes of the string in front, with its quotes.
fn string(text: &[u8]) -> Option<usize> {
    let mut is_escaped = false;
    let end = text.iter().skip(1).position(|byte| {
        let ends = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        ends
    })?;
    end.checked_add(2)
}

#[cfg(test)]
mod tests {
    use model::MaskFunction;

    use super::*;
    use crate::{Column, Keyring, Mask};

    const TEXT: u32 = 25;
    const TEXTS: u32 = 1009;
    const JSON: u32 = 114;
    const JSONB: u32 = 3802;

    fn searched(detect: Detect, oid: u32, format: Format, value: &[u8]) -> (Vec<u8>, Shown) {
        let column = Column {
            name: "public.t.c",
            type_oid: oid,
            format,
        };
        let mask = Mask::new(&MaskFunction::Detect(detect), &column, &Keyring::default());
        let mut out = BytesMut::new();
        let shown = mask.apply(Some(value), &mut out);
        (out.to_vec(), shown)
    }

    fn masked(oid: u32, value: &str) -> (String, Shown) {
        let (shown, how) = searched(Detect::Mask, oid, Format::Text, value.as_bytes());
        (String::from_utf8(shown).unwrap(), how)
    }

    fn to(text: &str) -> (String, Shown) {
        (text.to_owned(), Shown::Masked)
    }

    #[test]
    fn what_is_found_is_replaced() {
        assert_eq!(
            masked(
                TEXT,
                "to ada@analytical.org, 4111 1111 1111 1111 and c@d.org."
            ),
            to("to ***, *** and ***.")
        );
        assert_eq!(
            masked(TEXTS, "{\"a b\",ssn 536-90-4399,NULL}"),
            to("{\"a b\",\"ssn ***\",NULL}")
        );
        for (oid, value) in [(TEXT, "nothing"), (TEXTS, "{\"a\",b}"), (JSON, "[1, 2]")] {
            assert_eq!(masked(oid, value), (value.to_owned(), Shown::Unchanged));
        }
    }

    #[test]
    fn json_stays_json() {
        let document = r#"{"n": 4111111111111111, "x": -1.5e3, "k\n": "a\u0040b.org", "c@d.org": ["\"-----BEGIN PRIVATE KEY-----\nx"]}"#;
        let shown = r#"{"n": null, "x": -1.5e3, "k\n": "***", "***": ["\"***"]}"#;
        assert_eq!(masked(JSON, document), to(shown));
        let versioned = |text: &str| [b"\x01", text.as_bytes()].concat();
        assert_eq!(
            searched(Detect::Mask, JSONB, Format::Binary, &versioned(document)),
            (versioned(shown), Shown::Masked)
        );
        assert_eq!(masked(JSON, "{\"a@b.org"), (String::new(), Shown::Null));
    }

    #[test]
    fn a_report_changes_nothing() {
        for (oid, value) in [(TEXT, "a@b.org"), (TEXTS, "{\"a@b.org\",x}")] {
            let reported = searched(Detect::Report, oid, Format::Text, value.as_bytes());
            assert_eq!(reported, (value.into(), Shown::Reported));
        }
    }

    #[test]
    fn what_holds_no_text_passes() {
        for oid in [23, 17, 1700, 2950, 1007, 600] {
            let passed = searched(Detect::Mask, oid, Format::Binary, b"a@b.org");
            assert_eq!(passed, (b"a@b.org".to_vec(), Shown::Unchanged), "{oid}");
        }
    }
}
