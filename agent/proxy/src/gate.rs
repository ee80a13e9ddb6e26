//! The gate: the only maker of verdicts.
//!
//! ```text
//! judge:   decide ─> record Decided ─┬─ allow ─> (wait for the disk) ─> Verdict::Forward
//!                                    ├─ deny ──> Verdict::Refuse
//!                                    └─ hold ──> Held
//! release: Held ─> wait for an answer ─> record Settled ─> decide again, approved ─> Verdict
//! ```
//!
//! How long the disk is waited for says [`Durability`]: the configuration's, or a permit's where that asks for more. Only
//! what lets something happen is waited for; how it ended is on the disk soon after.
//!
//! A record that the journal does not take turns every verdict into a refusal. Where the target is only monitored, every
//! other verdict is to forward, and the record says so.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use approval::{Desk, Question, QuestionId, Requester, Waiting};
use journal::{Draft, Filling, Journal, JournalError};
use model::{
    Approval, AuditEvent, AuditRecord, Circumstances, Decided, Decision, Durability, Effect, Login,
    Masks, Reason, Recorded, Refusal, Request, SCHEMA_VERSION, SessionId, Shape, Stage, Statement,
    Subject, Target, Terms, Usage, Verdict,
};
use policy::{Moment, PolicySet};
use protocol::{Command, Source};
use sql::Snapshot;
use tokio::sync::watch;

use crate::error::unrecorded;
use crate::reading::{Memory, Reading};
use crate::refusals::{denied, login_not_held, not_released, unasked};
use crate::scene::types;

/// What sessions share: the policies, the journal and the desk.
#[derive(Clone)]
pub struct Gate {
    policies: watch::Receiver<Arc<PolicySet>>,
    /// What `policies` held when it was last looked at.
    seen: Arc<PolicySet>,
    journal: Journal,
    /// What every record of a request survives at least.
    durability: Durability,
    desk: Desk,
    approval_timeout: Duration,
    /// Whether decisions are only recorded.
    monitors: bool,
}

/// One request of one session.
pub struct Case<'a> {
    /// Who asks.
    pub subject: &'a Subject,
    /// Which server.
    pub target: &'a Target,
    /// The session's login.
    pub login: &'a Login,
    /// The request's number in its session.
    pub number: u64,
    /// Whether it runs or is only prepared.
    pub stage: Stage,
    /// What is asked.
    pub request: &'a Request,
    /// Whether the session is inside a transaction block.
    pub in_transaction: bool,
    /// How much came before it.
    pub usage: Usage,
    /// Whether policies that ask about values may judge it differently than before.
    pub has_values: bool,
    /// What was decided about the same request before.
    pub memory: &'a Memory,
}

/// A statement of a pattern that was read before.
pub struct Repeated<'a> {
    /// The session that asks.
    pub session: SessionId,
    /// The request's number in its session.
    pub number: u64,
    /// Whether it runs or is only prepared.
    pub stage: Stage,
    /// The statement, in its own words.
    pub command: &'a Command,
    /// What is known of it.
    pub reading: &'a Reading,
    /// By which catalog.
    pub snapshot: &'a Snapshot,
    /// Whether the session is inside a transaction block.
    pub in_transaction: bool,
    /// Microseconds since the Unix epoch.
    pub time: i64,
}

/// A verdict, and what the client waits for before it reads anything of what comes of it.
pub struct Ruling {
    /// The verdict.
    pub verdict: Verdict,
    /// The record that has to be on the disk first.
    pub awaited: Option<u64>,
}

impl From<Verdict> for Ruling {
    fn from(verdict: Verdict) -> Self {
        Self {
            verdict,
            awaited: None,
        }
    }
}

/// What judging came to.
pub enum Judged {
    /// The verdict.
    Settled(Ruling),
    /// Somebody must be asked first.
    Held(Box<Held>),
}

/// A request that waits for a person. Dropping it withdraws the question.
pub struct Held {
    waiting: Waiting,
    decided: Decided,
}

impl Gate {
    /// A gate over the policies as they are published.
    pub fn new(
        policies: watch::Receiver<Arc<PolicySet>>,
        journal: Journal,
        durability: Durability,
        desk: Desk,
        approval_timeout: Duration,
    ) -> Self {
        let seen = policies.borrow().clone();
        Self {
            seen,
            policies,
            journal,
            durability,
            desk,
            approval_timeout,
            monitors: false,
        }
    }

