//! What a text may do to the messages and names around it.
//!
//! Knows no grammar: a word that stands anywhere counts, also in a literal or a comment. A word too many costs a round
//! trip to the server; PostgreSQL has no other way to write a keyword, so none is missed.

/// Whether the text has a word after which nothing is sent before the server has said more. COPY: what follows may be
/// data. PREPARE: a name may mean another text afterwards.
pub fn holds_up(text: &[u8]) -> bool {
    text.split(|&byte| !is_part_of_word(byte))
        .any(|word| word.eq_ignore_ascii_case(b"copy") || word.eq_ignore_ascii_case(b"prepare"))
}

/// Whether a completed command leaves open portals what they are. Everything that is not known to do so does not: COMMIT,
/// ROLLBACK TO and CLOSE end portals, and DECLARE makes others. What names mean was settled when they were bound.
pub fn leaves_portals(tag: &str) -> bool {
    matches!(
        tag.split(' ').next().unwrap_or_default(),
        "SELECT"
            | "INSERT"
            | "UPDATE"
            | "DELETE"
            | "MERGE"
            | "TRUNCATE"
            | "FETCH"
            | "MOVE"
            | "COPY"
            | "SHOW"
            | "SET"
            | "RESET"
            | "BEGIN"
            | "START"
            | "SAVEPOINT"
            | "RELEASE"
            | "LOCK"
            | "EXPLAIN"
            | "ANALYZE"
            | "LISTEN"
            | "UNLISTEN"
            | "NOTIFY"
            | "CREATE"
            | "ALTER"
            | "DROP"
            | "COMMENT"
            | "GRANT"
            | "REVOKE"
    )
}

/// Letters, digits, `_`, `$` and bytes over 127, as in PostgreSQL's `scan.l` (`ident_cont`).
fn is_part_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyword_counts_wherever_it_stands() {
        for text in [
            "copy t from stdin",
            ";/* */CoPy\"t\"from stdin",
            "--\ncopy(select 1)to stdout",
            "PREPARE a AS SELECT 1",
            "select 'copy'",
        ] {
            assert!(holds_up(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn a_part_of_a_word_does_not_count() {
        for text in ["select photocopy, copy_1, copy$, prepared from t", ""] {
            assert!(!holds_up(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn only_what_is_known_to_leave_portals_alone_does() {
        for tag in ["SELECT 1", "SET", "CREATE TABLE", "INSERT 0 1"] {
            assert!(leaves_portals(tag), "{tag}");
        }
        for tag in [
            "CLOSE CURSOR",
            "DECLARE CURSOR",
            "ROLLBACK",
            "CALL",
            "DO",
            "DISCARD ALL",
            "",
            "SELECTS",
        ] {
            assert!(!leaves_portals(tag), "{tag}");
        }
    }
}
