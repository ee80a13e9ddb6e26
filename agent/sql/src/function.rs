//! Which functions and operators a name may mean, and which of them are harmless.
//!
//! A harmless function only computes from its arguments and from what everybody may know. Calls of all others are
//! touches. The rule scales with the server: built-in functions that promise to be immutable or stable are harmless
//! but for a list of exceptions, volatile ones are not but for another list.
//!
//! Not seen from here, because no name in the text stands for it: triggers, column defaults, checks of domains, input
//! functions of types, casts, and functions inside views. Their owners answer for them, as they do in PostgreSQL.

use std::sync::Arc;

use model::{Object, Verb};
use pg_query::protobuf::Node;

use crate::analysis::Analysis;
use crate::derivation::Handling;
use crate::facts::Change;
use crate::opacity::{self, Known};
use crate::rows::Volatility;
use crate::set_config::SET_CONFIG;
use crate::snapshot::Function;
use crate::tree::strings;

/// Built-in volatile functions that neither read, change nor reveal anything.
const HARMLESS_VOLATILE: [&str; 16] = [
    "bernoulli",
    "clock_timestamp",
    "currval",
    "gen_random_uuid",
    "lastval",
    "pg_is_in_recovery",
    "pg_jit_available",
    "pg_notification_queue_usage",
    "pg_stat_clear_snapshot",
    "pg_xact_status",
    "random",
    "random_normal",
    "setseed",
    "system",
    "timeofday",
    "txid_status",
];

/// More of them: sizes and identities that are in the catalog's reach anyway.
const HARMLESS_VOLATILE_SIZES: [&str; 12] = [
    "pg_blocking_pids",
    "pg_database_size",
    "pg_indexes_size",
    "pg_partition_ancestors",
    "pg_partition_tree",
    "pg_relation_size",
    "pg_sequence_last_value",
    "pg_table_size",
    "pg_tablespace_size",
    "pg_total_relation_size",
    "uuidv4",
    "uuidv7",
];

/// And more: where a standby or the log of changes is, and giving back what the session itself had locked.
const HARMLESS_VOLATILE_STATES: [&str; 16] = [
    "pg_advisory_unlock",
    "pg_advisory_unlock_all",
    "pg_advisory_unlock_shared",
    "pg_control_checkpoint",
    "pg_control_init",
    "pg_control_recovery",
    "pg_control_system",
    "pg_current_wal_flush_lsn",
    "pg_current_wal_insert_lsn",
    "pg_current_wal_lsn",
    "pg_get_wal_replay_pause_state",
    "pg_is_wal_replay_paused",
    "pg_last_wal_receive_lsn",
    "pg_last_wal_replay_lsn",
    "pg_last_xact_replay_timestamp",
    "pg_safe_snapshot_blocking_pids",
];

/// Built-in functions that promise to be stable or immutable and all the same run queries, read tables by name or
/// show what other sessions do.
const HARMFUL: [&str; 14] = [
    "binary_upgrade_logical_slot_has_caught_up",
    "currtid2",
    "pg_get_publication_tables",
    "pg_get_replication_slots",
    "pg_mcv_list_items",
    "pg_prepared_xact",
    "pg_show_all_file_settings",
    "pg_stat_get_activity",
    "pg_stat_get_backend_activity",
    "pg_stat_get_wal_receiver",
    "pg_stat_get_wal_senders",
    "ts_debug",
    "ts_rewrite",
    "ts_stat",
];

/// The same by their names' beginnings and parts.
const HARMFUL_PREFIXES: [&str; 8] = [
    "dblink",
    "lo_",
    "pg_logical_",
    "pg_ls_",
    "pg_read_",
    "pg_stat_file",
    "pg_get_wal_",
    "loread",
];

/// Whether a call of this function is not worth a word.
pub(crate) fn is_harmless(function: &Function) -> bool {
    let name = &*function.name.name;
    if !function.built_in {
        // Only a superuser can make functions of these languages, so they are an extension's own.
        return matches!(&*function.language, "c" | "internal")
            && function.volatility == Volatility::Immutable;
    }
    match function.volatility {
        Volatility::Volatile => [
            &HARMLESS_VOLATILE[..],
            &HARMLESS_VOLATILE_SIZES,
            &HARMLESS_VOLATILE_STATES,
        ]
        .iter()
        .any(|list| list.contains(&name)),
        Volatility::Stable | Volatility::Immutable => {
            !HARMFUL.contains(&name)
                && !HARMFUL_PREFIXES.iter().any(|p| name.starts_with(p))
                // query_to_xml, table_to_xmlschema, ...: they read what their arguments name.
                && !name.contains("_to_xml")
        }
    }
}

/// Whether running this function may leave another search_path behind.
fn may_change_path(function: &Function) -> bool {
    !matches!(&*function.language, "c" | "internal")
}

