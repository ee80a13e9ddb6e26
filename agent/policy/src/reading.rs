//! Parses and validates the policies of a directory, and collects everything that is wrong with them.
//!
//! Must not read files, and must not stop at the first problem: every policy is parsed by itself, and those that parse
//! are validated together.

use std::collections::{BTreeMap, HashMap};

use cedar_policy::{
    EntityUid, Policy, PolicyId, PolicySet, Schema, ValidationError, ValidationMode, Validator,
};
use miette::Diagnostic;

use crate::annotations::Rule;
use crate::classes::Classes;
use crate::error::{Flaw, Problem};
use crate::load::whole;
use crate::source::{Cut, SourceFile, cuts};

/// Policies by their ids, and what their annotations say.
#[derive(Default)]
pub(crate) struct Policies {
    /// For Cedar.
    pub policies: PolicySet,
    /// By id.
    pub rules: HashMap<String, Rule>,
}

/// The policies read so far, and what was wrong with them.
pub(crate) struct Reading<'a> {
    classes: &'a Classes,
    problems: Vec<Problem>,
    policies: Vec<(Policy, &'a SourceFile, Cut)>,
    rules: HashMap<String, Rule>,
}

impl<'a> Reading<'a> {
    /// Begins; policies may name these classes.
    pub fn of(classes: &'a Classes) -> Self {
        Self {
            classes,
            problems: Vec::new(),
            policies: Vec::new(),
            rules: HashMap::new(),
        }
    }

    /// Reads all files, and adds what is wrong with them to `problems`.
    pub fn all(
        mut self,
        files: impl Iterator<Item = &'a SourceFile>,
        schema: &Schema,
        problems: &mut Vec<Problem>,
    ) -> Policies {
        for file in files {
            for cut in cuts(&file.text) {
                self.policy(file, cut);
            }
        }
        if self.policies.is_empty() && self.problems.is_empty() {
            self.problems.push(whole(".", Flaw::NoPolicy));
        }
        let policies = self.validate(schema);
        problems.append(&mut self.problems);
        Policies {
            policies,
            rules: self.rules,
        }
    }

    fn policy(&mut self, file: &'a SourceFile, cut: Cut) {
        // Without an @id, its place is its name, for as long as it takes to report that.
        let place = format!("{}:{}", file.name, cut.range.start);
        let policy = match Policy::parse(Some(PolicyId::new(&place)), cut.text(file)) {
            Ok(policy) => policy,
            Err(errors) => {
                self.problems
                    .extend(errors.iter().map(|error| problem(file, &cut, error)));
                return;
            }
        };
        self.check_classes(file, &cut, &policy);
        match Rule::read(&policy, &cut.code) {
            Ok(rule) => {
                let policy = policy.new_id(PolicyId::new(&*rule.id));
                self.keep(file, cut, policy, rule);
            }
            Err(flaws) => {
                for (annotation, flaw) in flaws {
                    let offset = annotation.and_then(|name| cut.annotation(file, &name));
                    self.problems
                        .push(file.problem(offset.unwrap_or(cut.range.start), flaw));
                }
                // It is validated all the same, so that its other problems show too.
                self.policies.push((policy, file, cut));
            }
        }
    }

    fn keep(&mut self, file: &'a SourceFile, cut: Cut, policy: Policy, rule: Rule) {
        let id = rule.id.to_string();
        if let Some((first_file, first_cut)) = self.place_of(policy.id()) {
            let line = first_file.position(first_cut.range.start).line;
            let first = format!("{}:{line}", first_file.name);
            let offset = cut.annotation(file, "id").unwrap_or(cut.range.start);
            self.problems
                .push(file.problem(offset, Flaw::IdTaken { id, first }));
            return;
        }
        self.rules.insert(id, rule);
        self.policies.push((policy, file, cut));
    }

    fn check_classes(&mut self, file: &SourceFile, cut: &Cut, policy: &Policy) {
        for class in policy.entity_literals().iter().filter_map(class_name) {
            if self.classes.names().any(|known| known == class) {
                continue;
            }
            let offset = cut
                .text(file)
                .find(&format!("Class::\"{class}\""))
                .unwrap_or(0);
            let known = self.classes.names().collect::<Vec<_>>().join(", ");
            let flaw = Flaw::UnknownClass {
                class: class.to_owned(),
                known,
            };
            self.problems
                .push(file.problem(cut.range.start + offset, flaw));
        }
    }

