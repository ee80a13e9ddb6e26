//! The decision: every ask of the plan is put to Cedar, and the answers become one effect.
//!
//! Any forbid wins over all objects, every object must be permitted, and what fails to evaluate denies (Cedar itself
//! skips an erroring forbid). A request that is denied is asked once more as if it were approved:
//!
//! ```text
//!   without approval   with approval   effect
//!   permitted          -               allow
//!   denied             permitted       hold, where somebody is entitled to approve all of it
//!   denied             denied          deny
//! ```

use std::sync::Arc;

use model::{
    Decision, Durability, Effect, Login, Masks, Reason, Recorded, Request, RowLimit, Subject,
    Target,
};

use crate::annotations::Rule;
use crate::case::{Case, Heard, refuses};
use crate::circumstances::Moment;
use crate::entitled::Entitled;
use crate::error::Uncertain;
use crate::explain::{Answer, Asked, Explanation};
use crate::hidden::Hidden;
use crate::plan::{Ask, Otherwise};
use crate::set::PolicySet;

impl PolicySet {
    /// Judges a request of this subject, logged in (or logging in) with this login. Pure and total.
    pub fn decide(
        &self,
        subject: &Subject,
        target: &Target,
        login: &Login,
        request: &Request,
        moment: &Moment,
    ) -> Decision {
        let explanation = self.explain(subject, target, login, request, moment);
        let mut decision = explanation.into_decision();
        if let Request::Run(statement) = request {
            decision.terms.outputs = statement.outputs.clone();
        }
        decision
    }

    /// [`PolicySet::decide`], with every question that was asked.
    pub fn explain(
        &self,
        subject: &Subject,
        target: &Target,
        login: &Login,
        request: &Request,
        moment: &Moment,
    ) -> Explanation {
        let case = Case::new(self, subject, target, login, request, moment);
        match case.and_then(|case| case.judge(moment.approved)) {
            Ok(explanation) => explanation,
            Err(uncertain) => self.denied_by_doubt(&uncertain),
        }
    }

    fn denied_by_doubt(&self, uncertain: &Uncertain) -> Explanation {
        let explanation = format!("the request cannot be put to the policies: {uncertain}");
        Explanation {
            effect: Effect::Deny,
            masks: Masks::none(),
            limit: None,
            recorded: Recorded::default(),
            durability: Durability::default(),
            because: Reason {
                explanation,
                ..Reason::default()
            },
            asked: Vec::new(),
            lasts: false,
            policy: self.hash(),
        }
    }
}

