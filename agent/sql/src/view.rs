//! What the columns of a view are made of, by the query that its rewrite rule holds (`pg_rewrite.ev_action`).
//!
//! The server writes that query as `nodeToString` in `src/backend/nodes/outfuncs.c` does: `{NAME :field value ...}`, lists in
//! parentheses, words. Only what names its columns is read, by its words, so that a newer server's other fields do no harm;
//! of what cannot be read nothing is said, and the column then is made of everything that the view reads.

use std::collections::BTreeSet;

use crate::rows::ViewColumnRow;

/// Nodes that may stand inside each other.
const DEPTH: usize = 200;

/// The columns of this view that its query tells the making of.
pub fn view_columns(view: u32, query: &str) -> Vec<ViewColumnRow> {
    let mut words = Words(query);
    let Some(node) = words.value(0) else {
        return Vec::new();
    };
    let query = match &node {
        Value::List(list) => list.first(),
        node => Some(node),
    };
    let Some(query) = query.and_then(Value::node) else {
        return Vec::new();
    };
    let targets = query.list("targetList");
    let made = targets.iter().filter_map(Value::node).filter_map(|target| {
        let number: i16 = target.number("resno")?;
        if target.word("resjunk")? != "false" {
            return None;
        }
        let (from, plain) = column(query, number, 0)?;
        Some(ViewColumnRow {
            view,
            column: number,
            from: from.into_iter().collect(),
            plain,
        })
    });
    made.collect()
}

type Made = (BTreeSet<(u32, i16)>, bool);

/// What an output column of a query is made of.
fn column(query: &Node<'_>, number: i16, depth: usize) -> Option<Made> {
    if depth > DEPTH {
        return None;
    }
    if !matches!(query.field("setOperations")?, [Value::Word("<>")]) {
        return every_branch(query, number, depth);
    }
    let mut targets = query.list("targetList").iter().filter_map(Value::node);
    let target = targets.find(|target| target.number("resno") == Some(number))?;
    let [expression] = target.field("expr")? else {
        return None;
    };
    let mut made = (BTreeSet::new(), expression.is_variable());
    variables(expression, query, depth, &mut made)?;
    Some(made)
}

/// UNION and its kin: the branches are the subqueries that the query reads, and it reads nothing else.
fn every_branch(query: &Node<'_>, number: i16, depth: usize) -> Option<Made> {
    let mut all: Made = (BTreeSet::new(), true);
    for entry in query.list("rtable").iter().filter_map(Value::node) {
        let is_branch = entry.word("rtekind") == Some("1");
        if is_branch {
            let (from, plain) = column(entry.only_node("subquery")?, number, depth + 1)?;
            all.1 &= plain || from.is_empty();
            all.0.extend(from);
        }
    }
    Some(all)
}

/// Adds what an expression of this query is made of.
fn variables(value: &Value<'_>, query: &Node<'_>, depth: usize, made: &mut Made) -> Option<()> {
    match value {
        Value::Word(_) => Some(()),
        Value::List(list) => list
            .iter()
            .try_for_each(|value| variables(value, query, depth, made)),
        Value::Node(node) => match node.name {
            "VAR" => {
                let (from, plain) = variable(node, query, depth + 1)?;
                made.1 &= plain || from.is_empty();
                made.0.extend(from);
                Some(())
            }
            // A query of its own, with variables of several levels.
            "SUBLINK" | "QUERY" => None,
            _ => node.fields.iter().try_for_each(|(_, values)| {
                let mut values = values.iter();
                values.try_for_each(|value| variables(value, query, depth, made))
            }),
        },
    }
}

/// What a variable stands for: a column of a relation, of a subquery, or of a join.
fn variable(variable: &Node<'_>, query: &Node<'_>, depth: usize) -> Option<Made> {
    if depth > DEPTH || variable.word("varlevelsup")? != "0" {
        return None;
    }
    let place: usize = variable.number("varno")?;
    let number: i16 = variable.number("varattno")?;
    let entry = query.list("rtable").get(place.checked_sub(1)?)?.node()?;
    match entry.word("rtekind")? {
        // A whole row has the number 0.
        "0" if number != 0 => {
            let relation: u32 = entry.number("relid")?;
            Some((BTreeSet::from([(relation, number)]), true))
        }
        "1" => column(entry.only_node("subquery")?, number, depth),
        "2" => {
            let place = usize::try_from(number).ok()?.checked_sub(1)?;
            let joined = entry.list("joinaliasvars").get(place)?;
            let mut made = (BTreeSet::new(), joined.is_variable());
            variables(joined, query, depth, &mut made)?;
            Some(made)
        }
        _ => None,
    }
}

enum Value<'q> {
    Word(&'q str),
    List(Vec<Value<'q>>),
    Node(Node<'q>),
}

struct Node<'q> {
    name: &'q str,
    fields: Vec<(&'q str, Vec<Value<'q>>)>,
}

impl<'q> Value<'q> {
    fn node(&self) -> Option<&Node<'q>> {
        match self {
            Self::Node(node) => Some(node),
            _ => None,
        }
    }

    fn is_variable(&self) -> bool {
        self.node().is_some_and(|node| node.name == "VAR")
    }
}

