//! Arrays, masked element by element: how many there are, and which of them are NULL, can be seen. `array_send` and
//! `array_out` in PostgreSQL's `arrayfuncs.c`.

use bytes::{Buf as _, BufMut as _, BytesMut};

use crate::{Format, Shown};

/// `MAXDIM` in `src/include/utils/array.h`.
const MOST_DIMENSIONS: i32 = 6;
const NULL: i32 = -1;

/// What an array holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Elements {
    /// `pg_type.oid`
    pub(crate) oid: u32,
    pub(crate) format: Format,
}

impl Elements {
    /// None where this is no array of such elements.
    pub(crate) fn put(
        &self,
        value: &[u8],
        mut step: impl FnMut(&[u8], &mut BytesMut) -> Option<Shown>,
        out: &mut BytesMut,
    ) -> Option<Shown> {
        let before = out.len();
        let (mut is_masked, mut is_reported) = (false, false);
        let step = |element: &[u8], out: &mut BytesMut| {
            let shown = step(element, out);
            is_masked |= matches!(shown, None | Some(Shown::Null | Shown::Masked));
            is_reported |= shown == Some(Shown::Reported);
            shown
        };
        match self.format {
            Format::Text => put_text(std::str::from_utf8(value).ok()?, step, out)?,
            Format::Binary => self.put_binary(value, step, out)?,
        }
        if is_masked {
            return Some(Shown::Masked);
        }
        // In the server's own form, of which there are several.
        out.truncate(before);
        out.put_slice(value);
        Some(match is_reported {
            true => Shown::Reported,
            false => Shown::Unchanged,
        })
    }

    fn put_binary(
        &self,
        mut value: &[u8],
        mut step: impl FnMut(&[u8], &mut BytesMut) -> Option<Shown>,
        out: &mut BytesMut,
    ) -> Option<()> {
        let dimensions = value.try_get_i32().ok()?;
        let has_null = value.try_get_i32().ok()?;
        if !(0..=MOST_DIMENSIONS).contains(&dimensions) || value.try_get_u32().ok()? != self.oid {
            return None;
        }
        out.put_i32(dimensions);
        let flag = out.len();
        out.put_i32(has_null);
        out.put_u32(self.oid);
        for _ in 0..dimensions {
            out.put_i32(value.try_get_i32().ok()?);
            out.put_i32(value.try_get_i32().ok()?);
        }
        while !value.is_empty() {
            let length = value.try_get_i32().ok()?;
            let at = out.len();
            out.put_i32(NULL);
            if length == NULL {
                continue;
            }
            let (element, rest) = value.split_at_checked(usize::try_from(length).ok()?)?;
            value = rest;
            let begin = out.len();
            match step(element, out) {
                Some(_) => {
                    let length = i32::try_from(out.len() - begin).ok()?;
                    write_at(out, at, length)?;
                }
                None => {
                    out.truncate(begin);
                    write_at(out, flag, 1)?;
                }
            }
        }
        Some(())
    }
}

fn write_at(out: &mut BytesMut, at: usize, number: i32) -> Option<()> {
    out.get_mut(at..at.checked_add(4)?)?
        .copy_from_slice(&number.to_be_bytes());
    Some(())
}

fn put_text(
    text: &str,
    mut step: impl FnMut(&[u8], &mut BytesMut) -> Option<Shown>,
    out: &mut BytesMut,
) -> Option<()> {
    // Bounds stand in front where they are not from 1 on.
    let start = if text.starts_with('[') {
        text.find('=')?.checked_add(1)?
    } else {
        0
    };
    let (bounds, mut rest) = text.split_at_checked(start)?;
    out.put_slice(bounds.as_bytes());
    let mut depth = 0usize;
    let mut shown = BytesMut::new();
    while let Some(char) = rest.chars().next() {
        match char {
            '{' => depth += 1,
            '}' => depth = depth.checked_sub(1)?,
            ',' if depth > 0 => {}
            _ if depth == 0 => return None,
            _ => {
                let (element, behind) = element(rest)?;
                rest = behind;
                shown.clear();
                match element.and_then(|element| step(element.as_bytes(), &mut shown)) {
                    Some(_) => put_element(std::str::from_utf8(&shown).ok()?, out),
                    None => out.put_slice(b"NULL"),
                }
                continue;
            }
        }
        out.put_u8(u8::try_from(char).ok()?);
        rest = rest.get(1..)?;
    }
    (depth == 0 && text.ends_with('}')).then_some(())
}

/// The element in front, none for NULL, and what is behind it.
fn element(text: &str) -> Option<(Option<String>, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (element, _) = text.split_once([',', '}'])?;
        let behind = text.get(element.len()..)?;
        return Some(((element != "NULL").then(|| element.to_owned()), behind));
    };
    let mut element = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next()? {
            '"' => return Some((Some(element), chars.as_str())),
            '\\' => element.push(chars.next()?),
            char => element.push(char),
        }
    }
}

fn put_element(element: &str, out: &mut BytesMut) {
    let is_special =
        |char: char| "\"\\{},".contains(char) || char.is_ascii_whitespace() || char == '\x0b';
    let needs_quotes =
        element.is_empty() || element.eq_ignore_ascii_case("null") || element.contains(is_special);
    if !needs_quotes {
        out.put_slice(element.as_bytes());
        return;
    }
    out.put_u8(b'"');
    for byte in element.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.put_u8(b'\\');
        }
        out.put_u8(byte);
    }
    out.put_u8(b'"');
}
