//! Claims about the archive as a whole.

mod absorbing;
mod columns;
mod heads;
mod older;
mod reading;
mod tampering;
mod tree;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use journal::{Journal, Settings};
use model::{
    AuditEvent, AuditRecord, Decided, Effect, Finished, Login, MaskFunction, MaskedColumn, Masks,
    Object, Opened, Outcome, Parameter, ParameterType, Place, Process, Reason, Relation,
    SCHEMA_VERSION, SessionId, Stage, Status, Target, Touch, Touches, Verb, Workload,
};

use crate::chain::Chain;
use crate::table::{TableReader, TableWriter};
use crate::{Archive, Column, Filter, Row, Schema, Trail, Trust};

const HOST: &str = "db-1";
/// 2026-07-23T23:59:59.5Z, so that a story soon crosses midnight.
const EVENING: i64 = 1_784_851_199_500_000;

/// A journal and an archive in a directory of their own.
struct House {
    directory: tempfile::TempDir,
    journal: Journal,
    records: i64,
}

impl House {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (journal, _) =
            Journal::open(directory.path().join("journal"), Settings::default()).unwrap();
        Self {
            directory,
            journal,
            records: 0,
        }
    }

    fn trail(&self) -> Trail {
        Trail {
            directory: self.archive(),
            host: HOST.to_owned(),
            journal: Some(self.journal()),
        }
    }

    fn archive(&self) -> PathBuf {
        self.directory.path().join("archive")
    }

    fn journal(&self) -> PathBuf {
        self.directory.path().join("journal")
    }

    /// Writes events one millisecond apart.
    fn write(&mut self, session: Option<SessionId>, events: impl IntoIterator<Item = AuditEvent>) {
        for event in events {
            let record = AuditRecord {
                time: EVENING + self.records * 1000,
                session,
                ..record(event)
            };
            self.records += 1;
            block_on(self.journal.append(record)).unwrap();
        }
    }

    /// Returns once the disk has what was written.
    fn sync(&self) {
        let live = journal::segments(&self.journal()).unwrap().pop().unwrap();
        let last = || journal::read_synced(&live).unwrap().last();
        while last().is_none_or(|entry| entry.unwrap().sequence < self.records as u64) {
            std::thread::yield_now();
        }
    }

    /// Seals the live segment, and returns its path.
    fn seal(&self) -> PathBuf {
        block_on(self.journal.seal()).unwrap();
        journal::sealed(&self.journal()).unwrap().pop().unwrap()
    }

    /// Seals the live segment and archives it.
    fn absorb(&self) {
        let segment = self.seal();
        Archive::open(self.archive(), HOST)
            .unwrap()
            .absorb(&segment)
            .unwrap();
    }

    /// The Parquet files, in order.
    fn files(&self) -> Vec<PathBuf> {
        let mut files = crate::layout::files(&self.archive(), HOST).unwrap();
        files.sort_by_key(|file| file.file_name().unwrap().to_owned());
        files
    }

    fn rows(&self) -> Vec<Row> {
        self.trail().rows(&Filter::default()).unwrap()
    }

    /// What is wrong, one line each.
    fn findings(&self) -> Vec<String> {
        let report = self.trail().verify(&Trust::default(), |_, _| ()).unwrap();
        report.findings.iter().map(ToString::to_string).collect()
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(future)
}

fn record(event: AuditEvent) -> AuditRecord {
    AuditRecord {
        version: SCHEMA_VERSION,
        time: EVENING,
        session: None,
        event,
    }
}

/// A session of eight records, one of each kind that a session has.
fn story() -> Vec<AuditEvent> {
    vec![
        opened(),
        decided(Effect::Allow, Stage::Connect),
        decided(Effect::Allow, Stage::Run),
        finished(),
        decided(Effect::Hold, Stage::Run),
        AuditEvent::Settled {
            request: 3,
            approval: model::Approval::Approved {
                by: "ana".to_owned(),
                reason: Some("ticket 7".to_owned()),
            },
        },
        decided(Effect::Deny, Stage::Run),
        closed(),
    ]
}

fn started() -> AuditEvent {
    AuditEvent::Started {
        version: "0.1.0".to_owned(),
        policy: "ab".repeat(32),
    }
}

fn opened() -> AuditEvent {
    AuditEvent::Opened(Opened {
        workloads: vec![
            Workload("systemd:billing.service".to_owned()),
            Workload("uid:1000".to_owned()),
        ],
        os_user: Some("billing".to_owned()),
        executable: Some("/usr/bin/psql".to_owned()),
        process: Some(Process {
            cgroup: 4711,
            pid: 99,
            uid: 1000,
            gid: 100,
            login_uid: u32::MAX,
            started: 123_456_789,
            exe_inode: 17,
            exe_device: 8 << 20 | 1,
            comm: "psql".to_owned(),
        }),
        address: "127.0.0.1:40000".parse().unwrap(),
        destination: "[::1]:5432".parse().unwrap(),
        target: Target {
            server: "main".into(),
            address: "127.0.0.1:5432".parse().unwrap(),
        },
    })
}

