//! The definitions of objects that only have a kind and a name, in PostgreSQL's own words for the kinds.

use model::Verb;
use pg_query::NodeEnum;
use pg_query::protobuf::{Node, ObjectType, TypeName};

use crate::tree::{strings, type_name};

/// The kind of object, as SQL calls it.
pub(crate) fn kind(kind: ObjectType) -> &'static str {
    match kind {
        ObjectType::ObjectAccessMethod => "access method",
        ObjectType::ObjectAggregate => "aggregate",
        ObjectType::ObjectAttribute => "attribute",
        ObjectType::ObjectCast => "cast",
        ObjectType::ObjectCollation => "collation",
        ObjectType::ObjectConversion => "conversion",
        ObjectType::ObjectDatabase => "database",
        ObjectType::ObjectDomain | ObjectType::ObjectDomconstraint => "domain",
        ObjectType::ObjectEventTrigger => "event trigger",
        ObjectType::ObjectExtension => "extension",
        ObjectType::ObjectFdw => "foreign data wrapper",
        ObjectType::ObjectForeignServer => "foreign server",
        ObjectType::ObjectIndex => "index",
        ObjectType::ObjectLanguage => "language",
        ObjectType::ObjectLargeobject => "large object",
        ObjectType::ObjectOpclass => "operator class",
        ObjectType::ObjectOperator => "operator",
        ObjectType::ObjectOpfamily => "operator family",
        ObjectType::ObjectParameterAcl => "parameter",
        ObjectType::ObjectPublication => "publication",
        ObjectType::ObjectRole => "role",
        ObjectType::ObjectStatisticExt => "statistics",
        ObjectType::ObjectSubscription => "subscription",
        ObjectType::ObjectTablespace => "tablespace",
        ObjectType::ObjectTransform => "transform",
        ObjectType::ObjectTsconfiguration => "text search configuration",
        ObjectType::ObjectTsdictionary => "text search dictionary",
        ObjectType::ObjectTsparser => "text search parser",
        ObjectType::ObjectTstemplate => "text search template",
        ObjectType::ObjectType => "type",
        ObjectType::ObjectUserMapping => "user mapping",
        _ => "object",
    }
}

