//! Who, when, from where and what: one story in the trail, and who is asked decides the answer.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use weir_tests::messages::{query, rows, told};
use weir_tests::shop::shop;
use weir_tests::{CLIENT, World};

use super::{events, parsed, session, trail};

const RULES: &str = r#"
@id("analyst-read")
permit (
  principal in Workload::"cgroup:/ROLES/analyst", action == Action::"select", resource in Schema::"shop/app.public"
);

@id("oncall-read")
permit (
  principal in Workload::"cgroup:/ROLES/oncall",
  action in [Action::"select", Action::"unmask"], resource in Schema::"shop/app.public"
);

@id("oncall-write")
@description("A change by people on call waits for a DBA.")
@approvers("dba")
permit (
  principal in Workload::"cgroup:/ROLES/oncall", action == Action::"update", resource in Schema::"shop/app.public"
)
when { context.approved };
"#;
const DBA: &str = "[approvals.approvers]\ndba = [\"root\"]";
const SSN: &str = "SELECT ssn FROM customers WHERE id = 1";
const UPDATE: &str = "UPDATE orders SET status = 'paid' WHERE id = 2";

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

#[test]
fn the_same_user_gets_another_answer_in_another_cgroup() {
    let Some(world) = shop(RULES)
        .config(DBA)
        .intercepted(&["analyst", "oncall", "other"])
        .unwrap()
    else {
        return;
    };
    let answers = ["analyst", "oncall", "other"].map(|role| {
        let mut wire = session(&world, role);
        let read = wire.query(SSN).unwrap();
        let seen = rows(&read).concat().concat();
        (told(&read), seen, role)
    });
    let select = "T D C:SELECT_1 Z:I".to_owned();
    assert_eq!(
        answers,
        [
            (select.clone(), "***-**-4399".into(), "analyst"),
            (select, "536-90-4399".into(), "oncall"),
            ("E:42501 Z:I".into(), String::new(), "other"),
        ]
    );
    assert_eq!(
        told(&session(&world, "analyst").query(UPDATE).unwrap()),
        "E:42501 Z:I"
    );
    for record in events(&world, "opened") {
        assert_eq!(
            record["actor_process_user_uid"],
            CLIENT.to_string(),
            "the same user"
        );
    }
}

/// Asks for a change, which the DBA approves.
fn change(world: &World) {
    let mut wire = session(world, "oncall");
    wire.send(&query(UPDATE)).unwrap();
    let notice = wire.read().unwrap();
    assert_eq!(notice.tag, 'N');
    let hint = notice.field('H');
    let (_, id) = hint.rsplit_once(' ').unwrap();
    let (said, is_well) = world.weir(&["approvals", "approve", id, "--reason", "ticket 7"]);
    assert!(is_well, "{said}");
    assert_eq!(told(&wire.until_ready().unwrap()), "C:UPDATE_1 Z:I");
}

fn one(records: &[Value], holds: impl Fn(&Value) -> bool) -> &Value {
    let found: Vec<_> = records.iter().filter(|record| holds(record)).collect();
    assert_eq!(found.len(), 1, "{found:#?}");
    found[0]
}

#[test]
fn the_trail_tells_who_did_what_when_from_where_and_who_approved() {
    let Some(mut world) = shop(RULES)
        .config(DBA)
        .intercepted(&["analyst", "oncall"])
        .unwrap()
    else {
        return;
    };
    let before = now();
    let mut analyst = session(&world, "analyst");
    assert_eq!(told(&analyst.query(SSN).unwrap()), "T D C:SELECT_1 Z:I");
    let port = analyst.stream().local_addr().unwrap().port();
    change(&world);
    drop(analyst);
    world.agent_mut().stop().unwrap();
    let after = now();
    let records = trail(&world);
    let workload = |role: &str| {
        let path = world.cgroup(role).unwrap();
        let mut names = path.iter().rev().map(|name| name.to_str().unwrap());
        let (role, roles) = (names.next().unwrap(), names.next().unwrap());
        format!("/{roles}/{role}")
    };

    let read = one(&records, |record| record["query_info_query_string"] == SSN);
    let time = read["time"].as_u64().unwrap();
    assert!((before..=after).contains(&time), "{before} {time} {after}");
    for (column, value) in [
        ("weir_event", json!("decided")),
        ("actor_user_name", json!("postgres")),
        ("actor_process_user_uid", json!(CLIENT.to_string())),
        ("src_endpoint_ip", json!("127.0.0.1")),
        ("src_endpoint_port", json!(port)),
        ("dst_endpoint_ip", json!("127.0.0.1")),
        ("dst_endpoint_port", json!(world.database().port())),
        ("database_name", json!("app")),
        ("weir_server", json!("shop")),
        ("weir_effect", json!("allow")),
        ("weir_stage", json!("run")),
    ] {
        assert_eq!(read[column], value, "{column} of {read:#}");
    }
    let workloads = parsed(read, "weir_workloads").to_string();
    assert!(workloads.contains(&workload("analyst")), "{workloads}");
    assert_eq!(parsed(read, "weir_policies"), json!(["analyst-read"]));
    let masks = parsed(read, "weir_masks");
    assert_eq!(masks[0]["column"], "public.customers.ssn");
    assert_eq!(masks[0]["class"], "pii");
    let ended = one(&records, |record| {
        record["weir_event"] == "finished"
            && record["actor_session_uid"] == read["actor_session_uid"]
    });
    assert_eq!(ended["weir_request"], read["weir_request"]);
    assert_eq!(
        (&ended["weir_rows"], &ended["weir_masked_values"]),
        (&json!(1), &json!(1))
    );

    let held = one(&records, |record| {
        record["query_info_query_string"] == UPDATE
    });
    assert_eq!(held["weir_effect"], "hold");
    assert_eq!(parsed(held, "weir_approvers"), json!(["dba"]));
    let workloads = parsed(held, "weir_workloads").to_string();
    assert!(workloads.contains(&workload("oncall")), "{workloads}");
    let settled = one(&records, |record| record["weir_event"] == "settled");
    for column in ["actor_session_uid", "weir_request"] {
        assert_eq!(settled[column], held[column]);
    }
    assert_eq!(settled["weir_approval"], "approved");
    assert_eq!(settled["weir_approval_by"], "root");
    assert_eq!(settled["weir_approval_reason"], "ticket 7");
    let order = |record: &Value| record["weir_sequence"].as_u64().unwrap();
    assert!(order(held) < order(settled));
    assert!(
        records
            .iter()
            .all(|record| !record.to_string().contains("536-90-4399"))
    );
}
