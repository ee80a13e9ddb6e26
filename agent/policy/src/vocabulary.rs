//! The schema's entity types and actions, parsed once.
//!
//! Must not know requests: it only turns a word of the schema and an id into a Cedar name.

use std::collections::HashMap;
use std::str::FromStr;

use cedar_policy::{EntityId, EntityTypeName, EntityUid, Schema};

use crate::error::PolicyError;

/// Entity types of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Subject,
    Workload,
    Server,
    Database,
    Schema,
    Table,
    Column,
    Function,
    Setting,
    Role,
    Thing,
    Class,
}

impl Kind {
    const ALL: [Self; 12] = [
        Self::Subject,
        Self::Workload,
        Self::Server,
        Self::Database,
        Self::Schema,
        Self::Table,
        Self::Column,
        Self::Function,
        Self::Setting,
        Self::Role,
        Self::Thing,
        Self::Class,
    ];

    /// The type's name in lower case, for sentences.
    pub fn word(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Workload => "workload",
            Self::Server => "server",
            Self::Database => "database",
            Self::Schema => "schema",
            Self::Table => "table",
            Self::Column => "column",
            Self::Function => "function",
            Self::Setting => "setting",
            Self::Role => "role",
            Self::Thing => "thing",
            Self::Class => "class",
        }
    }
}

/// Types and actions by their names.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    types: HashMap<Kind, EntityTypeName>,
    actions: HashMap<String, EntityUid>,
}

/// A word that the schema lacks. Only a broken build makes one; a request that meets it is denied.
#[derive(Debug, thiserror::Error)]
#[error("the schema has no {0}")]
pub(crate) struct MissingWord(String);

impl Vocabulary {
    /// Takes the words from the schema.
    pub fn of(schema: &Schema) -> Result<Self, PolicyError> {
        let types = Kind::ALL
            .into_iter()
            .map(|kind| Ok((kind, type_named(&format!("{kind:?}"))?)));
        let actions = schema
            .actions()
            .map(|uid| (uid.id().unescaped().to_owned(), uid.clone()));
        Ok(Self {
            types: types.collect::<Result<_, PolicyError>>()?,
            actions: actions.collect(),
        })
    }

    /// The entity of this type and id.
    pub fn entity(&self, kind: Kind, id: &str) -> Result<EntityUid, MissingWord> {
        let name = self
            .types
            .get(&kind)
            .ok_or_else(|| MissingWord(kind.word().to_owned()))?;
        Ok(EntityUid::from_type_name_and_id(
            name.clone(),
            EntityId::new(id),
        ))
    }

    /// The action of this name.
    pub fn action(&self, name: &str) -> Result<EntityUid, MissingWord> {
        self.actions
            .get(name)
            .cloned()
            .ok_or_else(|| MissingWord(format!("action {name}")))
    }
}

fn type_named(name: &str) -> Result<EntityTypeName, PolicyError> {
    EntityTypeName::from_str(name).map_err(|error| PolicyError::SchemaBroken {
        message: error.to_string(),
    })
}
