//! What is shown in place of a value.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What is shown in place of a masked value. NULL stays NULL under every function but [`MaskFunction::Always`].
///
/// A type that a function does not fit is shown as [`MaskFunction::Redact`] shows it. Arrays are masked element by element.
/// What is keyed names its key and never holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MaskFunction {
    /// NULL, for every type.
    Null,
    /// `***` for text types, `null` for JSON, NULL for every other type.
    Redact,
    /// This value, of the column's type.
    Fixed(Arc<str>),
    /// This value, also in place of NULL, so that not even whether there is one can be seen.
    Always(Arc<str>),
    /// Keeps characters at both ends of a text: `partial(prefix, pad, suffix)` as in SQL Server and PostgreSQL Anonymizer.
    /// A value not longer than prefix plus suffix becomes the padding alone.
    Partial {
        /// Characters kept at the start.
        prefix: usize,
        /// What stands between.
        pad: Arc<str>,
        /// Characters kept at the end.
        suffix: usize,
    },
    /// First character and top-level domain of an address: `a***@***.com`; `***` where the text is no address.
    Email,
    /// HMAC-SHA-256 (RFC 2104) of the value, so that equal values stay equal and nothing else is told.
    Hash {
        /// Name of the key.
        key: Arc<str>,
        /// Whether equal values of different columns are shown alike.
        joinable: bool,
    },
    /// Another value of the same form, by format-preserving encryption (FF1, NIST SP 800-38G).
    Tokenize {
        /// Name of the key.
        key: Arc<str>,
        /// Whether equal values of different columns are shown alike.
        joinable: bool,
    },
    /// The beginning of the period that a date or time is in.
    Date {
        /// Which period.
        floor: Floor,
    },
    /// The beginning of the bucket that a number is in.
    Number {
        /// How wide buckets are, from 2 on. They begin at 0.
        bucket: u64,
    },
    /// A value nearby, the same one for the same value.
    Noise {
        /// Name of the key.
        key: Arc<str>,
        /// How near.
        spread: Spread,
    },
    /// Masks what stands at these paths of a JSON document, and keeps the rest of it.
    Json(BTreeMap<Arc<str>, MaskFunction>),
    /// Keeps what is encrypted, and masks everything else by this.
    Encrypted(Arc<MaskFunction>),
    /// Keeps a text, but for what looks like a card number, an address, a key and the like in it.
    Detect(Detect),
}

/// What is done with what is detected in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Detect {
    /// It is counted.
    Report,
    /// It is counted, and replaced by `***`.
    Mask,
}

impl MaskFunction {
    /// Names of the keys that it takes.
    pub fn keys(&self) -> Vec<&Arc<str>> {
        match self {
            Self::Hash { key, .. } | Self::Tokenize { key, .. } | Self::Noise { key, .. } => {
                vec![key]
            }
            Self::Json(paths) => paths.values().flat_map(Self::keys).collect(),
            Self::Encrypted(otherwise) => otherwise.keys(),
            Self::Null
            | Self::Redact
            | Self::Fixed(_)
            | Self::Always(_)
            | Self::Partial { .. }
            | Self::Email
            | Self::Date { .. }
            | Self::Number { .. }
            | Self::Detect(_) => vec![],
        }
    }
}

/// A period of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Floor {
    /// From January on.
    Year,
    /// Three months.
    Quarter,
    /// One month.
    Month,
    /// One day, of a date with a time.
    Day,
}

/// How far noise goes from a value, in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Spread {
    /// So many hundredths of a number, 1 to 100.
    Percent(u32),
    /// So many days before and after a date, from 1 on.
    Days(u32),
}
