//! Retries: whether and when a failed trial is tried again.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::failure::{Budget, Failure, FailureClass};
use crate::settings::{ALL_PROGRAMS, Group, Reader, Setting};

/// How many attempts a trial has unless told otherwise (docs/compatibility.md, 3.6).
pub const MAX_ATTEMPTS_DEFAULT: u32 = 6;
/// The most that can be asked for.
pub const MAX_ATTEMPTS_HIGHEST: u32 = 100;

/// The longest backoff that can be set, in seconds: a day.
const BACKOFF_HIGHEST: u64 = 86_400;

/// Most attempts of an analysis or a verdict that fails for reasons of its own.
pub const MAX_ATTEMPTS_OF_JUDGING: u32 = 3;
const MAX_ATTEMPTS: Setting<u32> = Setting::new("ODDISH_MAX_ATTEMPTS", MAX_ATTEMPTS_DEFAULT)
    .within(1, MAX_ATTEMPTS_HIGHEST)
    .unit("attempts")
    .doc(
        "Most attempts of a trial that fails without a reward. An attempt counts if its agent began and its runner was not\n\
         lost. Failures of the sandbox and the provider before that do not count; they have limits of their own.",
    );
const BACKOFF_BASE: Setting<u64> = Setting::new("ODDISH_RETRY_BACKOFF_BASE", 60)
    .within(0, BACKOFF_HIGHEST)
    .unit("seconds")
    .doc("Most seconds before a failed trial is tried again. Doubled with every further failure of the same kind.");
const BACKOFF_MAX: Setting<u64> = Setting::new("ODDISH_RETRY_BACKOFF_MAX", 3600)
    .within(0, BACKOFF_HIGHEST)
    .unit("seconds")
    .doc("Upper bound, in seconds, of the wait before a retry, unless the provider asks for a longer one.");

/// How retries are spread over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetrySettings {
    /// What `max_attempts` of a trial is unless its sweep says otherwise; 1 to [`MAX_ATTEMPTS_HIGHEST`].
    pub max_attempts: u32,
    /// Longest wait after the first failure of a class.
    pub backoff_base: Duration,
    /// Longest wait after any; wins over a higher base.
    pub backoff_max: Duration,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            max_attempts: MAX_ATTEMPTS.default(),
            backoff_base: Duration::from_secs(BACKOFF_BASE.default()),
            backoff_max: Duration::from_secs(BACKOFF_MAX.default()),
        }
    }
}

impl RetrySettings {
    /// Their settings, for the documents.
    pub const GROUP: Group =
        Group { title: "Retries", read_by: ALL_PROGRAMS, settings: &[&MAX_ATTEMPTS, &BACKOFF_BASE, &BACKOFF_MAX] };

    /// Reads [`Self::GROUP`].
    pub fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            max_attempts: reader.get(&MAX_ATTEMPTS),
            backoff_base: Duration::from_secs(reader.get(&BACKOFF_BASE)),
            backoff_max: Duration::from_secs(reader.get(&BACKOFF_MAX)),
        }
    }

    /// The longest wait after the `nth` failure of a class, the first being 1: doubled each time, up to the maximum.
    fn longest_wait(&self, nth: u32) -> Duration {
        self.backoff_base.saturating_mul(2_u32.saturating_pow(nth.saturating_sub(1))).min(self.backoff_max)
    }
}

/// How an attempt ended that did not end its trial well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The runner recorded a failure.
    Failed(Failure),
    /// The runner went away without recording anything.
    Lost,
    /// The runner was told to stop, or the claim was given back. The trial had no part in it.
    Interrupted,
}

impl Ending {
    /// The class that the attempt is counted in, if it counts at all.
    pub const fn class(self) -> Option<FailureClass> {
        match self {
            Self::Failed(failure) => Some(failure.class),
            Self::Lost => Some(FailureClass::Infrastructure),
            Self::Interrupted => None,
        }
    }
}

