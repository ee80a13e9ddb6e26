//! Malformed, cut and hostile bytes over real sockets.

use weir_tests::Plan;

#[test]
fn a_session_is_opened_through_either_door() {
    let gateway = Plan::new().gateway().unwrap();
    let intercepted = Plan::new().intercepted(&["analyst"]).unwrap();
    for world in [Some(gateway), intercepted].into_iter().flatten() {
        let mut wire = world.wire("analyst").unwrap();
        wire.log_in("postgres", "app").unwrap();
        let answer = wire.query("SELECT 'through'").unwrap();
        let tags: String = answer.iter().map(|frame| frame.tag).collect();
        assert_eq!(tags, "TDCZ");
        assert_eq!(answer[1].columns(), [Some(b"through".to_vec())]);
    }
}
