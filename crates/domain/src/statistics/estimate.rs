//! Figures that are means over tasks, with their intervals.

use super::bootstrap::{Draws, REPLICATES, Values, means};
use super::interval::Interval;
use super::tally::real;

/// Below this number of tasks an interval is too narrow more often than its 95 % say.
pub const FEW_TASKS: u64 = 10;

/// How far values that are equal may differ, as a share of the largest: means of equal rewards that were added in another order.
const EQUAL: f64 = 1e-12;

/// A figure: a mean over tasks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub value: f64,
    /// Its 95 % interval; none where the tasks do not tell how sure it is.
    pub interval: Option<Interval>,
    /// Over how many tasks.
    pub tasks: u64,
}

impl Estimate {
    /// Whether there are fewer than [`FEW_TASKS`] tasks, which is said next to the figure.
    pub fn has_few_tasks(&self) -> bool {
        self.tasks < FEW_TASKS
    }
}

/// What is said of a figure whose values don't vary over tasks, so that drawing tasks again says nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum WithoutVariance {
    /// Wilson's interval with the number of tasks as n: the figure is a proportion, or rewards within \[0, 1\].
    WilsonOverTasks,
    /// No interval.
    Nothing,
}

/// The values of one figure by task.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample {
    /// At most one for each of the tasks that are drawn.
    pub(super) values: Vec<(usize, f64)>,
    /// The interval where all values are equal, in two tasks or more.
    pub(super) without_variance: WithoutVariance,
    /// The interval where there is one task.
    pub(super) of_one_task: Option<Interval>,
}

/// The figures of one table, in order; none for a sample without a value. All are computed from the same draws among `tasks` tasks.
pub(super) fn estimates(samples: &[Sample], tasks: usize) -> Vec<Option<Estimate>> {
    let drawn: Vec<&Values> =
        samples.iter().map(|sample| sample.values.as_slice()).filter(|values| varies(values)).collect();
    let replicates = if drawn.is_empty() { 0 } else { REPLICATES };
    let mut means = means(&drawn, tasks, replicates, &mut Draws::among(tasks)).into_iter();
    let mut estimate = |sample: &Sample| {
        let values = &sample.values;
        let value = mean(values)?;
        let count = values.len() as u64;
        let interval = if varies(values) {
            means.next().and_then(Interval::percentile)
        } else if count == 1 {
            sample.of_one_task
        } else if sample.without_variance == WithoutVariance::WilsonOverTasks {
            Interval::wilson(value, count)
        } else {
            None
        };
        Some(Estimate { value, interval, tasks: count })
    };
    samples.iter().map(&mut estimate).collect()
}

/// The mean of the values; none of nothing.
pub(super) fn mean(values: &Values) -> Option<f64> {
    let (lowest, highest) = range(values)?;
    let sum: f64 = values.iter().map(|(_, value)| value).sum();
    // A mean lies between the two, which rounding doesn't know.
    Some((sum / real(values.len() as u64)).clamp(lowest, highest))
}

/// Whether the values of two tasks differ.
pub(super) fn varies(values: &Values) -> bool {
    range(values).is_some_and(|(lowest, highest)| highest - lowest > EQUAL * lowest.abs().max(highest.abs()))
}

fn range(values: &Values) -> Option<(f64, f64)> {
    let mut values = values.iter().map(|(_, value)| *value);
    let first = values.next()?;
    Some(values.fold((first, first), |(low, high), value| (low.min(value), high.max(value))))
}