fn decided(effect: Effect, stage: Stage) -> AuditEvent {
    let connect = stage == Stage::Connect;
    let statement = |text: &str| (!connect).then(|| text.to_owned());
    let mask = MaskedColumn {
        place: Some(Place {
            statement: 0,
            output: 1,
        }),
        table: 16_400,
        column: 3,
        name: "public.customers.email".into(),
        class: "pii".into(),
        function: MaskFunction::Email,
    };
    AuditEvent::Decided(Decided {
        request: 1,
        stage,
        login: connect.then(|| Login {
            user: "app".to_owned(),
            database: "shop".to_owned(),
            application: Some("psql".to_owned()),
            settings: vec![("search_path".to_owned(), "public".to_owned())],
        }),
        text: statement("SELECT name, email FROM customers WHERE id = $1 -- Ä").map(Arc::from),
        fingerprint: statement(&"cd".repeat(32)),
        parameters: match connect {
            true => [].into(),
            false => [
                Parameter::Text("7".to_owned()),
                Parameter::Null,
                Parameter::Binary("00ff".to_owned()),
            ]
            .into(),
        },
        types: match connect {
            true => [].into(),
            false => [("int4", 23), ("text", 25), ("int2", 21)]
                .map(|(name, like)| {
                    Some(ParameterType {
                        name: name.into(),
                        like,
                    })
                })
                .into(),
        },
        verbs: if connect { vec![] } else { vec![Verb::Select] },
        touches: (!connect).then(|| {
            Touches::Known(vec![Touch {
                verb: Verb::Select,
                object: Object::Relation(Relation {
                    schema: "public".into(),
                    name: "customers".into(),
                    oid: Some(16_400),
                }),
                columns: vec![],
                restricted: true,
                through: None,
            }])
        }),
        effect,
        masks: match effect == Effect::Allow && !connect {
            true => Masks {
                shown: [mask].into(),
                ..Masks::none()
            },
            false => Masks::none(),
        },
        limit: None,
        because: Reason {
            policies: vec!["billing-reads".into()],
            explanation: "billing may read customers".to_owned(),
            hint: None,
            approvers: vec![],
            ..Reason::default()
        },
        policy: "ab".repeat(32).into(),
        circumstances: None,
        monitored: false,
    })
}

fn finished() -> AuditEvent {
    AuditEvent::Finished(Finished {
        request: 1,
        outcome: Outcome {
            status: Status::Completed,
            tags: vec!["SELECT 2".to_owned()],
            rows: 2,
            bytes: 64,
            masked: 2,
            masked_values: Vec::new(),
        },
        judged: Some(40),
        duration: 1500,
    })
}

fn closed() -> AuditEvent {
    AuditEvent::Closed {
        reason: "the client said goodbye".to_owned(),
    }
}

/// Changes rows of a file and writes it again, as somebody would who can.
fn rewrite(path: &Path, change: impl FnOnce(&mut Vec<Row>)) {
    let mut rows: Vec<Row> = TableReader::open(path)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    change(&mut rows);
    let schema = rows.first().map_or(Schema::NEWEST, Row::schema);
    write_rows(schema, path, &rows);
}

fn write_rows(schema: Schema, path: &Path, rows: &[Row]) {
    let mut writer = TableWriter::create_of(schema, path).unwrap();
    rows.iter()
        .for_each(|row| writer.push(row.clone()).unwrap());
    writer.finish().unwrap();
}

/// Rows as they were before there was a tree.
fn chained(sequences: &[u64]) -> Vec<Row> {
    let mut chain = Chain::genesis(HOST);
    let row = |sequence: &u64| {
        let mut row = Row::empty_of(Schema::ALL[0]);
        row.put(Column::Sequence, *sequence);
        row.put(
            Column::Record,
            &*serde_json::to_string(&record(started())).unwrap(),
        );
        chain = chain.next(row.schema(), row.iter().map(|(_, value)| value));
        row.put(Column::Chain, &chain.hex());
        row
    };
    sequences.iter().map(row).collect()
}

fn drop_last_line(house: &House) {
    edit_manifest(house, |lines| drop(lines.pop()));
}

fn edit_manifest(house: &House, edit: impl FnOnce(&mut Vec<String>)) {
    let path = crate::layout::manifest(&house.archive(), HOST);
    let text = std::fs::read_to_string(&path).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    edit(&mut lines);
    let text: String = lines.into_iter().map(|line| line + "\n").collect();
    std::fs::write(path, text).unwrap();
}

fn texts(rows: &[Row], column: Column) -> Vec<Option<&str>> {
    rows.iter().map(|row| row.text(column)).collect()
}
