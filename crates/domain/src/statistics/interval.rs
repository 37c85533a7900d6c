//! 95 % intervals.

/// The 97.5 % quantile of the standard normal distribution, 1.959964.
const Z: f64 = 1.959_963_984_540_054;
/// The shares of replicates below the ends of an interval.
const LOWER: f64 = 0.025;
const UPPER: f64 = 0.975;

/// How an interval was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Wilson's score interval of a proportion (Wilson 1927).
    Wilson,
    /// Percentiles of the figure over tasks that were drawn again.
    Bootstrap,
}

/// A 95 % interval, in the unit of its figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// How it was made.
    pub method: Method,
}

impl Interval {
    /// Wilson's score interval of a proportion `share`, 0 to 1, of `n` observations; none without any.
    ///
    /// ```text
    /// (share + z²/2n ± z sqrt(share (1 - share)/n + z²/4n²)) / (1 + z²/n)
    /// ```
    pub(super) fn wilson(share: f64, n: u64) -> Option<Self> {
        if n == 0 {
            return None;
        }
        let n = super::tally::real(n);
        let part = Z * Z / n;
        let center = share + part / 2.0;
        let half = Z * (share * (1.0 - share) / n + part / (4.0 * n)).max(0.0).sqrt();
        let end = |end: f64| end / (1.0 + part);
        // The proportion itself always lies within; at 0 and 1 it is an end, which rounding would miss.
        let (low, high) = (end(center - half).clamp(0.0, share), end(center + half).clamp(share, 1.0));
        Some(Self { low, high, method: Method::Wilson })
    }

    /// The middle 95 % of replicates; none without any.
    pub(super) fn percentile(mut replicates: Vec<f64>) -> Option<Self> {
        let low = quantile(&mut replicates, LOWER)?;
        let high = quantile(&mut replicates, UPPER)?;
        Some(Self { low, high, method: Method::Bootstrap })
    }
}

/// The quantile of `values` by linear interpolation between the two nearest (R's type 7); none of nothing. Changes their order.
pub(super) fn quantile(values: &mut [f64], share: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let place = super::tally::real(last as u64) * share;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to a length")]
    let below = (place.floor() as usize).min(last);
    let (_, &mut low, above) = values.select_nth_unstable_by(below, f64::total_cmp);
    let high = above.iter().copied().min_by(f64::total_cmp).unwrap_or(low);
    Some(low + (place - place.floor()) * (high - low))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::one_value(&[7.0], 0.3, 7.0)]
    #[case::lowest(&[3.0, 1.0, 2.0], 0.0, 1.0)]
    #[case::highest(&[3.0, 1.0, 2.0], 1.0, 3.0)]
    #[case::between(&[4.0, 1.0, 2.0, 3.0], 0.25, 1.75)]
    fn quantiles_interpolate(#[case] values: &[f64], #[case] share: f64, #[case] expected: f64) {
        assert_eq!(quantile(&mut values.to_vec(), share), Some(expected));
    }

    #[test]
    fn there_is_no_interval_of_nothing() {
        assert_eq!(Interval::wilson(0.5, 0), None);
        assert_eq!(Interval::percentile(Vec::new()), None);
    }

    #[test]
    fn a_proportion_at_its_end_is_the_end_of_its_interval() {
        for n in 1..200 {
            assert!(Interval::wilson(0.0, n).is_some_and(|interval| interval.low <= 0.0 && interval.high < 1.0));
            assert!(Interval::wilson(1.0, n).is_some_and(|interval| interval.low > 0.0 && interval.high >= 1.0));
        }
    }
}
