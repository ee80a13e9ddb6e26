//! Which function is done to a value of which type: the table that policies/README.md shows.

use bytes::{BufMut as _, BytesMut};
use model::{Floor, MaskFunction, Spread};

use crate::date::Date;
use crate::encrypted;
use crate::hash::Hash;
use crate::json::Json;
use crate::key::Keyring;
use crate::kind::Kind;
use crate::noise::Noise;
use crate::number::Bucket;
use crate::partial::Partial;
use crate::search::Search;
use crate::token::Token;
use crate::{Format, Shown, constant, email};

/// Of which type a value is, and of which column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Typed<'a> {
    pub(crate) kind: Kind,
    pub(crate) format: Format,
    pub(crate) column: &'a str,
}

/// What is done to one value that is no array.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Null,
    /// The same bytes for every value.
    Constant(Box<[u8]>),
    Partial(Partial),
    Email,
    Hash(Box<Hash>),
    Token(Box<Token>),
    Date(Date),
    Bucket(Bucket),
    Noise(Box<Noise>),
    Json(Box<Json>),
    Search(Search),
    /// Keeps what is encrypted.
    Encrypted(Kind, Format, Box<Step>),
}

impl Step {
    pub(crate) fn new(function: &MaskFunction, typed: &Typed<'_>, keys: &Keyring) -> Self {
        if !fits(function, typed.kind) {
            return constant::redacted(typed);
        }
        let made = match function {
            MaskFunction::Null => Some(Self::Null),
            MaskFunction::Redact => None,
            MaskFunction::Fixed(text) | MaskFunction::Always(text) => {
                Some(constant::fixed(text, typed))
            }
            MaskFunction::Partial {
                prefix,
                pad,
                suffix,
            } => Some(Self::Partial(Partial {
                prefix: *prefix,
                pad: pad.clone(),
                suffix: *suffix,
            })),
            MaskFunction::Email => Some(Self::Email),
            MaskFunction::Hash { key, joinable } => keys
                .get(key)
                .map(|key| Self::Hash(Box::new(Hash::new(&key, *joinable, typed)))),
            MaskFunction::Tokenize { key, joinable } => keys
                .get(key)
                .and_then(|key| Token::new(&key, *joinable, typed))
                .map(|token| Self::Token(Box::new(token))),
            MaskFunction::Date { floor } => Some(Self::Date(Date {
                floor: *floor,
                kind: typed.kind,
                format: typed.format,
            })),
            MaskFunction::Number { bucket } => Some(Self::Bucket(Bucket {
                width: *bucket,
                kind: typed.kind,
                format: typed.format,
            })),
            MaskFunction::Noise { key, spread } => keys
                .get(key)
                .map(|key| Self::Noise(Box::new(Noise::new(&key, *spread, typed)))),
            MaskFunction::Json(paths) => Some(Self::Json(Box::new(Json::new(paths, typed, keys)))),
            MaskFunction::Detect(detect) => Some(Self::Search(Search {
                detect: *detect,
                kind: typed.kind,
                format: typed.format,
            })),
            MaskFunction::Encrypted(otherwise) => {
                let otherwise = Box::new(Self::new(otherwise, typed, keys));
                Some(Self::Encrypted(typed.kind, typed.format, otherwise))
            }
        };
        made.unwrap_or_else(|| constant::redacted(typed))
    }

    /// Appends what is shown; none where that is NULL, and then what was appended does not count.
    pub(crate) fn put(&self, value: &[u8], out: &mut BytesMut) -> Option<Shown> {
        match self {
            Self::Null => None,
            Self::Constant(bytes) => {
                out.put_slice(bytes);
                Some(())
            }
            Self::Partial(partial) => {
                partial.put(value, out);
                Some(())
            }
            Self::Email => {
                email::put(value, out);
                Some(())
            }
            Self::Hash(hash) => hash.put(value, out),
            Self::Token(token) => token.put(value, out),
            Self::Date(date) => date.put(value, out),
            Self::Bucket(bucket) => bucket.put(value, out),
            Self::Noise(noise) => noise.put(value, out),
            Self::Json(json) => return json.put(value, out),
            Self::Search(search) => return search.put(value, out),
            Self::Encrypted(kind, format, otherwise) => {
                if !encrypted::is_encrypted(*kind, *format, value) {
                    return otherwise.put(value, out);
                }
                out.put_slice(value);
                return Some(Shown::Unchanged);
            }
        }
        .map(|()| Shown::Masked)
    }
}

/// Whether a function has a meaning for a type.
pub(crate) fn fits(function: &MaskFunction, kind: Kind) -> bool {
    match function {
        MaskFunction::Null | MaskFunction::Redact | MaskFunction::Detect(_) => true,
        MaskFunction::Fixed(text) | MaskFunction::Always(text) => constant::is_valid(text, kind),
        MaskFunction::Partial { .. } | MaskFunction::Email => kind == Kind::Text,
        MaskFunction::Hash { .. } => matches!(
            kind,
            Kind::Text
                | Kind::Json
                | Kind::Jsonb
                | Kind::Bytea
                | Kind::Uuid
                | Kind::Int4
                | Kind::Int8
                | Kind::Numeric
        ),
        MaskFunction::Tokenize { .. } => matches!(
            kind,
            Kind::Text | Kind::Uuid | Kind::Int4 | Kind::Int8 | Kind::Numeric
        ),
        // The day of a date is the date.
        MaskFunction::Date { floor: Floor::Day } => kind.is_date() && kind != Kind::Date,
        MaskFunction::Date { .. } => kind.is_date(),
        MaskFunction::Number { .. } => kind.is_number(),
        MaskFunction::Noise {
            spread: Spread::Percent(_),
            ..
        } => kind.is_number(),
        MaskFunction::Noise {
            spread: Spread::Days(_),
            ..
        } => kind.is_date(),
        MaskFunction::Json(_) => kind.is_json(),
        MaskFunction::Encrypted(otherwise) => {
            matches!(kind, Kind::Text | Kind::Bytea) && fits(otherwise, kind)
        }
    }
}
