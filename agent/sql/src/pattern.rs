//! Which other texts mean the same: those that differ only in values on which no fact depends.
//!
//! Knows no facts: it only marks values that the analysis never looks at. Everything else of a text (names, comments,
//! LIMIT, arguments of functions, positions in ORDER BY) has to be the same, byte for byte.
//!
//! ```text
//!   SELECT a FROM t WHERE id = 4711 AND name = 'Ada' LIMIT 10
//!   └────── fixed ───────────┘└─┬┘└─ fixed ──┘└─┬─┘└─ fixed ┘
//!                            1-9 digits     plain string
//! ```
//!
//! Why that is sound: a marked value is one whole token by the parser's own word. It is replaced by a token of the same
//! kind between the same bytes, so the scanner cuts the same tokens and the grammar builds the same tree but for the
//! value. Digits stay below 2^31, so that the constant's type stays `integer`; a plain string has no quote and no
//! backslash in it. <https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-CONSTANTS>

use pg_query::NodeEnum;
use pg_query::protobuf::{AConst, AExpr, AExprKind, Node, RawStmt, SelectStmt, a_const};

use crate::tree::{boxed, inner, string};

/// Digits that always make an `integer`.
const DIGITS: usize = 9;
/// Values that are marked in one text.
const MARKS: usize = 256;

/// Operators whose operands are only compared or counted with, never names of anything.
const OPERATORS: [&str; 14] = [
    "=",
    "<>",
    "<",
    "<=",
    ">",
    ">=",
    "+",
    "-",
    "~~",
    "!~~",
    "~~*",
    "!~~*",
    "BETWEEN",
    "NOT BETWEEN",
];

/// A text and the places in it where other values may stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: Box<[u8]>,
    /// In order, without overlap.
    marks: Box<[Mark]>,
    /// Whether characters beyond ASCII can be read.
    utf8: bool,
}

/// A value's place: of a string, what is between the quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Mark {
    start: usize,
    end: usize,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Digits,
    Plain,
}

impl Pattern {
    /// The pattern that only this text fits.
    pub fn exact(text: &[u8]) -> Self {
        Self {
            text: text.into(),
            marks: Box::default(),
            utf8: false,
        }
    }

    /// The pattern of a text that was parsed into these statements. `utf8`: whether the session's encoding is known to be
    /// UTF8.
    pub(crate) fn of(text: &[u8], statements: &[RawStmt], utf8: bool) -> Self {
        let mut finder = Finder {
            text,
            marks: Vec::new(),
        };
        for raw in statements {
            finder.statement(boxed(&raw.stmt));
        }
        let mut marks = finder.marks;
        marks.sort_unstable();
        marks.dedup();
        marks.truncate(MARKS);
        Self {
            text: text.into(),
            marks: marks.into(),
            utf8,
        }
    }

    /// Whether this text has the same facts in the same session and catalog.
    pub fn fits(&self, text: &[u8]) -> bool {
        let mut rest = text;
        let mut done = 0;
        for mark in &self.marks {
            let Some(value) = self
                .text
                .get(done..mark.start)
                .and_then(|fixed| rest.strip_prefix(fixed))
            else {
                return false;
            };
            let length = mark.kind.length(value, self.utf8);
            let Some(behind) = length.and_then(|length| value.get(length..)) else {
                return false;
            };
            rest = behind;
            done = mark.end;
        }
        self.text.get(done..) == Some(rest)
    }

    /// Bytes that it takes, roughly.
    pub fn weight(&self) -> usize {
        self.text.len() + size_of_val(&*self.marks)
    }

    /// A number that is the same for all texts that fit the pattern of this one, and mostly another for others. For
    /// finding candidates: whether a text fits is only said by [`Pattern::fits`].
    pub fn skeleton(text: &[u8]) -> u64 {
        // FNV-1a over what is left without digits and without what stands between quotes.
        const PRIME: u64 = 0x0100_0000_01b3;
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut bytes = text.iter();
        let mut after_digit = false;
        while let Some(&byte) = bytes.next() {
            let is_digit = byte.is_ascii_digit();
            if is_digit && after_digit {
                continue;
            }
            after_digit = is_digit;
            let kept = if is_digit { b'0' } else { byte };
            hash = (hash ^ u64::from(kept)).wrapping_mul(PRIME);
            if byte == b'\'' {
                bytes.by_ref().find(|&&other| other == b'\'');
            }
        }
        hash
    }
}

impl Kind {
    /// How long the value at the front of these bytes is; none where there is none of this kind.
    fn length(self, bytes: &[u8], utf8: bool) -> Option<usize> {
        match self {
            Self::Digits => {
                let length = bytes.iter().take_while(|byte| byte.is_ascii_digit());
                let length = length.take(DIGITS + 1).count();
                (1..=DIGITS).contains(&length).then_some(length)
            }
            Self::Plain => {
                let length = bytes
                    .iter()
                    .position(|byte| matches!(byte, b'\'' | b'\\' | 0))?;
                let value = bytes.get(..length)?;
                let readable = value.is_ascii() || (utf8 && std::str::from_utf8(value).is_ok());
                (bytes.get(length) == Some(&b'\'') && readable).then_some(length)
            }
        }
    }
}

