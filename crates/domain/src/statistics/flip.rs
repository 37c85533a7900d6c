//! Tasks on which the two sides of a comparison disagree.

use super::tally::Tally;

/// Passes among graded trials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PassCount {
    /// Those that pass.
    pub passes: u64,
    /// All that are graded.
    pub graded: u64,
}

/// Which way a task flipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// The majority passes on the left side and does not on the right.
    Loss,
    /// The majority passes on the right side and does not on the left.
    Gain,
}

/// A task whose majority differs between the sides. Exactly half is no majority.
#[derive(Debug, Clone, PartialEq)]
pub struct Flip {
    /// Name of the task.
    pub task: String,
    /// Which way.
    pub direction: Direction,
    /// On the left side.
    pub left: PassCount,
    /// On the right side.
    pub right: PassCount,
    /// How far the shares of passes are apart, above 0 to 1.
    pub size: f64,
}

impl Flip {
    /// The flip of a task with these rewards on the two sides, if it is one.
    pub(super) fn of(task: &str, left: &Tally, right: &Tally) -> Option<Self> {
        let direction = match (passes(left)?, passes(right)?) {
            (true, false) => Direction::Loss,
            (false, true) => Direction::Gain,
            (true, true) | (false, false) => return None,
        };
        let count = |tally: &Tally| PassCount { passes: tally.passes(), graded: tally.graded() };
        let size = (left.pass_share()? - right.pass_share()?).abs();
        Some(Self { task: task.to_owned(), direction, left: count(left), right: count(right), size })
    }
}

/// Losses first, then by size, the largest first, then by name.
pub(super) fn sort(flips: &mut [Flip]) {
    flips.sort_by(|one, other| {
        let by_size = other.size.total_cmp(&one.size);
        one.direction.cmp(&other.direction).then(by_size).then_with(|| one.task.cmp(&other.task))
    });
}

/// Whether most trials pass; none where exactly half do.
fn passes(tally: &Tally) -> Option<bool> {
    let others = tally.graded() - tally.passes();
    (tally.passes() != others).then_some(tally.passes() > others)
}
