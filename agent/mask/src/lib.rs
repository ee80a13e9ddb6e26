//! Mask functions over one value, keeping its type and wire format.
//!
//! ```text
//!   MaskFunction + type + format + keys ──Mask::new──> Mask ──apply──> value as it is shown
//!                                                       └─ array ─ element by element
//!                                                       └─ step ─ one file per function
//! ```
//!
//! Knows no protocol: an engine says of which type a column is, and writes what comes back in its own framing.
//! A value that a function cannot mask within its type is shown as `redact` shows it, never clear.

mod array;
mod constant;
mod date;
mod email;
mod encrypted;
mod hash;
mod json;
mod key;
mod kind;
mod moment;
mod noise;
mod number;
mod partial;
mod search;
mod step;
mod token;

use bytes::BytesMut;
use model::MaskFunction;

pub use key::{Key, KeyMalformed, Keyring};
use kind::Kind;
use step::Step;

/// In which of the wire's formats a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As the type's output function prints it.
    Text,
    /// As the type's send function makes it.
    Binary,
}

/// The column whose values are masked.
#[derive(Clone, Copy, Debug)]
pub struct Column<'a> {
    /// `schema.table.column`: what is masked apart from other columns is by this.
    pub name: &'a str,
    /// `pg_type.oid` as RowDescription says it: of a domain it is that of its base type.
    pub type_oid: u32,
    /// Of its values.
    pub format: Format,
}

/// A mask function, made ready for one column.
#[derive(Clone, Debug)]
pub struct Mask {
    step: Step,
    /// In place of NULL.
    null: Option<Step>,
    /// Where the values are arrays: the element's type and format.
    elements: Option<array::Elements>,
}

/// What came of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// NULL: nothing was appended.
    Null,
    /// What was appended stands in the value's place.
    Masked,
    /// The value was appended as it is: there was nothing to mask in it.
    Unchanged,
    /// The value was appended as it is, although something was found in it that is to be reported.
    Reported,
}

impl Mask {
    /// Makes a function ready. A key that is not in the ring masks like `redact`.
    pub fn new(function: &MaskFunction, column: &Column<'_>, keys: &Keyring) -> Self {
        let element = value::element_of(column.type_oid);
        let element = match function {
            // That there is nothing is said of an array as a whole.
            MaskFunction::Null => None,
            MaskFunction::Detect(_) => element.filter(|oid| Kind::of(*oid).holds_text()),
            _ => element,
        };
        let kind = Kind::of(element.unwrap_or(column.type_oid));
        let typed = step::Typed {
            kind,
            format: column.format,
            column: column.name,
        };
        let null = match (function, element) {
            (MaskFunction::Always(text), None) => Some(constant::fixed(text, &typed)),
            _ => None,
        };
        Self {
            step: Step::new(function, &typed, keys),
            null,
            elements: element.map(|oid| array::Elements {
                oid,
                format: column.format,
            }),
        }
    }

    /// Appends to `out` what is shown in place of this value; `None` is NULL.
    pub fn apply(&self, value: Option<&[u8]>, out: &mut BytesMut) -> Shown {
        let before = out.len();
        let shown = match (value, &self.elements) {
            (None, _) => self.null.as_ref().and_then(|null| null.put(&[], out)),
            (Some(value), None) => self.step.put(value, out),
            (Some(value), Some(elements)) => {
                elements.put(value, |element, out| self.step.put(element, out), out)
            }
        };
        shown.unwrap_or_else(|| {
            out.truncate(before);
            Shown::Null
        })
    }

    /// Whether the function has a meaning for the type with this `pg_type.oid`; where it has none, `redact` takes its place.
    pub fn fits(function: &MaskFunction, type_oid: u32) -> bool {
        step::fits(
            function,
            Kind::of(value::element_of(type_oid).unwrap_or(type_oid)),
        )
    }
}

#[cfg(test)]
mod tests;
