//! `weir policy learn`: drafts the policies that permit what a workload did, and nothing else.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use model::{Effect, MaskedColumn, Workload};
use policy::{Draft, PolicySet, Undrafted};

use super::recorded::{Gap, Recorded};
use crate::cli::PolicyLearn;
use crate::config::Config;
use crate::screen::{clock, one_line};
use crate::when;

/// Prints the draft, which is valid beside the policies of the configuration, and where to put it.
pub fn learn(config: &Config, wanted: &PolicyLearn) -> anyhow::Result<ExitCode> {
    let policies = PolicySet::load(&config.policies)?;
    let mut lesson = Lesson::new(&wanted.workload, policies.draft(&wanted.workload)?);
    config.trail().each(&when::filter(&wanted.period)?, |row| {
        match Recorded::of(row) {
            Some(Ok(recorded)) => lesson.learn(&recorded),
            Some(Err(gap)) => lesson.leave_out(Left::Gap(gap), None),
            None => {}
        }
    })?;
    if lesson.draft.is_empty() {
        bail!(
            "nothing that {} did was recorded in this time: let it work with its server in mode \"monitor\", or choose \
             another name of it (`weir audit show --json` has them as weir_workloads)",
            wanted.workload
        );
    }
    let text = lesson.text();
    let file = lesson.draft.file();
    PolicySet::load_with(&config.policies, &file, &text).with_context(|| {
        format!(
            "{file} would not be valid beside {}",
            config.policies.display()
        )
    })?;
    print!("{text}");
    eprintln!(
        "to use it, save it as {}",
        config.policies.join(file).display()
    );
    Ok(ExitCode::SUCCESS)
}

/// Why something that was recorded is not in the draft.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Left {
    Refused,
    Undrafted(Undrafted),
    Gap(Gap),
}

impl Left {
    fn words(self) -> String {
        match self {
            Self::Refused => "were denied or held, and so not done".to_owned(),
            Self::Undrafted(Undrafted::Opaque) => {
                "touch what cannot be known, and need `opaque`".to_owned()
            }
            Self::Undrafted(Undrafted::TooMany) => "touch more than a draft lists".to_owned(),
            Self::Undrafted(Undrafted::Uncertain) => "cannot be put to policies".to_owned(),
            Self::Gap(gap) => gap.to_string(),
        }
    }
}

/// What is learnt of one workload, and what is not.
struct Lesson<'a> {
    workload: Workload,
    draft: Draft<'a>,
    learnt: u64,
    since: i64,
    until: i64,
    /// How many, and the text of one of them.
    left: BTreeMap<Left, (u64, Option<String>)>,
}

impl<'a> Lesson<'a> {
    fn new(workload: &str, draft: Draft<'a>) -> Self {
        Self {
            workload: Workload(workload.to_owned()),
            draft,
            learnt: 0,
            since: i64::MAX,
            until: i64::MIN,
            left: BTreeMap::new(),
        }
    }

    fn learn(&mut self, recorded: &Recorded) {
        let Recorded {
            subject,
            target,
            login,
            request,
            moment,
            decided,
        } = recorded;
        if !subject.workloads.contains(&self.workload) {
            return;
        }
        // Where it was only monitored, nothing was masked.
        let masks = &decided.masks;
        let masked: Vec<MaskedColumn> = match decided.monitored {
            true => Vec::new(),
            false => masks
                .shown
                .iter()
                .chain(masks.told.iter())
                .cloned()
                .collect(),
        };
        if decided.effect != Effect::Allow && !decided.monitored {
            return self.leave_out(Left::Refused, decided.text.as_deref());
        }
        match self
            .draft
            .learn(subject, target, login, request, &masked, moment)
        {
            Ok(()) => {
                self.learnt += 1;
                self.since = self.since.min(moment.time);
                self.until = self.until.max(moment.time);
            }
            Err(why) => self.leave_out(Left::Undrafted(why), decided.text.as_deref()),
        }
    }

    fn leave_out(&mut self, why: Left, text: Option<&str>) {
        let (count, example) = self.left.entry(why).or_default();
        *count += 1;
        if example.is_none() {
            *example = text.map(|text| one_line(text, 80));
        }
    }

    /// The draft with what a reader must know of it.
    fn text(&self) -> String {
        let mut lines = vec![
            format!(
                "// What {} did from {} to {}: {} requests.",
                one_line(&self.workload.0, 200),
                clock(self.since),
                clock(self.until),
                self.learnt
            ),
            "// It permits what was done, which need not be what should be: read it before you use it.".to_owned(),
        ];
        for (why, (count, example)) in &self.left {
            let example = match example {
                Some(text) => format!(", such as: {text}"),
                None => String::new(),
            };
            lines.push(format!(
                "// Left out: {count} that {}{example}",
                why.words()
            ));
        }
        format!("{}\n\n{}", lines.join("\n"), self.draft.policies())
    }
}
