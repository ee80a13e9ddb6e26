//! Figures by target: what a section measures and sets against each other.

use anyhow::{Context as _, Result};

use super::rounds::{Series, interleave};
use super::target::{Kind, Target};

/// One series for each target of a measurement.
#[derive(Clone, Debug)]
pub struct Figures(Vec<(Kind, Series)>);

impl Figures {
    /// This figure of every target, in interleaved rounds, one target running at a time.
    pub fn measure(
        rounds: usize,
        targets: &[Target],
        mut measure: impl FnMut(&Target) -> Result<f64>,
    ) -> Result<Self> {
        let measured = interleave(rounds, targets, |target| target.alone(|| measure(target)))?;
        Ok(Self::of_each(targets, &measured, |figure| *figure))
    }

    /// One figure out of what was measured of each target in each round.
    pub fn of_each<T>(targets: &[Target], measured: &[Vec<T>], figure: impl Fn(&T) -> f64) -> Self {
        let series = measured
            .iter()
            .map(|rounds| Series::new(rounds.iter().map(&figure)));
        Self(
            targets
                .iter()
                .map(|target| target.kind)
                .zip(series)
                .collect(),
        )
    }

    /// Of this target.
    pub fn of(&self, kind: Kind) -> Result<&Series> {
        let found = self.0.iter().find(|(measured, _)| *measured == kind);
        let (_, series) = found.with_context(|| format!("{} was not measured", kind.name()))?;
        Ok(series)
    }

    /// Of this target, over that one in the same round.
    pub fn ratio(&self, kind: Kind, base: Kind) -> Result<Series> {
        Ok(self.of(kind)?.over(self.of(base)?))
    }

    /// All of them, as the cells of a table's row.
    pub fn cells(&self, cell: impl Fn(Kind, &Series) -> Result<String>) -> Result<Vec<String>> {
        self.0
            .iter()
            .map(|(kind, series)| cell(*kind, series))
            .collect()
    }
}

/// A table's header: what its rows are about, and the targets.
pub fn header<'a>(first: &'a str, kinds: &[Kind]) -> Vec<&'a str> {
    std::iter::once(first)
        .chain(kinds.iter().map(|kind| kind.name()))
        .collect()
}
