//! The types of values: what they are called, and which built-in type has the same formats.

use std::collections::HashMap;
use std::sync::Arc;

use model::{ParameterType, ParameterTypes};

use crate::rows::{Form, TypeRow};

/// Domains of domains that are followed.
const MOST_STEPS: usize = 32;

/// The types of one database that did not come with the server, by `pg_type.oid`.
#[derive(Clone, Debug, Default)]
pub struct Types(HashMap<u32, TypeRow>);

impl Types {
    pub(crate) fn new(rows: Vec<TypeRow>) -> Self {
        Self(rows.into_iter().map(|row| (row.oid, row)).collect())
    }

    /// The type with this `pg_type.oid`; none where it is not known.
    pub fn find(&self, oid: u32) -> Option<ParameterType> {
        if let Some(name) = value::name(oid) {
            let name = Arc::from(name);
            return Some(ParameterType { name, like: oid });
        }
        let name = match self.0.get(&oid)? {
            TypeRow {
                form: Form::Array(element),
                ..
            } => format!("{}[]", self.find_element(*element)?),
            row => format!("{}.{}", row.schema, row.name),
        };
        Some(ParameterType {
            name: Arc::from(name),
            like: self.like(oid).unwrap_or_default(),
        })
    }

    fn find_element(&self, oid: u32) -> Option<Arc<str>> {
        match self.0.get(&oid)?.form {
            Form::Array(_) => None,
            _ => Some(self.find(oid)?.name),
        }
    }

    /// The built-in type with the formats of this one.
    pub(crate) fn like(&self, oid: u32) -> Option<u32> {
        let base = self.base(oid)?;
        match self.0.get(&base).map(|row| row.form) {
            None => value::is_built_in(base).then_some(base),
            Some(Form::Enum) => Some(TEXT),
            Some(Form::Array(element)) => {
                let element = self.base(element)?;
                match self.0.get(&element).map(|row| row.form) {
                    None => value::array_of(element),
                    Some(Form::Enum) => value::array_of(TEXT),
                    Some(_) => None,
                }
            }
            Some(Form::Domain(_) | Form::Other) => None,
        }
    }

    /// What a domain is over, and every other type itself.
    pub fn base(&self, oid: u32) -> Option<u32> {
        let mut oid = oid;
        for _ in 0..MOST_STEPS {
            match self.0.get(&oid).map(|row| row.form) {
                Some(Form::Domain(over)) => oid = over,
                _ => return Some(oid),
            }
        }
        None
    }

    /// The types of bind values: as named beside the values, and otherwise as the statement gives them.
    pub fn of_parameters(&self, named: &[u32], given: &[u32]) -> ParameterTypes {
        let count = named.len().max(given.len());
        let oid = |index: usize| {
            let named = named.get(index).filter(|oid| **oid != 0);
            named.or(given.get(index)).copied()
        };
        let types = (0..count).map(|index| self.find(oid(index)?));
        types.collect()
    }
}

const TEXT: u32 = 25;

#[cfg(test)]
mod tests {
    use super::*;

    fn types() -> Types {
        let row = |oid, name: &str, form| TypeRow {
            oid,
            schema: "public".into(),
            name: name.into(),
            form,
        };
        Types::new(vec![
            row(20_001, "mood", Form::Enum),
            row(20_002, "_mood", Form::Array(20_001)),
            row(20_003, "id", Form::Domain(23)),
            row(20_004, "small_id", Form::Domain(20_003)),
            row(20_005, "_small_id", Form::Array(20_004)),
            row(20_006, "ids", Form::Domain(1007)),
            row(20_007, "citext", Form::Other),
            row(20_008, "loop", Form::Domain(20_008)),
        ])
    }

    #[test]
    fn a_type_has_the_formats_of_what_it_is_made_of() {
        for (oid, name, like) in [
            (23, "int4", 23),
            (1009, "text[]", 1009),
            (20_001, "public.mood", 25),
            (20_002, "public.mood[]", 1009),
            (20_004, "public.small_id", 23),
            (20_005, "public.small_id[]", 1007),
            (20_006, "public.ids", 1007),
            (20_007, "public.citext", 0),
            (20_008, "public.loop", 0),
        ] {
            let name = Arc::from(name);
            assert_eq!(types().find(oid), Some(ParameterType { name, like }));
        }
        assert_eq!(types().find(99_999), None);
    }

    #[test]
    fn what_is_named_wins_over_what_the_statement_gives() {
        let found = types().of_parameters(&[0, 25], &[23, 23, 20]);
        let names: Vec<_> = found.iter().flatten().map(|found| &*found.name).collect();
        assert_eq!(names, ["int4", "text", "int8"]);
    }
}
