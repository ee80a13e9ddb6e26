//! Commands of the replication protocol, told from SQL as the server does: by their first word.
//!
//! Knows no more of their grammar, which has no statements in it: behind one of these words the server runs no SQL.
//! <https://www.postgresql.org/docs/current/protocol-replication.html>, `replication_scanner_is_replication_command` in
//! PostgreSQL's `replication/repl_scanner.l`.

use model::{Object, Outputs, Replication, Shape, Touch, Touches, Verb};

use crate::facts::Facts;

/// Those of PostgreSQL 18. An older server takes one that it does not know yet for SQL, where it is an error.
const COMMANDS: [&str; 10] = [
    "ALTER_REPLICATION_SLOT",
    "BASE_BACKUP",
    "CREATE_REPLICATION_SLOT",
    "DROP_REPLICATION_SLOT",
    "IDENTIFY_SYSTEM",
    "READ_REPLICATION_SLOT",
    "SHOW",
    "START_REPLICATION",
    "TIMELINE_HISTORY",
    "UPLOAD_MANIFEST",
];

/// What a text would do in a session for replication; none where it is SQL. A session for physical replication takes
/// no SQL: the server answers it with an error.
pub fn analyse_replication(text: &[u8], replication: Replication) -> Option<Facts> {
    let object = match replication {
        Replication::Physical => Object::Server,
        Replication::Logical if is_command(text) => Object::Database,
        Replication::Logical => return None,
    };
    Some(Facts {
        verbs: vec![Verb::Replicate],
        touches: Touches::Known(vec![Touch {
            verb: Verb::Replicate,
            object,
            columns: Vec::new(),
            restricted: true,
            through: None,
        }]),
        outputs: [Outputs::Unknown].into(),
        shape: Shape {
            statements: 1,
            ..Shape::default()
        },
        placeholders: Vec::new(),
        equals: Vec::new(),
        utf8: false,
        changes: Vec::new(),
        defines: false,
        fetches: false,
        credentials: false,
        functions: [].into(),
    })
}

fn is_command(text: &[u8]) -> bool {
    // A vertical tab is a space from PostgreSQL 16 on. Where it is not counted as one, the text is SQL and wrong.
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\x0c');
    let start = text.iter().take_while(|byte| is_space(byte)).count();
    let rest = text.get(start..).unwrap_or_default();
    let end = rest.iter().take_while(|byte| is_part_of_word(byte)).count();
    let word = rest.get(..end).unwrap_or_default();
    COMMANDS
        .iter()
        .any(|command| word.eq_ignore_ascii_case(command.as_bytes()))
}

/// `ident_cont` of the scanner.
fn is_part_of_word(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_replication(text: &str, replication: Replication) -> bool {
        let facts = analyse_replication(text.as_bytes(), replication);
        facts.is_some_and(|facts| facts.verbs == [Verb::Replicate])
    }

    #[test]
    fn the_first_word_decides_beside_sql() {
        for text in [
            "IDENTIFY_SYSTEM",
            " \t\r\n\x0cshow wal_segment_size;",
            "Start_Replication SLOT \"s\" LOGICAL 0/0",
            "BASE_BACKUP(LABEL 'x')",
            "SHOW; DELETE FROM t",
        ] {
            assert!(is_replication(text, Replication::Logical), "{text}");
        }
    }

    #[test]
    fn everything_else_is_sql_beside_sql_and_an_error_without() {
        for text in [
            "",
            "SELECT 1",
            "SHOWS",
            "SHOW$x",
            "SHOWé",
            "\"SHOW\"",
            "/* */ SHOW x",
            "--\nSHOW x",
            ";SHOW x",
            "\x0bSHOW x",
            "\u{a0}SHOW x",
        ] {
            assert!(!is_replication(text, Replication::Logical), "{text}");
            assert!(is_replication(text, Replication::Physical), "{text}");
        }
    }
}
