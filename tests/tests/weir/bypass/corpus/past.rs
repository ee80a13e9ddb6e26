//! The same tries past the agent: each does the harm that its technique claims.

use std::time::Instant;

use weir_tests::messages::{terminate, told};
use weir_tests::{Frame, Wire};

use super::family::{Effect, Step};
use super::run::{Way, run};
use super::server::{OTHER, Observer, PAST, enter, restore, settings, shown};
use super::{Corpus, MANY, QUICK, canary, count};

/// The server's words where a text with several statements is no prepared statement.
const SEVERAL: &str = "cannot insert multiple commands into a prepared statement";

impl Corpus {
    /// Claims that a try has this effect on the server.
    pub fn open(&mut self, effect: Effect, steps: &[Step], way: Way) -> Result<(), String> {
        let mut wire = self.session_in(PAST);
        let begun = Instant::now();
        let before = (effect == Effect::Switches).then(|| settings(&mut wire));
        let (answer, has_changed) = match effect {
            Effect::Changes => self.changes(&mut wire, steps, way),
            _ => (self.answer(&mut wire, PAST, steps, way), false),
        };
        let happens = match effect {
            Effect::Changes => has_changed,
            Effect::Shows => canary(&answer).is_some(),
            Effect::Tells => self.tells(&answer, steps, way),
            Effect::Switches => Some(settings(&mut wire)) != before,
            Effect::Waits => begun.elapsed() > QUICK,
            Effect::Floods => count(&answer) > MANY,
        };
        match (effect, steps) {
            // A library that was loaded stays.
            (Effect::Switches, _) => leave(wire),
            (_, [Step::Sql(_)]) => self.rest(PAST, wire),
            _ => leave(wire),
        }
        self.restore();
        let is_carried = !shown(&answer).contains(SEVERAL);
        match happens || !is_carried {
            true => Ok(()),
            false => Err(format!("it does not do that: {}", shown(&answer))),
        }
    }

    fn session_in(&mut self, database: &'static str) -> Wire {
        let resting = self.resting.remove(database);
        resting.unwrap_or_else(|| enter(&self.world, database))
    }

    /// Keeps a session for the next try, as it was in the beginning.
    fn rest(&mut self, database: &'static str, mut wire: Wire) {
        let again = ["ROLLBACK", "DISCARD ALL"].map(|sql| wire.query(sql));
        let [_, Ok(discarded)] = again else {
            return leave(wire);
        };
        match told(&discarded).as_str() {
            "C:DISCARD_ALL Z:I" => _ = self.resting.insert(database, wire),
            _ => leave(wire),
        }
    }

    fn answer(&mut self, wire: &mut Wire, database: &str, steps: &[Step], way: Way) -> Vec<Frame> {
        let places = self.places(database);
        let mut answer = Vec::new();
        for step in steps {
            if let Step::Meanwhile { meanwhile } = step {
                self.past.run(meanwhile);
            }
            answer.extend(run(wire, step, way, &places));
        }
        answer
    }

    fn tells(&mut self, answer: &[Frame], steps: &[Step], way: Way) -> bool {
        let mut wire = self.session_in(OTHER);
        let other = self.answer(&mut wire, OTHER, steps, way);
        self.rest(OTHER, wire);
        shown(answer) != shown(&other)
    }

    /// What comes of it, and whether anything is not what it was. In a transaction first, which is quick to undo.
    fn changes(&mut self, wire: &mut Wire, steps: &[Step], way: Way) -> (Vec<Frame>, bool) {
        let is_alone = !steps
            .iter()
            .any(|step| matches!(step, Step::Meanwhile { .. }));
        if is_alone {
            wire.query("BEGIN").unwrap();
            let answer = self.answer(wire, PAST, steps, way);
            let after = self.past.look_from(wire);
            let has_changed = after.is_some_and(|after| after != self.untouched);
            wire.query("ROLLBACK").unwrap();
            if has_changed {
                return (answer, true);
            }
            self.restore();
            leave(std::mem::replace(wire, enter(&self.world, PAST)));
        }
        let places = self.places(PAST);
        let mut before = self.untouched.clone();
        let mut answer = Vec::new();
        let mut has_changed = false;
        for step in steps {
            match step {
                Step::Meanwhile { meanwhile } => {
                    self.past.run(meanwhile);
                    before = self.past.look();
                }
                _ => {
                    answer.extend(run(wire, step, way, &places));
                    has_changed |= self.past.look() != before;
                }
            }
        }
        (answer, has_changed)
    }

    /// Undoes what was done, if anything was.
    fn restore(&mut self) {
        let notice = self.past.notice();
        if notice == self.noticed {
            return;
        }
        self.noticed = notice;
        if self.past.look() == self.untouched {
            return;
        }
        self.resting.remove(PAST);
        restore(&self.world);
        self.bystander.revive(&self.world);
        self.past = Observer::of(&self.world, PAST);
        self.untouched = self.past.look();
        self.noticed = self.past.notice();
    }
}

/// Ends a session, and waits until the server has ended it.
fn leave(mut wire: Wire) {
    // Whoever was told to end is gone already.
    if wire.send(&terminate()).is_ok() {
        let _ = wire.until_end();
    }
}
