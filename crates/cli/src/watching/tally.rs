//! Counts and sums of trials.

use oddish_api_types::TrialStatus;

use super::trials::Trial;

/// What some trials have come to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Tally {
    pub(super) waiting: usize,
    pub(super) running: usize,
    pub(super) succeeded: usize,
    pub(super) failed: usize,
    pub(super) rewarded: usize,
    reward_sum: f64,
    /// Sum of the costs that agents have told; nothing while none has.
    pub(super) cost: Option<f64>,
}

impl Tally {
    pub(super) fn add(&mut self, trial: &Trial) {
        let count = match trial.status {
            TrialStatus::Pending | TrialStatus::Queued | TrialStatus::Retrying => &mut self.waiting,
            TrialStatus::Running => &mut self.running,
            TrialStatus::Success => &mut self.succeeded,
            TrialStatus::Failed => &mut self.failed,
        };
        *count += 1;
        if let Some(reward) = trial.reward {
            self.rewarded += 1;
            self.reward_sum += reward;
        }
        if let Some(cost) = trial.cost {
            *self.cost.get_or_insert_default() += cost;
        }
    }

    pub(super) fn ended(&self) -> usize {
        self.succeeded + self.failed
    }

    pub(super) fn total(&self) -> usize {
        self.ended() + self.running + self.waiting
    }

    /// Mean of the rewards that there are: a missing one is not a 0.
    pub(super) fn mean_reward(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "no experiment has 2^52 trials")]
        (self.rewarded > 0).then(|| self.reward_sum / self.rewarded as f64)
    }
}

impl<'a> FromIterator<&'a Trial> for Tally {
    fn from_iter<I: IntoIterator<Item = &'a Trial>>(trials: I) -> Self {
        trials.into_iter().fold(Self::default(), |mut tally, trial| {
            tally.add(trial);
            tally
        })
    }
}
