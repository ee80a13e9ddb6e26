//! Claims about the desk. Time stands still unless a test waits for it.

use std::sync::Arc;
use std::time::Duration;

use model::{Approval, Reason, SessionId};

use crate::*;

const MINUTE: Duration = Duration::from_secs(60);
const NO_LOGIN: u32 = u32::MAX;

fn question(approvers: &[&str]) -> Question {
    Question {
        id: QuestionId::random(),
        session: SessionId::now(),
        request: 3,
        requester: Requester {
            workloads: vec![],
            os_user: Some("alice".into()),
            uid: Some(1000),
            login_uid: Some(1000),
        },
        server: "shop".into(),
        database: "app".into(),
        user: "app".into(),
        text: "UPDATE orders SET state = 'void' WHERE id = $1".into(),
        fingerprint: "00".into(),
        parameters: Arc::new([model::Parameter::Text("7".into())]),
        types: Arc::default(),
        because: Reason {
            approvers: approvers.iter().map(|name| Arc::from(*name)).collect(),
            ..Reason::default()
        },
        asked_at: 0,
        expires_at: 60_000_000,
    }
}

fn subject_without_login() -> model::Subject {
    let process = model::Process {
        cgroup: 1,
        pid: 2,
        uid: 1000,
        gid: 1000,
        login_uid: NO_LOGIN,
        started: 3,
        exe_inode: 4,
        exe_device: 5,
        comm: "psql".into(),
    };
    model::Subject {
        session: SessionId::now(),
        workloads: vec![],
        os_user: None,
        executable: None,
        process: Some(process),
        address: "127.0.0.1:4000".parse().unwrap(),
    }
}

fn approver(uid: u32, login_uid: u32, groups: &[&str]) -> Approver {
    let groups = groups.iter().map(ToString::to_string).collect();
    Approver {
        uid,
        name: format!("u{uid}"),
        login_uid,
        groups,
    }
}

fn bob() -> Approver {
    approver(2000, 2000, &["dba-leads"])
}

fn approve() -> Answer {
    Answer::Approve {
        reason: Some("ticket 7".into()),
    }
}

fn deny() -> Answer {
    Answer::Deny { reason: None }
}

