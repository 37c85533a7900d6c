//! Statuses, their words on the wire, and the transitions between them (docs/compatibility.md, 3.2).
//!
//! The words are what the API, the database and the command line all use. The transition tables below are the only
//! place where it is written which status may follow which.

use thiserror::Error;

/// A word that is none of the allowed ones.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{given:?} is not a {kind}: use one of {}", allowed.join(", "))]
pub struct UnknownWord {
    /// What the word should have been, such as `trial status`.
    pub kind: &'static str,
    /// The word as given.
    pub given: String,
    /// Every allowed word.
    pub allowed: &'static [&'static str],
}

macro_rules! words {
    ($(#[$meta:meta])* $name:ident, $kind:literal, $($(#[$doc:meta])* $variant:ident = $word:literal),+ $(,)?) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$doc])* $variant,)+
        }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word on the wire and in the database.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::status::UnknownWord;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::status::UnknownWord { kind: $kind, given: word.to_owned(), allowed: &[$($word),+] }),
                }
            }
        }
    };
}
pub(crate) use words;

words! {
    /// The state of a trial. Success means that it ran and produced a reward (0 counts), failed that it didn't.
    TrialStatus, "trial status",
    /// Known, but not yet handed to the queue.
    Pending = "pending",
    /// Waiting for its first attempt.
    Queued = "queued",
    /// An attempt has begun.
    Running = "running",
    /// Ended with a reward.
    Success = "success",
    /// Ended without a reward, or was cancelled.
    Failed = "failed",
    /// Waiting for another attempt after a lost one.
    Retrying = "retrying",
}

words! {
    /// The stage of a task, over all its trials.
    TaskStatus, "task status",
    /// No trial has begun.
    Pending = "pending",
    /// Trials run.
    Running = "running",
    /// All trials ended; their analyses run.
    Analyzing = "analyzing",
    /// All analyses ended; the verdict is being made.
    VerdictPending = "verdict_pending",
    /// Everything asked for is done.
    Completed = "completed",
    /// Cancelled.
    Failed = "failed",
}

words! {
    /// Which trials of a queue key go first.
    #[derive(Default)]
    Priority, "priority",
    /// Before every low one.
    High = "high",
    /// The default.
    #[default]
    Low = "low",
}

words! {
    /// How far a running trial has come, in the order of a run; `cancelled` can follow any of them.
    HarborStage, "stage",
    /// The runner has begun the attempt.
    Starting = "starting",
    /// Harbor has accepted the trial.
    TrialStarted = "trial_started",
    /// The sandbox is being built or started.
    EnvironmentSetup = "environment_setup",
    /// The agent works.
    AgentRunning = "agent_running",
    /// The task's tests judge the result.
    Verification = "verification",
    /// Harbor is done.
    Completed = "completed",
    /// Stopped on request.
    Cancelled = "cancelled",
}

words! {
    /// The state of a live job in the queue; a finished job has no row.
    JobState, "job state",
    /// Waiting for its time: a retry after a failure.
    Waiting = "waiting",
    /// Waiting to be claimed.
    Ready = "ready",
    /// Claimed with a slot and a token; its runner hasn't reported yet.
    Claimed = "claimed",
    /// Its runner has begun the attempt.
    Begun = "begun",
}

words! {
    /// What a job does. It says nothing about its queue key: an analysis takes a slot of its model like any trial of that model.
    JobKind, "job kind",
    /// Runs a trial.
    Trial = "trial",
    /// Judges how one trial went.
    Analysis = "analysis",
    /// Judges a task by the analyses of its trials.
    Verdict = "verdict",
}

words! {
    /// Where a trial ran.
    TrialOrigin, "trial origin",
    /// Here.
    Oddish = "oddish",
    /// Elsewhere; its result was brought here.
    Imported = "imported",
}

words! {
    /// How an attempt ended.
    AttemptOutcome, "attempt outcome",
    /// The runner recorded the trial's outcome, with or without a reward.
    Recorded = "recorded",
    /// The runner went away without recording.
    Lost = "lost",
    /// Stopped on request.
    Interrupted = "interrupted",
    /// The launcher could not start it, and never will.
    LaunchFailed = "launch_failed",
    /// The launcher had no capacity: the claim went back and cost no attempt.
    GivenBack = "given_back",
    /// Somebody asked for the trial's end.
    Cancelled = "cancelled",
}

