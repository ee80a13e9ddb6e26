//! Texts that carry credentials: what evidence and approvers see of them has no literals.
//!
//! A statement that the grammar knows is one of these by its kind (PASSWORD, user mappings, foreign servers,
//! subscriptions) or by a function of dblink. What is opaque is one where a word of these stands anywhere in it, also
//! inside a body of code: there the code stays, and only its literals go.

use std::panic::catch_unwind;
use std::sync::Arc;

use model::{Function, Parameter};
use pg_query::NodeEnum;
use pg_query::protobuf::{Node, RawStmt, ScanToken, Token};

use crate::tree::{boxed, inner};

/// What stands in place of a literal.
const HIDDEN: &str = "'***'";
/// What stands in place of a text whose literals cannot be told from the rest.
const UNREADABLE: &str = "(not kept: it cannot be read, and may carry credentials)";
/// Bodies of code in bodies of code that are looked into.
const DEPTH: u32 = 4;
/// Words of the statements that carry credentials, in lower case.
const WORDS: [&str; 4] = ["password", "user mapping", "subscription", "dblink"];

/// Whether one of these statements carries credentials, or one of these functions takes them.
pub(crate) fn carries(statements: &[RawStmt], functions: &[Function]) -> bool {
    let mut statements = statements.iter().filter_map(|raw| boxed(&raw.stmt));
    let mut functions = functions.iter();
    statements.any(is_kept_secret) || functions.any(|function| is_of_dblink(&function.name))
}

fn is_kept_secret(statement: &NodeEnum) -> bool {
    match statement {
        NodeEnum::CreateRoleStmt(create) => has_password(&create.options),
        NodeEnum::AlterRoleStmt(alter) => has_password(&alter.options),
        NodeEnum::CreateUserMappingStmt(_)
        | NodeEnum::AlterUserMappingStmt(_)
        | NodeEnum::CreateForeignServerStmt(_)
        | NodeEnum::AlterForeignServerStmt(_)
        | NodeEnum::CreateSubscriptionStmt(_)
        | NodeEnum::AlterSubscriptionStmt(_) => true,
        _ => false,
    }
}

fn has_password(options: &[Node]) -> bool {
    let is_password = |node: &Node| matches!(inner(node), Some(NodeEnum::DefElem(option)) if option.defname == "password");
    options.iter().any(is_password)
}

fn is_of_dblink(name: &str) -> bool {
    name.starts_with("dblink")
}

/// Whether a text that nobody could analyse may carry credentials.
pub(crate) fn may_carry(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    WORDS.iter().any(|word| text.contains(word))
}

/// The text without its literals.
pub(crate) fn hide(text: &str) -> String {
    hide_within(text, DEPTH).unwrap_or_else(|| UNREADABLE.to_owned())
}

/// Values in place of those that a client bound.
pub fn hide_values(values: &[Parameter]) -> Arc<[Parameter]> {
    let hide = |value: &Parameter| match value {
        Parameter::Null => Parameter::Null,
        _ => Parameter::Text("***".to_owned()),
    };
    values.iter().map(hide).collect()
}

fn hide_within(text: &str, depth: u32) -> Option<String> {
    let tokens = catch_unwind(|| pg_query::scan_tokens(text)).ok()?.ok()?;
    let mut shown = String::with_capacity(text.len());
    let mut copied = 0;
    let mut before = "";
    for token in tokens {
        let start = usize::try_from(token.start).ok()?;
        let end = usize::try_from(token.end).ok()?;
        let piece = text.get(start..end)?;
        if is_literal(&token) {
            shown.push_str(text.get(copied..start)?);
            let code = is_before_code(before).then(|| hide_code(piece, depth));
            shown.push_str(code.flatten().as_deref().unwrap_or(HIDDEN));
            copied = end;
        }
        before = piece;
    }
    shown.push_str(text.get(copied..)?);
    Some(shown)
}

fn is_literal(token: &ScanToken) -> bool {
    matches!(
        Token::try_from(token.token),
        Ok(Token::Sconst | Token::Usconst | Token::Bconst | Token::Xconst)
    )
}

/// `DO $$...$$`, `AS $$...$$`.
fn is_before_code(word: &str) -> bool {
    ["do", "as"]
        .iter()
        .any(|known| word.eq_ignore_ascii_case(known))
}

/// A body of code without its literals, quoted as it was.
fn hide_code(quoted: &str, depth: u32) -> Option<String> {
    let depth = depth.checked_sub(1)?;
    if let Some(code) = quoted
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''))
    {
        let code = hide_within(&code.replace("''", "'"), depth)?;
        return Some(format!("'{}'", code.replace('\'', "''")));
    }
    let tag = quoted.strip_prefix('$')?.find('$')?;
    let quote = quoted.get(..tag + 2)?;
    let code = quoted.strip_prefix(quote)?.strip_suffix(quote)?;
    Some(format!("{quote}{}{quote}", hide_within(code, depth)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_go_and_everything_else_stays() {
        for (text, shown) in [
            (
                "ALTER ROLE ann /* 'why' */ PASSWORD 'pw' VALID UNTIL E'2027\\'s'",
                "ALTER ROLE ann /* 'why' */ PASSWORD '***' VALID UNTIL '***'",
            ),
            (
                "ALTER ROLE ann PASSWORD $a$p'w$a$",
                "ALTER ROLE ann PASSWORD '***'",
            ),
            (
                "SELECT dblink_connect(U&'\\0070w', 7)",
                "SELECT dblink_connect('***', 7)",
            ),
            (
                "DO $x$ BEGIN EXECUTE 'ALTER ROLE a PASSWORD ''pw'''; DELETE FROM t; END $x$",
                "DO $x$ BEGIN EXECUTE '***'; DELETE FROM t; END $x$",
            ),
            (
                "DO 'BEGIN PERFORM f(''pw''); END'",
                "DO 'BEGIN PERFORM f(''***''); END'",
            ),
        ] {
            assert_eq!(hide(text), shown);
        }
    }

    #[test]
    fn nothing_is_kept_of_what_cannot_be_cut_into_words() {
        assert_eq!(hide("ALTER ROLE ann PASSWORD 'pw"), UNREADABLE);
    }
}
