//! What must hold for the bytes that a PostgreSQL server gets: nothing runs there that nobody said yes to.
//!
//! Reads the messages with code of its own, so that the engine's mistakes are not repeated. The claims:
//!
//! * every text of a Query or Parse was answered with yes, or is the engine's own that must fail;
//! * every function of a FunctionCall was answered with yes, or is the one that does not exist;
//! * no more is run than was answered with yes.
//!
//! <https://www.postgresql.org/docs/current/protocol-message-formats.html>

use std::collections::HashSet;

use protocol::{Ask, Command, Source};

use crate::engine::Run;

/// How the texts begin that the engine sends in place of what was refused.
const OWN: &[u8] = b"weir refused request ";

/// Checks all claims for this session.
pub fn check(run: &Run) {
    let allowed = Allowed::of(&run.forwarded);
    let mut runs = 0;
    for (tag, body) in messages(&run.to_server) {
        match tag {
            b'Q' | b'P' => {
                let text = text_of(tag, body);
                let own = text.starts_with(OWN);
                assert!(
                    own || allowed.texts.contains(text),
                    "a text slipped through"
                );
                runs += usize::from(tag == b'Q' && !own);
            }
            b'F' => {
                let function = body.first_chunk().map_or(0, |oid| u32::from_be_bytes(*oid));
                let own = function == 0;
                assert!(
                    own || allowed.functions.contains(&function),
                    "a call slipped through"
                );
                runs += usize::from(!own);
            }
            b'E' => runs += 1,
            _ => {}
        }
    }
    assert!(
        runs <= allowed.runs,
        "more was run than was answered with yes"
    );
}

/// What was answered with yes.
#[derive(Default)]
struct Allowed<'a> {
    texts: HashSet<&'a [u8]>,
    functions: HashSet<u32>,
    runs: usize,
}

impl<'a> Allowed<'a> {
    fn of(forwarded: &'a [Ask]) -> Self {
        let mut allowed = Self::default();
        for ask in forwarded {
            allowed.runs += usize::from(matches!(ask, Ask::Run(_)));
            let (Ask::Run(Command { source, .. }) | Ask::Prepare(Command { source, .. })) = ask
            else {
                continue;
            };
            match source {
                Source::Text(text) => allowed.texts.insert(text),
                Source::Function(oid) => allowed.functions.insert(*oid),
            };
        }
        allowed
    }
}

/// The tagged messages behind the first, which has no tag; a last one that is not whole is cut off.
fn messages(stream: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = body(stream).map_or(&[][..], |(_, rest)| rest);
    std::iter::from_fn(move || {
        let (tag, after) = rest.split_first()?;
        let (body, left) = body(after)?;
        rest = left;
        Some((*tag, body))
    })
}

/// What a length that counts itself spans, and what follows.
fn body(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    rest.split_at_checked(length.checked_sub(4)?)
}

/// Query: the text. Parse: a name, then the text.
fn text_of(tag: u8, body: &[u8]) -> &[u8] {
    let mut strings = body.split(|byte| *byte == 0);
    strings.nth(usize::from(tag == b'P')).unwrap_or_default()
}
