//! What a record costs the archive, from a sealed segment to a file that was read back: the processor's time of its
//! thread. It is taken from what sessions could use, so it matters even though nobody waits for it.

#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use archive::{Archive, Trail, Trust};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use journal::{Draft, Filling, Journal, Settings};
use model::{
    AuditEvent, AuditRecord, Decided, Effect, Finished, Login, Masks, Opened, Outcome, Parameter,
    Process, Reason, SCHEMA_VERSION, SessionId, Stage, Status, Target, Touches, Verb, Workload,
};
use rustix::time::{ClockId, clock_gettime};
use weir_archive as archive;

/// Sessions of a segment, and statements of each: two records each.
const SESSIONS: u64 = 32;
const STATEMENTS: u64 = 600;

/// Files of the archive that is verified.
const FILES: u64 = 6;

const TIME: i64 = 1_700_000_000_000_000;

fn decided(stage: Stage) -> Decided {
    Decided {
        request: 1,
        parameters: [].into(),
        types: [].into(),
        stage,
        login: None,
        text: Some("SELECT abalance FROM pgbench_accounts WHERE aid = $1;".into()),
        fingerprint: Some(
            "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8".into(),
        ),
        verbs: vec![Verb::Select],
        touches: Some(Touches::Known(Vec::new())),
        effect: Effect::Allow,
        masks: Masks::none(),
        limit: None,
        because: Reason {
            policies: vec!["applications-may-read".into()],
            explanation: "permitted by applications-may-read".into(),
            ..Reason::default()
        },
        policy: "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae".into(),
        circumstances: None,
        monitored: false,
    }
}

fn opened(session: u64) -> Opened {
    let address = SocketAddr::from(([127, 0, 0, 1], 30_000 + session as u16));
    let server = SocketAddr::from(([127, 0, 0, 1], 5432));
    Opened {
        workloads: vec![
            Workload("systemd:billing.service".into()),
            Workload("user:billing".into()),
        ],
        os_user: Some("billing".into()),
        executable: Some("/usr/bin/billing".into()),
        process: Some(Process {
            cgroup: 4711,
            pid: 1000 + session as u32,
            uid: 998,
            gid: 998,
            login_uid: u32::MAX,
            comm: "billing".into(),
            started: 81_234_567_890,
            exe_device: 65_024,
            exe_inode: 1_234_567,
        }),
        address,
        destination: server,
        target: Target {
            server: "shop".into(),
            address: server,
        },
    }
}

fn login() -> Decided {
    Decided {
        login: Some(Login {
            user: "shop".into(),
            database: "app".into(),
            application: Some("billing".into()),
            settings: Vec::new(),
        }),
        text: None,
        fingerprint: None,
        ..decided(Stage::Connect)
    }
}

/// A sealed segment of many short statements, and how many records it has.
fn segment(directory: &Path) -> (PathBuf, u64) {
    let (journal, _) = Journal::open(directory, Settings::default()).unwrap();
    let put = |session, event| {
        let record = AuditRecord {
            version: SCHEMA_VERSION,
            time: TIME,
            session: Some(session),
            event,
        };
        journal.put(&record).unwrap()
    };
    let sessions: Vec<_> = (0..SESSIONS).map(|_| SessionId::now()).collect();
    for (number, session) in (0..).zip(&sessions) {
        put(*session, AuditEvent::Opened(opened(number)));
        put(*session, AuditEvent::Decided(login()));
    }
    let draft = Draft::new(&decided(Stage::Run)).unwrap();
    let mut last = 0;
    for request in 1..=STATEMENTS {
        for session in &sessions {
            let parameters = [Parameter::Text((request * 7919 % 100_000).to_string())];
            let filling = Filling {
                session: *session,
                time: TIME,
                request,
                parameters: &parameters,
                text: None,
            };
            journal.put_draft(&draft, &filling).unwrap();
            let outcome = Outcome {
                status: Status::Completed,
                tags: vec!["SELECT 1".into()],
                rows: 1,
                bytes: 12,
                masked: 0,
                masked_values: Vec::new(),
            };
            let finished = Finished {
                request,
                outcome,
                judged: Some(40),
                duration: 80 + request % 50,
            };
            last = put(*session, AuditEvent::Finished(finished));
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(journal.seal()).unwrap();
    (journal::sealed(directory).unwrap().remove(0), last)
}

fn now() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap()
}

fn of_process() -> Duration {
    clock_gettime(ClockId::ProcessCPUTime).try_into().unwrap()
}

fn absorb(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().unwrap();
    let (segment, records) = segment(&directory.path().join("journal"));
    let mut group = criterion.benchmark_group("absorb");
    group
        .sample_size(10)
        .throughput(Throughput::Elements(records));
    group.bench_function("a record", |bench| {
        bench.iter_custom(|times| (0..times).map(|_| absorb_once(&segment)).sum())
    });
    group.finish();
}

/// Archives a copy of the segment.
fn absorb_once(segment: &Path) -> Duration {
    let scratch = tempfile::tempdir().unwrap();
    let copy = scratch.path().join(segment.file_name().unwrap());
    std::fs::copy(segment, &copy).unwrap();
    let mut archive = Archive::open(scratch.path().join("archive"), "bench").unwrap();
    let start = now();
    archive.absorb(&copy).unwrap();
    now().saturating_sub(start)
}

/// Verifies an archive of several files: the processors' time of all threads, between which the files are shared out.
fn verify(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().unwrap();
    let (journal, path) = (
        directory.path().join("journal"),
        directory.path().join("archive"),
    );
    let mut records = 0;
    for _ in 0..FILES {
        let (segment, last) = segment(&journal);
        Archive::open(&path, "bench")
            .unwrap()
            .absorb(&segment)
            .unwrap();
        records = last;
    }
    let trail = Trail {
        directory: path,
        host: "bench".to_owned(),
        journal: None,
    };
    let mut group = criterion.benchmark_group("verify");
    group
        .sample_size(10)
        .throughput(Throughput::Elements(records));
    group.bench_function("an archive", |bench| {
        bench.iter_custom(|times| {
            let verify = |_| {
                let start = of_process();
                let report = trail.verify(&Trust::default(), |_, _| ()).unwrap();
                assert!(report.is_clean() && report.rows == records);
                of_process().saturating_sub(start)
            };
            (0..times).map(verify).sum()
        })
    });
    group.finish();
}

criterion_group!(benches, absorb, verify);
criterion_main!(benches);
