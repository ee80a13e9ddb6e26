//! A mask as `classes.toml` writes it: the words of [`MaskFunction`], with unknown keys and numbers without sense refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Detect, Floor, MaskFunction, Spread};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// A mask function that makes sense.
#[derive(Clone)]
pub(crate) struct WrittenMask(pub(crate) MaskFunction);

impl<'de> Deserialize<'de> for WrittenMask {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = Words::deserialize(deserializer)?;
        words.meant().map(Self).map_err(D::Error::custom)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Words {
    Null,
    Redact,
    Fixed(Arc<str>),
    Always(Arc<str>),
    Partial {
        prefix: usize,
        pad: Arc<str>,
        suffix: usize,
    },
    Email,
    Hash {
        key: Arc<str>,
        #[serde(default)]
        joinable: bool,
    },
    Tokenize {
        key: Arc<str>,
        #[serde(default)]
        joinable: bool,
    },
    Date {
        floor: Floor,
    },
    Number {
        bucket: u64,
    },
    Noise {
        key: Arc<str>,
        percent: Option<u32>,
        days: Option<u32>,
    },
    Json(BTreeMap<Arc<str>, WrittenMask>),
    Detect(Detect),
}

impl Words {
    fn meant(self) -> Result<MaskFunction, String> {
        Ok(match self {
            Self::Null => MaskFunction::Null,
            Self::Redact => MaskFunction::Redact,
            Self::Fixed(text) => MaskFunction::Fixed(text),
            Self::Always(text) => MaskFunction::Always(text),
            Self::Partial {
                prefix,
                pad,
                suffix,
            } => MaskFunction::Partial {
                prefix,
                pad,
                suffix,
            },
            Self::Email => MaskFunction::Email,
            Self::Hash { key, joinable } => MaskFunction::Hash { key, joinable },
            Self::Tokenize { key, joinable } => MaskFunction::Tokenize { key, joinable },
            Self::Date { floor } => MaskFunction::Date { floor },
            Self::Number { bucket } if bucket < 2 => {
                return Err("bucket is the width of a bucket: write a number from 2 on".into());
            }
            Self::Number { bucket } => MaskFunction::Number { bucket },
            Self::Noise { key, percent, days } => MaskFunction::Noise {
                key,
                spread: spread(percent, days)?,
            },
            Self::Json(paths) => MaskFunction::Json(json(paths)?),
            Self::Detect(detect) => MaskFunction::Detect(detect),
        })
    }
}

fn spread(percent: Option<u32>, days: Option<u32>) -> Result<Spread, String> {
    match (percent, days) {
        (Some(percent @ 1..=100), None) => Ok(Spread::Percent(percent)),
        (None, Some(days @ 1..)) => Ok(Spread::Days(days)),
        _ => Err("noise goes so far: write percent = 1 to 100 for numbers, or days = 1 or more for dates".into()),
    }
}

fn json(
    paths: BTreeMap<Arc<str>, WrittenMask>,
) -> Result<BTreeMap<Arc<str>, MaskFunction>, String> {
    if paths.is_empty() {
        return Err("json names no path: write { json = { \"card.number\" = \"redact\" } }".into());
    }
    let mask = |(path, WrittenMask(mask)): (Arc<str>, WrittenMask)| {
        if path.split('.').any(str::is_empty) {
            return Err(format!(
                "\"{path}\" is no path: write names of members with points between, such as contacts.*.email"
            ));
        }
        match mask {
            MaskFunction::Json(_) => Err(format!("json in json: write \"{path}.member\"")),
            MaskFunction::Detect(_) => Err(format!(
                "detect looks through whole documents: leave out \"{path}\""
            )),
            mask => Ok((path, mask)),
        }
    };
    paths.into_iter().map(mask).collect()
}