    /// The same gate for a target that is only monitored: it records what it would do, and forwards.
    pub fn monitoring(self) -> Self {
        Self {
            monitors: true,
            ..self
        }
    }

    /// Whether a statement's values have to be read before it is judged.
    pub fn asks_about_values(&self) -> bool {
        self.policies.borrow().depends_on_values()
    }

    /// Permits, and records, what these policies permitted before. None where it takes more than that.
    pub fn permit_again(&mut self, repeated: &Repeated<'_>) -> Option<Ruling> {
        if self.policies.has_changed().unwrap_or(true) {
            self.seen = self.policies.borrow_and_update().clone();
        }
        let Repeated {
            stage,
            command,
            reading,
            snapshot,
            ..
        } = *repeated;
        if reading.hides {
            return None;
        }
        let known = reading
            .memory
            .recall(
                &self.seen,
                repeated.in_transaction,
                reading.has_values(stage, &command.parameters),
            )
            .filter(|known| self.monitors || known.decision.effect == Effect::Allow)?;
        let durability = self.durability(stage, &known.decision);
        if durability == Durability::Strict {
            return None;
        }
        let draft = known.draft(stage, command.types.as_ref(), || {
            let request = Request::Run(Statement {
                types: types(command, &reading.facts, snapshot),
                ..reading.as_read()
            });
            let decided = self.decided(
                0,
                stage,
                &request,
                circumstances(&request, repeated.in_transaction, false),
                &known.decision,
                self.seen.hash(),
            );
            Draft::new(&decided).ok()
        })?;
        let is_worded = known.decision.recorded >= Recorded::Statements;
        let wording = match &command.source {
            Source::Text(text) if is_worded && !reading.is_of(&command.source) => {
                Some(std::str::from_utf8(text).ok()?)
            }
            _ => None,
        };
        let recorded = self.journal.put_draft(
            &draft,
            &Filling {
                session: repeated.session,
                time: repeated.time,
                request: repeated.number,
                parameters: if is_worded { &command.parameters } else { &[] },
                text: wording,
            },
        );
        Some(match recorded {
            Ok(sequence) => Ruling {
                verdict: Verdict::Forward(self.applied(&known.decision.terms)),
                awaited: (durability == Durability::Release).then_some(sequence),
            },
            Err(error) => lost(&error).into(),
        })
    }

    /// Judges a request and records the decision.
    pub async fn judge(&self, case: &Case<'_>) -> Judged {
        let now = now();
        let (decision, policy) = self.decide(case, now, false);
        let decided = self.decided_of(case, false, &decision, policy);
        let session = case.subject.session;
        let recorded = self.record(session, AuditEvent::Decided(decided.clone()));
        let sequence = match recorded {
            Ok(sequence) => sequence,
            Err(error) => return Judged::Settled(lost(&error).into()),
        };
        let durability = self.durability(case.stage, &decision);
        if self.monitors {
            let terms = self.applied(&decision.terms);
            return Judged::Settled(self.forward(terms, sequence, durability).await);
        }
        let refusal = match (decision.effect, case.stage) {
            // What is only prepared runs nothing; it is held when it is run, with its values.
            (Effect::Allow, _) | (Effect::Hold, Stage::Prepare) => {
                let forwarded = self.forward(decision.terms, sequence, durability);
                return Judged::Settled(forwarded.await);
            }
            (Effect::Hold, Stage::Run) => return self.hold(case, decided, now).await,
            (Effect::Deny, _) => denied(case, &decision.because),
            (Effect::Hold, Stage::Connect) => login_not_held(),
        };
        Judged::Settled(Verdict::Refuse(refusal).into())
    }

    /// Forwards on these terms, once the record is as safe as it has to be.
    async fn forward(&self, terms: Terms, sequence: u64, durability: Durability) -> Ruling {
        if durability == Durability::Strict
            && let Err(error) = Box::pin(self.journal.on_disk(sequence)).await
        {
            return lost(&error).into();
        }
        Ruling {
            verdict: Verdict::Forward(terms),
            awaited: (durability == Durability::Release).then_some(sequence),
        }
    }

