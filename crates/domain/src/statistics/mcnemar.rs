//! `McNemar`'s exact test.

use super::tally::real;

/// The exact two-sided test of `McNemar`: whether tasks that pass on one side only are as often on either, as if by the toss of a coin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct McNemar {
    /// Pairs that pass on the left side only.
    pub losses: u64,
    /// Pairs that pass on the right side only.
    pub gains: u64,
    /// The chance of so uneven a split of the discordant pairs, or a more uneven one, if both ways were equally likely; 1 without any.
    pub p: f64,
}

impl McNemar {
    /// p = min(1, 2 P(X <= min(losses, gains))), where X is binomial with as many tosses as there are discordant pairs, and 1/2.
    pub(super) fn of(losses: u64, gains: u64) -> Self {
        let (fewer, tosses) = (losses.min(gains), losses.saturating_add(gains));
        // C(tosses, fewer) / 2^tosses, as a logarithm since 2^tosses leaves the range of floats.
        let factors = (0..fewer).map(|i| (real(tosses - i) / real(fewer - i)).ln());
        let log = factors.sum::<f64>() - real(tosses) * std::f64::consts::LN_2;
        // The terms below it, each as a share of it.
        let (mut term, mut sum) = (1.0, 0.0);
        for heads in (0..=fewer).rev() {
            sum += term;
            term *= real(heads) / real(tosses - heads + 1);
            if term < sum * f64::EPSILON {
                break;
            }
        }
        Self { losses, gains, p: (2.0 * sum * log.exp()).min(1.0) }
    }
}
