//! What a text may do to the messages and names around it.
//!
//! Knows no grammar: a word that stands anywhere counts, also in a literal or a comment. A word too many costs a round
//! trip to the server; PostgreSQL has no other way to write a keyword, so none is missed.

/// Which of the telling words a text has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wording {
    /// COPY: what follows may be data. PREPARE: a name may mean another text afterwards.
    pub holds_up: bool,
    /// CREATE, INTO: a SELECT with it may make a table.
    pub makes: bool,
    /// `set_config`: a SET that looks like a function.
    pub sets: bool,
}

impl Wording {
    /// Of a statement text.
    pub fn of(text: &[u8]) -> Self {
        let mut wording = Self::default();
        for word in text.split(|&byte| !is_part_of_word(byte)) {
            let is = |keyword: &str| word.eq_ignore_ascii_case(keyword.as_bytes());
            wording.holds_up |= is("copy") || is("prepare");
            wording.makes |= is("create") || is("into");
            wording.sets |= is("set_config");
        }
        wording
    }

    /// Whether a completed command leaves alone what open portals are and what their texts mean. Everything that is
    /// not known to do so does not: COMMIT, ROLLBACK TO and CLOSE end portals, SET changes what names mean.
    pub fn leaves_portals(self, tag: &str) -> bool {
        match tag.split(' ').next().unwrap_or_default() {
            "SELECT" => !self.makes && !self.sets,
            "INSERT" | "UPDATE" | "DELETE" | "MERGE" => !self.sets,
            "FETCH" | "MOVE" | "COPY" | "SHOW" | "BEGIN" | "SAVEPOINT" | "RELEASE" => true,
            _ => false,
        }
    }
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
            assert!(Wording::of(text.as_bytes()).holds_up, "{text}");
        }
    }

    #[test]
    fn a_part_of_a_word_does_not_count() {
        for text in ["select photocopy, copy_1, copy$, prepared from t", ""] {
            assert_eq!(Wording::of(text.as_bytes()), Wording::default(), "{text}");
        }
    }

    #[test]
    fn a_select_that_makes_a_table_does_not_leave_portals_alone() {
        let leaves = |text: &str| Wording::of(text.as_bytes()).leaves_portals("SELECT 1");
        assert!(leaves("select 1"));
        assert!(!leaves("select 1 as a into temp t"));
        assert!(!leaves("create table t as select 1"));
        assert!(!leaves("select set_config('search_path', 'x', true)"));
    }
}
