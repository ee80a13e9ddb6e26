//! The bytes of a segment: pure, no file.
//!
//! ```text
//! header, 40 bytes                                   frame
//! +---------+--------+---------+---------+-----+--------+   +--------+--------+----------------+
//! | magic   | format | segment | created | crc | synced |   | length | crc    | payload        |
//! | 8 bytes | u32    | u64     | i64     | u32 | u64    |   | u32    | u32    | length bytes   |
//! +---------+--------+---------+---------+-----+--------+   +--------+--------+----------------+
//! ```
//!
//! All numbers are little-endian. The first frame has the sequence number that the file's name says, and frames count
//! up from there. `created` is in microseconds since the Unix epoch. Both crc are CRC-32C (Castagnoli).
//!
//! * The header's crc is over its first 28 bytes. `synced` changes while the segment grows: it is where the bytes end
//!   that are known to be on the disk. What is damaged before it was whole once; what is not whole behind it was
//!   never finished. In a sealed segment it is the length of the file.
//! * A frame's crc is over segment (u64), sequence (u64), length (u32), payload. Segment is random: a frame that is
//!   copied, moved or left over from another file does not match.
//! * Length 0 is not valid, so zeroes are never frames: behind the last frame of a live segment there are only zeroes.
//! * The payload is the JSON text of a `model::AuditRecord`. JSON, because after a disaster it is readable with no tool
//!   of ours, and because fields can be added without a new format; the record carries its `version`.

use crc32c::{crc32c, crc32c_append};

/// Longest payload, bytes.
pub const MAX_RECORD: usize = (256 << 20) - 1;

/// Bytes before the first frame.
pub(crate) const HEADER_BYTES: usize = 40;

/// Bytes of a frame before its payload.
pub(crate) const PREFIX_BYTES: usize = 8;

/// Where in a segment its `synced` is, bytes.
pub(crate) const SYNCED_AT: u64 = 32;

const MAGIC: &[u8; 8] = b"weirjrnl";
const FORMAT: u32 = 2;

/// Bytes of the header that do not change.
const FIXED_BYTES: usize = 28;

/// What a segment says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Random, part of every frame's checksum.
    pub segment: u64,
    /// Microseconds since the Unix epoch.
    pub created: i64,
    /// Bytes from the start of the file that are known to be on the disk.
    pub synced: u64,
}

impl Header {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        bytes.extend_from_slice(&self.segment.to_le_bytes());
        bytes.extend_from_slice(&self.created.to_le_bytes());
        let crc = crc32c(&bytes);
        bytes.extend_from_slice(&crc.to_le_bytes());
        bytes.extend_from_slice(&self.synced.to_le_bytes());
        bytes
    }

    /// What the first bytes of a file say, or what is wrong with them.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
        const SHORT: &str = "the header is cut off";
        let (magic, rest) = bytes.split_first_chunk::<8>().ok_or(SHORT)?;
        let (format, rest) = rest.split_first_chunk::<4>().ok_or(SHORT)?;
        let (segment, rest) = rest.split_first_chunk::<8>().ok_or(SHORT)?;
        let (created, rest) = rest.split_first_chunk::<8>().ok_or(SHORT)?;
        let (crc, rest) = rest.split_first_chunk::<4>().ok_or(SHORT)?;
        let (synced, _) = rest.split_first_chunk::<8>().ok_or(SHORT)?;
        let fixed = bytes.get(..FIXED_BYTES).ok_or(SHORT)?;
        match () {
            () if magic != MAGIC => Err("this is not a segment of a journal"),
            () if u32::from_le_bytes(*format) != FORMAT => {
                Err("the segment has another format than this version reads")
            }
            () if crc32c(fixed) != u32::from_le_bytes(*crc) => {
                Err("the header's checksum does not match")
            }
            () => Ok(Self {
                segment: u64::from_le_bytes(*segment),
                created: i64::from_le_bytes(*created),
                synced: u64::from_le_bytes(*synced),
            }),
        }
    }
}

/// What stands before a payload. The payload is not empty and not longer than [`MAX_RECORD`].
pub(crate) fn encode_prefix(segment: u64, sequence: u64, payload: &[u8]) -> [u8; PREFIX_BYTES] {
    let [a, b, c, d] = length_of(payload).to_le_bytes();
    let [e, f, g, h] = checksum(segment, sequence, payload).to_le_bytes();
    [a, b, c, d, e, f, g, h]
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
    let mut salt = [0; 20];
    let numbers = segment.to_le_bytes().into_iter();
    let numbers = numbers.chain(sequence.to_le_bytes());
    let numbers = numbers.chain(length_of(payload).to_le_bytes());
    salt.iter_mut()
        .zip(numbers)
        .for_each(|(to, byte)| *to = byte);
    crc32c_append(crc32c(&salt), payload)
}

fn length_of(payload: &[u8]) -> u32 {
    u32::try_from(payload.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header = Header {
        segment: 0x0102_0304_0506_0708,
        created: -1,
        synced: 47,
    };

    #[test]
    fn a_header_is_40_bytes_and_reads_back() {
        let bytes = HEADER.encode();
        assert_eq!(bytes.len(), HEADER_BYTES);
        assert_eq!(Header::decode(&bytes), Ok(HEADER));
        assert_eq!(bytes[SYNCED_AT as usize..], 47u64.to_le_bytes());
    }

    #[test]
    fn a_header_with_any_bit_flipped_is_refused_but_in_what_changes() {
        let bytes = HEADER.encode();
        for bit in 0..SYNCED_AT as usize * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::decode(&flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn the_format_on_disk_does_not_change_by_accident() {
        let prefix = encode_prefix(HEADER.segment, 7, b"{}");
        assert_eq!(prefix[..4], [2, 0, 0, 0]);
        let mut covered = vec![8, 7, 6, 5, 4, 3, 2, 1, 7, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0];
        covered.extend_from_slice(b"{}");
        assert_eq!(prefix[4..8], crc32c(&covered).to_le_bytes());
        assert_eq!(decode_prefix(prefix), Some((2, crc32c(&covered))));
    }

    #[test]
    fn zeroes_are_no_frame() {
        assert_eq!(decode_prefix([0; PREFIX_BYTES]), None);
    }
}