impl<'q> Node<'q> {
    /// A field that stands there once: a name that somebody gave a column may look like one.
    fn field(&self, name: &str) -> Option<&[Value<'q>]> {
        let mut same = self.fields.iter().filter(|(other, _)| *other == name);
        let (_, values) = same.next()?;
        same.next().is_none().then_some(values)
    }

    fn word(&self, name: &str) -> Option<&'q str> {
        match self.field(name)? {
            [Value::Word(word)] => Some(word),
            _ => None,
        }
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.word(name)?.parse().ok()
    }

    fn list(&self, name: &str) -> &[Value<'q>] {
        match self.field(name) {
            Some([Value::List(list)]) => list,
            _ => &[],
        }
    }

    fn only_node(&self, name: &str) -> Option<&Node<'q>> {
        match self.field(name)? {
            [value] => value.node(),
            _ => None,
        }
    }
}

/// The rest of the text.
struct Words<'q>(&'q str);

impl<'q> Words<'q> {
    /// The next word: a bracket by itself, or what stands up to a blank or a bracket. A backslash takes the next character
    /// along.
    fn next(&mut self) -> Option<&'q str> {
        let rest = self.0.trim_start();
        let mut characters = rest.char_indices();
        let end = match characters.next()?.1 {
            '(' | ')' | '{' | '}' => 1,
            '"' => quoted(rest)?,
            _ => bare(rest),
        };
        let (word, rest) = rest.split_at_checked(end)?;
        self.0 = rest;
        Some(word)
    }

    fn value(&mut self, depth: usize) -> Option<Value<'q>> {
        let word = self.next()?;
        self.value_of(word, depth)
    }

    fn value_of(&mut self, word: &'q str, depth: usize) -> Option<Value<'q>> {
        if depth > DEPTH {
            return None;
        }
        match word {
            "(" => {
                let mut list = Vec::new();
                loop {
                    match self.next()? {
                        ")" => return Some(Value::List(list)),
                        word => list.push(self.value_of(word, depth + 1)?),
                    }
                }
            }
            "{" => self.node(depth).map(Value::Node),
            ")" | "}" => None,
            word => Some(Value::Word(word)),
        }
    }

    fn node(&mut self, depth: usize) -> Option<Node<'q>> {
        let name = self.next()?;
        let mut fields: Vec<(&str, Vec<Value<'_>>)> = Vec::new();
        loop {
            let word = self.next()?;
            match (word, word.strip_prefix(':')) {
                ("}", _) => return Some(Node { name, fields }),
                (_, Some(field)) => fields.push((field, Vec::new())),
                (word, None) => {
                    let value = self.value_of(word, depth + 1)?;
                    fields.last_mut()?.1.push(value);
                }
            }
        }
    }
}

fn bare(rest: &str) -> usize {
    let mut escaped = false;
    let end = rest.find(|character: char| {
        if escaped {
            escaped = false;
            return false;
        }
        escaped = character == '\\';
        character.is_ascii_whitespace() || matches!(character, '(' | ')' | '{' | '}')
    });
    end.unwrap_or(rest.len())
}

/// A string node's text, behind its closing quote.
fn quoted(rest: &str) -> Option<usize> {
    let mut escaped = false;
    let end = rest.char_indices().skip(1).find(|(_, character)| {
        if escaped {
            escaped = false;
            return false;
        }
        escaped = *character == '\\';
        *character == '"'
    });
    Some(end?.0 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `CREATE VIEW v AS SELECT t.a, upper(t.ssn) AS u, ':q' AS ":resorigtbl" FROM t` under PostgreSQL 15, without
    /// the fields that are not read.
    const QUERY: &str = r#"({QUERY :commandType 1 :rtable ({RANGETBLENTRY :alias {ALIAS :aliasname old :colnames <>} :rtekind 0 :relid 16394} {RANGETBLENTRY :alias <> :eref {ALIAS :aliasname t :colnames ("a" "s\"n" ":x")} :rtekind 0 :relid 16389}) :targetList ({TARGETENTRY :expr {VAR :varno 2 :varattno 1 :varlevelsup 0} :resno 1 :resname a\ b :resjunk false} {TARGETENTRY :expr {FUNCEXPR :funcid 871 :args ({VAR :varno 2 :varattno 2 :varlevelsup 0}) :location 76} :resno 2 :resname u :resjunk false} {TARGETENTRY :expr {CONST :constvalue 6 [ 24 0 0 0 58 113 ]} :resno 3 :resname :resno :resjunk false} {TARGETENTRY :expr {VAR :varno 2 :varattno 0 :varlevelsup 0} :resno 4 :resname w :resjunk false}) :setOperations <>})"#;

    #[test]
    fn a_column_is_made_of_the_variables_in_it() {
        let made = view_columns(7, QUERY);
        let made: Vec<_> = made
            .iter()
            .map(|row| (row.column, &*row.from, row.plain))
            .collect();
        assert_eq!(
            made,
            [(1, &[(16389, 1)][..], true), (2, &[(16389, 2)][..], false)]
        );
    }

    #[test]
    fn nothing_is_said_of_what_cannot_be_read() {
        for length in 0..QUERY.len() {
            assert!(view_columns(7, &QUERY[..length]).is_empty(), "{length}");
        }
        let deep = "(".repeat(100_000);
        assert!(view_columns(7, &deep).is_empty());
    }
}