    /// What the record of a decision has to survive. What is only prepared runs nothing, and is recorded again when it runs.
    fn durability(&self, stage: Stage, decision: &Decision) -> Durability {
        match stage {
            Stage::Prepare => Durability::Process,
            Stage::Connect | Stage::Run => self.durability.max(decision.durability),
        }
    }

    /// Ends once this record and all before it are on the disk.
    pub fn on_disk(
        &self,
        sequence: u64,
    ) -> impl Future<Output = Result<(), JournalError>> + Send + use<> {
        let journal = self.journal.clone();
        async move { journal.on_disk(sequence).await }
    }

    fn decide(&self, case: &Case<'_>, now: i64, approved: bool) -> (Decision, Arc<str>) {
        let policies = self.policies.borrow().clone();
        if !approved
            && let Some(known) = case
                .memory
                .recall(&policies, case.in_transaction, case.has_values)
        {
            return (known.decision.clone(), policies.hash());
        }
        let moment = Moment {
            time: now,
            in_transaction: case.in_transaction,
            approved,
            usage: case.usage,
        };
        let decision =
            policies.decide(case.subject, case.target, case.login, case.request, &moment);
        let is_for_its_values = case.has_values && policies.depends_on_values();
        if !approved && !is_for_its_values {
            case.memory.keep(&policies, case.in_transaction, &decision);
        }
        (decision, policies.hash())
    }

    async fn hold(&self, case: &Case<'_>, decided: Decided, now: i64) -> Judged {
        let question = question(case, &decided, now, self.approval_timeout);
        match self.desk.ask(question) {
            Ok(waiting) => Judged::Held(Box::new(Held { waiting, decided })),
            Err(error) => {
                let settled = self.settle(case.subject.session, case.number, Approval::Withdrawn);
                Judged::Settled(match settled {
                    Ok(_) => Verdict::Refuse(unasked(&error)).into(),
                    Err(error) => lost(&error).into(),
                })
            }
        }
    }

    /// Waits for the answer about a held request and records it. What was approved is judged once more, as approved and
    /// by the policies of that moment.
    pub async fn release(&self, mut held: Box<Held>, case: &Case<'_>) -> Ruling {
        let approval = held.waiting.answer(self.approval_timeout).await;
        let session = case.subject.session;
        let mut recorded = self.settle(session, case.number, approval.clone());
        if recorded.is_ok() && !matches!(approval, Approval::Approved { .. }) {
            return Verdict::Refuse(not_released(case, &approval)).into();
        }
        let (decision, policy) = self.decide(case, now(), true);
        let is_as_held = decision.effect == Effect::Allow
            && decision.terms.masks == held.decided.masks
            && decision.terms.limit == held.decided.limit
            && policy == held.decided.policy;
        if recorded.is_ok() && !is_as_held {
            let decided = self.decided_of(case, true, &decision, policy);
            recorded = self.record(session, AuditEvent::Decided(decided));
        }
        let sequence = match recorded {
            Ok(sequence) => sequence,
            Err(error) => return lost(&error).into(),
        };
        match decision.effect {
            Effect::Allow => {
                let durability = self.durability(case.stage, &decision);
                self.forward(decision.terms, sequence, durability).await
            }
            Effect::Deny | Effect::Hold => Verdict::Refuse(denied(case, &decision.because)).into(),
        }
    }

    /// Records how a held request was settled.
    pub fn settle(
        &self,
        session: SessionId,
        request: u64,
        approval: Approval,
    ) -> Result<u64, JournalError> {
        self.record(session, AuditEvent::Settled { request, approval })
    }

    /// Records an event of a session, and gives the record's number. It is in the kernel's hands then.
    pub fn record(&self, session: SessionId, event: AuditEvent) -> Result<u64, JournalError> {
        let record = AuditRecord {
            version: SCHEMA_VERSION,
            time: now(),
            session: Some(session),
            event,
        };
        self.journal.put(&record)
    }

    fn decided_of(
        &self,
        case: &Case<'_>,
        approved: bool,
        decision: &Decision,
        policy: Arc<str>,
    ) -> Decided {
        let circumstances = circumstances(case.request, case.in_transaction, approved);
        self.decided(
            case.number,
            case.stage,
            case.request,
            circumstances,
            decision,
            policy,
        )
    }