    /// Validates all policies together. A set that Cedar cannot even make is empty, and has a problem.
    fn validate(&mut self, schema: &Schema) -> PolicySet {
        let policies = self.policies.iter().map(|(policy, ..)| policy.clone());
        let set = match PolicySet::from_policies(policies) {
            Ok(set) => set,
            Err(error) => {
                self.problems.push(whole(
                    ".",
                    Flaw::Cedar {
                        message: words(&error),
                    },
                ));
                return PolicySet::new();
            }
        };
        let result = Validator::new(schema.clone()).validate(&set, ValidationMode::Strict);
        let mut found: BTreeMap<(&PolicyId, Consequence, usize), String> = BTreeMap::new();
        let errors = result
            .validation_errors()
            .map(|e| (e.policy_id(), follows(e), e as &dyn Diagnostic));
        // A warning is a policy that cannot apply, or a look-alike letter: a policy that does not do what it says.
        let warnings = result
            .validation_warnings()
            .map(|w| (w.policy_id(), Consequence::Warning, w as &dyn Diagnostic));
        for (id, consequence, diagnostic) in errors.chain(warnings) {
            // Cedar says the same once for every action; the first by alphabet stands for all.
            let message = words(diagnostic);
            let first = found
                .entry((id, consequence, offset(diagnostic)))
                .or_insert_with(|| message.clone());
            if message < *first {
                *first = message;
            }
        }
        let mut problems = Vec::new();
        for ((id, consequence, offset), message) in &found {
            let plainer = found
                .keys()
                .any(|(other, than, _)| other == id && than < consequence);
            if let Some((file, cut)) = self.place_of(id).filter(|_| !plainer) {
                let flaw = Flaw::Cedar {
                    message: message.clone(),
                };
                problems.push(file.problem(cut.range.start + offset, flaw));
            }
        }
        self.problems.extend(problems);
        set
    }

    fn place_of(&self, id: &PolicyId) -> Option<(&'a SourceFile, &Cut)> {
        let (_, file, cut) = self
            .policies
            .iter()
            .find(|(policy, ..)| policy.id() == id)?;
        Some((file, cut))
    }
}

/// How far a finding is from its cause. Of one policy only the nearest are shown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Consequence {
    Cause,
    NothingApplies,
    Warning,
}

fn follows(error: &ValidationError) -> Consequence {
    match error {
        ValidationError::InvalidActionApplication(_) => Consequence::NothingApplies,
        _ => Consequence::Cause,
    }
}

/// Each cut is parsed alone, so Cedar's places count from its start.
fn problem(file: &SourceFile, cut: &Cut, diagnostic: &dyn Diagnostic) -> Problem {
    let flaw = Flaw::Cedar {
        message: words(diagnostic),
    };
    file.problem(cut.range.start + offset(diagnostic), flaw)
}

fn offset(diagnostic: &dyn Diagnostic) -> usize {
    let label = diagnostic.labels().and_then(|mut labels| labels.next());
    label.map_or(0, |label| label.offset())
}

/// Cedar's message with its label and its help in one line. The place says which policy is meant.
pub(crate) fn words(diagnostic: &dyn Diagnostic) -> String {
    let said = diagnostic.to_string();
    let mut words = match said.split_once("`, ") {
        Some((policy, rest)) if policy.starts_with("for policy `") => rest.to_owned(),
        _ => said,
    };
    let label = diagnostic.labels().and_then(|mut labels| labels.next());
    if let Some(label) = label.as_ref().and_then(|label| label.label()) {
        words = format!("{words}: {label}");
    }
    if let Some(help) = diagnostic.help() {
        words = format!("{words}; {help}");
    }
    words.replace('\n', " ")
}

fn class_name(uid: &EntityUid) -> Option<&str> {
    (uid.type_name().basename() == "Class").then(|| uid.id().unescaped())
}
