//! From a text to its facts: one statement after the other, each in the state that the earlier ones leave.

use std::borrow::Cow;
use std::sync::Arc;

use model::{ColumnUse, Object, Outputs, Shape, Touch, Touches, Use, Verb};
use sqlparser::ast::{Ident, ObjectName, ObjectNamePart, Statement};

use super::catalog::Catalog;
use super::lexer::tokens;
use super::parse::{Parsed, statements};
use super::session::Session;
use crate::facts::{Change, Facts};
use crate::opacity::{self, Known};
use crate::record::Record;
use crate::rows::Kind;
use crate::scope::{Columns, Scope};
use crate::snapshot::{Relation, Snapshot};

/// What this text does when the MySQL session runs it next. Total: what cannot be known is [`Touches::Opaque`].
///
/// `text` is in the client's encoding.
pub fn analyse(text: &[u8], session: &Session, catalog: &Catalog) -> Facts {
    let parsed = tokens(text, session.settings()).and_then(|tokens| statements(&tokens));
    let statements = match parsed {
        Ok(statements) => statements,
        Err(opacity) => return opaque(opacity, Shape::default()),
    };
    let mut analysis = Analysis {
        catalog,
        session: Cow::Borrowed(session),
        record: Record::new(),
        changes: Vec::new(),
        defines: false,
        shape: Shape {
            statements: u32::try_from(statements.len()).unwrap_or(u32::MAX),
            ..Shape::default()
        },
        output: None,
        outputs: Vec::new(),
        sees_views: false,
    };
    let shape = analysis.shape;
    match analysis
        .statements(&statements)
        .and_then(|()| analysis.facts())
    {
        Ok(facts) => facts,
        Err(opacity) => opaque(opacity, shape),
    }
}

/// Unlike what PostgreSQL's own grammar refuses, the server may run what sqlparser does not parse.
fn opaque(opacity: model::Opacity, shape: Shape) -> Facts {
    Facts {
        defines: true,
        ..Facts::opaque(opacity, shape)
    }
}

/// The work on one text.
pub(super) struct Analysis<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) session: Cow<'a, Session>,
    pub(super) record: Record,
    pub(super) changes: Vec<Change>,
    pub(super) defines: bool,
    pub(super) shape: Shape,
    /// The output of the statement being analysed, where it is known.
    pub(super) output: Option<Columns>,
    /// The outputs of the statements before it.
    outputs: Vec<Outputs>,
    /// Whether a view was named: its columns are not those of what it reads.
    pub(super) sees_views: bool,
}