impl Case<'_> {
    fn judge(self, approved: bool) -> Result<Explanation, Uncertain> {
        let heard = self.hear_all(approved)?;
        if self.passes(&heard) {
            return Ok(match self.is_countable(&heard) {
                Ok(()) => self.allow(&heard),
                Err(because) => self.explain(Effect::Deny, because, &heard, None),
            });
        }
        if self.may_pass_with_values(&heard)? {
            return Ok(self.defer(&heard));
        }
        if approved {
            return Ok(self.deny(&heard, None));
        }
        let once_approved = self.hear_all(true)?;
        if !self.passes(&once_approved) {
            return Ok(match self.may_pass_with_values(&once_approved)? {
                true => self.defer(&once_approved),
                false => self.deny(&heard, Some(&once_approved)),
            });
        }
        Ok(match self.is_countable(&once_approved) {
            Ok(()) => self.hold(&heard, &once_approved),
            Err(because) => self.explain(Effect::Deny, because, &heard, Some(&once_approved)),
        })
    }

    fn allow(&self, heard: &[Heard]) -> Explanation {
        let policies = named(heard.iter().filter(|heard| heard.answer.permits()));
        let explanation = match policies.as_slice() {
            [] => "it touches nothing".to_owned(),
            ids => format!("permitted by {}", ids.join(", ")),
        };
        let because = Reason {
            policies,
            explanation,
            ..Reason::default()
        };
        self.explain(Effect::Allow, because, heard, None)
    }

    /// What is only prepared runs nothing, and is judged again with its values.
    fn defer(&self, heard: &[Heard]) -> Explanation {
        let refusing = self
            .each(heard)
            .filter(|(ask, heard)| refuses(ask, &heard.answer));
        let because = Reason {
            policies: named(refusing.map(|(_, heard)| heard)),
            explanation: "it may be prepared, and is judged with its values when it runs"
                .to_owned(),
            ..Reason::default()
        };
        self.explain(Effect::Allow, because, heard, None)
    }

    /// Denies for what is still refused after an approval, where that was asked.
    fn deny(&self, heard: &[Heard], once_approved: Option<&[Heard]>) -> Explanation {
        let last = once_approved.unwrap_or(heard);
        let refusing: Vec<_> = self
            .each(last)
            .filter(|(ask, heard)| refuses(ask, &heard.answer))
            .collect();
        let mut because = refusing
            .iter()
            .min_by_key(|(_, heard)| weight(&heard.answer))
            .map(|(ask, heard)| self.refusal(ask, heard))
            .unwrap_or_default();
        because.policies = named(refusing.iter().map(|(_, heard)| *heard));
        because.explanation += &and_more(refusing.len());
        self.explain(Effect::Deny, because, heard, once_approved)
    }

    fn refusal(&self, ask: &Ask, heard: &Heard) -> Reason {
        let what = format!("{} on {}", heard.action, ask.object.label);
        let (why, mut hint) = match &ask.otherwise {
            Otherwise::Refuse { why, hint } => (why.as_deref(), hint.map(str::to_owned)),
            Otherwise::Mask(_) | Otherwise::MaskStatistic(..) | Otherwise::Withhold(_) => {
                (None, None)
            }
        };
        let mut explanation = match &heard.answer {
            Answer::ForbiddenBy(ids) => {
                let rule = ids.first().and_then(|id| self.set.rules.get(&**id));
                hint = rule.and_then(|rule| rule.hint.clone()).or(hint);
                forbidden(&what, ids, rule)
            }
            Answer::Failed { error, .. } => format!("{what} could not be decided: {error}"),
            Answer::NobodyPermits | Answer::PermittedBy(_) => format!("nobody permits {what}"),
        };
        if let Some(why) = why {
            explanation = format!("{explanation}: {why}");
        }
        Reason {
            explanation,
            hint,
            ..Reason::default()
        }
    }

    fn hold(&self, heard: &[Heard], once_approved: &[Heard]) -> Explanation {
        let released: Vec<_> = self
            .asks
            .iter()
            .zip(heard.iter().zip(once_approved))
            .filter(|(_, (now, then))| !now.answer.permits() && then.answer.permits())
            .collect();
        let mut entitled = Entitled::Anybody;
        for (_, (now, then)) in &released {
            entitled = entitled.and(self.entitled(&now.answer, &then.answer));
        }
        let what = released
            .first()
            .map(|(ask, (_, then))| format!("{} on {}", then.action, ask.object.label))
            .unwrap_or_default();
        let mut because = Reason {
            policies: named(released.iter().flat_map(|(_, (now, then))| [*now, *then])),
            explanation: format!("{what} needs approval{}", and_more(released.len())),
            ..Reason::default()
        };
        match entitled {
            Entitled::Anybody => {}
            Entitled::Only(approvers) if approvers.is_empty() => {
                because.explanation += ", and nobody may approve all of it";
                because.hint = Some("send the statements one by one".to_owned());
                return self.explain(Effect::Deny, because, heard, Some(once_approved));
            }
            Entitled::Only(approvers) => because.approvers = approvers,
        }
        because.hint = self
            .rules(&because.policies)
            .find_map(|rule| rule.hint.clone());
        because.reason_required = self
            .rules(&because.policies)
            .any(|rule| rule.reason_required);
        self.explain(Effect::Hold, because, heard, Some(once_approved))
    }

    /// Who may turn this answer into that one: somebody whom every lifted forbid and any of the permits names.
    fn entitled(&self, now: &Answer, then: &Answer) -> Entitled {
        let of = |id: &Arc<str>| match self
            .set
            .rules
            .get(&**id)
            .and_then(|rule| rule.approvers.clone())
        {
            Some(names) => Entitled::Only(names),
            None => Entitled::Anybody,
        };
        let permitting = then.policies().iter().map(of).reduce(Entitled::or);
        let lifted = now.policies().iter().map(of);
        lifted
            .chain(permitting)
            .fold(Entitled::Anybody, Entitled::and)
    }

    /// Of the permits of one question the most generous counts, and of all questions the strictest.
    fn limit(&self, heard: &[Heard]) -> Option<RowLimit> {
        let limits = heard.iter().filter_map(|heard| match &heard.answer {
            Answer::PermittedBy(ids) => {
                let limits = self.rules(ids).map(|rule| rule.max_rows);
                let rows = limits.reduce(|one, other| Some(one?.max(other?)))??;
                let by = ids.as_slice().into();
                Some(RowLimit { rows, by })
            }
            _ => None,
        });
        limits.min_by_key(|limit| limit.rows)
    }

    /// Of several statements the later ones would run although the first has too many rows, and nobody asks about a query
    /// when its cursor is fetched from.
    fn is_countable(&self, passing: &[Heard]) -> Result<(), Reason> {
        let Some(limit) = self.limit(passing) else {
            return Ok(());
        };
        let (obstacle, hint) = match (self.statements() > 1, self.declares()) {
            (true, _) => ("the text has several", "send the statements one by one"),
            (false, true) => (
                "those of a cursor are fetched by others",
                "run the query without a cursor",
            ),
            (false, false) => return Ok(()),
        };
        let by = limit.by.join(", ");
        Err(Reason {
            policies: limit.by.to_vec(),
            explanation: format!(
                "{by} permits at most {} rows of one statement, and {obstacle}",
                limit.rows
            ),
            hint: Some(hint.to_owned()),
            ..Reason::default()
        })
    }

    fn rules<'r>(&'r self, ids: &'r [Arc<str>]) -> impl Iterator<Item = &'r Rule> {
        ids.iter().filter_map(|id| self.set.rules.get(&**id))
    }

    /// The masks where these answers count.
    fn masks(&self, heard: &[Heard]) -> Masks {
        let mut hidden = Hidden::default();
        for (ask, heard) in self.each(heard) {
            if !heard.answer.permits() {
                hidden.add(&ask.otherwise);
            }
        }
        hidden.masks(self.outputs)
    }

    fn explain(
        &self,
        effect: Effect,
        because: Reason,
        heard: &[Heard],
        once_approved: Option<&[Heard]>,
    ) -> Explanation {
        let (masks, limit) = match (effect, once_approved.unwrap_or(heard)) {
            (Effect::Deny, _) => (Masks::none(), None),
            (Effect::Allow | Effect::Hold, passing) => (self.masks(passing), self.limit(passing)),
        };
        let recorded = self.rules(&because.policies).map(|rule| rule.recorded);
        let recorded = recorded.max().unwrap_or_default();
        let durability = self.rules(&because.policies).map(|rule| rule.durability);
        let durability = durability.max().unwrap_or_default();
        let mut then = once_approved.unwrap_or(heard).iter();
        let asked = self.each(heard).map(|(ask, now)| Asked {
            action: now.action,
            object: ask.object.label.clone(),
            resource: ask.object.uid.clone(),
            answer: now.answer.clone(),
            if_approved: then
                .next()
                .filter(|then| *then != now)
                .map(|then| then.answer.clone()),
            maskable: !matches!(ask.otherwise, Otherwise::Refuse { .. }),
        });
        Explanation {
            effect,
            masks,
            limit,
            recorded,
            durability,
            because,
            asked: asked.collect(),
            lasts: self.lasts(),
            policy: self.set.hash(),
        }
    }
}

