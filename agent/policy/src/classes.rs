//! Classes of columns, from `classes.toml`: which columns belong together, and what is shown in their place.
//!
//! ```toml
//! [classes.pii]
//! description = "Says who somebody is."
//! mask = "redact"                                     # or another of those that policies/README.md lists
//! columns = [
//!   "*/*.public.customers.name",
//!   { column = "*/*.*.*.email", mask = "email" },     # its own mask instead of the class's
//! ]
//! ```

mod mask;

use std::collections::BTreeMap;
use std::sync::Arc;

use model::MaskFunction;
use serde::Deserialize;
use serde::de::{self, MapAccess, Visitor, value::MapAccessDeserializer};
use toml::Spanned;

use crate::error::{Flaw, Position, Problem};
use crate::pattern::{ColumnName, ColumnPattern};
use crate::source::SourceFile;
use mask::WrittenMask;

/// All classes, in the order of the file.
#[derive(Debug, Default)]
pub(crate) struct Classes(Vec<Class>);

/// One class.
#[derive(Debug)]
pub(crate) struct Class {
    /// Its name, as in `Class::"pii"`.
    pub name: Arc<str>,
    columns: Vec<Columns>,
}

/// One pattern of a class.
#[derive(Debug)]
pub(crate) struct Columns {
    /// Which columns.
    pub pattern: ColumnPattern,
    /// As written, and where.
    pub text: String,
    pub position: Position,
    /// What is shown in place of a value.
    pub mask: MaskFunction,
}

/// The classes of one column.
pub(crate) struct Classified<'a> {
    /// Every class that the column is in, in the order of the file.
    pub classes: Vec<&'a Class>,
    /// The mask of the first class's first pattern that matches.
    pub mask: &'a MaskFunction,
}

impl Classified<'_> {
    /// Whether it is no secret itself, and is only searched for some.
    pub fn is_searched(&self) -> bool {
        is_search(self.mask)
    }
}

fn is_search(mask: &MaskFunction) -> bool {
    matches!(mask, MaskFunction::Detect(_))
}

impl Classes {
    /// Reads the file, and adds what is wrong with it to `problems`.
    pub fn read(file: &SourceFile, problems: &mut Vec<Problem>) -> Self {
        let written: Written = match toml::from_str(&file.text) {
            Ok(written) => written,
            Err(error) => {
                let message = error.message().to_owned();
                let offset = error.span().map_or(0, |span| span.start);
                problems.push(file.problem(offset, Flaw::Toml { message }));
                return Self::default();
            }
        };
        let mut classes: Vec<_> = written.classes.into_iter().collect();
        classes.sort_by_key(|(name, _)| name.span().start);
        Self(
            classes
                .into_iter()
                .map(|(name, class)| class.check(&name, file, problems))
                .collect(),
        )
    }

    /// The classes of a column; none if it is in none. Those that only detect are for what is in no other.
    pub fn of(&self, column: ColumnName<'_>) -> Option<Classified<'_>> {
        let (searched, masked): (Vec<_>, Vec<_>) = self
            .0
            .iter()
            .filter_map(|class| Some((class, class.mask_of(column)?)))
            .partition(|(_, mask)| is_search(mask));
        let found = if masked.is_empty() { searched } else { masked };
        let mut found = found.into_iter();
        let (first, mask) = found.next()?;
        let classes = std::iter::once(first)
            .chain(found.map(|(class, _)| class))
            .collect();
        Some(Classified { classes, mask })
    }

    /// Classes that could have a column in this database.
    pub fn in_database(&self, server: &str, database: &str) -> impl Iterator<Item = &Class> {
        self.0.iter().filter(move |class| {
            class
                .columns
                .iter()
                .any(|columns| columns.pattern.could_match_in(server, database))
        })
    }

    /// Classes that could have a column in any database of this server.
    pub fn on_server(&self, server: &str) -> impl Iterator<Item = &Class> {
        self.0.iter().filter(move |class| {
            class
                .columns
                .iter()
                .any(|columns| columns.pattern.could_match_on(server))
        })
    }

    /// Every pattern with its class, in the order of the file.
    pub fn patterns(&self) -> impl Iterator<Item = (&Class, &Columns)> {
        self.0
            .iter()
            .flat_map(|class| class.columns.iter().map(move |columns| (class, columns)))
    }

    /// All names, in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|class| &*class.name)
    }
}

