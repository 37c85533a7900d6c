//! pass@k and pass^k.

use super::estimate::Estimate;
use super::tally::{Tally, real};

/// The largest k that is looked at.
pub const LARGEST_K: u64 = 10_000;

/// What k trials of a task would show.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PassRate {
    /// How many trials.
    pub k: u64,
    /// pass@k: the chance that at least one of k trials passes, 1 - C(n-c, k)/C(n, k), averaged over the tasks with k graded trials or more
    /// (Chen et al. 2021).
    pub at_least_one: Estimate,
    /// pass^k: the chance that all of k trials pass, C(c, k)/C(n, k), averaged over the same tasks.
    pub all: Estimate,
}

/// The values of k up to `largest` that are shown: powers of two and multiples of five, as Harbor has them, and 1.
pub(super) fn shown(largest: u64) -> Vec<u64> {
    (1..=largest.min(LARGEST_K)).filter(|k| k.is_power_of_two() || k % 5 == 0).collect()
}

/// pass@k and pass^k of one task, for each of `ks`, which are in order, none beyond the task's graded trials.
///
/// As products over single draws: C(n-c, k)/C(n, k) is the chance of k draws without a pass, one after the other and none put back. No
/// factorial overflows, and each k goes on from the one before.
pub(super) fn of_task(tally: &Tally, ks: &[u64]) -> Vec<(f64, f64)> {
    let (n, c) = (tally.graded(), tally.passes());
    let (mut none_passes, mut all_pass) = (1.0, 1.0);
    let mut drawn = 0;
    let at = |&k: &u64| {
        while drawn < k {
            let left = real(n.saturating_sub(drawn));
            none_passes *= real((n - c).saturating_sub(drawn)) / left;
            all_pass *= real(c.saturating_sub(drawn)) / left;
            drawn += 1;
        }
        (1.0 - none_passes, all_pass)
    };
    ks.iter().take_while(|k| **k <= n).map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_two_and_multiples_of_five_are_shown() {
        assert_eq!(shown(20), [1, 2, 4, 5, 8, 10, 15, 16, 20]);
        assert_eq!(shown(0), Vec::<u64>::new());
        assert_eq!(shown(u64::MAX).last(), Some(&LARGEST_K));
    }
}
