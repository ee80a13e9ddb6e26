//! What was understood of a text and decided about it, kept while neither can have changed.
//!
//! Knows when an answer may be used again, and nothing of how it is found. Texts that differ only in values that no fact
//! depends on share one reading.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use journal::Draft;
use model::{Decision, Digest, Parameter, ParameterTypes, Stage, Statement};
use policy::PolicySet;
use protocol::Source;
use sql::{Facts, Meaning, Pattern, Snapshot};

/// Patterns remembered per session; when there are more, all are forgotten.
const PATTERNS: usize = 256;
/// Bytes of the patterns that are remembered per session.
const BYTES: usize = 256 << 10;
/// Bytes of the longest text that is remembered.
const LONGEST: usize = 16 << 10;

/// A text with its facts.
pub struct Reading {
    text: Arc<str>,
    fingerprint: Digest,
    /// Whether it carries credentials, so that neither its text nor its values are kept as they came.
    pub hides: bool,
    /// What it, and every text of its pattern, would do.
    pub facts: Facts,
    /// What was decided about it.
    pub memory: Memory,
}

impl Reading {
    /// A text that is read for the first time.
    pub fn new(source: &Source, facts: Facts) -> Self {
        let statement = match source {
            Source::Text(text) => facts.statement(text, Arc::default()),
            Source::Function(oid) => {
                let text = format!("FunctionCall {oid}");
                facts.statement(text.as_bytes(), Arc::default())
            }
        };
        let hides = match source {
            Source::Text(text) => facts.carries_credentials(&String::from_utf8_lossy(text)),
            Source::Function(_) => facts.credentials,
        };
        Self {
            hides,
            text: statement.text,
            fingerprint: statement.fingerprint,
            facts,
            memory: Memory::default(),
        }
    }

    /// Whether this is the very text that was read, and not only one of its pattern.
    pub fn is_of(&self, source: &Source) -> bool {
        match source {
            Source::Text(text) => **text == *self.text.as_bytes(),
            Source::Function(_) => true,
        }
    }

    /// The statement that this source, which has these facts, is with these values of these types.
    pub fn statement(
        &self,
        source: &Source,
        parameters: Vec<Parameter>,
        types: ParameterTypes,
    ) -> Statement {
        let parameters = match self.hides {
            true => sql::hide_values(&parameters),
            false => parameters.into(),
        };
        match source {
            Source::Text(text) if !self.is_of(source) => Statement {
                types,
                ..self.facts.statement(text, parameters)
            },
            _ => Statement {
                parameters,
                types,
                ..self.as_read()
            },
        }
    }

    /// Whether there is something that policies which ask about values may judge differently the next time.
    pub fn has_values(&self, stage: Stage, parameters: &[Parameter]) -> bool {
        let awaits = stage == Stage::Prepare && !self.facts.placeholders.is_empty();
        awaits || !parameters.is_empty() || !self.facts.equals.is_empty()
    }

    /// The statement that was read, without values.
    pub fn as_read(&self) -> Statement {
        Statement {
            text: self.text.clone(),
            fingerprint: self.fingerprint,
            verbs: self.facts.verbs.clone(),
            touches: self.facts.touches.clone(),
            outputs: self.facts.outputs.clone(),
            shape: self.facts.shape,
            parameters: Arc::default(),
            types: Arc::default(),
            values: None,
        }
    }
}

/// The readings of one session.
#[derive(Default)]
pub struct Readings {
    /// By skeleton.
    known: HashMap<u64, Vec<Known>, BuildHasherDefault<Skeletons>>,
    patterns: usize,
    bytes: usize,
}

/// A reading, and what it holds for.
struct Known {
    reading: Arc<Reading>,
    pattern: Pattern,
    snapshot: u64,
    meaning: Meaning,
}

impl Readings {
    /// The reading of this text, where the catalog and the session's state are still the same.
    pub fn find(
        &self,
        text: &Bytes,
        session: &sql::Session,
        snapshot: &Snapshot,
    ) -> Option<Arc<Reading>> {
        if text.len() > LONGEST {
            return None;
        }
        let alike = self.known.get(&Pattern::skeleton(text))?;
        let known = alike.iter().find(|known| known.pattern.fits(text))?;
        let holds = known.snapshot == snapshot.version() && session.still_means(&known.meaning);
        holds.then(|| known.reading.clone())
    }

    /// Reads the text and remembers it, in place of what no longer holds.
    pub fn read(
        &mut self,
        text: &Bytes,
        session: &sql::Session,
        snapshot: &Snapshot,
    ) -> Arc<Reading> {
        let (facts, pattern) = sql::analyse_alike(text, session, snapshot);
        let reading = Arc::new(Reading::new(&Source::Text(text.clone()), facts));
        if text.len() <= LONGEST {
            self.forget(text);
            self.make_room(pattern.weight());
            let known = Known {
                reading: reading.clone(),
                pattern,
                snapshot: snapshot.version(),
                meaning: session.meaning(),
            };
            let alike = self.known.entry(Pattern::skeleton(text)).or_default();
            alike.push(known);
        }
        reading
    }

