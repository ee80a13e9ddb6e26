//! What is kept of a result that policies want recorded in full: what the client saw of it, up to a limit.
//!
//! It leaves the engine in pieces, ahead of the end of its request, so that no result is held whole. What passes the
//! limits is counted, and said at the end.

use bytes::Bytes;
use model::{Content, Heading, Parameter};

use crate::frame;
use crate::messages::bind::{format_of, parameter};
use crate::messages::data_row;
use crate::messages::row_description::Field;
use crate::reader::Malformed;

/// Bytes that are kept of one request's results.
const REQUEST: usize = 1 << 20;
/// Bytes that are kept of one session's results.
pub const SESSION: usize = 64 << 20;
/// Bytes of messages that make a piece.
const PIECE: usize = 64 << 10;

/// What is kept of one request.
#[derive(Debug)]
pub struct Recording {
    /// How each column of the current result is written.
    formats: Vec<i16>,
    /// What has not left yet.
    piece: Piece,
    /// Bytes of messages in it.
    held: usize,
    /// Bytes that may still be kept.
    left: usize,
    lost_rows: u64,
    lost_bytes: u64,
    is_headed: bool,
}

#[derive(Debug)]
enum Piece {
    Empty,
    Rows(Vec<Vec<Parameter>>),
    Copied(Vec<Parameter>),
}

impl Default for Recording {
    fn default() -> Self {
        Self {
            formats: Vec::new(),
            piece: Piece::Empty,
            held: 0,
            left: REQUEST,
            lost_rows: 0,
            lost_bytes: 0,
            is_headed: false,
        }
    }
}

impl Recording {
    /// Whether a message of this size is kept, of a session that may keep this much more.
    pub fn has_room(&self, bytes: usize, session: usize) -> bool {
        bytes <= self.left && bytes <= session
    }

    /// Takes the room for it, or counts it as lost. Whether it is kept.
    pub fn take(&mut self, bytes: usize, session: &mut usize) -> bool {
        let has_room = self.has_room(bytes, *session);
        match has_room {
            true => {
                self.left -= bytes;
                *session -= bytes;
            }
            false => self.lose(bytes),
        }
        has_room
    }

    /// A message of this size is not kept. Nothing of the same request is behind it.
    pub fn lose(&mut self, bytes: usize) {
        self.left = 0;
        self.lost_rows += 1;
        self.lost_bytes += bytes as u64;
    }

    /// Whether it was told what columns there are.
    pub fn is_headed(&self) -> bool {
        self.is_headed
    }

    /// A result with these columns begins. What came before it, and its columns.
    pub fn columns(&mut self, fields: &[Field]) -> impl Iterator<Item = Content> + use<> {
        self.formats = fields.iter().map(|field| field.format).collect();
        self.is_headed = true;
        let heading = |field: &Field| Heading {
            name: String::from_utf8_lossy(&field.name).into_owned(),
            kind: field.kind,
        };
        let headings = fields.iter().map(heading).collect();
        self.leave().into_iter().chain([Content::Columns(headings)])
    }

    /// A DataRow as the client sees it. What is ready to leave.
    pub fn row(&mut self, message: &[u8]) -> Result<Option<Content>, Malformed> {
        let size = message.len();
        let (count, mut values) = data_row::read(message.get(frame::HEADER..).unwrap_or_default())?;
        let value = |place| {
            let format = format_of(&self.formats, place)?;
            let bytes = values.cut()?.bytes.map(Bytes::copy_from_slice);
            Ok(parameter(bytes, format, usize::MAX))
        };
        let row = (0..usize::from(count))
            .map(value)
            .collect::<Result<_, _>>()?;
        values.finish()?;
        let before = match &mut self.piece {
            Piece::Rows(rows) => {
                rows.push(row);
                None
            }
            _ => {
                let before = self.leave();
                self.piece = Piece::Rows(vec![row]);
                before
            }
        };
        Ok(before.or_else(|| self.grown(size)))
    }

    /// The body of a CopyData. What is ready to leave.
    pub fn copied(&mut self, data: Bytes) -> Option<Content> {
        let size = data.len();
        let data = parameter(Some(data), 0, usize::MAX);
        let before = match &mut self.piece {
            Piece::Copied(copied) => {
                copied.push(data);
                None
            }
            _ => {
                let before = self.leave();
                self.piece = Piece::Copied(vec![data]);
                before
            }
        };
        before.or_else(|| self.grown(size))
    }

    /// What is left at the end, and how much was not kept.
    pub fn finish(mut self) -> impl Iterator<Item = Content> {
        let lost = (self.lost_bytes > 0).then_some(Content::Truncated {
            rows: self.lost_rows,
            bytes: self.lost_bytes,
        });
        self.leave().into_iter().chain(lost)
    }

    fn grown(&mut self, bytes: usize) -> Option<Content> {
        self.held += bytes;
        if self.held < PIECE {
            None
        } else {
            self.leave()
        }
    }

    fn leave(&mut self) -> Option<Content> {
        self.held = 0;
        match std::mem::replace(&mut self.piece, Piece::Empty) {
            Piece::Empty => None,
            Piece::Rows(rows) => Some(Content::Rows(rows)),
            Piece::Copied(data) => Some(Content::Copied(data)),
        }
    }
}
