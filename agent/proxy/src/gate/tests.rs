//! Claims about what a gate does with a decision. What a client sees of it is tested with real servers.

use std::fs;

use model::{Digest, Opacity, RefusalKind, Statement, Touches};

use super::*;

const NOTHING: &str = "@id(\"nothing\")\nforbid (principal, action, resource);\n";

/// A gate over this policy, and the directory that it writes to.
async fn gate(policy: &str, durability: Durability) -> (Gate, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let policies = directory.path().join("policies");
    fs::create_dir(&policies).unwrap();
    fs::write(policies.join("classes.toml"), "").unwrap();
    fs::write(policies.join("one.cedar"), policy).unwrap();
    let policies = Arc::new(PolicySet::load(&policies).unwrap());
    let (_, policies) = watch::channel(policies);
    let settings = journal::Settings::default();
    let (journal, _) = Journal::open(directory.path().join("journal"), settings).unwrap();
    let gate = Gate::new(policies, journal, durability, Desk::new(1), Duration::ZERO);
    (gate, directory)
}

/// What the gate makes of a statement with this text.
async fn verdict(gate: &Gate, text: &str) -> Verdict {
    ruling(gate, text).await.verdict
}

async fn ruling(gate: &Gate, text: &str) -> Ruling {
    let address = "127.0.0.1:5432".parse().unwrap();
    let subject = Subject {
        session: SessionId::now(),
        workloads: Vec::new(),
        os_user: None,
        executable: None,
        process: None,
        address,
    };
    let login = Login {
        user: "ann".into(),
        database: "app".into(),
        application: None,
        settings: Vec::new(),
    };
    let request = Request::Run(Statement {
        text: text.into(),
        fingerprint: Digest::of(b""),
        verbs: Vec::new(),
        touches: Touches::Opaque(Opacity {
            kind: "dynamic".into(),
            explanation: "it is one of a test".into(),
        }),
        outputs: Arc::default(),
        shape: Shape::default(),
        parameters: Arc::default(),
        types: Arc::default(),
        values: None,
    });
    let case = Case {
        subject: &subject,
        target: &Target {
            server: "shop".into(),
            address,
        },
        login: &login,
        number: 1,
        stage: Stage::Run,
        request: &request,
        in_transaction: false,
        has_values: false,
        memory: &Memory::default(),
        usage: Usage::default(),
    };
    match gate.judge(&case).await {
        Judged::Settled(ruling) => ruling,
        Judged::Held(_) => panic!("nothing is held here"),
    }
}

fn kind(verdict: &Verdict) -> Option<RefusalKind> {
    match verdict {
        Verdict::Forward(_) => None,
        Verdict::Refuse(refusal) => Some(refusal.kind),
    }
}

#[tokio::test]
async fn without_a_record_nothing_is_forwarded_also_where_it_would_only_be_monitored() {
    let (gate, _directory) = gate(NOTHING, Durability::Process).await;
    assert_eq!(
        kind(&verdict(&gate, "DO").await),
        Some(RefusalKind::NotPermitted)
    );
    let gate = gate.monitoring();
    assert_eq!(kind(&verdict(&gate, "DO").await), None);
    let unrecordable = "x".repeat(journal::MAX_RECORD);
    assert_eq!(
        kind(&verdict(&gate, &unrecordable).await),
        Some(RefusalKind::Unavailable)
    );
}

#[tokio::test]
async fn the_strictest_of_configuration_and_permits_says_what_waits_for_the_disk() {
    use Durability::{Process, Release, Strict};
    for (configured, permitted, waits) in [
        (Process, "process", false),
        (Process, "release", true),
        (Release, "process", true),
        (Release, "strict", false),
        (Strict, "process", false),
    ] {
        let policy = format!(
            "@id(\"a\") @durability(\"{permitted}\") permit (principal, action, resource);"
        );
        let (gate, _directory) = gate(&policy, configured).await;
        let ruling = ruling(&gate, "DO").await;
        assert_eq!(kind(&ruling.verdict), None);
        assert_eq!(
            ruling.awaited.is_some(),
            waits,
            "{configured:?} {permitted}"
        );
        if let Some(sequence) = ruling.awaited {
            gate.on_disk(sequence).await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_is_refused_waits_for_no_disk() {
    let (gate, _directory) = gate(NOTHING, Durability::Release).await;
    assert_eq!(ruling(&gate, "DO").await.awaited, None);
}
