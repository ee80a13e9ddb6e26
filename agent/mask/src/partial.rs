//! `partial`: both ends of a text.

use std::sync::Arc;

use bytes::{BufMut as _, BytesMut};

/// Keeps so many characters at both ends.
#[derive(Clone, Debug)]
pub(crate) struct Partial {
    pub(crate) prefix: usize,
    pub(crate) pad: Arc<str>,
    pub(crate) suffix: usize,
}

impl Partial {
    /// What is too short to hide anything, or is not UTF-8, becomes the padding.
    pub(crate) fn put(&self, value: &[u8], out: &mut BytesMut) {
        let (start, end) = self.ends(value).unwrap_or_default();
        out.reserve(start.len() + self.pad.len() + end.len());
        out.put_slice(start.as_bytes());
        out.put_slice(self.pad.as_bytes());
        out.put_slice(end.as_bytes());
    }

    fn ends<'v>(&self, value: &'v [u8]) -> Option<(&'v str, &'v str)> {
        let text = std::str::from_utf8(value).ok()?;
        // There must be one more character than is shown.
        text.chars().nth(self.prefix.checked_add(self.suffix)?)?;
        let (after, _) = text.char_indices().nth(self.prefix)?;
        let before = match self.suffix.checked_sub(1) {
            None => text.len(),
            Some(last) => text.char_indices().rev().nth(last)?.0,
        };
        Some((text.get(..after)?, text.get(before..)?))
    }
}
