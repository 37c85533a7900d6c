//! The statistics of an experiment: what its trials show about each agent and model, how sure that is, and what a comparison of two shows.
//!
//! Everything is computed from the [`Tally`] of each task (graded trials, passes, sum of rewards, sum of their squares), never from single
//! trials: the trials of one task are no independent observations of how an agent does on tasks. A caller with trials counts them with
//! [`TaskTally::count`]; a caller with sums makes a [`Tally`] of [`RewardSums`].
//!
//! ```text
//! trials ──count──┐
//!                 ├─> Tallies: Combination -> CombinationTally: task name -> TaskTally ──results──> Results
//! sums ──try_from─┘                                    └── two of them ──compare──> Comparison
//! ```
//!
//! No figure is NaN or infinite, whatever the tallies are, and no figure is made up: where one cannot be had, it is `None`. The same
//! tallies always give the same figures: the random draws are those of a named generator with a constant seed.
//!
//! `docs/statistics.md` explains each figure to a reader. Sources: Wilson 1927 for intervals of proportions; Chen et al. 2021
//! (arXiv 2107.03374) for pass@k; Miller 2024 (arXiv 2411.00640) for why tasks are what is resampled and paired; `McNemar` 1947, in its exact form.

mod bootstrap;
mod compare;
mod conditions;
mod estimate;
mod flip;
mod grading;
mod interval;
mod mcnemar;
mod pairing;
mod pass;
mod planning;
mod results;
mod rules;
mod tallies;
mod tally;
#[cfg(test)]
mod tests;
mod usage;

pub use self::bootstrap::REPLICATES;
pub use self::compare::{Comparison, SideOfComparison, compare};
pub use self::conditions::{Aspect, Conditions, Difference};
pub use self::estimate::{Estimate, FEW_TASKS};
pub use self::flip::{Direction, Flip, PassCount};
pub use self::grading::{Grade, TrialOutcome, Ungraded, grade};
pub use self::interval::{Interval, Method};
pub use self::mcnemar::McNemar;
pub use self::pairing::{Pairing, pair_combinations};
pub use self::pass::{LARGEST_K, PassRate};
pub use self::planning::{Halving, TrialsToHalve};
pub use self::results::{Bounds, Headline, ResultRow, Results, results};
pub use self::rules::{Rules, RulesFault};
pub use self::tallies::{Combination, CombinationTally, Coverage, Tallies, TaskTally};
pub use self::tally::{LARGEST_REWARD, RewardSums, Tally, TallyFault};
pub use self::usage::{AttemptUsage, KnownSum, Usage};
