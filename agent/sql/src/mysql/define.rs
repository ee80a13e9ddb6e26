//! Definitions: databases, tables, views, indexes, and what drops and renames them.

use std::sync::Arc;

use model::{Object, Use, Verb};
use sqlparser::ast::{
    AlterTableOperation as Op, CreateTable, CreateTableLikeKind, CreateTableOptions, FunctionDesc,
    ObjectName, ObjectType, RenameTableNameKind, SchemaName, SqlOption, Statement,
};

use super::analysis::{Analysis, folded, parts};
use super::query::odd;
use crate::facts::Change;
use crate::opacity::Known;
use crate::scope::Scope;

/// Options of tables that only say how rows are kept. `CONNECTION`, `UNION` and `DATA DIRECTORY` reach elsewhere.
const PLAIN_OPTIONS: [&str; 17] = [
    "auto_increment",
    "avg_row_length",
    "character set",
    "charset",
    "checksum",
    "collate",
    "comment",
    "compression",
    "default character set",
    "default charset",
    "default collate",
    "engine",
    "key_block_size",
    "max_rows",
    "min_rows",
    "row_format",
    "stats_persistent",
];

/// Engines that keep rows in the server itself.
const PLAIN_ENGINES: [&str; 6] = ["aria", "innodb", "memory", "myisam", "archive", "heap"];

