//! The rewards of one task's graded trials, as counts and sums.

use thiserror::Error;

/// The largest reward that is averaged, in either direction. Sums of squares stay finite below it; what tests grade by is far below it.
pub const LARGEST_REWARD: f64 = 1e100;

/// How far sums of floats may be off, as a share, by the order in which they were added.
const ROUNDING: f64 = 1e-9;

/// Counts and sums of rewards, as a database makes them.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RewardSums {
    /// Graded trials, n.
    pub graded: u64,
    /// Those whose reward reaches the pass threshold, c.
    pub passes: u64,
    /// Sum of the rewards.
    pub sum: f64,
    /// Sum of the squares of the rewards.
    pub squares: f64,
    /// The lowest reward; says nothing where no trial is graded.
    pub lowest: f64,
    /// The highest reward; says nothing where no trial is graded.
    pub highest: f64,
}

/// Sums that no set of rewards has.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum TallyFault {
    /// More passes than trials.
    #[error("{passes} passes among {graded} graded trials: a pass is a graded trial")]
    Passes {
        /// The passes.
        passes: u64,
        /// The graded trials.
        graded: u64,
    },
    /// The lowest and the highest reward.
    #[error(
        "rewards from {lowest} to {highest} are no range: both must be within ±{LARGEST_REWARD:e}, which is where a reward counts as a grade"
    )]
    Range {
        /// The lowest.
        lowest: f64,
        /// The highest.
        highest: f64,
    },
    /// The sum.
    #[error("{graded} rewards from {lowest} to {highest} do not add up to {sum}")]
    Sum {
        /// The graded trials.
        graded: u64,
        /// The lowest.
        lowest: f64,
        /// The highest.
        highest: f64,
        /// What is given as their sum.
        sum: f64,
    },
    /// The sum of squares.
    #[error("the squares of {graded} rewards from {lowest} to {highest} do not add up to {squares}")]
    Squares {
        /// The graded trials.
        graded: u64,
        /// The lowest.
        lowest: f64,
        /// The highest.
        highest: f64,
        /// What is given as the sum of their squares.
        squares: f64,
    },
}

/// The rewards of the graded trials of one task: what every figure is computed from.
///
/// The lowest and the highest reward are kept in addition to the sums because these do not tell whether all rewards lie in \[0, 1\].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tally(RewardSums);

impl TryFrom<RewardSums> for Tally {
    type Error = TallyFault;

    fn try_from(sums: RewardSums) -> Result<Self, TallyFault> {
        let RewardSums { graded, passes, sum, squares, lowest, highest } = sums;
        if passes > graded {
            return Err(TallyFault::Passes { passes, graded });
        }
        if graded == 0 {
            return Ok(Self::default());
        }
        let largest = lowest.abs().max(highest.abs());
        // NaN is on no side of a comparison, so each is one that NaN fails.
        if !(lowest <= highest && largest <= LARGEST_REWARD) {
            return Err(TallyFault::Range { lowest, highest });
        }
        let n = real(graded);
        let off = n * largest * ROUNDING;
        if !(n * lowest - off <= sum && sum <= n * highest + off) {
            return Err(TallyFault::Sum { graded, lowest, highest, sum });
        }
        if !(0.0 <= squares && squares <= n * largest * largest * (1.0 + ROUNDING)) {
            return Err(TallyFault::Squares { graded, lowest, highest, squares });
        }
        Ok(Self(sums))
    }
}

impl Tally {
    /// Adds the reward of one graded trial.
    ///
    /// The caller has it from [`grade`](super::grade), so it is within [`LARGEST_REWARD`].
    pub(super) fn add(&mut self, reward: f64, is_pass: bool) {
        let (passes, squares) = (u64::from(is_pass), reward * reward);
        self.merge(Self(RewardSums { graded: 1, passes, sum: reward, squares, lowest: reward, highest: reward }));
    }

    /// Adds the trials of another tally of the same task.
    pub fn merge(&mut self, other: Self) {
        let (ours, theirs) = (&mut self.0, other.0);
        if ours.graded == 0 {
            *ours = theirs;
        } else if theirs.graded > 0 {
            ours.graded = ours.graded.saturating_add(theirs.graded);
            ours.passes = ours.passes.saturating_add(theirs.passes);
            ours.sum += theirs.sum;
            ours.squares += theirs.squares;
            ours.lowest = ours.lowest.min(theirs.lowest);
            ours.highest = ours.highest.max(theirs.highest);
        }
    }

    /// Graded trials, n.
    pub fn graded(&self) -> u64 {
        self.0.graded
    }

