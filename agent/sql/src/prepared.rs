//! Statements that PREPARE made in a session, and EXECUTE runs by name.
//!
//! The server keeps them under one kind of name with those of the protocol's Parse, and outside of transactions: what a
//! PREPARE made stays when its transaction is rolled back. An EXECUTE is planned by the search_path of its own moment, but
//! a plan that nothing has touched goes on meaning the tables that it was made for; so the statement is known only where it
//! still means what it did. PostgreSQL's manual, PREPARE; `src/backend/commands/prepare.c`,
//! `src/backend/utils/cache/plancache.c`.
//!
//! INVARIANT: what is known here is on the server under the same name, or nothing is. A name is forgotten as soon as
//! anything is sent that may make it mean something else.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use model::{Opacity, Touches, Use};
use pg_query::NodeEnum;
use pg_query::protobuf::{ExecuteStmt, PrepareStmt};

use crate::analysis::Analysis;
use crate::facts::Change;
use crate::opacity::{self, Known};
use crate::parse::parse;
use crate::query::constant_limit;
use crate::scope::{Columns, Scope};
use crate::session::Settings;
use crate::tree::boxed;

/// Names remembered per session. Further ones are not known.
const MOST: usize = 64;
/// Bytes of the longest PREPARE that is remembered.
const LONGEST: usize = 16 << 10;
/// `NAMEDATALEN` without its end: what is longer is cut by the server.
const LONGEST_NAME: usize = 63;

/// What a PREPARE makes.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The name.
    pub name: Arc<str>,
    /// The PREPARE's own text, and what it was read by.
    text: Arc<[u8]>,
    settings: Settings,
    /// What its statement was understood to touch.
    touches: Touches,
}

/// Two are the same that do the same under one name, however they are spelled.
impl PartialEq for Prepared {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.touches == other.touches && self.settings == other.settings
    }
}

/// The prepared statements of one session.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    known: BTreeMap<Arc<str>, Arc<Prepared>>,
    /// Names whose PREPARE has not ended, in order; none where something later has taken the name.
    awaited: VecDeque<Option<Arc<str>>>,
    /// Counts up with every change.
    version: u64,
}

impl Names {
    /// While it is the same, so is what every EXECUTE runs.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Arc<Prepared>> {
        self.known.get(name)
    }

    /// A PREPARE was sent.
    pub(crate) fn sent(&mut self, name: &Arc<str>) {
        self.forget(name);
        self.awaited.push_back(Some(name.clone()));
    }

    /// The oldest PREPARE that was sent has ended.
    pub(crate) fn ended(&mut self, prepared: &Arc<Prepared>, worked: bool) {
        let awaited = self.awaited.pop_front().flatten();
        if worked && awaited.is_some() {
            self.learn(prepared);
        }
    }

    pub(crate) fn learn(&mut self, prepared: &Arc<Prepared>) {
        if self.known.len() < MOST && prepared.text.len() <= LONGEST {
            self.known.insert(prepared.name.clone(), prepared.clone());
            self.version += 1;
        }
    }

    /// The name may mean something else from now on.
    pub(crate) fn forget(&mut self, name: &str) {
        if self.known.remove(name).is_some() {
            self.version += 1;
        }
        for awaited in &mut self.awaited {
            awaited.take_if(|awaited| **awaited == *name);
        }
    }

    /// Every name may.
    pub(crate) fn forget_all(&mut self) {
        self.known.clear();
        for awaited in &mut self.awaited {
            *awaited = None;
        }
        self.version += 1;
    }

    /// The protocol's Parse makes this name, which is in the client's encoding.
    pub(crate) fn parsed(&mut self, name: &[u8]) {
        let cut = name.get(..LONGEST_NAME).unwrap_or(name);
        match str::from_utf8(cut) {
            Ok(name) if name.is_ascii() => self.forget(name),
            _ => self.forget_all(),
        }
    }
}

impl Analysis<'_> {
    /// `PREPARE`: nothing of the statement runs, but whoever prepares it has to be permitted to run it, masks included.
    /// `alone`: it is the whole text.
    pub(crate) fn prepare(&mut self, prepare: &PrepareStmt, alone: bool) -> Known<()> {
        let query = boxed(&prepare.query);
        let touches = self.alone(query)?;
        self.take_limit(query, alone);
        let deferred = std::mem::replace(&mut self.deferred, true);
        self.query(query, &Scope::default(), Use::Shown)?;
        self.deferred = deferred;
        // What it holds is of this very text.
        self.of_this_text = true;
        self.changes.push(Change::Prepared(Arc::new(Prepared {
            name: Arc::from(prepare.name.as_str()),
            text: Arc::from(self.text),
            settings: self.session.settings().clone(),
            touches,
        })));
        Ok(())
    }

    /// `EXECUTE`: what the statement of that name does, with these arguments. `how`: what becomes of its output;
    /// `alone`: it is the whole text.
    pub(crate) fn execute(
        &mut self,
        execute: &ExecuteStmt,
        how: Use,
        alone: bool,
    ) -> Known<Columns> {
        let prepared = self.session.prepared(&execute.name)?.clone();
        self.filters(&execute.params, &Scope::default())?;
        let statements = parse(&prepared.text, &prepared.settings)?;
        let statement = statements.first().and_then(|raw| boxed(&raw.stmt));
        let Some(NodeEnum::PrepareStmt(prepare)) = statement else {
            return Err(unknown(&execute.name));
        };
        let query = boxed(&prepare.query);
        if self.alone(query)? != prepared.touches {
            return Err(opacity::dynamic(&format!(
                "the names in the prepared statement {} meant something else when it was prepared: prepare it again",
                execute.name
            )));
        }
        self.take_limit(query, alone);
        // `$1` is an argument here, and not a bind value of the text.
        let placeholders = std::mem::take(&mut self.placeholders);
        let columns = self.query(query, &Scope::default(), how)?;
        self.placeholders = placeholders;
        self.record.forget_equals();
        Ok(columns)
    }

    fn take_limit(&mut self, query: Option<&NodeEnum>, alone: bool) {
        if let (Some(NodeEnum::SelectStmt(select)), true) = (query, alone) {
            self.shape.limit = constant_limit(select);
        }
    }

    /// What this statement touches by itself.
    fn alone(&self, query: Option<&NodeEnum>) -> Known<Touches> {
        let mut alone = Analysis::new(self.text, &self.session, self.snapshot, 1);
        alone.query(query, &Scope::default(), Use::Shown)?;
        Ok(Touches::Known(alone.record.touches(self.snapshot)))
    }
}

/// Why it is not known what `EXECUTE` does.
pub(crate) fn unknown(name: &str) -> Opacity {
    opacity::dynamic(&format!(
        "EXECUTE runs the prepared statement {name}, whose text is not known here: prepare it in this session by PREPARE"
    ))
}
