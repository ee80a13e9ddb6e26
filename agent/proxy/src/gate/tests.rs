//! Claims about what a gate does with a decision. What a client sees of it is tested with real servers.

use std::fs;

use model::{Digest, Opacity, RefusalKind, Statement, Touches};

use super::*;

/// A gate over policies that permit nothing, and the directory that it writes to.
async fn gate() -> (Gate, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let policies = directory.path().join("policies");
    fs::create_dir(&policies).unwrap();
    fs::write(policies.join("classes.toml"), "").unwrap();
    let nothing = "@id(\"nothing\")\nforbid (principal, action, resource);\n";
    fs::write(policies.join("nothing.cedar"), nothing).unwrap();
    let policies = Arc::new(PolicySet::load(&policies).unwrap());
    let (_, policies) = watch::channel(policies);
    let settings = journal::Settings::default();
    let (journal, _) = Journal::open(directory.path().join("journal"), settings).unwrap();
    let gate = Gate::new(policies, journal, Desk::new(1), Duration::ZERO);
    (gate, directory)
}

/// What the gate makes of a statement with this text.
async fn verdict(gate: &Gate, text: &str) -> Verdict {
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
        Judged::Settled(verdict) => verdict,
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
    let (gate, _directory) = gate().await;
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