/// What a client should read first: a failure, then a rule's no, then a missing permit.
fn weight(answer: &Answer) -> u8 {
    match answer {
        Answer::Failed { .. } => 0,
        Answer::ForbiddenBy(_) => 1,
        Answer::NobodyPermits | Answer::PermittedBy(_) => 2,
    }
}

fn forbidden(what: &str, ids: &[Arc<str>], rule: Option<&Rule>) -> String {
    let ids = ids.join(", ");
    match rule.and_then(|rule| rule.description.as_deref()) {
        Some(description) => format!(
            "{ids} forbids {what}: {}",
            description.trim_end_matches('.')
        ),
        None => format!("{ids} forbids {what}"),
    }
}

/// A statement may touch thousands of objects; a sentence names one.
fn and_more(count: usize) -> String {
    match count.saturating_sub(1) {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    }
}

/// Ids in the order in which they are first met.
fn named<'h>(heard: impl Iterator<Item = &'h Heard>) -> Vec<Arc<str>> {
    let mut ids: Vec<Arc<str>> = Vec::new();
    for id in heard.flat_map(|heard| heard.answer.policies()) {
        if !ids.contains(id) {
            ids.push(Arc::clone(id));
        }
    }
    ids
}

#[cfg(test)]
mod terms;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod values;
