//! Rules: which reward is a pass, and how many trials must be graded before a headline is shown.

use thiserror::Error;

/// What the reader of results may set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    pass_threshold: f64,
    coverage_bar: f64,
}

/// A rule that cannot be applied.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum RulesFault {
    /// No reward can be compared with it.
    #[error("the pass threshold {0} is no finite number: use the lowest reward that is a pass, such as 1")]
    PassThreshold(f64),
    /// It is no share.
    #[error("the coverage bar {0} is no share: use a number from 0 to 1, such as 0.9")]
    CoverageBar(f64),
}

impl Rules {
    /// A trial passes with a reward of `pass_threshold` or more. A headline is shown where at least the share `coverage_bar` of the
    /// trials is graded, and pass@k where at least this share of the tasks has k graded trials.
    pub fn new(pass_threshold: f64, coverage_bar: f64) -> Result<Self, RulesFault> {
        if !pass_threshold.is_finite() {
            return Err(RulesFault::PassThreshold(pass_threshold));
        }
        if !(0.0..=1.0).contains(&coverage_bar) {
            return Err(RulesFault::CoverageBar(coverage_bar));
        }
        Ok(Self { pass_threshold, coverage_bar })
    }

    /// The lowest reward that is a pass.
    pub fn pass_threshold(&self) -> f64 {
        self.pass_threshold
    }

    /// The share, from 0 to 1.
    pub fn coverage_bar(&self) -> f64 {
        self.coverage_bar
    }

    /// Whether this reward is a pass.
    pub fn is_pass(&self, reward: f64) -> bool {
        reward >= self.pass_threshold
    }
}

impl Default for Rules {
    /// A reward of 1 is a pass, and nine of ten trials must be graded.
    fn default() -> Self {
        Self { pass_threshold: 1.0, coverage_bar: 0.9 }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(f64::NAN, 0.9, "pass threshold NaN")]
    #[case(f64::INFINITY, 0.9, "pass threshold inf")]
    #[case(1.0, f64::NAN, "coverage bar NaN")]
    #[case(1.0, -0.1, "coverage bar -0.1")]
    #[case(1.0, 90.0, "coverage bar 90")]
    fn what_cannot_be_applied_is_refused(#[case] threshold: f64, #[case] bar: f64, #[case] named: &str) {
        let fault = Rules::new(threshold, bar).unwrap_err().to_string();
        assert!(fault.contains(named), "{fault}");
    }

    #[test]
    fn the_default_is_a_reward_of_one_and_nine_of_ten() {
        let rules = Rules::default();
        assert_eq!(Rules::new(1.0, 0.9), Ok(rules));
        assert!(rules.is_pass(1.0) && rules.is_pass(7.0) && !rules.is_pass(0.999));
    }
}
