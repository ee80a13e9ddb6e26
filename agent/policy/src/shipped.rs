//! What holds for all of the shipped policies. What they decide is in `policies/tests`, and `weir policy test` runs it.

use crate::fixture;

#[test]
fn every_shipped_policy_says_what_it_is_for() {
    let set = fixture::shipped();
    for rule in set.rules.values() {
        assert!(rule.description.is_some(), "{} has no description", rule.id);
    }
}
