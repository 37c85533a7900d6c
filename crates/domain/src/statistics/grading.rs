//! Which trials are graded, and why the others are not.

use super::tally::LARGEST_REWARD;
use crate::failure::FailureClass;
use crate::status::TrialStatus;

/// A trial as its last attempt left it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrialOutcome {
    /// Its status.
    pub status: TrialStatus,
    /// The scalar reward: the one called `reward`, else the only one; none where the verifier gave several by other names, or none.
    pub reward: Option<f64>,
    /// Whether it left a reward that does not count (`unconfirmed_reward`).
    pub unconfirmed: bool,
    /// Whether nobody was to judge it.
    pub verification_disabled: bool,
    /// Whether a user asked for its end.
    pub cancelled: bool,
    /// The class of its failure.
    pub failure: Option<FailureClass>,
}

/// Why a trial is not graded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ungraded {
    /// It waits for its first or another attempt.
    Waiting,
    /// It runs.
    Running,
    /// It failed, in this class.
    Failed(FailureClass),
    /// A user cancelled it.
    Cancelled,
    /// It ran without verification.
    NotVerified,
    /// It was verified and has no single reward that can be averaged: several of which none is called `reward`, or one beyond
    /// [`LARGEST_REWARD`].
    NoScalarReward,
    /// It has a reward and a failure after which no reward counts.
    Unconfirmed,
}

/// What a trial adds to a tally.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Grade {
    /// This reward, which is finite.
    Graded(f64),
    /// Nothing, for this reason.
    Ungraded(Ungraded),
}

/// Whether a trial is graded: it succeeded with a finite scalar reward that is not unconfirmed.
///
/// A missing reward is never a reward of 0. A cancellation that came too late for a trial that succeeded changes nothing.
pub fn grade(trial: &TrialOutcome) -> Grade {
    let reason = match trial.status {
        TrialStatus::Pending | TrialStatus::Queued | TrialStatus::Retrying => Ungraded::Waiting,
        TrialStatus::Running => Ungraded::Running,
        TrialStatus::Failed if trial.cancelled || trial.failure == Some(FailureClass::Cancelled) => Ungraded::Cancelled,
        TrialStatus::Failed | TrialStatus::Success if trial.unconfirmed => Ungraded::Unconfirmed,
        TrialStatus::Failed => Ungraded::Failed(trial.failure.unwrap_or(FailureClass::Unknown)),
        TrialStatus::Success => match trial.reward {
            Some(reward) if reward.abs() <= LARGEST_REWARD => return Grade::Graded(reward),
            None if trial.verification_disabled => Ungraded::NotVerified,
            Some(_) | None => Ungraded::NoScalarReward,
        },
    };
    Grade::Ungraded(reason)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const PASSED: TrialOutcome = TrialOutcome {
        status: TrialStatus::Success,
        reward: Some(1.0),
        unconfirmed: false,
        verification_disabled: false,
        cancelled: false,
        failure: None,
    };
    const FAILED: TrialOutcome = TrialOutcome { status: TrialStatus::Failed, reward: None, ..PASSED };

    #[rstest]
    #[case::passed(PASSED, 1.0)]
    #[case::failed_its_tests(TrialOutcome { reward: Some(0.0), ..PASSED }, 0.0)]
    #[case::negative(TrialOutcome { reward: Some(-3.5), ..PASSED }, -3.5)]
    #[case::above_one(TrialOutcome { reward: Some(12.0), ..PASSED }, 12.0)]
    #[case::cancelled_too_late(TrialOutcome { cancelled: true, ..PASSED }, 1.0)]
    #[case::with_an_error_that_leaves_it_valid(TrialOutcome { failure: Some(FailureClass::Agent), ..PASSED }, 1.0)]
    fn is_graded(#[case] trial: TrialOutcome, #[case] reward: f64) {
        assert_eq!(grade(&trial), Grade::Graded(reward));
    }

    #[rstest]
    #[case::pending(TrialOutcome { status: TrialStatus::Pending, ..FAILED }, Ungraded::Waiting)]
    #[case::queued(TrialOutcome { status: TrialStatus::Queued, ..FAILED }, Ungraded::Waiting)]
    #[case::retrying(TrialOutcome { status: TrialStatus::Retrying, failure: Some(FailureClass::Agent), ..FAILED }, Ungraded::Waiting)]
    #[case::running(TrialOutcome { status: TrialStatus::Running, ..FAILED }, Ungraded::Running)]
    #[case::being_cancelled(TrialOutcome { status: TrialStatus::Running, cancelled: true, ..FAILED }, Ungraded::Running)]
    #[case::failed(TrialOutcome { failure: Some(FailureClass::Verifier), ..FAILED }, Ungraded::Failed(FailureClass::Verifier))]
    #[case::failed_without_a_class(FAILED, Ungraded::Failed(FailureClass::Unknown))]
    #[case::failed_beside_a_reward(TrialOutcome { reward: Some(1.0), ..FAILED }, Ungraded::Failed(FailureClass::Unknown))]
    #[case::cancelled(TrialOutcome { cancelled: true, failure: Some(FailureClass::Agent), ..FAILED }, Ungraded::Cancelled)]
    #[case::of_the_class_cancelled(TrialOutcome { failure: Some(FailureClass::Cancelled), ..FAILED }, Ungraded::Cancelled)]
    #[case::unconfirmed(
        TrialOutcome { unconfirmed: true, failure: Some(FailureClass::Infrastructure), ..FAILED },
        Ungraded::Unconfirmed
    )]
    #[case::unconfirmed_success(TrialOutcome { unconfirmed: true, ..PASSED }, Ungraded::Unconfirmed)]
    #[case::not_verified(TrialOutcome { reward: None, verification_disabled: true, ..PASSED }, Ungraded::NotVerified)]
    #[case::several_rewards(TrialOutcome { reward: None, ..PASSED }, Ungraded::NoScalarReward)]
    #[case::nan(TrialOutcome { reward: Some(f64::NAN), ..PASSED }, Ungraded::NoScalarReward)]
    #[case::infinite(TrialOutcome { reward: Some(f64::NEG_INFINITY), ..PASSED }, Ungraded::NoScalarReward)]
    #[case::beyond_sums(TrialOutcome { reward: Some(1e200), ..PASSED }, Ungraded::NoScalarReward)]
    fn is_not_graded(#[case] trial: TrialOutcome, #[case] reason: Ungraded) {
        assert_eq!(grade(&trial), Grade::Ungraded(reason));
    }
}
