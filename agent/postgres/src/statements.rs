//! Prepared statements and portals by name, as the server has them or will have them.
//!
//! A definition counts for the engine only once the server has answered it. Until then it counts for what follows
//! it before the next Sync, because the server skips all of that if the definition fails:
//!
//! ```text
//! Parse a ... Bind a ... Sync   the Bind means this Parse, or is skipped with it
//! Parse a ... Sync ... Bind a   the Bind means this Parse only if it worked: wait for the answer
//! ```
//!
//! Without the wait, a Parse that fails ("already exists") would leave the engine judging one text while the server
//! runs another.
//!
//! INVARIANT: what is settled here is on the server under the same name with the same meaning, or is not there at all.
//! SQL can remove names behind the engine's back (DEALLOCATE, CLOSE, COMMIT), which is harmless until it makes others
//! of the same name (PREPARE, DECLARE). So the engine forgets names as soon as a command may have done so, and forgets
//! the oldest when they become too many. What it does not know, nobody can judge, and nothing runs.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use model::Parameter;
use protocol::Ticket;

use crate::messages::row_description::Field;

/// A prepared statement.
#[derive(Debug)]
pub struct Prepared {
    /// Its text.
    pub text: Bytes,
    /// The types that the client gave its first parameters; 0 where it left that to the server.
    pub declared: Option<Arc<[u32]>>,
    /// The types of all its parameters, once the server has described them. They never change.
    pub described: OnceLock<Option<Arc<[u32]>>>,
    /// Whether nothing may be sent behind it before it has ended.
    pub holds_up: bool,
}

impl Prepared {
    /// The types of its parameters, as far as they are known.
    pub fn types(&self) -> Option<Arc<[u32]>> {
        self.described.get().unwrap_or(&self.declared).clone()
    }

    /// The server described it. A second description says the same.
    pub fn describe(&self, types: Option<Arc<[u32]>>) {
        let _ = self.described.set(types);
    }
}

/// A portal.
#[derive(Debug)]
pub struct Portal {
    /// Its name.
    pub name: Bytes,
    /// The statement, unless the engine does not know it (SQL's PREPARE made it).
    pub statement: Option<Arc<Prepared>>,
    /// The values.
    pub parameters: Vec<Parameter>,
    /// The last request before it was made.
    pub since: Ticket,
    /// Its columns, once the server has described them. They never change.
    pub fields: OnceLock<Vec<Field>>,
    /// Rows of it that the client has read, where they are limited.
    pub shown: AtomicU64,
}

/// What a name stands for.
#[derive(Debug)]
pub enum Found<T> {
    /// This.
    Known(Arc<T>),
    /// Nothing.
    Nothing,
    /// That depends on an answer that the server still owes.
    Unsettled,
}

/// Something that is remembered.
pub trait Weight {
    /// Bytes that it takes, roughly.
    fn weight(&self) -> usize;
}

impl Weight for Prepared {
    fn weight(&self) -> usize {
        // What the server will describe is not counted: a parameter takes as many bytes of the text.
        self.text.len() + self.declared.as_deref().map_or(0, size_of_val)
    }
}

impl Weight for Portal {
    fn weight(&self) -> usize {
        let values = self.parameters.iter().map(|parameter| match parameter {
            Parameter::Text(text) | Parameter::Binary(text) | Parameter::Encoded(text) => {
                text.len()
            }
            Parameter::Null | Parameter::Large { .. } => 0,
        });
        values.sum::<usize>() + size_of_val(self.parameters.as_slice())
    }
}

/// Names of one kind.
#[derive(Debug)]
pub struct Names<T> {
    settled: HashMap<Bytes, Settled<T>>,
    /// The settled names by age.
    ages: BTreeMap<u64, Bytes>,
    /// Age of the youngest.
    youngest: u64,
    settled_weight: usize,
    pending: VecDeque<Pending<T>>,
    pending_weight: usize,
}

#[derive(Debug)]
struct Settled<T> {
    value: Arc<T>,
    age: u64,
}

/// A definition (or, with `None`, a removal) that the server has not answered.
#[derive(Debug)]
struct Pending<T> {
    name: Bytes,
    value: Option<Arc<T>>,
    segment: u64,
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self {
            settled: HashMap::new(),
            ages: BTreeMap::new(),
            youngest: 0,
            settled_weight: 0,
            pending: VecDeque::new(),
            pending_weight: 0,
        }
    }
}

