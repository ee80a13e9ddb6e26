//! Which types can be masked, and how much alike they are: `pg_type.oid` in `src/include/catalog/pg_type.dat`.

/// A type, as far as masking cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text in the client's encoding; its text and binary formats are the same bytes.
    Text,
    Json,
    /// In binary format with a version in front.
    Jsonb,
    Bytea,
    Bool,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    Numeric,
    Date,
    Timestamp,
    TimestampTz,
    Uuid,
    Inet,
    /// Every other type: only NULL is certainly one of its values.
    Other,
}

impl Kind {
    pub(crate) fn of(oid: u32) -> Self {
        match oid {
            // name, text, unknown, bpchar, varchar
            19 | 25 | 705 | 1042 | 1043 => Self::Text,
            114 => Self::Json,
            3802 => Self::Jsonb,
            17 => Self::Bytea,
            16 => Self::Bool,
            21 => Self::Int2,
            23 => Self::Int4,
            20 => Self::Int8,
            700 => Self::Float4,
            701 => Self::Float8,
            1700 => Self::Numeric,
            1082 => Self::Date,
            1114 => Self::Timestamp,
            1184 => Self::TimestampTz,
            2950 => Self::Uuid,
            869 => Self::Inet,
            _ => Self::Other,
        }
    }

    pub(crate) fn is_number(self) -> bool {
        matches!(
            self,
            Self::Int2 | Self::Int4 | Self::Int8 | Self::Float4 | Self::Float8 | Self::Numeric
        )
    }

    pub(crate) fn is_date(self) -> bool {
        matches!(self, Self::Date | Self::Timestamp | Self::TimestampTz)
    }

    /// Whether its values are text, or have some in them.
    pub(crate) fn holds_text(self) -> bool {
        self == Self::Text || self.is_json()
    }

    pub(crate) fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::Jsonb)
    }
}
