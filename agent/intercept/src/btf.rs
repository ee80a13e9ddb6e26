//! Where members of the kernel's structs lie, read from the kernel's own type information.
//!
//! Format: <https://docs.kernel.org/bpf/btf.html>. Reads what it needs and nothing else; every read is checked, so
//! a strange file yields no offset, and never a wrong one.
//!
//! ```text
//!  header | types: { name u32, info u32, size u32, (members: { name u32, type u32, bit offset u32 })* }* | names
//! ```

/// The kernel's type information.
pub struct Btf {
    types: Vec<u8>,
    names: Vec<u8>,
    /// Where each type begins in `types`; the type with id n is element n - 1.
    starts: Vec<usize>,
}

const MAGIC: u16 = 0xeb9f;
const STRUCT: u32 = 4;
const UNION: u32 = 5;
/// typedef, volatile, const, restrict, type tag: names for another type.
const ALIASES: [u32; 5] = [8, 9, 10, 11, 18];
/// How deep members without a name are searched.
const DEEPEST: u32 = 16;

/// A type's fixed part.
#[derive(Clone, Copy)]
struct Type {
    name: u32,
    kind: u32,
    members: usize,
    /// Whether member offsets hold a bit field's size in their upper byte.
    bit_fields: bool,
    /// Size, or the aliased type.
    rest: u32,
}

impl Btf {
    /// Takes the file apart; `None` where it is no type information of this machine's byte order.
    pub fn parse(file: &[u8]) -> Option<Self> {
        if u16::from_ne_bytes(file.get(..2)?.try_into().ok()?) != MAGIC {
            return None;
        }
        let header = |index: usize| word(file, index).map(|word| word as usize);
        let body = file.get(header(4)?..)?;
        let section = |at: usize, length: usize| body.get(at..at.checked_add(length)?);
        let types = section(header(8)?, header(12)?)?.to_vec();
        let names = section(header(16)?, header(20)?)?.to_vec();
        let starts = starts(&types)?;
        Some(Self {
            types,
            names,
            starts,
        })
    }

    /// Offset of the member in bytes from the start of the struct; looks into anonymous structs and unions.
    pub fn offset(&self, structure: &str, member: &str) -> Option<u32> {
        let start = self.starts.iter().find(|start| {
            type_at(&self.types, **start)
                .is_some_and(|found| found.kind == STRUCT && self.is_named(found.name, structure))
        })?;
        let bits = self.bits(*start, member, DEEPEST)?;
        (bits % 8 == 0).then_some(bits / 8)
    }

    fn bits(&self, start: usize, member: &str, depth: u32) -> Option<u32> {
        let owner = type_at(&self.types, start)?;
        (0..owner.members).find_map(|index| {
            let at = start + 12 + 12 * index;
            let offset = word(&self.types, at + 8)?;
            let offset = if owner.bit_fields {
                offset & 0x00ff_ffff
            } else {
                offset
            };
            let name = word(&self.types, at)?;
            if self.is_named(name, member) {
                return Some(offset);
            }
            if name != 0 || depth == 0 {
                return None;
            }
            let inner = self.resolve(word(&self.types, at + 4)?)?;
            offset.checked_add(self.bits(inner, member, depth - 1)?)
        })
    }

    /// Where the type behind aliases begins.
    fn resolve(&self, mut id: u32) -> Option<usize> {
        for _ in 0..DEEPEST {
            let start = *self.starts.get((id as usize).checked_sub(1)?)?;
            let found = type_at(&self.types, start)?;
            if !ALIASES.contains(&found.kind) {
                return [STRUCT, UNION].contains(&found.kind).then_some(start);
            }
            id = found.rest;
        }
        None
    }

    fn is_named(&self, at: u32, name: &str) -> bool {
        let rest = self.names.get(at as usize..).unwrap_or_default();
        rest.strip_prefix(name.as_bytes())
            .is_some_and(|after| after.first() == Some(&0))
    }
}

fn starts(types: &[u8]) -> Option<Vec<usize>> {
    let mut starts = Vec::new();
    let mut at = 0;
    while at < types.len() {
        let found = type_at(types, at)?;
        starts.push(at);
        at += 12 + tail(found.kind, found.members)?;
    }
    Some(starts)
}

/// Bytes behind a type's fixed part. An unknown kind ends the reading: its length cannot be known.
fn tail(kind: u32, members: usize) -> Option<usize> {
    match kind {
        // int, variable, declaration tag
        1 | 14 | 17 => Some(4),
        // array
        3 => Some(12),
        STRUCT | UNION => Some(12 * members),
        // enumeration, function prototype
        6 | 13 => Some(8 * members),
        // data section, 64-bit enumeration
        15 | 19 => Some(12 * members),
        // pointer, forward, aliases, function, float
        2 | 7..=12 | 16 | 18 => Some(0),
        _ => None,
    }
}

fn type_at(types: &[u8], at: usize) -> Option<Type> {
    let info = word(types, at + 4)?;
    Some(Type {
        name: word(types, at)?,
        kind: (info >> 24) & 0x1f,
        members: (info & 0xffff) as usize,
        bit_fields: info >> 31 == 1,
        rest: word(types, at + 8)?,
    })
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `struct outer { struct { u32 a; u32 wanted; }; }`: the anonymous struct is type 1, outer is type 2.
    fn sample() -> Vec<u8> {
        let names = b"\0outer\0a\0wanted\0";
        let types: Vec<u32> = [
            vec![0, STRUCT << 24 | 2, 8, 7, 0, 0, 9, 0, 32],
            vec![1, STRUCT << 24 | 1, 8, 0, 1, 64],
        ]
        .concat();
        let length = types.len() as u32 * 4;
        let mut file = MAGIC.to_ne_bytes().to_vec();
        file.extend([1, 0]);
        for word in [24, 0, length, length, names.len() as u32]
            .into_iter()
            .chain(types)
        {
            file.extend(word.to_ne_bytes());
        }
        file.extend(names);
        file
    }

    #[test]
    fn members_of_anonymous_structs_are_found() {
        let btf = Btf::parse(&sample()).unwrap();
        assert_eq!(btf.offset("outer", "wanted"), Some(8 + 4));
        assert_eq!(btf.offset("outer", "want"), None);
        assert_eq!(btf.offset("inner", "wanted"), None);
    }

    #[test]
    fn a_file_cut_anywhere_yields_no_wrong_offset() {
        let whole = sample();
        for length in 0..whole.len() {
            let offset = Btf::parse(&whole[..length]).and_then(|btf| btf.offset("outer", "wanted"));
            assert_eq!(offset, None, "cut to {length} bytes");
        }
    }
}
