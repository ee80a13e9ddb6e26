//! Records as JSON text, into a buffer that each thread uses again and again.

use std::cell::Cell;

use model::{
    Approval, AuditEvent, AuditRecord, Decided, Digest, Parameter, SCHEMA_VERSION, SessionId,
};
use serde::Serialize;
use serde::ser::Error as _;

use crate::tail::Part;
use crate::{JournalError, MAX_RECORD};

/// A buffer that grew beyond this many bytes is given back.
const KEPT_BYTES: usize = 64 << 10;

thread_local! {
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A `Decided` event whose repeating part is encoded once.
///
/// ```text
///  {"version":1,"time":_,"session":_,"event":{"decided":{"request":_,"parameters":_,"text":_,"fingerprint":_,"stage":...}}}
///                                                                                  └─────── wording ──────┘└── rest ──┘
/// ```
#[derive(Clone, Debug)]
pub struct Draft {
    wording: Box<[u8]>,
    rest: Box<[u8]>,
}

/// What differs from one record of a draft to the next.
#[derive(Clone, Copy, Debug)]
pub struct Filling<'a> {
    /// The session.
    pub session: SessionId,
    /// Microseconds since the Unix epoch.
    pub time: i64,
    /// The request's number in its session.
    pub request: u64,
    /// Bind values.
    pub parameters: &'a [Parameter],
    /// The text, where it is another than the draft's.
    pub text: Option<&'a str>,
}

impl Draft {
    /// The draft of this decision. Its request's number and its parameters are left out.
    pub fn new(decided: &Decided) -> Result<Self, JournalError> {
        let blank = Decided {
            request: 0,
            parameters: [].into(),
            ..decided.clone()
        };
        let mut wording = Vec::new();
        wording.extend_from_slice(br#","text":"#);
        json(&mut wording, &blank.text)?;
        wording.extend_from_slice(br#","fingerprint":"#);
        json(&mut wording, &blank.fingerprint)?;
        let text = serde_json::to_vec(&blank).map_err(JournalError::Encode)?;
        let rest = text
            .strip_prefix(br#"{"request":0,"parameters":[]"#)
            .and_then(|rest| rest.strip_prefix(&*wording))
            .ok_or_else(|| {
                let reordered = "a decision does not begin with what differs from the next";
                JournalError::Encode(serde_json::Error::custom(reordered))
            })?;
        Ok(Self {
            rest: [rest, b"}}"].concat().into(),
            wording: wording.into(),
        })
    }
}

/// What a record of this event is to others.
pub(crate) fn part(event: &AuditEvent) -> Part {
    match event {
        AuditEvent::Shown(_)
        | AuditEvent::Finished(_)
        | AuditEvent::Closed { .. }
        | AuditEvent::Stopped => Part::Closing,
        AuditEvent::Settled { approval, .. } => match approval {
            Approval::Approved { .. } => Part::Opening,
            Approval::Denied { .. } | Approval::Expired | Approval::Withdrawn => Part::Closing,
        },
        _ => Part::Opening,
    }
}

/// Calls `write` with the text of a record.
pub(crate) fn record<T>(
    record: &AuditRecord,
    write: impl FnOnce(&[u8]) -> Result<T, JournalError>,
) -> Result<T, JournalError> {
    with_buffer(|buffer| json(buffer, record), write)
}

/// The same for a decision of which there is a draft.
pub(crate) fn draft<T>(
    draft: &Draft,
    filling: &Filling<'_>,
    write: impl FnOnce(&[u8]) -> Result<T, JournalError>,
) -> Result<T, JournalError> {
    let encode = |buffer: &mut Vec<u8>| {
        buffer.extend_from_slice(br#"{"version":"#);
        number(buffer, SCHEMA_VERSION);
        buffer.extend_from_slice(br#","time":"#);
        number(buffer, filling.time);
        buffer.extend_from_slice(br#","session":"#);
        json(buffer, &filling.session)?;
        buffer.extend_from_slice(br#","event":{"decided":{"request":"#);
        number(buffer, filling.request);
        buffer.extend_from_slice(br#","parameters":"#);
        json(buffer, filling.parameters)?;
        match filling.text {
            None => buffer.extend_from_slice(&draft.wording),
            Some(text) => {
                buffer.extend_from_slice(br#","text":"#);
                json(buffer, text)?;
                buffer.extend_from_slice(br#","fingerprint":""#);
                buffer.extend_from_slice(&Digest::of(text.as_bytes()).hex());
                buffer.push(b'"');
            }
        }
        buffer.extend_from_slice(&draft.rest);
        Ok(())
    };
    with_buffer(encode, write)
}

fn with_buffer<T>(
    encode: impl FnOnce(&mut Vec<u8>) -> Result<(), JournalError>,
    write: impl FnOnce(&[u8]) -> Result<T, JournalError>,
) -> Result<T, JournalError> {
    let mut buffer = BUFFER.take();
    buffer.clear();
    let written = encode(&mut buffer).and_then(|()| match buffer.len() {
        bytes if bytes > MAX_RECORD => Err(JournalError::TooLarge { bytes }),
        _ => write(&buffer),
    });
    if buffer.capacity() <= KEPT_BYTES {
        BUFFER.set(buffer);
    }
    written
}

fn json(buffer: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) -> Result<(), JournalError> {
    serde_json::to_writer(buffer, value).map_err(JournalError::Encode)
}

fn number(buffer: &mut Vec<u8>, number: impl itoa::Integer) {
    buffer.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}
