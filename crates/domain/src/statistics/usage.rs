//! Costs of attempts: sums that say how much of them is known.

use super::tally::LARGEST_REWARD;

/// A sum over attempts of which some may not have said their part: it is at least this, and complete only where all are known.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct KnownSum {
    /// Sum over those that are known.
    pub sum: f64,
    /// How many are known, n of "n of m known".
    pub known: u64,
    /// How many there are, m.
    pub of: u64,
}

impl KnownSum {
    /// Adds one attempt. What is no finite number of a size that can be added is unknown.
    pub fn add(&mut self, value: Option<f64>) {
        self.of = self.of.saturating_add(1);
        if let Some(value) = value.filter(|value| value.abs() <= LARGEST_REWARD) {
            self.sum += value;
            self.known = self.known.saturating_add(1);
        }
    }

    /// The sum; none where nothing is known, since unknown is not 0.
    pub fn value(&self) -> Option<f64> {
        (self.known > 0 && self.sum.is_finite()).then_some(self.sum)
    }
}

/// What one attempt stored of its use; none where it did not say.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct AttemptUsage {
    /// Cost in US dollars.
    pub cost_usd: Option<f64>,
    /// Tokens read, cached ones included.
    pub input_tokens: Option<u64>,
    /// Tokens read from the provider's cache.
    pub cache_tokens: Option<u64>,
    /// Tokens written.
    pub output_tokens: Option<u64>,
    /// From its start to its end, in seconds.
    pub seconds: Option<f64>,
}

/// The use of all attempts of an agent and model, those that failed and were tried again too.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Usage {
    /// Cost in US dollars.
    pub cost_usd: KnownSum,
    /// Tokens read, cached ones included.
    pub input_tokens: KnownSum,
    /// Tokens read from the provider's cache.
    pub cache_tokens: KnownSum,
    /// Tokens written.
    pub output_tokens: KnownSum,
    /// From start to end, in seconds.
    pub seconds: KnownSum,
}

impl Usage {
    /// Adds one attempt.
    pub fn add(&mut self, attempt: &AttemptUsage) {
        let tokens = |count: Option<u64>| count.map(super::tally::real);
        self.cost_usd.add(attempt.cost_usd);
        self.input_tokens.add(tokens(attempt.input_tokens));
        self.cache_tokens.add(tokens(attempt.cache_tokens));
        self.output_tokens.add(tokens(attempt.output_tokens));
        self.seconds.add(attempt.seconds);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_is_unknown() {
        let mut usage = Usage::default();
        let attempt = AttemptUsage { input_tokens: Some(1000), ..AttemptUsage::default() };
        for cost_usd in [Some(0.25), None, Some(f64::NAN), Some(0.5)] {
            usage.add(&AttemptUsage { cost_usd, ..attempt });
        }
        assert_eq!(usage.cost_usd, KnownSum { sum: 0.75, known: 2, of: 4 });
        assert_eq!(usage.input_tokens, KnownSum { sum: 4000.0, known: 4, of: 4 });
        assert_eq!(usage.output_tokens, KnownSum { sum: 0.0, known: 0, of: 4 });
        assert_eq!((usage.cost_usd.value(), usage.output_tokens.value()), (Some(0.75), None));
    }
}
