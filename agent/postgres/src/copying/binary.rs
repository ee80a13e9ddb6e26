//! `FORMAT binary`: a signature, rows of values with their lengths, and a trailer.

use bytes::{Buf, BufMut, BytesMut};
use model::Outcome;

use super::{OTHER_WIDTH, Part};
use crate::reader::Malformed;
use crate::rows::Plan;

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// The number of values that ends the stream.
const TRAILER: i16 = -1;
/// The length of a value that is NULL.
const NULL: i32 = -1;
const CUT_SHORT: Malformed = Malformed("a row of a COPY that is shorter than it says");

/// The next part that is here as a whole.
pub fn part(data: &[u8], begins: bool) -> Result<Option<Part>, Malformed> {
    if begins {
        return header(data);
    }
    let mut rest = data;
    let Ok(count) = rest.try_get_i16() else {
        return Ok(None);
    };
    if count == TRAILER {
        return Ok(Some(Part::Frame(2)));
    }
    for _ in 0..count {
        let Ok(length) = rest.try_get_i32() else {
            return Ok(None);
        };
        let length = usize::try_from(length).unwrap_or_default();
        match rest.get(length..) {
            Some(behind) => rest = behind,
            None => return Ok(None),
        }
    }
    Ok(Some(Part::Row(data.len() - rest.len())))
}

/// Signature, flags, and an extension that may be skipped.
fn header(data: &[u8]) -> Result<Option<Part>, Malformed> {
    let known = data.iter().zip(SIGNATURE);
    if known.clone().any(|(byte, expected)| byte != expected) {
        return Err(Malformed("a binary COPY without its signature"));
    }
    let Some(mut rest) = data.get(SIGNATURE.len()..) else {
        return Ok(None);
    };
    let (Ok(flags), Ok(extension)) = (rest.try_get_i32(), rest.try_get_i32()) else {
        return Ok(None);
    };
    if flags != 0 {
        return Err(Malformed("a binary COPY with unknown flags"));
    }
    let extension = usize::try_from(extension).map_err(|_| CUT_SHORT)?;
    let end = SIGNATURE.len() + 8 + extension;
    Ok((data.len() >= end).then_some(Part::Frame(end)))
}

/// Appends the row with masked values.
pub fn mask(
    row: &[u8],
    plan: &Plan,
    out: &mut BytesMut,
    outcome: &mut Outcome,
) -> Result<(), Malformed> {
    let mut rest = row;
    let count = rest.try_get_i16().map_err(|_| CUT_SHORT)?;
    if usize::try_from(count) != Ok(plan.columns().count()) {
        return Err(OTHER_WIDTH);
    }
    out.put_i16(count);
    for mask in plan.columns() {
        let length = rest.try_get_i32().map_err(|_| CUT_SHORT)?;
        let length = usize::try_from(length).ok();
        let (value, behind) = rest
            .split_at_checked(length.unwrap_or_default())
            .ok_or(CUT_SHORT)?;
        rest = behind;
        let value = length.map(|_| value);
        let mut shown = BytesMut::new();
        let is_value = match (mask, value) {
            (Some(mask), value) => mask.apply(value, &mut shown, outcome),
            (None, Some(value)) => {
                shown.put_slice(value);
                true
            }
            (None, None) => false,
        };
        match is_value {
            false => out.put_i32(NULL),
            true => out.put_i32(i32::try_from(shown.len()).unwrap_or(i32::MAX)),
        }
        out.put_slice(&shown);
    }
    Ok(())
}
