//! One request put to Cedar: every ask of its plan, and what is heard.
//!
//! Must not weigh the answers; `decide` does.

use std::cell::Cell;
use std::sync::Arc;

use cedar_policy::{
    AuthorizationError, Context, Decision as CedarDecision, Effect, Entities, EntityUid, PolicyId,
    PolicySet, Request as Query,
};
use model::{Login, Outputs, Request, Shape, Subject, Target};

use crate::circumstances::{Circumstances, Moment, Rows};
use crate::entities::World;
use crate::error::Uncertain;
use crate::explain::Answer;
use crate::plan::{self, Ask, Otherwise};
use crate::set;
use crate::slice::{Anchor, anchors};

/// One request with all that is asked about it.
pub(crate) struct Case<'a> {
    /// The policies.
    pub set: &'a set::PolicySet,
    subject: EntityUid,
    /// The scopes that hold for the subject.
    anchors: Vec<Anchor>,
    entities: Entities,
    circumstances: Circumstances<'a>,
    /// Whether a policy that reads the moment could answer any question so far.
    is_of_moment: Cell<bool>,
    /// What the output of each statement is made of.
    pub outputs: &'a [Outputs],
    /// The plan.
    pub asks: Vec<Ask>,
}

/// The answer to one ask, and the action that it is about where an ask has two.
#[derive(Clone, PartialEq)]
pub(crate) struct Heard {
    /// One of the ask's actions.
    pub action: &'static str,
    /// What the policies say to it.
    pub answer: Answer,
}

impl<'a> Case<'a> {
    /// Plans the request.
    pub fn new(
        set: &'a set::PolicySet,
        subject: &Subject,
        target: &Target,
        login: &'a Login,
        request: &'a Request,
        moment: &Moment,
    ) -> Result<Self, Uncertain> {
        let (login, shape, values) = match request {
            Request::Connect(login) => (login, Shape::default(), None),
            Request::Run(statement) => (login, statement.shape, statement.values.as_ref()),
        };
        let is_statement = matches!(request, Request::Run(_));
        if is_statement && values.is_none() && set.depends_on_values() {
            return Err(Uncertain::fact("its values were not read"));
        }
        let mut world = World::new(&set.vocabulary, subject, &target.server, &login.database)?;
        let asks = plan::asks(&set.classes, target, &login.database, request, &mut world)?;
        let subject_uid = world.subject.clone();
        let entities = world.finish(&set.schema)?;
        Ok(Self {
            set,
            anchors: anchors(&subject_uid, &entities),
            subject: subject_uid,
            entities,
            circumstances: Circumstances::new(subject, login, shape, values, moment)?,
            is_of_moment: Cell::new(false),
            outputs: match request {
                Request::Connect(_) => &[],
                Request::Run(statement) => &statement.outputs,
            },
            asks,
        })
    }

    /// Whether the answers so far are good for any moment.
    pub fn lasts(&self) -> bool {
        !self.is_of_moment.get()
    }

    /// The answers to all asks, in their order.
    pub fn hear_all(&self, approved: bool) -> Result<Vec<Heard>, Uncertain> {
        let circumstances = &self.circumstances;
        let context = |rows: Rows<'_>| circumstances.context(rows, approved);
        let restricted = context(Rows::restricted(true))?;
        let unrestricted = context(Rows::restricted(false))?;
        let hear = |ask: &Ask| match Rows::of(ask) {
            rows if rows == Rows::restricted(true) => self.hear(ask, &restricted),
            rows if rows == Rows::restricted(false) => self.hear(ask, &unrestricted),
            rows => self.hear(ask, &context(rows)?),
        };
        self.asks.iter().map(hear).collect()
    }

