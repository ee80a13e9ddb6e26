//! Claims about records that are encoded in two steps: nobody can tell.

use model::{
    AuditEvent, Decided, Digest, Effect, Masks, Parameter, ParameterType, Reason, SessionId, Stage,
    Touches, Verb,
};
use proptest::prelude::*;

use super::*;
use crate::{Draft, Filling};

fn parameter() -> impl Strategy<Value = Parameter> {
    prop_oneof![
        Just(Parameter::Null),
        any::<String>().prop_map(Parameter::Text),
        "[0-9a-f]*".prop_map(Parameter::Binary),
        (any::<u64>(), "[0-9a-f]{64}")
            .prop_map(|(length, sha256)| Parameter::Large { length, sha256 }),
    ]
}

fn kind() -> impl Strategy<Value = ParameterType> {
    (any::<String>(), any::<u32>()).prop_map(|(name, like)| ParameterType {
        name: name.into(),
        like,
    })
}

prop_compose! {
    fn decided()(
        request: u64,
        parameters in prop::collection::vec(parameter(), 0..4),
        types in prop::collection::vec(prop::option::of(kind()), 0..4),
        text: String,
        explanation: String,
        verbs in prop::sample::subsequence(vec![Verb::Select, Verb::CopyIn, Verb::Lock], 0..3),
        policy: String,
    ) -> Decided {
        Decided {
            request,
            parameters: parameters.into(),
            types: types.into(),
            stage: Stage::Run,
            login: None,
            text: Some(text.into()),
            fingerprint: Some(Digest::of(b"").to_string()),
            verbs,
            touches: Some(Touches::Known(Vec::new())),
            effect: Effect::Allow,
            masks: Masks::none(),
            limit: None,
            because: Reason { explanation, ..Reason::default() },
            policy: policy.into(),
            circumstances: None,
            monitored: false,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The draft is made of one request's decision and used for another's.
    #[test]
    fn a_draft_that_is_filled_in_is_the_same_text_as_the_record(
        first in decided(),
        others in prop::collection::vec(
            (any::<u64>(), any::<i64>(), prop::collection::vec(parameter(), 0..4), any::<Option<String>>()),
            1..4,
        ),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let (journal, _) = open(directory.path());
        let draft = Draft::new(&first).unwrap();
        let session = SessionId::now();
        for (request, time, parameters, text) in others {
            let mut event = Decided { request, parameters: parameters.clone().into(), ..first.clone() };
            if let Some(text) = &text {
                event.text = Some(text.as_str().into());
                event.fingerprint = Some(Digest::of(text.as_bytes()).to_string());
            }
            let record = AuditRecord {
                version: SCHEMA_VERSION,
                time,
                session: Some(session),
                event: AuditEvent::Decided(event),
            };
            let filling = Filling { session, time, request, parameters: &parameters, text: text.as_deref() };
            journal.put_draft(&draft, &filling).unwrap();
            journal.put(&record).unwrap();
            let entries = read_all(directory.path());
            let [.., filled, whole] = &entries[..] else { panic!("two records") };
            prop_assert_eq!(&filled.record, &record);
            prop_assert_eq!(&filled.text, &whole.text);
        }
    }
}

#[test]
fn records_whose_fields_stand_in_another_order_are_still_read() {
    let old = r#"{"version":1,"time":5,"session":null,"event":{"decided":{"request":3,"stage":"run","login":null,
        "text":"SELECT 1","fingerprint":null,"parameters":["null"],"verbs":["select"],"touches":null,"effect":"allow",
        "masks":[],"because":{"policies":[],"explanation":"","hint":null,"approvers":[]},"policy":"p"}}}"#;
    let record: AuditRecord = serde_json::from_str(old).unwrap();
    let AuditEvent::Decided(decided) = record.event else {
        panic!("{record:?}")
    };
    assert_eq!(
        (decided.request, &*decided.parameters),
        (3, &[Parameter::Null][..])
    );
}
