//! What the trail says about a request, as policies judge it: who asked, of whom, and what it was known to do.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use archive::{Column, Row};
use model::{
    AuditEvent, AuditRecord, Decided, Login, Request, Stage, Statement, Subject, Target, Touches,
    Usage, Values, Workload,
};
use policy::Moment;
use serde::Serialize;

/// A request that was judged once, and can be judged again.
pub struct Recorded {
    pub subject: Subject,
    pub target: Target,
    pub login: Login,
    pub request: Request,
    pub moment: Moment,
    /// What was decided about it.
    pub decided: Decided,
}

/// Who asked for what, in the words of reports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Who {
    /// The most telling workload.
    pub workload: String,
    pub user: String,
    pub server: String,
    pub database: String,
}

/// Why a request cannot be judged again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gap {
    /// The message was refused without being read.
    Unread,
    /// An agent recorded it that did not say as much.
    Older,
    /// The session's beginning is not in the trail.
    Session,
    /// The record cannot be read.
    Damaged,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unread => "were refused without being read",
            Self::Older => "were recorded by an older agent, without the form of the statement",
            Self::Session => "are of sessions whose beginning is not in the trail",
            Self::Damaged => "have records that cannot be read",
        })
    }
}

impl Recorded {
    /// The request of this row. None where it is about something else: another event, the second decision about a
    /// request that was released, or the preparation of a statement, whose runs are rows of their own. A statement that
    /// was refused when it was prepared never ran, and counts.
    pub fn of(row: &Row) -> Option<Result<Self, Gap>> {
        if row.text(Column::Event) != Some("decided") {
            return None;
        }
        let passed = matches!(row.text(Column::Effect), Some("allow" | "hold"))
            || row.number(Column::Monitored) == Some(1);
        if passed && row.text(Column::Stage) == Some("prepare") {
            return None;
        }
        let text = row.text(Column::Record).unwrap_or_default();
        let Ok(record) = serde_json::from_str::<AuditRecord>(text) else {
            return Some(Err(Gap::Damaged));
        };
        let AuditEvent::Decided(decided) = record.event else {
            return None;
        };
        let is_released = decided
            .circumstances
            .is_some_and(|circumstances| circumstances.approved);
        if is_released {
            return None;
        }
        let (Some(session), Some(address)) = (record.session, address(row)) else {
            return Some(Err(Gap::Session));
        };
        let subject = Subject {
            session,
            workloads: workloads(row),
            os_user: None,
            executable: None,
            process: None,
            address,
        };
        Some(Self::judged(row, record.time, subject, decided))
    }

    fn judged(row: &Row, time: i64, subject: Subject, decided: Decided) -> Result<Self, Gap> {
        let login = match &decided.login {
            Some(login) => login.clone(),
            None => login(row).ok_or(Gap::Session)?,
        };
        let circumstances = match decided.circumstances {
            Some(circumstances) => circumstances,
            None if decided.text.is_none() && decided.stage != Stage::Connect => {
                return Err(Gap::Unread);
            }
            None => return Err(Gap::Older),
        };
        let request = match (&decided.login, &decided.touches) {
            (Some(login), _) => Request::Connect(login.clone()),
            (None, Some(touches)) => Request::Run(Statement {
                shape: circumstances.shape,
                ..statement(&decided, touches)
            }),
            (None, None) => return Err(Gap::Unread),
        };
        Ok(Self {
            target: target(row).ok_or(Gap::Session)?,
            moment: Moment {
                time,
                in_transaction: circumstances.in_transaction,
                approved: false,
                usage: Usage::default(),
            },
            subject,
            login,
            request,
            decided,
        })
    }

    /// In the words of reports.
    pub fn who(&self) -> Who {
        let workloads = &self.subject.workloads;
        Who {
            workload: workloads
                .first()
                .map(ToString::to_string)
                .unwrap_or_default(),
            user: self.login.user.clone(),
            server: self.target.server.to_string(),
            database: self.login.database.clone(),
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            workload,
            user,
            server,
            database,
        } = self;
        write!(f, "{workload} as {user} on {server}/{database}")
    }
}

/// As recorded, without outputs, which policies do not see, and without what follows from values: which rows they choose is
/// not recorded.
fn statement(decided: &Decided, touches: &Touches) -> Statement {
    let text = decided.text.clone().unwrap_or_default();
    Statement {
        fingerprint: model::Digest::of(text.as_bytes()),
        text,
        verbs: decided.verbs.clone(),
        touches: touches.clone(),
        outputs: [].into(),
        shape: model::Shape::default(),
        parameters: [].into(),
        types: [].into(),
        values: Some(Values {
            awaited: decided.stage == Stage::Prepare,
            ..Values::default()
        }),
    }
}

fn workloads(row: &Row) -> Vec<Workload> {
    let names = row.text(Column::Workloads).unwrap_or("[]");
    serde_json::from_str(names).unwrap_or_default()
}

fn address(row: &Row) -> Option<SocketAddr> {
    let ip: IpAddr = row.text(Column::SrcEndpointIp)?.parse().ok()?;
    let port = u16::try_from(row.number(Column::SrcEndpointPort)?).ok()?;
    Some((ip, port).into())
}

fn login(row: &Row) -> Option<Login> {
    Some(Login {
        user: row.text(Column::ActorUserName)?.to_owned(),
        database: row.text(Column::DatabaseName)?.to_owned(),
        application: row.text(Column::ActorAppName).map(str::to_owned),
        settings: Vec::new(),
    })
}

fn target(row: &Row) -> Option<Target> {
    Some(Target {
        server: row.text(Column::Server)?.into(),
        address: row.text(Column::ServerAddress)?.parse().ok()?,
    })
}
