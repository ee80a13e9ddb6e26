//! What a record costs who appends it, encoding included: on a real file, beside a flusher that syncs it.

#![allow(clippy::unwrap_used)]

use std::hint::black_box;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use model::{
    AuditEvent, AuditRecord, Column, ColumnUse, Decided, Effect, Finished, Masks, Object, Outcome,
    Parameter, ParameterType, Reason, Relation, SCHEMA_VERSION, SessionId, Stage, Status, Touch,
    Touches, Use, Verb,
};
use rustix::time::{ClockId, clock_gettime};
use weir_journal::{Draft, Filling, Journal, JournalError, Settings};

const TIME: i64 = 1_700_000_000_000_000;

/// Records that are put one after the other, and the pause behind them: 40,000 records a second.
const BURST: u64 = 400;
const PAUSE: Duration = Duration::from_millis(10);

/// What one `SELECT abalance FROM pgbench_accounts WHERE aid = $1` leaves.
fn decided() -> Decided {
    let used = |name: &str, number, how| ColumnUse {
        column: Column {
            name: name.into(),
            number: Some(number),
        },
        how,
    };
    Decided {
        request: 7,
        parameters: [Parameter::Text("4711".into())].into(),
        types: [Some(ParameterType {
            name: "int4".into(),
            like: 23,
        })]
        .into(),
        stage: Stage::Run,
        login: None,
        text: Some("SELECT abalance FROM pgbench_accounts WHERE aid = $1;".into()),
        fingerprint: Some(
            "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8".into(),
        ),
        verbs: vec![Verb::Select],
        touches: Some(Touches::Known(vec![Touch {
            verb: Verb::Select,
            object: Object::Relation(Relation {
                schema: "public".into(),
                name: "pgbench_accounts".into(),
                oid: Some(16_396),
            }),
            columns: vec![
                used("abalance", 3, Use::Shown),
                used("aid", 1, Use::Filtered),
            ],
            restricted: true,
            through: None,
        }])),
        effect: Effect::Allow,
        masks: Masks::none(),
        limit: None,
        because: Reason {
            policies: vec!["applications-may-read".into()],
            explanation: "permitted by applications-may-read".into(),
            hint: None,
            approvers: Vec::new(),
            ..Reason::default()
        },
        policy: "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae".into(),
        circumstances: None,
        monitored: false,
    }
}

fn finished() -> Finished {
    Finished {
        request: 7,
        outcome: Outcome {
            status: Status::Completed,
            tags: vec!["SELECT 1".into()],
            rows: 1,
            bytes: 12,
            masked: 0,
            masked_values: Vec::new(),
        },
        judged: Some(40),
        duration: 87,
    }
}

fn record(session: SessionId, event: AuditEvent) -> AuditRecord {
    AuditRecord {
        version: SCHEMA_VERSION,
        time: TIME,
        session: Some(session),
        event,
    }
}

fn append(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(directory.path(), Settings::default()).unwrap();
    let sweeper = sweep(&journal);
    let session = SessionId::now();
    let decided = decided();
    let draft = Draft::new(&decided).unwrap();
    let parameters = Arc::clone(&decided.parameters);
    let decided = record(session, AuditEvent::Decided(decided));
    let finished = record(session, AuditEvent::Finished(finished()));
    let mut measure = |name: &str, put: &dyn Fn() -> Result<u64, JournalError>| {
        criterion.bench_function(name, |bench| {
            bench.iter_custom(|records| pace(records, put))
        });
    };
    measure("put draft", &|| {
        let filling = Filling {
            session,
            time: TIME,
            request: 7,
            parameters: &parameters,
            text: None,
        };
        journal.put_draft(&draft, &filling)
    });
    measure("put decided", &|| journal.put(&decided));
    measure("put finished", &|| journal.put(&finished));
    drop(journal);
    sweeper.join().unwrap();
}

/// Puts this many records as fast as a busy agent does, and gives the processor's time that this took the thread. Without
/// pauses the disk would be measured.
fn pace(records: u64, put: &dyn Fn() -> Result<u64, JournalError>) -> Duration {
    let mut spent = Duration::ZERO;
    let mut left = records;
    while left > 0 {
        let burst = left.min(BURST);
        let start = now();
        for _ in 0..burst {
            black_box(put()).unwrap();
        }
        spent += now().saturating_sub(start);
        left -= burst;
        thread::sleep(PAUSE);
    }
    spent
}

/// The processor's time of this thread, in the kernel and outside.
fn now() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap()
}

/// Removes sealed segments, as the archive does, so that a run takes no more room than it needs.
fn sweep(journal: &Journal) -> thread::JoinHandle<()> {
    let mut sealed = journal.watch_sealed();
    let directory = journal.directory().to_owned();
    let runtime = tokio::runtime::Builder::new_current_thread();
    thread::spawn(move || {
        let runtime = { runtime }.build().unwrap();
        while runtime.block_on(sealed.changed()).is_ok() {
            for path in weir_journal::sealed(&directory).unwrap() {
                std::fs::remove_file(path).unwrap();
            }
        }
    })
}

criterion_group!(benches, append);
criterion_main!(benches);
