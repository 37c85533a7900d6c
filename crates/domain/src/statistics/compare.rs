//! Two sides, paired by task.

use super::conditions::{Conditions, Difference, differences};
use super::estimate::{Estimate, Sample, WithoutVariance, estimates};
use super::flip::{self, Flip};
use super::mcnemar::McNemar;
use super::planning::{self, Halving};
use super::tallies::{CombinationTally, Coverage, TaskTally};
use super::tally::Tally;

/// How far means of equal rewards may differ that were added in another order, as a share of the larger.
const EQUAL: f64 = 1e-12;

/// What a comparison shows. Differences are right minus left: a negative one says that the right side is worse.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The left side: what the right one is compared with.
    pub left: SideOfComparison,
    /// The right side.
    pub right: SideOfComparison,
    /// Tasks that are graded on both sides, T. Everything below is about these alone.
    pub pairs: u64,
    /// Tasks whose majority differs: losses first, then by size.
    pub flips: Vec<Flip>,
    /// The mean over the pairs of the differences of task values. Its interval is by the bootstrap over pairs; none where all differences
    /// are equal, or there is one. None without a pair.
    pub difference: Option<Estimate>,
    /// The test, where every pair has one trial a side; else there is no p value.
    pub test: Option<McNemar>,
    /// The smallest difference that could have been shown, in the unit of rewards; none where the differences don't vary.
    pub smallest_difference: Option<f64>,
    /// What would halve the interval of the difference; none where it has none.
    pub halving: Option<Halving>,
    /// What else differs between the sides.
    pub differs: Vec<Difference>,
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct SideOfComparison {
    /// How many of all its trials are graded, and why the others are not.
    pub coverage: Coverage,
    /// The mean of its task values over the pairs; none without a pair.
    pub value: Option<Estimate>,
    /// Tasks that are graded on this side only, which are not used.
    pub graded_here_only: u64,
}

/// A task that is graded on both sides.
struct Pair<'tallies> {
    task: &'tallies str,
    left: &'tallies TaskTally,
    right: &'tallies TaskTally,
}

/// The difference of the task values.
fn right_minus_left(pair: &Pair<'_>) -> Option<f64> {
    let (left, right) = (pair.left.rewards.value()?, pair.right.rewards.value()?);
    let difference = right - left;
    Some(if difference.abs() <= EQUAL * left.abs().max(right.abs()) { 0.0 } else { difference })
}

/// Compares two agents and models, or one in two experiments, by the tasks of the same name that are graded on both sides.
pub fn compare(left: &CombinationTally, right: &CombinationTally) -> Comparison {
    let pairs = paired(left, right);
    let of = |value: fn(&Pair<'_>) -> Option<f64>| -> Vec<(usize, f64)> {
        pairs.iter().enumerate().filter_map(|(place, pair)| Some((place, value(pair)?))).collect()
    };
    let without_variance = |is_within_unit: fn(&Pair<'_>) -> bool| {
        let all = pairs.iter().all(is_within_unit);
        if all { WithoutVariance::WilsonOverTasks } else { WithoutVariance::Nothing }
    };
    let sample = |values, without_variance| Sample { values, without_variance, of_one_task: None };
    let differences_of_pairs = of(right_minus_left);
    let samples = [
        sample(of(|pair| pair.left.rewards.value()), without_variance(|pair| pair.left.rewards.is_within_unit())),
        sample(of(|pair| pair.right.rewards.value()), without_variance(|pair| pair.right.rewards.is_within_unit())),
        // A difference is no proportion.
        sample(differences_of_pairs.clone(), WithoutVariance::Nothing),
    ];
    let mut estimates = estimates(&samples, pairs.len()).into_iter();
    let mut next = || estimates.next().flatten();
    let mut side = |one: &CombinationTally, other: &CombinationTally| SideOfComparison {
        coverage: one.coverage(),
        value: next(),
        graded_here_only: graded(one).filter(|(name, _)| !is_graded(other, name)).count() as u64,
    };
    let (left, right) = (side(left, right), side(right, left));
    let difference = next();

    let mut flips: Vec<Flip> =
        pairs.iter().filter_map(|pair| Flip::of(pair.task, &pair.left.rewards, &pair.right.rewards)).collect();
    flip::sort(&mut flips);
    let rewards: Vec<(&Tally, &Tally)> = pairs.iter().map(|pair| (&pair.left.rewards, &pair.right.rewards)).collect();
    let conditions = pairs
        .iter()
        .map(|pair| -> (&str, &Conditions, &Conditions) { (pair.task, &pair.left.conditions, &pair.right.conditions) });
    Comparison {
        left,
        right,
        pairs: pairs.len() as u64,
        flips,
        difference,
        test: test(&rewards),
        smallest_difference: planning::smallest_difference(&differences_of_pairs),
        halving: planning::halving(&differences_of_pairs, &rewards),
        differs: differences(&conditions),
    }
}

fn paired<'tallies>(left: &'tallies CombinationTally, right: &'tallies CombinationTally) -> Vec<Pair<'tallies>> {
    let pair = |(task, left): (&'tallies String, &'tallies TaskTally)| {
        let right = right.tasks.get(task).filter(|right| right.rewards.graded() > 0)?;
        Some(Pair { task, left, right })
    };
    graded(left).filter_map(pair).collect()
}

fn graded(side: &CombinationTally) -> impl Iterator<Item = (&String, &TaskTally)> {
    side.tasks.iter().filter(|(_, task)| task.rewards.graded() > 0)
}

fn is_graded(side: &CombinationTally, task: &str) -> bool {
    side.tasks.get(task).is_some_and(|task| task.rewards.graded() > 0)
}

/// The test needs pairs of single outcomes, which are independent of one another; several trials of a task are not.
fn test(pairs: &[(&Tally, &Tally)]) -> Option<McNemar> {
    let single = pairs.iter().all(|(left, right)| left.graded() == 1 && right.graded() == 1);
    let count = |left: u64, right: u64| {
        pairs.iter().filter(|(one, other)| (one.passes(), other.passes()) == (left, right)).count() as u64
    };
    (single && !pairs.is_empty()).then(|| McNemar::of(count(1, 0), count(0, 1)))
}
