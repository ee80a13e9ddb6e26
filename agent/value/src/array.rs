//! Arrays: `array_recv` and `array_out` in `arrayfuncs.c`.

use crate::printed::Printed;
use crate::reader::Reader;
use crate::scalar;
use crate::types::Scalar;
use crate::{LONGEST, Undecodable};

/// `MAXDIM` in `src/include/utils/array.h`.
const MOST_DIMENSIONS: i32 = 6;

/// One dimension: how many elements, and the number of the first.
struct Dimension {
    length: usize,
    first: i32,
}

pub(crate) fn print(
    element: Scalar,
    reader: &mut Reader<'_>,
    printed: &mut Printed,
) -> Result<(), Undecodable> {
    let dimensions = dimensions(reader)?;
    if dimensions.iter().any(|dimension| dimension.length == 0) || dimensions.is_empty() {
        return printed.text("{}");
    }
    if dimensions.iter().any(|dimension| dimension.first != 1) {
        for Dimension { length, first } in &dimensions {
            let last = i64::from(*first) + i64::try_from(*length).unwrap_or(i64::MAX) - 1;
            printed.format(format_args!("[{first}:{last}]"))?;
        }
        printed.char('=')?;
    }
    level(&dimensions, element, reader, printed)
}

fn dimensions(reader: &mut Reader<'_>) -> Result<Vec<Dimension>, Undecodable> {
    let number = reader.i32()?;
    if !(0..=MOST_DIMENSIONS).contains(&number) || !(0..=1).contains(&reader.i32()?) {
        return Err(Undecodable::Malformed);
    }
    // The element's type: that of a domain or an enum is its own, and no other would get past the server.
    reader.u32()?;
    let dimension = |_| {
        let length = usize::try_from(reader.i32()?).map_err(|_| Undecodable::Malformed)?;
        let first = reader.i32()?;
        match length {
            // Every element is printed with a comma or brace at least.
            0..=LONGEST => Ok(Dimension { length, first }),
            _ => Err(Undecodable::TooLong),
        }
    };
    (0..number).map(dimension).collect()
}

/// The elements of these dimensions. Every element takes bytes of the input, so what is read ends with it.
fn level(
    dimensions: &[Dimension],
    element: Scalar,
    reader: &mut Reader<'_>,
    printed: &mut Printed,
) -> Result<(), Undecodable> {
    let Some((outer, inner)) = dimensions.split_first() else {
        return one(element, reader, printed);
    };
    printed.char('{')?;
    for index in 0..outer.length {
        if index > 0 {
            printed.char(',')?;
        }
        level(inner, element, reader, printed)?;
    }
    printed.char('}')
}

fn one(element: Scalar, reader: &mut Reader<'_>, printed: &mut Printed) -> Result<(), Undecodable> {
    let length = reader.i32()?;
    if length == -1 {
        return printed.text("NULL");
    }
    let length = usize::try_from(length).map_err(|_| Undecodable::Malformed)?;
    let mut bytes = Reader::new(reader.bytes(length)?);
    let mut text = Printed::default();
    scalar::print(element, &mut bytes, &mut text)?;
    bytes.finish()?;
    let text = String::from(text);
    if !needs_quotes(&text) {
        return printed.text(&text);
    }
    printed.char('"')?;
    for char in text.chars() {
        if matches!(char, '"' | '\\') {
            printed.char('\\')?;
        }
        printed.char(char)?;
    }
    printed.char('"')
}

fn needs_quotes(text: &str) -> bool {
    let is_special = |char: char| {
        matches!(
            char,
            '"' | '\\' | '{' | '}' | ',' | ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c'
        )
    };
    text.is_empty() || text.eq_ignore_ascii_case("null") || text.chars().any(is_special)
}
