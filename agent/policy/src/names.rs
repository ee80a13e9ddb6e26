//! Names of entities: parts joined so that two different things never share a name.
//!
//! ```text
//!   server / database . schema . table . column
//! ```
//!
//! A part that is not a plain lower-case identifier is double-quoted, with inner quotes doubled, as in SQL
//! (PostgreSQL manual 4.1.1). A server's name may also hold what addresses are made of (`db-1.example:5432`), because
//! the first slash outside quotes ends it.

use std::borrow::Cow;

/// A server's name as the first part of a joined name.
pub(crate) fn server_part(name: &str) -> Cow<'_, str> {
    let plain = |char: char| char.is_ascii_alphanumeric() || "-_.:[]".contains(char);
    quoted_unless(!name.is_empty() && name.chars().all(plain), name)
}

/// Any other part.
pub(crate) fn part(name: &str) -> Cow<'_, str> {
    quoted_unless(is_plain(name), name)
}

/// Whether SQL would read the name as itself without quotes.
pub(crate) fn is_plain(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|first| matches!(first, b'a'..=b'z' | b'_'))
        && bytes.all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'$'))
}

/// `parent.child`, where the parent is joined already.
pub(crate) fn inside(parent: &str, child: &str) -> String {
    format!("{parent}.{}", part(child))
}

fn quoted_unless(plain: bool, name: &str) -> Cow<'_, str> {
    if plain {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(format!("\"{}\"", name.replace('"', "\"\"")))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn joined(parts: &[String; 4]) -> String {
        let [server, rest @ ..] = parts;
        let [database, schema, table] = rest;
        let database = format!("{}/{}", server_part(server), part(database));
        inside(&inside(&database, schema), table)
    }

    #[test]
    fn a_dot_inside_a_name_is_not_a_dot_between_names() {
        assert_eq!(inside("s/d.a", "b.c"), "s/d.a.\"b.c\"");
        assert_ne!(inside(&inside("s/d.a", "b"), "c"), inside("s/d.a", "b.c"));
        assert_eq!(inside("s/d", "Customers"), "s/d.\"Customers\"");
        assert_eq!(inside("s/d", "x\"y"), "s/d.\"x\"\"y\"");
        assert_eq!(inside("s/d", "*"), "s/d.\"*\"");
    }

    #[test]
    fn a_server_may_be_an_address() {
        assert_eq!(server_part("db-1.example:5432"), "db-1.example:5432");
        assert_eq!(server_part("a/b"), "\"a/b\"");
        assert_eq!(server_part("*"), "\"*\"");
    }

    proptest! {
        #[test]
        fn different_things_have_different_names(
            a in proptest::array::uniform4("[aA./\"*]{0,3}"),
            b in proptest::array::uniform4("[aA./\"*]{0,3}"),
        ) {
            prop_assert_eq!(joined(&a) == joined(&b), a == b);
        }
    }
}
