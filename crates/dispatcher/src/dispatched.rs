//! What a call of the dispatcher did.

use std::collections::BTreeMap;
use std::time::Duration;

/// What was claimed and what became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dispatched {
    /// Jobs that were claimed.
    pub claimed: usize,
    /// For each runner that was launched, how long that took from its claim to the launcher's answer.
    pub launched: Vec<Duration>,
    /// How many were not launched, by [the code of the error](crate::LaunchError::code).
    pub refused: BTreeMap<&'static str, usize>,
}

impl Dispatched {
    /// Adds what another pass did.
    pub(crate) fn add(&mut self, more: Self) {
        self.claimed += more.claimed;
        self.launched.extend(more.launched);
        for (code, number) in more.refused {
            *self.refused.entry(code).or_default() += number;
        }
    }
}
