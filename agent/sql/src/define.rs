//! Definitions: everything that creates, alters or drops an object, and who may use it.
//!
//! Bodies in string form (functions) are not read; running them is a call. Actions of rules are not read either:
//! a write to a relation with rules is opaque.

use std::sync::Arc;

use model::{Object, Relation, Use, Verb};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterTableStmt, AlterTableType, CreateSchemaStmt, CreateStmt, DropStmt, GrantStmt,
    GrantTargetType, Node, ObjectType, RangeVar, RenameStmt,
};

use crate::analysis::Analysis;
use crate::expression::Place;
use crate::facts::Change;
use crate::named;
use crate::opacity::{self, Known};
use crate::scope::{Item, Scope};
use crate::tree::{boxed, inner, qualified, string, strings};

impl Analysis<'_> {
    /// Whether the statement defines something, and then its facts.
    pub(crate) fn definition(&mut self, statement: &NodeEnum) -> Known<bool> {
        let known = self.relation_definition(statement)?
            || self.privilege(statement)?
            || self.object_definition(statement)?
            || self.named_definition(statement);
        if known && !self.temporary_only(statement) {
            self.defines = true;
        }
        Ok(known)
    }

    /// What other sessions do not see is not in the snapshot, and does not make it stale.
    fn temporary_only(&self, statement: &NodeEnum) -> bool {
        let range = match statement {
            NodeEnum::CreateStmt(create) => create.relation.as_ref(),
            NodeEnum::CreateTableAsStmt(create) => {
                create.into.as_ref().and_then(|into| into.rel.as_ref())
            }
            NodeEnum::ViewStmt(view) => view.view.as_ref(),
            NodeEnum::CreateSeqStmt(create) => create.sequence.as_ref(),
            _ => None,
        };
        range.is_some_and(is_temporary)
    }

    fn relation_definition(&mut self, statement: &NodeEnum) -> Known<bool> {
        match statement {
            NodeEnum::CreateStmt(create) => self.create_table(create)?,
            NodeEnum::CreateForeignTableStmt(create) => {
                self.other(Verb::Create, "foreign server", &create.servername);
                if let Some(base) = &create.base_stmt {
                    self.create_table(base)?;
                }
            }
            NodeEnum::CreateTableAsStmt(create) => {
                if let Some(into) = &create.into {
                    self.creates_table(into)?;
                }
                self.stored(boxed(&create.query))?;
            }
            NodeEnum::ViewStmt(view) => {
                if let Some(range) = &view.view {
                    self.creates(range)?;
                }
                self.stored(boxed(&view.query))?;
            }
            NodeEnum::CreateSeqStmt(create) => {
                if let Some(range) = &create.sequence {
                    self.creates(range)?;
                }
            }
            NodeEnum::AlterSeqStmt(alter) => self.alters(&alter.sequence)?,
            NodeEnum::AlterTableStmt(alter) => self.alter_table(alter)?,
            NodeEnum::IndexStmt(index) => {
                self.attaches("index", &index.idxname, &index.relation)?;
                let params = index
                    .index_params
                    .iter()
                    .filter_map(|node| match inner(node) {
                        Some(NodeEnum::IndexElem(element)) => boxed(&element.expr),
                        _ => None,
                    });
                let condition = boxed(&index.where_clause);
                self.defined_by(&index.relation, params.chain(condition))?;
            }
            NodeEnum::RuleStmt(rule) => {
                self.attaches("rule", &rule.rulename, &rule.relation)?;
                self.hands_over(&rule.relation)?;
            }
            NodeEnum::CreateTrigStmt(trigger) => {
                self.attaches("trigger", &trigger.trigname, &trigger.relation)?;
                self.hands_over(&trigger.relation)?;
            }
            NodeEnum::CreatePolicyStmt(policy) => {
                self.attaches("policy", &policy.policy_name, &policy.table)?;
            }
            NodeEnum::AlterPolicyStmt(policy) => {
                self.other(Verb::Alter, "policy", &policy.policy_name);
                self.alters(&policy.table)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn create_table(&mut self, create: &CreateStmt) -> Known<()> {
        for node in &create.inh_relations {
            if let Some(NodeEnum::RangeVar(parent)) = inner(node) {
                self.alters(&Some(parent.clone()))?;
            }
        }
        match &create.relation {
            Some(range) => self.creates(range),
            None => Ok(()),
        }
    }

    /// A new relation. A temporary one hides others of its name from now on.
    pub(crate) fn creates(&mut self, range: &RangeVar) -> Known<()> {
        let name = Arc::from(range.relname.as_str());
        if is_temporary(range) {
            self.changes.push(Change::Temporary(Arc::clone(&name)));
            let schema = Arc::from("pg_temp");
            let relation = Relation {
                schema,
                name,
                oid: None,
            };
            self.record.object(Verb::Create, Object::Relation(relation));
            return Ok(());
        }
        self.defines = true;
        let schema = self.schema_of_new(&range.schemaname)?;
        let existing = self.snapshot.relation(&schema, &range.relname);
        let oid = existing.and_then(|relation| relation.name.oid);
        let relation = Relation { schema, name, oid };
        self.record.object(Verb::Create, Object::Relation(relation));
        Ok(())
    }

    fn schema_of_new(&self, schema: &str) -> Known<Arc<str>> {
        if !schema.is_empty() {
            return Ok(Arc::from(schema));
        }
        let schema = self.new_schema.clone();
        let schema = schema.or_else(|| self.session.creation_schema(self.snapshot));
        schema.ok_or_else(|| {
            opacity::of(
                "search_path",
                "the search_path is not known, so a new object needs its schema".into(),
            )
        })
    }

    fn alters(&mut self, range: &Option<RangeVar>) -> Known<()> {
        if let Some(range) = range {
            match self.relation(range) {
                Ok(relation) => {
                    self.record.relation(Verb::Alter, &relation, true);
                }
                // Something that FROM cannot name, such as an index or a type, or a relation that is not there.
                Err(_) => self.other(Verb::Alter, "relation", &range.relname),
            }
        }
        Ok(())
    }

    /// Something that hangs on a relation and changes what it does.
    fn attaches(&mut self, kind: &str, name: &str, range: &Option<RangeVar>) -> Known<()> {
        self.other(Verb::Create, kind, name);
        self.alters(range)
    }

    fn alter_table(&mut self, alter: &AlterTableStmt) -> Known<()> {
        self.alters(&alter.relation)?;
        for node in &alter.cmds {
            let Some(NodeEnum::AlterTableCmd(command)) = inner(node) else {
                continue;
            };
            let definition = boxed(&command.def);
            self.defined_by(&alter.relation, expressions(definition).into_iter())?;
            match (AlterTableType::try_from(command.subtype), definition) {
                (Ok(AlterTableType::AtChangeOwner), _) => {
                    if let Some(range) = &alter.relation
                        && let Ok(relation) = self.relation(range)
                    {
                        self.record.relation(Verb::Grant, &relation, true);
                    }
                }
                (Ok(AlterTableType::AtAttachPartition), Some(NodeEnum::PartitionCmd(part))) => {
                    self.alters(&part.name)?;
                }
                (Ok(AlterTableType::AtAddInherit), Some(NodeEnum::RangeVar(parent))) => {
                    self.alters(&Some(parent.clone()))?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The columns of a relation by which something of it is defined: what is stored under another name, or fails for some
    /// rows, tells of them.
    fn defined_by<'n>(
        &mut self,
        range: &Option<RangeVar>,
        expressions: impl Iterator<Item = &'n NodeEnum>,
    ) -> Known<()> {
        let Some((item, _)) = self.altered(range) else {
            return Ok(());
        };
        let mut scope = Scope::default();
        scope.items.push(item);
        for expression in expressions {
            let place = Place::derived(&scope);
            self.expression(Some(expression), place, &mut Vec::new())?;
        }
        Ok(())
    }

    /// All columns of a relation get into other hands: into code that is not read, or under another name.
    fn hands_over(&mut self, range: &Option<RangeVar>) -> Known<()> {
        match self.altered(range) {
            Some((item, _)) => self.record.columns(&item.columns.origins(), Use::Derived),
            None => Ok(()),
        }
    }

    /// A column, or a relation with all of its columns, is called otherwise from now on.
    fn loses_name(&mut self, rename: &RenameStmt) -> Known<()> {
        let kind = ObjectType::try_from(rename.rename_type);
        if kind != Ok(ObjectType::ObjectColumn) {
            return self.hands_over(&rename.relation);
        }
        match self.altered(&rename.relation) {
            Some((item, touch)) => {
                let number = item.column(&rename.subname)?.map(|found| found.origins);
                let origins = number.unwrap_or_default();
                let here = origins.into_iter().filter(|origin| origin.touch == touch);
                self.record.columns(&here.collect::<Vec<_>>(), Use::Derived)
            }
            None => Ok(()),
        }
    }

    fn altered(&mut self, range: &Option<RangeVar>) -> Option<(Item, usize)> {
        let relation = self.relation(range.as_ref()?).ok()?;
        let touch = self.record.relation(Verb::Alter, &relation, true);
        Some((Item::base(&relation, touch, None), touch))
    }

    fn privilege(&mut self, statement: &NodeEnum) -> Known<bool> {
        match statement {
            NodeEnum::GrantStmt(grant) => self.grant(grant)?,
            NodeEnum::GrantRoleStmt(grant) => {
                for node in grant.granted_roles.iter().chain(&grant.grantee_roles) {
                    match inner(node) {
                        Some(NodeEnum::AccessPriv(role)) => self.role(Verb::Grant, &role.priv_name),
                        Some(NodeEnum::RoleSpec(role)) => self.role(Verb::Grant, &role.rolename),
                        _ => {}
                    }
                }
            }
            NodeEnum::AlterDefaultPrivilegesStmt(_) => {
                self.record.object(Verb::Grant, Object::Database);
            }
            NodeEnum::AlterOwnerStmt(alter) => {
                let object = self.renamed(alter.object_type, &alter.relation, &alter.object)?;
                self.record.object(Verb::Grant, object);
            }
            NodeEnum::CreateRoleStmt(create) => self.role(Verb::Grant, &create.role),
            NodeEnum::AlterRoleStmt(alter) => {
                let role = alter.role.as_ref();
                self.role(Verb::Grant, role.map_or("", |role| role.rolename.as_str()));
            }
            NodeEnum::AlterRoleSetStmt(alter) => {
                let role = alter.role.as_ref();
                self.role(Verb::Grant, role.map_or("", |role| role.rolename.as_str()));
            }
            NodeEnum::DropRoleStmt(drop) => self.roles(&drop.roles),
            NodeEnum::DropOwnedStmt(drop) => {
                self.record.object(Verb::Drop, Object::Database);
                self.roles(&drop.roles);
            }
            NodeEnum::ReassignOwnedStmt(reassign) => {
                self.record.object(Verb::Grant, Object::Database);
                self.roles(&reassign.roles);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn roles(&mut self, nodes: &[Node]) {
        for node in nodes {
            if let Some(NodeEnum::RoleSpec(role)) = inner(node) {
                self.role(Verb::Grant, &role.rolename);
            }
        }
    }

    /// A role by name; `CURRENT_USER`, `PUBLIC` and `ALL` have none.
    fn role(&mut self, verb: Verb, name: &str) {
        let name = if name.is_empty() { "*" } else { name };
        self.record.object(verb, Object::Role(Arc::from(name)));
    }

    fn grant(&mut self, grant: &GrantStmt) -> Known<()> {
        let target = GrantTargetType::try_from(grant.targtype);
        for node in &grant.objects {
            let object = match (target, inner(node)) {
                (Ok(GrantTargetType::AclTargetAllInSchema), _) => {
                    Object::Schema(Arc::from(string(node).unwrap_or_default()))
                }
                (_, Some(NodeEnum::RangeVar(range))) => {
                    Object::Relation(self.relation(range)?.name.clone())
                }
                _ => self.object(grant.objtype, node)?,
            };
            self.record.object(Verb::Grant, object);
        }
        if grant.objects.is_empty() {
            self.record.object(Verb::Grant, Object::Database);
        }
        Ok(())
    }

    fn object_definition(&mut self, statement: &NodeEnum) -> Known<bool> {
        match statement {
            NodeEnum::DropStmt(drop) => self.drop_objects(drop)?,
            NodeEnum::RenameStmt(rename) => {
                let object = self.renamed(rename.rename_type, &rename.relation, &rename.object)?;
                self.record.object(Verb::Alter, object);
                self.loses_name(rename)?;
            }
            NodeEnum::AlterObjectSchemaStmt(alter) => {
                let object = self.renamed(alter.object_type, &alter.relation, &alter.object)?;
                self.record.object(Verb::Alter, object);
                self.hands_over(&alter.relation)?;
                self.record.object(
                    Verb::Alter,
                    Object::Schema(Arc::from(alter.newschema.as_str())),
                );
            }
            NodeEnum::AlterObjectDependsStmt(alter) => {
                let object = self.renamed(alter.object_type, &alter.relation, &alter.object)?;
                self.record.object(Verb::Alter, object);
            }
            NodeEnum::CommentStmt(comment) => {
                let object = self.renamed(comment.objtype, &None, &comment.object)?;
                self.record.object(Verb::Alter, object);
            }
            NodeEnum::SecLabelStmt(label) => {
                let object = self.renamed(label.objtype, &None, &label.object)?;
                self.record.object(Verb::Grant, object);
            }
            NodeEnum::CreateFunctionStmt(create) => {
                let name = qualified(&create.funcname);
                let name = name.ok_or_else(|| opacity::unsupported("a function lacks its name"))?;
                let function = model::Function {
                    schema: self.schema_of_new(name.schema)?,
                    name: Arc::from(name.name),
                };
                self.record.object(Verb::Create, Object::Function(function));
            }
            NodeEnum::CreateSchemaStmt(create) => self.create_schema(create)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn create_schema(&mut self, create: &CreateSchemaStmt) -> Known<()> {
        // Without a name it is called like its owner.
        let owner = create.authrole.as_ref().map(|role| role.rolename.as_str());
        let name = match create.schemaname.as_str() {
            "" => owner.unwrap_or_default(),
            name => name,
        };
        let name: Arc<str> = Arc::from(name);
        self.record
            .object(Verb::Create, Object::Schema(name.clone()));
        self.new_schema = Some(name);
        for element in &create.schema_elts {
            self.nested(inner(element))?;
        }
        self.new_schema = None;
        Ok(())
    }

    fn drop_objects(&mut self, drop: &DropStmt) -> Known<()> {
        for node in &drop.objects {
            let object = match self.object(drop.remove_type, node) {
                // With IF EXISTS it is no error that there is nothing to drop.
                Err(missing) if drop.missing_ok && &*missing.kind == "unresolved" => {
                    self.drop_unknown(drop.remove_type, node);
                    continue;
                }
                object => object?,
            };
            self.record.object(Verb::Drop, object);
        }
        Ok(())
    }

    /// What the snapshot does not show may be there by now, in any schema that is searched.
    fn drop_unknown(&mut self, kind: i32, node: &Node) {
        let kind = ObjectType::try_from(kind).unwrap_or(ObjectType::Undefined);
        let parts: &[Node] = match inner(node) {
            Some(NodeEnum::List(list)) => &list.items,
            Some(NodeEnum::ObjectWithArgs(object)) => &object.objname,
            _ => std::slice::from_ref(node),
        };
        let parts = match (is_on_relation(kind), parts) {
            (true, [relation @ .., _]) => relation,
            _ => parts,
        };
        let Some(name) = qualified(parts) else {
            return self.record.object(Verb::Drop, Object::Database);
        };
        let function = is_function(kind);
        if !function && self.session.may_be_temporary(&name) {
            return;
        }
        let schemas = match name.schema {
            "" => self.session.schemas(self.snapshot).unwrap_or_default(),
            schema => vec![Arc::from(schema)],
        };
        for schema in schemas
            .into_iter()
            .filter(|schema| &**schema != "pg_catalog")
        {
            let name = Arc::from(name.name);
            self.record.object(
                Verb::Drop,
                match function {
                    true => Object::Function(model::Function { schema, name }),
                    false => Object::Relation(Relation {
                        schema,
                        name,
                        oid: None,
                    }),
                },
            );
        }
    }

    /// The object of a statement that carries relations apart from all else.
    #[allow(clippy::borrowed_box)]
    fn renamed(
        &self,
        kind: i32,
        range: &Option<RangeVar>,
        node: &Option<Box<Node>>,
    ) -> Known<Object> {
        match (range, node) {
            (Some(range), _) => match self.relation(range) {
                Ok(relation) => Ok(Object::Relation(relation.name.clone())),
                Err(_) => Ok(other("relation", &range.relname)),
            },
            (None, Some(node)) => self.object(kind, node),
            (None, None) => Ok(Object::Database),
        }
    }

    /// The object of this kind and name.
    fn object(&self, kind: i32, node: &Node) -> Known<Object> {
        let kind = ObjectType::try_from(kind).unwrap_or(ObjectType::Undefined);
        let word = named::kind(kind);
        let parts: &[Node] = match inner(node) {
            Some(NodeEnum::List(list)) => &list.items,
            Some(NodeEnum::String(_)) => std::slice::from_ref(node),
            Some(NodeEnum::ObjectWithArgs(object)) => &object.objname,
            Some(NodeEnum::TypeName(name)) => &name.names,
            Some(NodeEnum::RoleSpec(role)) => {
                return Ok(Object::Role(Arc::from(role.rolename.as_str())));
            }
            Some(other_node) => {
                let name = crate::tree::constant(other_node);
                return Ok(other(word, &name.unwrap_or_default()));
            }
            None => &[],
        };
        match kind {
            ObjectType::ObjectTable
            | ObjectType::ObjectView
            | ObjectType::ObjectMatview
            | ObjectType::ObjectForeignTable
            | ObjectType::ObjectSequence => self.named_relation(parts),
            kind if is_on_relation(kind) => {
                let (_, relation) = parts.split_last().unwrap_or((node, &[]));
                self.named_relation(relation)
            }
            kind if is_function(kind) => self.named_function(parts),
            ObjectType::ObjectSchema => {
                let name = parts.last().and_then(string).unwrap_or_default();
                Ok(Object::Schema(Arc::from(name)))
            }
            _ => Ok(other(word, &strings(parts).unwrap_or_default().join("."))),
        }
    }

    fn named_relation(&self, parts: &[Node]) -> Known<Object> {
        let name = qualified(parts)
            .ok_or_else(|| opacity::unsupported("a relation's name has an unknown form"))?;
        let relation = self.session.relation(self.snapshot, &name)?;
        Ok(Object::Relation(relation.name.clone()))
    }

    fn named_function(&self, parts: &[Node]) -> Known<Object> {
        let name = qualified(parts)
            .ok_or_else(|| opacity::unsupported("a function's name has an unknown form"))?;
        let path = self.session.schemas(self.snapshot);
        let mut found =
            self.snapshot
                .functions(name.name)
                .filter(|function| match (name.schema, &path) {
                    ("", Some(path)) => path.contains(&function.name.schema),
                    ("", None) => false,
                    (schema, _) => &*function.name.schema == schema,
                });
        let function = found.next().ok_or_else(|| {
            opacity::unresolved(&format!("there is no function {name} in the catalog"))
        })?;
        Ok(Object::Function(function.name.clone()))
    }

    /// Objects that only have a kind and a name.
    fn named_definition(&mut self, statement: &NodeEnum) -> bool {
        match named::definition(statement) {
            Some((verb, kind, name)) => {
                self.other(verb, kind, &name);
                true
            }
            None => false,
        }
    }
}

/// The expressions in a column's or a constraint's definition.
fn expressions(definition: Option<&NodeEnum>) -> Vec<&NodeEnum> {
    let (own, constraints) = match definition {
        Some(NodeEnum::ColumnDef(column)) => (boxed(&column.raw_default), &*column.constraints),
        Some(NodeEnum::Constraint(constraint)) => (boxed(&constraint.raw_expr), &[][..]),
        _ => (None, &[][..]),
    };
    let of_constraints = constraints.iter().filter_map(|node| match inner(node) {
        Some(NodeEnum::Constraint(constraint)) => boxed(&constraint.raw_expr),
        _ => None,
    });
    own.into_iter().chain(of_constraints).collect()
}

/// Whether the last part of such an object's name is a thing on the relation that the others name.
fn is_on_relation(kind: ObjectType) -> bool {
    matches!(
        kind,
        ObjectType::ObjectColumn
            | ObjectType::ObjectRule
            | ObjectType::ObjectTrigger
            | ObjectType::ObjectPolicy
            | ObjectType::ObjectTabconstraint
    )
}

fn is_function(kind: ObjectType) -> bool {
    matches!(
        kind,
        ObjectType::ObjectFunction
            | ObjectType::ObjectProcedure
            | ObjectType::ObjectRoutine
            | ObjectType::ObjectAggregate
    )
}

fn is_temporary(range: &RangeVar) -> bool {
    range.relpersistence == "t" || range.schemaname.starts_with("pg_temp")
}

fn other(kind: &str, name: &str) -> Object {
    Object::Other {
        kind: Arc::from(kind),
        name: Arc::from(name),
    }
}