    /// Whether values that are still to come may turn every refusal among these answers into a permit.
    pub fn may_pass_with_values(&self, heard: &[Heard]) -> Result<bool, Uncertain> {
        if !self.circumstances.are_values_awaited() {
            return Ok(false);
        }
        for (ask, heard) in self.each(heard) {
            if refuses(ask, &heard.answer) && !self.may_change_with_values(ask, &heard.answer)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn may_change_with_values(&self, ask: &Ask, answer: &Answer) -> Result<bool, Uncertain> {
        let of_values = &self.set.of_values;
        match answer {
            Answer::ForbiddenBy(ids) => {
                let reads = |id: &Arc<str>| of_values.contains(&PolicyId::new(id));
                Ok(ids.iter().all(reads))
            }
            Answer::NobodyPermits => {
                for action in [Some(ask.action), ask.or].into_iter().flatten() {
                    let policies =
                        self.that_can_answer(&self.set.vocabulary.action(action)?, ask)?;
                    let mut permits = policies.policies().filter(|policy| {
                        policy.effect() == Effect::Permit && of_values.contains(policy.id())
                    });
                    if permits.next().is_some() {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Answer::Failed { .. } | Answer::PermittedBy(_) => Ok(false),
        }
    }

    fn that_can_answer(&self, action: &EntityUid, ask: &Ask) -> Result<PolicySet, Uncertain> {
        let resource = anchors(&ask.object.uid, &self.entities);
        let slices = &self.set.slices;
        let policies = slices.that_can_answer(&self.anchors, action, &resource)?;
        let of_moment = &self.set.of_moment;
        if policies
            .policies()
            .any(|policy| of_moment.contains(policy.id()))
        {
            self.is_of_moment.set(true);
        }
        Ok(policies)
    }

    fn hear(&self, ask: &Ask, context: &Context) -> Result<Heard, Uncertain> {
        let first = Heard {
            action: ask.action,
            answer: self.answer(ask.action, ask, context)?,
        };
        let Some(or) = ask.or.filter(|_| first.answer == Answer::NobodyPermits) else {
            return Ok(first);
        };
        let second = Heard {
            action: or,
            answer: self.answer(or, ask, context)?,
        };
        Ok(match second.answer {
            Answer::PermittedBy(_) | Answer::Failed { .. } => second,
            Answer::ForbiddenBy(_) | Answer::NobodyPermits => first,
        })
    }

    fn answer(&self, action: &str, ask: &Ask, context: &Context) -> Result<Answer, Uncertain> {
        let action = self.set.vocabulary.action(action)?;
        let policies = self.that_can_answer(&action, ask)?;
        let query = Query::new(
            self.subject.clone(),
            action,
            ask.object.uid.clone(),
            context.clone(),
            Some(&self.set.schema),
        );
        Ok(match query {
            Ok(query) => self.answer_of(&policies, &query),
            Err(error) => Answer::Failed {
                policies: vec![],
                error: error.to_string(),
            },
        })
    }

    fn answer_of(&self, policies: &PolicySet, query: &Query) -> Answer {
        let authorizer = &self.set.authorizer;
        let response = authorizer.is_authorized(query, policies, &self.entities);
        let diagnostics = response.diagnostics();
        if let Some(error) = diagnostics.errors().next() {
            let policies =
                diagnostics
                    .errors()
                    .map(|AuthorizationError::PolicyEvaluationError(error)| {
                        error.policy_id().to_string().into()
                    });
            return Answer::Failed {
                policies: sorted(policies),
                error: error.to_string(),
            };
        }
        let ids = sorted(diagnostics.reason().map(|id| id.to_string().into()));
        match response.decision() {
            CedarDecision::Allow => Answer::PermittedBy(ids),
            CedarDecision::Deny if ids.is_empty() => Answer::NobodyPermits,
            CedarDecision::Deny => Answer::ForbiddenBy(ids),
        }
    }

    /// Number of statements in the text; 0 for a login.
    pub fn statements(&self) -> u32 {
        self.circumstances.shape.statements
    }

    /// Whether its rows are those of later statements.
    pub fn declares(&self) -> bool {
        self.circumstances.shape.declares
    }

    /// Whether no answer refuses the request.
    pub fn passes(&self, heard: &[Heard]) -> bool {
        self.each(heard)
            .all(|(ask, heard)| !refuses(ask, &heard.answer))
    }

    /// Asks with their answers.
    pub fn each<'h>(&'h self, heard: &'h [Heard]) -> impl Iterator<Item = (&'h Ask, &'h Heard)> {
        self.asks.iter().zip(heard)
    }
}

/// Whether this answer refuses the request.
pub(crate) fn refuses(ask: &Ask, answer: &Answer) -> bool {
    match (&ask.otherwise, answer) {
        (_, Answer::PermittedBy(_)) => false,
        (_, Answer::Failed { .. }) | (Otherwise::Refuse { .. }, _) => true,
        (Otherwise::Mask(_) | Otherwise::MaskStatistic(..) | Otherwise::Withhold(_), _) => false,
    }
}

/// Cedar gives ids in no order; evidence should not depend on a hash seed.
fn sorted(ids: impl Iterator<Item = Arc<str>>) -> Vec<Arc<str>> {
    let mut ids: Vec<_> = ids.collect();
    ids.sort();
    ids
}

#[cfg(test)]
mod tests;
