//! Numbers on the wire, and `number`: the beginning of a bucket. `numeric_send` in PostgreSQL's `numeric.c`.

use std::fmt::Write as _;

use bytes::{Buf as _, BufMut as _, BytesMut};

use crate::Format;
use crate::kind::Kind;

/// Digits that the largest number has that is read exactly.
const MOST_DIGITS: u32 = 38;
const NEGATIVE: u16 = 0x4000;

/// A number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    /// `digits` divided by ten to the `scale`.
    Exact { digits: i128, scale: u32 },
    /// That is not infinite, and no NaN.
    Float(f64),
}

impl Number {
    /// None where it is no number, or has more digits than can be read.
    pub(crate) fn read(kind: Kind, format: Format, value: &[u8]) -> Option<Self> {
        let whole = |digits| Self::Exact { digits, scale: 0 };
        match (kind, format) {
            (Kind::Float4 | Kind::Float8, Format::Text) => std::str::from_utf8(value)
                .ok()?
                .parse()
                .ok()
                .and_then(finite),
            (Kind::Float4, _) => finite(f32::from_be_bytes(value.try_into().ok()?).into()),
            (Kind::Float8, _) => finite(f64::from_be_bytes(value.try_into().ok()?)),
            (_, Format::Text) => read_text(value),
            (Kind::Int2, _) => Some(whole(i16::from_be_bytes(value.try_into().ok()?).into())),
            (Kind::Int4, _) => Some(whole(i32::from_be_bytes(value.try_into().ok()?).into())),
            (Kind::Int8, _) => Some(whole(i64::from_be_bytes(value.try_into().ok()?).into())),
            (Kind::Numeric, _) => read_numeric(value),
            _ => None,
        }
    }

    /// Appends it as a value of this type; none where it is none of it.
    pub(crate) fn put(self, kind: Kind, format: Format, out: &mut BytesMut) -> Option<()> {
        match (kind, self) {
            (Kind::Float4 | Kind::Float8, number) => {
                put_float(number.approximate(), kind, format, out)
            }
            (Kind::Numeric, Self::Exact { digits, scale }) => {
                match format {
                    Format::Text => put_text(digits, scale, out)?,
                    Format::Binary => put_numeric(digits, scale, out)?,
                }
                Some(())
            }
            (_, Self::Exact { digits, scale: 0 }) => put_integer(digits, kind, format, out),
            _ => None,
        }
    }

    fn approximate(self) -> f64 {
        match self {
            Self::Float(number) => number,
            Self::Exact { digits, scale } => {
                let scale = i32::try_from(scale).unwrap_or(i32::MAX);
                digits as f64 / 10f64.powi(scale)
            }
        }
    }

    /// Its digits without zeros at the end of a fraction, for what is to be alike for equal numbers.
    pub(crate) fn normal(self) -> Self {
        let Self::Exact {
            mut digits,
            mut scale,
        } = self
        else {
            return self;
        };
        while scale > 0 && digits % 10 == 0 {
            digits /= 10;
            scale -= 1;
        }
        Self::Exact { digits, scale }
    }
}

fn finite(number: f64) -> Option<Number> {
    number.is_finite().then_some(Number::Float(number))
}

fn read_text(value: &[u8]) -> Option<Number> {
    let (is_negative, rest) = match value.split_first()? {
        (b'-', rest) => (true, rest),
        _ => (false, value),
    };
    let mut number = (0i128, None::<u32>);
    for byte in rest {
        number = match (*byte, number) {
            (b'.', (digits, None)) => (digits, Some(0)),
            (digit @ b'0'..=b'9', (digits, scale)) => {
                let digits = digits.checked_mul(10)?.checked_add((digit - b'0').into())?;
                (digits, scale.map(|scale| scale + 1))
            }
            _ => return None,
        };
    }
    let is_long = rest.iter().any(u8::is_ascii_digit);
    let (digits, scale) = number;
    is_long.then_some(Number::Exact {
        digits: if is_negative { -digits } else { digits },
        scale: scale.unwrap_or(0),
    })
}

/// Groups of four digits, of which the first stands for multiples of 10000^weight.
fn read_numeric(mut value: &[u8]) -> Option<Number> {
    let [count, weight, sign, scale] = [(); 4].map(|()| value.try_get_u16());
    let (weight, scale) = (weight.ok()? as i16, u32::from(scale.ok()?));
    let is_negative = match sign.ok()? {
        0 => false,
        NEGATIVE => true,
        _ => return None,
    };
    let mut digits = 0i128;
    for place in 0..i32::from(count.ok()?) {
        let group = i128::from(value.try_get_u16().ok()?);
        let exponent = (i32::from(weight) - place) * 4 + i32::try_from(scale).ok()?;
        let power = 10i128.checked_pow(exponent.unsigned_abs().min(MOST_DIGITS + 1));
        digits = match exponent {
            0.. if group == 0 => digits,
            0.. => digits.checked_add(group.checked_mul(power?)?)?,
            _ => digits.checked_add(power.map_or(0, |power| group / power))?,
        };
    }
    value.is_empty().then_some(Number::Exact {
        digits: if is_negative { -digits } else { digits },
        scale,
    })
}

