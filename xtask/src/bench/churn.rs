//! Connections per second, one statement each.

use anyhow::Result;

use super::Bench;
use super::figures::{Figures, header};
use super::load::{Load, Mode};
use super::report::{Claim, Section, table};
use super::target::{Kind, POLICIES};

const WEIR: Kind = Kind::Weir(POLICIES);

/// The section.
pub fn measure(bench: &Bench) -> Result<Section> {
    let mut kinds = Kind::ALL.to_vec();
    kinds.insert(2, Kind::PgBouncerAnew);
    let targets = bench.line_up(&kinds)?;
    let load = Load {
        clients: 8,
        mode: Mode::Simple,
        seconds: bench.seconds,
    };
    let rates = Figures::measure(bench.rounds, &targets, |target| {
        Ok(load.run_reconnecting(target.port)?.rate)
    })?;
    let figures = rates.cells(|_, rate| Ok(rate.text(0)))?;
    let ratios = rates.cells(|kind, _| Ok(rates.ratio(kind, Kind::Direct)?.text(2)))?;
    let row = |name: &str, cells: Vec<String>| -> Vec<String> {
        std::iter::once(name.to_owned()).chain(cells).collect()
    };
    let rows = [row("per second", figures), row("ratio to direct", ratios)];
    let target = "connections per second of Weir over PgBouncer's, at least 0.8";
    let claims = [
        (Kind::PgBouncer, target.to_owned()),
        (
            Kind::PgBouncerAnew,
            format!("{target}, where PgBouncer reuses no server connection"),
        ),
    ];
    let claims = claims.into_iter().map(|(peer, target)| {
        let ratio = rates.ratio(WEIR, peer)?;
        Ok(Claim::at_least(target, 0.8, ratio.median(), ratio.text(2)))
    });
    Ok(Section {
        title: "Connection churn",
        text: format!(
            "`pgbench --connect`, 8 clients, simple protocol. PgBouncer hands a server connection of an earlier client to the\n\
             next one, so the server starts no process for it; *no reuse* is PgBouncer with `server_lifetime = 0`.\n\n{}",
            table(&header("", &kinds), &rows)
        ),
        claims: claims.collect::<Result<_>>()?,
    })
}
