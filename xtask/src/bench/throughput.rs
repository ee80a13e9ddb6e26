//! Statements per second, as shares of what the server does by itself.

use anyhow::{Context as _, Result};

use super::Bench;
use super::figures::{Figures, header};
use super::load::{Load, Mode};
use super::report::{Claim, Section, table};
use super::target::{Kind, POLICIES};

const CLIENTS: [u32; 3] = [1, 8, 32];
const WEIR: Kind = Kind::Weir(POLICIES);

/// The section.
pub fn measure(bench: &Bench) -> Result<Section> {
    let targets = bench.line_up(&Kind::ALL)?;
    let mut cells = Vec::new();
    for clients in CLIENTS {
        for mode in Mode::ALL {
            let load = Load {
                clients,
                mode,
                seconds: bench.seconds,
            };
            let rates = Figures::measure(bench.rounds, &targets, |target| {
                Ok(load.run(target.port)?.rate)
            })?;
            cells.push((format!("{clients} x {}", mode.name()), rates));
        }
    }
    let rows = cells.iter().map(|(name, rates)| row(name, rates));
    let rows = rows.collect::<Result<Vec<_>>>()?;
    let claims = vec![
        against(Kind::PgBouncer, &cells)?,
        against(Kind::HaProxy, &cells)?,
        unix(&cells)?,
    ];
    Ok(Section {
        title: "Throughput",
        text: format!(
            "Clients x protocol. The first column is in statements per second, the others are ratios to it.\n\n{}",
            table(&header("", &Kind::ALL), &rows)
        ),
        claims,
    })
}

fn row(name: &str, rates: &Figures) -> Result<Vec<String>> {
    let cells = rates.cells(|kind, rate| match kind {
        Kind::Direct => Ok(format!("{:.0}", rate.median())),
        _ => Ok(rates.ratio(kind, Kind::Direct)?.text(2)),
    })?;
    Ok(std::iter::once(name.to_owned()).chain(cells).collect())
}

/// Every cell counts: the figure is that of the worst.
fn against(peer: Kind, cells: &[(String, Figures)]) -> Result<Claim> {
    let mut worst = (f64::INFINITY, String::new());
    let mut reached = 0;
    for (name, rates) in cells {
        let ratio = rates.ratio(WEIR, peer)?.median();
        reached += usize::from(ratio >= 1.0);
        if ratio < worst.0 {
            worst = (ratio, format!("least {ratio:.2} ({name})"));
        }
    }
    let target = format!(
        "throughput of Weir over {}'s, at least 1 in all {}",
        peer.name(),
        cells.len()
    );
    let text = format!("{}; reached in {reached} of {}", worst.1, cells.len());
    Ok(Claim::at_least(target, 1.0, worst.0, text))
}

/// The last cell is the busiest.
fn unix(cells: &[(String, Figures)]) -> Result<Claim> {
    let (name, rates) = cells.last().context("nothing was measured")?;
    let ratio = rates.ratio(Kind::WeirUnix, Kind::Direct)?;
    Ok(Claim::at_least(
        format!("throughput of Weir with a unix upstream over direct TCP at {name}, at least 0.9"),
        0.9,
        ratio.median(),
        ratio.text(2),
    ))
}