fn put_float(number: f64, kind: Kind, format: Format, out: &mut BytesMut) -> Option<()> {
    match (kind, format) {
        (Kind::Float4, Format::Binary) => out.put_f32(number as f32),
        (_, Format::Binary) => out.put_f64(number),
        (Kind::Float4, Format::Text) => write!(out, "{}", number as f32).ok()?,
        (_, Format::Text) => write!(out, "{number}").ok()?,
    }
    Some(())
}

fn put_integer(digits: i128, kind: Kind, format: Format, out: &mut BytesMut) -> Option<()> {
    let number = match kind {
        Kind::Int2 => i16::try_from(digits).ok()?.into(),
        Kind::Int4 => i32::try_from(digits).ok()?.into(),
        Kind::Int8 => i64::try_from(digits).ok()?,
        _ => return None,
    };
    match (format, kind) {
        (Format::Text, _) => out.put_slice(itoa::Buffer::new().format(number).as_bytes()),
        (_, Kind::Int2) => out.put_i16(number.try_into().ok()?),
        (_, Kind::Int4) => out.put_i32(number.try_into().ok()?),
        _ => out.put_i64(number),
    }
    Some(())
}

/// Appends a number as it is written.
pub(crate) fn put_text(digits: i128, scale: u32, out: &mut BytesMut) -> Option<()> {
    if digits < 0 {
        out.put_u8(b'-');
    }
    let power = 10u128.checked_pow(scale)?;
    let digits = digits.unsigned_abs();
    write!(out, "{}", digits / power).ok()?;
    if scale > 0 {
        let places = usize::try_from(scale).ok()?;
        write!(out, ".{:0places$}", digits % power).ok()?;
    }
    Some(())
}

fn put_numeric(digits: i128, scale: u32, out: &mut BytesMut) -> Option<()> {
    let power = 10u128.checked_pow(scale)?;
    let (mut whole, mut fraction) = (digits.unsigned_abs() / power, digits.unsigned_abs() % power);
    // The fraction is written in whole groups.
    let missing = scale.next_multiple_of(4) - scale;
    fraction = fraction.checked_mul(10u128.checked_pow(missing)?)?;
    let mut groups = Vec::new();
    for _ in 0..scale.div_ceil(4) {
        groups.push(u16::try_from(fraction % 10_000).ok()?);
        fraction /= 10_000;
    }
    let behind = groups.len();
    while whole > 0 {
        groups.push(u16::try_from(whole % 10_000).ok()?);
        whole /= 10_000;
    }
    while groups.last() == Some(&0) {
        groups.pop();
    }
    let weight = i16::try_from(groups.len()).ok()? - i16::try_from(behind).ok()? - 1;
    let is_zero = groups.is_empty();
    out.put_u16(groups.len().try_into().ok()?);
    out.put_i16(if is_zero { 0 } else { weight });
    out.put_u16(if digits < 0 { NEGATIVE } else { 0 });
    out.put_u16(scale.try_into().ok()?);
    groups.iter().rev().for_each(|group| out.put_u16(*group));
    Some(())
}

/// `uuid_out`: groups of hexadecimal digits.
pub(crate) fn put_uuid(bytes: &[u8; 16], out: &mut BytesMut) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| {
        DIGITS
            .get(usize::from(nibble & 15))
            .copied()
            .unwrap_or(b'0')
    };
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            out.put_u8(b'-');
        }
        out.put_slice(&[digit(byte >> 4), digit(*byte)]);
    }
}

/// Goes down to where the bucket begins.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    pub(crate) width: u64,
    pub(crate) kind: Kind,
    pub(crate) format: Format,
}

impl Bucket {
    pub(crate) fn put(&self, value: &[u8], out: &mut BytesMut) -> Option<()> {
        let floored = match Number::read(self.kind, self.format, value)? {
            Number::Float(number) => {
                let width = self.width as f64;
                finite((number / width).floor() * width)?
            }
            Number::Exact { digits, scale } => {
                let width = i128::from(self.width);
                let whole = digits.div_euclid(10i128.checked_pow(scale)?);
                Number::Exact {
                    digits: whole.div_euclid(width).checked_mul(width)?,
                    scale: 0,
                }
            }
        };
        floored.put(self.kind, self.format, out)
    }
}
