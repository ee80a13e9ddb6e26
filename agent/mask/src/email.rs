//! `email`: `alice@example.com` is shown as `a***@***.com`.

use bytes::{BufMut as _, BytesMut};

use crate::constant::REDACTED;

pub(crate) fn put(value: &[u8], out: &mut BytesMut) {
    let Some((first, top_level)) = parts(value) else {
        out.put_slice(REDACTED);
        return;
    };
    let mut utf8 = [0; 4];
    out.put_slice(first.encode_utf8(&mut utf8).as_bytes());
    for part in [REDACTED, b"@", REDACTED, b".", top_level.as_bytes()] {
        out.put_slice(part);
    }
}

/// The first character and the top-level domain; none where this is no address.
fn parts(value: &[u8]) -> Option<(char, &str)> {
    let text = std::str::from_utf8(value).ok()?;
    let (local, domain) = text.split_once('@')?;
    let (_, top_level) = domain.rsplit_once('.')?;
    let is_top_level = !top_level.is_empty() && top_level.bytes().all(|b| b.is_ascii_alphabetic());
    let first = local.chars().next()?;
    is_top_level.then_some((first, top_level))
}
