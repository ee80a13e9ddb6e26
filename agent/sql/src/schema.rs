//! A catalog from the text of its definitions, such as `pg_dump --schema-only` writes: what statements would meet in a
//! database that has been made with them, without a server.
//!
//! Reads what decides about names: schemas, relations with their columns, views with what they read, functions, and
//! operators. What decides about nothing here (comments, privileges, indexes, data) is passed over, and what is neither is
//! refused, because a catalog that is not as written would prove nothing.

mod built_in;
mod functions;
mod relations;

use pg_query::NodeEnum;
use pg_query::protobuf::{Node, ObjectType, RawStmt};

use crate::opacity;
use crate::parse::parse;
use crate::rows::{Kind, Rows};
use crate::session::Settings;
use crate::tree::{boxed, qualified};

/// Why a schema cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaError {
    /// The line of the statement, from 1.
    pub line: usize,
    /// What is wrong with it, and what to write instead where there is something.
    pub message: String,
}

/// The catalog of a new database after these definitions have run in it. An unqualified name is in `public`; lines that
/// begin with a backslash are psql's.
pub fn schema(database: &str, definitions: &str) -> Result<Rows, SchemaError> {
    let text: String = definitions
        .split_inclusive('\n')
        .map(|line| match line.starts_with('\\') {
            true => "\n",
            false => line,
        })
        .collect();
    let settings = Settings {
        standard_strings: Some(true),
        utf8: Some(true),
        ..Settings::default()
    };
    let parsed = parse(text.as_bytes(), &settings).map_err(|opacity| SchemaError {
        line: 1,
        message: opacity.explanation,
    })?;
    let mut draft = built_in::new_database(database);
    for statement in &parsed {
        draft.statement(statement).map_err(|message| SchemaError {
            line: line_of(&text, statement),
            message,
        })?;
    }
    Ok(draft.rows)
}

/// The line of a statement's first word.
fn line_of(text: &str, statement: &RawStmt) -> usize {
    let start = usize::try_from(statement.stmt_location).unwrap_or_default();
    let (before, own) = text.split_at_checked(start).unwrap_or((text, ""));
    let lead = own
        .split_inclusive('\n')
        .take_while(|line| line.trim().is_empty() || line.trim_start().starts_with("--"));
    1 + before.matches('\n').count() + lead.filter(|line| line.ends_with('\n')).count()
}

/// The catalog as far as it was read.
struct Draft {
    rows: Rows,
    /// The next oid.
    next: u32,
}

type Drafted = Result<(), String>;

impl Draft {
    fn statement(&mut self, raw: &RawStmt) -> Drafted {
        let Some(statement) = boxed(&raw.stmt) else {
            return Ok(());
        };
        match statement {
            NodeEnum::CreateSchemaStmt(create) if create.schema_elts.is_empty() => {
                self.rows.schemas.push(create.schemaname.clone());
                Ok(())
            }
            NodeEnum::CreateStmt(create) => self.table(create, Kind::Table),
            NodeEnum::CreateForeignTableStmt(create) => match &create.base_stmt {
                Some(base) => self.table(base, Kind::Foreign),
                None => Ok(()),
            },
            NodeEnum::ViewStmt(view) => {
                self.view(&view.view, &view.aliases, boxed(&view.query), Kind::View)
            }
            NodeEnum::CreateTableAsStmt(create) => {
                let is_view = create.objtype == ObjectType::ObjectMatview as i32;
                let kind = match is_view {
                    true => Kind::Materialized,
                    false => Kind::Table,
                };
                match &create.into {
                    Some(into) => self.view(&into.rel, &into.col_names, boxed(&create.query), kind),
                    None => Ok(()),
                }
            }
            NodeEnum::CreateSeqStmt(create) => self.sequence(&create.sequence),
            NodeEnum::AlterTableStmt(alter) => self.alter(alter),
            NodeEnum::RuleStmt(rule) => self.rule(&rule.relation),
            NodeEnum::CreateFunctionStmt(create) => self.function(create),
            NodeEnum::DefineStmt(define) => self.define(define),
            NodeEnum::VariableSetStmt(set) if set.name == "search_path" && !set.args.is_empty() => {
                Err("search_path is not followed: write the schema before each name".to_owned())
            }
            other if decides_nothing(other) => Ok(()),
            other => Err(format!(
                "{}: take it out, or write what it comes to",
                opacity::unknown_node(other).explanation
            )),
        }
    }

    /// Schema and name as they are meant.
    fn name(&self, name: &[Node]) -> Result<(String, String), String> {
        let name = qualified(name).ok_or("a name has too many parts")?;
        Ok((self.schema_of(name.schema)?, name.name.to_owned()))
    }

    fn schema_of(&self, schema: &str) -> Result<String, String> {
        match schema {
            "" => Ok("public".to_owned()),
            known if self.rows.schemas.iter().any(|other| other == known) => Ok(known.to_owned()),
            other => Err(format!("there is no schema {other}: create it first")),
        }
    }

    fn oid(&mut self) -> u32 {
        self.next += 1;
        self.next
    }
}

/// Whether no name means anything else after it.
fn decides_nothing(statement: &NodeEnum) -> bool {
    matches!(
        statement,
        NodeEnum::AlterDefaultPrivilegesStmt(_)
            | NodeEnum::AlterFunctionStmt(_)
            | NodeEnum::AlterObjectDependsStmt(_)
            | NodeEnum::AlterOwnerStmt(_)
            | NodeEnum::AlterSeqStmt(_)
            | NodeEnum::CommentStmt(_)
            | NodeEnum::CompositeTypeStmt(_)
            | NodeEnum::CreateCastStmt(_)
            | NodeEnum::CreateDomainStmt(_)
            | NodeEnum::CreateEnumStmt(_)
            | NodeEnum::CreateEventTrigStmt(_)
            | NodeEnum::CreateExtensionStmt(_)
            | NodeEnum::CreateFdwStmt(_)
            | NodeEnum::CreateForeignServerStmt(_)
            | NodeEnum::CreatePlangStmt(_)
            | NodeEnum::CreatePolicyStmt(_)
            | NodeEnum::CreatePublicationStmt(_)
            | NodeEnum::CreateRangeStmt(_)
            | NodeEnum::CreateRoleStmt(_)
            | NodeEnum::CreateStatsStmt(_)
            | NodeEnum::CreateSubscriptionStmt(_)
            | NodeEnum::CreateTrigStmt(_)
            | NodeEnum::CreateUserMappingStmt(_)
            | NodeEnum::GrantRoleStmt(_)
            | NodeEnum::GrantStmt(_)
            | NodeEnum::IndexStmt(_)
            | NodeEnum::InsertStmt(_)
            | NodeEnum::RefreshMatViewStmt(_)
            | NodeEnum::SecLabelStmt(_)
            | NodeEnum::SelectStmt(_)
            | NodeEnum::TransactionStmt(_)
            | NodeEnum::VariableSetStmt(_)
    )
}
