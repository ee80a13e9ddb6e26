//! Statements about the session: transactions, settings, notifications, locks and upkeep.

use std::sync::Arc;

use model::{Object, Verb};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    DiscardMode, Node, TransactionStmt, TransactionStmtKind, VariableSetKind, VariableSetStmt,
};

use crate::analysis::Analysis;
use crate::facts::{Assignment, Change};
use crate::opacity::{self, Known};
use crate::session::Settings;
use crate::tree::{constant, inner};

/// The settings whose values decide what later texts mean.
const DECISIVE: [&str; 3] = [
    "search_path",
    "standard_conforming_strings",
    "client_encoding",
];

/// `AccessShareLock` (`src/include/storage/lockdefs.h`).
const ACCESS_SHARE: i32 = 1;

impl Analysis<'_> {
    /// Whether the statement is about the session, and then its facts.
    pub(crate) fn utility(&mut self, statement: &NodeEnum) -> Known<bool> {
        match statement {
            NodeEnum::TransactionStmt(transaction) => self.transaction(transaction),
            NodeEnum::VariableSetStmt(set) => self.set(set)?,
            NodeEnum::DiscardStmt(discard) => match DiscardMode::try_from(discard.target) {
                Ok(DiscardMode::DiscardAll) => self.discard_all(),
                Ok(DiscardMode::DiscardTemp) => self.changes.push(Change::Discarded),
                Ok(DiscardMode::DiscardPlans | DiscardMode::DiscardSequences) => {}
                _ => return Err(opacity::unknown_node(statement)),
            },
            NodeEnum::FetchStmt(_) => self.fetches = true,
            NodeEnum::VariableShowStmt(_)
            | NodeEnum::ClosePortalStmt(_)
            | NodeEnum::ConstraintsSetStmt(_)
            | NodeEnum::UnlistenStmt(_) => {}
            NodeEnum::DeallocateStmt(deallocate) => {
                let all = deallocate.name.is_empty();
                let name = (!all).then(|| Arc::from(deallocate.name.as_str()));
                self.changes.push(Change::Deallocated(name));
            }
            NodeEnum::NotifyStmt(notify) => self.channel(&notify.conditionname),
            NodeEnum::ListenStmt(listen) => self.channel(&listen.conditionname),
            NodeEnum::LockStmt(lock) => {
                // SELECT takes the same lock, and keeps it until the transaction ends.
                let verb = match lock.mode {
                    ACCESS_SHARE => Verb::Select,
                    _ => Verb::Lock,
                };
                self.relations(verb, &lock.relations)?;
            }
            NodeEnum::TruncateStmt(truncate) => {
                self.relations(Verb::Truncate, &truncate.relations)?;
            }
            other => return self.upkeep(other),
        }
        Ok(true)
    }

    fn upkeep(&mut self, statement: &NodeEnum) -> Known<bool> {
        match statement {
            NodeEnum::VacuumStmt(vacuum) if vacuum.rels.is_empty() => {
                self.record.object(Verb::Maintain, Object::Database);
            }
            NodeEnum::VacuumStmt(vacuum) => self.relations(Verb::Maintain, &vacuum.rels)?,
            NodeEnum::ClusterStmt(cluster) => match &cluster.relation {
                Some(range) => self.maintains(range)?,
                None => self.record.object(Verb::Maintain, Object::Database),
            },
            // The relation may be an index, and the name a schema's or the database's.
            NodeEnum::ReindexStmt(reindex) => match &reindex.relation {
                Some(range) if self.relation(range).is_ok() => self.maintains(range)?,
                Some(range) => self.other(Verb::Maintain, "index", &range.relname),
                None => self.record.object(Verb::Maintain, Object::Database),
            },
            NodeEnum::RefreshMatViewStmt(refresh) => {
                if let Some(range) = &refresh.relation {
                    self.maintains(range)?;
                }
            }
            NodeEnum::CheckPointStmt(_) => self.record.object(Verb::Maintain, Object::Database),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn transaction(&mut self, transaction: &TransactionStmt) {
        match TransactionStmtKind::try_from(transaction.kind) {
            Ok(TransactionStmtKind::TransStmtRollback | TransactionStmtKind::TransStmtPrepare) => {
                self.changes.push(Change::RolledBack);
            }
            Ok(TransactionStmtKind::TransStmtCommit) => self.changes.push(Change::Committed),
            Ok(TransactionStmtKind::TransStmtRollbackTo) => {
                self.changes.push(Change::RolledBackTo);
            }
            _ => {}
        }
        // The locks of a prepared transaction outlive the session, and anybody may end it.
        if matches!(
            TransactionStmtKind::try_from(transaction.kind),
            Ok(TransactionStmtKind::TransStmtPrepare
                | TransactionStmtKind::TransStmtCommitPrepared
                | TransactionStmtKind::TransStmtRollbackPrepared)
        ) {
            self.other(Verb::Lock, "transaction", &transaction.gid);
        }
    }

    fn set(&mut self, set: &VariableSetStmt) -> Known<()> {
        let name = set.name.to_ascii_lowercase();
        match VariableSetKind::try_from(set.kind) {
            Ok(VariableSetKind::VarSetValue) => {
                let to = self.assigned(&name, &set.args);
                self.sets(&name, set.is_local, to);
            }
            Ok(VariableSetKind::VarSetDefault | VariableSetKind::VarReset) => {
                let to = Assignment::from(&name, self.session.initial());
                self.sets(&name, set.is_local, to);
            }
            // SET TRANSACTION and SET SESSION CHARACTERISTICS.
            Ok(VariableSetKind::VarSetMulti) => {}
            Ok(VariableSetKind::VarResetAll) => {
                self.record
                    .object(Verb::Set, Object::Setting(Arc::from("all")));
                self.reset(&DECISIVE);
            }
            _ => return Err(opacity::unsupported("an unknown form of SET")),
        }
        Ok(())
    }

    fn sets(&mut self, name: &str, local: bool, to: Option<Assignment>) {
        self.record
            .object(Verb::Set, Object::Setting(Arc::from(name)));
        if let Some(to) = to {
            self.changes.push(Change::Set { local, to });
        }
    }

    fn assigned(&self, name: &str, args: &[Node]) -> Option<Assignment> {
        let values: Option<Vec<String>> = args.iter().map(|arg| constant(inner(arg)?)).collect();
        let Some(values) = values else {
            return Assignment::unknown(name);
        };
        match (name, values.as_slice()) {
            // In SET every item of the list is one name, whatever it contains.
            ("search_path", names) => {
                let names = names.iter().map(|name| Arc::from(name.as_str())).collect();
                Some(Assignment::Path(Some(names)))
            }
            // `SET ROLE NONE` goes back to the session's user.
            ("role", [value]) if value == "none" => Assignment::from(name, self.session.initial()),
            (_, [value]) => Assignment::parse(name, value),
            _ => Assignment::unknown(name),
        }
    }

    fn reset(&mut self, names: &[&str]) {
        let initial: Settings = self.session.initial().clone();
        let to = names
            .iter()
            .filter_map(|name| Assignment::from(name, &initial));
        let local = false;
        self.changes.extend(to.map(|to| Change::Set { local, to }));
    }

    fn discard_all(&mut self) {
        self.record
            .object(Verb::Set, Object::Setting(Arc::from("all")));
        self.reset(&DECISIVE);
        self.reset(&["role"]);
        self.changes
            .extend([Change::Discarded, Change::Deallocated(None)]);
    }

    fn channel(&mut self, name: &str) {
        self.other(Verb::Notify, "channel", name);
    }

    pub(crate) fn other(&mut self, verb: Verb, kind: &str, name: &str) {
        let kind = Arc::from(kind);
        let name = Arc::from(name);
        self.record.object(verb, Object::Other { kind, name });
    }

    fn relations(&mut self, verb: Verb, nodes: &[Node]) -> Known<()> {
        for node in nodes {
            let range = match inner(node) {
                Some(NodeEnum::RangeVar(range)) => Some(range),
                Some(NodeEnum::VacuumRelation(vacuumed)) => vacuumed.relation.as_ref(),
                Some(other) => return Err(opacity::unknown_node(other)),
                None => None,
            };
            if let Some(range) = range {
                let relation = self.relation(range)?;
                let restricted = verb != Verb::Truncate;
                self.record.relation(verb, &relation, restricted);
            }
        }
        Ok(())
    }

    fn maintains(&mut self, range: &pg_query::protobuf::RangeVar) -> Known<()> {
        let relation = self.relation(range)?;
        self.record.relation(Verb::Maintain, &relation, true);
        Ok(())
    }
}
