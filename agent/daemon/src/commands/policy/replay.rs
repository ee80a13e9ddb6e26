//! `weir policy replay`: judges what was recorded by other policies, and says what would come out otherwise.
//!
//! What the trail says of a request is all that policies see of it, so neither a server nor its catalog is asked. What the
//! catalog had become by then is not known here: a statement is judged by what it did when it was recorded. How much its
//! subject had run before is not known either: it is judged as the first.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::process::ExitCode;
use std::sync::Arc;

use model::{Decision, Digest};
use policy::PolicySet;

use super::differences::{Change, Differences};
use super::recorded::{Gap, Recorded, Who};
use crate::cli::PolicyReplay;
use crate::config::Config;
use crate::screen::clock;
use crate::when;

/// Decisions that are remembered; when there are more, all are forgotten.
const DECISIONS: usize = 50_000;
/// Subjects that are counted.
const SUBJECTS: usize = 10_000;

/// Exits with 0 where nothing would come out otherwise, and with 3 where something would.
pub fn replay(config: &Config, wanted: &PolicyReplay) -> anyhow::Result<ExitCode> {
    let policies = PolicySet::load(&wanted.policies)?;
    let mut replay = Replay::new(&policies);
    config.trail().each(&when::filter(&wanted.period)?, |row| {
        match Recorded::of(row) {
            Some(Ok(recorded)) => replay.judge(&recorded),
            Some(Err(gap)) => *replay.gaps.entry(gap).or_default() += 1,
            None => {}
        }
    })?;
    match wanted.json {
        true => println!("{}", serde_json::to_string_pretty(&replay.json())?),
        false => replay.print(),
    }
    Ok(match replay.differences.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(3),
    })
}

struct Replay<'a> {
    policies: &'a PolicySet,
    /// By everything that decides.
    known: HashMap<[u8; 32], Arc<Decision>>,
    judged: u64,
    /// Whether time or usage decided anything.
    is_momentary: bool,
    subjects: BTreeSet<Who>,
    since: i64,
    until: i64,
    gaps: BTreeMap<Gap, u64>,
    differences: Differences,
}

impl<'a> Replay<'a> {
    fn new(policies: &'a PolicySet) -> Self {
        Self {
            policies,
            known: HashMap::new(),
            judged: 0,
            is_momentary: false,
            subjects: BTreeSet::new(),
            since: i64::MAX,
            until: i64::MIN,
            gaps: BTreeMap::new(),
            differences: Differences::default(),
        }
    }

    fn judge(&mut self, recorded: &Recorded) {
        self.judged += 1;
        self.since = self.since.min(recorded.moment.time);
        self.until = self.until.max(recorded.moment.time);
        if self.subjects.len() < SUBJECTS {
            self.subjects.insert(recorded.who());
        }
        let decision = self.decision(recorded);
        if let Some(change) = Change::of(recorded, &decision) {
            self.differences.add(change, recorded, &decision);
        }
    }

    /// What these policies say, looked at once per subject, statement and facts.
    fn decision(&mut self, recorded: &Recorded) -> Arc<Decision> {
        let key = key(recorded);
        if let Some(known) = key.and_then(|key| self.known.get(&key)) {
            return known.clone();
        }
        let decision = Arc::new(self.policies.decide(
            &recorded.subject,
            &recorded.target,
            &recorded.login,
            &recorded.request,
            &recorded.moment,
        ));
        self.is_momentary |= !decision.lasts;
        if self.known.len() >= DECISIONS {
            self.known.clear();
        }
        if let Some(key) = key.filter(|_| decision.lasts) {
            self.known.insert(key, decision.clone());
        }
        decision
    }

    /// What these policies ask that no record answers.
    fn notes(&self) -> Vec<&'static str> {
        let moment = "they ask about time or usage: each request is judged at its own time, and as the first of its subject";
        let values = "they ask about values, of which it is not recorded what follows: none of them counts as known";
        let notes = [
            (self.is_momentary, moment),
            (self.policies.depends_on_values(), values),
        ];
        let asked = notes.into_iter().filter(|(asks, _)| *asks);
        asked.map(|(_, note)| note).collect()
    }

    fn print(&self) {
        print!("{}", self.differences);
        for note in self.notes() {
            println!("note: {note}");
        }
        for (gap, count) in &self.gaps {
            println!("not judged: {count} {gap}");
        }
        let subjects = self.subjects.len();
        match self.judged {
            0 => println!("nothing was recorded in this time"),
            judged => println!(
                "{judged} requests of {subjects} subjects, from {} to {}, judged by the policies {}",
                clock(self.since),
                clock(self.until),
                self.policies.hash()
            ),
        }
        if self.differences.is_empty() && self.judged > 0 {
            println!("all of them come out as they did");
        }
    }

    fn json(&self) -> serde_json::Value {
        let gaps = self.gaps.iter();
        let gaps: BTreeMap<String, u64> =
            gaps.map(|(gap, count)| (gap.to_string(), *count)).collect();
        serde_json::json!({
            "policy": self.policies.hash(),
            "judged": self.judged,
            "subjects": self.subjects.len(),
            "since": (self.judged > 0).then_some(self.since),
            "until": (self.judged > 0).then_some(self.until),
            "not_judged": gaps,
            "notes": self.notes(),
            "differences": self.differences.json(),
        })
    }
}

/// Everything that a decision depends on but the time.
fn key(recorded: &Recorded) -> Option<[u8; 32]> {
    let Recorded {
        subject,
        target,
        login,
        moment,
        decided,
        ..
    } = recorded;
    let facts = (
        (&subject.workloads, subject.address.ip(), target),
        (login, &decided.login, moment.in_transaction),
        (
            &decided.fingerprint,
            &decided.touches,
            decided.circumstances,
            decided.stage,
        ),
    );
    serde_json::to_vec(&facts)
        .ok()
        .map(|text| Digest::of(&text).0)
}
