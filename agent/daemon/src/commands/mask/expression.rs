//! A mask as an expression of SQL: what the wire would show, as far as SQL can say it.

use mask::Mask;
use model::{Floor, MaskFunction};

/// Text types by `pg_type.oid`: name, text, bpchar, varchar.
const TEXTS: [u32; 4] = [19, 25, 1042, 1043];
const JSONS: [u32; 2] = [114, 3802];
const FLOATS: [u32; 2] = [700, 701];

/// What a view has in place of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub expression: String,
    /// Where it is not what the wire would show, why.
    pub note: Option<&'static str>,
}

/// What is shown of this column, whose name is quoted. `type_name`: as SQL writes it; none where it is not known.
pub fn shown(
    function: &MaskFunction,
    column: &str,
    type_oid: u32,
    type_name: Option<String>,
) -> Shown {
    let Some(type_name) = type_name else {
        return Shown {
            expression: "NULL::text".into(),
            note: Some("its type is not known"),
        };
    };
    let typed = Typed {
        column,
        oid: type_oid,
        name: &type_name,
    };
    let (expression, note) = match typed.of(function) {
        Ok(expression) => (expression, None),
        Err(note) => (typed.redacted(), Some(note)),
    };
    Shown { expression, note }
}

struct Typed<'a> {
    column: &'a str,
    oid: u32,
    name: &'a str,
}

impl Typed<'_> {
    /// Or why SQL cannot say it.
    fn of(&self, function: &MaskFunction) -> Result<String, &'static str> {
        if !Mask::fits(function, self.oid) {
            return Ok(self.redacted());
        }
        let Self { column, name, .. } = self;
        let is_array = name.ends_with("[]");
        Ok(match function {
            MaskFunction::Null => format!("NULL::{name}"),
            MaskFunction::Redact => self.redacted(),
            MaskFunction::Always(text) => format!("{}::{name}", literal(text)),
            _ if is_array => return Err("arrays are not masked by element in SQL"),
            MaskFunction::Fixed(text) => self.unless_null(&literal(text)),
            MaskFunction::Partial {
                prefix,
                pad,
                suffix,
            } => {
                let pad = literal(pad);
                let ends = prefix.saturating_add(*suffix);
                // What is longer than a text can be is never reached.
                let [prefix, suffix, ends] =
                    [*prefix, *suffix, ends].map(|length| length.min(1 << 30));
                self.unless_null(&format!(
                    "CASE WHEN length({column}::text) <= {ends} THEN {pad} \
                     ELSE left({column}::text, {prefix}) || {pad} || right({column}::text, {suffix}) END"
                ))
            }
            MaskFunction::Email => {
                let form = "'^([^@])[^@]*@.*\\.([A-Za-z]+)$'";
                self.unless_null(&format!(
                    "CASE WHEN {column}::text ~ {form} \
                     THEN regexp_replace({column}::text, {form}, '\\1***@***.\\2') ELSE '***' END"
                ))
            }
            MaskFunction::Date { floor } => {
                let field = match floor {
                    Floor::Year => "year",
                    Floor::Quarter => "quarter",
                    Floor::Month => "month",
                    Floor::Day => "day",
                };
                format!("date_trunc('{field}', {column})::{name}")
            }
            MaskFunction::Number { bucket } if FLOATS.contains(&self.oid) => {
                format!("(floor({column} / {bucket}) * {bucket})::{name}")
            }
            MaskFunction::Number { bucket } => {
                format!("(floor({column}::numeric / {bucket}) * {bucket})::{name}")
            }
            MaskFunction::Hash { .. }
            | MaskFunction::Tokenize { .. }
            | MaskFunction::Noise { .. } => {
                return Err("its key would stand in the view, for everybody to read");
            }
            MaskFunction::Detect(_) => return Err("SQL does not search texts"),
            MaskFunction::Json(_) => return Err("paths of JSON are not masked in SQL"),
            MaskFunction::Encrypted(_) => {
                return Err("SQL cannot tell what is encrypted");
            }
        })
    }

    /// What `redact` shows of the type.
    fn redacted(&self) -> String {
        match self.oid {
            oid if TEXTS.contains(&oid) => self.unless_null("'***'"),
            oid if JSONS.contains(&oid) => self.unless_null("'null'"),
            _ => format!("NULL::{}", self.name),
        }
    }

    /// NULL stays NULL.
    fn unless_null(&self, expression: &str) -> String {
        let Self { column, name, .. } = self;
        format!("CASE WHEN {column} IS NOT NULL THEN ({expression})::{name} END")
    }
}

fn literal(text: &str) -> String {
    // Whatever standard_conforming_strings says.
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}
