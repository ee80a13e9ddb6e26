//! `numeric` and the floating-point numbers: `numeric_recv` and `get_str_from_var` in `numeric.c`,
//! `double_to_shortest_decimal_buf` in `src/common/d2s.c`.

use crate::Undecodable;
use crate::printed::Printed;
use crate::reader::Reader;

/// `NUMERIC_DSCALE_MASK` in `numeric.c`.
const MOST_SCALE: u16 = 0x3fff;

pub(crate) fn numeric(reader: &mut Reader<'_>, printed: &mut Printed) -> Result<(), Undecodable> {
    let (count, weight) = (reader.u16()?, reader.i16()?);
    let (sign, scale) = (reader.u16()?, reader.u16()?);
    if scale > MOST_SCALE {
        return Err(Undecodable::Malformed);
    }
    let digits = (0..count)
        .map(|_| reader.u16().and_then(group))
        .collect::<Result<Vec<u16>, _>>()?;
    let is_negative = match sign {
        0x0000 => false,
        0x4000 => true,
        0xc000 => return printed.text("NaN"),
        0xd000 => return printed.text("Infinity"),
        0xf000 => return printed.text("-Infinity"),
        _ => return Err(Undecodable::Malformed),
    };
    let decimal = Decimal {
        digits: &digits,
        weight: i32::from(weight),
    };
    let whole = (0..=decimal.weight).flat_map(|place| decimal.at(place));
    let whole: String = whole.skip_while(|digit| *digit == '0').collect();
    let fraction = (1..).flat_map(|place| decimal.at(decimal.weight.saturating_add(place)));
    let fraction: String = fraction.take(usize::from(scale)).collect();
    if is_negative && (!whole.is_empty() || fraction.contains(|digit| digit != '0')) {
        printed.char('-')?;
    }
    printed.text(if whole.is_empty() { "0" } else { &whole })?;
    if scale > 0 {
        printed.char('.')?;
        printed.text(&fraction)?;
    }
    Ok(())
}

fn group(digits: u16) -> Result<u16, Undecodable> {
    match digits {
        0..10_000 => Ok(digits),
        _ => Err(Undecodable::Malformed),
    }
}

/// Groups of four digits, of which the first stands for multiples of 10000^weight.
struct Decimal<'a> {
    digits: &'a [u16],
    weight: i32,
}

impl Decimal<'_> {
    /// The four digits of this group, from 0; of those that are not there, zeros.
    fn at(&self, place: i32) -> [char; 4] {
        let digits = usize::try_from(place)
            .ok()
            .and_then(|place| self.digits.get(place));
        let digits = digits.copied().unwrap_or(0);
        [1000, 100, 10, 1].map(|power| {
            let digit = u8::try_from(digits / power % 10).unwrap_or_default();
            char::from(b'0' + digit)
        })
    }
}

pub(crate) fn float4(value: f32, printed: &mut Printed) -> Result<(), Undecodable> {
    if let Some(word) = special(f64::from(value)) {
        return printed.text(word);
    }
    let rounded = |places| format!("{value:.places$e}");
    let is_same = |text: &str| text.parse() == Ok(value);
    let scientific = shortest(&format!("{value:e}"), rounded, is_same);
    plain(&scientific, 6, printed)
}

pub(crate) fn float8(value: f64, printed: &mut Printed) -> Result<(), Undecodable> {
    if let Some(word) = special(value) {
        return printed.text(word);
    }
    let rounded = |places| format!("{value:.places$e}");
    let is_same = |text: &str| text.parse() == Ok(value);
    let scientific = shortest(&format!("{value:e}"), rounded, is_same);
    plain(&scientific, 15, printed)
}

fn special(value: f64) -> Option<&'static str> {
    match value {
        value if value.is_nan() => Some("NaN"),
        f64::INFINITY => Some("Infinity"),
        f64::NEG_INFINITY => Some("-Infinity"),
        _ => None,
    }
}

/// Most digits that any double needs.
const MOST_DIGITS: usize = 17;

/// The shortest digits that certainly read back as the same number, and of these the nearest. `least` are those that do
/// so where a number in the middle of two is read as the even one, on which the server does not rely.
fn shortest(
    least: &str,
    rounded: impl Fn(usize) -> String,
    is_same: impl Fn(&str) -> bool,
) -> String {
    let mantissa = least.split('e').next().unwrap_or_default();
    let places = mantissa
        .split_once('.')
        .map_or(0, |(_, places)| places.len());
    let mut texts = (places..MOST_DIGITS).map(rounded);
    let certain = texts.find(|text| {
        let around = around(text);
        around.is_some_and(|around| around.iter().all(|text| is_same(text)))
    });
    certain.unwrap_or_else(|| least.to_owned())
}

/// Numbers that are next to this one to 60 places more.
fn around(scientific: &str) -> Option<[String; 2]> {
    let (mantissa, exponent) = scientific.split_once('e')?;
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(mantissa) => ("-", mantissa),
        None => ("", mantissa),
    };
    let places = mantissa
        .split_once('.')
        .map_or(0, |(_, places)| places.len());
    let digits: u64 = mantissa.replace('.', "").parse().ok()?;
    let exponent = exponent.parse::<i32>().ok()? - i32::try_from(places).ok()?;
    let below = digits.checked_sub(1)?;
    Some([
        format!("{sign}{digits}.{:060}1e{exponent}", 0),
        format!("{sign}{below}.{}e{exponent}", "9".repeat(60)),
    ])
}

/// Digits and exponent, as `1.5e-7`, in the server's words: with up to `precision` places before the point there is no
/// exponent.
fn plain(scientific: &str, precision: i32, printed: &mut Printed) -> Result<(), Undecodable> {
    let (mantissa, exponent) = scientific.split_once('e').ok_or(Undecodable::Malformed)?;
    let exponent: i32 = exponent.parse().map_err(|_| Undecodable::Malformed)?;
    let mantissa = match mantissa.strip_prefix('-') {
        Some(rest) => {
            printed.char('-')?;
            rest
        }
        None => mantissa,
    };
    if !(-4..precision).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        let exponent = exponent.unsigned_abs();
        return printed.format(format_args!("{mantissa}e{sign}{exponent:02}"));
    }
    let digits = mantissa.replace('.', "");
    let Ok(before) = usize::try_from(exponent) else {
        printed.text("0.")?;
        let zeros = exponent.unsigned_abs().saturating_sub(1);
        printed.repeat('0', usize::try_from(zeros).unwrap_or_default())?;
        return printed.text(&digits);
    };
    match digits.split_at_checked(before.saturating_add(1)) {
        Some((whole, "")) => printed.text(whole),
        Some((whole, fraction)) => printed.format(format_args!("{whole}.{fraction}")),
        None => {
            printed.text(&digits)?;
            let missing = before.saturating_add(1).saturating_sub(digits.len());
            printed.repeat('0', missing)
        }
    }
}