impl Class {
    fn mask_of(&self, column: ColumnName<'_>) -> Option<&MaskFunction> {
        self.columns
            .iter()
            .find(|columns| columns.pattern.matches(column))
            .map(|columns| &columns.mask)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    classes: BTreeMap<Spanned<String>, WrittenClass>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenClass {
    description: String,
    kind: Option<Kind>,
    mask: WrittenMask,
    columns: Vec<Spanned<WrittenColumn>>,
}

/// What is special about a class.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// Its values were encrypted by whoever wrote them: what is encrypted is no secret, and what is not is masked.
    Encrypted,
}

impl Kind {
    fn apply(self, mask: MaskFunction) -> MaskFunction {
        match self {
            Self::Encrypted => MaskFunction::Encrypted(mask.into()),
        }
    }
}

impl WrittenClass {
    fn check(
        self,
        name: &Spanned<String>,
        file: &SourceFile,
        problems: &mut Vec<Problem>,
    ) -> Class {
        let class = name.get_ref();
        let mut complain = |offset, flaw| problems.push(file.problem(offset, flaw));
        if self.description.trim().is_empty() {
            complain(
                name.span().start,
                Flaw::DescriptionEmpty {
                    class: class.clone(),
                },
            );
        }
        if self.columns.is_empty() {
            complain(
                name.span().start,
                Flaw::NoColumns {
                    class: class.clone(),
                },
            );
        }
        let meant = |WrittenMask(mask)| match self.kind {
            Some(kind) => kind.apply(mask),
            None => mask,
        };
        let mask = meant(self.mask);
        let mut columns = Vec::new();
        for written in self.columns {
            let offset = written.span().start;
            let WrittenColumn { column, mask: own } = written.into_inner();
            match ColumnPattern::parse(&column) {
                Ok(pattern) => columns.push(Columns {
                    pattern,
                    position: file.position(offset),
                    text: column,
                    mask: own.map_or_else(|| mask.clone(), meant),
                }),
                Err(what) => complain(
                    offset,
                    Flaw::PatternMalformed {
                        pattern: column,
                        what,
                    },
                ),
            }
        }
        Class {
            name: class.as_str().into(),
            columns,
        }
    }
}

struct WrittenColumn {
    column: String,
    mask: Option<WrittenMask>,
}

impl<'de> Deserialize<'de> for WrittenColumn {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrTable)
    }
}

/// By hand and not `untagged`, so that an error inside the table keeps its place and its words.
struct TextOrTable;

