//! Notices when Harbor hangs or exceeds the trial's time.
//!
//! Harbor opens files below the names that a sandbox chose, in its only event loop. One that is a pipe stops the loop, and with it all of Harbor's
//! own time-outs.

use std::time::Duration;

use oddish_db::attempts::Outcome;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use crate::harbor_process::{DriverLine, Phase};
use crate::harbor_result::failed;

/// How often it is looked at the clock.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How many times longer Harbor may be silent where its event loop may stand still.
const BLOCKING_TIMES: u32 = 10;
/// The silence after which a Harbor that is told to stop is not waited for: three signs of life did not come.
const UNRESPONSIVE: Duration = Duration::from_secs(7);

/// Why a trial has to be stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overdue {
    /// Harbor's event loop gave no sign of life for this long.
    Silent(Duration),
    /// The trial took this long, which is all the time that it has.
    Deadline(Duration),
}

/// Watches over a running Harbor. Time that this process did not run, as in a machine that was suspended, does not count.
#[derive(Debug)]
pub(crate) struct Watch {
    deadline: Duration,
    silence: Duration,
    taken: Duration,
    silent: Duration,
    phase: Phase,
    blocking: bool,
    looked: Instant,
    tick: Interval,
}

impl Watch {
    /// Begins now. `deadline` is the time that the trial has, `silence` the time that Harbor may give no sign of life.
    pub(crate) fn begin(deadline: Duration, silence: Duration) -> Self {
        let looked = Instant::now();
        let mut tick = interval_at(looked + LOOK_EVERY, LOOK_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let none = Duration::ZERO;
        // Until Harbor says otherwise, it loads modules.
        Self { deadline, silence, taken: none, silent: none, phase: Phase::Environment, blocking: true, looked, tick }
    }

    /// Harbor gave a sign of life.
    pub(crate) fn heard(&mut self, line: &DriverLine) {
        self.silent = Duration::ZERO;
        if let DriverLine::Alive { alive, blocking } = *line {
            (self.phase, self.blocking) = (alive, blocking);
        }
    }

    /// What Harbor said last that it does.
    pub(crate) const fn phase(&self) -> Phase {
        self.phase
    }

    /// Waits until the trial has to be stopped. Cancelling this loses nothing.
    pub(crate) async fn overdue(&mut self) -> Overdue {
        loop {
            self.look().await;
            let silence = if self.blocking { self.silence.saturating_mul(BLOCKING_TIMES) } else { self.silence };
            if self.silent >= silence {
                return Overdue::Silent(silence);
            }
            if self.taken >= self.deadline {
                return Overdue::Deadline(self.deadline);
            }
        }
    }

    /// Waits until Harbor is so silent that it cannot hear that it is to stop.
    pub(crate) async fn unresponsive(&mut self) {
        while self.blocking || self.silent < UNRESPONSIVE.min(self.silence) {
            self.look().await;
        }
    }

    async fn look(&mut self) {
        self.tick.tick().await;
        let now = Instant::now();
        let passed = now.duration_since(self.looked).min(LOOK_EVERY * 2);
        self.looked = now;
        self.taken += passed;
        self.silent += passed;
    }
}

impl Overdue {
    /// What becomes of a trial that was stopped in this phase.
    pub(crate) fn outcome(self, phase: Phase) -> Outcome {
        let (silent, late, doing) = match phase {
            Phase::Environment => {
                ("HarborHungInEnvironment", "EnvironmentDeadlineExceeded", "it started the environment")
            }
            Phase::AgentSetup => ("HarborHungInAgent", "AgentDeadlineExceeded", "it set the agent up"),
            Phase::Agent => ("HarborHungInAgent", "AgentDeadlineExceeded", "it ran the agent or read what that left"),
            Phase::Verification => {
                ("HarborHungInVerifier", "VerifierDeadlineExceeded", "it ran the tests or read what they left")
            }
        };
        match self {
            Self::Silent(silence) => failed(
                silent,
                &format!(
                    "Harbor hung for {} s while {doing}, and was stopped: a pipe or a huge file where it expects a log, a \
                     trajectory or a reward can do that.",
                    silence.as_secs()
                ),
            ),
            Self::Deadline(deadline) => failed(
                late,
                &format!(
                    "The trial was stopped while Harbor was at work ({doing}), after {} s: the time-outs of all its phases and \
                     ODDISH_TRIAL_GRACE_SEC together.",
                    deadline.as_secs()
                ),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use oddish_domain::failure::FailureClass;
    use rstest::rstest;
    use time::OffsetDateTime;
    use tokio::time::{advance, timeout};

    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn alive(alive: Phase, blocking: bool) -> DriverLine {
        DriverLine::Alive { alive, blocking }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_counts_from_the_last_sign_of_life_and_ten_times_where_the_loop_may_stand_still() {
        let mut watch = Watch::begin(MINUTE * 100, MINUTE);
        let begun = Instant::now();
        assert_eq!(watch.overdue().await, Overdue::Silent(MINUTE * 10), "while modules are loaded");
        assert_eq!(begun.elapsed(), MINUTE * 10);
        for _ in 0..5 {
            watch.heard(&alive(Phase::Agent, false));
            timeout(MINUTE / 60 * 59, watch.overdue()).await.unwrap_err();
        }
        watch.heard(&DriverLine::Log { log: "agent".to_owned(), text: String::new() });
        assert_eq!(watch.overdue().await, Overdue::Silent(MINUTE));
        assert_eq!(watch.phase(), Phase::Agent);
    }

    #[tokio::test(start_paused = true)]
    async fn signs_of_life_move_no_deadline() {
        let mut watch = Watch::begin(MINUTE * 3, MINUTE);
        let begun = Instant::now();
        let overdue = loop {
            watch.heard(&alive(Phase::Verification, false));
            if let Ok(overdue) = timeout(MINUTE / 2, watch.overdue()).await {
                break overdue;
            }
        };
        assert_eq!(overdue, Overdue::Deadline(MINUTE * 3));
        assert_eq!(begun.elapsed(), MINUTE * 3);
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_this_process_did_not_run_is_no_silence() {
        let mut watch = Watch::begin(MINUTE * 3, MINUTE);
        watch.heard(&alive(Phase::Agent, false));
        advance(MINUTE * 60).await;
        timeout(MINUTE / 2, watch.overdue()).await.unwrap_err();
    }

    #[rstest]
    #[case(Phase::Environment, FailureClass::Infrastructure)]
    #[case(Phase::AgentSetup, FailureClass::Agent)]
    #[case(Phase::Agent, FailureClass::Agent)]
    #[case(Phase::Verification, FailureClass::Verifier)]
    fn the_phase_tells_who_is_to_blame(#[case] phase: Phase, #[case] class: FailureClass) {
        for overdue in [Overdue::Silent(MINUTE), Overdue::Deadline(MINUTE)] {
            let outcome = overdue.outcome(phase);
            let failure = outcome.failure(OffsetDateTime::UNIX_EPOCH).unwrap();
            assert_eq!(failure.class, class, "{outcome:?}");
            assert!(outcome.error_message.unwrap().contains("60 s"));
        }
    }
}
