//! What a column's name says.

use super::Candidate;
use super::kind::{Kind, What};

/// `bool`, and the types of dates and times (`pg_type.dat`).
const BOOL: u32 = 16;
const TIMES: [u32; 6] = [1082, 1083, 1114, 1184, 1186, 1266];
const INTEGERS: [u32; 3] = [20, 21, 23];

/// Why its name speaks of this kind; none where it does not, or the column's type cannot hold it.
pub(super) fn reason(candidate: &Candidate<'_>, kind: &Kind) -> Option<String> {
    let holds = match candidate.type_oid {
        BOOL => false,
        oid if TIMES.contains(&oid) => kind.what == What::Birth,
        oid if INTEGERS.contains(&oid) => matches!(
            kind.what,
            What::NationalId | What::Card | What::Phone | What::Birth | What::Iban
        ),
        _ => true,
    };
    let words = words(candidate.column.column);
    let spaced = format!(" {} ", words.join(" "));
    let squashed = words.concat();
    let mut whole = kind
        .words
        .iter()
        .filter(|word| spaced.contains(&format!(" {word} ")));
    let mut inside = kind.parts.iter().filter(|part| squashed.contains(**part));
    let found = whole.next().or_else(|| inside.next()).filter(|_| holds)?;
    Some(format!("its name has \"{found}\" in it"))
}

/// `homeAddress_2` is `home address`; plurals lose their `s`.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![String::new()];
    let mut was_small = false;
    for c in name.chars() {
        let starts = c.is_uppercase() && was_small;
        if starts || !c.is_alphabetic() {
            words.push(String::new());
        }
        was_small = c.is_lowercase();
        if let Some(word) = words.last_mut().filter(|_| c.is_alphabetic()) {
            word.extend(c.to_lowercase().map(plain));
        }
    }
    words.retain(|word| !word.is_empty());
    for word in &mut words {
        if word.len() > 4 && word.ends_with('s') && !word.ends_with("ss") {
            word.pop();
        }
    }
    words
}

/// A letter without its accent, as names are often written.
fn plain(c: char) -> char {
    match c {
        'á' | 'à' | 'â' | 'ä' => 'a',
        'é' | 'è' | 'ê' => 'e',
        'í' | 'ì' => 'i',
        'ó' | 'ò' | 'ô' | 'ö' => 'o',
        'ú' | 'ù' | 'ü' => 'u',
        'ñ' => 'n',
        'ç' => 'c',
        c => c,
    }
}