impl Analysis<'_> {
    fn statements(&mut self, statements: &[Parsed]) -> Known<()> {
        let alone = statements.len() == 1;
        let read_with = self.session.settings().clone();
        for statement in statements {
            let now = self.session.settings();
            if now.modes != read_with.modes || now.utf8 != read_with.utf8 {
                return Err(opacity::of(
                    "session",
                    "how a text is read is changed by an earlier statement in it: send them one by one".into(),
                ));
            }
            let before = self.changes.len();
            self.parsed(statement, alone)?;
            let output = self.output.take().filter(|_| !self.sees_views);
            self.outputs.push(match output {
                Some(columns) => self.record.outputs(&columns, None, &Snapshot::default())?,
                None => Outputs::Unknown,
            });
            let new = self.changes.get(before..).unwrap_or_default();
            if !new.is_empty() || self.defines {
                self.session.to_mut().assume(new, self.defines);
            }
        }
        Ok(())
    }

    fn parsed(&mut self, parsed: &Parsed, alone: bool) -> Known<()> {
        match parsed {
            Parsed::Sql(statement) => self.statement(statement, alone),
            Parsed::Do(statement) => self.nested(statement),
            Parsed::Into(statement, file) => {
                if let Some(file) = file {
                    let kind = Arc::from("file");
                    let name = Arc::from(file.as_str());
                    self.record
                        .object(Verb::CopyOut, Object::Other { kind, name });
                }
                self.nested(statement)
            }
            Parsed::Set(assignments) => self.set(assignments),
            Parsed::Load(load) => self.load(load),
            Parsed::Show(table) => {
                if let Some(table) = table {
                    self.shows(table);
                }
                Ok(())
            }
        }
    }

    /// A statement whose rows are not what the client gets.
    fn nested(&mut self, statement: &Statement) -> Known<()> {
        self.statement(statement, false)?;
        self.output = None;
        Ok(())
    }

    /// `alone`: it is the whole text, and its rows are what the client gets.
    pub(super) fn statement(&mut self, statement: &Statement, alone: bool) -> Known<()> {
        if self.data(statement, alone)? || self.state(statement)? || self.definition(statement)? {
            return Ok(());
        }
        Err(opacity::unknown_node(statement))
    }

    fn data(&mut self, statement: &Statement, alone: bool) -> Known<bool> {
        let root = Scope::default();
        let how = if alone { Use::Shown } else { Use::Derived };
        match statement {
            Statement::Query(query) => {
                if alone {
                    self.shape.limit = super::query::constant_limit(query);
                }
                let columns = self.query(query, &root, how)?;
                self.output = Some(columns);
            }
            Statement::Insert(insert) => {
                if alone {
                    self.shape.inserted = super::write::listed(insert);
                }
                self.insert(insert, how)?;
            }
            Statement::Update(update) => self.update(update, how)?,
            Statement::Delete(delete) => self.delete(delete, how)?,
            Statement::Explain { statement, .. } => self.nested(statement)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// A table of `information_schema` that a SHOW reads from.
    pub(super) fn shows(&mut self, table: &str) {
        let relation = model::Relation {
            schema: Arc::from("information_schema"),
            name: Arc::from(table),
            oid: None,
        };
        self.record.object(Verb::Select, Object::Relation(relation));
    }

    /// The existing table of this name.
    pub(super) fn table(&self, name: &ObjectName) -> Known<Arc<Relation>> {
        self.named(&parts(name)?)
    }

    /// The existing table of `t` or `d.t`.
    pub(super) fn named(&self, parts: &[&str]) -> Known<Arc<Relation>> {
        self.session.resolvable()?;
        let (database, name) = self.qualified(parts)?;
        if self.session.may_be_temporary(name) {
            return Err(opacity::unresolved(&format!(
                "{name} may be a temporary table of this session"
            )));
        }
        self.catalog.table(&database, name)
    }

    /// The name that a new table would get.
    pub(super) fn new_table(&self, name: &ObjectName) -> Known<model::Relation> {
        let parts = parts(name)?;
        let (database, name) = self.qualified(&parts)?;
        Ok(model::Relation {
            schema: self.catalog.database(&database)?,
            name: self.catalog.new_name(name)?,
            oid: None,
        })
    }

    pub(super) fn qualified<'n>(&self, parts: &[&'n str]) -> Known<(Arc<str>, &'n str)> {
        match *parts {
            [name] => Ok((self.session.database()?, name)),
            [database, name] => Ok((Arc::from(database), name)),
            _ => Err(opacity::unresolved("a name has more than two parts")),
        }
    }

    fn facts(&mut self) -> Known<Facts> {
        let mut touches = Vec::new();
        // Views are followed here; nothing else of a snapshot is asked for.
        for touch in self.record.touches(&Snapshot::default()) {
            let reached = self.through(&touch)?;
            touches.push(touch);
            touches.extend(reached);
        }
        Ok(Facts {
            verbs: self.record.verbs(),
            touches: Touches::Known(touches),
            outputs: std::mem::take(&mut self.outputs).into(),
            shape: self.shape,
            placeholders: Vec::new(),
            equals: Vec::new(),
            utf8: false,
            changes: std::mem::take(&mut self.changes),
            defines: self.defines,
            fetches: false,
            credentials: false,
            functions: self.record.functions(),
        })
    }

    /// What a view reads flows through it in ways that are not followed: every column of it is `Derived`.
    fn through(&self, touch: &Touch) -> Known<Vec<Touch>> {
        let Object::Relation(name) = &touch.object else {
            return Ok(Vec::new());
        };
        let is_about_rows = !matches!(touch.verb, Verb::Create | Verb::Alter | Verb::Drop);
        let view = self.catalog.table(&name.schema, &name.name);
        let Some(view) = view
            .ok()
            .filter(|view| is_about_rows && view.kind == Kind::View)
        else {
            return Ok(Vec::new());
        };
        let mut through = Vec::new();
        for base in self.catalog.reached(&view)? {
            let writes = matches!(
                touch.verb,
                Verb::Insert | Verb::Update | Verb::Delete | Verb::CopyIn
            );
            let hows = if writes {
                &[Use::Derived, Use::Told][..]
            } else {
                &[Use::Derived][..]
            };
            let uses = hows.iter().flat_map(|how| {
                base.columns.iter().map(|column| ColumnUse {
                    column: model::Column {
                        name: column.name.clone(),
                        number: Some(column.number),
                    },
                    how: *how,
                })
            });
            through.push(Touch {
                verb: touch.verb,
                object: Object::Relation(base.name.clone()),
                columns: uses.collect(),
                restricted: touch.restricted,
                through: Some(name.clone()),
            });
        }
        Ok(through)
    }
}

/// The parts of a name as written.
pub(super) fn parts<'n>(name: &'n ObjectName) -> Known<Vec<&'n str>> {
    let part = |part: &'n ObjectNamePart| match part {
        ObjectNamePart::Identifier(ident) => Ok(ident.value.as_str()),
        ObjectNamePart::Function(_) => Err(opacity::unsupported("a name is made by a function")),
    };
    name.0.iter().map(part).collect()
}

/// A name for comparing: of columns and aliases, case never tells two apart. Where it would for aliases, a query that has
/// two is ambiguous here, and opaque.
pub(super) fn folded(name: &str) -> Arc<str> {
    Arc::from(name.to_lowercase())
}

/// Whether this is `@a` or `@@a`, which is no column.
pub(super) fn is_variable(ident: &Ident) -> bool {
    ident.quote_style.is_none() && ident.value.starts_with('@')
}
