//! Settings that a client sends with its login: the same as a `SET`, and so asked about like one.
//!
//! Must not know which settings are harmless; the policies say that. `options` is taken apart as PostgreSQL does
//! (libpq manual 34.1.2, `pg_split_opts` and `process_postgres_switches` in postinit.c and postgres.c): `-c name=value`
//! and `--name=value`. A switch of another kind stays a setting of the name `options`.

use std::borrow::Cow;

use model::Login;

/// Names of the settings that this login sets.
pub(crate) fn settings(login: &Login) -> Vec<Cow<'_, str>> {
    let mut names = Vec::new();
    for (name, value) in &login.settings {
        match name.as_str() {
            "options" => names.extend(in_options(value)),
            // Asked about as an action of its own.
            "replication" => {}
            // Options of the protocol, not settings: a server that does not know one says so and ignores it.
            extension if extension.starts_with("_pq_.") => {}
            _ => names.push(Cow::Borrowed(name.as_str())),
        }
    }
    names
}

fn in_options(options: &str) -> Vec<Cow<'static, str>> {
    let mut names = Vec::new();
    let mut words = words(options).into_iter();
    while let Some(word) = words.next() {
        let assignment = match word.strip_prefix("-c").or_else(|| word.strip_prefix("--")) {
            Some("") if word == "-c" => words.next(),
            Some(assignment) => Some(assignment.to_owned()),
            None => None,
        };
        let name = assignment
            .as_deref()
            .and_then(|assignment| assignment.split_once('='));
        names.push(match name {
            Some((name, _)) if !name.is_empty() => Cow::Owned(name.replace('-', "_")),
            _ => Cow::Borrowed("options"),
        });
    }
    names
}

/// Words between spaces; a backslash makes the next character part of its word.
fn words(options: &str) -> Vec<String> {
    let mut words = vec![];
    let mut word = None;
    let mut chars = options.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => word.get_or_insert_with(String::new).extend(chars.next()),
            // What C's isspace takes for a space.
            ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c' => words.extend(word.take()),
            _ => word.get_or_insert_with(String::new).push(char),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(settings: &[(&str, &str)]) -> Vec<String> {
        let settings = settings
            .iter()
            .map(|(n, v)| ((*n).into(), (*v).into()))
            .collect();
        let login = Login {
            user: "u".into(),
            database: "d".into(),
            application: None,
            settings,
        };
        super::settings(&login)
            .into_iter()
            .map(Cow::into_owned)
            .collect()
    }

    #[test]
    fn options_are_settings_too() {
        assert_eq!(
            of(&[
                ("datestyle", "ISO"),
                (
                    "options",
                    "-c role=admin  --search-path=x -crow_security=off"
                )
            ]),
            ["datestyle", "role", "search_path", "row_security"]
        );
        assert_eq!(
            of(&[("options", r"-c search_path=a,\ -c\ b")]),
            ["search_path"]
        );
        assert_eq!(of(&[("options", r"-c ro\le=x")]), ["role"]);
        assert_eq!(of(&[("_pq_.command_tag", "on")]), [""; 0]);
        assert_eq!(of(&[("replication", "database")]), [""; 0]);
    }

    #[test]
    fn a_switch_that_is_no_assignment_is_asked_about_as_options() {
        for switch in ["-d 5", "-c", "-c role", "--", "--=x", "-O", "role=x"] {
            assert!(
                of(&[("options", switch)]).contains(&"options".to_owned()),
                "{switch}"
            );
        }
    }
}