/// Attempts of a trial that failed alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// In which class.
    pub class: FailureClass,
    /// Whether their agents had begun when they were recorded. Not of those whose runner was lost.
    pub agent_began: bool,
    /// How many.
    pub count: u32,
}

/// How often a trial failed in each class, since it was submitted or last retried by a user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failures {
    by_class: BTreeMap<FailureClass, u32>,
    /// How many count against the trial's `max_attempts`.
    of_attempts: u32,
}

impl FromIterator<Counted> for Failures {
    fn from_iter<T: IntoIterator<Item = Counted>>(counts: T) -> Self {
        let mut failures = Self::default();
        for Counted { class, agent_began, count } in counts {
            let sum = failures.by_class.entry(class).or_default();
            *sum = sum.saturating_add(count);
            if counts_as_attempt(class, agent_began) {
                failures.of_attempts = failures.of_attempts.saturating_add(count);
            }
        }
        failures
    }
}

impl Failures {
    /// How often in this class.
    pub fn of(&self, class: FailureClass) -> u32 {
        self.by_class.get(&class).copied().unwrap_or(0)
    }
}

/// Whether a failure counts against `max_attempts`: those that share it do, and all others since the agent began. A try of an
/// agent costs money, and what an agent can bring about must not give it more tries than were asked for.
fn counts_as_attempt(class: FailureClass, agent_began: bool) -> bool {
    agent_began || class.budget() == Budget::Attempts
}

/// What becomes of the trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is tried again.
    Retry {
        /// Time until it may be claimed.
        after: Duration,
    },
    /// It has failed.
    Fail,
}

/// Whether and when a trial is tried again after an attempt that ended in this way.
///
/// `before` are the failures of its earlier attempts, without this one; `max_attempts` is the trial's own. `random`,
/// from 0 to 1, spreads trials that failed together: the wait lies between half and all of a time that doubles with every
/// failure of the class (equal jitter). It is never shorter than the provider asked for. An interruption costs nothing,
/// and the first failure for which a lost runner is to blame has no wait.
///
/// Failures of a class with its own budget don't use up `max_attempts` unless the agent had begun, nor does a lost runner; the
/// number of tries has a bound all the same, since every budget has.
pub fn decide(ending: Ending, before: &Failures, max_attempts: u32, settings: &RetrySettings, random: f64) -> Decision {
    let Some(class) = ending.class() else {
        return Decision::Retry { after: Duration::ZERO };
    };
    let earlier = before.of(class);
    let agent_began = matches!(ending, Ending::Failed(Failure { agent_began: true, .. }));
    let attempts_spent = counts_as_attempt(class, agent_began) && before.of_attempts.saturating_add(1) >= max_attempts;
    let spent = attempts_spent
        || match class.budget() {
            Budget::Single => true,
            Budget::Attempts => false,
            Budget::Own(tries) => earlier.saturating_add(1) >= tries,
        };
    match ending {
        _ if spent => Decision::Fail,
        Ending::Failed(failure) if failure.lasting => Decision::Fail,
        Ending::Failed(failure) => {
            let wait = settings.longest_wait(earlier.saturating_add(1));
            Decision::Retry { after: spread(wait, failure.retry_after, random) }
        }
        Ending::Lost if earlier > 0 => Decision::Retry { after: spread(settings.longest_wait(earlier), None, random) },
        Ending::Lost | Ending::Interrupted => Decision::Retry { after: Duration::ZERO },
    }
}

/// A wait of half to all of `longest`, later by as much as `asked` for is more than that half.
fn spread(longest: Duration, asked: Option<Duration>, random: f64) -> Duration {
    let half = longest / 2;
    let share = if random.is_nan() { 0.0 } else { random.clamp(0.0, 1.0) };
    half.max(asked.unwrap_or_default()).saturating_add(half.mul_f64(share))
}

#[cfg(test)]
mod tests;
