//! `json`: what stands at some paths of a document. The rest stays as it was written.
//!
//! A path is names of members with points between, and `*` for every member or element: `card.number`, `contacts.*.email`.
//! Texts are masked as text and numbers as `numeric`; what else stands there, objects and arrays as a whole, is shown as
//! `null`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::{BufMut as _, BytesMut};
use model::MaskFunction;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::constant::JSONB_VERSION;
use crate::key::Keyring;
use crate::kind::Kind;
use crate::step::{Step, Typed};
use crate::{Format, Shown};

/// Masks parts of documents.
#[derive(Clone, Debug)]
pub(crate) struct Json {
    paths: Vec<Path>,
    /// Whether a version stands in front.
    is_versioned: bool,
}

#[derive(Clone, Debug)]
struct Path {
    steps: Vec<Box<str>>,
    leaf: Leaf,
}

/// What is done to what stands at a path.
#[derive(Clone, Debug)]
struct Leaf {
    text: Step,
    number: Step,
}

impl Json {
    pub(crate) fn new(
        paths: &BTreeMap<Arc<str>, MaskFunction>,
        typed: &Typed<'_>,
        keys: &Keyring,
    ) -> Self {
        let of_kind = |function: &MaskFunction, kind| {
            let typed = Typed {
                kind,
                format: Format::Text,
                ..*typed
            };
            Step::new(function, &typed, keys)
        };
        let path = |(path, function): (&Arc<str>, &MaskFunction)| Path {
            steps: path.split('.').map(Into::into).collect(),
            leaf: Leaf {
                text: of_kind(function, Kind::Text),
                number: of_kind(function, Kind::Numeric),
            },
        };
        Self {
            paths: paths.iter().map(path).collect(),
            is_versioned: (typed.kind, typed.format) == (Kind::Jsonb, Format::Binary),
        }
    }

    /// None where this is no JSON.
    pub(crate) fn put(&self, value: &[u8], out: &mut BytesMut) -> Option<Shown> {
        let text = match self.is_versioned {
            true => {
                out.put_u8(JSONB_VERSION);
                value.strip_prefix(&[JSONB_VERSION])?
            }
            false => value,
        };
        let document: &RawValue = serde_json::from_slice(text).ok()?;
        let paths: Vec<Rest<'_>> = self.paths.iter().map(Rest::of).collect();
        match put_below(document, &paths, out)? {
            true => Some(Shown::Masked),
            false => Some(Shown::Unchanged),
        }
    }
}

/// What is left of a path.
#[derive(Clone, Copy)]
struct Rest<'p> {
    steps: &'p [Box<str>],
    leaf: &'p Leaf,
}

impl<'p> Rest<'p> {
    fn of(path: &'p Path) -> Self {
        Self {
            steps: &path.steps,
            leaf: &path.leaf,
        }
    }

    /// Behind this member, where the path goes there.
    fn behind(&self, member: Option<&str>) -> Option<Self> {
        let (step, steps) = self.steps.split_first()?;
        let goes = &**step == "*" || member == Some(&**step);
        goes.then_some(Self { steps, ..*self })
    }
}

/// Appends a value with what stands at these paths masked, and whether that was anything.
fn put_below(value: &RawValue, paths: &[Rest<'_>], out: &mut BytesMut) -> Option<bool> {
    if let Some(here) = paths.iter().find(|path| path.steps.is_empty()) {
        put_leaf(value.get(), here.leaf, out)?;
        return Some(value.get() != "null");
    }
    let mut has_masked = false;
    match value.get().bytes().next() {
        Some(b'{') if !paths.is_empty() => {
            let Members(members) = serde_json::from_str(value.get()).ok()?;
            out.put_u8(b'{');
            for (index, (name, member)) in members.iter().enumerate() {
                if index > 0 {
                    out.put_slice(b", ");
                }
                put_string(name, out)?;
                out.put_slice(b": ");
                let below = paths.iter().filter_map(|path| path.behind(Some(name)));
                has_masked |= put_below(member, &below.collect::<Vec<_>>(), out)?;
            }
            out.put_u8(b'}');
        }
        Some(b'[') if !paths.is_empty() => {
            let elements: Vec<&RawValue> = serde_json::from_str(value.get()).ok()?;
            let below: Vec<_> = paths.iter().filter_map(|path| path.behind(None)).collect();
            out.put_u8(b'[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.put_slice(b", ");
                }
                has_masked |= put_below(element, &below, out)?;
            }
            out.put_u8(b']');
        }
        _ => out.put_slice(value.get().as_bytes()),
    }
    Some(has_masked)
}

fn put_leaf(value: &str, leaf: &Leaf, out: &mut BytesMut) -> Option<()> {
    let mut shown = BytesMut::new();
    match value.bytes().next()? {
        b'"' => {
            let text: String = serde_json::from_str(value).ok()?;
            match leaf.text.put(text.as_bytes(), &mut shown) {
                Some(_) => put_string(std::str::from_utf8(&shown).ok()?, out)?,
                None => out.put_slice(b"null"),
            }
        }
        b'-' | b'0'..=b'9' if leaf.number.put(value.as_bytes(), &mut shown).is_some() => {
            out.put_slice(&shown);
        }
        _ => out.put_slice(b"null"),
    }
    Some(())
}

fn put_string(text: &str, out: &mut BytesMut) -> Option<()> {
    serde_json::to_writer(out.writer(), text).ok()
}

/// An object's members in their order, also where a name comes twice.
struct Members<'v>(Vec<(String, &'v RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}
