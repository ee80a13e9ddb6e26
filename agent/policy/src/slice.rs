//! Policies sorted by what their scopes name, so that a question only meets those that can answer it.
//!
//! Cedar looks at every policy that it is given, and its cost grows with their number. A policy whose scope does not hold
//! never decides and never fails, so leaving it out changes no answer. Conditions (`when`) are not looked into.

use std::collections::HashMap;

use cedar_policy::{
    ActionConstraint, Entities, EntityTypeName, EntityUid, Policy, PolicySet, PrincipalConstraint,
    ResourceConstraint,
};

use crate::error::Uncertain;

/// What a principal or a resource must be, as far as a scope says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Anchor {
    /// Anything.
    Any,
    /// Of this type.
    Is(EntityTypeName),
    /// This entity, or inside of it.
    In(EntityUid),
}

/// Every policy, under each action that it speaks of.
#[derive(Default)]
pub(crate) struct Slices(HashMap<EntityUid, Scopes>);

/// Policies by their principal and then by their resource.
type Scopes = HashMap<Anchor, HashMap<Anchor, Vec<Policy>>>;

impl Slices {
    /// Sorts the policies; `actions` are the schema's, with the groups that they are in.
    pub fn of<'p>(policies: impl Iterator<Item = &'p Policy>, actions: &Entities) -> Self {
        let mut slices = Self::default();
        for policy in policies {
            for action in actions.iter().map(cedar_policy::Entity::uid) {
                if speaks_of(policy, &action, actions) {
                    let scopes = slices.0.entry(action).or_default();
                    let resources = scopes.entry(principal(policy)).or_default();
                    let slice = resources.entry(resource(policy)).or_default();
                    slice.push(policy.clone());
                }
            }
        }
        slices
    }

    /// Those that can answer whether somebody with these anchors may do this to something with those.
    pub fn that_can_answer(
        &self,
        principal: &[Anchor],
        action: &EntityUid,
        resource: &[Anchor],
    ) -> Result<PolicySet, Uncertain> {
        let mut found = PolicySet::new();
        let Some(scopes) = self.0.get(action) else {
            return Ok(found);
        };
        for resources in principal.iter().filter_map(|anchor| scopes.get(anchor)) {
            for slice in resource.iter().filter_map(|anchor| resources.get(anchor)) {
                for policy in slice {
                    found.add(policy.clone()).map_err(Uncertain::fact)?;
                }
            }
        }
        Ok(found)
    }
}

/// Every scope that holds for an entity.
pub(crate) fn anchors(uid: &EntityUid, entities: &Entities) -> Vec<Anchor> {
    let mut anchors = vec![
        Anchor::Any,
        Anchor::Is(uid.type_name().clone()),
        Anchor::In(uid.clone()),
    ];
    let ancestors = entities.ancestors(uid).into_iter().flatten();
    anchors.extend(ancestors.cloned().map(Anchor::In));
    anchors
}

fn speaks_of(policy: &Policy, action: &EntityUid, actions: &Entities) -> bool {
    match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(named) => named == *action,
        ActionConstraint::In(named) => {
            let mut groups = actions.ancestors(action).into_iter().flatten();
            named.contains(action) || groups.any(|group| named.contains(group))
        }
    }
}

fn principal(policy: &Policy) -> Anchor {
    match policy.principal_constraint() {
        PrincipalConstraint::Any => Anchor::Any,
        PrincipalConstraint::Is(kind) => Anchor::Is(kind),
        PrincipalConstraint::In(uid)
        | PrincipalConstraint::Eq(uid)
        | PrincipalConstraint::IsIn(_, uid) => Anchor::In(uid),
    }
}

fn resource(policy: &Policy) -> Anchor {
    match policy.resource_constraint() {
        ResourceConstraint::Any => Anchor::Any,
        ResourceConstraint::Is(kind) => Anchor::Is(kind),
        ResourceConstraint::In(uid)
        | ResourceConstraint::Eq(uid)
        | ResourceConstraint::IsIn(_, uid) => Anchor::In(uid),
    }
}
