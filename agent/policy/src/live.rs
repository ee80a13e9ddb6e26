//! What `classes.toml` says, beside the columns that there are.

use std::sync::Arc;

use model::MaskFunction;

use crate::classes::{Class, Columns};
use crate::error::{Flaw, Problem};
use crate::load::CLASSES;
use crate::pattern::ColumnName;
use crate::set::PolicySet;

impl PolicySet {
    /// Patterns of columns that speak of these databases of a server and fit none of their columns. A pattern of other
    /// databases is not judged.
    pub fn unmatched(
        &self,
        server: &str,
        databases: &[&str],
        columns: &[ColumnName<'_>],
    ) -> Vec<Problem> {
        let speaks = |pattern: &crate::pattern::ColumnPattern| {
            let mut databases = databases.iter();
            databases.any(|database| pattern.could_match_in(server, database))
        };
        let patterns = self.classes.patterns().filter(|(_, written)| {
            let mut columns = columns.iter();
            speaks(&written.pattern) && !columns.any(|column| written.pattern.matches(*column))
        });
        let problem = |(class, written): (&Class, &Columns)| Problem {
            file: CLASSES.to_owned(),
            position: Some(written.position),
            flaw: Flaw::PatternUnmatched {
                pattern: written.text.clone(),
                class: class.name.to_string(),
                databases: databases.join(", "),
            },
        };
        patterns.map(problem).collect()
    }

    /// Masks that take a key which is none of these.
    pub fn unkeyed(&self, is_key: impl Fn(&str) -> bool) -> Vec<Problem> {
        let lacking = self.classes.patterns().flat_map(|(class, written)| {
            let keys = written.mask.keys().into_iter();
            keys.map(move |key| (class, written, key))
        });
        let lacking = lacking.filter(|(_, _, key)| !is_key(key));
        let problem = |(class, written, key): (&Class, &Columns, &Arc<str>)| Problem {
            file: CLASSES.to_owned(),
            position: Some(written.position),
            flaw: Flaw::KeyUnknown {
                key: key.to_string(),
                class: class.name.to_string(),
            },
        };
        lacking.map(problem).collect()
    }

    /// The class and mask of a column, where it is in one, other than to be searched.
    pub fn mask_of(&self, column: ColumnName<'_>) -> Option<(&str, &MaskFunction)> {
        let classified = self
            .classes
            .of(column)
            .filter(|found| !found.is_searched())?;
        let class = classified.classes.first()?;
        Some((&class.name, classified.mask))
    }

    /// What is wrong with the mask of a column of this type, which `fits` tells.
    pub fn unfit(
        &self,
        column: ColumnName<'_>,
        type_name: &str,
        fits: impl FnOnce(&MaskFunction) -> bool,
    ) -> Option<Problem> {
        let mut patterns = self.classes.patterns();
        let (class, written) = patterns.find(|(_, written)| written.pattern.matches(column))?;
        (!fits(&written.mask)).then(|| Problem {
            file: CLASSES.to_owned(),
            position: Some(written.position),
            flaw: Flaw::MaskUnfit {
                class: class.name.to_string(),
                column: column.to_string(),
                type_name: type_name.to_owned(),
            },
        })
    }

    /// Whether the column is in any class, other than to be searched.
    pub fn is_classified(&self, column: ColumnName<'_>) -> bool {
        let classified = self.classes.of(column);
        classified.is_some_and(|classified| !classified.is_searched())
    }

    /// The names of all classes.
    pub fn classes(&self) -> impl Iterator<Item = &str> {
        self.classes.names()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const CLASSES: &str = r#"
[classes.pii]
description = "d"
mask = "redact"
columns = [
  "*/*.*.*.ssn",
  "*/*.*.*.birthday", "other/*.*.*.x",
  { column = "shop/app.public.customers.nmae", mask = "null" },
  "shop/archive.*.*.x",
]
"#;

    #[test]
    fn a_pattern_that_fits_no_column_is_told_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("classes.toml"), CLASSES).unwrap();
        let policy = "@id(\"p\") permit (principal, action, resource);";
        fs::write(folder.path().join("p.cedar"), policy).unwrap();
        let set = PolicySet::load(folder.path()).unwrap();
        let column = |column| ColumnName {
            server: "shop",
            database: "app",
            schema: "public",
            table: "customers",
            column,
        };
        let columns = ["ssn", "name"].map(column);
        let problems = set.unmatched("shop", &["app"], &columns);
        let told: Vec<String> = problems.iter().map(Problem::to_string).collect();
        assert_eq!(
            told,
            [
                "classes.toml:7:3: \"*/*.*.*.birthday\" of class \"pii\" fits no column of app; correct or remove it",
                "classes.toml:8:3: \"shop/app.public.customers.nmae\" of class \"pii\" fits no column of app; correct or \
                 remove it",
            ]
        );
        assert!(set.is_classified(column("ssn")) && !set.is_classified(column("name")));
    }
}