impl TrialStatus {
    /// What may follow: by running, by an interruption that puts it back into the queue, by cancelling (every live state can
    /// fail), or by a user's retry of an ended trial.
    const fn successors(self) -> &'static [Self] {
        use TrialStatus::{Failed, Queued, Retrying, Running, Success};
        match self {
            Self::Pending => &[Queued, Failed],
            Self::Queued | Self::Retrying => &[Running, Failed],
            Self::Running => &[Success, Failed, Retrying, Queued],
            Self::Success | Self::Failed => &[Queued],
        }
    }

    /// Whether a trial in this status may go to `next` (docs/states.md). Staying is no transition.
    pub fn can_become(self, next: Self) -> bool {
        self.successors().contains(&next)
    }

    /// Whether nothing more happens to the trial unless a user retries it.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Success | Self::Failed)
    }
}

impl TaskStatus {
    /// What may follow. A task whose trials all end before one has begun skips `running`; new or retried trials,
    /// analyses or verdicts reopen an ended task, and a retried trial one that is being judged.
    const fn successors(self) -> &'static [Self] {
        use TaskStatus::{Analyzing, Completed, Failed, Running, VerdictPending};
        match self {
            Self::Pending => &[Running, Analyzing, VerdictPending, Completed, Failed],
            Self::Running => &[Analyzing, VerdictPending, Completed, Failed],
            Self::Analyzing => &[Running, VerdictPending, Completed, Failed],
            Self::VerdictPending => &[Running, Completed, Failed],
            Self::Completed | Self::Failed => &[Running, Analyzing, VerdictPending],
        }
    }

    /// Whether a task in this status may go to `next` (docs/states.md). Staying is no transition.
    pub fn can_become(self, next: Self) -> bool {
        self.successors().contains(&next)
    }

    /// Whether nothing more happens to the task unless a user adds or retries something.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    /// Both tables as pictures: a row per status, a mark per status in the same order.
    fn picture<S: Copy + fmt::Display>(all: &[S], can: impl Fn(S, S) -> bool) -> String {
        let row = |&from: &S| {
            let marks: String = all.iter().map(|&to| if can(from, to) { 'x' } else { '.' }).collect();
            format!("{from:<15} {marks}")
        };
        all.iter().map(row).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn trial_transitions() {
        let expected = "\
pending         .x..x.
queued          ..x.x.
running         .x.xxx
success         .x....
failed          .x....
retrying        ..x.x.";
        assert_eq!(picture(TrialStatus::ALL, TrialStatus::can_become), expected);
    }

    #[test]
    fn task_transitions() {
        let expected = "\
pending         .xxxxx
running         ..xxxx
analyzing       .x.xxx
verdict_pending .x..xx
completed       .xxx..
failed          .xxx..";
        assert_eq!(picture(TaskStatus::ALL, TaskStatus::can_become), expected);
    }

    #[test]
    fn every_live_status_can_fail_and_every_terminal_one_reopens() {
        for &status in TrialStatus::ALL {
            assert_ne!(status.can_become(TrialStatus::Failed), status.is_terminal(), "{status}");
            assert!(!status.is_terminal() || status.can_become(TrialStatus::Queued), "{status}");
        }
        for &status in TaskStatus::ALL {
            assert_ne!(status.can_become(TaskStatus::Failed), status.is_terminal(), "{status}");
        }
    }

    /// serde, `as_str` and `FromStr` each spell the words: they must spell them alike.
    macro_rules! check_words {
        ($name:ident, $expected:literal) => {
            let words: Vec<&str> = $name::ALL.iter().map(|value| value.as_str()).collect();
            assert_eq!(words.join(" "), $expected);
            for &value in $name::ALL {
                assert_eq!(serde_json::to_value(value).unwrap(), serde_json::json!(value.as_str()));
                assert_eq!(serde_json::from_value::<$name>(serde_json::json!(value.as_str())).unwrap(), value);
                assert_eq!(value.as_str().parse(), Ok(value));
            }
            let error = "Nonsense".parse::<$name>().unwrap_err();
            assert_eq!(error.allowed, words);
            assert!(error.to_string().contains(&words.join(", ")), "{error}");
        };
    }

    #[test]
    fn words_are_spelled_alike_everywhere() {
        check_words!(TrialStatus, "pending queued running success failed retrying");
        check_words!(TaskStatus, "pending running analyzing verdict_pending completed failed");
        check_words!(Priority, "high low");
        check_words!(
            HarborStage,
            "starting trial_started environment_setup agent_running verification completed cancelled"
        );
        check_words!(JobState, "waiting ready claimed begun");
        check_words!(JobKind, "trial analysis verdict");
        check_words!(TrialOrigin, "oddish imported");
        check_words!(AttemptOutcome, "recorded lost interrupted launch_failed given_back cancelled");
        assert_eq!(Priority::default(), Priority::Low);
    }
}
