//! Drafts policies from requests that were seen: what one workload needs, and nothing else.
//!
//! What has to be permitted is what the plan asks about, so a draft knows no rules of its own. It is grouped by who needs
//! what: resources of one kind that need the same actions share a policy.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use model::{Login, MaskedColumn, Request, Subject, Target, Touches};

use crate::case::Case;
use crate::circumstances::Moment;
use crate::error::{PolicyError, Uncertain};
use crate::plan::{Ask, Otherwise};
use crate::set::PolicySet;
use crate::vocabulary::Kind;

/// Resources of which a draft speaks; a workload that needs more needs a policy on schemas.
const MOST: usize = 10_000;

/// What one workload was seen to need.
pub struct Draft<'a> {
    set: &'a PolicySet,
    workload: String,
    /// The same as Cedar writes it.
    principal: String,
    /// By kind and resource, in Cedar's words.
    needs: BTreeMap<(String, String), Need>,
}

/// What it needs of one resource.
#[derive(Default)]
struct Need {
    /// With whether every use was restricted by a WHERE clause.
    actions: BTreeMap<&'static str, bool>,
    /// Database users, where it is a database that was logged in to.
    users: BTreeSet<String>,
}

/// Why a request is in no draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Undrafted {
    /// What it touches is not known.
    Opaque,
    /// It touches more resources than a draft speaks of.
    TooMany,
    /// It cannot be put to policies.
    Uncertain,
}

impl PolicySet {
    /// A draft for this workload, by the classes of this set.
    pub fn draft(&self, workload: &str) -> Result<Draft<'_>, PolicyError> {
        let principal = self.vocabulary.entity(Kind::Workload, workload);
        let principal = principal.map_err(|word| PolicyError::SchemaBroken {
            message: word.to_string(),
        })?;
        Ok(Draft {
            set: self,
            workload: workload.to_owned(),
            principal: principal.to_string(),
            needs: BTreeMap::new(),
        })
    }
}

impl Draft<'_> {
    /// Learns what a request needs that went through with these columns of its result masked.
    pub fn learn(
        &mut self,
        subject: &Subject,
        target: &Target,
        login: &Login,
        request: &Request,
        masked: &[MaskedColumn],
        moment: &Moment,
    ) -> Result<(), Undrafted> {
        if let Request::Run(statement) = request
            && matches!(statement.touches, Touches::Opaque(_))
        {
            return Err(Undrafted::Opaque);
        }
        let case = Case::new(self.set, subject, target, login, request, moment);
        let case = case.map_err(|_: Uncertain| Undrafted::Uncertain)?;
        for ask in &case.asks {
            if is_needed(ask, masked) {
                self.need(ask, &login.user)?;
            }
        }
        Ok(())
    }

    fn need(&mut self, ask: &Ask, user: &str) -> Result<(), Undrafted> {
        let uid = &ask.object.uid;
        let resource = (uid.type_name().to_string(), uid.to_string());
        if self.needs.len() >= MOST && !self.needs.contains_key(&resource) {
            return Err(Undrafted::TooMany);
        }
        let need = self.needs.entry(resource).or_default();
        if ask.action == "connect" {
            need.users.insert(user.to_owned());
        }
        let restricted = need.actions.entry(ask.action).or_insert(true);
        *restricted &= ask.has_where;
        Ok(())
    }

    /// Whether nothing was learnt.
    pub fn is_empty(&self) -> bool {
        self.needs.is_empty()
    }

    /// A file name for the draft.
    pub fn file(&self) -> String {
        format!("{}.cedar", self.name())
    }

    /// The policies, in Cedar.
    pub fn policies(&self) -> String {
        let name = self.name();
        let mut text = String::new();
        for (number, (terms, resources)) in (1..).zip(self.groups()) {
            // Writing to a string does not fail.
            let _ = write!(
                text,
                "@id(\"{name}-{number}\")\n@description(\"{}\")\npermit (\n  principal in {},\n  action in [{}],\n  {}\n){};\n\n",
                terms.description(resources.len()),
                self.principal,
                terms.actions(),
                terms.scope(&resources),
                terms.conditions(&resources),
            );
        }
        text
    }

    /// Resources that need the same on the same terms.
    fn groups(&self) -> BTreeMap<Terms<'_>, Vec<&str>> {
        let mut groups: BTreeMap<Terms<'_>, Vec<&str>> = BTreeMap::new();
        for ((kind, resource), need) in &self.needs {
            let of = |restricted: bool| {
                let actions = need.actions.iter();
                let actions = actions.filter(|(action, always)| {
                    (**always && RESTRICTABLE.contains(*action)) == restricted
                });
                actions.map(|(action, _)| *action).collect::<BTreeSet<_>>()
            };
            for restricted in [false, true] {
                let actions = of(restricted);
                if !actions.is_empty() {
                    let terms = Terms {
                        kind,
                        actions,
                        restricted,
                        users: &need.users,
                    };
                    groups.entry(terms).or_default().push(resource);
                }
            }
        }
        groups
    }

    /// `learned-systemd-billing-service`
    fn name(&self) -> String {
        let letters = self.workload.to_ascii_lowercase();
        let words = letters.split(|c: char| !c.is_ascii_alphanumeric());
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        let name: String = words.join("-").chars().take(LONGEST_NAME).collect();
        format!("learned-{}", name.trim_end_matches('-'))
    }
}