impl Analysis<'_> {
    /// Whether the statement is a definition, and then its facts.
    pub(super) fn definition(&mut self, statement: &Statement) -> Known<bool> {
        match statement {
            Statement::CreateTable(create) => self.create_table(create)?,
            Statement::CreateView(view) => {
                self.creates(&view.name)?;
                self.query(&view.query, &Scope::default(), Use::Derived)?;
            }
            Statement::CreateIndex(index) => {
                let name = index
                    .name
                    .as_ref()
                    .map(parts)
                    .transpose()?
                    .unwrap_or_default();
                self.other(Verb::Create, "index", &name.join("."));
                self.existing(Verb::Alter, &index.table_name)?;
            }
            Statement::CreateDatabase { db_name, .. } => self.schema(Verb::Create, db_name)?,
            Statement::CreateSchema {
                schema_name: SchemaName::Simple(name),
                ..
            } => self.schema(Verb::Create, name)?,
            Statement::AlterTable(alter) => {
                self.existing(Verb::Alter, &alter.name)?;
                alter.operations.iter().try_for_each(|op| self.alters(op))?;
            }
            Statement::RenameTable(renames) => {
                for rename in renames {
                    self.existing(Verb::Alter, &rename.old_name)?;
                    self.creates(&rename.new_name)?;
                }
            }
            Statement::Truncate(truncate) => {
                for table in &truncate.table_names {
                    let relation = self.table(&table.name)?;
                    self.record.relation(Verb::Truncate, &relation, false);
                }
            }
            Statement::Drop {
                object_type,
                if_exists,
                names,
                temporary,
                table,
                ..
            } => {
                for name in names {
                    self.drops(object_type, name, *if_exists, *temporary, table.as_ref())?;
                }
            }
            Statement::DropFunction(drop) => self.drop_routines(&drop.func_desc)?,
            Statement::DropProcedure { proc_desc, .. } => self.drop_routines(proc_desc)?,
            Statement::DropTrigger(drop) => {
                self.other(Verb::Drop, "trigger", &parts(&drop.trigger_name)?.join("."))
            }
            _ => return Ok(false),
        }
        self.defines = true;
        Ok(true)
    }

    fn create_table(&mut self, create: &CreateTable) -> Known<()> {
        let odd_part = create.clone.is_some()
            || create.external
            || create.inherits.is_some()
            || create.partition_of.is_some();
        if odd_part || !plain_options(&create.table_options) {
            return Err(odd("CREATE TABLE"));
        }
        let name = self.creates(&create.name)?;
        if create.temporary {
            self.changes.push(Change::Temporary(name));
        }
        if let Some(CreateTableLikeKind::Plain(like) | CreateTableLikeKind::Parenthesized(like)) =
            &create.like
        {
            let relation = self.table(&like.name)?;
            self.record.relation(Verb::Select, &relation, true);
        }
        if let Some(query) = &create.query {
            self.query(query, &Scope::default(), Use::Derived)?;
        }
        Ok(())
    }

    /// A relation that exists from now on, if it did not before.
    fn creates(&mut self, name: &ObjectName) -> Known<Arc<str>> {
        let new = match self.table(name) {
            Ok(existing) => existing.name.clone(),
            Err(_) => self.new_table(name)?,
        };
        self.record
            .object(Verb::Create, Object::Relation(new.clone()));
        Ok(new.name)
    }

    fn existing(&mut self, verb: Verb, name: &ObjectName) -> Known<()> {
        let relation = self.table(name)?;
        self.record.relation(verb, &relation, true);
        Ok(())
    }

    fn other(&mut self, verb: Verb, kind: &str, name: &str) {
        let kind = Arc::from(kind);
        let name = Arc::from(name);
        self.record.object(verb, Object::Other { kind, name });
    }

    fn schema(&mut self, verb: Verb, name: &ObjectName) -> Known<()> {
        let name = self.catalog.database(&parts(name)?.join("."))?;
        self.record.object(verb, Object::Schema(name));
        Ok(())
    }

    fn alters(&mut self, operation: &Op) -> Known<()> {
        match operation {
            Op::AddConstraint { .. }
            | Op::AddColumn { .. }
            | Op::DropConstraint { .. }
            | Op::DropColumn { .. }
            | Op::DropPrimaryKey { .. }
            | Op::DropForeignKey { .. }
            | Op::DropIndex { .. }
            | Op::RenameColumn { .. }
            | Op::RenameConstraint { .. }
            | Op::ChangeColumn { .. }
            | Op::ModifyColumn { .. }
            | Op::AlterColumn { .. }
            | Op::Algorithm { .. }
            | Op::Lock { .. }
            | Op::AutoIncrement { .. } => Ok(()),
            Op::RenameTable {
                table_name: RenameTableNameKind::As(name) | RenameTableNameKind::To(name),
            } => self.creates(name).map(drop),
            _ => Err(odd("ALTER TABLE")),
        }
    }

    fn drops(
        &mut self,
        kind: &ObjectType,
        name: &ObjectName,
        if_exists: bool,
        temporary: bool,
        table: Option<&ObjectName>,
    ) -> Known<()> {
        match kind {
            ObjectType::Table if temporary => {
                let relation = self.new_table(name)?;
                self.record.object(Verb::Drop, Object::Relation(relation));
                Ok(())
            }
            ObjectType::Table | ObjectType::View => match self.table(name) {
                Ok(relation) => {
                    self.record.relation(Verb::Drop, &relation, true);
                    Ok(())
                }
                Err(opacity)
                    if if_exists && &*opacity.kind == "unresolved" && !self.may_hide(name) =>
                {
                    Ok(())
                }
                Err(opacity) => Err(opacity),
            },
            ObjectType::Database | ObjectType::Schema => self.schema(Verb::Drop, name),
            ObjectType::Index => {
                self.other(Verb::Drop, "index", &parts(name)?.join("."));
                match table {
                    Some(table) => self.existing(Verb::Alter, table),
                    None => Err(odd("DROP INDEX")),
                }
            }
            _ => Err(odd("DROP")),
        }
    }

    /// Whether the session may have a temporary table of this name.
    fn may_hide(&self, name: &ObjectName) -> bool {
        parts(name).map_or(true, |parts| {
            parts
                .last()
                .is_none_or(|name| self.session.may_be_temporary(name))
        })
    }

    fn drop_routines(&mut self, routines: &[FunctionDesc]) -> Known<()> {
        for routine in routines {
            let parts = parts(&routine.name)?;
            let (database, name) = self.qualified(&parts)?;
            let function = model::Function {
                schema: self.catalog.database(&database)?,
                name: folded(name),
            };
            self.record.object(Verb::Drop, Object::Function(function));
        }
        Ok(())
    }
}

fn plain_options(options: &CreateTableOptions) -> bool {
    let options = match options {
        CreateTableOptions::None => return true,
        CreateTableOptions::Plain(options) => options,
        _ => return false,
    };
    options.iter().all(|option| match option {
        SqlOption::KeyValue { key, .. } => {
            PLAIN_OPTIONS.contains(&&*key.to_string().to_lowercase())
        }
        SqlOption::NamedParenthesizedList(list) => {
            let engine = list.name.as_ref().map(|name| name.value.to_lowercase());
            list.key.value.eq_ignore_ascii_case("engine")
                && list.values.is_empty()
                && engine.is_some_and(|engine| PLAIN_ENGINES.contains(&&*engine))
        }
        SqlOption::Comment(_) => true,
        _ => false,
    })
}