impl Analysis<'_> {
    /// A call by name, whose arguments are walked elsewhere: what becomes of them.
    pub(crate) fn call(&mut self, name: &[Node]) -> Known<Handling> {
        self.session.resolvable()?;
        let parts = strings(name).unwrap_or_default();
        let shown = parts.join(".");
        let (schema, function) = match *parts.as_slice() {
            [function] => (None, function),
            [schema, function] => (Some(schema), function),
            [database, schema, function] if database == self.snapshot.database() => {
                (Some(schema), function)
            }
            _ => {
                return Err(opacity::unresolved(&format!(
                    "function {shown} cannot be resolved"
                )));
            }
        };
        let candidates = self.candidates(schema, function)?;
        if candidates.is_empty() {
            return Err(opacity::unresolved(&format!(
                "there is no function {shown} in the catalog"
            )));
        }
        for function in &candidates {
            self.record.called(&function.name)?;
            // `set_config` is a SET, and told as one.
            let is_set = function.built_in && &*function.name.name == SET_CONFIG;
            if !is_set && !is_harmless(function) {
                self.calls(function);
            }
        }
        Ok(Handling::of(&candidates, is_harmless))
    }

    /// Whether this name, which was resolved before, can only mean functions that came with the server.
    pub(crate) fn is_built_in(&self, name: &[Node]) -> bool {
        let candidates = match strings(name).as_deref() {
            Some([name]) => self.candidates(None, name),
            Some([schema, name]) => self.candidates(Some(schema), name),
            _ => return false,
        };
        candidates.is_ok_and(|all| all.iter().all(|function| function.built_in))
    }

    /// A call of this very function.
    pub(crate) fn calls(&mut self, function: &Function) {
        let object = Object::Function(function.name.clone());
        self.record.object(Verb::Call, object);
        if may_change_path(function) {
            self.changes.push(Change::Tainted);
        }
    }

    /// Every function that the name may mean: which one it is depends on the argument types, and an exact match in a
    /// later schema wins over a coercion in `pg_catalog`.
    fn candidates(&self, schema: Option<&str>, name: &str) -> Known<Vec<Arc<Function>>> {
        let all = self.snapshot.functions(name);
        if let Some(schema) = schema {
            let here = all.filter(|function| &*function.name.schema == schema);
            return Ok(here.cloned().collect());
        }
        if let Some(path) = self.session.schemas(self.snapshot) {
            let here = all.filter(|function| path.contains(&function.name.schema));
            return Ok(here.cloned().collect());
        }
        let all: Vec<_> = all.cloned().collect();
        if all.iter().all(|function| is_harmless(function)) {
            return Ok(all);
        }
        Err(opacity::of(
            "search_path",
            format!("the search_path is not known, so function {name} needs its schema"),
        ))
    }

    /// The use of an operator, and what becomes of its operands. `pg_catalog`'s are harmless; the others are the functions
    /// behind them.
    pub(crate) fn operator(&mut self, name: &[Node]) -> Known<Handling> {
        let parts = strings(name).unwrap_or_default();
        if !parts.is_empty() {
            self.session.resolvable()?;
        }
        match *parts.as_slice() {
            [] => Ok(Handling::Quiet),
            ["BETWEEN" | "BETWEEN SYMMETRIC" | "NOT BETWEEN" | "NOT BETWEEN SYMMETRIC"] => {
                let first = self.unqualified_operator(">=")?;
                Ok(first.max(self.unqualified_operator("<=")?))
            }
            [name] => {
                let behind = self.unqualified_operator(name)?;
                Ok(behind.max(Handling::of_operator(name)))
            }
            ["pg_catalog", name] => Ok(Handling::of_operator(name)),
            [schema, name] => {
                let found: Vec<_> = self
                    .snapshot
                    .operators(name)
                    .filter(|(s, _)| ***s == *schema)
                    .map(|(_, function)| function.clone())
                    .collect();
                if found.is_empty() {
                    return Err(opacity::unresolved(&format!(
                        "there is no operator {schema}.{name} in the catalog"
                    )));
                }
                for function in found.iter().filter(|function| !is_harmless(function)) {
                    self.calls(function);
                }
                Ok(Handling::Keeping)
            }
            _ => Err(opacity::unresolved("an operator's name has too many parts")),
        }
    }

    /// The `=` that nobody writes: of `CASE x WHEN`, `x IN (SELECT ...)`, USING and NATURAL.
    pub(crate) fn equality(&mut self) -> Known<Handling> {
        self.session.resolvable()?;
        self.unqualified_operator("=")
    }

    /// What the functions behind an operator that is no built-in one make of its operands.
    fn unqualified_operator(&mut self, name: &str) -> Known<Handling> {
        let found: Vec<_> = self
            .snapshot
            .operators(name)
            .filter(|(_, function)| !is_harmless(function))
            .map(|(schema, function)| (schema.clone(), function.clone()))
            .collect();
        if found.is_empty() {
            return Ok(Handling::Quiet);
        }
        let path = self.session.schemas(self.snapshot).ok_or_else(|| {
            opacity::of(
                "search_path",
                format!("the search_path is not known, so operator {name} needs its schema"),
            )
        })?;
        let mut handling = Handling::Quiet;
        for (_, function) in found.iter().filter(|(schema, _)| path.contains(schema)) {
            self.calls(function);
            handling = Handling::Keeping;
        }
        Ok(handling)
    }
}
