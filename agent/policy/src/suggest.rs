//! Columns that look as if they belonged into a class: by their name, or by what stands in them.
//!
//! A guess for a person to judge, never a decision. Values are looked at and not told.

mod contents;
mod kind;
mod naming;

use crate::pattern::ColumnName;
use kind::{KINDS, Kind};

/// A column that is in no class.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    /// Which.
    pub column: ColumnName<'a>,
    /// `pg_type.oid`
    pub type_oid: u32,
    /// Some of its values as text; empty where none were looked at.
    pub values: &'a [String],
}

/// A class for a column, and why.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Suggestion {
    /// As a pattern of `classes.toml`.
    pub column: String,
    /// Name of the class.
    pub class: &'static str,
    /// What its columns have in common.
    pub description: &'static str,
    /// Its mask, as TOML.
    pub mask: &'static str,
    /// One phrase each.
    pub reasons: Vec<String>,
}

/// A class for each of these columns that looks like one, in their order.
pub fn suggest(candidates: &[Candidate<'_>]) -> Vec<Suggestion> {
    candidates.iter().filter_map(suggestion).collect()
}

fn suggestion(candidate: &Candidate<'_>) -> Option<Suggestion> {
    let named = KINDS
        .iter()
        .find_map(|kind| Some((kind, naming::reason(candidate, kind)?)));
    let filled = KINDS
        .iter()
        .find_map(|kind| Some((kind, contents::reason(candidate.values, kind)?)));
    // What stands in a column says more than its name.
    let kind = filled.as_ref().or(named.as_ref()).map(|(kind, _)| *kind)?;
    let of_this =
        |(other, reason): (&'static Kind, String)| (other.what == kind.what).then_some(reason);
    let reasons = [filled, named].into_iter().flatten().filter_map(of_this);
    Some(Suggestion {
        column: candidate.column.to_string(),
        class: kind.class.name,
        description: kind.class.description,
        mask: kind.mask,
        reasons: reasons.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: u32 = 25;

    fn guess(column: &str, type_oid: u32, values: &[&str]) -> String {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        let column = ColumnName {
            server: "shop",
            database: "app",
            schema: "public",
            table: "t",
            column,
        };
        let candidate = Candidate {
            column,
            type_oid,
            values: &values,
        };
        let found = suggest(&[candidate]);
        found.first().map_or_else(String::new, |found| {
            format!("{}: {}", found.class, found.reasons.join("; "))
        })
    }

    #[test]
    fn names_say_what_columns_hold_in_several_languages() {
        for (class, names) in [
            (
                "contact",
                "email contact_email EMailAddress work_mail correo courriel phone_number telefon mobile telefono",
            ),
            (
                "pii",
                "ssn svnr tax_id passport_no geburtsdatum date_of_birth dob vorname last_name apellido street plz adresse dni codice_fiscale",
            ),
            (
                "payment",
                "iban credit_card cardNumber kreditkarte cvv kontonummer",
            ),
            (
                "secret",
                "password password_hash pwd api_key apikey accessToken kennwort contrasena client_secret private_key",
            ),
            ("network", "ip ip_address client_ip"),
        ] {
            for name in names.split(' ') {
                let guess = guess(name, TEXT, &[]);
                assert!(
                    guess.starts_with(&format!("{class}: ")),
                    "{name}: {guess:?}"
                );
            }
        }
    }

    #[test]
    fn names_that_only_contain_such_letters_and_types_that_cannot_hold_it_are_left_alone() {
        for name in [
            "id",
            "name",
            "total",
            "shipped",
            "recipient",
            "description",
            "spanning",
            "tip",
            "telemetry",
            "zipper",
            "secretary",
            "panel",
            "created_at",
        ] {
            assert_eq!(guess(name, TEXT, &[]), "", "{name}");
        }
        let (bool, int, timestamp) = (16, 23, 1184);
        assert_eq!(guess("email_verified", bool, &[]), "");
        assert_eq!(guess("address_id", int, &[]), "");
        assert_eq!(guess("token_count", int, &[]), "");
        assert_eq!(guess("password_changed_at", timestamp, &[]), "");
        assert_ne!(guess("date_of_birth", timestamp, &[]), "");
        assert_ne!(guess("tax_id", int, &[]), "");
    }

    #[test]
    fn values_say_what_a_column_holds_whatever_it_is_called() {
        let email = ["ada@analytical.org", "grace@navy.mil", "x@y.example"];
        assert_eq!(
            guess("note", TEXT, &email),
            "contact: 3 of 3 sampled values are e-mail addresses"
        );
        let card = [
            "4111 1111 1111 1111",
            "5500-0000-0000-0004",
            "340000000000009",
        ];
        assert_eq!(
            guess("ref", TEXT, &card),
            "payment: 3 of 3 sampled values are payment card numbers"
        );
        let iban = [
            "DE44 5001 0517 5407 3249 31",
            "GB33BUKB20201555555555",
            "FR1420041010050500013M02606",
        ];
        assert_eq!(
            guess("x", TEXT, &iban),
            "payment: 3 of 3 sampled values are IBANs"
        );
        let ssn = ["536-90-4399", "219-09-9998", "078-05-1121"];
        assert_eq!(
            guess("number", TEXT, &ssn),
            "pii: 3 of 3 sampled values are US social security numbers"
        );
        let phone = ["+43 1 5880000", "+1 (555) 010-9999", "+442079460000"];
        assert_eq!(
            guess("n", TEXT, &phone),
            "contact: 3 of 3 sampled values are phone numbers"
        );
        assert_eq!(
            guess("n", TEXT, &["10.0.0.1", "fe80::1", "192.168.1.0/24"]),
            "network: 3 of 3 sampled values are IP addresses"
        );
        let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP";
        assert_eq!(
            guess("data", TEXT, &["", "x", jwt]),
            "secret: 1 of 2 sampled values is a JSON web token"
        );
        assert_eq!(
            guess("data", TEXT, &["x", "AKIAIOSFODNN7EXAMPLE"]),
            "secret: 1 of 2 sampled values is an access key"
        );
        let key = "-----BEGIN EC PRIVATE KEY-----\nMHQ...";
        assert_eq!(
            guess("data", TEXT, &[key]),
            "secret: 1 of 1 sampled values is a private key"
        );
    }

    #[test]
    fn values_that_only_look_like_it_are_left_alone() {
        for values in [
            ["4111111111111112", "5500000000000005", "1234567890123456"],
            ["DE44500105175407324932", "GB33BUKB20201555555556", "XX00"],
            ["000-12-3456", "666-12-3456", "900-12-3456"],
            ["0000000000000000", "0", "1111111111111111111111"],
            ["2024-01-01", "12:30", "1.2.3"],
            ["a@b", "@", "name"],
            ["+1", "+0123456789", "+1 2 x"],
            ["a.b.c", "eyJ", "eyJ.a"],
        ] {
            assert_eq!(guess("x", TEXT, &values), "", "{values:?}");
        }
        // Fewer than most, or too few to tell.
        assert_eq!(guess("x", TEXT, &["a@b.org", "b", "c", "d"]), "");
        assert_eq!(guess("x", TEXT, &["a@b.org", "b@b.org"]), "");
    }

    #[test]
    fn name_and_values_are_both_given_as_reasons_where_they_agree() {
        let values = ["a@b.org", "b@b.org", "c@b.org"];
        assert_eq!(
            guess("mail", TEXT, &values),
            "contact: 3 of 3 sampled values are e-mail addresses; its name has \"mail\" in it"
        );
        assert_eq!(
            guess("password", TEXT, &values),
            "contact: 3 of 3 sampled values are e-mail addresses"
        );
    }
}