    fn forget(&mut self, text: &[u8]) {
        let Some(alike) = self.known.get_mut(&Pattern::skeleton(text)) else {
            return;
        };
        if let Some(index) = alike.iter().position(|known| known.pattern.fits(text)) {
            self.patterns -= 1;
            self.bytes -= alike.swap_remove(index).pattern.weight();
        }
    }

    fn make_room(&mut self, weight: usize) {
        if self.patterns >= PATTERNS || self.bytes + weight > BYTES {
            *self = Self::default();
        }
        self.patterns += 1;
        self.bytes += weight;
    }
}

/// A skeleton is a hash already.
#[derive(Default)]
struct Skeletons(u64);

impl Hasher for Skeletons {
    fn write_u64(&mut self, skeleton: u64) {
        self.0 = skeleton;
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The last decision about one reading, without approval.
#[derive(Default)]
pub struct Memory(Mutex<Option<Arc<Remembered>>>);

/// A decision, and what it holds for.
pub struct Remembered {
    policies: Arc<PolicySet>,
    in_transaction: bool,
    /// What was decided.
    pub decision: Decision,
    prepared: Slot,
    run: Slot,
}

/// The draft of the record at one stage.
type Slot = Mutex<Option<Drafted>>;

struct Drafted {
    /// Types of the values by the server's numbers, as they were named.
    types: Option<Arc<[u32]>>,
    draft: Arc<Draft>,
}

impl Memory {
    /// The decision, where these policies would decide the same again. Bind values, and the values that texts of one
    /// pattern differ in, make no difference unless policies ask about them.
    pub fn recall(
        &self,
        policies: &Arc<PolicySet>,
        in_transaction: bool,
        has_values: bool,
    ) -> Option<Arc<Remembered>> {
        let remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let remembered = remembered.as_ref()?;
        let holds = Arc::ptr_eq(&remembered.policies, policies)
            && remembered.in_transaction == in_transaction
            && !(has_values && policies.depends_on_values());
        holds.then(|| remembered.clone())
    }

    /// Remembers it, where it is good for longer than this moment.
    pub fn keep(&self, policies: &Arc<PolicySet>, in_transaction: bool, decision: &Decision) {
        if !decision.lasts {
            return;
        }
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *remembered = Some(Arc::new(Remembered {
            policies: policies.clone(),
            in_transaction,
            decision: decision.clone(),
            prepared: Slot::default(),
            run: Slot::default(),
        }));
    }
}

impl Remembered {
    /// The decision's record at this stage with values of these types, as far as it is the same each time. None where
    /// there can be none.
    pub fn draft(
        &self,
        stage: Stage,
        types: Option<&Arc<[u32]>>,
        make: impl FnOnce() -> Option<Draft>,
    ) -> Option<Arc<Draft>> {
        let slot = match stage {
            Stage::Prepare => &self.prepared,
            Stage::Run => &self.run,
            Stage::Connect => return None,
        };
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(drafted) = &*slot
            && drafted.types.as_ref() == types
        {
            return Some(drafted.draft.clone());
        }
        let draft = Arc::new(make()?);
        *slot = Some(Drafted {
            types: types.cloned(),
            draft: draft.clone(),
        });
        Some(draft)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use model::{Durability, Effect, Login, Outcome, Reason, Recorded, Status, Terms};
    use sql::Rows;

    use super::*;

    fn login() -> Login {
        Login {
            user: "ann".into(),
            database: "shop".into(),
            application: None,
            settings: Vec::new(),
        }
    }

    fn snapshot(version: u64) -> Snapshot {
        Snapshot::new(version, Rows::default())
    }

    /// Whether `text` is read again, or known from before.
    fn is_read(readings: &mut Readings, session: &sql::Session, snapshot: &Snapshot) -> bool {
        let text = Bytes::from_static(b"SELECT 1");
        let known = readings.find(&text, session, snapshot);
        if known.is_none() {
            readings.read(&text, session, snapshot);
        }
        known.is_none()
    }

    #[test]
    fn a_text_is_read_once_while_nothing_changes() {
        let (session, snapshot) = (sql::Session::new(&login(), &snapshot(1)), snapshot(1));
        let mut readings = Readings::default();
        assert!(is_read(&mut readings, &session, &snapshot));
        assert!(!is_read(&mut readings, &session, &snapshot));
    }

    #[test]
    fn a_text_is_read_again_by_another_catalog() {
        let session = sql::Session::new(&login(), &snapshot(1));
        let mut readings = Readings::default();
        assert!(is_read(&mut readings, &session, &snapshot(1)));
        assert!(is_read(&mut readings, &session, &snapshot(2)));
    }

    #[test]
    fn a_text_is_read_again_when_the_session_changes_what_it_means() {
        let snapshot = snapshot(1);
        let mut session = sql::Session::new(&login(), &snapshot);
        let mut readings = Readings::default();
        assert!(is_read(&mut readings, &session, &snapshot));
        let change = sql::analyse(b"SET search_path = secret", &session, &snapshot);
        session.forwarded(&change);
        assert!(is_read(&mut readings, &session, &snapshot));
        let completed = Outcome {
            status: Status::Completed,
            tags: vec!["SET".into()],
            rows: 0,
            bytes: 0,
            masked: 0,
            masked_values: Vec::new(),
        };
        session.finished(&change, &completed);
        session.settled();
        assert!(is_read(&mut readings, &session, &snapshot));
        assert!(!is_read(&mut readings, &session, &snapshot));
    }

    #[test]
    fn a_text_that_was_read_again_takes_the_place_of_the_old_reading() {
        let session = sql::Session::new(&login(), &snapshot(1));
        let mut readings = Readings::default();
        for version in 1..10 {
            assert!(is_read(&mut readings, &session, &snapshot(version)));
        }
        assert_eq!(readings.patterns, 1);
        assert_eq!(readings.known.values().flatten().count(), 1);
    }

    #[test]
    fn texts_of_one_pattern_share_facts_and_keep_their_words() {
        let snapshot = snapshot(1);
        let session = sql::Session::new(&login(), &snapshot);
        let mut readings = Readings::default();
        let [first, other] = [1, 2]
            .map(|id| Bytes::from(format!("SELECT FROM (VALUES (1)) v (id) WHERE id = {id}")));
        let read = readings.read(&first, &session, &snapshot);
        let found = readings.find(&other, &session, &snapshot).unwrap();
        assert!(Arc::ptr_eq(&read, &found));
        let source = Source::Text(other.clone());
        assert!(!found.is_of(&source));
        let statement = found.statement(&source, Vec::new(), Arc::default());
        assert_eq!(statement.text.as_bytes(), &*other);
        assert_eq!(statement.fingerprint, Digest::of(&other));
        assert_eq!(statement.touches, found.facts.touches);
    }

    #[test]
    fn readings_are_bounded_in_number_and_bytes() {
        let snapshot = snapshot(1);
        let session = sql::Session::new(&login(), &snapshot);
        for padding in [1, LONGEST / 2] {
            let mut readings = Readings::default();
            for number in 0..3 * PATTERNS {
                let name = "x".repeat(padding);
                let text = Bytes::from(format!("SELECT {number} AS a{name}"));
                readings.read(&text, &session, &snapshot);
                let known = || readings.known.values().flatten();
                assert!(known().count() <= PATTERNS);
                assert!(known().map(|known| known.pattern.weight()).sum::<usize>() <= BYTES);
            }
        }
    }

    fn policies(condition: &str) -> Arc<PolicySet> {
        let directory = tempfile::tempdir().unwrap();
        let policy = format!(
            "@id(\"all\")\npermit (principal, action == Action::\"select\", resource) when {{ {condition} }};\n"
        );
        fs::write(directory.path().join("all.cedar"), policy).unwrap();
        fs::write(directory.path().join("classes.toml"), "").unwrap();
        Arc::new(PolicySet::load(directory.path()).unwrap())
    }

    fn decision() -> Decision {
        Decision {
            effect: Effect::Allow,
            terms: Terms::default(),
            recorded: Recorded::default(),
            durability: Durability::default(),
            lasts: true,
            because: Reason::default(),
        }
    }

    #[test]
    fn a_decision_is_recalled_for_the_same_policies_and_transaction_state_only() {
        let (these, others) = (policies("context.has_where"), policies("context.has_where"));
        let memory = Memory::default();
        memory.keep(&these, false, &decision());
        let recall = |policies, in_transaction| {
            let remembered = memory.recall(policies, in_transaction, true)?;
            Some(remembered.decision.clone())
        };
        assert_eq!(recall(&these, false), Some(decision()));
        assert_eq!(recall(&these, true), None);
        assert_eq!(recall(&others, false), None);
    }

    #[test]
    fn a_decision_that_depends_on_the_time_is_not_recalled() {
        let office_hours = policies("context.hour < 18");
        let memory = Memory::default();
        let of_now = Decision {
            durability: Durability::default(),
            lasts: false,
            ..decision()
        };
        memory.keep(&office_hours, false, &of_now);
        assert!(memory.recall(&office_hours, false, false).is_none());
    }

    #[test]
    fn a_decision_that_depends_on_values_is_recalled_only_where_there_are_none() {
        let of_tenant = policies("context.equals.contains({ column: \"tenant\", value: \"42\" })");
        let memory = Memory::default();
        memory.keep(&of_tenant, false, &decision());
        assert!(memory.recall(&of_tenant, false, true).is_none());
        assert!(memory.recall(&of_tenant, false, false).is_some());
    }
}
