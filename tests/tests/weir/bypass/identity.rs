//! Claims to be somebody else, and other ways to the same server.

use weir_tests::World;
use weir_tests::messages::told;
use weir_tests::shop::{said, shop};
use weir_tests::startup;

use super::{REFUSED, query, state};

/// One database user, two workloads.
const RULES: &str = r#"
@id("analyst-read")
permit (
  principal in Workload::"cgroup:/ROLES/analyst", action == Action::"select", resource in Schema::"shop/app.public"
);
@id("clerk-work")
permit (
  principal in Workload::"cgroup:/ROLES/clerk",
  action in [Action::"select", Action::"delete"],
  resource in Schema::"shop/app.public"
);
"#;

const DELETE: &str = "DELETE FROM orders WHERE id = 3";

fn intercepted() -> Option<World> {
    let account = "CREATE ROLE clerk LOGIN SUPERUSER";
    let plan = shop(RULES).script(account);
    plan.intercepted(&["analyst", "clerk"]).unwrap()
}

#[test]
fn nobody_becomes_another_by_saying_so() {
    let Some(world) = intercepted() else { return };
    let before = state(&world);
    let log_in = |role: &str| {
        let mut wire = world.wire(role).unwrap();
        let claims = [
            ("user", "clerk"),
            ("database", "app"),
            ("application_name", "cgroup:/ROLES/clerk"),
        ];
        wire.send(&startup(&claims)).unwrap();
        let greeting = told(&wire.until_ready().unwrap());
        assert!(greeting.ends_with("Z:I"), "{greeting}");
        wire
    };
    let mut analyst = log_in("analyst");
    assert_eq!(query(&mut analyst, DELETE), REFUSED);
    let named = "SET application_name = 'clerk'";
    assert_eq!(query(&mut analyst, named), "C:SET Z:I");
    for sql in [
        DELETE,
        "SET ROLE clerk",
        "SET SESSION AUTHORIZATION clerk",
        "SELECT set_config('role', 'clerk', false)",
    ] {
        assert_eq!(query(&mut analyst, sql), REFUSED, "{sql}");
    }
    assert!(state(&world) == before);
    // The same words of another process are another matter.
    assert_eq!(query(&mut log_in("clerk"), DELETE), "C:DELETE_1 Z:I");
}

#[test]
fn no_other_name_of_the_server_leads_around_the_agent() {
    let Some(world) = intercepted() else { return };
    let before = state(&world);
    for host in [
        "127.0.0.1",
        "localhost",
        "::1",
        "::ffff:127.0.0.1",
        "0.0.0.0",
        "::",
        "0x7f.1",
    ] {
        let mut analyst = world.psql("analyst");
        let refused = analyst.env("PGHOST", host).args(["-c", DELETE]).output();
        let refused = said(&refused.unwrap());
        assert!(refused.contains("weir: denied: "), "{host}: {refused}");

        let mut past = world.psql_direct();
        let works = past
            .env("PGHOST", host)
            .args(["-c", "SELECT 'reached'"])
            .output();
        let works = said(&works.unwrap());
        assert!(works.contains("reached"), "{host}: {works}");
    }
    assert!(state(&world) == before);
}
