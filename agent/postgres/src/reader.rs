//! Checked reads inside one frame. A frame that is read must be empty at the end ([`Reader::finish`]).

use std::sync::Arc;

use bytes::{Buf, Bytes};

/// A frame's body does not hold what its tag promises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

/// Reads values off the front of a frame's body.
pub struct Reader(Bytes);

impl Reader {
    /// Over the body of one frame.
    pub fn new(body: Bytes) -> Self {
        Self(body)
    }

    pub fn u8(&mut self) -> Result<u8, Malformed> {
        self.0
            .try_get_u8()
            .map_err(|_| Malformed("a frame that ends early"))
    }

    pub fn i16(&mut self) -> Result<i16, Malformed> {
        self.0
            .try_get_i16()
            .map_err(|_| Malformed("a frame that ends early"))
    }

    pub fn i32(&mut self) -> Result<i32, Malformed> {
        self.0
            .try_get_i32()
            .map_err(|_| Malformed("a frame that ends early"))
    }

    pub fn u32(&mut self) -> Result<u32, Malformed> {
        self.0
            .try_get_u32()
            .map_err(|_| Malformed("a frame that ends early"))
    }

    /// An Int16 that counts what follows. The protocol's counts go up to 65,535.
    pub fn count(&mut self) -> Result<u16, Malformed> {
        self.0
            .try_get_u16()
            .map_err(|_| Malformed("a frame that ends early"))
    }

    /// A string that ends with a zero byte, without it.
    pub fn string(&mut self) -> Result<Bytes, Malformed> {
        let end = self
            .0
            .iter()
            .position(|&byte| byte == 0)
            .ok_or(Malformed("a string without its terminator"))?;
        let text = self.0.split_to(end);
        self.0.advance(1);
        Ok(text)
    }

    /// A value that its length precedes; -1 is NULL.
    pub fn value(&mut self) -> Result<Option<Bytes>, Malformed> {
        match self.i32()? {
            -1 => Ok(None),
            length => {
                let length =
                    usize::try_from(length).map_err(|_| Malformed("a value of negative length"))?;
                if length > self.0.len() {
                    return Err(Malformed("a value longer than its frame"));
                }
                Ok(Some(self.0.split_to(length)))
            }
        }
    }

    /// Numbers of types, behind their count; none where it is 0.
    pub fn types(&mut self) -> Result<Option<Arc<[u32]>>, Malformed> {
        match self.count()? {
            0 => Ok(None),
            count => (0..count)
                .map(|_| self.u32())
                .collect::<Result<_, _>>()
                .map(Some),
        }
    }

    /// What is left.
    pub fn rest(self) -> Bytes {
        self.0
    }

    /// The frame must be used up.
    pub fn finish(self) -> Result<(), Malformed> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Malformed("a frame with bytes left over at its end"))
        }
    }
}
