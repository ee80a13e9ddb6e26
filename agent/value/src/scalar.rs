//! Everything that is neither number, time nor array.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::number;
use crate::printed::Printed;
use crate::reader::Reader;
use crate::times;
use crate::types::Scalar;
use crate::{LONGEST, Undecodable};

pub(crate) fn print(
    scalar: Scalar,
    reader: &mut Reader<'_>,
    printed: &mut Printed,
) -> Result<(), Undecodable> {
    match scalar {
        Scalar::Bool => printed.char(if reader.u8()? == 0 { 'f' } else { 't' }),
        Scalar::Bytea => {
            printed.text("\\x")?;
            printed.hex(reader.rest())
        }
        Scalar::Char => match reader.u8()? {
            0 => Ok(()),
            // Versions of the server print bytes beyond ASCII in different ways.
            byte if byte.is_ascii() => printed.char(char::from(byte)),
            _ => Err(Undecodable::Malformed),
        },
        Scalar::Text | Scalar::Padded | Scalar::Name => string(reader.rest(), printed),
        Scalar::Int2 => printed.format(format_args!("{}", reader.i16()?)),
        Scalar::Int4 => printed.format(format_args!("{}", reader.i32()?)),
        Scalar::Int8 => printed.format(format_args!("{}", reader.i64()?)),
        Scalar::Unsigned => printed.format(format_args!("{}", reader.u32()?)),
        Scalar::Float4 => number::float4(f32::from_bits(reader.u32()?), printed),
        Scalar::Float8 => number::float8(f64::from_bits(reader.u64()?), printed),
        Scalar::Numeric => number::numeric(reader, printed),
        Scalar::Date => times::date(reader.i32()?, printed),
        Scalar::Time => times::time(reader.i64()?, printed),
        Scalar::TimeTz => times::time_with_zone(reader, printed),
        Scalar::Timestamp => times::timestamp(reader.i64()?, "", printed),
        Scalar::TimestampTz => times::timestamp(reader.i64()?, "+00", printed),
        Scalar::Interval => times::interval(reader, printed),
        Scalar::Uuid => uuid(reader, printed),
        Scalar::Jsonb => match reader.u8()? {
            1 => string(reader.rest(), printed),
            _ => Err(Undecodable::Malformed),
        },
        Scalar::Inet => network(reader, false, printed),
        Scalar::Cidr => network(reader, true, printed),
        Scalar::Macaddr => macaddr(reader.rest(), printed),
        Scalar::Bits => bits(reader, printed),
        Scalar::Tid => {
            let (block, place) = (reader.u32()?, reader.u16()?);
            printed.format(format_args!("({block},{place})"))
        }
        Scalar::Lsn => {
            let lsn = reader.u64()?;
            let (high, low) = (lsn >> 32, lsn & 0xffff_ffff);
            printed.format(format_args!("{high:X}/{low:X}"))
        }
    }
}

fn string(bytes: &[u8], printed: &mut Printed) -> Result<(), Undecodable> {
    match std::str::from_utf8(bytes) {
        Ok(text) if !bytes.contains(&0) => printed.text(text),
        _ => Err(Undecodable::Malformed),
    }
}

fn uuid(reader: &mut Reader<'_>, printed: &mut Printed) -> Result<(), Undecodable> {
    for (index, length) in [4, 2, 2, 2, 6].into_iter().enumerate() {
        if index > 0 {
            printed.char('-')?;
        }
        printed.hex(reader.bytes(length)?)?;
    }
    Ok(())
}

fn macaddr(bytes: &[u8], printed: &mut Printed) -> Result<(), Undecodable> {
    if !matches!(bytes.len(), 6 | 8) {
        return Err(Undecodable::Malformed);
    }
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 {
            printed.char(':')?;
        }
        printed.format(format_args!("{byte:02x}"))?;
    }
    Ok(())
}

/// `varbit_recv` and `varbit_out` in `varbit.c`.
fn bits(reader: &mut Reader<'_>, printed: &mut Printed) -> Result<(), Undecodable> {
    let length = usize::try_from(reader.i32()?).map_err(|_| Undecodable::Malformed)?;
    if length > LONGEST {
        return Err(Undecodable::TooLong);
    }
    let bytes = reader.bytes(length.div_ceil(8))?;
    let bits = bytes
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |place| byte >> place & 1));
    bits.take(length)
        .try_for_each(|bit| printed.char(if bit == 0 { '0' } else { '1' }))
}

/// `network_recv` in `network.c`, `pg_inet_net_ntop` in `src/port/inet_net_ntop.c`.
fn network(
    reader: &mut Reader<'_>,
    is_cidr: bool,
    printed: &mut Printed,
) -> Result<(), Undecodable> {
    const V4: u8 = 2;
    const V6: u8 = 3;
    let (family, bits) = (reader.u8()?, reader.u8()?);
    // The server ignores what the client says of `cidr`.
    reader.u8()?;
    let length = reader.u8()?;
    let (address, all) = match (family, length) {
        (V4, 4) => (u128::from(reader.u32()?) << 96, 32),
        (V6, 16) => (
            u128::from(reader.u64()?) << 64 | u128::from(reader.u64()?),
            128,
        ),
        _ => return Err(Undecodable::Malformed),
    };
    let host = u128::MAX.checked_shr(u32::from(bits)).unwrap_or(0);
    if bits > all || (is_cidr && address & host != 0) {
        return Err(Undecodable::Malformed);
    }
    match family {
        V4 => {
            let address = u32::try_from(address >> 96).map_err(|_| Undecodable::Malformed)?;
            printed.format(format_args!("{}", Ipv4Addr::from(address)))?;
        }
        _ => v6(address, printed)?,
    }
    if is_cidr || bits < all {
        printed.format(format_args!("/{bits}"))?;
    }
    Ok(())
}

/// The older form of addresses with IPv4 in them, where the newer one has it only for `::ffff:0:0/96`.
fn v6(address: u128, printed: &mut Printed) -> Result<(), Undecodable> {
    match u32::try_from(address) {
        Ok(embedded) if embedded > 0xffff => {
            printed.format(format_args!("::{}", Ipv4Addr::from(embedded)))
        }
        _ => printed.format(format_args!("{}", Ipv6Addr::from(address))),
    }
}
