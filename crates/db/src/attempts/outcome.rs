//! The outcome of a trial.

use oddish_domain::failure::{Failure, Phase};
use oddish_domain::omitted_files::OmittedFiles;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

/// How a trial came out, as Harbor tells it. Its JSON is what a runner stores beside the trial's files before it records it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "what they tell has nothing to do with one another")]
pub struct Outcome {
    /// `success` when Harbor graded the trial, else `failed`.
    pub succeeded: bool,
    /// The scalar reward, when there is one.
    pub reward: Option<f64>,
    /// All rewards by name, when the verifier gave any.
    pub rewards: Option<Value>,
    /// The scalar reward of a trial that failed in a way that lets no reward count.
    pub unconfirmed_reward: Option<f64>,
    /// Type of Harbor's exception.
    pub error_type: Option<String>,
    /// What went wrong.
    pub error_message: Option<String>,
    /// Tokens read, cached ones included.
    pub input_tokens: Option<i64>,
    /// Tokens read from the provider's cache.
    pub cache_tokens: Option<i64>,
    /// Tokens written.
    pub output_tokens: Option<i64>,
    /// Cost in US dollars.
    pub cost_usd: Option<f64>,
    /// Phase to start, end and seconds (docs/compatibility.md, 3.7).
    pub phase_timing: Option<Value>,
    /// Whether the agent had begun: a failure then counts against the trial's attempts, whatever its class.
    pub agent_began: bool,
    /// Whether the agent left a trajectory.
    pub has_trajectory: bool,
    /// Prefix under which the attempt's files are stored; none when there are none.
    pub artifact_prefix: Option<String>,
    /// What of the attempt's files is not stored; none when all are.
    pub omitted_files: Option<OmittedFiles>,
    /// Whether some of the attempt's files that would be kept are not in the store, and perhaps never will be.
    pub files_incomplete: bool,
}

impl Outcome {
    /// Why there is no result that counts; none if there is one.
    #[must_use]
    pub fn failure(&self, now: OffsetDateTime) -> Option<Failure> {
        let text = |field: &'_ Option<String>| field.clone().unwrap_or_default();
        let phase = if self.agent_began { Phase::SinceAgent } else { Phase::BeforeAgent };
        (!self.succeeded).then(|| Failure::during(phase, &text(&self.error_type), &text(&self.error_message), now))
    }
}

/// An outcome as a runner stores it before it records it, so that it is not lost with the runner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredOutcome {
    /// The attempt's fencing token: an outcome is recorded under this token or not at all.
    pub token: Uuid,
    /// The outcome.
    pub outcome: Outcome,
}