    /// Graded trials that pass, c.
    pub fn passes(&self) -> u64 {
        self.0.passes
    }

    /// Sum of the rewards.
    pub(super) fn sum(&self) -> f64 {
        self.0.sum
    }

    /// The task value: the mean reward over the graded trials; none without any.
    pub fn value(&self) -> Option<f64> {
        let RewardSums { graded, sum, lowest, highest, .. } = self.0;
        // A mean lies between the two, which rounding doesn't know.
        (graded > 0).then(|| (sum / real(graded)).clamp(lowest, highest))
    }

    /// The share of passes, c/n; none without a graded trial.
    pub fn pass_share(&self) -> Option<f64> {
        (self.0.graded > 0).then(|| real(self.0.passes) / real(self.0.graded))
    }

    /// s², the variance of the rewards with n - 1 in the denominator; none below two trials.
    pub(super) fn variance(&self) -> Option<f64> {
        let RewardSums { graded, sum, squares, lowest, highest, .. } = self.0;
        if graded < 2 {
            return None;
        }
        let (n, width) = (real(graded), highest - lowest);
        // No rewards of this range vary more. Rewards far from 0 that differ little would, by what rounding leaves of the difference.
        let most = width * width / 4.0 * (n / (n - 1.0));
        Some(((squares - sum / n * sum) / (n - 1.0)).clamp(0.0, most))
    }

    /// Whether no reward lies outside \[0, 1\].
    pub(super) fn is_within_unit(&self) -> bool {
        self.0.graded == 0 || (0.0 <= self.0.lowest && self.0.highest <= 1.0)
    }

    /// Whether the task has both a pass and a trial that does not pass.
    pub(super) fn is_mixed(&self) -> bool {
        0 < self.0.passes && self.0.passes < self.0.graded
    }
}

/// A count as a real number. Counts of trials are far below 2^53, from where on it would be rounded.
#[expect(clippy::cast_precision_loss, reason = "a count of 2^53 trials does not occur, and would be rounded")]
pub(super) fn real(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn tally(rewards: &[f64]) -> Tally {
        let mut tally = Tally::default();
        for &reward in rewards {
            tally.add(reward, reward >= 1.0);
        }
        tally
    }

    const SUMS: RewardSums = RewardSums { graded: 4, passes: 1, sum: 2.0, squares: 1.5, lowest: 0.0, highest: 1.0 };

    #[rstest]
    #[case::passes(RewardSums { passes: 5, ..SUMS }, "5 passes among 4")]
    #[case::range(RewardSums { lowest: 2.0, ..SUMS }, "from 2 to 1")]
    #[case::nan(RewardSums { highest: f64::NAN, ..SUMS }, "to NaN")]
    #[case::too_large(RewardSums { lowest: -1e101, ..SUMS }, "±1e100")]
    #[case::sum(RewardSums { sum: 4.1, ..SUMS }, "do not add up to 4.1")]
    #[case::sum_nan(RewardSums { sum: f64::NAN, ..SUMS }, "do not add up to NaN")]
    #[case::squares(RewardSums { squares: 4.1, ..SUMS }, "do not add up to 4.1")]
    #[case::squares_negative(RewardSums { squares: -1.0, ..SUMS }, "do not add up to -1")]
    fn sums_that_no_rewards_have_are_refused(#[case] sums: RewardSums, #[case] named: &str) {
        let fault = Tally::try_from(sums).unwrap_err().to_string();
        assert!(fault.contains(named), "{fault}");
    }

    #[test]
    fn sums_give_what_the_trials_give() {
        let counted = tally(&[0.0, 0.5, 1.0, 0.5]);
        assert_eq!(Tally::try_from(SUMS), Ok(counted));
        assert_eq!(counted.value(), Some(0.5));
        assert_eq!(counted.pass_share(), Some(0.25));
        assert!((counted.variance().unwrap() - 0.5 / 3.0).abs() < 1e-15);
        let nothing = RewardSums { lowest: f64::NAN, ..RewardSums::default() };
        assert_eq!(Tally::try_from(nothing), Ok(Tally::default()));
    }

    #[test]
    fn rounding_puts_no_mean_outside_its_rewards() {
        assert_eq!(tally(&[0.1, 0.1, 0.1]).value(), Some(0.1));
        assert_eq!(tally(&[1e8 + 0.1; 7]).variance(), Some(0.0));
        assert!(tally(&[1e15, 1e15 + 1.0]).variance().unwrap() <= 0.5);
    }
}
