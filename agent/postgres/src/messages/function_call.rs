//! FunctionCall: runs one function by its id, past the SQL parser.

use bytes::{BufMut, Bytes, BytesMut};
use model::Parameter;

use crate::frame;
use crate::messages::bind::{format_of, parameter};
use crate::reader::{Malformed, Reader};

/// A FunctionCall message.
#[derive(Debug)]
pub struct FunctionCall {
    /// `pg_proc.oid`.
    pub function: u32,
    /// The arguments, in order.
    pub arguments: Vec<Parameter>,
}

impl FunctionCall {
    /// Values longer than `whole` bytes are kept by their length and digest only.
    pub fn read(body: Bytes, whole: usize) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let function = reader.u32()?;
        let formats = (0..reader.count()?)
            .map(|_| reader.i16())
            .collect::<Result<Vec<_>, _>>()?;
        let mut arguments = Vec::new();
        for index in 0..usize::from(reader.count()?) {
            let value = reader.value()?;
            arguments.push(parameter(value, format_of(&formats, index)?, whole));
        }
        reader.i16()?;
        reader.finish()?;
        Ok(Self {
            function,
            arguments,
        })
    }
}

/// Appends a call of the function 0, which no server has.
pub fn put_impossible(out: &mut BytesMut) {
    let mut body = BytesMut::new();
    body.put_u32(0);
    body.put_u16(0);
    body.put_u16(0);
    body.put_u16(0);
    frame::put(out, frame::client::FUNCTION_CALL, &body);
}
