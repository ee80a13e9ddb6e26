//! Reading segments, sealed ones and the live one while it grows.
//!
//! Knows no repair: who reads never writes.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use model::AuditRecord;

use crate::JournalError;
use crate::frame::{self, HEADER_BYTES, Header, PREFIX_BYTES};

/// One record of a journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its number: from 1, without gaps.
    pub sequence: u64,
    /// The record.
    pub record: AuditRecord,
    /// The record's JSON text, byte for byte as it was written.
    pub text: String,
}

/// The records of a segment that may still grow: a frame that is not yet whole is the end.
pub fn read_segment(path: &Path) -> Result<Records, JournalError> {
    Records::open(path, false)
}

/// The records of a sealed segment: a frame that is not whole is damage.
pub fn read_sealed(path: &Path) -> Result<Records, JournalError> {
    Records::open(path, true)
}

/// The records of one segment, in order. Ends after the first error.
pub struct Records {
    path: PathBuf,
    frames: Frames<BufReader<File>>,
    sealed: bool,
    ended: bool,
}

impl Records {
    fn open(path: &Path, sealed: bool) -> Result<Self, JournalError> {
        let frames = open(path)?;
        Ok(Self {
            path: path.to_owned(),
            frames,
            sealed,
            ended: false,
        })
    }

    fn step(&mut self) -> Result<Option<Entry>, JournalError> {
        let sequence = self.frames.next;
        let cut = self
            .frames
            .cut()
            .map_err(JournalError::io("read", &self.path))?;
        match cut {
            Cut::Frame(payload) => self.parse(sequence, payload).map(Some),
            Cut::End => Ok(None),
            Cut::Torn if !self.sealed => Ok(None),
            Cut::Torn => Err(self.damaged("the file ends inside of it")),
            Cut::Bad(what) => Err(self.damaged(what)),
        }
    }

    fn parse(&self, sequence: u64, payload: Vec<u8>) -> Result<Entry, JournalError> {
        let text = String::from_utf8(payload).map_err(|_| self.damaged("it is not UTF-8"))?;
        let record = serde_json::from_str(&text).map_err(|source| JournalError::Unreadable {
            path: self.path.clone(),
            sequence,
            source,
        })?;
        Ok(Entry {
            sequence,
            record,
            text,
        })
    }

    fn damaged(&self, what: &'static str) -> JournalError {
        JournalError::Damaged {
            path: self.path.clone(),
            offset: self.frames.offset,
            sequence: self.frames.next,
            what,
        }
    }
}

impl Iterator for Records {
    type Item = Result<Entry, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let step = self.step().transpose();
        self.ended = !matches!(step, Some(Ok(_)));
        step
    }
}

/// Opens a segment and reads its header, which has to say what the name says.
pub(crate) fn open(path: &Path) -> Result<Frames<BufReader<File>>, JournalError> {
    let file = File::open(path).map_err(JournalError::io("open", path))?;
    let mut input = BufReader::new(file);
    let bytes = read_up_to(&mut input, HEADER_BYTES).map_err(JournalError::io("read", path))?;
    let named = crate::first_sequence(path);
    let header = Header::decode(&bytes).and_then(|header| match named {
        Some(first) if first != header.first => Err("the header names another first record"),
        _ => Ok(header),
    });
    header
        .map(|header| Frames::new(input, header))
        .map_err(|what| JournalError::Damaged {
            path: path.to_owned(),
            offset: 0,
            sequence: named.unwrap_or_default(),
            what,
        })
}

/// The frames behind a header.
pub(crate) struct Frames<R> {
    input: R,
    segment: u64,
    /// Sequence number of the frame at `offset`.
    pub next: u64,
    /// Bytes from the start of the file up to which all is well.
    pub offset: u64,
}

/// What stands at an offset.
pub(crate) enum Cut {
    /// A whole frame with this payload.
    Frame(Vec<u8>),
    /// The end of the file.
    End,
    /// The file ends inside a frame.
    Torn,
    /// Something that was not written like this.
    Bad(&'static str),
}

impl<R: Read> Frames<R> {
    pub(crate) fn new(input: R, header: Header) -> Self {
        Self {
            input,
            segment: header.segment,
            next: header.first,
            offset: HEADER_BYTES as u64,
        }
    }

    /// Cuts the next frame off. Only a whole one moves `next` and `offset`; after anything else the reader is spent.
    pub(crate) fn cut(&mut self) -> io::Result<Cut> {
        let prefix = read_up_to(&mut self.input, PREFIX_BYTES)?;
        if prefix.is_empty() {
            return Ok(Cut::End);
        }
        let Some(prefix) = prefix.first_chunk::<PREFIX_BYTES>() else {
            return Ok(Cut::Torn);
        };
        let Some((length, crc)) = frame::decode_prefix(*prefix) else {
            return Ok(Cut::Bad("its length cannot be"));
        };
        let payload = read_up_to(&mut self.input, length)?;
        if payload.len() < length {
            return Ok(Cut::Torn);
        }
        if frame::checksum(self.segment, self.next, &payload) != crc {
            return Ok(Cut::Bad("its checksum does not match"));
        }
        self.next += 1;
        self.offset += (PREFIX_BYTES + length) as u64;
        Ok(Cut::Frame(payload))
    }
}

/// Reads this many bytes, or fewer at the end of the file. Never allocates more than there is: a length may be garbage.
fn read_up_to(input: &mut impl Read, bytes: usize) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    input.take(bytes as u64).read_to_end(&mut read)?;
    Ok(read)
}
