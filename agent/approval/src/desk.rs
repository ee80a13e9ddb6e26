//! The open questions, and the hand-over of an answer from who settles to who waits.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use model::Approval;
use tokio::sync::oneshot;

use crate::{Answer, ApprovalError, Approver, Question, QuestionId};

/// All open questions of an agent. Cloning it gives another way to the same desk.
#[derive(Clone, Debug)]
pub struct Desk {
    open: Arc<Mutex<Open>>,
    limit: usize,
}

type Open = BTreeMap<QuestionId, Entry>;

#[derive(Debug)]
struct Entry {
    question: Question,
    answer: oneshot::Sender<Approval>,
}

impl Default for Desk {
    /// A desk for 1000 questions.
    fn default() -> Self {
        Self::new(1000)
    }
}

impl Desk {
    /// A desk for at most this many open questions.
    pub fn new(limit: usize) -> Self {
        Self {
            open: Arc::default(),
            limit,
        }
    }

    /// Puts a question on the desk, for as long as the returned guard lives.
    pub fn ask(&self, question: Question) -> Result<Waiting, ApprovalError> {
        let mut open = lock(&self.open);
        if open.len() >= self.limit {
            return Err(ApprovalError::DeskFull { limit: self.limit });
        }
        let id = question.id.clone();
        if open.contains_key(&id) {
            return Err(ApprovalError::IdTaken { id });
        }
        let (answer, answered) = oneshot::channel();
        open.insert(id.clone(), Entry { question, answer });
        Ok(Waiting {
            id,
            answered,
            settled: None,
            open: Arc::downgrade(&self.open),
        })
    }

    /// The open questions, oldest first.
    pub fn list(&self) -> Vec<Question> {
        let mut questions: Vec<_> = lock(&self.open)
            .values()
            .map(|entry| entry.question.clone())
            .collect();
        questions.sort_by_key(|question| question.asked_at);
        questions
    }

    /// One open question.
    pub fn show(&self, id: &QuestionId) -> Option<Question> {
        lock(&self.open).get(id).map(|entry| entry.question.clone())
    }

    /// Answers a question, once. Who made the request may deny it, but never approve it.
    pub fn settle(
        &self,
        id: &QuestionId,
        approver: &Approver,
        answer: Answer,
    ) -> Result<(), ApprovalError> {
        let mut open = lock(&self.open);
        let not_open = || ApprovalError::NotOpen { id: id.clone() };
        let question = &open.get(id).ok_or_else(not_open)?.question;
        entitled(question, approver, &answer)?;
        let entry = open.remove(id).ok_or_else(not_open)?;
        // The waiting side may have gone in this very moment: then nothing was approved, and that is said.
        entry
            .answer
            .send(settled(approver, answer))
            .map_err(|_| not_open())
    }
}

fn entitled(
    question: &Question,
    approver: &Approver,
    answer: &Answer,
) -> Result<(), ApprovalError> {
    let own = approver.shares_with(&question.requester);
    match (answer, own) {
        (Answer::Deny { .. }, Some(_)) => Ok(()),
        (Answer::Approve { .. }, Some(uid)) => Err(ApprovalError::OwnRequest {
            id: question.id.clone(),
            approver: approver.name.clone(),
            uid,
        }),
        _ if approver.is_among(&question.because.approvers) => reasoned(question, answer),
        _ => Err(ApprovalError::NotEntitled {
            id: question.id.clone(),
            approver: approver.name.clone(),
            approvers: question
                .because
                .approvers
                .iter()
                .map(ToString::to_string)
                .collect(),
        }),
    }
}

fn reasoned(question: &Question, answer: &Answer) -> Result<(), ApprovalError> {
    let given = match answer {
        Answer::Approve { reason } => reason.as_deref().unwrap_or_default(),
        Answer::Deny { .. } => return Ok(()),
    };
    if question.because.reason_required && given.trim().is_empty() {
        let id = question.id.clone();
        return Err(ApprovalError::ReasonMissing { id });
    }
    Ok(())
}

fn settled(approver: &Approver, answer: Answer) -> Approval {
    let by = approver.name.clone();
    match answer {
        Answer::Approve { reason } => Approval::Approved { by, reason },
        Answer::Deny { reason } => Approval::Denied { by, reason },
    }
}

/// The waiting end of one question. Dropping it withdraws the question.
#[derive(Debug)]
pub struct Waiting {
    id: QuestionId,
    answered: oneshot::Receiver<Approval>,
    settled: Option<Approval>,
    open: Weak<Mutex<Open>>,
}

impl Waiting {
    /// The question's name.
    pub fn id(&self) -> &QuestionId {
        &self.id
    }

    /// Waits for the answer; after the time-out the question is off the desk. A call that is dropped may be repeated,
    /// and once there is an answer it stays the answer.
    pub async fn answer(&mut self, timeout: Duration) -> Approval {
        if let Some(settled) = &self.settled {
            return settled.clone();
        }
        let settled = match tokio::time::timeout(timeout, &mut self.answered).await {
            Ok(answered) => answered.unwrap_or(Approval::Withdrawn),
            Err(_) => self.expire(),
        };
        self.settled.insert(settled).clone()
    }

    /// Takes the question off the desk. An answer that came in the same moment counts: whoever gave it was told so.
    fn expire(&mut self) -> Approval {
        self.withdraw();
        self.answered.try_recv().unwrap_or(Approval::Expired)
    }

    /// Closes its own end first, and by that knows its own entry from one that took the same name later.
    fn withdraw(&mut self) {
        self.answered.close();
        if let Some(open) = self.open.upgrade() {
            let mut open = lock(&open);
            if open
                .get(&self.id)
                .is_some_and(|entry| entry.answer.is_closed())
            {
                open.remove(&self.id);
            }
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.withdraw();
    }
}

/// No code that holds the lock can leave the map half changed, so a panic elsewhere does not spoil it.
fn lock(open: &Mutex<Open>) -> MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
