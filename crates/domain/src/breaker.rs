//! The circuit breaker of a queue key: an account that is empty or locked out fails every trial that is started on it.
//!
//! ```text
//!              TRIP_AFTER refusals in a row: pause
//!    closed ---------------------------------------> open ---+
//!      ^                                              |  ^   | a refused probe: wait twice as long
//!      +----------------------------------------------+  +---+ a probe that says nothing: wait as long again
//!              the probe was served: resume
//! ```
//!
//! While it is open, nothing is claimed for the key but one trial at a time, the probe, each when its time has come.
//! Trials that were running when it opened end as they end: what they say is about the time before, and is not heard.
//! Resuming a key by hand resets its breaker to the default.

use std::time::Duration;

use crate::failure::FailureClass;

/// How many refusals in a row open the breaker: one may be a mistake of the provider's.
pub const TRIP_AFTER: u32 = 3;
/// How long after the pause the first probe starts.
pub const PROBE_DELAY: Duration = Duration::from_mins(5);
/// Longest time between two probes.
pub const PROBE_DELAY_MAX: Duration = Duration::from_hours(1);

/// The breaker of one queue key, as it is stored beside the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breaker {
    /// Trials are claimed.
    Closed {
        /// Refusals since the account last served a trial.
        refusals: u32,
    },
    /// Nothing is claimed but a probe.
    Open {
        /// Probes that were refused since it opened.
        refused_probes: u32,
    },
}

impl Default for Breaker {
    fn default() -> Self {
        Self::Closed { refusals: 0 }
    }
}

/// What the end of an attempt says about the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// It works: the agent had its model.
    Served,
    /// Its quota is spent, or its credentials are not accepted.
    Refused,
    /// Nothing: something else failed, or the attempt was stopped before it came so far.
    Silent,
}

impl Signal {
    /// The signal of an attempt that ended with a failure of this class, or without one.
    pub const fn of(failure: Option<FailureClass>) -> Self {
        match failure {
            None | Some(FailureClass::Agent | FailureClass::Verifier) => Self::Served,
            Some(FailureClass::ProviderQuota | FailureClass::ProviderAuth) => Self::Refused,
            Some(
                FailureClass::Infrastructure
                | FailureClass::ProviderRateLimit
                | FailureClass::Provider
                | FailureClass::Task
                | FailureClass::Cancelled
                | FailureClass::Unknown,
            ) => Self::Silent,
        }
    }
}

/// As what an attempt was claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimedAs {
    /// As one of many.
    Ordinary,
    /// As the one that finds out whether the account works again.
    Probe,
}

/// What to do with the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    None,
    /// Stop claiming, and claim one probe after this time.
    Pause {
        /// Time until the probe.
        probe_in: Duration,
    },
    /// Stay paused, and claim another probe after this time.
    ProbeAgain {
        /// Time until the probe.
        probe_in: Duration,
    },
    /// Claim as usual.
    Resume,
}

impl Breaker {
    /// The breaker after an attempt on its key ended, and what to do.
    ///
    /// To be called once forevery attempt that ends, under a lock on the key.
    #[must_use]
    pub fn after(self, claimed_as: ClaimedAs, signal: Signal) -> (Self, Action) {
        match (self, claimed_as, signal) {
            // A probe that ends here belongs to a pause that was lifted by hand: it counts like any other.
            (Self::Closed { .. }, _, Signal::Served) => (Self::default(), Action::None),
            (Self::Closed { refusals }, _, Signal::Refused) => {
                let refusals = refusals.saturating_add(1);
                if refusals < TRIP_AFTER {
                    (Self::Closed { refusals }, Action::None)
                } else {
                    (Self::Open { refused_probes: 0 }, Action::Pause { probe_in: PROBE_DELAY })
                }
            }
            (Self::Closed { .. }, _, Signal::Silent) | (Self::Open { .. }, ClaimedAs::Ordinary, _) => {
                (self, Action::None)
            }
            (Self::Open { .. }, ClaimedAs::Probe, Signal::Served) => (Self::default(), Action::Resume),
            (Self::Open { refused_probes }, ClaimedAs::Probe, Signal::Refused) => {
                let refused_probes = refused_probes.saturating_add(1);
                (Self::Open { refused_probes }, Action::ProbeAgain { probe_in: probe_delay(refused_probes) })
            }
            (Self::Open { refused_probes }, ClaimedAs::Probe, Signal::Silent) => {
                (self, Action::ProbeAgain { probe_in: probe_delay(refused_probes) })
            }
        }
    }
}

