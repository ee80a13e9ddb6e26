//! What `classes.toml` says, beside the columns that there are.

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
        let problem =
            |(class, written): (&crate::classes::Class, &crate::classes::Columns)| Problem {
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

    /// Whether the column is in any class.
    pub fn is_classified(&self, column: ColumnName<'_>) -> bool {
        self.classes.of(column).is_some()
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
