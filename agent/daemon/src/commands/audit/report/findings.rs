//! What a period's records come to.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use archive::{Column, Filter, Row, Trail, Trust};
use serde::Serialize;

use crate::commands::audit::list;
use crate::screen::{clock, one_line};

use super::criteria::{Evidence, evidence};

/// Longest list of single events. What is beyond is counted.
const MOST: usize = 200;

/// What a report says, whatever its form.
#[derive(Debug, Serialize)]
pub struct Findings {
    pub host: String,
    /// Where the trail lies.
    pub archive: String,
    /// Times of the first and last record.
    pub since: String,
    pub until: String,
    /// Numbers of the first and last record.
    pub first: u64,
    pub last: u64,
    pub records: u64,
    /// Records between the first and the last that are not there.
    pub missing: u64,
    pub integrity: Integrity,
    pub sessions: u64,
    pub unproven: u64,
    pub plain: u64,
    pub totals: Counts,
    /// By day, UTC.
    pub days: BTreeMap<String, Counts>,
    /// By who asks: workload, database user, database.
    pub people: Vec<Share>,
    /// By object: rows are those of the requests that touched it.
    pub objects: Vec<Share>,
    pub denied: Events,
    pub approvals: Events,
    pub changes: Events,
    pub policies: Events,
    pub criteria: Vec<Evidence>,
}

impl Findings {
    /// Single events, by what they are about.
    pub fn lists(&self) -> [(&'static str, &Events); 4] {
        [
            ("Refused", &self.denied),
            ("Approvals", &self.approvals),
            ("Changes of structure and rights", &self.changes),
            ("Agent and policies", &self.policies),
        ]
    }
}

/// What `weir audit verify` said when the report was made.
#[derive(Debug, Serialize)]
pub struct Integrity {
    pub is_clean: bool,
    /// Number of the trail's last archived record.
    pub head: u64,
    /// The signed head of the log, where there is one: it covers this many records and all their values.
    pub checkpoint: Option<String>,
    pub findings: Vec<String>,
    /// What repeats it.
    pub command: String,
}

/// Numbers of requests, by what became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub requests: u64,
    pub denied: u64,
    pub held: u64,
    pub masked: u64,
    /// Of which it is not known what they touched.
    pub opaque: u64,
    pub rows: u64,
    pub bytes: u64,
    pub masked_values: u64,
}

/// A part of the requests.
#[derive(Debug, Serialize)]
pub struct Share {
    pub name: String,
    pub counts: Counts,
}

/// Single events, oldest first.
#[derive(Debug, Default, Serialize)]
pub struct Events {
    pub count: u64,
    /// At most so many as are worth reading.
    pub shown: Vec<Event>,
}

/// One event.
#[derive(Debug, Serialize)]
pub struct Event {
    pub sequence: u64,
    pub time: String,
    pub who: String,
    pub what: String,
    pub why: String,
}

impl Events {
    fn add(&mut self, row: &Row, what: &str, why: &str) {
        self.count += 1;
        if self.shown.len() < MOST {
            self.shown.push(Event {
                sequence: row.sequence(),
                time: clock(row.time()),
                who: who(row),
                what: one_line(what, 200),
                why: one_line(why, 200),
            });
        }
    }
}

impl Findings {
    /// Reads the records of the period once, and verifies the trail.
    pub fn of(trail: &Trail, filter: &Filter) -> anyhow::Result<Self> {
        let mut tally = Tally::default();
        trail.each(filter, |row| tally.add(row))?;
        let verified = trail.verify(&Trust::default(), |_, _| {})?;
        let checkpoint = trail
            .directory
            .join("log")
            .join(&trail.host)
            .join("checkpoint");
        let archive = trail.directory.display().to_string();
        let mut findings = Self {
            host: trail.host.clone(),
            since: clock(tally.since),
            until: clock(tally.until),
            first: tally.first,
            last: tally.last,
            records: tally.records,
            missing: match tally.records {
                0 => 0,
                records => (tally.last - tally.first + 1).saturating_sub(records),
            },
            integrity: Integrity {
                is_clean: verified.is_clean(),
                head: verified.head,
                checkpoint: fs::read_to_string(checkpoint).ok(),
                findings: verified.findings.iter().map(ToString::to_string).collect(),
                command: format!("weir audit verify {archive}"),
            },
            archive,
            sessions: tally.sessions.len() as u64,
            unproven: tally.unproven,
            plain: tally.sessions.difference(&tally.encrypted).count() as u64,
            totals: tally.totals,
            days: tally.days,
            people: shares(tally.people),
            objects: shares(tally.objects),
            denied: tally.denied,
            approvals: tally.approvals,
            changes: tally.changes,
            policies: tally.policies,
            criteria: Vec::new(),
        };
        findings.criteria = evidence(&findings);
        Ok(findings)
    }
}

/// The largest first.
fn shares(counts: BTreeMap<String, Counts>) -> Vec<Share> {
    let shares = counts
        .into_iter()
        .map(|(name, counts)| Share { name, counts });
    let mut shares: Vec<_> = shares.collect();
    shares.sort_by_key(|share| std::cmp::Reverse(share.counts.requests));
    shares.truncate(MOST);
    shares
}

