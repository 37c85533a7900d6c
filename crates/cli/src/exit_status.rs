//! What the process exits with.

use std::process::ExitCode;

/// What the process tells its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// All was done; where trials were watched, each has a result.
    Success,
    /// All was done that the command does, and trials that were watched ended without being executed to their end.
    TrialsFailed,
    /// A headline is below `--fail-under`, or there is none.
    BelowBar,
    /// Something failed, and was said on stderr.
    Failure,
    /// The command line or the environment makes no sense.
    Usage,
    /// A watch was left before its end: nothing else has ended.
    Interrupted,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        ExitCode::from(match status {
            ExitStatus::Success => 0,
            ExitStatus::Failure => 1,
            ExitStatus::Usage => 2,
            ExitStatus::TrialsFailed => 3,
            ExitStatus::BelowBar => 4,
            // As shells say it of a process that SIGINT ended.
            ExitStatus::Interrupted => 130,
        })
    }
}
