//! What a terminal shows of text that clients chose.

use time::OffsetDateTime;
use time::macros::format_description;

/// Control characters become visible: a statement must not move the approver's cursor. Line breaks and tabs stay.
pub fn safe(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            c if c.is_control() || is_direction(c) => char::REPLACEMENT_CHARACTER,
            c => c,
        })
        .collect()
}

/// Characters that change the direction of what follows, and so its apparent order.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// On one line, and cut to a number of characters.
pub fn one_line(text: &str, width: usize) -> String {
    let mut line = safe(text).split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(width) {
        line.truncate(end);
        line.push('…');
    }
    line
}

/// A time in microseconds since the Unix epoch, as people read it, in UTC.
pub fn clock(micros: i64) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]Z");
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000)
        .ok()
        .and_then(|time| time.format(format).ok())
        .unwrap_or_else(|| micros.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_cannot_move_the_cursor() {
        assert_eq!(safe("a\x1b[2Jb\rc"), "a\u{fffd}[2Jb\u{fffd}c");
        assert_eq!(safe("a\u{202e}b"), "a\u{fffd}b");
    }

    #[test]
    fn a_long_text_is_cut_on_a_character() {
        assert_eq!(one_line("ä  ö\nü", 3), "ä ö…");
    }

    #[test]
    fn times_are_read_in_utc() {
        assert_eq!(clock(0), "1970-01-01 00:00:00Z");
    }
}