impl<T: Weight> Names<T> {
    /// What the name stands for, for a message in this segment of the pipeline.
    pub fn find(&self, name: &[u8], segment: u64) -> Found<T> {
        let pending = self.pending.iter().rev().find(|entry| entry.name == name);
        let value = match pending {
            Some(entry) if entry.segment != segment => return Found::Unsettled,
            Some(entry) => entry.value.as_ref(),
            None => self.settled.get(name).map(|settled| &settled.value),
        };
        value.map_or(Found::Nothing, |value| Found::Known(value.clone()))
    }

    /// A definition, or a removal, was sent.
    pub fn sent(&mut self, name: Bytes, value: Option<Arc<T>>, segment: u64) {
        // A slice would keep the whole message that it was cut from.
        let name = Bytes::copy_from_slice(&name);
        self.pending_weight += weight(&name, value.as_deref());
        self.pending.push_back(Pending {
            name,
            value,
            segment,
        });
    }

    /// The server did the oldest that was sent. `count` and `bytes` bound what is remembered.
    pub fn completed(&mut self, count: usize, bytes: usize) {
        let Some(entry) = self.answered() else {
            return;
        };
        self.forget(&entry.name);
        if let Some(value) = entry.value {
            self.settle(entry.name, value);
        }
        while self.settled.len() > count || (self.settled_weight > bytes && self.settled.len() > 1)
        {
            let Some((_, oldest)) = self.ages.pop_first() else {
                return;
            };
            self.forget(&oldest);
        }
    }

    /// The server did not do the oldest that was sent.
    pub fn failed(&mut self) {
        self.answered();
    }

    /// Forgets every settled name.
    pub fn clear_settled(&mut self) {
        self.settled.clear();
        self.ages.clear();
        self.settled_weight = 0;
    }

    /// Bytes of the definitions under way.
    pub fn pending_weight(&self) -> usize {
        self.pending_weight
    }

    fn answered(&mut self) -> Option<Pending<T>> {
        let entry = self.pending.pop_front()?;
        self.pending_weight -= weight(&entry.name, entry.value.as_deref());
        Some(entry)
    }

    fn settle(&mut self, name: Bytes, value: Arc<T>) {
        self.youngest += 1;
        self.settled_weight += weight(&name, Some(&*value));
        self.ages.insert(self.youngest, name.clone());
        let age = self.youngest;
        self.settled.insert(name, Settled { value, age });
    }

    fn forget(&mut self, name: &Bytes) {
        if let Some(settled) = self.settled.remove(name) {
            self.ages.remove(&settled.age);
            self.settled_weight -= weight(name, Some(&*settled.value));
        }
    }
}

fn weight<T: Weight>(name: &[u8], value: Option<&T>) -> usize {
    name.len() + value.map_or(0, T::weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Weight for u8 {
        fn weight(&self) -> usize {
            10
        }
    }

    const A: Bytes = Bytes::from_static(b"a");

    fn known(names: &Names<u8>, segment: u64) -> Option<u8> {
        match names.find(b"a", segment) {
            Found::Known(value) => Some(*value),
            _ => None,
        }
    }

    #[test]
    fn a_definition_counts_at_once_within_its_segment() {
        let mut names = Names::default();
        names.sent(A, Some(Arc::new(1)), 1);
        assert_eq!(known(&names, 1), Some(1));
        assert!(matches!(names.find(b"a", 2), Found::Unsettled));
    }

    #[test]
    fn a_definition_that_failed_leaves_the_older_one() {
        let mut names = Names::default();
        names.sent(A, Some(Arc::new(1)), 1);
        names.completed(10, 1000);
        names.sent(A, Some(Arc::new(2)), 2);
        names.failed();
        assert_eq!(known(&names, 3), Some(1));
    }

    #[test]
    fn a_removal_counts_like_a_definition() {
        let mut names = Names::default();
        names.sent(A, Some(Arc::new(1)), 1);
        names.completed(10, 1000);
        names.sent(A, None, 2);
        assert!(matches!(names.find(b"a", 2), Found::Nothing));
        assert!(matches!(names.find(b"a", 3), Found::Unsettled));
        names.completed(10, 1000);
        assert!(matches!(names.find(b"a", 3), Found::Nothing));
    }

    #[test]
    fn the_oldest_is_forgotten_when_there_are_too_many_names_or_bytes() {
        for (count, bytes) in [(2, 1000), (10, 30)] {
            let mut names = Names::default();
            for name in ["a", "b", "a", "c"] {
                names.sent(Bytes::from(name), Some(Arc::new(1)), 1);
                names.completed(count, bytes);
            }
            assert!(matches!(names.find(b"b", 2), Found::Nothing));
            assert!(matches!(names.find(b"a", 2), Found::Known(_)));
            assert!(matches!(names.find(b"c", 2), Found::Known(_)));
        }
    }
}
