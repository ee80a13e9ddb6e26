//! Reading segments, sealed ones and the live one while it grows.
//!
//! Knows no repair: who reads never writes.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use model::AuditRecord;

use crate::JournalError;
use crate::frame::{self, HEADER_BYTES, Header, PREFIX_BYTES};
use crate::segment;

/// What is wrong with a file that ends too early.
pub(crate) const CUT_SHORT: &str = "the file ends before it is whole";

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

/// Up to where a segment was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Bytes from the start of the file.
    offset: u64,
    /// Sequence number of the record there.
    next: u64,
}

/// The records of a segment that may still grow: it ends where there is no whole frame. What was on the disk once and is
/// not whole is damage all the same.
pub fn read_segment(path: &Path) -> Result<Records, JournalError> {
    Records::open(path, Reach::Written)
}

/// The records of a segment that the disk is known to have. No crash takes them back.
pub fn read_synced(path: &Path) -> Result<Records, JournalError> {
    Records::open(path, Reach::Synced)
}

/// The records of a sealed segment: whatever is not a whole frame is damage.
pub fn read_sealed(path: &Path) -> Result<Records, JournalError> {
    Records::open(path, Reach::Sealed)
}

/// How far a segment is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// To the end of the file.
    Sealed,
    /// As far as there are whole frames.
    Written,
    /// As far as it is known to be on the disk.
    Synced,
}

/// The records of one segment, in order. Ends after the first error.
pub struct Records {
    path: PathBuf,
    frames: Frames<BufReader<File>>,
    reach: Reach,
    ended: bool,
}

impl Records {
    fn open(path: &Path, reach: Reach) -> Result<Self, JournalError> {
        let frames = open(path)?;
        Ok(Self {
            path: path.to_owned(),
            frames,
            reach,
            ended: false,
        })
    }

    /// Goes on where the same segment was read up to before.
    pub fn from(mut self, place: Place) -> Result<Self, JournalError> {
        self.frames
            .go_to(place)
            .map_err(JournalError::io("read", &self.path))?;
        Ok(self)
    }

    /// Behind the record that came last.
    pub fn place(&self) -> Place {
        Place {
            offset: self.frames.offset,
            next: self.frames.next,
        }
    }

    fn step(&mut self) -> Result<Option<Entry>, JournalError> {
        if self.reach == Reach::Synced && self.frames.is_unsynced() {
            return Ok(None);
        }
        let sequence = self.frames.next;
        let cut = self
            .frames
            .cut()
            .map_err(JournalError::io("read", &self.path))?;
        let is_unfinished = self.reach != Reach::Sealed && self.frames.is_unsynced();
        match cut {
            Cut::Frame(payload) => self.parse(sequence, payload).map(Some),
            Cut::End if !self.frames.is_unsynced() => Err(self.damaged(CUT_SHORT)),
            Cut::End => Ok(None),
            Cut::Bad(_) if is_unfinished => Ok(None),
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

/// Opens a segment and reads its header.
pub(crate) fn open(path: &Path) -> Result<Frames<BufReader<File>>, JournalError> {
    let file = File::open(path).map_err(JournalError::io("open", path))?;
    let mut input = BufReader::new(file);
    let first = segment::first_sequence(path).unwrap_or(1);
    header(&mut input)
        .map_err(JournalError::io("read", path))?
        .map(|header| Frames::new(input, first, header))
        .map_err(|what| JournalError::Damaged {
            path: path.to_owned(),
            offset: 0,
            sequence: first,
            what,
        })
}

fn header(input: &mut impl Read) -> io::Result<Result<Header, &'static str>> {
    read_up_to(input, HEADER_BYTES).map(|bytes| Header::decode(&bytes))
}

/// Whether a segment has the length that it says is on the disk, as a sealed one has. One that cannot be read counts
/// as sealed: its reader says what is wrong with it.
pub(crate) fn is_sealed(path: &Path) -> bool {
    let look = || {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        header(&mut file).map(|header| header.map_or(true, |header| header.synced >= length))
    };
    look().unwrap_or(true)
}

/// The frames behind a header.
pub(crate) struct Frames<R> {
    input: R,
    segment: u64,
    synced: u64,
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
    /// Something that is no whole frame.
    Bad(&'static str),
}

impl<R: Seek> Frames<R> {
    fn go_to(&mut self, place: Place) -> io::Result<()> {
        self.input.seek(SeekFrom::Start(place.offset))?;
        self.offset = place.offset;
        self.next = place.next;
        Ok(())
    }
}

impl<R: Read> Frames<R> {
    pub(crate) fn new(input: R, first: u64, header: Header) -> Self {
        Self {
            input,
            segment: header.segment,
            synced: header.synced,
            next: first,
            offset: HEADER_BYTES as u64,
        }
    }

    /// Whether everything that the header says is on the disk has been read: what comes may be unfinished.
    pub(crate) fn is_unsynced(&self) -> bool {
        self.offset >= self.synced
    }

    /// Cuts the next frame off. Only a whole one moves `next` and `offset`; after anything else the reader is spent.
    pub(crate) fn cut(&mut self) -> io::Result<Cut> {
        let prefix = read_up_to(&mut self.input, PREFIX_BYTES)?;
        if prefix.is_empty() {
            return Ok(Cut::End);
        }
        let Some(prefix) = prefix.first_chunk::<PREFIX_BYTES>() else {
            return Ok(Cut::Bad(CUT_SHORT));
        };
        let Some((length, crc)) = frame::decode_prefix(*prefix) else {
            return Ok(Cut::Bad("its length cannot be"));
        };
        let payload = read_up_to(&mut self.input, length)?;
        if payload.len() < length {
            return Ok(Cut::Bad(CUT_SHORT));
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
