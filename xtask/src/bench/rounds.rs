//! Interleaved rounds, and what may be said of their figures.
//!
//! A machine has moods: each round measures every subject once, and only figures of the same round are set against
//! each other.

use anyhow::Result;

/// One figure per round.
#[derive(Clone, Debug, PartialEq)]
pub struct Series(Vec<f64>);

impl Series {
    /// The figures, in the order of the rounds.
    pub fn new(figures: impl IntoIterator<Item = f64>) -> Self {
        Self(figures.into_iter().collect())
    }

    /// The figure in the middle; between the two middle ones where their number is even. NaN where there is none.
    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
        let half = sorted.len() / 2;
        match sorted.len() % 2 {
            0 => (at(half.saturating_sub(1)) + at(half)) / 2.0,
            _ => at(half),
        }
    }

    /// This over that, round by round.
    pub fn over(&self, base: &Self) -> Self {
        self.with(base, |figure, base| figure / base)
    }

    /// This less that, round by round.
    pub fn less(&self, base: &Self) -> Self {
        self.with(base, |figure, base| figure - base)
    }

    /// The median with the smallest and the largest figure.
    pub fn text(&self, digits: usize) -> String {
        let least = self.0.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        match self.0.len() {
            0 | 1 => format!("{:.digits$}", self.median()),
            _ => format!(
                "{:.digits$} ({least:.digits$} to {most:.digits$})",
                self.median()
            ),
        }
    }

    fn with(&self, other: &Self, join: impl Fn(f64, f64) -> f64) -> Self {
        Self::new(self.0.iter().zip(&other.0).map(|(a, b)| join(*a, *b)))
    }
}

/// Measures every subject once per round, in turns of direction, so that a drift favours nobody. What comes back is
/// one list per subject, one entry per round.
pub fn interleave<S, T>(
    rounds: usize,
    subjects: &[S],
    mut measure: impl FnMut(&S) -> Result<T>,
) -> Result<Vec<Vec<T>>> {
    let mut measured: Vec<Vec<T>> = subjects.iter().map(|_| Vec::new()).collect();
    for round in 0..rounds {
        let mut turn: Vec<_> = subjects.iter().zip(&mut measured).collect();
        if round % 2 == 1 {
            turn.reverse();
        }
        for (subject, figures) in turn {
            figures.push(measure(subject)?);
        }
    }
    Ok(measured)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle_whatever_the_order() {
        assert_eq!(Series::new([9.0, 1.0, 2.0]).median(), 2.0);
        assert_eq!(Series::new([4.0, 1.0, 2.0, 9.0]).median(), 3.0);
        assert!(Series::new([]).median().is_nan());
    }

    #[test]
    fn figures_are_compared_within_their_round() {
        let quick = Series::new([10.0, 40.0]);
        let slow = Series::new([5.0, 10.0]);
        assert_eq!(slow.over(&quick), Series::new([0.5, 0.25]));
        assert_eq!(quick.less(&slow).text(0), "18 (5 to 30)");
    }

    #[test]
    fn every_round_measures_all_and_every_second_one_backwards() {
        let mut order = String::new();
        let measured = interleave(3, &['a', 'b'], |subject| {
            order.push(*subject);
            Ok(order.len())
        });
        assert_eq!(order, "abbaab");
        assert_eq!(measured.unwrap(), [[1, 4, 5], [2, 3, 6]]);
    }
}