fn probe_delay(refused_probes: u32) -> Duration {
    PROBE_DELAY.saturating_mul(2_u32.saturating_pow(refused_probes)).min(PROBE_DELAY_MAX)
}

/// The reason for a pause, as users with waiting trials read it. The class and the error's type are those of the last refusal.
pub fn pause_reason(class: FailureClass, error_type: &str) -> String {
    let what = match class {
        FailureClass::ProviderQuota => "the account's quota at the provider is spent: fill it up",
        _ => "the provider does not accept the credentials, or there are none: correct them",
    };
    format!(
        "{TRIP_AFTER} trials in a row failed ({error_type}) because {what}. One trial at a time tries whether it works again; \
         resume the key to start all of them at once."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Follows a story, one line for each attempt that ends: `o` ordinary or `p` probe, then `+` served, `-` refused, `?`
    /// silent. The answer names each action, with minutes.
    fn follow(story: &str) -> String {
        let mut breaker = Breaker::default();
        let mut actions = Vec::new();
        for step in story.split_whitespace() {
            let claimed_as = if step.starts_with('p') { ClaimedAs::Probe } else { ClaimedAs::Ordinary };
            let signal = match &step[1..] {
                "+" => Signal::Served,
                "-" => Signal::Refused,
                _ => Signal::Silent,
            };
            let (next, action) = breaker.after(claimed_as, signal);
            breaker = next;
            actions.push(match action {
                Action::None => ".".to_owned(),
                Action::Pause { probe_in } => format!("pause{}", probe_in.as_secs() / 60),
                Action::ProbeAgain { probe_in } => format!("again{}", probe_in.as_secs() / 60),
                Action::Resume => "resume".to_owned(),
            });
        }
        actions.join(" ")
    }

    #[rstest::rstest]
    #[case::three_refusals_pause("o- o- o-", ". . pause5")]
    #[case::a_served_trial_starts_the_count_again("o- o- o+ o- o- o-", ". . . . . pause5")]
    #[case::silence_is_no_sign_of_either("o- o? o- o? o-", ". . . . pause5")]
    #[case::trials_from_before_the_pause_are_not_heard("o- o- o- o- o- o+ p-", ". . pause5 . . . again10")]
    #[case::probes_become_rarer("o- o- o- p- p- p- p- p-", ". . pause5 again10 again20 again40 again60 again60")]
    #[case::a_silent_probe_waits_as_long_again("o- o- o- p? p- p?", ". . pause5 again5 again10 again10")]
    #[case::one_probe_that_is_served_resumes("o- o- o- p- p+ o- o- o-", ". . pause5 again10 resume . . pause5")]
    #[case::a_probe_of_a_lifted_pause_counts_like_any_other("o- o- p-", ". . pause5")]
    fn stories(#[case] story: &str, #[case] actions: &str) {
        assert_eq!(follow(story), actions);
    }

    #[test]
    fn probe_delays_stay_within_bounds_however_long_it_takes() {
        let open = Breaker::Open { refused_probes: u32::MAX };
        let again = Action::ProbeAgain { probe_in: PROBE_DELAY_MAX };
        assert_eq!(open.after(ClaimedAs::Probe, Signal::Refused), (open, again));
    }

    #[test]
    fn only_spent_quotas_and_refused_credentials_are_refusals() {
        let signals = |wanted| {
            let of_class = |&&class: &&FailureClass| Signal::of(Some(class)) == wanted;
            FailureClass::ALL.iter().filter(of_class).map(|class| class.as_str()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(signals(Signal::Refused), "provider_quota provider_auth");
        assert_eq!(signals(Signal::Served), "agent verifier");
        assert_eq!(Signal::of(None), Signal::Served);
    }

    #[test]
    fn the_reason_says_what_to_do() {
        let quota = pause_reason(FailureClass::ProviderQuota, "ApiUsageLimitError");
        assert!(quota.contains("(ApiUsageLimitError)") && quota.contains("fill it up"), "{quota}");
        let auth = pause_reason(FailureClass::ProviderAuth, "AgentAuthenticationError");
        assert!(auth.contains("(AgentAuthenticationError)") && auth.contains("correct them"), "{auth}");
    }
}
