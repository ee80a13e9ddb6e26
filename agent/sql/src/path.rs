//! How PostgreSQL writes settings that carry names: `search_path` and the startup packet's `options`.

/// The elements of a `search_path` as text (`SplitIdentifierString` in `src/backend/utils/adt/varlena.c`):
/// unquoted names are folded, quoted ones stand. None where the server would refuse it.
pub(crate) fn identifiers(text: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut rest = text.trim_matches(is_space);
    if rest.is_empty() {
        return Some(names);
    }
    loop {
        let (name, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_name(quoted)?,
            None => bare_name(rest)?,
        };
        // The server cuts longer names; where exactly depends on its encoding.
        if name.len() > 63 {
            return None;
        }
        names.push(name);
        let after = after.trim_start_matches(is_space);
        match after.strip_prefix(',') {
            Some(more) => rest = more.trim_start_matches(is_space),
            None if after.is_empty() => return Some(names),
            None => return None,
        }
    }
}

fn quoted_name(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let (part, after) = rest.split_once('"')?;
        name.push_str(part);
        match after.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return Some((name, after)),
        }
    }
}

fn bare_name(text: &str) -> Option<(String, &str)> {
    let end = text
        .find(|c: char| c == ',' || is_space(c))
        .unwrap_or(text.len());
    let (name, after) = text.split_at_checked(end)?;
    // Folding of other letters depends on the server's locale.
    (!name.is_empty() && name.is_ascii()).then(|| (name.to_ascii_lowercase(), after))
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

/// The value that the startup packet's `options` give to a setting: none where they give none, and nothing at all
/// where they cannot be read. Split as `pg_split_opts` in `src/backend/utils/init/postinit.c` does it.
pub(crate) fn option(options: &str, name: &str) -> Option<Option<String>> {
    let mut found = None;
    let mut words = words(options).into_iter();
    while let Some(word) = words.next() {
        let assignment = match word.strip_prefix("--") {
            Some(assignment) => assignment.to_owned(),
            None => match word.strip_prefix("-c")? {
                "" => words.next()?,
                assignment => assignment.to_owned(),
            },
        };
        let (key, value) = assignment.split_once('=')?;
        if key.replace('-', "_").eq_ignore_ascii_case(name) {
            found = Some(value.to_owned());
        }
    }
    Some(found)
}

fn words(options: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut chars = options.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => word.extend(chars.next()),
            c if is_space(c) => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            c => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_folded_unless_quoted() {
        let names = identifiers(r#" "$user", Public ,"A ""b""" "#);
        assert_eq!(
            names,
            Some(vec!["$user".into(), "public".into(), "A \"b\"".into()])
        );
        assert_eq!(identifiers(""), Some(vec![]));
        assert_eq!(identifiers("\"\""), Some(vec![String::new()]));
    }

    #[test]
    fn a_list_that_the_server_would_refuse_is_not_known() {
        for text in ["a,", "a b", "\"a", ",", "Ä"] {
            assert_eq!(identifiers(text), None, "{text}");
        }
    }

    #[test]
    fn options_are_read_as_the_server_reads_them() {
        let options = r"-c search_path=a\ b -cstatement_timeout=1 --Search-Path=x,y";
        assert_eq!(option(options, "search_path"), Some(Some("x,y".into())));
        assert_eq!(
            option(r"-c search_path=a\ b", "search_path"),
            Some(Some("a b".into()))
        );
        assert_eq!(option("-c geqo=off", "search_path"), Some(None));
        assert_eq!(option("-B 4", "search_path"), None);
    }
}