/// Characters of a workload in the ids of its policies, which have 64 at most.
const LONGEST_NAME: usize = 40;

/// Actions that a WHERE clause makes another thing of.
const RESTRICTABLE: [&str; 2] = ["update", "delete"];

/// What a policy of a draft says beside its resources.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Terms<'a> {
    kind: &'a str,
    actions: BTreeSet<&'static str>,
    restricted: bool,
    users: &'a BTreeSet<String>,
}

impl Terms<'_> {
    fn actions(&self) -> String {
        let actions = self.actions.iter();
        let actions: Vec<String> = actions
            .map(|action| format!("Action::\"{action}\""))
            .collect();
        actions.join(", ")
    }

    /// The resources as the head of a policy says them; several are listed in its conditions.
    fn scope(&self, resources: &[&str]) -> String {
        match resources {
            [only] => format!("resource == {only}"),
            _ => format!("resource is {}", self.kind),
        }
    }

    fn conditions(&self, resources: &[&str]) -> String {
        let mut conditions = Vec::new();
        if resources.len() > 1 {
            let listed = resources.join(",\n    ");
            conditions.push(format!("[\n    {listed}\n  ].contains(resource)"));
        }
        if self.restricted {
            conditions.push("context.has_where".to_owned());
        }
        if !self.users.is_empty() {
            let users: Vec<String> = self.users.iter().map(|user| format!("{user:?}")).collect();
            conditions.push(format!("[{}].contains(context.db_user)", users.join(", ")));
        }
        match conditions.as_slice() {
            [] => String::new(),
            all => format!("\nwhen {{\n  {}\n}}", all.join(" &&\n  ")),
        }
    }

    fn description(&self, resources: usize) -> String {
        let actions: Vec<&str> = self.actions.iter().copied().collect();
        let kind = self.kind.to_ascii_lowercase();
        let them = match resources {
            1 => format!("one {kind}"),
            many if kind == "class" => format!("{many} classes"),
            many => format!("{many} {kind}s"),
        };
        let where_ = match self.restricted {
            true => ", always with WHERE",
            false => "",
        };
        format!(
            "Learned from what was recorded: {} on {them}{where_}.",
            actions.join(", ")
        )
    }
}

/// What was masked was not seen, and errors need not tell anything.
fn is_needed(ask: &Ask, masked: &[MaskedColumn]) -> bool {
    match &ask.otherwise {
        Otherwise::Refuse { .. } => true,
        Otherwise::Mask(mask) | Otherwise::MaskStatistic(mask, _) => {
            !masked.iter().any(|other| other.name == mask.name)
        }
        Otherwise::Withhold(_) => false,
    }
}

#[cfg(test)]
mod tests;
