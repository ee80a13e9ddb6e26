//! What a statement costs where there is more of everything beside it: policies, sessions.

use anyhow::Result;

use super::Bench;
use super::load::{Load, Mode};
use super::memory::open;
use super::processor::{Cost, cost};
use super::report::{Claim, Section, table};
use super::rounds::{Series, interleave};
use super::target::{IDLE, Kind, POLICIES, Server, Target};
use super::wire::Client;

const FEW_SESSIONS: usize = 10;
const MANY_POLICIES: usize = 1_000;
/// By how much figures may differ and still be called the same.
const SAME: f64 = 0.1;

/// An agent with its crowd.
struct Crowded {
    agent: Target,
    _idle: Vec<Client>,
    _stub: Target,
}

/// The section.
pub fn measure(bench: &Bench) -> Result<Section> {
    let (policy_rows, policy_claim) = policies(bench)?;
    let (session_rows, session_claim) = sessions(bench)?;
    let header = ["", "statements/s", "user us", "system us"];
    Ok(Section {
        title: "Linearity",
        text: format!(
            "At 32 x prepared. The idle sessions wait at a stub before the server, which relays the others; so the sessions'\n\
             rows are to be compared with each other only.\n\n{}",
            table(&header, &[policy_rows, session_rows].concat())
        ),
        claims: vec![policy_claim, session_claim],
    })
}

fn policies(bench: &Bench) -> Result<(Vec<Vec<String>>, Claim)> {
    let kinds = [Kind::Weir(POLICIES), Kind::Weir(MANY_POLICIES)];
    let targets = bench.line_up(&kinds)?;
    let costs = interleave(bench.rounds, &targets, |target| {
        target.alone(|| cost(load(bench), target))
    })?;
    let names = [POLICIES, MANY_POLICIES].map(|number| format!("{number} policies"));
    Ok(compare(
        &format!("{MANY_POLICIES} policies over with {POLICIES}"),
        &names,
        &costs,
    ))
}

fn sessions(bench: &Bench) -> Result<(Vec<Vec<String>>, Claim)> {
    let crowds = [crowded(bench, FEW_SESSIONS)?, crowded(bench, bench.crowd)?];
    let costs = interleave(bench.rounds, &crowds, |crowd| {
        crowd.agent.alone(|| cost(load(bench), &crowd.agent))
    })?;
    let names = [FEW_SESSIONS, bench.crowd].map(|number| format!("{number} idle sessions"));
    Ok(compare(
        &format!("{} idle sessions over with {FEW_SESSIONS}", bench.crowd),
        &names,
        &costs,
    ))
}

fn crowded(bench: &Bench, number: usize) -> Result<Crowded> {
    let stub = Target::start(Kind::Crowd, &bench.programs, &bench.server())?;
    let server = Server {
        port: stub.port,
        socket: None,
    };
    let agent = Target::start(Kind::Weir(POLICIES), &bench.programs, &server)?;
    let idle = open(agent.port, number, IDLE, None)?;
    agent.rest()?;
    Ok(Crowded {
        agent,
        _idle: idle,
        _stub: stub,
    })
}

fn load(bench: &Bench) -> Load {
    Load {
        clients: 32,
        mode: Mode::Prepared,
        seconds: bench.seconds,
    }
}

/// The rows of few and many, and whether they are the same.
fn compare(what: &str, names: &[String], costs: &[Vec<Cost>]) -> (Vec<Vec<String>>, Claim) {
    let series = |figure: fn(&Cost) -> f64| -> Vec<Series> {
        costs
            .iter()
            .map(|rounds| Series::new(rounds.iter().map(figure)))
            .collect()
    };
    let rates = series(|cost| cost.rate);
    let (user, system) = (series(|cost| cost.user), series(|cost| cost.system));
    let all = series(|cost| cost.user + cost.system);
    let rows = names.iter().zip(&rates).zip(user.iter().zip(&system));
    let rows = rows.map(|((name, rate), (user, system))| {
        vec![name.clone(), rate.text(0), user.text(1), system.text(1)]
    });
    let growth = match all.as_slice() {
        [few, many] => many.over(few),
        _ => Series::new([]),
    };
    let claim = Claim::at_most(
        format!("Weir's processor time per statement with {what}, the same (at most {SAME} more)"),
        1.0 + SAME,
        growth.median(),
        growth.text(2),
    );
    (rows.collect(), claim)
}
