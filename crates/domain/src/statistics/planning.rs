//! Power: how large a difference a comparison could have shown, and how many trials a smaller one needs.

use super::bootstrap::Values;
use super::estimate::{mean, varies};
use super::tally::{Tally, real};

/// The 97.5 % quantile of the standard normal distribution (two-sided test at 5 %) and its 80 % quantile (power), added.
const Z_TEST_AND_POWER: f64 = 2.80;

/// What halves the interval of a difference: one of the two.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Halving {
    /// So many tasks more, 3T where T pairs were compared: the interval narrows with the square root of their number.
    pub more_tasks: u64,
    /// Or so many times the trials of each task on both sides.
    pub trials: TrialsToHalve,
}

/// Whether more trials of the same tasks would halve the interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TrialsToHalve {
    /// So many times as many, above 1.
    Times(f64),
    /// No number of trials does: tasks differ too much among themselves, or have one trial, which says nothing about how trials vary.
    NoNumberOfTrials,
}

/// The smallest true difference that a two-sided test at 5 % would have shown with a power of 80 %: 2.80 SD(d)/sqrt(T), where d are the
/// differences of T pairs; none where they don't vary.
pub(super) fn smallest_difference(differences: &Values) -> Option<f64> {
    Some(Z_TEST_AND_POWER * (variance(differences)? / real(differences.len() as u64)).sqrt())
}

/// What halves the interval; none where there is none to halve.
///
/// f = W/(S²/4 - (S² - W)): S² is the variance of the differences of tasks, W the mean over tasks of s²/n of both sides, which is what S²
/// has from trials and the only part that shrinks with more of them. `pairs` are the rewards of the same tasks.
pub(super) fn halving(differences: &Values, pairs: &[(&Tally, &Tally)]) -> Option<Halving> {
    let variance = variance(differences)?;
    let of_trials = |tally: &Tally| Some(tally.variance()? / real(tally.graded()));
    let within: Option<Vec<f64>> =
        pairs.iter().map(|(left, right)| Some(of_trials(left)? + of_trials(right)?)).collect();
    let times = within.and_then(|parts| {
        let within = parts.iter().sum::<f64>() / real(parts.len() as u64);
        let denominator = variance / 4.0 - (variance - within);
        Some(within / denominator).filter(|times| denominator > 0.0 && times.is_finite())
    });
    let trials = times.map_or(TrialsToHalve::NoNumberOfTrials, TrialsToHalve::Times);
    Some(Halving { more_tasks: (differences.len() as u64).saturating_mul(3), trials })
}

/// With T - 1 in the denominator; none where the values don't vary.
fn variance(values: &Values) -> Option<f64> {
    let mean = mean(values).filter(|_| varies(values))?;
    let squares: f64 = values.iter().map(|(_, value)| (value - mean) * (value - mean)).sum();
    Some(squares / real(values.len() as u64 - 1))
}
