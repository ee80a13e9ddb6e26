//! A session as a fuzzer writes it: what either side sends, and what is answered to the questions between.
//!
//! Knows no protocol. Every byte string is a script, and small edits of the bytes are small edits of the session.
//!
//! ```text
//! script   judging u8, then steps until the end
//! step     0 length u16 bytes    the client sends
//!          1 length u16 bytes    the server sends
//!          2                     the open question is answered with yes
//!          3                     the open question is answered with no
//!          4                     the agent has something to say
//! ```
//!
//! Numbers are little-endian; a step is its byte modulo 5; a length beyond the end means: what is left.

use protocol::Side;

/// When questions are answered, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judging {
    /// At once, with yes.
    Forward,
    /// At once, with yes, under masks.
    Mask,
    /// At once, with no.
    Refuse,
    /// At once: yes, no, yes, no.
    Alternate,
    /// By the steps of the script.
    Hold,
}

/// What happens next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Bytes arrive.
    Send(Side, Vec<u8>),
    /// The open question, if there is one, is answered: yes or no.
    Answer(bool),
    /// The agent says something to the client.
    Notify,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Who answers questions.
    pub judging: Judging,
    /// What happens, in order. Bytes of one side that follow each other are one step.
    pub steps: Vec<Step>,
}

const JUDGINGS: [Judging; 5] = [
    Judging::Forward,
    Judging::Mask,
    Judging::Refuse,
    Judging::Alternate,
    Judging::Hold,
];

impl Script {
    /// Reads any bytes as a script.
    pub fn decode(bytes: &[u8]) -> Self {
        let (first, mut rest) = bytes.split_first().unwrap_or((&0, &[]));
        let judging = JUDGINGS[usize::from(*first) % JUDGINGS.len()];
        let mut script = Self {
            judging,
            steps: vec![],
        };
        while let Some((step, after)) = rest.split_first() {
            rest = after;
            match step % 5 {
                0 => script.send(Side::Client, take(&mut rest)),
                1 => script.send(Side::Server, take(&mut rest)),
                2 => script.steps.push(Step::Answer(true)),
                3 => script.steps.push(Step::Answer(false)),
                _ => script.steps.push(Step::Notify),
            }
        }
        script
    }

    /// The bytes that [`Script::decode`] reads this script from.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![self.judging as u8];
        for step in &self.steps {
            match step {
                Step::Send(side, sent) => {
                    for part in sent.chunks(usize::from(u16::MAX)) {
                        bytes.push(u8::from(*side == Side::Server));
                        bytes.extend_from_slice(&(part.len() as u16).to_le_bytes());
                        bytes.extend_from_slice(part);
                    }
                }
                Step::Answer(yes) => bytes.push(if *yes { 2 } else { 3 }),
                Step::Notify => bytes.push(4),
            }
        }
        bytes
    }

    /// Adds bytes of one side.
    pub fn send(&mut self, from: Side, bytes: &[u8]) {
        match self.steps.last_mut() {
            Some(Step::Send(side, sent)) if *side == from => sent.extend_from_slice(bytes),
            _ => self.steps.push(Step::Send(from, bytes.to_vec())),
        }
    }
}

fn take<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let Some((length, after)) = rest.split_first_chunk::<2>() else {
        return std::mem::take(rest);
    };
    let length = usize::from(u16::from_le_bytes(*length)).min(after.len());
    let (taken, left) = after.split_at(length);
    *rest = left;
    taken
}
