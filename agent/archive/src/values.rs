//! Bind values as a column: what a record keeps as it was sent, printed as the server prints it.

use std::borrow::Cow;

use model::{Decided, Parameter};
use serde::Serialize;
use value::Shown;

use crate::flatten::json;

/// One value. The order of its fields is part of the evidence.
#[derive(Serialize)]
struct Value<'a> {
    r#type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<&'static str>,
    #[serde(flatten)]
    content: Content<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Text { value: Option<Cow<'a, str>> },
    Bytes { hex: &'a str, why: String },
    Large { length: u64, sha256: &'a str },
}

/// The list of a decision's values; none where it has none.
pub(crate) fn list(decided: &Decided) -> Option<String> {
    if decided.parameters.is_empty() {
        return None;
    }
    let values = decided.parameters.iter().enumerate();
    let values = values.map(|(index, parameter)| value(decided, index, parameter));
    json(&values.collect::<Vec<_>>())
}

fn value<'a>(decided: &'a Decided, index: usize, parameter: &'a Parameter) -> Value<'a> {
    let kind = decided.types.get(index).and_then(Option::as_ref);
    Value {
        r#type: kind.map(|kind| &*kind.name),
        format: match parameter {
            Parameter::Text(_) | Parameter::Encoded(_) => Some("text"),
            Parameter::Binary(_) => Some("binary"),
            Parameter::Null | Parameter::Large { .. } => None,
        },
        content: match value::show(parameter, kind) {
            Shown::Null => Content::Text { value: None },
            Shown::Text(text) => Content::Text { value: Some(text) },
            Shown::Bytes(hex, why) => Content::Bytes {
                hex,
                why: why.to_string(),
            },
            Shown::Large { length, sha256 } => Content::Large { length, sha256 },
        },
    }
}