/// Verb, kind and name of such a definition.
pub(crate) fn definition(statement: &NodeEnum) -> Option<(Verb, &'static str, String)> {
    use NodeEnum as N;
    use Verb::{Alter, Create, Drop};
    Some(match statement {
        N::CreateExtensionStmt(s) => (Create, "extension", s.extname.clone()),
        N::AlterExtensionStmt(s) => (Alter, "extension", s.extname.clone()),
        N::AlterExtensionContentsStmt(s) => (Alter, "extension", s.extname.clone()),
        N::CreateFdwStmt(s) => (Create, "foreign data wrapper", s.fdwname.clone()),
        N::AlterFdwStmt(s) => (Alter, "foreign data wrapper", s.fdwname.clone()),
        N::CreateForeignServerStmt(s) => (Create, "foreign server", s.servername.clone()),
        N::AlterForeignServerStmt(s) => (Alter, "foreign server", s.servername.clone()),
        N::CreateUserMappingStmt(s) => (Create, "user mapping", s.servername.clone()),
        N::AlterUserMappingStmt(s) => (Alter, "user mapping", s.servername.clone()),
        N::DropUserMappingStmt(s) => (Drop, "user mapping", s.servername.clone()),
        N::ImportForeignSchemaStmt(s) => (Create, "foreign schema", s.remote_schema.clone()),
        N::CreateAmStmt(s) => (Create, "access method", s.amname.clone()),
        N::CreateEventTrigStmt(s) => (Create, "event trigger", s.trigname.clone()),
        N::AlterEventTrigStmt(s) => (Alter, "event trigger", s.trigname.clone()),
        N::CreatePlangStmt(s) => (Create, "language", s.plname.clone()),
        N::DefineStmt(s) => {
            let what = ObjectType::try_from(s.kind).unwrap_or(ObjectType::Undefined);
            (Create, kind(what), dotted(&s.defnames))
        }
        N::CreateDomainStmt(s) => (Create, "domain", dotted(&s.domainname)),
        N::AlterDomainStmt(s) => (Alter, "domain", dotted(&s.type_name)),
        N::CreateOpClassStmt(s) => (Create, "operator class", dotted(&s.opclassname)),
        N::CreateOpFamilyStmt(s) => (Create, "operator family", dotted(&s.opfamilyname)),
        N::AlterOpFamilyStmt(s) => (Alter, "operator family", dotted(&s.opfamilyname)),
        N::CreateStatsStmt(s) => (Create, "statistics", dotted(&s.defnames)),
        N::AlterStatsStmt(s) => (Alter, "statistics", dotted(&s.defnames)),
        N::AlterFunctionStmt(s) => {
            let name = s.func.as_ref().map(|func| dotted(&func.objname));
            (Alter, "function", name.unwrap_or_default())
        }
        N::AlterOperatorStmt(s) => {
            let name = s.opername.as_ref().map(|oper| dotted(&oper.objname));
            (Alter, "operator", name.unwrap_or_default())
        }
        N::AlterTypeStmt(s) => (Alter, "type", dotted(&s.type_name)),
        N::CompositeTypeStmt(s) => {
            let name = s.typevar.as_ref().map(|range| range.relname.clone());
            (Create, "type", name.unwrap_or_default())
        }
        N::CreateEnumStmt(s) => (Create, "type", dotted(&s.type_name)),
        N::CreateRangeStmt(s) => (Create, "type", dotted(&s.type_name)),
        N::AlterEnumStmt(s) => (Alter, "type", dotted(&s.type_name)),
        N::AlterCollationStmt(s) => (Alter, "collation", dotted(&s.collname)),
        N::LoadStmt(s) => (Create, "library", s.filename.clone()),
        N::CreatedbStmt(s) => (Create, "database", s.dbname.clone()),
        N::AlterDatabaseStmt(s) => (Alter, "database", s.dbname.clone()),
        N::AlterDatabaseSetStmt(s) => (Alter, "database", s.dbname.clone()),
        N::AlterDatabaseRefreshCollStmt(s) => (Alter, "database", s.dbname.clone()),
        N::DropdbStmt(s) => (Drop, "database", s.dbname.clone()),
        N::AlterSystemStmt(s) => {
            let name = s.setstmt.as_ref().map(|set| set.name.clone());
            (Alter, "system", name.unwrap_or_default())
        }
        N::CreateConversionStmt(s) => (Create, "conversion", dotted(&s.conversion_name)),
        N::CreateCastStmt(s) => (Create, "cast", typed(&s.targettype)),
        N::CreateTransformStmt(s) => (Create, "transform", typed(&s.type_name)),
        N::AlterTsdictionaryStmt(s) => (Alter, "text search dictionary", dotted(&s.dictname)),
        N::AlterTsconfigurationStmt(s) => (Alter, "text search configuration", dotted(&s.cfgname)),
        N::CreatePublicationStmt(s) => (Create, "publication", s.pubname.clone()),
        N::AlterPublicationStmt(s) => (Alter, "publication", s.pubname.clone()),
        N::CreateSubscriptionStmt(s) => (Create, "subscription", s.subname.clone()),
        N::AlterSubscriptionStmt(s) => (Alter, "subscription", s.subname.clone()),
        N::DropSubscriptionStmt(s) => (Drop, "subscription", s.subname.clone()),
        N::CreateTableSpaceStmt(s) => (Create, "tablespace", s.tablespacename.clone()),
        N::DropTableSpaceStmt(s) => (Drop, "tablespace", s.tablespacename.clone()),
        N::AlterTableSpaceOptionsStmt(s) => (Alter, "tablespace", s.tablespacename.clone()),
        N::AlterTableMoveAllStmt(s) => (Alter, "tablespace", s.orig_tablespacename.clone()),
        _ => return None,
    })
}

fn dotted(name: &[Node]) -> String {
    strings(name).unwrap_or_default().join(".")
}

fn typed(name: &Option<TypeName>) -> String {
    let name = name.as_ref().and_then(type_name);
    name.unwrap_or_default().to_owned()
}
