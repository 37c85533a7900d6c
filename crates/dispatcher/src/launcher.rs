//! Where runners run.

use async_trait::async_trait;
use oddish_db::jobs::LiveAttempt;
use oddish_db::queue::Claim;

use crate::CloseError;

/// Starts runners, and takes care of those that are gone.
#[async_trait]
pub trait Launcher: Send + Sync {
    /// How many more runners it can start now. No more jobs are claimed than that.
    fn room(&self) -> u32;

    /// Starts a runner for the claim. Returns as soon as it is started.
    async fn launch(&self, claim: &Claim) -> Result<(), LaunchError>;

    /// Closes the attempts of runners that are gone without anybody having noticed, as after a restart. Returns whether runners live that
    /// it did not start itself and so must look after from time to time.
    async fn reconcile(&self) -> Result<bool, CloseError>;

    /// Ends whatever is left of a runner that is taken to be dead, before its trial is tried again, where it can reach it.
    async fn clear(&self, dead: &LiveAttempt);

    /// Tells all runners that it started to stop, and waits until they are gone.
    async fn stop(&self);
}

/// Why a runner was not started.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// Not now: the claim is given back, and costs the trial nothing.
    #[error("there is no room for another runner at the moment: {reason}")]
    Busy {
        /// What is short.
        reason: String,
    },
    /// Never, however often it is tried: the trial fails.
    #[error("the runner can never be started: {reason}")]
    Never {
        /// What is wrong, and what to do.
        reason: String,
    },
}

impl LaunchError {
    /// One word for the reason, by which failures are counted.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Busy { .. } => "busy",
            Self::Never { .. } => "never",
        }
    }
}
