//! Through the agent and direct: the same bytes. Two fresh clusters hear the same, one of them through the agent.
//!
//! Everything is permitted here, so whatever differs is the agent's doing.

mod driver;
mod frames;
mod login;
mod programs;
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

/// Fails where these differ, and says where.
fn assert_same(direct: &str, through: &str, what: &str) {
    if let Some(difference) = difference(direct, through) {
        panic!("{what} {difference}");
    }
}

/// The first line that differs, and a few before it.
fn difference(direct: &str, through: &str) -> Option<String> {
    if direct == through {
        return None;
    }
    let (mut left, mut right) = (direct.split('\n'), through.split('\n'));
    let mut before: Vec<&str> = Vec::new();
    loop {
        let (one, other) = (left.next(), right.next());
        match one {
            Some(line) if one == other => before.push(line),
            _ => break Some((one, other)),
        }
    }
    .map(|(one, other)| {
        let context = before[before.len().saturating_sub(8)..].join("\n");
        let line = before.len() + 1;
        format!("differs in line {line}, after:\n{context}\ndirect:  {one:?}\nthrough: {other:?}")
    })
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
