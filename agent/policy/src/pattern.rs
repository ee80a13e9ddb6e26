//! Patterns of columns: `server/database.schema.table.column`, each part a name, `*`, or a name with `*` in it.
//!
//! Must not know classes. A part in double quotes is the exact name, star and all.

use std::fmt;

use crate::names::{is_plain, part, server_part};

/// A column of a database, by its unquoted names.
#[derive(Clone, Copy, Debug)]
pub struct ColumnName<'a> {
    /// The server's name in the configuration.
    pub server: &'a str,
    /// Database.
    pub database: &'a str,
    /// Schema.
    pub schema: &'a str,
    /// Table or view.
    pub table: &'a str,
    /// Column.
    pub column: &'a str,
}

/// As a pattern that only this column matches.
impl fmt::Display for ColumnName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", server_part(self.server), part(self.database))?;
        for name in [self.schema, self.table, self.column] {
            write!(f, ".{}", part(name))?;
        }
        Ok(())
    }
}

/// Which columns are meant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ColumnPattern {
    server: Part,
    database: Part,
    schema: Part,
    table: Part,
    column: Part,
}

impl ColumnPattern {
    /// Parses it. The error is a phrase that follows the pattern.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let mut rest = text;
        let pattern = Self {
            server: Part::server(take(&mut rest, Some('/'))?)?,
            database: Part::name(take(&mut rest, Some('.'))?)?,
            schema: Part::name(take(&mut rest, Some('.'))?)?,
            table: Part::name(take(&mut rest, Some('.'))?)?,
            column: Part::name(take(&mut rest, None)?)?,
        };
        Ok(pattern)
    }

    /// Whether this column is meant.
    pub fn matches(&self, name: ColumnName<'_>) -> bool {
        self.could_match_in(name.server, name.database)
            && self.schema.matches(name.schema)
            && self.table.matches(name.table)
            && self.column.matches(name.column)
    }

    /// Whether any column of this database could be meant.
    pub fn could_match_in(&self, server: &str, database: &str) -> bool {
        self.could_match_on(server) && self.database.matches(database)
    }

    /// Whether any column of any database of this server could be meant.
    pub fn could_match_on(&self, server: &str) -> bool {
        self.server.matches(server)
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Exact(String),
    Glob(String),
}

impl Part {
    fn name(raw: Raw<'_>) -> Result<Self, &'static str> {
        let plain = |bare: &str| {
            let letters = bare.replace('*', "");
            letters.is_empty() || is_plain(&format!("_{letters}"))
        };
        Self::of(
            raw,
            plain,
            "has a part that is no plain lower-case name and not in double quotes",
        )
    }

    fn server(raw: Raw<'_>) -> Result<Self, &'static str> {
        Self::of(
            raw,
            |bare| !bare.contains(char::is_whitespace),
            "has a space in its server",
        )
    }

    fn of(
        raw: Raw<'_>,
        plain: impl Fn(&str) -> bool,
        otherwise: &'static str,
    ) -> Result<Self, &'static str> {
        match raw {
            Raw::Quoted(name) => Ok(Self::Exact(name)),
            Raw::Bare("") => Err("has an empty part"),
            Raw::Bare(bare) if !plain(bare) => Err(otherwise),
            Raw::Bare(bare) if bare.contains('*') => Ok(Self::Glob(bare.to_owned())),
            Raw::Bare(bare) => Ok(Self::Exact(bare.to_owned())),
        }
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == name,
            Self::Glob(glob) => glob_matches(glob, name),
        }
    }
}

enum Raw<'a> {
    Bare(&'a str),
    Quoted(String),
}

/// Takes the next part and the separator behind it off `rest`.
fn take<'a>(rest: &mut &'a str, separator: Option<char>) -> Result<Raw<'a>, &'static str> {
    let (raw, after) = match rest.strip_prefix('"') {
        Some(quoted) => quoted_part(quoted)?,
        None => {
            let end = separator.map_or(rest.len(), |s| rest.find(s).unwrap_or(rest.len()));
            let (bare, after) = rest.split_at_checked(end).ok_or("has too few parts")?;
            (Raw::Bare(bare), after)
        }
    };
    *rest = match separator {
        Some(separator) => after.strip_prefix(separator).ok_or("has too few parts")?,
        None if after.is_empty() => after,
        None => return Err("has something behind its column"),
    };
    Ok(raw)
}

fn quoted_part(text: &str) -> Result<(Raw<'_>, &str), &'static str> {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let (before, after) = rest
            .split_once('"')
            .ok_or("has a quote that is not closed")?;
        name.push_str(before);
        match after.strip_prefix('"') {
            Some(doubled) => {
                name.push('"');
                rest = doubled;
            }
            None => return Ok((Raw::Quoted(name), after)),
        }
    }
}

/// `*` stands for any text, also for none. Greedy matching of the pieces between the stars is exact.
fn glob_matches(glob: &str, name: &str) -> bool {
    let mut pieces = glob.split('*');
    let first = pieces.next().unwrap_or("");
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let Some(last) = pieces.next_back() else {
        return rest.is_empty();
    };
    for piece in pieces {
        match rest.split_once(piece) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, column: [&str; 5]) -> bool {
        let [server, database, schema, table, column] = column;
        ColumnPattern::parse(pattern).unwrap().matches(ColumnName {
            server,
            database,
            schema,
            table,
            column,
        })
    }

    #[test]
    fn stars_stand_for_any_part_or_piece() {
        let ssn = ["shop", "app", "public", "customers", "home_ssn"];
        assert!(matches("shop/app.public.customers.home_ssn", ssn));
        assert!(matches("*/*.*.*.*ssn", ssn));
        assert!(matches("*/*.*.*.h*_*n", ssn));
        assert!(!matches("*/*.*.*.ssn", ssn));
        assert!(!matches("*/*.*.*.*ssn_", ssn));
        assert!(!matches("other/*.*.*.*", ssn));
    }

    #[test]
    fn overlapping_pieces_are_not_counted_twice() {
        assert!(!glob_matches("ab*ba", "aba"));
        assert!(glob_matches("ab*ba", "abba"));
        assert!(!glob_matches("a*b*b", "ab"));
    }

    #[test]
    fn quoted_parts_are_exact() {
        let odd = ["db-1:5432", "My.App", "public", "*", "a\"b"];
        assert!(matches("db-1:5432/\"My.App\".public.\"*\".\"a\"\"b\"", odd));
        assert!(!matches("*/*.*.\"*\".*", ["s", "d", "s", "t", "c"]));
    }

    #[test]
    fn malformed_patterns_say_why() {
        for (pattern, part) in [
            ("public.customers.ssn", "too few parts"),
            ("*/a.b.c", "too few parts"),
            ("*/a.b.c.d.e", "no plain lower-case name"),
            ("*/a.b.c.SSN", "no plain lower-case name"),
            ("*/a.b..d", "empty part"),
            ("*/a.b.c.\"d", "not closed"),
            ("*/a.b.c.\"d\".e", "behind its column"),
            ("", "too few parts"),
        ] {
            let error = ColumnPattern::parse(pattern).unwrap_err();
            assert!(error.contains(part), "{pattern}: {error}");
        }
    }
}
