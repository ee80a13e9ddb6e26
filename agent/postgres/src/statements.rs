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

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use model::Parameter;

use crate::messages::row_description::Field;

/// A prepared statement: its text.
#[derive(Debug)]
pub struct Prepared {
    pub text: Bytes,
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
    /// Whether a Describe of it was sent.
    pub described: AtomicBool,
    /// The answer to that Describe. A portal's columns never change.
    pub fields: OnceLock<Vec<Field>>,
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

/// Names of one kind.
#[derive(Debug)]
pub struct Names<T> {
    settled: HashMap<Bytes, Arc<T>>,
    pending: VecDeque<Pending<T>>,
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
            pending: VecDeque::new(),
        }
    }
}

impl<T> Names<T> {
    /// What the name stands for, for a message in this segment of the pipeline.
    pub fn find(&self, name: &[u8], segment: u64) -> Found<T> {
        let pending = self.pending.iter().rev().find(|entry| entry.name == name);
        let value = match pending {
            Some(entry) if entry.segment != segment => return Found::Unsettled,
            Some(entry) => entry.value.as_ref(),
            None => self.settled.get(name),
        };
        value.map_or(Found::Nothing, |value| Found::Known(value.clone()))
    }

    /// A definition, or a removal, was sent.
    pub fn sent(&mut self, name: Bytes, value: Option<Arc<T>>, segment: u64) {
        self.pending.push_back(Pending {
            // A slice would keep the whole message that it was cut from.
            name: Bytes::copy_from_slice(&name),
            value,
            segment,
        });
    }

    /// The server did the oldest that was sent.
    pub fn completed(&mut self) {
        let Some(entry) = self.pending.pop_front() else {
            return;
        };
        match entry.value {
            Some(value) => self.settled.insert(entry.name, value),
            None => self.settled.remove(&entry.name),
        };
    }

    /// The server did not do the oldest that was sent.
    pub fn failed(&mut self) {
        self.pending.pop_front();
    }

    /// Forgets every settled name.
    pub fn clear_settled(&mut self) {
        self.settled.clear();
    }

    /// Number of names and of definitions under way.
    pub fn len(&self) -> usize {
        self.settled.len() + self.pending.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        names.completed();
        names.sent(A, Some(Arc::new(2)), 2);
        names.failed();
        assert_eq!(known(&names, 3), Some(1));
    }

    #[test]
    fn a_removal_counts_like_a_definition() {
        let mut names = Names::default();
        names.sent(A, Some(Arc::new(1)), 1);
        names.completed();
        names.sent(A, None, 2);
        assert!(matches!(names.find(b"a", 2), Found::Nothing));
        assert!(matches!(names.find(b"a", 3), Found::Unsettled));
        names.completed();
        assert!(matches!(names.find(b"a", 3), Found::Nothing));
    }
}
