//! From a text to its facts: one statement after the other, each in the state that the earlier ones leave.

use std::borrow::Cow;
use std::sync::Arc;

use model::{CopyForm, Object, Opacity, Outputs, Shape, Touches, Verb};
use pg_query::NodeEnum;
use pg_query::protobuf::{ParamRef, RangeVar, RawStmt};

use crate::aggregate::LeastValues;
use crate::credentials::carries;
use crate::facts::{Change, Facts};
use crate::function::is_harmless;
use crate::opacity::{self, Known};
use crate::parse::parse;
use crate::pattern::Pattern;
use crate::record::Record;
use crate::scope::Columns;
use crate::session::Session;
use crate::snapshot::{Relation, Snapshot};
use crate::tree::{boxed, range_name};

/// Parameters that a Bind can have (`PQ_QUERY_PARAM_MAX_LIMIT` in PostgreSQL's `libpq-fe.h`).
const MOST_PARAMETERS: usize = 65_535;

/// What this text does when the session runs it next. Total: what cannot be known is [`Touches::Opaque`].
///
/// `text` is in the client's encoding, without a terminator.
pub fn analyse(text: &[u8], session: &Session, snapshot: &Snapshot) -> Facts {
    analyse_alike(text, session, snapshot).0
}

/// The same, with the pattern of all texts that have these facts.
pub fn analyse_alike(text: &[u8], session: &Session, snapshot: &Snapshot) -> (Facts, Pattern) {
    let settings = session.settings();
    let statements = match parse(text, settings) {
        Ok(statements) => statements,
        Err(opacity) => {
            return (
                Facts::opaque(opacity, Shape::default()),
                Pattern::exact(text),
            );
        }
    };
    let mut analysis = Analysis::new(text, session, snapshot, statements.len());
    match analysis.statements(&statements) {
        Ok(()) => {
            let utf8 = settings.utf8 == Some(true);
            let pattern = match analysis.of_this_text {
                true => Pattern::exact(text),
                false => Pattern::of(text, &statements, utf8),
            };
            let facts = Facts {
                utf8,
                ..analysis.facts(&statements)
            };
            (facts, pattern)
        }
        // Its explanation may quote the text.
        Err(opacity) => (Facts::opaque(opacity, analysis.shape), Pattern::exact(text)),
    }
}

/// What PostgreSQL's FunctionCall message for this `pg_proc.oid` does.
pub fn analyse_call(oid: u32, session: &Session, snapshot: &Snapshot) -> Facts {
    let settings = session.settings();
    let shape = Shape {
        statements: 1,
        ..Shape::default()
    };
    let Some(function) = snapshot.function_by_oid(oid) else {
        let explanation = format!("there is no function with the oid {oid} in the catalog");
        return Facts::opaque(opacity::unresolved(&explanation), shape);
    };
    let mut record = Record::new();
    let mut changes = Vec::new();
    if !is_harmless(function) {
        record.object(Verb::Call, Object::Function(function.name.clone()));
        changes.push(match &*function.name.name {
            "set_config" => Change::Anything,
            _ => Change::Tainted,
        });
    }
    Facts {
        verbs: record.verbs(),
        touches: Touches::Known(record.touches(snapshot)),
        outputs: [Outputs::Unknown].into(),
        shape,
        placeholders: function.arguments.to_vec(),
        equals: Vec::new(),
        utf8: settings.utf8 == Some(true),
        changes,
        defines: false,
        fetches: false,
        credentials: carries(&[], std::slice::from_ref(&function.name)),
        functions: [function.name.clone()].into(),
    }
}

/// The part of the text that is this statement (`stmt_location` and `stmt_len` of a RawStmt in PostgreSQL's
/// `src/include/nodes/parsenodes.h`; no length means to the end).
fn text_of<'a>(raw: &RawStmt, text: &'a [u8]) -> &'a [u8] {
    let start = usize::try_from(raw.stmt_location).unwrap_or(0);
    let rest = text.get(start..).unwrap_or(text);
    match usize::try_from(raw.stmt_len) {
        Ok(length @ 1..) => rest.get(..length).unwrap_or(rest),
        _ => rest,
    }
}

