//! Malformed, cut and hostile bytes over real sockets, and peers that go away or do not read.

mod endings;
mod malformed;
mod pressure;
mod sizes;

use weir_tests::messages::told;
use weir_tests::{Plan, Wire, World};

#[test]
fn a_session_is_opened_through_either_door() {
    let gateway = Plan::new().gateway().unwrap();
    let intercepted = Plan::new().intercepted(&["analyst"]).unwrap();
    for world in [Some(gateway), intercepted].into_iter().flatten() {
        let mut wire = session(&world);
        assert_eq!(
            told(&wire.query("SELECT 'through'").unwrap()),
            "T D C:SELECT_1 Z:I"
        );
    }
}

/// A session through the agent that is ready for its first statement.
fn session(world: &World) -> Wire {
    let mut wire = world.wire("analyst").unwrap();
    let welcome = wire.log_in("postgres", "app").unwrap();
    assert!(told(&welcome).ends_with("Z:I"), "{}", told(&welcome));
    wire
}