    /// The record of a decision.
    fn decided(
        &self,
        number: u64,
        stage: Stage,
        request: &Request,
        circumstances: Circumstances,
        decision: &Decision,
        policy: Arc<str>,
    ) -> Decided {
        let (login, statement) = match request {
            Request::Connect(login) => (Some(login.clone()), None),
            Request::Run(statement) => (None, Some(statement)),
        };
        let worded = statement.filter(|_| decision.recorded >= Recorded::Statements);
        Decided {
            request: number,
            stage,
            login,
            text: worded.map(|statement| statement.text.clone()),
            fingerprint: statement.map(|statement| statement.fingerprint.to_string()),
            parameters: worded
                .map(|statement| statement.parameters.clone())
                .unwrap_or_default(),
            types: worded
                .map(|statement| statement.types.clone())
                .unwrap_or_default(),
            verbs: statement
                .map(|statement| statement.verbs.clone())
                .unwrap_or_default(),
            touches: statement.map(|statement| statement.touches.clone()),
            effect: decision.effect,
            masks: decision.terms.masks.clone(),
            limit: decision.terms.limit.clone(),
            because: decision.because.clone(),
            policy,
            circumstances: Some(circumstances),
            monitored: self.monitors,
        }
    }

    /// What is done of the terms that were decided.
    fn applied(&self, terms: &Terms) -> Terms {
        match self.monitors {
            true => Terms {
                kept: terms.kept,
                ..Terms::default()
            },
            false => terms.clone(),
        }
    }

    /// Records that a request was refused without being looked at, and refuses it.
    pub fn refuse_unread(&self, subject: &Subject, number: u64, refusal: Refusal) -> Verdict {
        let event = AuditEvent::Decided(Decided {
            request: number,
            stage: Stage::Run,
            login: None,
            text: None,
            fingerprint: None,
            parameters: Arc::default(),
            types: Arc::default(),
            verbs: Vec::new(),
            touches: None,
            effect: Effect::Deny,
            masks: Masks::none(),
            limit: None,
            because: Reason {
                explanation: refusal.message.clone(),
                ..Reason::default()
            },
            policy: self.policies.borrow().hash(),
            circumstances: None,
            // What was not read cannot be forwarded.
            monitored: false,
        });
        match self.record(subject.session, event) {
            Ok(_) => Verdict::Refuse(refusal),
            Err(error) => lost(&error),
        }
    }
}

impl Held {
    /// What the waiting client is told, and what it can do meanwhile.
    pub fn notice(&self) -> (String, String) {
        let who = match self.decided.because.approvers.as_slice() {
            [] => "anybody else who may approve".to_owned(),
            names => names.join(", "),
        };
        let id = self.waiting.id();
        (
            format!(
                "weir: the statement is held as {id} until {who} approves it: {}",
                self.decided.because.explanation
            ),
            format!("Approve with: weir approvals approve {id}"),
        )
    }
}

fn circumstances(request: &Request, in_transaction: bool, approved: bool) -> Circumstances {
    Circumstances {
        shape: match request {
            Request::Connect(_) => Shape::default(),
            Request::Run(statement) => statement.shape,
        },
        in_transaction,
        approved,
    }
}

fn question(case: &Case<'_>, decided: &Decided, now: i64, timeout: Duration) -> Question {
    let timeout = i64::try_from(timeout.as_micros()).unwrap_or(i64::MAX);
    // Who is asked sees it whole, whatever is kept of it.
    let (text, parameters, types) = match case.request {
        Request::Run(Statement {
            text,
            parameters,
            types,
            ..
        }) => (text.clone(), parameters.clone(), types.clone()),
        Request::Connect(_) => (Arc::default(), Arc::default(), Arc::default()),
    };
    Question {
        id: QuestionId::random(),
        session: case.subject.session,
        request: case.number,
        requester: Requester::from(case.subject),
        server: case.target.server.clone(),
        database: case.login.database.clone(),
        user: case.login.user.clone(),
        text,
        fingerprint: decided.fingerprint.clone().unwrap_or_default(),
        parameters,
        types,
        because: decided.because.clone(),
        asked_at: now,
        expires_at: now.saturating_add(timeout),
    }
}

fn lost(error: &JournalError) -> Verdict {
    tracing::error!(%error, "a record was not taken, so the request is refused");
    Verdict::Refuse(unrecorded())
}

/// Microseconds since the Unix epoch.
pub fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|elapsed| i64::try_from(elapsed.as_micros()).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
