//! The entities of one request: the subject with its workloads, and every object with what it lies in.
//!
//! Must not know policies or classes files. Built small: only what the request names.

use std::collections::{HashMap, HashSet};

use cedar_policy::{Entities, Entity, EntityUid, RestrictedExpression, Schema};
use model::{Function, Object, Relation, Subject};

use crate::error::Uncertain;
use crate::names;
use crate::vocabulary::{Kind, Vocabulary};

/// An entity as policies name it and as sentences name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Named {
    /// For Cedar.
    pub uid: EntityUid,
    /// `table shop/app.public.customers`, for people.
    pub label: String,
}

/// Collects entities; the same one twice is one.
pub(crate) struct World<'a> {
    vocabulary: &'a Vocabulary,
    found: HashMap<EntityUid, Entity>,
    /// The principal.
    pub subject: EntityUid,
    /// The server.
    pub server: Named,
    /// The session's database.
    pub database: Named,
    database_id: String,
}

impl<'a> World<'a> {
    /// The subject, its workloads, the server and the database.
    pub fn new(
        vocabulary: &'a Vocabulary,
        subject: &Subject,
        server: &str,
        database: &str,
    ) -> Result<Self, Uncertain> {
        let database_id = format!("{}/{}", names::server_part(server), names::part(database));
        let mut world = Self {
            vocabulary,
            found: HashMap::new(),
            subject: vocabulary.entity(Kind::Subject, &subject.session.to_string())?,
            server: Named {
                uid: vocabulary.entity(Kind::Server, server)?,
                label: format!("server {server}"),
            },
            database: Named {
                uid: vocabulary.entity(Kind::Database, &database_id)?,
                label: format!("database {database_id}"),
            },
            database_id,
        };
        let mut workloads = HashSet::new();
        for workload in &subject.workloads {
            workloads.insert(world.add(Kind::Workload, &workload.0, &[], [])?.uid);
        }
        let principal = Entity::new_no_attrs(world.subject.clone(), workloads);
        world.found.insert(world.subject.clone(), principal);
        let server = world.add(Kind::Server, server, &[("name", server)], [])?;
        let id = world.database_id.clone();
        world.add(Kind::Database, &id, &[("name", database)], [server.uid])?;
        Ok(world)
    }

    /// What a touch is about.
    pub fn object(&mut self, object: &Object) -> Result<Named, Uncertain> {
        match object {
            Object::Server => Ok(self.server.clone()),
            Object::Database => Ok(self.database.clone()),
            Object::Schema(name) => self.schema(name),
            Object::Relation(relation) => self.relation(relation),
            Object::Function(function) => self.function(function),
            Object::Setting(name) => self.setting(name),
            Object::Role(name) => self.in_database(Kind::Role, name, &[("name", name)]),
            Object::Other { kind, name } => {
                let id = format!("{}:{name}", names::part(kind));
                self.in_database(Kind::Thing, &id, &[("kind", kind), ("name", name)])
            }
        }
    }

    /// A relation and its schema.
    pub fn relation(&mut self, relation: &Relation) -> Result<Named, Uncertain> {
        let schema = self.schema(&relation.schema)?;
        let id = names::inside(&self.schema_id(&relation.schema), &relation.name);
        let attributes = [("schema", &*relation.schema), ("name", &*relation.name)];
        self.add(Kind::Table, &id, &attributes, [schema.uid])
    }

    /// A column that is in these classes.
    pub fn column(
        &mut self,
        relation: &Relation,
        column: &str,
        classes: &[&str],
    ) -> Result<Named, Uncertain> {
        let mut parents = vec![self.relation(relation)?.uid];
        for class in classes {
            parents.push(self.class(class)?.uid);
        }
        let table = names::inside(&self.schema_id(&relation.schema), &relation.name);
        let attributes = [
            ("schema", &*relation.schema),
            ("table", &*relation.name),
            ("name", column),
        ];
        self.add(
            Kind::Column,
            &names::inside(&table, column),
            &attributes,
            parents,
        )
    }

    /// A class: its columns in this database.
    pub fn class(&mut self, name: &str) -> Result<Named, Uncertain> {
        self.in_database(Kind::Class, name, &[])
    }

    /// A setting. Names of settings do not depend on case (PostgreSQL manual 20.1.1).
    pub fn setting(&mut self, name: &str) -> Result<Named, Uncertain> {
        let name = name.to_ascii_lowercase();
        self.in_database(Kind::Setting, &name, &[("name", &name)])
    }

    /// Hands the collected entities to Cedar, checked against the schema.
    pub fn finish(self, schema: &Schema) -> Result<Entities, Uncertain> {
        Entities::from_entities(self.found.into_values(), Some(schema)).map_err(Uncertain::fact)
    }

    fn schema(&mut self, name: &str) -> Result<Named, Uncertain> {
        let id = self.schema_id(name);
        self.in_database(Kind::Schema, &id, &[("name", name)])
    }

    fn function(&mut self, function: &Function) -> Result<Named, Uncertain> {
        let schema = self.schema(&function.schema)?;
        let id = names::inside(&self.schema_id(&function.schema), &function.name);
        let attributes = [("schema", &*function.schema), ("name", &*function.name)];
        self.add(Kind::Function, &id, &attributes, [schema.uid])
    }

    fn schema_id(&self, schema: &str) -> String {
        names::inside(&self.database_id, schema)
    }

    fn in_database(
        &mut self,
        kind: Kind,
        id: &str,
        attributes: &[(&str, &str)],
    ) -> Result<Named, Uncertain> {
        let parent = self.database.uid.clone();
        self.add(kind, id, attributes, [parent])
    }

    fn add(
        &mut self,
        kind: Kind,
        id: &str,
        attributes: &[(&str, &str)],
        parents: impl IntoIterator<Item = EntityUid>,
    ) -> Result<Named, Uncertain> {
        let uid = self.vocabulary.entity(kind, id)?;
        let label = format!("{} {id}", kind.word());
        if !self.found.contains_key(&uid) {
            let attributes = attributes.iter().map(|(name, value)| {
                (
                    (*name).to_owned(),
                    RestrictedExpression::new_string((*value).to_owned()),
                )
            });
            let parents = parents.into_iter().collect();
            let entity =
                Entity::new(uid.clone(), attributes.collect(), parents).map_err(Uncertain::fact)?;
            self.found.insert(uid.clone(), entity);
        }
        Ok(Named { uid, label })
    }
}
