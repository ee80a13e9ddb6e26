//! The bytes of a segment: pure, no file.
//!
//! ```text
//! header, 40 bytes                                  frame
//! +---------+---------+---------+-------+-----------+-----+   +--------+--------+----------------+
//! | magic   | format  | segment | first | created   | crc |   | length | crc    | payload        |
//! | 8 bytes | u32     | u64     | u64   | i64       | u32 |   | u32    | u32    | length bytes   |
//! +---------+---------+---------+-------+-----------+-----+   +--------+--------+----------------+
//! ```
//!
//! All numbers are little-endian. `first` is the sequence number of the first frame, and frames count up from
//! there. `created` is in microseconds since the Unix epoch. Both crc are CRC-32C (Castagnoli).
//!
//! * The header's crc is over its first 36 bytes.
//! * A frame's crc is over segment (u64), sequence (u64), length (u32), payload. Segment is random: a frame that is
//!   copied, moved or left over from another file does not match.
//! * Length 0 is not valid, so zeroes are never frames.
//! * The payload is the JSON text of a `model::AuditRecord`. JSON, because after a disaster it is readable with no tool
//!   of ours, and because fields can be added without a new format; the record carries its `version`.

use crc32c::{crc32c, crc32c_append};

/// Longest payload, bytes. Its high byte is below 0x20, which JSON text never contains: see [`holds_frame`].
pub const MAX_RECORD: usize = (256 << 20) - 1;

/// Bytes before the first frame.
pub(crate) const HEADER_BYTES: usize = 40;

/// Bytes of a frame before its payload.
pub(crate) const PREFIX_BYTES: usize = 8;

const MAGIC: &[u8; 8] = b"weirjrnl";
const FORMAT: u32 = 1;

/// What a segment says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Random, part of every frame's checksum.
    pub segment: u64,
    /// Sequence number of the first frame.
    pub first: u64,
    /// Microseconds since the Unix epoch.
    pub created: i64,
}

impl Header {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        bytes.extend_from_slice(&self.segment.to_le_bytes());
        bytes.extend_from_slice(&self.first.to_le_bytes());
        bytes.extend_from_slice(&self.created.to_le_bytes());
        let crc = crc32c(&bytes);
        bytes.extend_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// What the first bytes of a file say, or what is wrong with them.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
        const SHORT: &str = "the header is cut off";
        let (magic, rest) = bytes.split_first_chunk::<8>().ok_or(SHORT)?;
        let (format, rest) = rest.split_first_chunk::<4>().ok_or(SHORT)?;
        let (segment, rest) = rest.split_first_chunk::<8>().ok_or(SHORT)?;
        let (first, rest) = rest.split_first_chunk::<8>().ok_or(SHORT)?;
        let (created, rest) = rest.split_first_chunk::<8>().ok_or(SHORT)?;
        let (crc, _) = rest.split_first_chunk::<4>().ok_or(SHORT)?;
        let covered = bytes.get(..HEADER_BYTES - 4).ok_or(SHORT)?;
        match () {
            () if magic != MAGIC => Err("this is not a segment of a journal"),
            () if crc32c(covered) != u32::from_le_bytes(*crc) => {
                Err("the header's checksum does not match")
            }
            () if u32::from_le_bytes(*format) != FORMAT => {
                Err("the segment has a newer format than this version reads")
            }
            () => Ok(Self {
                segment: u64::from_le_bytes(*segment),
                first: u64::from_le_bytes(*first),
                created: i64::from_le_bytes(*created),
            }),
        }
    }
}

/// Appends one frame to `buffer`. The payload is not empty and not longer than [`MAX_RECORD`].
pub(crate) fn encode(buffer: &mut Vec<u8>, segment: u64, sequence: u64, payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    buffer.extend_from_slice(&length.to_le_bytes());
    buffer.extend_from_slice(&checksum(segment, sequence, payload).to_le_bytes());
    buffer.extend_from_slice(payload);
}

/// A frame's length and checksum, if the length can be one.
pub(crate) fn decode_prefix(prefix: [u8; PREFIX_BYTES]) -> Option<(usize, u32)> {
    let [a, b, c, d, e, f, g, h] = prefix;
    let length = usize::try_from(u32::from_le_bytes([a, b, c, d])).ok()?;
    (1..=MAX_RECORD)
        .contains(&length)
        .then_some((length, u32::from_le_bytes([e, f, g, h])))
}

/// The checksum of a frame.
pub(crate) fn checksum(segment: u64, sequence: u64, payload: &[u8]) -> u32 {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let salted = crc32c(&segment.to_le_bytes());
    let salted = crc32c_append(salted, &sequence.to_le_bytes());
    let salted = crc32c_append(salted, &length.to_le_bytes());
    crc32c_append(salted, payload)
}

/// Whether a whole frame begins anywhere in these bytes, whatever its number. Tells damage in the middle from a
/// torn tail. The shape alone is enough: a length's high byte is below 0x20, and so never part of a payload.
pub(crate) fn holds_frame(bytes: &[u8]) -> bool {
    (0..bytes.len()).any(|at| bytes.get(at..).is_some_and(starts_with_frame))
}

fn starts_with_frame(bytes: &[u8]) -> bool {
    let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX_BYTES>() else {
        return false;
    };
    decode_prefix(*prefix)
        .and_then(|(length, _)| rest.get(..length))
        .is_some_and(|payload| payload.starts_with(b"{") && payload.ends_with(b"}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header = Header {
        segment: 0x0102_0304_0506_0708,
        first: 7,
        created: -1,
    };

    #[test]
    fn a_header_is_40_bytes_and_reads_back() {
        let bytes = HEADER.encode();
        assert_eq!(bytes.len(), HEADER_BYTES);
        assert_eq!(Header::decode(&bytes), Ok(HEADER));
    }

    #[test]
    fn a_header_with_any_bit_flipped_is_refused() {
        let bytes = HEADER.encode();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::decode(&flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn the_format_on_disk_does_not_change_by_accident() {
        let mut bytes = Vec::new();
        encode(&mut bytes, HEADER.segment, 7, b"{}");
        assert_eq!(bytes[..4], [2, 0, 0, 0]);
        let mut covered = vec![8, 7, 6, 5, 4, 3, 2, 1, 7, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0];
        covered.extend_from_slice(b"{}");
        assert_eq!(bytes[4..8], crc32c(&covered).to_le_bytes());
        assert_eq!(&bytes[8..], b"{}");
    }

    #[test]
    fn zeroes_hold_no_frame_and_a_moved_frame_is_seen() {
        assert_eq!(decode_prefix([0; PREFIX_BYTES]), None);
        assert!(!holds_frame(&[0; 800]));
        let mut bytes = vec![0; 13];
        encode(&mut bytes, 1, 1, b"{}");
        assert!(holds_frame(&bytes));
        assert!(!holds_frame(&bytes[..bytes.len() - 1]));
    }
}