impl<'de> Visitor<'de> for TextOrTable {
    type Value = WrittenColumn;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("\"server/database.schema.table.column\" or { column = \"...\", mask = ... }")
    }

    fn visit_str<E: de::Error>(self, column: &str) -> Result<WrittenColumn, E> {
        Ok(WrittenColumn {
            column: column.to_owned(),
            mask: None,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<WrittenColumn, A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            column: String,
            mask: WrittenMask,
        }
        let Table { column, mask } = Table::deserialize(MapAccessDeserializer::new(map))?;
        Ok(WrittenColumn {
            column,
            mask: Some(mask),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Classes, Vec<String>) {
        let mut problems = Vec::new();
        let file = SourceFile {
            name: "classes.toml".into(),
            text: text.into(),
        };
        let classes = Classes::read(&file, &mut problems);
        (classes, problems.iter().map(Problem::to_string).collect())
    }

    fn column(name: &str) -> ColumnName<'_> {
        ColumnName {
            server: "s",
            database: "d",
            schema: "public",
            table: "t",
            column: name,
        }
    }

    #[test]
    fn the_first_class_in_the_file_gives_the_mask() {
        let (classes, problems) = read(
            r#"
            [classes.zebra]
            description = "d"
            mask = "redact"
            columns = ["*/*.*.*.a", { column = "*/*.*.*.b", mask = { partial = { prefix = 1, pad = "-", suffix = 0 } } }]
            [classes.ant]
            description = "d"
            mask = { fixed = "x" }
            columns = ["*/*.*.*.*"]
            "#,
        );
        assert_eq!(problems, [""; 0]);
        let a = classes.of(column("a")).unwrap();
        assert_eq!(
            a.classes.iter().map(|c| &*c.name).collect::<Vec<_>>(),
            ["zebra", "ant"]
        );
        assert_eq!(*a.mask, MaskFunction::Redact);
        let b = classes.of(column("b")).unwrap();
        assert_eq!(
            *b.mask,
            MaskFunction::Partial {
                prefix: 1,
                pad: "-".into(),
                suffix: 0
            }
        );
        assert_eq!(
            *classes.of(column("c")).unwrap().mask,
            MaskFunction::Fixed("x".into())
        );
    }

    #[test]
    fn a_class_without_a_mask_is_an_error_at_its_place() {
        let (_, problems) = read("\n[classes.pii]\ndescription = \"d\"\ncolumns = []\n");
        assert_eq!(problems, ["classes.toml:2:1: missing field `mask`"]);
    }

    #[test]
    fn unknown_keys_are_refused_at_their_place() {
        let head = "[classes.pii]\ndescription = \"d\"\n";
        for (rest, place) in [
            (
                "mask = \"redact\"\ncolumns = []\nmsk = 1\n",
                "5:1: unknown field `msk`",
            ),
            (
                "mask = \"blur\"\ncolumns = []\n",
                "3:8: unknown variant `blur`",
            ),
            (
                "mask = { partial = { prefix = 0, pad = \"\", suffix = 0, x = 1 } }\ncolumns = []\n",
                "3:56: unexpected keys in table: x",
            ),
            (
                "mask = { number = { bucket = 1 } }\ncolumns = []\n",
                "3:8: bucket is the width",
            ),
            (
                "mask = { noise = { key = \"k\", percent = 1, days = 1 } }\ncolumns = []\n",
                "3:8: noise goes so far",
            ),
            (
                "mask = { json = { \"a..b\" = \"null\" } }\ncolumns = []\n",
                "3:8: \"a..b\" is no path",
            ),
            (
                "kind = \"open\"\nmask = \"null\"\ncolumns = []\n",
                "3:8: unknown variant `open`",
            ),
            (
                "mask = \"null\"\ncolumns = [{ column = \"a\", masc = \"null\" }]\n",
                "4:28: unknown field `masc`",
            ),
        ] {
            let (_, problems) = read(&format!("{head}{rest}"));
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(problems[0].contains(place), "{problems:?}");
        }
    }

    #[test]
    fn what_is_encrypted_is_masked_by_the_classs_mask_where_it_is_not() {
        let (classes, problems) = read(
            r#"
            [classes.sealed]
            description = "d"
            kind = "encrypted"
            mask = { hash = { key = "k" } }
            columns = ["*/*.*.*.a", { column = "*/*.*.*.b", mask = "null" }]
            "#,
        );
        assert_eq!(problems, [""; 0]);
        let hash = MaskFunction::Hash {
            key: "k".into(),
            joinable: false,
        };
        let mask = |name| classes.of(column(name)).unwrap().mask.clone();
        assert_eq!(mask("a"), MaskFunction::Encrypted(hash.into()));
        assert_eq!(
            mask("b"),
            MaskFunction::Encrypted(MaskFunction::Null.into())
        );
    }

    #[test]
    fn what_is_in_a_class_is_not_searched() {
        let (classes, problems) = read(
            r#"
            [classes.found]
            description = "d"
            mask = { detect = "mask" }
            columns = ["*/*.*.*.*"]
            [classes.pii]
            description = "d"
            mask = "redact"
            columns = ["*/*.*.*.a"]
            "#,
        );
        assert_eq!(problems, [""; 0]);
        for (name, class, is_searched) in [("a", "pii", false), ("b", "found", true)] {
            let classified = classes.of(column(name)).unwrap();
            let names: Vec<&str> = classified.classes.iter().map(|c| &*c.name).collect();
            assert_eq!(
                (names, classified.is_searched()),
                (vec![class], is_searched)
            );
        }
    }

    #[test]
    fn every_bad_pattern_and_class_is_reported() {
        let (_, problems) = read(
            "[classes.a]\ndescription = \" \"\nmask = \"null\"\ncolumns = []\n\
             [classes.b]\ndescription = \"d\"\nmask = \"null\"\ncolumns = [\"ssn\",\n \"*/*.*.*.SSN\"]\n",
        );
        assert_eq!(problems.len(), 4, "{problems:?}");
        assert!(
            problems[2].starts_with("classes.toml:8:12: \"ssn\" has too few parts; write server/")
        );
        assert!(problems[3].starts_with("classes.toml:9:2: "));
    }
}