#[derive(Default)]
struct Tally {
    since: i64,
    until: i64,
    first: u64,
    last: u64,
    records: u64,
    sessions: BTreeSet<String>,
    encrypted: BTreeSet<String>,
    unproven: u64,
    totals: Counts,
    days: BTreeMap<String, Counts>,
    people: BTreeMap<String, Counts>,
    objects: BTreeMap<String, Counts>,
    /// What the requests touch that have not ended, by session and number.
    under_way: BTreeMap<(String, u64), Vec<String>>,
    denied: Events,
    approvals: Events,
    changes: Events,
    policies: Events,
}

impl Tally {
    fn add(&mut self, row: &Row) {
        if self.records == 0 {
            (self.since, self.first) = (row.time(), row.sequence());
        }
        (self.until, self.last) = (row.time(), row.sequence());
        self.records += 1;
        let text = |column| row.text(column).unwrap_or_default();
        if let Some(session) = row.text(Column::ActorSessionUid) {
            self.sessions.insert(session.to_owned());
            if row.text(Column::ClientTls).is_some() {
                self.encrypted.insert(session.to_owned());
            }
        }
        match text(Column::Event) {
            "opened" => self.unproven += u64::from(row.number(Column::Cgroup).is_none()),
            "decided" => self.decided(row),
            "settled" => {
                let by = row.text(Column::ApprovalBy).unwrap_or("nobody");
                let what = format!("{} by {by}", text(Column::Approval));
                self.approvals.add(row, &what, text(Column::ApprovalReason));
            }
            "finished" => {
                let counts = Counts {
                    rows: amount(row, Column::Rows),
                    bytes: amount(row, Column::Bytes),
                    masked_values: amount(row, Column::MaskedValues),
                    ..Counts::default()
                };
                self.count(row, &counts);
                let touched = self.under_way.remove(&request(row));
                for object in touched.unwrap_or_default() {
                    self.objects.entry(object).or_default().add(&counts);
                }
            }
            event @ ("started" | "policy_loaded" | "policy_rejected" | "stopped") => {
                let why = match row.text(Column::Reason) {
                    Some(error) => error,
                    None => text(Column::PolicyHash),
                };
                self.policies.add(row, event, why);
            }
            _ => {}
        }
    }

    fn decided(&mut self, row: &Row) {
        let text = |column| row.text(column).unwrap_or_default();
        let (stage, effect) = (text(Column::Stage), text(Column::Effect));
        let statement = row.text(Column::QueryString).unwrap_or("a login");
        if effect == "deny" {
            self.denied.add(row, statement, text(Column::Reason));
        }
        if stage != "run" {
            return;
        }
        let counts = Counts {
            requests: 1,
            denied: u64::from(effect == "deny"),
            held: u64::from(effect == "hold"),
            masked: u64::from(!list_is_empty(text(Column::Masks))),
            opaque: u64::from(row.text(Column::Opaque).is_some()),
            ..Counts::default()
        };
        self.count(row, &counts);
        let objects = list(text(Column::Objects));
        for object in &objects {
            self.objects.entry(object.clone()).or_default().add(&counts);
        }
        self.under_way.insert(request(row), objects);
        let changing = ["create", "alter", "drop", "truncate", "grant"];
        let verbs = list(text(Column::Verbs));
        if verbs.iter().any(|verb| changing.contains(&verb.as_str())) {
            self.changes.add(row, statement, effect);
        }
    }

    fn count(&mut self, row: &Row, counts: &Counts) {
        let day: String = clock(row.time()).chars().take(10).collect();
        self.totals.add(counts);
        self.days.entry(day).or_default().add(counts);
        self.people.entry(who(row)).or_default().add(counts);
    }
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.denied += other.denied;
        self.held += other.held;
        self.masked += other.masked;
        self.opaque += other.opaque;
        self.rows += other.rows;
        self.bytes += other.bytes;
        self.masked_values += other.masked_values;
    }
}

/// Session and number of the request that a record is about.
fn request(row: &Row) -> (String, u64) {
    let session = row.text(Column::ActorSessionUid).unwrap_or_default();
    (session.to_owned(), amount(row, Column::Request))
}

fn amount(row: &Row, column: Column) -> u64 {
    let number = row.number(column).unwrap_or_default();
    u64::try_from(number).unwrap_or_default()
}

fn list_is_empty(json: &str) -> bool {
    matches!(json, "" | "[]")
}

/// Workload, database user and database; the agent where there is none.
fn who(row: &Row) -> String {
    let text = |column| row.text(column).unwrap_or_default();
    let workload = list(text(Column::Workloads)).into_iter().next();
    match (workload, row.text(Column::ActorUserName)) {
        (Some(workload), Some(user)) => {
            format!("{workload} as {user} in {}", text(Column::DatabaseName))
        }
        (Some(workload), None) => workload,
        (None, _) => "weir".to_owned(),
    }
}
