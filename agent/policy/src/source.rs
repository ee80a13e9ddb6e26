//! Cuts a file of policies into its policies, and finds places in it.
//!
//! Must not know what a policy means: Cedar parses each cut by itself, so that one broken policy hides no other.
//! Only the three things are read that can hide a semicolon: strings, escapes in them, and comments.

use std::ops::Range;

use crate::error::{Flaw, Position, Problem};

/// One file of the directory.
pub(crate) struct SourceFile {
    /// Its name inside the directory.
    pub name: String,
    /// Its text.
    pub text: String,
}

impl SourceFile {
    /// The flaw at this byte of the file.
    pub fn problem(&self, offset: usize, flaw: Flaw) -> Problem {
        Problem {
            file: self.name.clone(),
            position: Some(self.position(offset)),
            flaw,
        }
    }

    /// Line and column of a byte.
    pub fn position(&self, offset: usize) -> Position {
        position(&self.text, offset)
    }
}

/// Line and column of a byte; the end of the text for one beyond it.
fn position(text: &str, offset: usize) -> Position {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Position {
        line: before.matches('\n').count() + 1,
        column: before.get(line_start..).unwrap_or("").chars().count() + 1,
    }
}

/// One policy's place in its file.
#[derive(Debug, PartialEq)]
pub(crate) struct Cut {
    /// From its first annotation or keyword up to its semicolon.
    pub range: Range<usize>,
    /// Its text with strings emptied and comments left out: what the policy says outside of them.
    pub code: String,
    /// Where each `@` stands, from the start of the file.
    pub annotations: Vec<usize>,
}

impl Cut {
    /// Its text.
    pub fn text<'f>(&self, file: &'f SourceFile) -> &'f str {
        file.text.get(self.range.clone()).unwrap_or("")
    }

    /// Where this annotation stands, from the start of the file.
    pub fn annotation(&self, file: &SourceFile, name: &str) -> Option<usize> {
        self.annotations.iter().copied().find(|offset| {
            let after = file.text.get(offset + 1..).unwrap_or("").trim_start();
            let word = after.find(|c: char| !c.is_alphanumeric() && c != '_');
            after.get(..word.unwrap_or(after.len())) == Some(name)
        })
    }
}

/// The policies of a text, in order. Text after the last semicolon is a cut of its own.
pub(crate) fn cuts(text: &str) -> Vec<Cut> {
    let mut cuts = Vec::new();
    let mut open: Option<Cut> = None;
    let mut chars = text.char_indices().peekable();
    while let Some((offset, char)) = chars.next() {
        if char == '/' && chars.peek().is_some_and(|(_, next)| *next == '/') {
            while chars
                .next_if(|(_, next)| *next != '\n' && *next != '\r')
                .is_some()
            {}
            continue;
        }
        if open.is_none() && char.is_whitespace() {
            continue;
        }
        let cut = open.get_or_insert_with(|| Cut {
            range: offset..text.len(),
            code: String::new(),
            annotations: Vec::new(),
        });
        cut.code.push(char);
        match char {
            '"' => skip_string(&mut chars),
            '@' => cut.annotations.push(offset),
            ';' => {
                cut.range.end = offset + 1;
                cuts.extend(open.take());
            }
            _ => {}
        }
    }
    cuts.extend(open);
    cuts
}

fn skip_string(chars: &mut impl Iterator<Item = (usize, char)>) {
    while let Some((_, char)) = chars.next() {
        match char {
            '\\' => _ = chars.next(),
            '"' => return,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        cuts(text).into_iter().map(|cut| &text[cut.range]).collect()
    }

    #[test]
    fn semicolons_in_strings_and_comments_do_not_cut() {
        let text =
            "// a; b\n@id(\"x;\\\";\") permit(principal, action, resource); // end;\nforbid;";
        assert_eq!(
            texts(text),
            [
                "@id(\"x;\\\";\") permit(principal, action, resource);",
                "forbid;"
            ]
        );
    }

    #[test]
    fn what_follows_the_last_semicolon_is_not_lost() {
        assert_eq!(texts("permit; permit(prin"), ["permit;", "permit(prin"]);
        assert_eq!(texts(" // only a comment"), [""; 0]);
    }

    #[test]
    fn code_is_what_stands_outside_strings_and_comments() {
        assert_eq!(
            cuts("a(\"approved\") // approved\nb;")[0].code,
            "a(\") \nb;"
        );
    }

    #[test]
    fn positions_count_characters() {
        let text = "ä\nöü@x";
        assert_eq!(
            position(text, text.find('@').unwrap()),
            Position { line: 2, column: 3 }
        );
        assert_eq!(position("", 9), Position { line: 1, column: 1 });
    }
}