#[tokio::test(start_paused = true)]
async fn an_approval_reaches_who_waits_for_it() {
    let desk = Desk::default();
    let asked = question(&["dba-leads"]);
    let mut waiting = desk.ask(asked.clone()).unwrap();
    assert_eq!(desk.list(), std::slice::from_ref(&asked));
    assert_eq!(desk.show(&asked.id), Some(asked.clone()));
    desk.settle(&asked.id, &bob(), approve()).unwrap();
    let approved = Approval::Approved {
        by: "u2000".into(),
        reason: Some("ticket 7".into()),
    };
    assert_eq!(waiting.answer(MINUTE).await, approved);
    assert_eq!(waiting.answer(MINUTE).await, approved);
    assert!(desk.list().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_while_somebody_waits_wakes_them() {
    let desk = Desk::default();
    let asked = question(&[]);
    let mut waiting = desk.ask(asked.clone()).unwrap();
    let settle = async {
        tokio::time::sleep(MINUTE / 2).await;
        desk.settle(&asked.id, &bob(), deny())
    };
    let (answer, settled) = tokio::join!(waiting.answer(MINUTE), settle);
    settled.unwrap();
    assert_eq!(
        answer,
        Approval::Denied {
            by: "u2000".into(),
            reason: None
        }
    );
}

#[tokio::test(start_paused = true)]
async fn nobody_in_time_is_expired_and_off_the_desk() {
    let desk = Desk::default();
    let asked = question(&[]);
    let mut waiting = desk.ask(asked.clone()).unwrap();
    let began = tokio::time::Instant::now();
    assert_eq!(waiting.answer(MINUTE).await, Approval::Expired);
    assert_eq!(began.elapsed(), MINUTE);
    let late = desk.settle(&asked.id, &bob(), approve());
    assert_eq!(late, Err(ApprovalError::NotOpen { id: asked.id }));
    assert_eq!(waiting.answer(MINUTE).await, Approval::Expired);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_stopped_waiting_can_be_waited_for_again() {
    let desk = Desk::default();
    let asked = question(&[]);
    let mut waiting = desk.ask(asked.clone()).unwrap();
    drop(tokio::time::timeout(MINUTE / 2, waiting.answer(MINUTE)).await);
    desk.settle(&asked.id, &bob(), deny()).unwrap();
    assert!(matches!(
        waiting.answer(MINUTE).await,
        Approval::Denied { .. }
    ));
}

#[tokio::test(start_paused = true)]
async fn a_desk_that_goes_away_withdraws_its_questions() {
    let desk = Desk::default();
    let mut waiting = desk.ask(question(&[])).unwrap();
    drop(desk);
    assert_eq!(waiting.answer(MINUTE).await, Approval::Withdrawn);
}

#[test]
fn who_stops_waiting_withdraws_the_question() {
    let desk = Desk::default();
    let asked = question(&[]);
    drop(desk.ask(asked.clone()).unwrap());
    assert!(desk.list().is_empty());
    assert_eq!(
        desk.settle(&asked.id, &bob(), approve()),
        Err(ApprovalError::NotOpen { id: asked.id })
    );
}

#[test]
fn a_settled_question_that_is_dropped_takes_no_namesake_with_it() {
    let desk = Desk::default();
    let asked = question(&[]);
    let first = desk.ask(asked.clone()).unwrap();
    desk.settle(&asked.id, &bob(), approve()).unwrap();
    let second = desk.ask(asked.clone()).unwrap();
    drop(first);
    assert_eq!(desk.list().len(), 1);
    drop(second);
    assert!(desk.list().is_empty());
}

#[test]
fn nobody_approves_their_own_request_not_even_as_another_user() {
    let desk = Desk::default();
    let asked = question(&["dba-leads"]);
    let _waiting = desk.ask(asked.clone()).unwrap();
    for own in [
        approver(1000, NO_LOGIN, &["dba-leads"]),
        approver(1000, 2000, &["dba-leads"]),
        approver(0, 1000, &["dba-leads"]),
    ] {
        let refused = desk.settle(&asked.id, &own, approve());
        assert!(
            matches!(refused, Err(ApprovalError::OwnRequest { uid: 1000, .. })),
            "{own:?}"
        );
    }
    assert_eq!(desk.list().len(), 1);
    desk.settle(&asked.id, &approver(1000, 1000, &[]), deny())
        .unwrap();
}

#[test]
fn no_login_in_common_is_not_a_login_in_common() {
    let desk = Desk::default();
    let mut asked = question(&[]);
    asked.requester = Requester::from(&subject_without_login());
    let _waiting = desk.ask(asked.clone()).unwrap();
    desk.settle(&asked.id, &approver(2000, NO_LOGIN, &[]), approve())
        .unwrap();
}

#[test]
fn a_requester_known_by_name_only_does_not_approve_their_own_request_either() {
    let desk = Desk::default();
    let mut asked = question(&[]);
    asked.requester.uid = None;
    asked.requester.login_uid = None;
    asked.requester.os_user = Some("u2000".into());
    let _waiting = desk.ask(asked.clone()).unwrap();
    let refused = desk.settle(&asked.id, &approver(2000, NO_LOGIN, &[]), approve());
    assert!(matches!(refused, Err(ApprovalError::OwnRequest { .. })));
}

#[test]
fn only_those_whom_the_policies_name_settle() {
    let desk = Desk::default();
    let asked = question(&["dba-leads", "security"]);
    let _waiting = desk.ask(asked.clone()).unwrap();
    for answer in [approve(), deny()] {
        let refused = desk
            .settle(&asked.id, &approver(2000, 2000, &["staff"]), answer)
            .unwrap_err();
        assert!(
            refused
                .to_string()
                .ends_with("may be settled by dba-leads, security; u2000 is none of them")
        );
    }
    desk.settle(
        &asked.id,
        &approver(2000, 2000, &["staff", "security"]),
        approve(),
    )
    .unwrap();
}

#[test]
fn who_must_say_why_does_not_approve_without_a_reason() {
    let desk = Desk::new(8);
    let mut asked = question(&["dba-leads"]);
    asked.because.reason_required = true;
    let id = asked.id.clone();
    let _waiting = desk.ask(asked).unwrap();
    let missing = || Err(ApprovalError::ReasonMissing { id: id.clone() });
    for reason in [None, Some(" ".to_owned())] {
        assert_eq!(
            desk.settle(&id, &bob(), Answer::Approve { reason }),
            missing()
        );
    }
    let reason = Some("ticket 7".to_owned());
    assert_eq!(desk.settle(&id, &bob(), Answer::Approve { reason }), Ok(()));
}

#[test]
fn a_question_is_settled_once() {
    let desk = Desk::default();
    let asked = question(&[]);
    let _waiting = desk.ask(asked.clone()).unwrap();
    desk.settle(&asked.id, &bob(), deny()).unwrap();
    assert_eq!(
        desk.settle(&asked.id, &bob(), approve()),
        Err(ApprovalError::NotOpen { id: asked.id })
    );
}

#[test]
fn a_full_desk_takes_no_question_until_one_is_gone() {
    let desk = Desk::new(2);
    let first = desk.ask(question(&[])).unwrap();
    let _second = desk.ask(question(&[])).unwrap();
    assert_eq!(
        desk.ask(question(&[])).unwrap_err(),
        ApprovalError::DeskFull { limit: 2 }
    );
    drop(first);
    desk.ask(question(&[])).unwrap();
}

#[test]
fn an_open_name_is_not_given_twice() {
    let desk = Desk::default();
    let asked = question(&[]);
    let _waiting = desk.ask(asked.clone()).unwrap();
    assert_eq!(
        desk.ask(asked.clone()).unwrap_err(),
        ApprovalError::IdTaken { id: asked.id }
    );
}

#[test]
fn questions_are_listed_by_age_and_survive_json() {
    let desk = Desk::default();
    let asked: Vec<_> = (0..5)
        .map(|age| Question {
            asked_at: -age,
            ..question(&["x"])
        })
        .collect();
    let _waiting: Vec<_> = asked.iter().map(|q| desk.ask(q.clone()).unwrap()).collect();
    let ages: Vec<_> = desk
        .list()
        .iter()
        .map(|question| question.asked_at)
        .collect();
    assert_eq!(ages, [-4, -3, -2, -1, 0]);
    let json = serde_json::to_string(&asked[0]).unwrap();
    assert_eq!(serde_json::from_str::<Question>(&json).unwrap(), asked[0]);
}
