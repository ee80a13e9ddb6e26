//! Tries through the agent: all of them come to nothing.

use weir_tests::Frame;
use weir_tests::messages::told;

use super::family::{Effect, Step, Technique, Through};
use super::run::{Way, run};
use super::server::shown;
use super::{Corpus, MANY, REFUSED, canary, count, session};

impl Corpus {
    /// Claims that a try is refused or masked, as its technique says, and leaves no trace.
    pub fn closed(
        &mut self,
        technique: &Technique,
        steps: &[Step],
        way: Way,
    ) -> Result<(), String> {
        let places = self.places("app");
        // What is refused and what only reads leaves the session as it was.
        let alone = matches!(steps, [Step::Sql(_)]);
        let idle = self.idle.take().filter(|_| alone);
        let mut wire = idle.unwrap_or_else(|| session(&self.world));
        let mut quiet = self.app.notice();
        let mut answer = Vec::new();
        for step in steps {
            if let Step::Meanwhile { meanwhile } = step {
                self.app.run(meanwhile);
                quiet = self.app.notice();
                continue;
            }
            answer.extend(run(&mut wire, step, way, &places));
            if technique.through == Through::Refused && self.app.notice() != quiet {
                return Err(format!("it writes something: {}", shown(&answer)));
            }
        }
        if let Some(canary) = canary(&answer) {
            return Err(format!("it shows {canary}: {}", shown(&answer)));
        }
        match technique.through {
            Through::Refused if technique.does == Effect::Floods && count(&answer) > MANY => {
                return Err("more rows come than the policy lets".to_owned());
            }
            Through::Refused => refused(&answer, alone)?,
            Through::Masked => masked(&answer)?,
            Through::Withheld => withheld(&answer)?,
        }
        self.idle = alone.then_some(wire);
        Ok(())
    }
}

fn refused(answer: &[Frame], alone: bool) -> Result<(), String> {
    let is_ours = |frame: &Frame| {
        frame.tag == 'E' && frame.field('C') == "42501" && frame.field('M').starts_with("weir: ")
    };
    // Nothing else comes with the refusal of a statement that is alone.
    let is_refused = answer.iter().any(is_ours) && (!alone || told(answer) == REFUSED);
    is_refused
        .then_some(())
        .ok_or_else(|| format!("it passes: {}", shown(answer)))
}

fn masked(answer: &[Frame]) -> Result<(), String> {
    let is_masked = count(answer) > 0 && answer.iter().all(|frame| frame.tag != 'E');
    is_masked
        .then_some(())
        .ok_or_else(|| format!("no masked rows: {}", shown(answer)))
}

fn withheld(answer: &[Frame]) -> Result<(), String> {
    let is_theirs = |frame: &Frame| frame.tag == 'E' && frame.field('C').starts_with("23");
    let is_withheld = answer.iter().any(is_theirs);
    is_withheld
        .then_some(())
        .ok_or_else(|| format!("no error of the server's: {}", shown(answer)))
}
