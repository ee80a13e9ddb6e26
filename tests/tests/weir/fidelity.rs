//! Through the agent and direct: the same bytes. Two fresh clusters hear the same, one of them through the agent.
//!
//! Everything is permitted here, so whatever differs is the agent's doing.

mod driver;
mod frames;
mod login;
mod psql;

use weir_tests::{Plan, World};

/// A world to go through, and another one with the same content to go past the agent of.
struct Pair {
    through: World,
    direct: World,
}

impl Pair {
    /// With interception where that is possible here.
    fn of(plan: &Plan) -> Self {
        let intercepted = plan.clone().intercepted(&["client"]).unwrap();
        Self {
            through: intercepted.unwrap_or_else(|| plan.clone().gateway().unwrap()),
            direct: plan.clone().gateway().unwrap(),
        }
    }
}

/// Fails with the first line that differs, and a few before it.
fn assert_same(direct: &str, through: &str, what: &str) {
    if direct == through {
        return;
    }
    let (mut left, mut right) = (direct.lines(), through.lines());
    let mut before: Vec<&str> = Vec::new();
    loop {
        match (left.next(), right.next()) {
            (Some(one), Some(other)) if one == other => before.push(one),
            (None, None) => panic!("{what}: only line ends differ"),
            (one, other) => {
                let context = before[before.len().saturating_sub(8)..].join("\n");
                panic!(
                    "{what} differs in line {}, after:\n{context}\ndirect:  {one:?}\nthrough: {other:?}",
                    before.len() + 1
                );
            }
        }
    }
}

/// How many requests the trail says that it judged.
fn judged(world: &World) -> usize {
    let shown = world
        .agent()
        .ask(&["audit", "show", "--json", "-n", "100000"])
        .unwrap();
    assert!(shown.status.success(), "{shown:?}");
    let text = String::from_utf8(shown.stdout).unwrap();
    text.lines()
        .filter(|line| {
            line.contains(r#""weir_event":"decided""#) && line.contains(r#""weir_stage":"run""#)
        })
        .count()
}
