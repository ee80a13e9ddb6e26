//! The built-in types whose formats are known here, by `pg_type.oid` (`src/include/catalog/pg_type.dat`).

/// A type that is no array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    Bool,
    Bytea,
    Char,
    /// Text of a length that its own type bounds, or nothing does.
    Text,
    /// `char(n)`: spaces at the end do not count.
    Padded,
    /// An identifier, which the server cuts.
    Name,
    Int2,
    Int4,
    Int8,
    /// `oid`, `xid`, `cid`.
    Unsigned,
    Float4,
    Float8,
    Numeric,
    Date,
    Time,
    TimeTz,
    Timestamp,
    TimestampTz,
    Interval,
    Uuid,
    Jsonb,
    Inet,
    Cidr,
    Macaddr,
    Bits,
    Tid,
    Lsn,
}

/// A type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Scalar(Scalar),
    Array(Scalar),
}

/// Format, name, oid and the oid of its array.
const TYPES: [(Scalar, &str, u32, u32); 34] = [
    (Scalar::Bool, "bool", 16, 1000),
    (Scalar::Bytea, "bytea", 17, 1001),
    (Scalar::Char, "\"char\"", 18, 1002),
    (Scalar::Name, "name", 19, 1003),
    (Scalar::Int8, "int8", 20, 1016),
    (Scalar::Int2, "int2", 21, 1005),
    (Scalar::Int4, "int4", 23, 1007),
    (Scalar::Text, "text", 25, 1009),
    (Scalar::Unsigned, "oid", 26, 1028),
    (Scalar::Tid, "tid", 27, 1010),
    (Scalar::Unsigned, "xid", 28, 1011),
    (Scalar::Unsigned, "cid", 29, 1012),
    (Scalar::Text, "json", 114, 199),
    (Scalar::Cidr, "cidr", 650, 651),
    (Scalar::Float4, "float4", 700, 1021),
    (Scalar::Float8, "float8", 701, 1022),
    (Scalar::Macaddr, "macaddr8", 774, 775),
    (Scalar::Macaddr, "macaddr", 829, 1040),
    (Scalar::Inet, "inet", 869, 1041),
    (Scalar::Padded, "bpchar", 1042, 1014),
    (Scalar::Text, "varchar", 1043, 1015),
    (Scalar::Date, "date", 1082, 1182),
    (Scalar::Time, "time", 1083, 1183),
    (Scalar::Timestamp, "timestamp", 1114, 1115),
    (Scalar::TimestampTz, "timestamptz", 1184, 1185),
    (Scalar::Interval, "interval", 1186, 1187),
    (Scalar::TimeTz, "timetz", 1266, 1270),
    (Scalar::Bits, "bit", 1560, 1561),
    (Scalar::Bits, "varbit", 1562, 1563),
    (Scalar::Numeric, "numeric", 1700, 1231),
    (Scalar::Uuid, "uuid", 2950, 2951),
    (Scalar::Lsn, "pg_lsn", 3220, 3221),
    (Scalar::Jsonb, "jsonb", 3802, 3807),
    (Scalar::Jsonb, "jsonpath", 4072, 4073),
];

impl Type {
    pub(crate) fn of(oid: u32) -> Option<Self> {
        TYPES.iter().find_map(|(scalar, _, own, array)| match oid {
            oid if oid == *own => Some(Self::Scalar(*scalar)),
            oid if oid == *array => Some(Self::Array(*scalar)),
            _ => None,
        })
    }
}

/// Whether the formats of the type with this `pg_type.oid` are known.
pub fn is_built_in(oid: u32) -> bool {
    Type::of(oid).is_some()
}

/// The name of the type with this `pg_type.oid`, as in `pg_type.typname`, and of an array as `element[]`.
pub fn name(oid: u32) -> Option<String> {
    TYPES.iter().find_map(|(_, name, own, array)| match oid {
        oid if oid == *own => Some((*name).to_owned()),
        oid if oid == *array => Some(format!("{name}[]")),
        _ => None,
    })
}

/// The `pg_type.oid` of the arrays of this type.
pub fn array_of(oid: u32) -> Option<u32> {
    let mut types = TYPES.iter();
    let (_, _, _, array) = types.find(|(_, _, own, _)| *own == oid)?;
    Some(*array)
}

/// The `pg_type.oid` of what arrays of this type hold.
pub fn element_of(oid: u32) -> Option<u32> {
    let mut types = TYPES.iter();
    let (_, _, element, _) = types.find(|(_, _, _, array)| *array == oid)?;
    Some(*element)
}