/// The work on one text.
pub(crate) struct Analysis<'a> {
    /// The text of the statement being analysed.
    pub(crate) text: &'a [u8],
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) session: Cow<'a, Session>,
    pub(crate) record: Record,
    pub(crate) changes: Vec<Change>,
    pub(crate) defines: bool,
    pub(crate) fetches: bool,
    pub(crate) shape: Shape,
    /// `pg_type.oid` that the text gives `$1`, `$2` and so on.
    pub(crate) placeholders: Vec<u32>,
    /// The output of the statement being analysed, where it is known.
    pub(crate) output: Option<Columns>,
    /// How that output is written, where it leaves as a stream.
    pub(crate) copies: Option<CopyForm>,
    /// The outputs of the statements before it.
    outputs: Vec<Outputs>,
    /// What HAVING demands of the groups of the query being analysed.
    pub(crate) group: Vec<LeastValues>,
    /// Whether the output being analysed is a plain call that runs exactly once: `SELECT f(...)` and nothing more.
    pub(crate) plain_call: bool,
    /// The setting that the only row of `pg_settings` is about, while the output of its query is being analysed.
    pub(crate) only_setting: Option<String>,
    /// Whether another text with other values may have other facts, also where the values only choose rows.
    pub(crate) of_this_text: bool,
    /// Whether the statement being analysed stands inside another one, and may run never, later or often.
    pub(crate) deferred: bool,
    /// The schema that `CREATE SCHEMA` is making, where unqualified new objects of the same statement go.
    pub(crate) new_schema: Option<Arc<str>>,
}

impl<'a> Analysis<'a> {
    pub(crate) fn new(
        text: &'a [u8],
        session: &'a Session,
        snapshot: &'a Snapshot,
        statements: usize,
    ) -> Self {
        Self {
            text,
            snapshot,
            session: Cow::Borrowed(session),
            record: Record::new(),
            changes: Vec::new(),
            defines: false,
            fetches: false,
            shape: Shape {
                statements: u32::try_from(statements).unwrap_or(u32::MAX),
                ..Shape::default()
            },
            placeholders: Vec::new(),
            output: None,
            copies: None,
            outputs: Vec::new(),
            group: Vec::new(),
            plain_call: false,
            only_setting: None,
            of_this_text: false,
            deferred: false,
            new_schema: None,
        }
    }

    fn statements(&mut self, statements: &[RawStmt]) -> Known<()> {
        let alone = statements.len() == 1;
        let text = self.text;
        for raw in statements {
            self.text = text_of(raw, text);
            let before = self.changes.len();
            if let Some(statement) = boxed(&raw.stmt) {
                self.statement(statement, alone)?;
            }
            let output = self.output.take();
            let output = match output {
                Some(columns) => {
                    self.record
                        .outputs(&columns, self.copies.take(), self.snapshot)?
                }
                None => Outputs::Unknown,
            };
            self.outputs.push(output);
            let new = self.changes.get(before..).unwrap_or_default();
            if !new.is_empty() || self.defines {
                self.session.to_mut().assume(new, self.defines);
            }
        }
        Ok(())
    }

    fn statement(&mut self, statement: &NodeEnum, alone: bool) -> Known<()> {
        if self.data(statement, alone)? || self.utility(statement)? || self.definition(statement)? {
            return Ok(());
        }
        Err(opacity::unknown_node(statement))
    }

    /// A statement inside another one.
    pub(crate) fn nested(&mut self, statement: Option<&NodeEnum>) -> Known<()> {
        let deferred = std::mem::replace(&mut self.deferred, true);
        let result = statement.map_or(Ok(()), |statement| self.statement(statement, false));
        self.deferred = deferred;
        // What is explained, prepared or declared is not what comes back.
        self.output = None;
        result
    }

    /// The text has this parameter, and gives it this type, or none by 0. The server takes no text that gives it two.
    pub(crate) fn placeholder(&mut self, parameter: &ParamRef, oid: u32) {
        let Some(index) = usize::try_from(parameter.number)
            .ok()
            .and_then(|number| number.checked_sub(1))
            .filter(|index| *index < MOST_PARAMETERS)
        else {
            return;
        };
        if self.placeholders.len() <= index {
            self.placeholders.resize(index + 1, 0);
        }
        if let Some(known) = self
            .placeholders
            .get_mut(index)
            .filter(|known| **known == 0)
        {
            *known = oid;
        }
    }

    fn facts(self, statements: &[RawStmt]) -> Facts {
        let functions = self.record.functions();
        Facts {
            credentials: carries(statements, &functions),
            verbs: self.record.verbs(),
            touches: Touches::Known(self.record.touches(self.snapshot)),
            outputs: self.outputs.into(),
            shape: self.shape,
            equals: self.record.equals(self.snapshot),
            utf8: false,
            placeholders: self.placeholders,
            changes: self.changes,
            defines: self.defines,
            fetches: self.fetches,
            functions,
        }
    }

    /// The existing relation of this name.
    pub(crate) fn relation(&self, range: &RangeVar) -> Result<Arc<Relation>, Opacity> {
        self.session.relation(self.snapshot, &range_name(range))
    }
}