/// Marks values in a parse tree. What it does not walk into has to stay as it is.
struct Finder<'a> {
    text: &'a [u8],
    marks: Vec<Mark>,
}

impl Finder<'_> {
    fn statement(&mut self, statement: Option<&NodeEnum>) {
        match statement {
            Some(NodeEnum::SelectStmt(select)) => self.select(select),
            Some(NodeEnum::InsertStmt(insert)) => self.statement(boxed(&insert.select_stmt)),
            Some(NodeEnum::UpdateStmt(update)) => {
                for target in &update.target_list {
                    if let Some(NodeEnum::ResTarget(target)) = inner(target) {
                        self.value(boxed(&target.val));
                    }
                }
                self.condition(boxed(&update.where_clause));
            }
            Some(NodeEnum::DeleteStmt(delete)) => self.condition(boxed(&delete.where_clause)),
            _ => {}
        }
    }

    fn select(&mut self, select: &SelectStmt) {
        for row in &select.values_lists {
            if let Some(NodeEnum::List(row)) = inner(row) {
                for cell in &row.items {
                    self.value(inner(cell));
                }
            }
        }
        self.condition(boxed(&select.where_clause));
    }

    /// What is written: a constant, or a calculation.
    fn value(&mut self, node: Option<&NodeEnum>) {
        match node {
            Some(NodeEnum::AConst(constant)) => self.mark(constant),
            Some(NodeEnum::AExpr(expr)) => self.operation(expr),
            _ => {}
        }
    }

    fn condition(&mut self, node: Option<&NodeEnum>) {
        match node {
            Some(NodeEnum::BoolExpr(expr)) => {
                for arg in &expr.args {
                    self.condition(inner(arg));
                }
            }
            Some(NodeEnum::AExpr(expr)) => self.operation(expr),
            _ => {}
        }
    }

    /// Constants beside a column. Constants among themselves may decide whether a condition restricts anything.
    fn operation(&mut self, expr: &AExpr) {
        let is_known = matches!(
            AExprKind::try_from(expr.kind),
            Ok(AExprKind::AexprOp
                | AExprKind::AexprIn
                | AExprKind::AexprLike
                | AExprKind::AexprIlike
                | AExprKind::AexprBetween
                | AExprKind::AexprNotBetween)
        );
        let is_harmless = expr
            .name
            .iter()
            .filter_map(string)
            .all(|name| OPERATORS.contains(&name));
        if !is_known || !is_harmless {
            return;
        }
        match (boxed(&expr.lexpr), boxed(&expr.rexpr)) {
            (Some(NodeEnum::ColumnRef(_)), Some(NodeEnum::AConst(constant)))
            | (Some(NodeEnum::AConst(constant)), Some(NodeEnum::ColumnRef(_))) => {
                self.mark(constant);
            }
            (Some(NodeEnum::ColumnRef(_)), Some(NodeEnum::List(list))) => self.all(&list.items),
            _ => {}
        }
    }

    fn all(&mut self, nodes: &[Node]) {
        for node in nodes {
            if let Some(NodeEnum::AConst(constant)) = inner(node) {
                self.mark(constant);
            }
        }
    }

    fn mark(&mut self, constant: &AConst) {
        let place = usize::try_from(constant.location).ok();
        let found = place.and_then(|place| match constant.val.as_ref()? {
            a_const::Val::Ival(value) => self.digits(place, value.ival),
            a_const::Val::Sval(value) => self.plain(place, &value.sval),
            _ => None,
        });
        self.marks.extend(found);
    }

    /// A negative constant is placed at its sign (`doNegate` in `src/backend/parser/gram.y`).
    fn digits(&self, place: usize, value: i32) -> Option<Mark> {
        let start = place + usize::from(self.text.get(place) == Some(&b'-'));
        let behind = self.text.get(start..)?;
        let end = start + Kind::Digits.length(behind, false)?;
        let number: i32 = std::str::from_utf8(self.text.get(start..end)?)
            .ok()?
            .parse()
            .ok()?;
        // A literal in another base, or with underscores, has another value than its first digits.
        let ends = !self
            .text
            .get(end)
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte == b'.');
        (ends && number == value.saturating_abs()).then_some(Mark {
            start,
            end,
            kind: Kind::Digits,
        })
    }

    /// A string that is continued on another line has another value than what its first quotes hold.
    fn plain(&self, place: usize, value: &str) -> Option<Mark> {
        let start = place + 1;
        let is_plain = self.text.get(place) == Some(&b'\'');
        let behind = self.text.get(start..)?;
        let end = start + Kind::Plain.length(behind, true)?;
        (is_plain && self.text.get(start..end) == Some(value.as_bytes())).then_some(Mark {
            start,
            end,
            kind: Kind::Plain,
        })
    }
}
